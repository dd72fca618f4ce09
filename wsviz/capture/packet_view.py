"""The headers of a packet, bit by bit: a dissection for each layer, from scapy's own description of its fields.

scapy says how a layer is read by reading it: each field takes its bits off the front of the bytes. Here the same
fields take the same bytes once more, and what each of them took is noted. Where that comes to nothing (a cut header,
a layer that rearranges its bytes first), the rest of the layer is one run named "undissected": nothing is left out,
and nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from wsviz.capture.scapy_bridge import dissect_packet
from wsviz.capture.scapy_layer import WebSocket, dissect_websocket
from wsviz.protocol.fields import Dissection, Field
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import count, preview

LONGEST_MEANING = 160  # characters
_SECTIONS = {
    "ARP": "RFC 826",
    "CookedLinux": "LINKTYPE 113",
    "CookedLinuxV2": "LINKTYPE 276",
    "DNS": "RFC 1035 4.1",
    "Dot1AD": "IEEE 802.1ad",
    "Dot1Q": "IEEE 802.1Q",
    "Dot3": "IEEE 802.3",
    "Ether": "IEEE 802.3",
    "GRE": "RFC 2784",
    "ICMP": "RFC 792",
    "ICMPv6EchoReply": "RFC 4443 4.2",
    "ICMPv6EchoRequest": "RFC 4443 4.1",
    "ICMPv6ND_NA": "RFC 4861 4.4",
    "ICMPv6ND_NS": "RFC 4861 4.3",
    "ICMPv6ND_RA": "RFC 4861 4.2",
    "ICMPv6ND_RS": "RFC 4861 4.1",
    "IP": "RFC 791 3.1",
    "IPv6": "RFC 8200 3",
    "IPv6ExtHdrDestOpt": "RFC 8200 4.6",
    "IPv6ExtHdrFragment": "RFC 8200 4.5",
    "IPv6ExtHdrHopByHop": "RFC 8200 4.3",
    "IPv6ExtHdrRouting": "RFC 8200 4.4",
    "Loopback": "LINKTYPE 0",
    "PPP": "RFC 1661",
    "PPPoE": "RFC 2516 4",
    "TCP": "RFC 9293 3.1",
    "UDP": "RFC 768",
    "VXLAN": "RFC 7348 5",
}
_IN_FOURS = {("ihl", "IP"), ("dataofs", "TCP")}  # lengths of headers, counted in units of four bytes
_TCP_FLAGS = {"FSRPAUECN": ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "NS")}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a packet: its name in scapy's words, its class, and the flags that its fields hold.

    `flags` has, for each field of flags, the names of its bits, the first on the wire first.
    """

    name: str
    kind: str = ""
    flags: tuple[tuple[str, tuple[str, ...]], ...] = ()


LayerDissection = Dissection[Layer | Frame | None]


def is_packet(thing: object) -> bool:
    """Whether this is a packet of scapy's."""
    return hasattr(type(thing), "fields_desc") and not isinstance(thing, type)


def dissect_layers(packet: Any, link_type: int = 1) -> tuple[LayerDissection, ...]:
    """Dissect a packet, scapy's or the bytes of one, layer by layer: their raw bytes, in order, are the packet's.

    The value of each dissection is a `Layer`; where the layer is a WebSocket frame, it is the `Frame`, or None where
    that is cut. `link_type` is the capture's (1 is Ethernet) and is used for bytes only. What scapy's fields do not
    cover is named "undissected".
    """
    if isinstance(packet, bytes | bytearray | memoryview):
        raw = bytes(packet)
        packet = dissect_packet(link_type, raw)
    else:
        # Values that are not chosen yet, such as those of scapy's fuzz(), are chosen once for all that follows.
        packet = packet if packet.explicit else next(iter(packet))
        raw = bytes(packet)
    return tuple(_dissect(layer, piece) for layer, piece in _pieces(packet, raw))


def _pieces(packet: Any, raw: bytes) -> Iterator[tuple[Any, bytes]]:
    """The layers with the bytes that are theirs; None with what is left of `raw`. No piece is empty."""
    layers, at = [], 0
    while packet:
        layers.append(packet)
        packet = packet.payload
    # Padding is built after everything else, wherever it stands.
    for layer in sorted(layers, key=_is_padding):
        piece = raw[at : at + _size(layer)]
        if layer.raw_packet_cache not in (None, piece):
            break  # the layer was read from other bytes, say decompressed ones
        if isinstance(layer, WebSocket) and piece:
            yield from _frame_pieces(layer, piece)
        elif piece:
            yield layer, piece
        at += len(piece)
    if at < len(raw):
        yield None, raw[at:]


