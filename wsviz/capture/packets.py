"""A capture file as one packet table: a structured array with a row a packet, beside one buffer of all bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from wsviz.capture.scapy_bridge import CaptureReader, Record, locate_headers
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


@dataclass(frozen=True, slots=True)
class PacketTable:
    """All packets of a file. `trouble` says why reading ended before the file's end, else it is None.

    The last three are those of `CaptureReader`.
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
    reader = CaptureReader(file, name)
    addresses: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    data = bytearray()
    for record in reader:
        rows.append(_row(record, len(data), addresses))
        data += record.raw
    return PacketTable(
        np.array(rows, dtype=PACKET),
        data,
        tuple(addresses),
        reader.trouble,
        reader.last_in_part and reader.trouble is not None,
        reader.wrong_lengths,
        reader.after_gzip,
    )


def _row(record: Record, offset: int, addresses: dict[str, int]) -> tuple[Any, ...]:
    start = (record.time, offset, len(record.raw), record.length, record.link_type)
    headers = locate_headers(record.link_type, record.raw, record.length)
    if headers is None:
        return (*start, False, *(0,) * 12)
    source = addresses.setdefault(headers.source, len(addresses))
    destination = addresses.setdefault(headers.destination, len(addresses))
    return (*start, True, *headers[:4], source, destination, *headers[6:])
