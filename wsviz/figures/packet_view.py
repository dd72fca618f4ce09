"""What the picture of a packet says: a view for each layer, which is drawn as the frame's is, row by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from wsviz.capture.packet_view import Layer, LayerDissection
from wsviz.figures.figure import plain
from wsviz.figures.frame_figure import missing_bytes
from wsviz.figures.frame_view import BitView, Part, view_of
from wsviz.protocol.fields import Dissection, Field, Finding
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import count

MOST_LAYERS, MOST_ROWS = 16, 24  # drawn; what is beyond is counted

_LINK = {"Ether", "Dot3", "Dot1Q", "Dot1AD", "PPP", "PPPoE", "LLC", "SNAP", "Loopback"}
_LINK |= {"CookedLinux", "CookedLinuxV2"}
_NETWORK = ("IP", "ARP", "ICMP", "GRE")
_TRANSPORT = {"TCP", "UDP", "SCTP", "TCPerror", "UDPerror"}
_PLAIN = {"": "undissected", "Raw": "payload", "Padding": "padding"}


@dataclass(frozen=True, slots=True)
class LayerView:
    """One layer, ready to be drawn.

    `parts` are the fields drawn bit by bit, `listed` all of them; `drawn` counts bits. `start` is the layer's first
    byte in the packet.
    """

    title: str
    kind: str
    start: int
    raw: bytes
    parts: tuple[Part, ...]
    listed: tuple[Part, ...]
    drawn: int

    @property
    def findings(self) -> tuple[Finding, ...]:
        return ()

    @property
    def control(self) -> bool:
        return False

    @property
    def missing(self) -> int:
        return 0

    def drawn_bits(self, _bits_per_row: int) -> int:
        return self.drawn

    def part_at(self, bit: int) -> Part:
        """The part that holds a drawn bit."""
        return next(part for part in self.parts if part.start <= bit < part.end)

    def caption(self, at: int) -> tuple[str, ...]:
        """The byte in hex; for an address as a decimal too, for a payload as a character."""
        byte, part = self.raw[at], self.part_at(8 * at)
        if self.kind == "payload" and 0x20 <= byte < 0x7F:
            return f"{byte:02x} {chr(byte) if byte > 0x20 else '␣'}", f"{byte:02x}"
        if part.size == 32 and part.meaning == ".".join(map(str, self.raw[part.start // 8 : part.end // 8])):
            return f"{byte:02x} = {byte}", f"{byte:02x}"
        return (f"{byte:02x}",)

    def remarks(self, drawn: int) -> Iterator[tuple[str, str]]:
        """What is not drawn, with its kind."""
        if drawn < len(self.raw):
            yield "rest", f"… {count(len(self.raw) - drawn, 'more byte')} of {self.title}"


@dataclass(frozen=True, slots=True)
class Block:
    """One layer in its place: `view` is a LayerView, or a frame's own view.

    `start`, `size` and `shown` in bytes: of a long payload 32 are shown.
    """

    title: str
    kind: str
    start: int
    size: int
    shown: int
    view: BitView
    listed: tuple[Part, ...]

    @property
    def place(self) -> str:
        """Its size, and where it lies in the packet."""
        last = self.start + self.size - 1
        where = f"byte {last}" if self.size == 1 else f"bytes {self.start:,} to {last:,}"
        return f"{count(self.size, 'byte')} · {where} of the packet"


@dataclass(frozen=True, slots=True)
class PacketView:
    """A packet, ready to be drawn: at most 16 of its layers, `more` counts the others."""

    raw: bytes
    blocks: tuple[Block, ...]
    more: int

    @property
    def title(self) -> str:
        return " / ".join(block.title for block in self.blocks[:8]) + " / …" * (len(self.blocks) > 8) or "no packet"

    @property
    def boxes(self) -> tuple[tuple[str, int, str], ...]:
        """The packet as a sum: kind, bytes, words for each layer, then for the whole."""
        rest = len(self.raw) - sum(block.size for block in self.blocks)
        more = (("padding", rest, count(self.more, "more layer")),) if self.more else ()
        layers = ((block.kind, block.size, block.title) for block in self.blocks)
        return *layers, *more, ("=", len(self.raw), "bytes in all")

    @property
    def shown(self) -> int:
        """Bytes shown in hex: up to the first that are not shown bit by bit either."""
        cut = next((block for block in self.blocks if block.shown < block.size), None)
        return cut.start + cut.shown if cut else sum(block.size for block in self.blocks)

    @property
    def hidden(self) -> str:
        return f"… {count(self.more, 'more layer')}" if self.more else ""


def packet_view_of(dissections: Sequence[LayerDissection], bits_per_row: int) -> PacketView:
    """The view of a dissected packet."""
    blocks: list[Block] = []
    start, kind = 0, "link"
    for dissection in dissections[:MOST_LAYERS]:
        if isinstance(dissection.value, Layer):
            kind = _kind(dissection.value.kind, kind)
            blocks.append(_block(dissection, dissection.value, kind, start, bits_per_row))
        else:
            kind = "application"
            blocks.append(_frame_block(dissection, start))
        start += len(dissection.raw)
    raw = b"".join(dissection.raw for dissection in dissections)
    return PacketView(raw, tuple(blocks), len(dissections) - len(blocks))


def _kind(name: str, below: str) -> str:
    """The kind of a layer by its class, else by what it stands on."""
    if name in _PLAIN:
        return _PLAIN[name]
    if name in _LINK:
        return "link"
    if name in _TRANSPORT:
        return "transport"
    if name.startswith(_NETWORK):
        return "network"
    return below if below in ("link", "network") else "application"


def _frame_block(dissection: LayerDissection, start: int) -> Block:
    frame = cast("Dissection[Frame] | Dissection[None]", dissection)
    view = view_of(frame, missing=missing_bytes(frame))
    return Block(f"WebSocket {view.title}", "frame", start, len(dissection.raw), len(view.raw), view, view.parts)


def _block(dissection: LayerDissection, layer: Layer, kind: str, start: int, bits_per_row: int) -> Block:
    title = {"IP": "IPv4", "Raw": "payload", "Padding": "padding"}.get(layer.kind, plain(layer.name))
    flags = dict(layer.flags)
    listed = tuple(_part(field, kind, flags.get(field.name, ())) for field in dissection.fields)
    drawn = _drawn(dissection.fields, bits_per_row)
    parts = tuple(part for part in listed if part.start < drawn)
    view = LayerView(title, kind, start, dissection.raw, parts, listed, drawn)
    return Block(title, kind, start, len(dissection.raw), drawn // 8, view, listed)


def _drawn(fields: Sequence[Field], bits_per_row: int) -> int:
    """Bits drawn: up to the first long field and eight rows of that, ten where it spares a stub; 24 rows in all."""
    limit, drawn = MOST_ROWS * bits_per_row, 0
    for field in fields:
        if field.size > 10 * bits_per_row:
            drawn = field.start + 8 * bits_per_row
            break
        drawn = field.end
    return min(-(-drawn // 8) * 8, limit)


def _part(field: Field, kind: str, letters: tuple[str, ...]) -> Part:
    value = str(field.value) if isinstance(field.value, int) else _hex(field.value)
    meaning = plain(field.meaning)
    word = meaning if meaning != value else value if field.size > 1 else ""
    shown = tuple(letter if len(letter) <= 4 else "" for letter in letters)
    return Part(field.name, kind, field.start, field.size, value, meaning, word, field.section, letters=shown)


def _hex(value: bytes) -> str:
    return value[:8].hex(" ") + (" …" if len(value) > 8 else "")
