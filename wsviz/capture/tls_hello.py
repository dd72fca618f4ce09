"""How a TLS connection begins: its records, and what both hellos say (RFC 5246 7.4.1, RFC 8446 4.1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from wsviz.capture.direction import Direction

HEADER = 5  # bytes of a record's header: content type, version, length
MAX_BODY = (1 << 14) + 2048  # RFC 5246 6.2.3; RFC 8446 5.2 allows less
HELLOS_END = 1 << 18  # bytes of a direction in which its hellos are looked for
_AT_ONCE = 1 << 20  # bytes of a direction that are read together
_HEAD = Struct(">BBxH")
_SUPPORTED_VERSIONS, _EARLY_DATA = 43, 42  # extensions
# The random of a ServerHello that asks the client to send another hello (RFC 8446 4.1.3).
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


class Content(IntEnum):
    """What a record holds (RFC 8446 5.1)."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class Message(IntEnum):
    """Handshake messages that matter here (RFC 5246 7.4, RFC 8446 4)."""

    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    RETRY_REQUEST = 6  # goes over the wire as a ServerHello with a random of its own
    FINISHED = 20
    KEY_UPDATE = 24


class Record(NamedTuple):
    """One record as it is on the wire; `offset` is that of its header in the stream."""

    offset: int
    kind: int
    body: bytes

    @property
    def end(self) -> int:
        return self.offset + HEADER + len(self.body)


def is_tls(head: bytes) -> bool:
    """Whether the bytes begin with a TLS record."""
    # RFC 8446 5.1: content type 20 to 23, legacy version 3.x, a length of at most 2^14 + 256
    return len(head) >= HEADER and 20 <= head[0] <= 23 and head[1] == 3 and head[2] <= 4 and head[3] <= 0x41


class Hellos(NamedTuple):
    """What both sides said in the clear."""

    client_random: bytes
    early_data: bool  # whether the client offered 0-RTT
    server_random: bytes
    version: int
    suite: int
    compressed: bool


@dataclass(slots=True)
class Messages:
    """Puts handshake messages together, which need not begin and end where records do."""

    pending: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The messages that are whole now: their types and bodies."""
        self.pending += data
        while len(self.pending) >= 4:
            end = 4 + int.from_bytes(self.pending[1:4])
            if len(self.pending) < end:
                return
            kind, body = self.pending[0], bytes(self.pending[4:end])
            del self.pending[:end]
            if kind == Message.SERVER_HELLO and body[2:34] == _RETRY:
                kind = Message.RETRY_REQUEST
            yield kind, body


def records(direction: Direction, start: int, end: int) -> Iterator[Record]:
    """The whole records between two stream offsets, up to the first bytes that are none."""
    while True:
        block, at = direction.read(start, min(start + _AT_ONCE, end)), 0
        while (size := body_size(block, at)) is not None and at + HEADER + size <= len(block):
            yield Record(start + at, block[at], block[at + HEADER : at + HEADER + size])
            at += HEADER + size
        if not at:
            return
        start += at


def body_size(data: bytes, at: int = 0) -> int | None:
    """The bytes that follow the header of the record here; None where there is no header of a record."""
    if len(data) - at < HEADER:
        return None
    kind, major, size = _HEAD.unpack_from(data, at)
    return int(size) if 20 <= kind <= 24 and major == 3 and size <= MAX_BODY else None


def hello_of(direction: Direction) -> tuple[int, bytes] | None:
    """The type and body of the first handshake message of a direction.

    Where a server asks the client to retry, that already says what its ServerHello will choose (RFC 8446 4.1.4), and
    the client's second hello has the random of the first one.
    """
    messages = Messages()
    for record in records(direction, 0, min(direction.first_gap, HELLOS_END)):
        if record.kind == Content.APPLICATION_DATA:
            break
        for kind, body in messages.feed(record.body) if record.kind == Content.HANDSHAKE else ():
            return kind, body
    return None


def read_hellos(asked: bytes, answered: bytes) -> Hellos | None:
    """What a ClientHello and its ServerHello say, None where one of them is cut short or garbled."""
    if len(asked) < 38 or len(answered) < 38:
        return None
    try:
        suites = 35 + asked[34]
        methods = suites + 2 + int.from_bytes(asked[suites : suites + 2])
        offered = _extensions(asked, methods + 1 + asked[methods])
        suite = 35 + answered[34]
        chosen = _extensions(answered, suite + 3)
        compressed = answered[suite + 2] != 0
    except IndexError:
        return None
    version = int.from_bytes(chosen.get(_SUPPORTED_VERSIONS, answered[:2]))
    number = int.from_bytes(answered[suite : suite + 2])
    early = _EARLY_DATA in offered
    return Hellos(asked[2:34], early, answered[2:34], version, number, compressed)


def _extensions(hello: bytes, at: int) -> dict[int, bytes]:
    """The extensions of a hello, from their length on; none where there are none."""
    found, at = dict[int, bytes](), at + 2
    while at + 4 <= len(hello):
        end = at + 4 + int.from_bytes(hello[at + 2 : at + 4])
        found[int.from_bytes(hello[at : at + 2])] = hello[at + 4 : end]
        at = end
    return found
