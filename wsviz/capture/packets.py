"""A capture file as one packet table: a structured array with a row a packet, beside one buffer of all bytes."""

from __future__ import annotations

import os
import socket
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from wsviz.capture.fast_headers import address_pairs, decode_headers
from wsviz.capture.gzipped import Gunzipped, decompressed
from wsviz.capture.pcap_records import LARGEST_PACKET, LAST_RECORD_CUT, MAGICS, Records, walk_records
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

_AT_ONCE = 1 << 17  # packets whose headers are decoded together: their columns then stay near the processor


@dataclass(frozen=True, slots=True)
class PacketTable:
    """All packets of a file. `trouble` says why reading ended before the file's end, else it is None.

    `last_in_part` says whether the last packet is what there is of a record that is cut; `wrong_lengths` counts the
    records that claim more than LARGEST_PACKET bytes on the wire and take their captured length; `after_gzip` says
    whether bytes that are no gzip data follow the gzip data.
    """

    rows: Array  # of PACKET
    data: bytes | bytearray  # one copy of it is enough
    addresses: tuple[str, ...]
    trouble: str | None
    last_in_part: bool = False
    wrong_lengths: int = 0
    after_gzip: bool = False

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
    found = _walked(file) or _walked_by_scapy(file, name)
    records, rows = found.records, np.zeros(len(found.records.time), PACKET)
    wrong = records.length > LARGEST_PACKET
    length = np.maximum(np.where(wrong, 0, records.length), records.captured)
    columns = {
        "time": records.time,
        "offset": records.offset,
        "captured": records.captured,
        "length": length,
        "link_type": records.link_type,
    }
    for column, values in columns.items():
        rows[column] = values
    addresses = _decode(rows, found.data)
    in_part = records.last_in_part and found.trouble is not None
    return PacketTable(rows, found.data, addresses, found.trouble, in_part, int(wrong.sum()), found.after_gzip)


@dataclass(frozen=True, slots=True)
class _File:
    records: Records
    data: bytes | bytearray  # in which the records' offsets count
    trouble: str | None
    after_gzip: bool


def _walked(file: IO[bytes]) -> _File | None:
    """The file's records by the fast lane; None where only scapy can say what to make of the file."""
    if decompressed(file).read(4) not in MAGICS:  # before all of it is read: it may be of any size
        return None
    stream = decompressed(file)
    data = stream.read_all() if isinstance(stream, Gunzipped) else stream.read()
    records = walk_records(data)
    if records is None:
        return None
    trouble, more_follows = (LAST_RECORD_CUT if records.cut else None), False
    if isinstance(stream, Gunzipped):
        trouble, more_follows = stream.trouble or trouble, stream.more_follows
    return _File(records, data, trouble, more_follows)


def _walked_by_scapy(file: IO[bytes], name: str) -> _File:
    from wsviz.capture.scapy_bridge import CaptureReader

    reader, data = CaptureReader(file, name), bytearray()
    columns = [array("q") for _ in range(5)]
    for record in reader:
        values = (record.time, len(data), len(record.raw), record.length, record.link_type)
        for column, value in zip(columns, values, strict=True):
            column.append(value)
        data += record.raw
    time, offset, captured, length, link_type = (np.array(column, "i8") for column in columns)
    cut = reader.trouble is not None
    records = Records(time, offset, captured, length, link_type, cut, reader.last_in_part)
    return _File(records, data, reader.trouble, reader.after_gzip)


def _decode(rows: Array, data: bytes | bytearray) -> tuple[str, ...]:
    """Fill in the columns that tell of headers: by the fast lane, else by scapy. Returns the addresses."""
    pairs = _Pairs()
    for start in range(0, len(rows), _AT_ONCE):
        part = rows[start : start + _AT_ONCE]
        undecided = decode_headers(part, data).tolist()
        tcp = np.flatnonzero(part["tcp_packet"])
        keys: dict[int, Pair] = dict(zip(tcp.tolist(), address_pairs(part[tcp], data), strict=True))
        if undecided:
            keys |= _decode_by_scapy(part, data, undecided)
        order = sorted(keys)  # addresses are numbered as they first appear
        numbers = [pairs[keys[index]] for index in order]
        part["source"][order], part["destination"][order] = np.array(pairs.ends, "i4").reshape(-1, 2)[numbers].T
    return tuple(pairs.names)


Pair = int | bytes | tuple[str, str]  # source and destination: IPv4's in 64 bits, IPv6's in 32 bytes, or their texts


class _Pairs(dict[Pair, int]):
    """Numbers pairs of addresses, and the addresses, as they first appear."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, int] = {}
        self.ends: list[tuple[int, int]] = []  # per pair: the numbers of its addresses

    def __missing__(self, pair: Pair) -> int:
        source, destination = (self.names.setdefault(text, len(self.names)) for text in _texts(pair))
        self.ends.append((source, destination))
        self[pair] = number = len(self)
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
