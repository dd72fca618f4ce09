r"""WebSocket as a layer of scapy, for people who live in scapy: build, dissect, chain, break the rules.

    >>> from wsviz.capture.scapy_layer import WebSocket, bind_websocket
    >>> bytes(WebSocket(opcode="text", data=b"Hello"))
    b'\x81\x05Hello'
    >>> WebSocket(b"\x81\x02Hi\x89\x00").payload
    <WebSocket  fin=1 rsv1=0 rsv2=0 rsv3=0 opcode=ping mask=0 length=0 data=b'' |>

The layer is bound to no port: `bind_websocket(8080)` has scapy see it there, and so has scapy's own
`bind_layers(TCP, WebSocket, dport=8080)` for one direction; `split_layers` takes it back. scapy dissects packet by
packet, so a frame that spans segments is whole only where the stream is put together: with `TCPSession` in scapy, or
with `wsviz.read_capture`, which follows each connection.
"""

from __future__ import annotations

from typing import Any, cast

import wsviz.capture.scapy_bridge  # noqa: F401  # first: it keeps scapy's warnings off stderr

# isort: split

from scapy.config import conf
from scapy.fields import (
    BitEnumField,
    BitField,
    ConditionalField,
    LongField,
    ShortField,
    StrLenField,
    XStrFixedLenField,
)
from scapy.layers.inet import TCP
from scapy.packet import Packet, bind_bottom_up, bind_layers

from wsviz.protocol.fields import Dissection, Incomplete
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.wire import apply_mask, count, opcode_name, read_header, shortest_length_bits

OPCODES = {number: opcode_name(number) for number in (0, 1, 2, 8, 9, 10)}
HANDSHAKE = (b"GET ", b"HTTP/1.")  # as frames these would break three rules in two bytes


# What is left None is computed when the packet is built; what is set goes out as it is, right or wrong.


# `getfieldval`, because `packet.key` asks these functions whether there is one.


def _size(packet: Any) -> int:
    return len(packet.getfieldval("data") or b"")


def _length_bits(packet: Any) -> int:
    """The length form, 7, 16 or 64: as the fields have it, else the shortest."""
    length = packet.getfieldval("length")
    return shortest_length_bits(_size(packet)) if length is None else {126: 16, 127: 64}.get(length, 7)


def _masked(packet: Any) -> bool:
    mask = packet.getfieldval("mask")
    return packet.getfieldval("key") is not None if mask is None else bool(mask)


def _key(packet: Any) -> bytes:
    return bytes((packet.getfieldval("key") or b"").ljust(4, b"\0")[:4])


class _MaskBit(BitField):
    def i2m(self, pkt: Any, x: Any) -> Any:
        return int(_masked(pkt)) if x is None else x


class _SevenBits(BitField):
    def i2m(self, pkt: Any, x: Any) -> Any:
        return {7: _size(pkt), 16: 126, 64: 127}[_length_bits(pkt)] if x is None else x


class _Extended16(ShortField):
    def i2m(self, pkt: Any, x: Any) -> Any:
        return _size(pkt) & 0xFFFF if x is None else x


class _Extended64(LongField):
    def i2m(self, pkt: Any, x: Any) -> Any:
        return _size(pkt) if x is None else x


class _MaskedData(StrLenField):
    """The payload: unmasked for people, masked on the wire."""

    def m2i(self, pkt: Any, x: Any) -> Any:
        return apply_mask(x, _key(pkt)) if pkt.mask else x

    def i2m(self, pkt: Any, x: Any) -> Any:
        data = super().i2m(pkt, x) or b""
        return apply_mask(data, _key(pkt)) if _masked(pkt) else data


def _payload_length(packet: Any) -> int:
    extended = {126: packet.length16, 127: packet.length64}
    return int(extended.get(packet.length, packet.length) or 0)


class WebSocket(Packet):
    """One frame (RFC 6455 5.2); frames that follow in the same bytes are its payload, one after the other.

    `data` is the unmasked payload. `key` masks it; `mask`, `length`, `length16` and `length64` follow from the rest
    unless they are set: `length=126` forces the 16-bit form, `mask=1` without `key` masks with zeros.
    """

    name = "WebSocket"
    fields_desc = [  # noqa: RUF012  # scapy's way
        BitField("fin", 1, 1),
        BitField("rsv1", 0, 1),
        BitField("rsv2", 0, 1),
        BitField("rsv3", 0, 1),
        BitEnumField("opcode", 1, 4, OPCODES),
        _MaskBit("mask", None, 1),
        _SevenBits("length", None, 7),
        ConditionalField(_Extended16("length16", None), lambda packet: _length_bits(packet) == 16),
        ConditionalField(_Extended64("length64", cast("int", None)), lambda packet: _length_bits(packet) == 64),
        ConditionalField(XStrFixedLenField("key", None, length=4), _masked),
        _MaskedData("data", b"", length_from=_payload_length),
    ]

    @classmethod
    def of(cls, frame: Frame) -> WebSocket:
        """The layer that says what the frame says."""
        return cls(frame.serialize())

    @property
    def frame(self) -> Frame:
        """The frame that the layer's bytes are; raises Incomplete where they end before it does."""
        return self.dissection().value

    def dissection(self) -> Dissection[Frame]:
        """The layer's bytes as dissect_frame sees them, with its findings."""
        return dissect_frame(self.self_build())

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *_args: Any, **_kargs: Any) -> type[Packet]:
        """The opening handshake goes over the same port, and is no frame."""
        return conf.raw_layer if _pkt and _pkt.startswith(HANDSHAKE) else cls

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        """What follows a frame is the next one; scapy makes it Raw where it is too short even for a header."""
        return WebSocket

    @classmethod
    def tcp_reassemble(cls, data: bytes, _metadata: dict[str, Any], _session: dict[str, Any]) -> Packet | None:
        """For scapy's TCPSession: the whole frames that the stream begins with, None while there is none."""
        if data.startswith(HANDSHAKE):
            head, blank, rest = data.partition(b"\r\n\r\n")
            return conf.raw_layer(head + blank) / conf.padding_layer(rest) if blank else None
        end = 0
        while (header := read_header(data, end)) is not None and end + header.end <= len(data):
            end += header.end
        return cls(data[:end]) / conf.padding_layer(data[end:]) if end else None

    def mysummary(self) -> str:
        length = count(_size(self), "byte")
        return f"WebSocket {opcode_name(self.opcode)} {length}{', masked' * _masked(self)}"


def bind_websocket(port: int) -> None:
    """Have scapy see frames in what TCP carries from and to this port, from now on and for the whole process."""
    bind_bottom_up(TCP, WebSocket, sport=port)
    bind_layers(TCP, WebSocket, dport=port)


def dissect_websocket(raw: bytes) -> Dissection[Frame] | Dissection[None]:
    """The frame that the bytes begin with, or as much of it as is there."""
    try:
        return dissect_frame(raw)
    except Incomplete as error:
        return error.partial
