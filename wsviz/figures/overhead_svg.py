"""A comparison of overheads as SVG: stacked bars on one scale, and below them the table that is their legend."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wsviz.figures.figure import CHAR, FAINT, INK, MUTED, PAPER, RULE, Canvas, clip, columns, id_of, tint
from wsviz.figures.overhead_view import Bar, Category, OverheadView, amount, heads
from wsviz.protocol.wire import count

EDGE, LEFT, SCALE, END = 24.0, 190.0, 560.0, 116.0  # margin; where bars begin; the longest bar; room after it
TOP, ROW, THICK = 84.0, 62.0, 38.0  # the first bar's top; from bar to bar; a bar's height
LINE, HEAD, CELL = 25.0, 14.0, 104.0  # in the table: height of a row, of a line of its head, least width of a column
# The second cue beside colour, by category: strokes in a tile of 8 x 8; the payload alone is plain.
STROKES = {
    "WebSocket header": "M0 4H8",
    "WebSocket control": "M0 8L8 0M0 0L8 8",
    "HTTP header": "M0 8L8 0M-2 2L2 -2M6 10L10 6",
    "TLS": "M4 0V8",
    "handshake": "M2 0V8M6 0V8",
    "TCP/IP": "M2 2h1.6M6 6h1.6",
    "bare ACKs": "M0 2H8M0 6H8",
    "other": "M0 0L8 8M-2 6L2 10M6 -2L10 2",
}


def draw_svg(view: OverheadView, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view).draw(text)


class _Drawing:
    """One picture in the making."""

    def __init__(self, view: OverheadView) -> None:
        self.view, self.canvas = view, Canvas()
        self.name = id_of("o", view)
        self.right = max(LEFT + SCALE + END, LEFT + 40 + CELL * len(view.bars))
        self.step = round_step(view.largest)
        self.scale = SCALE / (view.largest or 1)
        self.bottom = TOP + ROW * len(view.bars) - (ROW - THICK) + 12

    def draw(self, text: str) -> str:
        title = "Bytes on the wire per delivered update"
        self.canvas.text(EDGE, 44, title, 20, font_weight="bold")
        self._axis()
        for index, bar in enumerate(self.view.bars):
            self._bar(bar, TOP + ROW * index)
        y = self._table(self.bottom + 54)
        return self.canvas.document(
            self.right + EDGE, y + 14, title=title, description=text, name=self.name, defs=self._defs()
        )

    def _defs(self) -> Iterator[str]:
        for at, category in enumerate(self.view.categories):
            if strokes := STROKES.get(category.name):
                yield (
                    f'<pattern id="{self.name}-{at}" width="8" height="8" patternUnits="userSpaceOnUse">'
                    f'<path d="{strokes}" stroke="{category.colour}" stroke-width="1.3" opacity=".6"/></pattern>'
                )

    def _fill(self, category: Category, x: float, y: float, width: float, height: float) -> None:
        """An area in a category's colour and pattern."""
        self.canvas.rect(x, y, width, height, fill=tint(category.colour, 0.42))
        if category.name in STROKES:
            pattern = f"url(#{self.name}-{self.view.categories.index(category)})"
            self.canvas.rect(x, y, width, height, fill=pattern)

    def _axis(self) -> None:
        """One scale for all bars."""
        for tick in range(int(self.view.largest / self.step + 1e-9) + 1):
            x = LEFT + tick * self.step * self.scale
            self.canvas.line(x, TOP - 12, x, self.bottom, stroke=INK if not tick else RULE)
            self.canvas.text(x, self.bottom + 15, f"{tick * self.step:,.10g}", 10, MUTED, text_anchor="middle")
        self.canvas.text(LEFT + SCALE + 24, self.bottom + 15, "bytes per update", 10, MUTED)

    def _bar(self, bar: Bar, top: float) -> None:
        limit = int((LEFT - EDGE - 14) / (CHAR * 13))
        y = top + (THICK / 2 if bar.updates else THICK / 2 + 5)
        self.canvas.text(LEFT - 14, y, clip(bar.name, limit), 13, INK, text_anchor="end", font_weight="bold")
        if bar.updates:
            self.canvas.text(LEFT - 14, y + 15, count(bar.updates, "update"), 10, MUTED, text_anchor="end")
        x = LEFT
        for category, part in zip(self.view.categories, bar.parts, strict=True):
            if part:
                self._part(category, part, x, top)
                x += part * self.scale
        ratio, middle = self.view.ratio(bar), top + THICK / 2
        halo = _halo(PAPER)  # the lines of the scale run below the numbers
        y = middle if ratio else middle + 5
        self.canvas.text(x + 10, y, amount(bar.total), 14, INK, font_weight="bold", **halo)
        if ratio:
            self.canvas.text(x + 10, middle + 15, ratio, 11, MUTED, **halo)

    def _part(self, category: Category, part: float, x: float, top: float) -> None:
        """One piece of a bar, with its number, and its name where that fits too."""
        width = part * self.scale
        if width < 4:  # too narrow for a border and a pattern
            self.canvas.rect(x, top, width, THICK, fill=category.colour)
            return
        self._fill(category, x, top, width, THICK)
        self.canvas.rect(x, top, width, THICK, fill="none", stroke=category.colour, stroke_width=1.2)
        shown, middle = amount(part), x + width / 2
        halo = _halo(tint(category.colour, 0.42))
        named = columns(category.name) * CHAR * 10 + 10 <= width
        if columns(shown) * CHAR * 12 + 8 <= width:
            y = top + THICK / 2 + (-1 if named else 4.5)
            self.canvas.text(middle, y, shown, 12, INK, text_anchor="middle", font_weight="bold", **halo)
            if named:
                self.canvas.text(middle, y + 13, category.name, 10, INK, text_anchor="middle", **halo)

    def _table(self, y: float) -> float:
        """Every number, a column a mechanism; the swatches make it the legend. Returns where it ends."""
        bars = self.view.bars
        width = min((self.right - LEFT - 40) / len(bars), 170.0)
        ends = [LEFT + 40 + width * (at + 1) for at in range(len(bars))]
        named = heads(bars, int((width - 12) / (CHAR * 11)))
        for x, lines in zip(ends, named, strict=True):
            for at, line in enumerate(lines):
                self.canvas.text(x, y + HEAD * at, line, 11, INK, text_anchor="end", font_weight="bold")
        y += HEAD * (len(named[0]) - 1) + 9
        for at, category in enumerate(self.view.categories):
            self.canvas.line(EDGE, y, ends[-1], y, stroke=RULE)
            self._fill(category, EDGE + 2, y + 6, 22, 13)
            self.canvas.rect(EDGE + 2, y + 6, 22, 13, fill="none", stroke=category.colour, stroke_width=1.2)
            self._cells(category.name, [amount(bar.parts[at]) if bar.parts[at] else "0" for bar in bars], ends, y)
            y += LINE
        self.canvas.line(EDGE, y, ends[-1], y, stroke=FAINT, stroke_width=1.5)
        self._cells("total", [amount(bar.total) for bar in bars], ends, y, weight="bold")
        y += LINE
        if any(self.view.ratio(bar) for bar in bars):
            self._cells("ratio to the smallest", [self.view.ratio(bar) for bar in bars], ends, y, ink=MUTED)
            y += LINE
        self.canvas.text(EDGE, y + 20, self.view.note, 10.5, MUTED)
        return y + 20

    def _cells(
        self, name: str, cells: list[str], ends: list[float], y: float, *, ink: str = INK, weight: str = "normal"
    ) -> None:
        self.canvas.text(EDGE + 34, y + 17, name, 11.5, ink, font_weight=weight)
        for x, cell in zip(ends, cells, strict=True):
            self.canvas.text(x, y + 17, cell, 11.5, ink, text_anchor="end", font_weight=weight)


def _halo(colour: str) -> dict[str, str | float]:
    """Text over a pattern or a line stands in a clearing."""
    return {"paint_order": "stroke", "stroke": colour, "stroke_width": 4, "stroke_linejoin": "round"}


def round_step(largest: float) -> float:
    """A round distance between ticks: 1, 2 or 5 times a power of ten, four to nine of them."""
    if not largest:
        return 1.0
    power = 10.0 ** math.floor(math.log10(largest / 4))
    return max(each * power for each in (1, 2, 5) if each * power <= largest / 4)
