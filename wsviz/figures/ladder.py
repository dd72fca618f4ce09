"""`ladder`: what happened on one connection, step by step, as a picture."""

from __future__ import annotations

from collections.abc import Iterable

from wsviz.figures.figure import Figure
from wsviz.figures.ladder_order import Choice
from wsviz.figures.ladder_svg import draw_svg
from wsviz.figures.ladder_text import draw_text, in_words
from wsviz.figures.ladder_view import Ladderable, LadderView, view_of
from wsviz.protocol.fields import Side


def ladder(
    connection: Ladderable,
    *,
    limit: int = 60,
    folded: Iterable[str] = (),
    sender: Side | str | None = None,
    frames: str = "all",
) -> Figure:
    """Draw a connection with time running down: TCP, TLS, HTTP and WebSocket steps, an arrow each.

    Two connections of one capture, the client's first, are drawn with the proxy between them; a list of HTTP
    exchanges without what lies around it. At most `limit` steps are drawn, the first and the last ones; the others
    are counted. `folded` are levels ("tcp", "tls", "http", "websocket") of which one row stands for many; `sender`
    and `frames` ("data" or "control") leave out the rest. Header values do not appear. Targets, reasons and payloads
    do, clipped, their secrets masked unless the capture was read with `reveal=True`.
    """
    if limit < 1:
        raise ValueError(f"limit is {limit}, expected 1 or more")
    choice = Choice(frozenset(folded), None if sender is None else Side(sender), frames)
    return draw(view_of(connection, limit, choice))


def draw(view: LadderView) -> Figure:
    """The figure of a view."""
    return Figure(draw_svg(view, in_words(view)), draw_text(view))
