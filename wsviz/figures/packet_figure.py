"""The picture of a whole packet: each layer bit by bit, all bytes, and the list of fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from wsviz.capture.packet_view import dissect_layers
from wsviz.figures.figure import CHAR, COLOURS, INK, MUTED, Figure, clip, id_of, wrap
from wsviz.figures.frame_pen import EDGE, LEFT, Pen
from wsviz.figures.frame_rows import BitRows
from wsviz.figures.frame_svg import draw_boxes, draw_fields, draw_findings
from wsviz.figures.frame_text import WIDTH, Diagram, field_lines, finding_lines
from wsviz.figures.packet_view import Block, PacketView, packet_view_of
from wsviz.protocol.wire import count

BYTES_PER_LINE = 32


def packet_diagram(packet: Any, bits_per_row: int) -> Figure:
    """Draw a scapy packet, one titled block a layer."""
    view = packet_view_of(dissect_layers(packet), bits_per_row)
    text = "\n".join(_text(view, bits_per_row))
    return Figure(_Drawing(view, bits_per_row).draw(), text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, view: PacketView, bits_per_row: int) -> None:
        self.view, self.per_row = view, bits_per_row
        self.canvas = Pen(id_of("p", (view, bits_per_row)))
        self.grid = bits_per_row * (48.0 if bits_per_row == 16 else 28.0)
        self.right, self.y = LEFT + self.grid, 44.0

    def draw(self) -> str:
        limit = int((self.right - EDGE) / (CHAR * 20))
        self.canvas.text(EDGE, self.y, clip(self.view.title, limit), 20, font_weight="bold")
        self.y = draw_boxes(self.canvas, self.view.boxes, self.right)
        for block in self.view.blocks:
            self._block(block)
        if self.view.hidden:
            self.y += 24
            self.canvas.text(LEFT, self.y, self.view.hidden, 11, MUTED, font_style="italic")
        self._bytes()
        for block in self.view.blocks:
            self._heading(block, f"Fields of {block.title}")
            self.y = draw_fields(self.canvas, block.listed, self.right, self.y + 8)
        return self.canvas.document(
            self.right + EDGE,
            self.y + EDGE,
            title=self.view.title,
            description=_in_words(self.view),
            name=self.canvas.name,
            defs=self.canvas.defs(),
        )

    def _heading(self, block: Block, words: str, note: str = "") -> None:
        """The name of a layer beside a swatch of its colour."""
        self.y += 40
        self.canvas.fill(block.kind, EDGE, self.y - 12, 14, 14)
        self.canvas.rect(EDGE, self.y - 12, 14, 14, fill="none", stroke=COLOURS[block.kind], stroke_width=1.5)
        end = self.canvas.text(EDGE + 22, self.y, words, 14, INK, font_weight="bold")
        self.canvas.text(end + 14, self.y, note, 11, MUTED)

    def _block(self, block: Block) -> None:
        sections = sorted({part.section for part in block.listed}, key=len)
        self._heading(block, block.title, f"{block.place} · {sections[0]}")
        self.y = BitRows(self.canvas, block.view, self.per_row, self.y + (38 if block.view.control else 30)).draw()
        if block.view.findings:
            self.y = draw_findings(self.canvas, block.view.findings, self.right, self.y + 12)

    def _bytes(self) -> None:
        """All bytes in hex, each in the colour of its layer."""
        self.y += 40
        end = self.canvas.text(EDGE, self.y, "Bytes", 14, INK, font_weight="bold")
        self.canvas.text(end + 14, self.y, "as on the wire, in the colours of their layers", 11, MUTED)
        self.y += 10
        width, raw = self.grid / BYTES_PER_LINE, self.view.raw[: self.view.shown]
        for block in self.view.blocks:
            for at in range(block.start, min(block.start + block.size, len(raw))):
                self._byte(at, raw[at], block, width)
        self.y += -(-len(raw) // BYTES_PER_LINE) * 26
        if len(raw) < len(self.view.raw):
            self.y += 14
            words = f"… {count(len(self.view.raw) - len(raw), 'more byte')}"
            self.canvas.text(LEFT, self.y, words, 11, MUTED, font_style="italic")

    def _byte(self, at: int, value: int, block: Block, width: float) -> None:
        x, y = LEFT + at % BYTES_PER_LINE * width, self.y + at // BYTES_PER_LINE * 26
        if not at % BYTES_PER_LINE:
            self.canvas.text(LEFT - 14, y + 15, str(at), 11, MUTED, text_anchor="end")
        self.canvas.fill(block.kind, x, y, width, 22)
        if at == block.start:  # layers side by side may have one colour
            self.canvas.line(x + 0.75, y, x + 0.75, y + 22, stroke=COLOURS[block.kind], stroke_width=1.5)
        halo = self.canvas.halo(block.kind)
        self.canvas.text(x + width / 2, y + 15, f"{value:02x}", 12, INK, text_anchor="middle", **halo)


def _in_words(view: PacketView) -> str:
    """The picture for those who cannot see it."""
    said = [f"{view.title}. {_sum(view)}."]
    for block in view.blocks:
        said.append(f"{block.title}, {block.place}: {'; '.join(part.label for part in block.listed)}.")
        said += [f"{finding.severity}: {finding.explanation}." for finding in block.view.findings]
    return " ".join(said)


def _sum(view: PacketView) -> str:
    *layers, (_, total, _) = view.boxes
    return " + ".join(f"{size} {words}" for _, size, words in layers) + f" = {count(total, 'byte')}"


def _text(view: PacketView, bits_per_row: int) -> Iterator[str]:
    """The same as plain text."""
    for words in (view.title, _sum(view)):
        yield from wrap(words, WIDTH)
    for block in view.blocks:
        yield ""
        yield f"{block.title}: {block.place}"
        yield ""
        diagram = Diagram(block.view, bits_per_row)
        yield from (line.rstrip() for line in diagram.lines())
        yield from (f"      {words}" for _, words in block.view.remarks(diagram.bits // 8))
        yield ""
        yield from (line.rstrip() for line in field_lines(block.listed))
        if block.view.findings:
            yield from ("", *finding_lines(block.view.findings))
    if view.hidden:
        yield from ("", view.hidden)
