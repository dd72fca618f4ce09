"""The rows of bits in the picture of a frame: ruler, cells, ghosts, and the outlines that may run over rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, clip, columns, tint
from wsviz.figures.frame_pen import LEFT, Pen
from wsviz.figures.frame_view import BitView, Part
from wsviz.protocol.wire import count

NAME, BITS, CAPTION, SLIM = 20.0, 20.0, 18.0, 26.0  # heights: a name line, a line of bits, a caption, a ghost


class Band(NamedTuple):
    """One horizontal slice of the diagram: a row of bits, or a slim line that says what is not drawn."""

    top: float
    height: float
    row: int | None = None
    named: bool = False  # a row in which a field begins has a line for names
    words: str = ""
    kind: str = "ghost"

    @property
    def bottom(self) -> float:
        return self.top + self.height


class BitRows:
    """The bit diagram proper, drawn from `y` on."""

    def __init__(self, pen: Pen, view: BitView, per_row: int, y: float) -> None:
        self.canvas, self.view, self.per_row, self.y = pen, view, per_row, y
        self.bit_width = 48.0 if per_row == 16 else 28.0
        self.grid = self.bit_width * per_row
        self.right = LEFT + self.grid
        self.drawn_bits = view.drawn_bits(per_row)

    def _bands(self) -> Iterator[Band]:
        """The rows of bits with the slim lines between and after them, from the top."""
        view, rows, top = self.view, -(-self.drawn_bits // self.per_row), self.y
        ghosts = [part for part in view.parts if not part.size]
        for row in range(rows):
            start = row * self.per_row
            for part in [part for part in ghosts if part.start == start]:
                yield (band := Band(top, SLIM, words=f"{part.name}: {part.meaning}"))
                top, ghosts = band.bottom, [other for other in ghosts if other is not part]
            named = any(start <= part.start < start + self.per_row for part in view.parts if part.size)
            yield (band := Band(top, NAME * named + BITS + CAPTION + 2, row, named))
            top = band.bottom
        # A cut frame's ghosts are all one: the bytes missing.
        lines = [("ghost", f"{part.name}: {part.meaning}") for part in ghosts if not view.missing]
        lines += view.remarks(self.drawn_bits // 8)
        for kind, words in lines:
            yield (band := Band(top, SLIM, words=words, kind=kind))
            top = band.bottom

    def draw(self) -> float:
        """Draw it; returns how far down it reaches."""
        self._ruler()
        bands, parts = list(self._bands()), [part for part in self.view.parts if part.size]
        rows = [band for band in bands if band.row is not None]
        for band in rows:
            self._row(band)
        for part in parts:
            self._outline(part, rows)
        for band in bands:
            if band.row is None:
                self._slim(band)
        for part in parts:
            self._marks(part, rows[part.start // self.per_row])
        bottom = bands[-1].bottom if bands else self.y
        if not self.view.control:
            return bottom
        for gap in (4.5, 8.0):  # a double border
            self.canvas.rect(
                LEFT - gap, self.y - gap, self.grid + 2 * gap, bottom - self.y + 2 * gap,
                fill="none", stroke=INK, stroke_width=1.2, rx=3,
            )  # fmt: skip
        return bottom + 8

    def _ruler(self) -> None:
        lift = 10 if self.view.control else 2  # the double border needs its room
        y = self.y - lift
        self.canvas.text(LEFT - 14, y - 4, "byte", 10, MUTED, text_anchor="end")
        for bit in range(self.per_row):
            x = LEFT + (bit + 0.5) * self.bit_width
            self.canvas.text(x, y - 4, str(bit), 10, MUTED, text_anchor="middle")
        for bit in range(0, self.per_row + 1, 8):
            x = LEFT + bit * self.bit_width
            self.canvas.line(x, y - 12, x, y, stroke=FAINT)

    def _row(self, band: Band) -> None:
        assert band.row is not None
        first, last = band.row * self.per_row, min((band.row + 1) * self.per_row, self.drawn_bits)
        bits_y = band.top + NAME * band.named + 17
        middle = band.top + NAME * band.named + (BITS + CAPTION + 2) / 2 + 4
        self.canvas.text(LEFT - 14, middle, str(first // 8), 11, MUTED, text_anchor="end")
        for part in self.view.parts:
            start, end = max(part.start, first), min(part.end, last)
            if start >= end:
                continue
            x = LEFT + (start - first) * self.bit_width
            self.canvas.fill(part.kind, x, band.top, (end - start) * self.bit_width, band.height)
            halo = self.canvas.halo(part.kind)
            if start == part.start:
                self._name(part, x, band.top, (end - start) * self.bit_width, halo)
            self._captions(part, start, end, first, bits_y + 17, halo)
        for bit in range(first, last):
            self._bit(bit, first, bits_y, band.bottom)

    def _bit(self, bit: int, first: int, y: float, bottom: float) -> None:
        """One bit with its baseline at `y`, and the line that parts it from the one before in its field."""
        part, x = self.view.part_at(bit), LEFT + (bit - first) * self.bit_width
        if bit > part.start and bit > first:
            ends = (y - 13, y + 1) if bit % 8 else (y - 17, bottom)
            self.canvas.line(x, ends[0], x, ends[1], stroke=COLOURS[part.kind], opacity=0.35 if bit % 8 else 0.6)
        value = self.view.raw[bit // 8] >> (7 - bit % 8) & 1
        look = {"text_anchor": "middle"} | ({"font_weight": "bold"} if value else {}) | self.canvas.halo(part.kind)
        self.canvas.text(x + self.bit_width / 2, y, str(value), 15, INK if value else MUTED, **look)

    def _name(self, part: Part, x: float, top: float, width: float, halo: dict[str, str | float]) -> None:
        size = 11 if self.bit_width > 40 else 10
        room = width - 18 * len(part.marks)
        name = clip(part.name, int((width - 10 * (part.size > 1)) / (CHAR * size)))
        end = self.canvas.text(
            x + (4 if part.marks else (width - columns(name) * CHAR * size) / 2) if part.size == 1 else x + 7,
            top + 15, name, size, INK, font_weight="bold", **halo,
        )  # fmt: skip
        detail = _detail(part)
        space = int((x + room - end - 14) / (CHAR * 10))
        if part.size > 1 and space >= 6:
            self.canvas.text(end + 8, top + 15, clip(detail, space), 10, MUTED, **halo)

    def _captions(self, part: Part, start: int, end: int, first: int, y: float, halo: dict[str, str | float]) -> None:
        """What the bits say: for a field within a byte once, else under each byte."""
        if part.marks and self._narrow(part):
            return
        runs = [(bit, min(bit + 8, end)) for bit in range(start, end, 8)] if part.whole_bytes else [(start, end)]
        if part.letters:
            runs = [(bit, bit + 1) for bit in range(start, end)]
        for begin, stop in runs:
            width = (stop - begin) * self.bit_width
            words: Sequence[str] = self.view.caption(begin // 8) if part.whole_bytes else part.words
            if part.letters:
                words = (part.letters[begin - part.start],)
            said = next((word for word in words if columns(word) * CHAR * 10 <= width - 4), None)
            if said is not None:
                x = LEFT + (begin - first) * self.bit_width + width / 2
                self.canvas.text(x, y, said, 10, INK, text_anchor="middle", **halo)

    def _outline(self, part: Part, rows: Sequence[Band]) -> None:
        """The border of a field, which may run over several rows and begin and end within one."""
        first, last = part.start // self.per_row, (min(part.end, self.drawn_bits) - 1) // self.per_row
        left = LEFT + part.start % self.per_row * self.bit_width
        right = LEFT + ((min(part.end, self.drawn_bits) - 1) % self.per_row + 1) * self.bit_width
        look: dict[str, str | float] = {"fill": "none", "stroke": COLOURS[part.kind], "stroke_width": 1.5}
        path = _staircase(rows[first : last + 1], left, right, self.right)
        self.canvas.add("path", d=path, **look)

    def _slim(self, band: Band) -> None:
        colour = {"more": COLOURS["payload"], "missing": COLOURS["error"], "rest": MUTED}.get(band.kind, FAINT)
        fill = tint(colour, 0.12) if band.kind in ("more", "missing") else "none"
        self.canvas.rect(
            LEFT + 0.5, band.top + 4, self.grid - 1, band.height - 8,
            fill=fill, stroke=colour, stroke_dasharray="4 3", rx=3,
        )  # fmt: skip
        ink = MUTED if band.kind == "ghost" else INK
        limit = int((self.grid - 16) / (CHAR * 10.5))
        self.canvas.text(LEFT + 8, band.top + 16.5, clip(band.words, limit), 10.5, ink, font_style="italic")

    def _marks(self, part: Part, band: Band) -> None:
        """Numbers of the findings: on the field's upper right corner, or in place of a narrow cell's caption."""
        row = part.start // self.per_row
        end = min(part.end, (row + 1) * self.per_row, self.drawn_bits)
        x, y = LEFT + (end - row * self.per_row) * self.bit_width - 10, band.top
        if self._narrow(part):
            x, y = x + 10 - self.bit_width / 2, band.bottom - 11
        for mark in reversed(part.marks):
            self.canvas.disc(x, y, mark, self.view.findings[mark - 1].severity)
            x -= 18

    def _narrow(self, part: Part) -> bool:
        """Whether a cell has no room for a name and a mark side by side."""
        return part.size == 1 and self.bit_width < 40


def _staircase(rows: Sequence[Band], left: float, right: float, edge: float) -> str:
    """The outline of a run of bits over `rows`: it begins at `left` in the first and ends at `right` in the last."""
    top, bottom = rows[0].top, rows[-1].top + rows[-1].height
    if len(rows) == 1:
        points = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return _path(points)
    under, over = top + rows[0].height, rows[-1].top
    if len(rows) == 2 and right <= left:  # two pieces that touch at most in a corner
        return _path([(left, top), (edge, top), (edge, under), (left, under)]) + _path(
            [(LEFT, over), (right, over), (right, bottom), (LEFT, bottom)]
        )
    end = [(edge, over), (right, over), (right, bottom)]
    return _path([(left, top), (edge, top), *end, (LEFT, bottom), (LEFT, under), (left, under)])


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points) + "Z"


def _detail(part: Part) -> str:
    """What stands beside a field's name: its size, and for whole bytes what they say."""
    if part.size < 8:
        return count(part.size, "bit")
    in_bits = part.kind in ("extended", "key") or not part.whole_bytes
    size = count(part.size, "bit") if in_bits else count(part.size // 8, "byte")
    return f"{size} · {part.value}, {part.meaning}" if part.name == "Status code" else f"{size} · {part.meaning}"
