"""The records of a capture file as columns: where each packet lies, when it came, how long it was.

A first walk notes only where each record begins; numpy then reads the fields of all records at once. A file is walked
here, whole or a chunk at a time, only if it is sound, or merely cut at its end; whatever else is odd about it is an
OddFile, and the caller has scapy's reader walk it.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from wsviz.capture.octets import Array, anywhere, different, one_of
from wsviz.capture.record_chain import record_starts

LARGEST_PACKET = 1 << 18  # bytes; a loopback packet has up to 65,549, scapy's own bound for pcap is 262,140
LAST_NS = (1 << 63) - 1  # the tables hold times as int64
NO_INTERFACE = 0xFFFF  # stands for the link type where a packet's interface is not described; no type is so numbered
LAST_RECORD_CUT = "the last record is cut"
NO_LIMIT = (1 << 32) - 1  # a snap length of 0 in a pcapng file
_LARGEST_IN_PCAP = 4 * 65535  # bytes; where scapy's reader cuts the packets of a pcap file
_PCAP = {  # magic: byte order, ns in a tick
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
MAGICS = frozenset({*_PCAP, b"\x0a\x0d\x0d\x0a"})  # what captures begin with
# pcapng: the types of blocks, and how a section says its byte order.
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET, _SECRETS = 0x0A0D0D0A, 1, 2, 3, 6, 10
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_MICROSECONDS = 6  # if_tsresol where an interface does not say it
_RESOLUTION = 9  # the number of that option
_TLS_KEY_LOG = 0x544C534B  # the type of secrets that are lines of a TLS key log
MOST_SECRETS = 16 << 20  # bytes of secrets that are kept of a file


@dataclass(frozen=True, slots=True)
class Records:
    """The packets of a file, a column each: ns since the epoch, the place of their bytes, lengths, link types."""

    time: Array
    offset: Array  # of the first captured byte in the file
    captured: Array
    length: Array  # on the wire, as the file says
    link_type: Array
    cut: bool  # whether the file ends within a record
    last_in_part: bool = False  # whether the last packet is what there is of that record


class OddFile(Exception):
    """The file is neither sound nor merely cut at its end."""


class RecordWalker(Protocol):
    """Walks a file from its first byte on, in chunks that begin where the one before was used up."""

    secrets: bytes  # the TLS key log that the file has brought so far, of a pcapng file

    def take(self, data: bytes | bytearray, *, final: bool) -> tuple[Records, int]:
        """The records of a chunk, their offsets counted from its first byte, and how many bytes of it are used up.

        That is more than the chunk has where a record claims more than any packet holds: so many bytes of the file
        are to be passed over. `final` says that no more bytes follow. Raises OddFile.
        """


def record_walker(magic: bytes) -> RecordWalker | None:
    """What walks a file that begins with these four bytes."""
    if magic in _PCAP:
        return _PcapWalker(*_PCAP[magic])
    return _PcapngWalker() if magic == b"\x0a\x0d\x0d\x0a" else None


def walk_records(data: bytes | bytearray) -> Records | None:
    """All records of a file; None where it is neither sound nor merely cut at its end."""
    try:
        walker = record_walker(bytes(data[:4]))
        return None if walker is None else walker.take(data, final=True)[0]
    except OddFile:
        return None


class _PcapWalker:
    secrets = b""

    def __init__(self, order: str, tick: int) -> None:
        self.order, self.tick = order, tick
        self.link_type: int | None = None  # as the file's header says, once that was read

    def take(self, data: bytes | bytearray, *, final: bool) -> tuple[Records, int]:
        at = 0
        if self.link_type is None:
            if len(data) < 24:
                raise OddFile
            self.link_type, at = struct.unpack_from(f"{self.order}I", data, 20)[0] & 0xFFFF, 24
        start, at = record_starts(data, at, self.order)
        if at > len(data) and not final and len(data) - int(start[-1]) - 16 < _LARGEST_IN_PCAP:
            start, at = start[:-1], int(start[-1])
        headers = anywhere(data, "V16")[start].view(f"{self.order}u4").reshape(-1, 4)
        seconds, rest, claimed, length = (headers[:, column].astype("i8") for column in range(4))
        captured = np.minimum(claimed, _LARGEST_IN_PCAP)
        if in_part := at > len(data):
            captured[-1] = min(captured[-1], len(data) - start[-1] - 16)
        link_type = np.full(len(start), self.link_type, "u2")
        time = seconds * 1_000_000_000 + rest * self.tick
        return Records(time, start + 16, captured, length, link_type, at != len(data), in_part), at


class _PcapngWalker:
    def __init__(self) -> None:
        self.secrets = b""
        self._order = ""  # of the section that the next chunk begins in
        self._interfaces: list[tuple[int, int, int]] = []  # link type, snap length and if_tsresol of each so far
        self._in_earlier_sections = 0  # how many of them

    def take(self, data: bytes | bytearray, *, final: bool) -> tuple[Records, int]:
        blocks, used = self._blocks(data, final)
        least = np.select(
            [blocks.has(_INTERFACE, _SECRETS), blocks.has(_PACKET, _OLD_PACKET), blocks.has(_SIMPLE_PACKET)],
            [20, 32, 16],
        )
        if np.any(blocks.size < least) or np.any(blocks.word(blocks.size - 4) != blocks.size):
            raise OddFile
        for number in np.flatnonzero(blocks.has(_SECRETS)).tolist():
            self._keep_secrets(blocks, number)
        return self._packets(blocks, used < len(data)), used

    def _keep_secrets(self, blocks: _Blocks, number: int) -> None:
        """Keep what a Decryption Secrets Block brings (draft-ietf-opsawg-pcapng 4.7), if it is a TLS key log."""
        start, order = int(blocks.start[number]), ">" if blocks.big[number] else "<"
        kind, length = struct.unpack_from(f"{order}II", blocks.data, start + 8)
        room = min(length, int(blocks.size[number]) - 20, MOST_SECRETS - len(self.secrets))
        if kind == _TLS_KEY_LOG and room > 0:
            self.secrets += bytes(blocks.data[start + 16 : start + 16 + room]) + b"\n"

    def _blocks(self, data: bytes | bytearray, final: bool) -> tuple[_Blocks, int]:
        """The blocks that the chunk holds whole, and where they end."""
        places, sections, at, end = array("q"), [(0, self._order == ">")], 0, len(data)
        note, read = places.append, struct.Struct(f"{self._order or '<'}II").unpack_from
        while end - at >= 12:
            kind, size = read(data, at)
            if kind == _SECTION:
                order = _ORDERS.get(bytes(data[at + 8 : at + 12]), "")
                read = struct.Struct(f"{order}II").unpack_from
                size = read(data, at)[1]
                if size > end - at and not final and size >= 28:
                    break
                if not order or not 28 <= size <= end - at or struct.unpack_from(f"{order}H", data, at + 12)[0] != 1:
                    raise OddFile
                self._order = order
                sections.append((len(places), order == ">"))
            if size < 12 or size & 3:
                raise OddFile
            if size > end - at:
                break
            note(at)
            at += size
        if (not self._order and final) or (final and 8 <= end - at < 12):
            raise OddFile
        counts = np.diff([*(first for first, _ in sections), len(places)])
        return _Blocks(data, np.array(places, "i8"), np.repeat([big for _, big in sections], counts)), at

    def _packets(self, blocks: _Blocks, cut: bool) -> Records:
        which = np.flatnonzero(blocks.has(_PACKET, _OLD_PACKET, _SIMPLE_PACKET))
        simple, old, big = blocks.kind[which] == _SIMPLE_PACKET, blocks.kind[which] == _OLD_PACKET, blocks.big[which]
        first, high, low, captured, length = (blocks.word(at, which) for at in range(8, 28, 4))
        # A simple block is of the section's first interface, the old block has its number in two bytes.
        own = np.select([simple, old], [0, np.where(big, first >> 16, first & 0xFFFF)], first)
        described = len(self._interfaces) + np.cumsum(blocks.has(_INTERFACE))
        sections = np.where(blocks.has(_SECTION), described, self._in_earlier_sections)
        before = np.maximum.accumulate(sections)[which]
        self._in_earlier_sections = int(sections.max(initial=self._in_earlier_sections))
        self._note_interfaces(blocks)
        columns = np.array([*self._interfaces, (NO_INTERFACE, NO_LIMIT, _MICROSECONDS)], "i8").T
        own = np.where(own < described[which] - before, before + own, -1)
        link_type, snap, resolution = (column[own] for column in columns)
        length = np.where(simple, first, length)
        captured = np.where(simple, np.minimum(length, snap), captured)
        room = blocks.size[which] - np.where(simple, 16, 32)
        captured = np.minimum(np.minimum(captured, room), LARGEST_PACKET)
        ticks = high.astype("u8") << np.uint64(32) | low.astype("u8")
        time = np.where(simple, 0, _nanoseconds(ticks, resolution))
        offset = blocks.start[which] + np.where(simple, 12, 28)
        return Records(time, offset, captured, length, link_type, cut)

    def _note_interfaces(self, blocks: _Blocks) -> None:
        for number in np.flatnonzero(blocks.has(_INTERFACE)).tolist():
            start, order = int(blocks.start[number]), ">" if blocks.big[number] else "<"
            link_type, snap = struct.unpack_from(f"{order}HxxI", blocks.data, start + 8)
            options = bytes(blocks.data[start + 16 : start + int(blocks.size[number]) - 4])
            self._interfaces.append((link_type, snap or NO_LIMIT, _resolution(options, order)))


class _Blocks:
    """The blocks of a pcapng file, in columns."""

    def __init__(self, data: bytes | bytearray, start: Array, big: Array) -> None:
        self.data, self.start, self.big = data, start, big  # big: whether its numbers are big-endian
        self._words = anywhere(data, "<u4")
        self.kind, self.size = self.word(0), self.word(4)

    def word(self, at: int | Array, which: Array | slice = slice(None)) -> Array:
        """The four bytes at this offset in each block, as a number; any, where they lie beyond the file."""
        value = self._words[np.minimum(self.start[which] + at, len(self._words) - 1)]
        return np.where(self.big[which], value.byteswap(), value).astype("i8")

    def has(self, *kinds: int) -> Array:
        """Which blocks are of one of these kinds."""
        return one_of(self.kind, kinds)


def _resolution(options: bytes, order: str) -> int:
    at, found = 0, bytes([_MICROSECONDS])
    while len(options) - at >= 4:
        code, length = struct.unpack_from(f"{order}HH", options, at)
        if code == 0:
            break
        if code == _RESOLUTION and at + 4 + length <= len(options):
            found = options[at + 4 : at + 4 + length]
        at += 4 + length + -length % 4
    return found[0] if len(found) == 1 else _MICROSECONDS


def _nanoseconds(ticks: Array, resolution: Array) -> Array:
    """Ticks since the epoch as ns; what an int64 cannot hold is its largest number."""
    time = np.zeros(len(ticks), "i8")
    for code in different(resolution):
        own = resolution == code
        if code <= 9:  # units of 10**-code s
            factor = 10 ** (9 - code)
            time[own] = np.minimum(ticks[own], LAST_NS // factor) * factor
            time[own & (ticks > LAST_NS // factor)] = LAST_NS
        else:  # finer ones, and powers of two: numbers of more than 64 bits
            unit = (2 if code & 0x80 else 10) ** (code & 0x7F)
            time[own] = [min(tick * 1_000_000_000 // unit, LAST_NS) for tick in ticks[own].tolist()]
    return time