def _frame_pieces(layer: Any, piece: bytes) -> Iterator[tuple[Any, bytes]]:
    """A frame, and what a layer built against the rules has after the length that it states."""
    size = len(dissect_websocket(piece).raw)
    yield layer, piece[:size]
    if size < len(piece):
        yield None, piece[size:]


def _is_padding(layer: Any) -> bool:
    return type(layer).__name__ == "Padding"


def _size(layer: Any) -> int:
    """Bytes of a layer alone."""
    if layer.raw_packet_cache is not None:
        return len(bytes(layer.raw_packet_cache))
    if _is_padding(layer):
        return len(bytes(layer.load))
    return max(len(bytes(layer.do_build())) - len(bytes(layer.payload.do_build())), 0)


def _dissect(layer: Any, raw: bytes) -> LayerDissection:
    if isinstance(layer, WebSocket):
        return dissect_websocket(raw)
    if layer is None:
        return Dissection(Layer("undissected"), raw, (_undissected(0, raw),))
    fields: list[Field] = []
    flags: list[tuple[str, tuple[str, ...]]] = []
    kind = type(layer).__name__
    try:
        for run in _runs(layer, raw):
            fields += _fields_of(run, raw, _SECTIONS.get(kind, "scapy"))
            if names := _flag_names(run):
                flags.append((run.name, names))
    except Exception:  # of many kinds: a cut header, a value that a description did not think of
        pass
    at = fields[-1].end if fields else 0
    if at < 8 * len(raw):
        fields.append(_undissected(at, raw))
    return Dissection(Layer(str(layer.name), kind, tuple(flags)), raw, tuple(fields))


def _undissected(start: int, raw: bytes) -> Field:
    size = 8 * len(raw) - start
    value = _slice(raw, start, size)
    meaning = preview(value) if isinstance(value, bytes) else count(size, "bit")
    return Field("undissected", start, size, value, meaning, "scapy")


