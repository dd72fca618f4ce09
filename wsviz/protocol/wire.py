"""The numbers of RFC 6455 5.2: opcodes, status codes, bit masks, the masking step, the frame header as a record."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from wsviz.protocol.fields import ProtocolError

Bytes = bytes | bytearray | memoryview

FIN, RSV1, RSV2, RSV3, OPCODE = 0b1000_0000, 0b0100_0000, 0b0010_0000, 0b0001_0000, 0b0000_1111
MASK, LENGTH = 0b1000_0000, 0b0111_1111
MAX_CONTROL_BODY = 125
PREVIEW_BYTES = 32


class Opcode(IntEnum):
    """What a frame is (RFC 6455 5.2); the values left out are reserved."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class CloseCode(IntEnum):
    """Status codes of the Close frame (RFC 6455 7.4.1 and IANA's registry)."""

    NORMAL_CLOSURE = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    NO_STATUS_RECEIVED = 1005
    ABNORMAL_CLOSURE = 1006
    INVALID_PAYLOAD_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    MANDATORY_EXTENSION = 1010
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    BAD_GATEWAY = 1014
    TLS_HANDSHAKE = 1015


NOT_FOR_THE_WIRE = frozenset({CloseCode.NO_STATUS_RECEIVED, CloseCode.ABNORMAL_CLOSURE, CloseCode.TLS_HANDSHAKE})


def opcode_name(opcode: int) -> str:
    """The name of an opcode: "text", "ping", ... or "reserved 3"."""
    try:
        return Opcode(opcode).name.lower()
    except ValueError:
        return f"reserved {opcode}"


def close_code_name(code: int) -> str:
    """What a status code says, such as "normal closure"; for unregistered codes, whose range it lies in."""
    try:
        return CloseCode(code).name.lower().replace("_", " ")
    except ValueError:
        pass
    if 3000 <= code <= 3999:
        return "for libraries, registered with IANA"
    if 4000 <= code <= 4999:
        return "for private use"
    return "reserved" if code == 1004 or 1016 <= code <= 2999 else "undefined"


def as_bytes(data: Bytes, what: str = "data") -> bytes:
    """The same as bytes. Raises ProtocolError for anything else, such as hex that was not decoded."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    hint = "; bytes.fromhex() reads hex" if isinstance(data, str) else ""
    raise ProtocolError(f"{what} is of type {type(data).__name__}, expected bytes{hint}")


def apply_mask(data: Bytes, key: bytes) -> bytes:
    """XOR each byte i with key byte i mod 4; masking and unmasking are the same step (RFC 6455 5.3).

    Raises ProtocolError unless the key has 4 bytes.
    """
    if len(key) != 4:
        raise ProtocolError(f"the masking key has {len(key)} bytes, expected 4")
    size = len(data)
    # One XOR of two big integers: linear, and without a Python loop over the bytes.
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def shortest_length_bits(length: int) -> int:
    """7, 16 or 64: the shortest form of a payload length in bytes."""
    if length <= 125:
        return 7
    return 16 if length <= 0xFFFF else 64


class Header(NamedTuple):
    """The header of a frame as numbers: cheap enough to walk long streams with."""

    first: int  # FIN, RSV1-3 and opcode
    second: int  # MASK and the 7-bit length
    payload_length: int  # bytes
    masking_key: bytes | None
    size: int  # bytes of the header, key included

    @property
    def opcode(self) -> int:
        return self.first & OPCODE

    @property
    def length_bits(self) -> int:
        return {126: 16, 127: 64}.get(self.second & LENGTH, 7)

    @property
    def end(self) -> int:
        """Bytes of the whole frame."""
        return self.size + self.payload_length


def read_header(data: Bytes, start: int = 0) -> Header | None:
    """The header that begins at `start`, or None where the bytes end before it does."""
    if len(data) < start + 2:
        return None
    first, second = data[start], data[start + 1]
    length, size = second & LENGTH, 2
    if length >= 126:
        size = 4 if length == 126 else 10
        length = int.from_bytes(data[start + 2 : start + size], "big")
    key = None
    if second & MASK:
        key = bytes(data[start + size : start + size + 4])
        size += 4
    return Header(first, second, length, key, size) if len(data) >= start + size else None


def bytes_missing(data: Bytes, header: Header | None) -> int:
    """How many bytes the frame that `data` begins lacks, as far as they tell; `header` as read from them."""
    if header is not None:
        return header.end - len(data)
    size, seven = 2, 0
    if len(data) >= 2:
        # Seven bits of length are known before the header is whole; longer forms say the length at its end.
        seven = data[1] & LENGTH
        size += {126: 2, 127: 8}.get(seven, 0) + (4 if data[1] & MASK else 0)
    return size - len(data) + (seven if seven < 126 else 0)


def preview(data: bytes, *, as_text: bool = True) -> str:
    """Bytes in words: quoted text where they are readable UTF-8, else hex; at most 32 of them, the rest counted."""
    shown = data[:PREVIEW_BYTES]
    rest = f" ... {count(len(data) - len(shown), 'more byte')}" if len(data) > len(shown) else ""
    # A character may be cut where the preview ends: that is no reason to fall back to hex.
    text = shown.decode(errors="ignore" if rest else "replace") if as_text else "\ufffd"
    if all(char.isprintable() and char != "\ufffd" for char in text):
        return f'"{text}"{rest}'
    return shown.hex(" ") + rest


def count(number: int, noun: str) -> str:
    """A count with its noun: "1 byte", "5 bytes"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
