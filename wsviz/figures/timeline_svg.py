"""The picture of a timeline as SVG: three rulers over the bytes, and a number where a message is delivered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, PAPER, clip, columns, id_of, tint, wrap
from wsviz.figures.frame_pen import Pen
from wsviz.figures.timeline_axis import PER_LINE, Line, Piece, glyphs_of, kind_of, lines_of
from wsviz.figures.timeline_text import arrivals, char_notes
from wsviz.figures.timeline_view import TimelineView

EDGE, LEFT, UNIT = 20.0, 96.0, 22.0  # the outer margin; where the axis begins; the width of a byte
TOP = 70.0
MESSAGE, FRAME, BYTE, SEGMENT, ARRIVAL = 0.0, 28.0, 56.0, 94.0, 120.0  # the tops of the rulers on a line
LINE, APART = 154.0, 110.0  # from line to line; deliveries that are nearer have a number and no word
RIGHT = LEFT + PER_LINE * UNIT
COLOURS_OF = {"message": "#0072b2", "data": "#009e73", "control": "#cc79a7", "segment": "#6b7280"}
WORDS = int((RIGHT - EDGE - 28) / (CHAR * 11))  # columns of the sentences below


def draw_svg(view: TimelineView, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view).draw(text)


class _Drawing:
    """One picture in the making."""

    def __init__(self, view: TimelineView) -> None:
        self.view, self.canvas = view, Pen(id_of("t", view))
        self.lines, self.undrawn = lines_of(view)
        self.glyphs = glyphs_of(view, self.lines)

    def draw(self, text: str) -> str:
        end = self.canvas.text(EDGE, 36, self.view.title, 18, font_weight="bold")
        facts = clip(self.view.facts, int((RIGHT - end - 14) / (CHAR * 11)))
        self.canvas.text(end + 14, 35, facts, 11, MUTED)
        top = TOP
        for line in self.lines:
            self._line(line, top)
            top += LINE
        y = self._foot(top - 6)
        return self.canvas.document(
            RIGHT + EDGE, y, title=self.view.title, description=text, name=self.canvas.name, defs=self.canvas.defs()
        )

    def _line(self, line: Line, top: float) -> None:
        rulers = (
            ("messages", MESSAGE + 15),
            ("frames", FRAME + 15),
            ("bytes", BYTE + 15),
            ("segments", SEGMENT + 14),
        )
        for name, y in rulers:
            self.canvas.text(LEFT - 12, top + y, name, 11, MUTED, text_anchor="end")
        self._messages(line, top + MESSAGE)
        self._frames(line, top + FRAME)
        self._bytes(line, top + BYTE)
        self._segments(line, top + SEGMENT)

    def _bar(
        self, piece: Piece, top: float, height: float, colour: str, *, dashed: bool = False
    ) -> tuple[float, float]:
        """A span on a line, open at the side where it goes on; returns its left side and its width."""
        left, right = LEFT + piece.left * UNIT + 1, LEFT + piece.right * UNIT - 1
        self.canvas.rect(left, top, right - left, height, fill=tint(colour, 0.2))
        dashes = {"stroke_dasharray": "4 3"} if dashed else {}
        outline = f"M{left:.2f} {top:.2f}H{right:.2f}M{left:.2f} {top + height:.2f}H{right:.2f}"
        outline += f"M{left:.2f} {top:.2f}V{top + height:.2f}" if piece.opens else ""
        outline += f"M{right:.2f} {top:.2f}V{top + height:.2f}" if piece.closes else ""
        self.canvas.add("path", d=outline, fill="none", stroke=colour, stroke_width=1.4, **dashes)
        return left, right - left

    def _name(self, words: str, left: float, width: float, y: float, *, bold: bool = False) -> None:
        """A name within a bar, as much of it as there is room for."""
        room = int((width - 6) / (CHAR * 10.5))
        if room >= 1:
            style = {"font_weight": "bold"} if bold else {}
            shown = words if columns(words) <= room else clip(words, room) if room > 3 else words[:room]
            self.canvas.text(left + width / 2, y, shown, 10.5, INK, text_anchor="middle", **style)

    def _messages(self, line: Line, top: float) -> None:
        for message in self.view.messages:
            if piece := line.place(message.start, message.end):
                colour = COLOURS_OF["message"] if message.delivered else FAINT
                left, width = self._bar(piece, top, 22, colour, dashed=not message.delivered)
                if piece.opens or piece.left == 0:
                    self._name(f"message {message.number}: {message.words}", left, width, top + 15)

    def _frames(self, line: Line, top: float) -> None:
        for span in self.view.frames:
            if not (piece := line.place(span.start, span.end)):
                continue
            control = span.frame.is_control
            left, width = self._bar(piece, top, 24, COLOURS_OF["control" if control else "data"])
            if control:
                self.canvas.rect(left + 2.5, top + 2.5, width - 5, 19, fill="none", stroke=COLOURS_OF["control"])
            fin = "" if control else f" FIN={int(span.frame.fin)}"
            self._name(f"{span.index} {span.name}{fin}", left, width, top + 16, bold=True)
            if span.marks and piece.opens:
                self.canvas.add(
                    "circle", cx=left + width, cy=top, r=7, fill=PAPER, stroke=COLOURS["error"], stroke_width=2
                )
                self.canvas.text(left + width, top + 3.5, str(span.marks[0]), 10, INK, text_anchor="middle")

    def _bytes(self, line: Line, top: float) -> None:
        for cell in line.cells:
            left, width = LEFT + cell.left * UNIT, (cell.right - cell.left) * UNIT
            kind = kind_of(self.view.frames, cell.start)
            middle = left + width / 2
            self.canvas.fill(kind, left + 1, top, width - 2, 32)
            if cell.elided:
                self.canvas.text(middle, top + 13, "…", 12, INK, text_anchor="middle")
                self.canvas.text(
                    middle, top + 26, clip(f"{cell.end - cell.start:,}", 9), 9, MUTED, text_anchor="middle"
                )
                continue
            self.canvas.text(
                middle,
                top + 13,
                f"{self.view.data[cell.start]:02x}",
                11,
                INK,
                text_anchor="middle",
                **self.canvas.halo(kind),
            )
            if glyph := self.glyphs.get(cell.start):
                self.canvas.text(middle, top + 26, glyph, 10, MUTED, text_anchor="middle")
        for cut in self.view.chars:
            if piece := line.place(cut.offset, cut.offset + 1):
                x = LEFT + piece.left * UNIT
                self.canvas.line(
                    x, top - 2, x, top + 34, stroke=COLOURS["error"], stroke_width=2.2, stroke_dasharray="3 2"
                )

    def _segments(self, line: Line, top: float) -> None:
        deliveries = list[tuple[float, list[int]]]()
        for segment in self.view.segments:
            if not (piece := line.place(segment.start, segment.end)):
                continue
            left, width = self._bar(piece, top, 20, COLOURS_OF["segment"])
            packet = f" · packet {segment.packet}" if segment.packet is not None else ""
            long = f"segment {segment.index}{packet}"
            self._name(long if columns(long) * CHAR * 10.5 < width - 6 else str(segment.index), left, width, top + 14)
            numbers = [event.number for event in segment.events if event.number]
            if numbers and piece.closes:
                deliveries.append((left + width - 1, numbers))
        close = any(other[0] - one[0] < APART for one, other in pairwise(deliveries))
        for x, numbers in deliveries:
            self._delivery(numbers, x, top + ARRIVAL - SEGMENT, "" if close else "onmessage ")

    def _delivery(self, numbers: list[int], x: float, top: float, word: str) -> None:
        """The moment of delivery: the last byte of the segment is there."""
        self.canvas.add("path", d=f"M{x:.2f} {top - 4:.2f}l-5 8h10z", fill=COLOURS["opcode"])
        words = word + (str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
        half = columns(words) * CHAR * 11 / 2
        x = min(max(x, LEFT + half), RIGHT - half)
        self.canvas.text(x, top + 16, words, 11, INK, text_anchor="middle", font_weight="bold")

    def _foot(self, y: float) -> float:
        """What each segment brings, in sentences; returns the picture's height."""
        if self.undrawn:
            y += 18
            self.canvas.text(EDGE, y, f"The last {self.undrawn:,} bytes are not drawn.", 11, INK)
        for head, lines in self._sections():
            y += 26
            self.canvas.text(EDGE, y, head, 12, INK, font_weight="bold")
            for words in lines:
                for number, part in enumerate(wrap(words, WORDS)):
                    y += 17
                    self.canvas.text(EDGE + (24 if number else 12), y, part, 11, INK)
        return y + EDGE

    def _sections(self) -> Iterator[tuple[str, list[str]]]:
        yield "What each segment brings", arrivals(self.view)
        if notes := char_notes(self.view):
            yield "Characters cut", notes
        if self.view.findings:
            found = [f"{number}. {finding}" for number, finding in enumerate(self.view.findings, 1)]
            yield "Found", found
