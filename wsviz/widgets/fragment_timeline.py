"""`FragmentTimeline`: messages, frames and TCP segments over the same bytes, with boundaries to drag.

Frames are whole and bytes are honest: what the learner moves is encoded anew, cut anew, and fed to the stream decoder
segment by segment, which says what is delivered when, and what is illegal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from wsviz.figures.figure import Figure
from wsviz.figures.timeline import draw
from wsviz.figures.timeline_stretch import Stretch, Timelineable, stretch_of
from wsviz.figures.timeline_view import TimelineView, view_of
from wsviz.protocol.fields import ProtocolError, Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import Opcode, count
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.fragment_timeline_picture import TYPED, picture_of

KEPT = 8_000_000  # bytes of earlier payloads that undo may hold
CAFE = "café costs 2 €".encode()
EXAMPLE = (
    Frame(Opcode.TEXT, CAFE[:4], fin=False, masking_key=bytes.fromhex("37fa213d")),
    Frame(Opcode.CONTINUATION, CAFE[4:], masking_key=bytes.fromhex("5b1f0c77")),
)


class FragmentTimeline(PictureWidget):
    """What one side sent: bytes, Frames, or a captured Connection and its side.

    `cuts` are the offsets at which a new segment begins; a capture brings its own. `selection` counts bytes.
    """

    _esm = asset("dom.js", "stage.js", "fragment_timeline_parts.js", "fragment_timeline.js")
    _css = asset("theme.css", "fragment_timeline.css")

    def __init__(
        self,
        source: Timelineable = EXAMPLE,
        *,
        side: Side | str | None = None,
        cuts: Iterable[int] = (),
        extensions: str | None = "",
        first: int = 0,
    ) -> None:
        self._stretch = stretch_of(source, side=side, cuts=cuts, extensions=extensions, first=first)
        self._first, self._past, self._typing = self._stretch, list[Stretch](), ""
        self._view = view_of(self._stretch)
        super().__init__()
        self._show()

    # What Python and the page agree on

    @property
    def stretch(self) -> Stretch:
        """The frames and the cuts. Setting it is a change that undo takes back."""
        return self._stretch

    @stretch.setter
    def stretch(self, stretch: Stretch) -> None:
        self._change(stretch)
        self._show()

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The frames, as they are now. Setting them is a change that undo takes back."""
        return self._stretch.frames

    @frames.setter
    def frames(self, frames: Iterable[Frame]) -> None:
        self.stretch = self._stretch.with_frames(frames)

    @property
    def cuts(self) -> tuple[int, ...]:
        """The offsets at which a new segment begins. Setting them is a change that undo takes back."""
        return self._stretch.cuts

    @cuts.setter
    def cuts(self, cuts: Iterable[int]) -> None:
        self.stretch = self._stretch.with_cuts(cuts)

    @property
    def view(self) -> TimelineView:
        """What is drawn: the messages, the segments with what they bring, and the findings."""
        return self._view

    @property
    def figure(self) -> Figure:
        return draw(self._view)

    def undo(self) -> None:
        """Take back the last change."""
        if self._past:
            self._take(self._past.pop())
            self._show()

    def reset(self) -> None:
        """Go back to the first bytes; undo takes this back as well."""
        self.stretch = self._first

    def _change(self, stretch: Stretch, *, typing: str = "") -> None:
        """Take another stretch; a run of `typing` is one change."""
        if stretch == self._stretch:
            return
        view = view_of(stretch)
        if not typing or typing != self._typing:
            self._past.append(self._stretch)
            while len(self._past) > 1 and sum(map(_weight, self._past)) > KEPT:
                del self._past[0]
        self._take(stretch, view, typing)

    def _take(self, stretch: Stretch, view: TimelineView | None = None, typing: str = "") -> None:
        if stretch.frames != self._stretch.frames:
            self.selection = []  # other bytes stand at its place
        self._stretch, self._view, self._typing = stretch, view or view_of(stretch), typing

    def _draw(self) -> dict[str, Any]:
        changed = self._stretch != self._first
        return picture_of(self._view, self._stretch) | {"undo": bool(self._past), "changed": changed}

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        now = self._stretch
        match do:
            case "undo":
                self.undo()
            case "reset":
                self._change(self._first)
            case "ping" | "split" | "join" | "cut" | "remove":
                self._change(getattr(now, do)(int(value)))
            case "move_boundary" | "move_cut":
                self._change(getattr(now, do)(int(value[0]), int(value[1])))
            case "fin" | "opcode":
                at, what = int(value[0]), value[1]
                if not 0 <= at < len(now.frames):
                    raise IndexError(f"frame {at}, expected 0 to {len(now.frames) - 1}")
                changes: dict[str, Any] = {"fin": bool(what)} if do == "fin" else {"opcode": int(what) & 0b1111}
                self._change(now.put(at, replace(now.frames[at], **changes)))
            case "text":
                self._change(self._with_text(str(value)), typing=do)
            case "segments":
                self._change(self._in_segments(str(value)))

    def _with_text(self, text: str) -> Stretch:
        """One text message in one frame and one segment: the start of a game with its boundaries."""
        data = text.encode(errors="replace")
        if len(data) > TYPED:
            raise ProtocolError(f"the text has {count(len(data), 'byte')}, expected at most {TYPED:,}")
        key = bytes.fromhex("37fa213d") if self._stretch.sender is Side.CLIENT else None
        frame = Frame(Opcode.TEXT, data, masking_key=key)
        return replace(self._stretch, rest=b"", remarks=()).with_frames([frame]).with_cuts([])

    def _in_segments(self, how: str) -> Stretch:
        size = len(self._stretch.data)
        match how:
            case "one":
                return self._stretch.with_cuts([])
            case "bytes":
                return self._stretch.with_cuts(range(1, size))
            case "frames":
                return self._stretch.with_cuts(self._stretch.starts)
        return self._stretch


def _weight(stretch: Stretch) -> int:
    """About the bytes that undo holds for it."""
    return 1000 + 8 * len(stretch.cuts) + sum(len(frame.payload) for frame in stretch.frames)
