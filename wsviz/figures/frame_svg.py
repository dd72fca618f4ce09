"""The picture of one frame as SVG: header sum, bit rows under a ruler, findings, hex, field list."""

from __future__ import annotations

from collections.abc import Iterable

from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, RULE, clip, columns, id_of, tint, wrap
from wsviz.figures.frame_pen import EDGE, LEFT, Pen
from wsviz.figures.frame_rows import BitRows
from wsviz.figures.frame_view import FrameView, Part
from wsviz.protocol.fields import Finding, Side

SIGNS = {"error": "✕", "warning": "!", "note": "i"}


def draw_svg(view: FrameView, bits_per_row: int, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view, bits_per_row).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, view: FrameView, bits_per_row: int) -> None:
        self.view = view
        self.canvas = Pen(id_of("f", (view, bits_per_row)))
        top = 140.0 if view.control else 132.0  # a double border needs its room
        self.rows = BitRows(self.canvas, view, bits_per_row, top)
        self.grid, self.right, self.y = self.rows.grid, self.rows.right, 0.0

    def draw(self, text: str) -> str:
        self._heading()
        draw_boxes(self.canvas, self.view.boxes, self.right)
        self.y = self.rows.draw()
        self._findings()
        self._hex()
        self._section("Fields")
        self.y = draw_fields(self.canvas, self.view.parts, self.right, self.y)
        return self.canvas.document(
            self.right + EDGE,
            self.y + EDGE,
            title=self.view.title,
            description=text,
            name=self.canvas.name,
            defs=self.canvas.defs(),
        )

    # The head of the picture

    def _heading(self) -> None:
        view, self.y = self.view, 44.0
        x = self.canvas.text(EDGE, self.y, view.title, 20, font_weight="bold") + 14
        self.canvas.text(x, self.y - 1, view.about, 12, MUTED)
        if view.sender:
            self._arrow(view.sender)

    def _arrow(self, sender: Side) -> None:
        """Who sends to whom: solid from the client, dashed from the server."""
        y, to, size = self.y - 5, str(sender.other), 12
        x = self.right - columns(to) * CHAR * size
        self.canvas.text(x, y + 4, to, size, MUTED)
        dashes = {"stroke_dasharray": "5 4"} if sender is Side.SERVER else {}
        self.canvas.line(x - 58, y, x - 12, y, stroke=INK, stroke_width=1.6, **dashes)
        self.canvas.add("path", d=f"M{x - 8:.2f} {y:.2f}l-8 -4v8z", fill=INK)
        self.canvas.text(x - 66 - len(str(sender)) * CHAR * size, y + 4, str(sender), size, INK, font_weight="bold")

    # What stands below the bits

    def _section(self, words: str, note: str = "") -> None:
        self.y += 34
        end = self.canvas.text(EDGE, self.y, words, 12, INK, font_weight="bold")
        if note:
            self.canvas.text(end + 12, self.y, note, 10.5, MUTED)
        self.y += 10

    def _findings(self) -> None:
        if self.view.findings:
            self._section("Findings")
        self.y = draw_findings(self.canvas, self.view.findings, self.right, self.y)

    def _hex(self) -> None:
        view, per_line = self.view, 16
        note = (
            "as on the wire; below each byte of payload, what it says unmasked" if view.masked and view.clear else ""
        )
        self._section("Bytes", note)
        width = self.grid / per_line
        for at, value in enumerate(view.raw):
            if not at % per_line:
                self.canvas.text(LEFT - 14, self.y + 24, str(at), 11, MUTED, text_anchor="end")
            x = LEFT + at % per_line * width
            self._byte(at, value, x, width)
            if at % per_line == per_line - 1 or at == len(view.raw) - 1:
                self.y += 46
        for kind, words in view.remarks(len(view.raw)):
            if kind != "missing":
                shown = words + f": {_some(view.rest, view.rest_size)}" * (kind == "rest")
                self.canvas.text(LEFT, self.y + 8, clip(shown, int(self.grid / (CHAR * 11))), 11, MUTED)
                self.y += 20

    def _byte(self, at: int, value: int, x: float, width: float) -> None:
        """One byte: its hex digits over the colours of the fields that share it, and what it means as text."""
        view, body = self.view, at - self.view.header_size
        for part in view.parts:
            start, end = max(part.start, 8 * at), min(part.end, 8 * at + 8)
            if start < end:
                share = (width - 3) / 8
                self.canvas.fill(part.kind, x + 1.5 + (start - 8 * at) * share, self.y, (end - start) * share, 40)
        self.canvas.text(
            x + width / 2, self.y + 17, f"{value:02x}", 14, INK, text_anchor="middle", font_weight="bold",
            **self.canvas.halo(view.part_at(8 * at).kind),
        )  # fmt: skip
        if body >= 0:
            clear, glyph = f"{view.clear[body]:02x}", str(view.glyphs[body])
            words = (f"{clear} {glyph}", glyph, clear) if view.masked else (glyph,)
            said = next((word for word in words if columns(word) * CHAR * 10 <= width - 5), "")
            self.canvas.text(x + width / 2, self.y + 33, said, 10, INK, text_anchor="middle")


