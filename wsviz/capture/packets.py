"""A capture file as one packet table: a structured array with a row a packet, beside one buffer of all bytes."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
import numpy.typing as npt

from wsviz.capture.common_headers import decode_common
from wsviz.capture.fast_headers import address_pairs, decode_headers
from wsviz.capture.gzipped import Gunzipped, decompressed
from wsviz.capture.ip_fragments import Fragments
from wsviz.capture.octets import distinct, joined, picked
from wsviz.capture.pcap_records import LARGEST_PACKET, LAST_RECORD_CUT, OddFile, Records, RecordWalker, record_walker
from wsviz.protocol.fields import CaptureError

Array = npt.NDArray[Any]

PACKET = np.dtype(
    [
        ("time", "i8"),  # ns since the epoch
        ("offset", "i8"),  # of the packet's first byte in the buffer
        ("captured", "u4"),  # bytes in the buffer
        ("length", "u4"),  # bytes on the wire
        ("link_type", "u2"),
        ("tcp_packet", "?"),  # the columns below are 0 where this is False
        ("ip", "u4"),  # byte offsets of the headers in the packet
        ("tcp", "u4"),
        ("payload", "u4"),
        ("end", "u4"),  # first byte after the IP packet: padding follows
        ("source", "i4"),  # index into PacketTable.addresses
        ("destination", "i4"),
        ("source_port", "u2"),
        ("destination_port", "u2"),
        ("seq", "u4"),
        ("ack", "u4"),
        ("flags", "u2"),
        ("window", "u2"),
    ]
)

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_HEADERS_AT_ONCE = 1 << 17  # packets whose headers are decoded together: their columns then stay near the processor
CHUNK = 1 << 23  # bytes of a file that are read together where it is read in chunks
_LARGEST_BLOCK = 1 << 28  # bytes; no chunk grows beyond that for the sake of one block
_SCAPY_CHUNK = 4096  # packets


@dataclass(frozen=True, slots=True)
class PacketTable:
    """All packets of a file. `trouble` says why reading ended before the file's end, else it is None.

    `last_in_part` says whether the last packet is what there is of a record that is cut; `wrong_lengths` counts the
    records that claim more than LARGEST_PACKET bytes on the wire and take their captured length; `after_gzip` says
    whether bytes that are no gzip data follow the gzip data.
    """

    rows: Array  # of PACKET
    data: bytes | bytearray = field(repr=False)  # one copy of it is enough
    addresses: tuple[str, ...]
    trouble: str | None
    last_in_part: bool = False
    wrong_lengths: int = 0
    after_gzip: bool = False
    secrets: bytes = field(default=b"", repr=False)  # the TLS key log that a pcapng file holds
    latest: int = field(init=False)  # when the capture ends, in ns since the epoch: asked for by every connection

    def __post_init__(self) -> None:
        object.__setattr__(self, "latest", int(self.rows["time"].max(initial=0)))

    def raw(self, index: int) -> bytes:
        """The captured bytes of the packet with this index (0-based)."""
        row = self.rows[index]
        return bytes(self.data[row["offset"] : row["offset"] + row["captured"]])


def read_packets(path: str | os.PathLike[str]) -> PacketTable:
    """Read a pcap or pcapng file, plain or gzipped. Raises CaptureError where nothing can be read."""
    with open_capture(path) as file:
        return read_packets_from(file, os.fspath(path))


@contextmanager
def open_capture(path: str | os.PathLike[str]) -> Iterator[IO[bytes]]:
    """The file to read from; what the system then has against reading it becomes a CaptureError as well."""
    name = os.fspath(path)
    try:
        if Path(path).is_dir():
            raise CaptureError(f"{name}: a directory, expected a pcap or pcapng file")
        with Path(path).open("rb") as file:
            yield file
    except FileNotFoundError:
        raise CaptureError(f"{name}: no such file") from None
    except OSError as error:
        raise CaptureError(f"{name}: {error.strerror or error}") from error


def read_packets_from(file: IO[bytes], name: str) -> PacketTable:
    """Read a capture from an open binary file that can seek; of gzipped ones up to 1 GiB of what they unpack to."""
    reader = PacketReader(file, name, chunk=None)
    chunks = list(reader)
    whole = chunks[0] if len(chunks) == 1 else _joined(chunks)
    return PacketTable(
        whole.rows,
        whole.data,
        tuple(reader.addresses),
        reader.trouble,
        reader.last_in_part and reader.trouble is not None,
        reader.wrong_lengths,
        reader.after_gzip,
        reader.secrets,
    )


@dataclass(frozen=True, slots=True)
class Chunk:
    """Packets that follow one another in a file: their rows, whose offsets count in `data`."""

    rows: Array  # of PACKET
    data: bytes | bytearray
    first: int  # the index in the file of the first of them
    pairs: Array  # of each row: the number of its pair of addresses, 0 where it is not TCP


def _joined(chunks: list[Chunk]) -> Chunk:
    rows, data = joined([np.zeros(0, PACKET), *(chunk.rows for chunk in chunks)]), bytearray()
    for chunk in chunks:
        rows["offset"][chunk.first : chunk.first + len(chunk.rows)] += len(data)
        data += chunk.data
    return Chunk(rows, data, 0, np.concatenate([np.zeros(0, "i4"), *(chunk.pairs for chunk in chunks)]))


class Packets(Protocol):
    """Packets, to be iterated over once in chunks; their addresses are numbered over all of them."""

    @property
    def addresses(self) -> Sequence[str]:
        """The addresses met so far, by their numbers."""

    @property
    def secrets(self) -> bytes:
        """The TLS key log that the file holds, known at its end."""

    def __iter__(self) -> Iterator[Chunk]: ...

    def reverse(self, pair: int) -> int:
        """The number of a pair of addresses the other way round."""


class TablePackets:
    """The packets of a table, `chunk` bytes of them or so at once."""

    def __init__(self, table: PacketTable, *, chunk: int = CHUNK) -> None:
        self._table, self.addresses, self.secrets, self._chunk = table, table.addresses, table.secrets, chunk
        keys = table.rows["source"].astype("i8") << 32 | table.rows["destination"]
        self._keys, self._pairs = np.unique(keys, return_inverse=True)
        self._numbers = {key: number for number, key in enumerate(self._keys.tolist())}

    def __iter__(self) -> Iterator[Chunk]:
        rows, data = self._table.rows, self._table.data
        if len(data) <= self._chunk:
            yield Chunk(rows, data, 0, self._pairs)
            return
        ends = rows["offset"] + rows["captured"]
        first = 0
        while first < len(rows):
            begin = int(rows["offset"][first])
            after = max(first + 1, int(np.searchsorted(ends, begin + self._chunk)))
            some = rows[first:after].copy()
            some["offset"] -= begin
            yield Chunk(some, bytes(data[begin : ends[after - 1]]), first, self._pairs[first:after])
            first = after

    def reverse(self, pair: int) -> int:
        """The number of a pair of addresses the other way round; one that no pair has where there is none."""
        key = int(self._keys[pair])
        return self._numbers.get((key & 0xFFFFFFFF) << 32 | key >> 32, ~pair)


class PacketReader:
    """Reads a capture chunk by chunk, `chunk` bytes or so at once, None for all of it; iterate over it once.

    The addresses are numbered over all chunks; what is known of the whole file, as the attributes of a PacketTable,
    is known at its end. Raises CaptureError where nothing can be read.
    """

    def __init__(self, file: IO[bytes], name: str, *, chunk: int | None = CHUNK) -> None:
        self._file, self._name, self._chunk = file, name, chunk
        self._pairs, self._fragments = _Pairs(), Fragments()
        self.packets = 0  # read so far
        self.trouble: str | None = None
        self.last_in_part = self.after_gzip = False
        self.wrong_lengths = 0
        self.secrets = b""

    @property
    def addresses(self) -> list[str]:
        """The addresses met so far, by their numbers."""
        return list(self._pairs.names)

    def __iter__(self) -> Iterator[Chunk]:
        walker = record_walker(decompressed(self._file).read(4))  # before more of it is read: it may be of any size
        if walker is not None:
            try:
                for records, data in self._walked(walker):
                    yield self._decoded(records, data)
                    del data  # before the next chunk is there
                return
            except OddFile:  # only scapy can say what to make of the rest of it
                pass
        yield from self._by_scapy()

    def _walked(self, walker: RecordWalker) -> Iterator[tuple[Records, bytes | bytearray]]:
        stream, wanted = decompressed(self._file), self._chunk
        while True:
            data = _all_of(stream) if wanted is None else stream.read(wanted)
            final = wanted is None or len(data) < wanted
            records, used = walker.take(data, final=final)
            missing = max(used - len(data), 0) if not final else 0
            over = bool(missing) and _passed_over(stream, missing) < missing
            if final or over:
                self._end(records, stream, over)
                self.secrets = walker.secrets
                yield records, data
                return
            if not used and len(data) >= _LARGEST_BLOCK:
                raise OddFile
            _put_back(stream, data[used:])
            wanted = self._chunk if used else 2 * len(data)
            yield records, data
            del data  # before the next chunk is there

    def _end(self, records: Records, stream: IO[bytes] | Gunzipped, over: bool) -> None:
        self.trouble = LAST_RECORD_CUT if records.cut or over else None
        self.last_in_part = records.last_in_part or over
        if isinstance(stream, Gunzipped):
            self.trouble, self.after_gzip = stream.trouble or self.trouble, stream.more_follows

    def _by_scapy(self) -> Iterator[Chunk]:
        """What follows the packets read so far, as scapy's reader sees it."""
        from wsviz.capture.scapy_bridge import CaptureReader

        reader, known = CaptureReader(self._file, self._name), self.packets
        records = itertools.islice(reader, known, None)
        while batch := list(itertools.islice(records, None if self._chunk is None else _SCAPY_CHUNK)):
            size = np.array([len(record.raw) for record in batch], "i8")
            columns = ([r.time for r in batch], np.cumsum(size) - size, size, [r.length for r in batch])
            time, offset, captured, length = (np.array(column, "i8") for column in columns)
            link_type = np.array([record.link_type for record in batch], "i8")
            found = Records(time, offset, captured, length, link_type, cut=False)
            yield self._decoded(found, b"".join(record.raw for record in batch))
        self.trouble, self.last_in_part, self.after_gzip = reader.trouble, reader.last_in_part, reader.after_gzip

    def _decoded(self, records: Records, data: bytes | bytearray) -> Chunk:
        rows = np.zeros(len(records.time), PACKET)
        wrong = records.length > LARGEST_PACKET
        self.wrong_lengths += int(wrong.sum())
        columns = {
            "time": records.time,
            "offset": records.offset,
            "captured": records.captured,
            "length": np.maximum(np.where(wrong, 0, records.length), records.captured),
            "link_type": records.link_type,
        }
        for column, values in columns.items():
            rows[column] = values
        pairs = self._decode(rows, data)
        self.packets += len(rows)
        return Chunk(rows, data, self.packets - len(rows), pairs)

    def _decode(self, rows: Array, data: bytes | bytearray) -> Array:
        """Fill in what the headers tell, by the fast lanes, else by scapy; returns the pairs of addresses."""
        pairs, found = self._pairs, np.zeros(len(rows), "i4")
        for start in range(0, len(rows), _HEADERS_AT_ONCE):
            part = rows[start : start + _HEADERS_AT_ONCE]
            common, addresses = decode_common(part, data)
            rest = self._decode_rest(part, self.packets + start, data, common)
            first, which = distinct(addresses)
            keys: list[Pair] = addresses[first].tolist()
            places = dict(zip(keys, common[first].tolist(), strict=True))
            for row, key in rest.items():
                places[key] = min(row, places.get(key, row))
            for key in sorted(places, key=lambda key: places[key]):  # they are numbered as they first appear
                pairs[key]
            numbers = found[start : start + _HEADERS_AT_ONCE]
            numbers[common] = np.array([pairs[key] for key in keys], "i4")[which]
            numbers[list(rest)] = [pairs[key] for key in rest.values()]
            for name, ends in zip(("source", "destination"), np.array(pairs.ends or [(0, 0)], "i4").T, strict=True):
                part[name] = ends[numbers] * part["tcp_packet"]
        return found

    def _decode_rest(self, rows: Array, first: int, data: bytes | bytearray, decoded: Array) -> dict[int, Pair]:
        """Fill in all rows but those that are decoded; returns the addresses of the ones that are TCP.

        `first` is the number of the first of them among all packets of the file.
        """
        open_rows = np.ones(len(rows), "?")
        open_rows[decoded] = False
        which = np.flatnonzero(open_rows)
        rest = picked(rows, which)
        undecided = decode_headers(rest, first + which, data, self._fragments).tolist()
        tcp = np.flatnonzero(rest["tcp_packet"])
        keys: dict[int, Pair] = dict(zip(which[tcp].tolist(), address_pairs(rest[tcp], data), strict=True))
        if undecided:
            found = _decode_by_scapy(rest, data, undecided)
            keys |= {int(which[index]): pair for index, pair in found.items()}
        rows[which] = rest
        return keys

    def reverse(self, pair: int) -> int:
        """The number of a pair of addresses the other way round."""
        return self._pairs.number_of(*reversed(self._pairs.ends[pair]))


