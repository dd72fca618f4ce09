"""`ladder`: what happened on one connection, step by step, as a picture."""

from __future__ import annotations

from wsviz.capture.connection import Connection
from wsviz.figures.figure import Figure
from wsviz.figures.ladder_svg import draw_svg
from wsviz.figures.ladder_text import draw_text, in_words
from wsviz.figures.ladder_view import view_of


def ladder(connection: Connection, *, limit: int = 60) -> Figure:
    """Draw a connection with time running down: TCP, HTTP and WebSocket steps, an arrow each.

    At most `limit` steps are drawn, the first and the last ones; the others are counted. Header values do not appear.
    Targets, reasons and payloads do, clipped, their secrets masked unless the capture was read with `reveal=True`.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}, expected 1 or more")
    view = view_of(connection, limit)
    return Figure(draw_svg(view, in_words(view)), draw_text(view))
