"""The picture of one frame as plain text: a bit diagram in the manner of the RFCs, 80 columns wide, and a field list.

                     1
 0   1   2 ...       0          Each bit is four columns wide, or two where a row holds 32; a line is drawn
+---+---+--- ...                between two rows only where different fields meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from wsviz.figures.figure import clip, columns, plain, wrap
from wsviz.figures.frame_view import BitView, FrameView, Part
from wsviz.protocol.fields import Finding
from wsviz.protocol.wire import count

WIDTH = 80
GUTTER = 6  # columns for the number of a row's first byte
SHORT = {"RSV1": ("RS1", "R"), "RSV2": ("RS2", "R"), "RSV3": ("RS3", "R"), "MASK": ("MSK", "M"), "FIN": ("FIN", "F")}


def draw_text(view: FrameView, bits_per_row: int) -> str:
    """Diagram, sum, field list and findings; no line is longer than 80 columns, none ends in a space."""
    diagram = Diagram(view, bits_per_row)
    tail = (f"{'':{GUTTER}}{words}" for _, words in view.remarks(diagram.bits // 8))
    lines = [*_head(view), "", *diagram.lines(), *tail, "", *field_lines(view.parts)]
    if view.findings:
        lines += ["", *finding_lines(view.findings)]
    return "\n".join(line.rstrip() for line in lines)


def in_words(view: FrameView) -> str:
    """The picture for those who cannot see it."""
    parts = "; ".join(part.label for part in view.parts)
    found = "; ".join(f"{finding.severity}: {finding.explanation}" for finding in view.findings)
    said = f"{view.title}. {view.sum}. {parts}."
    return said + (f" Findings: {found}." if found else "")


def _head(view: FrameView) -> Iterator[str]:
    words = [view.title, *["control"] * view.control, *["masked"] * view.masked]
    if view.sender:
        words.append(f"{view.sender} -> {view.sender.other}")
    yield ", ".join(words)
    yield f"{view.sum}, {count(view.body_size, 'byte')} of payload, {count(view.size, 'byte')} in all"


class Diagram:
    """The bit rows. Two coordinates: bits of the frame, and columns of the grid, `pitch` for a bit."""

    def __init__(self, view: BitView, bits_per_row: int) -> None:
        self.view, self.per_row = view, bits_per_row
        self.pitch = 64 // bits_per_row
        self.bits = view.drawn_bits(bits_per_row)

    def lines(self) -> Iterator[str]:
        rows = -(-self.bits // self.per_row)
        ruler = "".join(f"{bit:^{self.pitch}}" if self.pitch > 2 else f"{bit % 10:>2}" for bit in range(self.per_row))
        yield f"{'byte':>{GUTTER - 1}} {ruler}" if self.pitch > 2 else f"{'byte':>{GUTTER - 1}}{ruler}"
        for row in range(rows):
            yield from self._border(row)
            first, last = row * self.per_row, min((row + 1) * self.per_row, self.bits)
            cells = [part for part in self.view.parts if part.size and part.start < last and part.end > first]
            label = str(first // 8)
            if any(part.start >= first for part in cells):
                yield self._line(label, cells, first, last, self._name)
                label = ""
            yield self._line(label, cells, first, last, self._bits)
            yield self._line("", cells, first, last, self._caption)
        yield from self._border(rows)

    def _at(self, bit: int) -> int | None:
        """Which field a drawn bit is in: where that begins."""
        return self.view.part_at(bit).start if 0 <= bit < self.bits else None

    def _border(self, row: int) -> Iterator[str]:
        """The line above a row; none where the same fields stand on both of its sides all along."""
        first = row * self.per_row
        above = [None, *(self._at(bit - self.per_row) for bit in range(first, first + self.per_row)), None]
        below = [None, *(self._at(bit) for bit in range(first, first + self.per_row)), None]
        if above == below:
            return
        line = ""
        for left in range(self.per_row + 1):
            right = left + 1
            ruled = above[left] != below[left], above[right] != below[right]
            wall = above[left] != above[right] or below[left] != below[right]
            line += ("+" if any(ruled) else "|") if wall else ("-" if all(ruled) else " ")
            line += ("-" if ruled[1] else " ") * (self.pitch - 1)
        yield " " * GUTTER + line

    def _line(
        self, label: str, cells: list[Part], first: int, last: int, fill: Callable[[Part, int, int], str]
    ) -> str:
        line = f"{label:>{GUTTER - 1}} "
        for part in cells:
            start, end = max(part.start, first), min(part.end, last)
            room = (end - start) * self.pitch - 1
            # A field that goes on from the row before has its left border there as well, at the row's start only.
            text = fill(part, start, end)
            line += "|" + text + " " * (room - columns(text))
        return line + "|"

    def _name(self, part: Part, start: int, end: int) -> str:
        room = (end - start) * self.pitch - 1
        if start > part.start:
            return ""
        if part.name in SHORT and room < 5:
            return SHORT[part.name][0 if room == 3 else 1]
        bits = f" ({count(part.size, 'bit')})"
        if columns(part.name) == room:
            return part.name
        return clip(f" {part.name}{bits if columns(part.name + bits) < room - 1 else ''}", room)

    def _bits(self, part: Part, start: int, end: int) -> str:
        del part
        values = (self.view.raw[bit // 8] >> (7 - bit % 8) & 1 for bit in range(start, end))
        return (" " * (self.pitch - 1)).join(str(value) for value in values).join([" " * (self.pitch // 2 - 1)] * 2)

    def _caption(self, part: Part, start: int, end: int) -> str:
        if not part.whole_bytes:
            room = (end - start) * self.pitch - 1
            words = part.words if part.size > 1 else ()
            return next((f" {word}" for word in words if columns(word) < room), "")
        room, line = 8 * self.pitch, ""
        for bit in range(start, end, 8):
            said = (word.replace("⊕", "^").replace("→", "=") for word in self.view.caption(bit // 8))
            word = next((word for word in said if columns(word) < room), "")
            line += " " + word + " " * (room - 1 - columns(word))
        return line[:-1]


def field_lines(parts: Iterable[Part]) -> Iterator[str]:
    """The list of fields."""
    row = "{:<8}{:<24}{:<12}{}"
    yield row.format("bits", "field", "value", "meaning")
    for part in parts:
        lines = wrap(part.explained, WIDTH - 44)
        value = clip(part.value, 11) if part.size else "absent"
        yield row.format(part.span, clip(part.name, 23), value, lines[0])
        yield from (" " * 44 + line for line in lines[1:])


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings with their numbers."""
    for mark, finding in enumerate(findings, 1):
        code = f", close code {finding.close_code}" if finding.close_code is not None else ""
        place = f" at {finding.field}" if finding.field else ""
        yield f"[{mark}] {finding.severity}{place}: {finding.rule}"
        said = f"{finding.explanation} ({finding.section}{code})"
        yield from (f"    {line}" for line in wrap(plain(said), WIDTH - 4))