def _all_of(stream: IO[bytes] | Gunzipped) -> bytes | bytearray:
    return stream.read_all() if isinstance(stream, Gunzipped) else stream.read()


def _put_back(stream: IO[bytes] | Gunzipped, data: bytes | bytearray) -> None:
    """Have what was read come again."""
    if isinstance(stream, Gunzipped):
        stream.put_back(data)
    else:
        stream.seek(-len(data), os.SEEK_CUR)


def _passed_over(stream: IO[bytes] | Gunzipped, size: int) -> int:
    """Read so many bytes and forget them; how many there were."""
    there = 0
    while there < size and (some := len(stream.read(min(CHUNK, size - there)))):
        there += some
    return there


Pair = int | bytes | tuple[str, str]  # source and destination: IPv4's in 64 bits, IPv6's in 32 bytes, or their texts


class _Pairs(dict[Pair, int]):
    """Numbers pairs of addresses, and the addresses, as they first appear."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}
        self.ends: list[tuple[int, int]] = []  # per pair: the numbers of its addresses
        self._numbers: dict[tuple[int, int], int] = {}

    def __missing__(self, pair: Pair) -> int:
        source, destination = (self.names.setdefault(text, len(self.names)) for text in _texts(pair))
        self[pair] = number = self.number_of(source, destination)
        return number

    def number_of(self, source: int, destination: int) -> int:
        """The number of the pair of these two addresses, given by their numbers."""
        number = self._numbers.setdefault((source, destination), len(self.ends))
        if number == len(self.ends):
            self.ends.append((source, destination))
        return number


def _texts(pair: Pair) -> tuple[str, str]:
    if isinstance(pair, tuple):
        return pair
    family = socket.AF_INET if isinstance(pair, int) else socket.AF_INET6
    raw = pair.to_bytes(8, "big") if isinstance(pair, int) else pair
    half = len(raw) // 2
    return socket.inet_ntop(family, raw[:half]), socket.inet_ntop(family, raw[half:])


def _decode_by_scapy(rows: Array, data: bytes | bytearray, undecided: list[int]) -> dict[int, Pair]:
    """Fill in the rows that the fast lane left open; returns the addresses of those that are TCP."""
    from wsviz.capture.scapy_bridge import locate_headers

    found: dict[int, Pair] = {}
    for index in undecided:
        row = rows[index]
        raw = bytes(data[row["offset"] : row["offset"] + row["captured"]])
        headers = locate_headers(int(row["link_type"]), raw, int(row["length"]))
        if headers is not None:
            found[index] = (headers.source, headers.destination)
            for name, value in {**headers._asdict(), "source": 0, "destination": 0, "tcp_packet": True}.items():
                row[name] = value
    return found
