"""`fragment_timeline`: messages, frames and TCP segments over the same bytes, as a picture."""

from __future__ import annotations

from collections.abc import Iterable

from wsviz.figures.figure import Figure
from wsviz.figures.timeline_stretch import Timelineable, stretch_of
from wsviz.figures.timeline_svg import draw_svg
from wsviz.figures.timeline_text import draw_text, in_words
from wsviz.figures.timeline_view import TimelineView, view_of
from wsviz.protocol.fields import Side


def fragment_timeline(
    source: Timelineable,
    *,
    side: Side | str | None = None,
    cuts: Iterable[int] = (),
    extensions: str | None = "",
    first: int = 0,
) -> Figure:
    """Draw what one side sent: which bytes are which message, frame and segment, and what each segment delivers.

    `source` are bytes, Frames, or a Connection, whose `side` sent them. `cuts` are the offsets at which a new segment
    begins, for bytes and Frames: a capture brings its own. Of a captured direction, frames from `first` on are drawn,
    its secrets masked unless the capture was read with `reveal=True`.
    """
    return draw(view_of(stretch_of(source, side=side, cuts=cuts, extensions=extensions, first=first)))


def draw(view: TimelineView) -> Figure:
    """The figure of a view."""
    return Figure(draw_svg(view, in_words(view)), draw_text(view))