def draw_boxes(canvas: Pen, boxes: Iterable[tuple[str, int, str]], right: float, top: float = 60.0) -> float:
    """A sum as a row of boxes, or as many rows as it takes; returns where the last ends.

    A part that is not there is a ghost that adds 0.
    """
    x = EDGE
    for index, (kind, size, label) in enumerate(boxes):
        width = max(columns(label) * CHAR * 9 + 12, 56)
        if index:
            if x + 19 + width > right:
                x, top = EDGE, top + 46
            canvas.text(x + 5, top + 22, "=" if kind == "=" else "+", 14, MUTED)
            x += 19
        if kind in COLOURS and size:
            canvas.fill(kind, x, top, width, 38)
        stroke = {"stroke_dasharray": "3 3"} if not size else {}
        if kind != "=":
            colour = COLOURS[kind] if kind in COLOURS and size else FAINT
            canvas.rect(x, top, width, 38, fill="none", stroke=colour, rx=3, **stroke)
        ink, middle = INK if size else MUTED, x + width / 2
        canvas.text(middle, top + 18, f"{size:,}", 15, ink, text_anchor="middle", font_weight="bold")
        canvas.text(middle, top + 31, label, 9, ink if size else MUTED, text_anchor="middle")
        x += width
    return top + 38


def draw_findings(canvas: Pen, findings: Iterable[Finding], right: float, y: float) -> float:
    """The findings with their numbers from `y` on; returns where they end."""
    for mark, finding in enumerate(findings, 1):
        colour, width = COLOURS[finding.severity], right - EDGE
        lines = wrap(finding.explanation, int((width - 60) / (CHAR * 11)))
        height = 30 + 15 * len(lines)
        canvas.rect(EDGE, y, width, height, fill=tint(colour, 0.12), rx=4)
        canvas.rect(EDGE, y, 5, height, fill=colour)
        canvas.disc(EDGE + 24, y + 18, mark, finding.severity)
        said = f"{SIGNS[finding.severity]} {finding.severity}"
        x = canvas.text(EDGE + 42, y + 22, said, 11, INK, font_weight="bold") + 12
        canvas.text(x, y + 22, finding.rule, 11, INK)
        code = f" · close code {finding.close_code}" if finding.close_code is not None else ""
        canvas.text(right - 12, y + 22, finding.section + code, 11, MUTED, text_anchor="end")
        for index, line in enumerate(lines):
            canvas.text(EDGE + 42, y + 39 + 15 * index, line, 11, INK)
        y += height + 8
    return y


def draw_fields(canvas: Pen, parts: Iterable[Part], right: float, y: float) -> float:
    """The list of fields from `y` on; returns where it ends."""
    bits, name, value, meaning, section = EDGE + 26, EDGE + 92, EDGE + 274, EDGE + 368, right - 4
    for x, words in ((bits, "bits"), (name, "field"), (value, "value"), (meaning, "meaning")):
        canvas.text(x, y + 10, words, 10, MUTED)
    canvas.text(section, y + 10, "defined in", 10, MUTED, text_anchor="end")
    y += 18
    limit = int((section - meaning - 108) / (CHAR * 11))
    for part in parts:
        ghost = not part.size
        lines = wrap(part.explained, limit)
        ink = MUTED if ghost else INK
        canvas.line(EDGE, y, right, y, stroke=RULE)
        if ghost:
            canvas.rect(EDGE + 2, y + 5, 14, 13, fill="none", stroke=FAINT, stroke_dasharray="3 2", rx=2)
        else:
            canvas.fill(part.kind, EDGE + 2, y + 5, 14, 13)
            canvas.rect(EDGE + 2, y + 5, 14, 13, fill="none", stroke=COLOURS[part.kind], rx=1)
        canvas.text(bits, y + 15, part.span, 11, MUTED)
        weight = {} if ghost else {"font_weight": "bold"}
        canvas.text(name, y + 15, clip(part.name, 27), 11, ink, **weight)
        canvas.text(value, y + 15, "absent" if ghost else clip(part.value, 13), 11, ink)
        for index, line in enumerate(lines):
            canvas.text(meaning, y + 15 + 14 * index, line, 11, ink)
        canvas.text(section, y + 15, part.section, 10, MUTED, text_anchor="end")
        y += 9 + 14 * len(lines)
    return y


def _some(data: bytes, size: int) -> str:
    return data[:16].hex(" ") + (" …" if size > 16 else "")
