"""Masking as SVG: three rows of bytes, one byte in bits, and the same frames under one key and under fresh keys."""

from __future__ import annotations

from wsviz.figures.figure import CHAR, COLOURS, INK, MUTED, RULE, WIDEST, clip, columns, id_of, tint, wrap
from wsviz.figures.frame_pen import EDGE, Pen
from wsviz.figures.frame_view import Glyph
from wsviz.figures.masking_view import Experiment, Group, Masking, Row, Step

PER_LINE = 16
LEFT, CELL = 160.0, 38.5  # where the bytes begin; a byte's width
RIGHT = WIDEST - EDGE
ROW, BIT = 36.0, 34.0  # height of a row of bytes; width of a bit
KEY, WIRE, BYTE = 52.0, 156.0, 27.0  # in the comparison: where key and bytes begin, a byte's width


def draw_svg(masking: Masking, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(masking).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, masking: Masking) -> None:
        self.masking = masking
        self.pen, self.y = Pen(id_of("m", masking)), 0.0

    def draw(self, text: str) -> str:
        pen, masking = self.pen, self.masking
        pen.text(EDGE, 44, masking.title, 20, font_weight="bold")
        pen.text(EDGE, 66, clip(masking.about, int((RIGHT - EDGE) / (CHAR * 12))), 12, MUTED)
        self.y = 84
        for first in range(0, len(masking.steps), PER_LINE):
            self._line(masking.steps[first : first + PER_LINE])
        if not masking.steps:
            pen.text(EDGE, self.y + 14, "The payload is empty: the key is sent all the same, and masks nothing.", 12)
            self.y += 24
        if masking.more:
            pen.text(LEFT, self.y + 6, masking.more, 11, MUTED)
            self.y += 18
        if masking.step is not None:
            self._bits(masking.step)
        for experiment in masking.experiments:
            self._experiment(experiment)
        return pen.document(
            WIDEST, self.y + 12, title=masking.title, description=text, name=pen.name, defs=pen.defs()
        )

    def _line(self, steps: tuple[Step, ...]) -> None:
        """Sixteen bytes at most: what goes in, the key, what comes out."""
        entering, leaving = self.masking.names
        rows = ((entering, ""), ("key byte i mod 4", "⊕"), (leaving, "="))
        self.pen.text(LEFT - 12, self.y + 12, "byte i", 10, MUTED, text_anchor="end")
        for index, (name, sign) in enumerate(rows):
            y = self.y + 18 + index * (ROW + 4)
            self.pen.text(LEFT - 12, y + 23, f"{sign} {name}".strip(), 11, text_anchor="end", font_weight="bold")
        for step in steps:
            x = LEFT + step.index % PER_LINE * CELL
            self.pen.text(x + CELL / 2, self.y + 12, str(step.index), 10, MUTED, text_anchor="middle")
            y = self.y + 18
            self._byte(x, y, "payload", step.entering, step.before)
            self._byte(x, y + ROW + 4, "key", step.key, Glyph(f"[{step.key_index}]"))
            self._byte(x, y + 2 * (ROW + 4), "payload", step.leaving, step.after)
            if step.index == self.masking.at:
                self.pen.rect(
                    x - 0.5, y - 2.5, CELL, 3 * ROW + 13,
                    fill="none", stroke=COLOURS["opcode"], stroke_width=2.5, rx=4,
                )  # fmt: skip
        self.y += 18 + 3 * (ROW + 4) + 12

    def _byte(self, x: float, y: float, kind: str, value: int, glyph: Glyph) -> None:
        self.pen.fill(kind, x + 1.5, y, CELL - 4, ROW)
        middle, halo = x + CELL / 2 - 0.5, self.pen.halo(kind)
        self.pen.text(middle, y + 16, f"{value:02x}", 13, INK, text_anchor="middle", font_weight="bold", **halo)
        words = (str(glyph), glyph.text)
        said = next((word for word in words if columns(word) * CHAR * 9.5 <= CELL - 5), "·")
        self.pen.text(middle, y + 30, said, 9.5, INK, text_anchor="middle", **halo)

    def _heading(self, words: str, note: str) -> None:
        self.y += 22
        self.pen.line(EDGE, self.y - 12, RIGHT, self.y - 12, stroke=RULE)
        self.pen.text(EDGE, self.y + 12, words, 13, font_weight="bold")
        self.y += 22
        if note:
            self.pen.text(EDGE, self.y + 8, clip(note, int((RIGHT - EDGE) / (CHAR * 11))), 11, MUTED)
            self.y += 18

    def _bits(self, step: Step) -> None:
        """One byte: each bit of the key that is 1 flips the bit above it."""
        self._heading(f"Byte {step.index} in bits", "")
        entering, leaving = self.masking.names
        rows = (
            ("payload", entering, step.entering),
            ("key", f"⊕ key byte {step.key_index}", step.key),
            ("payload", f"= {leaving}", step.leaving),
        )
        top = self.y + 2
        for index, (kind, name, value) in enumerate(rows):
            y = top + 30 * index
            self.pen.text(LEFT - 12, y + 18, f"{name} {value:02x}", 11, text_anchor="end", font_weight="bold")
            for bit in range(8):
                one, flipped = value >> (7 - bit) & 1, step.key >> (7 - bit) & 1
                x = LEFT + bit * BIT
                self.pen.fill(kind, x, y, BIT - 3, 26)
                if index == 2 and flipped:
                    self.pen.rect(x + 1, y + 1, BIT - 5, 24, fill="none", stroke=COLOURS["fin"], stroke_width=2)
                weight = {"font_weight": "bold"} if one else {}
                middle, halo = x + BIT / 2 - 1.5, self.pen.halo(kind)
                self.pen.text(middle, y + 18, str(one), 14, INK, text_anchor="middle", **weight, **halo)
        x, y = LEFT + 8 * BIT + 20, top + 14
        for words in (step.flips, f"Back again: {step.back}. Masking and unmasking are the same step."):
            for line in wrap(words, int((RIGHT - x) / (CHAR * 11))):
                self.pen.text(x, y, line, 11)
                y += 15
            y += 6
        self.y = top + 100

    def _experiment(self, experiment: Experiment) -> None:
        self._heading(experiment.title, experiment.about)
        for group in experiment.groups:
            self._group(group)

    def _group(self, group: Group) -> None:
        self.y += 20
        end = self.pen.text(EDGE, self.y, group.name, 11, font_weight="bold")
        sign, colour = ("✓", COLOURS["payload"]) if group.safe else ("✕", COLOURS["fin"])
        limit = int((RIGHT - end - 40) / (CHAR * 11))
        self.pen.rect(end + 10, self.y - 12, 18, 16, fill=tint(colour), stroke=colour, rx=3)
        self.pen.text(end + 19, self.y, sign, 11, text_anchor="middle", font_weight="bold")
        self.pen.text(end + 36, self.y, clip(group.verdict, limit), 11)
        self.y += 8
        end = WIRE + BYTE * max((len(row.wire) for row in group.rows), default=0)
        for row in group.rows:
            self._row(row, end + 12)
        self.y += 4

    def _row(self, row: Row, words: float) -> None:
        """One frame: its key, its bytes, how they read; a line below the bytes that all frames share."""
        y = self.y
        self.pen.text(KEY - 10, y + 14, row.name, 10, MUTED, text_anchor="end")
        self.pen.fill("key", KEY, y, 92, 19)
        self.pen.text(KEY + 46, y + 14, row.key.hex(" "), 11, INK, text_anchor="middle", **self.pen.halo("key"))
        for at, byte in enumerate(row.wire):
            x = WIRE + at * BYTE
            self.pen.fill("payload", x, y, BYTE - 2.5, 19)
            self.pen.text(x + BYTE / 2 - 1.2, y + 14, f"{byte:02x}", 11, text_anchor="middle")
            if row.same[at]:
                self.pen.rect(
                    x + 0.8, y + 0.8, BYTE - 4.1, 17.4, fill="none", stroke=COLOURS["fin"], stroke_width=1.6
                )
        self.pen.text(words, y + 14, clip(row.mark or row.text, 24), 11, MUTED if row.mark else INK)
        self.y += 22
