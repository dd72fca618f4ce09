"""`compression`: what permessage-deflate makes of messages, and what each of them copies from earlier ones."""

from __future__ import annotations

from wsviz.figures.deflate_svg import draw_svg
from wsviz.figures.deflate_talk import Deflatable, talk_of
from wsviz.figures.deflate_text import draw_text, in_words
from wsviz.figures.deflate_view import TalkView, view_of
from wsviz.figures.figure import Figure
from wsviz.protocol.fields import ProtocolError, Side


def compression(
    source: Deflatable,
    *,
    at: int = -1,
    side: Side | str | None = None,
    keep: bool | None = None,
    bits: int | None = None,
) -> Figure:
    """Draw compressed messages: texts or bytes, which zlib compresses, frames with RSV1, or a captured connection.

    Message `at` is drawn symbol by symbol, the last one without it. `side` is whose messages are taken of a
    connection. `keep` says whether the window is kept between messages, `bits` how large it is; without them a
    connection has the terms of its handshake. Secrets of captures are asterisks unless they were read with
    `reveal=True`.
    """
    talk = talk_of(source, side=side, keep=keep, bits=bits)
    if at >= len(talk.said):
        raise ProtocolError(f"there is no message {at}, expected 0 to {len(talk.said) - 1}")
    return draw(view_of(talk, at))


def draw(view: TalkView) -> Figure:
    """The figure of a view."""
    return Figure(draw_svg(view, in_words(view)), draw_text(view))
