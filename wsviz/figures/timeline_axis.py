"""The byte axis of a timeline: every boundary is drawn, long runs between them are elided, and lines are wrapped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from wsviz.figures.timeline_view import FrameSpan, TimelineView, char_at
from wsviz.protocol.wire import Opcode

PER_LINE = 30  # units of a line: a byte takes one
RUN, HEAD, TAIL = 14, 6, 3  # a longer run than RUN is elided but for its first and last bytes
ELIDED = 3  # units that stand for what is elided
LINES = 16  # at most


@dataclass(frozen=True, slots=True)
class Cell:
    """The bytes `start` to `end` at the units `left` to `right` of a line: one byte, or a run that is elided."""

    start: int
    end: int
    left: int
    right: int

    @property
    def elided(self) -> bool:
        return self.end - self.start > 1


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a span lies on a line, in units; `opens` and `closes` say whether it begins and ends there."""

    left: int
    right: int
    opens: bool
    closes: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the axis."""

    cells: tuple[Cell, ...]

    @property
    def start(self) -> int:
        return self.cells[0].start

    @property
    def end(self) -> int:
        return self.cells[-1].end

    def place(self, start: int, end: int) -> Piece | None:
        """Where the bytes `start` to `end` lie on this line, None where they lie on others."""
        inside = [cell for cell in self.cells if cell.start < end and cell.end > start]
        if not inside:
            return None
        return Piece(inside[0].left, inside[-1].right, start >= inside[0].start, end <= inside[-1].end)


def lines_of(view: TimelineView) -> tuple[tuple[Line, ...], int]:
    """The lines that are drawn, and how many bytes beyond them are not."""
    lines, cells, left = list[Line](), list[Cell](), 0
    for start, end in _runs(view):
        width = 1 if end - start == 1 else ELIDED
        if left + width > PER_LINE:
            lines.append(Line(tuple(cells)))
            cells, left = [], 0
            if len(lines) == LINES:
                return tuple(lines), len(view.data) - start
        cells.append(Cell(start, end, left, left + width))
        left += width
    if cells:
        lines.append(Line(tuple(cells)))
    return tuple(lines), 0


def _runs(view: TimelineView) -> Iterator[tuple[int, int]]:
    """Byte by byte, or elided runs; none has a boundary within it."""
    edges = {0, len(view.data), *(segment.start for segment in view.segments)}
    for span in view.frames:
        edges |= {span.start, span.payload, span.end}
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        if end - start <= RUN:
            yield from ((at, at + 1) for at in range(start, end))
            continue
        yield from ((at, at + 1) for at in range(start, start + HEAD))
        yield start + HEAD, end - TAIL
        yield from ((at, at + 1) for at in range(end - TAIL, end))


def kind_of(spans: Sequence[FrameSpan], at: int) -> str:
    """What a byte is: "opcode", "length", "extended", "key" or "payload" of its frame, "padding" of none."""
    span = next((span for span in spans if span.start <= at < span.end), None)
    if span is None:
        return "padding"
    within, key = at - span.start, 4 if span.frame.masked else 0
    if at >= span.payload:
        return "payload"
    if within < 2:
        return ("opcode", "length")[within]
    return "key" if at >= span.payload - key else "extended"


def glyphs_of(view: TimelineView, lines: Sequence[Line]) -> dict[int, str]:
    """What stands under the drawn bytes of texts: a character; of one with several bytes also which: "é₁", "é₂"."""
    shown = [cell.start for line in lines for cell in line.cells if not cell.elided]
    glyphs: dict[int, str] = {}
    groups = [[view.frames[at] for at in message.frames] for message in view.messages]
    groups += [[span] for span in view.frames if span.frame.is_control]
    for spans in groups:
        first = spans[0].frame
        if first.rsv1 or first.opcode in (Opcode.BINARY, Opcode.CLOSE):
            continue
        text, before = b"".join(span.frame.payload for span in spans), 0
        for span in spans:
            inside = shown[bisect_left(shown, span.payload) : bisect_left(shown, span.end)]
            glyphs |= {at: _glyph(text, before + at - span.payload) for at in inside}
            before += span.end - span.payload
    return glyphs


def _glyph(text: bytes, at: int) -> str:
    char, index, size = char_at(text, at)
    shown = "␣" if char == " " else char if char.isprintable() and char else "·"
    return shown if size == 1 else f"{shown}{'₁₂₃₄'[index]}"