def _slice(raw: bytes, start: int, size: int) -> int | bytes:
    """The bits as bytes where they are whole ones, else as a number."""
    if start % 8 == 0 and size % 8 == 0:
        return raw[start // 8 : (start + size) // 8]
    return int.from_bytes(raw, "big") >> (8 * len(raw) - start - size) & ((1 << size) - 1)


class _Run(NamedTuple):
    """What one field took, or a group of bit fields that lie in swapped bytes."""

    shell: Any  # the layer as far as it was read
    members: tuple[tuple[Any, Any], ...]  # scapy's fields with their values
    start: int
    size: int

    @property
    def name(self) -> str:
        return ", ".join(desc.name for desc, _ in self.members)


def _runs(layer: Any, raw: bytes) -> Iterator[_Run]:
    """Read the layer's fields from `raw`, as scapy's Packet.do_dissect does."""
    shell = type(layer)()
    shell.original, shell.underlayer, shell.parent = raw, layer.underlayer, layer.parent
    if shell.do_dissect.__func__.__qualname__ != "Packet.do_dissect" or shell.pre_dissect(raw) != raw:
        return  # a layer with its own way of reading, or one that moves its bytes first
    rest: Any = raw
    at, group = 0, list[tuple[Any, Any]]()
    for desc in shell.fields_desc:
        swapped = bool(group) or _is_swapped(desc)
        rest, value = desc.getfield(shell, rest)
        if desc.isconditional and value is None:
            continue
        shell.fields[desc.name] = value
        group.append((_resolved(desc, shell), value))
        if not (swapped and isinstance(rest, tuple)):
            end = _position(rest, raw)
            if end < at:
                return
            if end > at:
                yield _Run(shell, tuple(group), at, end - at)
            at, group = end, []
        if not rest and (desc.ismayend or (desc.isconditional and desc.fld.ismayend)):
            return


def _is_swapped(desc: Any) -> bool:
    """Whether a group of bit fields begins that lies in more than one byte, the last byte first."""
    return bool(getattr(desc, "rev", False)) and max(desc.tot_size, desc.end_tot_size) > 1


def _position(rest: Any, raw: bytes) -> int:
    """Bits taken so far: scapy hands on the bytes left, within a byte with the count of its bits that are taken."""
    left: bytes
    bits: int
    left, bits = rest if isinstance(rest, tuple) else (rest, 0)
    return 8 * (len(raw) - len(left)) + bits


def _resolved(desc: Any, shell: Any) -> Any:
    """The field that a conditional one, or one of many types, stands for."""
    while hasattr(desc, "fld") or hasattr(desc, "_find_fld_pkt"):
        desc = desc._find_fld_pkt(shell) if hasattr(desc, "_find_fld_pkt") else desc.fld
    return desc


# What a run says


def _fields_of(run: _Run, raw: bytes, section: str) -> Iterator[Field]:
    data = _slice(raw, run.start, run.size)
    if len(run.members) > 1:  # there is no place in the bytes for each alone
        meaning = ", ".join(f"{desc.name}={_meaning(desc, run.shell, value)}" for desc, value in run.members)
        yield Field(run.name, run.start, run.size, data, _short(meaning), section)
        return
    (desc, value), at = run.members[0], run.start
    parts = _parts(desc, value, data) if isinstance(data, bytes) else []
    for name, part, meaning in parts:
        yield Field(f"{run.name}: {name}", at, 8 * len(part), part, _short(meaning), section)
        at += 8 * len(part)
    if not parts:
        shown = int(value) if _is_number(value) else data
        yield Field(run.name, at, run.size, shown, _short(_meaning(desc, run.shell, value)), section)


def _is_number(value: Any) -> bool:
    return isinstance(value, int) or type(value).__name__ == "FlagValue"


def _meaning(desc: Any, shell: Any, value: Any) -> str:
    """The value in scapy's words, except that a run of bytes is a preview."""
    if isinstance(value, bytes):
        return preview(value)
    if type(value).__name__ == "FlagValue":
        names = [name for bit, name in enumerate(_names(value.names)) if int(value) >> bit & 1]
        return " ".join(names) or "none set"
    if (desc.name, type(shell).__name__) in _IN_FOURS:
        return count(4 * value, "byte")
    # A port's name would be that of this machine's list of services, and a guess for the port that a client picked.
    return str(value if desc.name in ("sport", "dport") else desc.i2repr(shell, value))


def _short(meaning: str) -> str:
    return meaning if len(meaning) <= LONGEST_MEANING else meaning[: LONGEST_MEANING - 4] + " ..."


def _names(names: Any) -> list[str]:
    """The names of flags, the lowest bit first; TCP's letters in full."""
    return [str(name) for name in _TCP_FLAGS.get("".join(names), names)]


def _flag_names(run: _Run) -> tuple[str, ...]:
    """The names of a flag field's bits, the first on the wire first; () for other fields and for swapped bytes."""
    desc, value = run.members[0]
    if len(run.members) > 1 or type(value).__name__ != "FlagValue" or _is_swapped(desc):
        return ()
    names = _names(value.names)[: run.size]
    return tuple(reversed(names + [""] * (run.size - len(names))))


def _parts(desc: Any, value: Any, data: bytes) -> list[tuple[str, bytes, str]]:
    """The elements of a list, such as options, with the bytes of each; none where they do not add up to `data`."""
    parts: list[tuple[str, bytes, str]] = []
    if type(desc).__name__ == "TCPOptionsField":
        parts = list(_tcp_options(value, data))
    elif desc.islist and isinstance(value, list) and all(is_packet(element) for element in value):
        parts = [(str(element.name), bytes(element), _element(element)) for element in value]
    return parts if b"".join(part for _, part, _ in parts) == data and all(part for _, part, _ in parts) else []


def _tcp_options(options: Any, data: bytes) -> Iterator[tuple[str, bytes, str]]:
    """Each option is a kind, for most with a length that counts both (RFC 9293 3.2)."""
    at = 0
    for name, value in options:
        kind = data[at]
        size = 1 if kind < 2 else max(int.from_bytes(data[at + 1 : at + 2]), 2)
        words = value if isinstance(value, tuple) else () if value in (None, b"") else (value,)
        shown = ", ".join(preview(word) if isinstance(word, bytes) else str(word) for word in words)
        yield str(name), data[at : at + size], shown or f"kind {kind}"
        at += size
    if at < len(data):
        yield "padding", data[at:], preview(data[at:])


def _element(packet: Any) -> str:
    fields = ((_resolved(desc, packet), packet.fields.get(desc.name)) for desc in packet.fields_desc)
    return ", ".join(f"{desc.name}={_meaning(desc, packet, value)}" for desc, value in fields if value is not None)
