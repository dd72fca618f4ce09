"""Packets as bytes: columns to the records of a pcap file, Ethernet, IPv4 and TCP, with true checksums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FIN, SYN, PSH, ACK = 0x01, 0x02, 0x08, 0x10
FILE_HEADER = np.array([0xA1B2C3D4, 0x00040002, 0, 0, 262144, 1], "<u4").tobytes()  # microseconds, Ethernet
# MSS 1460, SACK permitted, window scale 10: what a SYN has beside its timestamps.
SYN_OPTIONS = bytes.fromhex("020405b4 0402 03030a 000000")

HEADERS = np.dtype(
    [
        ("seconds", "<u4"),  # the record
        ("microseconds", "<u4"),
        ("captured", "<u4"),
        ("length", "<u4"),
        ("mac_destination", "S6"),  # Ethernet
        ("mac_source", "S6"),
        ("ether_type", ">u2"),
        ("version", "u1"),  # IPv4
        ("service", "u1"),
        ("total_length", ">u2"),
        ("identification", ">u2"),
        ("fragment", ">u2"),
        ("time_to_live", "u1"),
        ("protocol", "u1"),
        ("ip_checksum", ">u2"),
        ("source", ">u4"),
        ("destination", ">u4"),
        ("source_port", ">u2"),  # TCP
        ("destination_port", ">u2"),
        ("seq", ">u4"),
        ("ack", ">u4"),
        ("data_offset", "u1"),
        ("flags", "u1"),
        ("window", ">u2"),
        ("tcp_checksum", ">u2"),
        ("urgent", ">u2"),
        ("option", ">u4"),  # NOP, NOP, timestamps
        ("timestamp", ">u4"),
        ("echo", ">u4"),
    ]
)
RECORD, ETHERNET, IP, TCP = 16, 14, 20, 32  # bytes of the headers
_MACS = (b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02")


@dataclass(frozen=True, slots=True)
class Columns:
    """Packets between a client (side 0) and a server (side 1), a row each."""

    time: Array  # microseconds since the epoch
    side: Array  # who sends: 0 or 1
    seq: Array
    ack: Array
    flags: Array
    start: Array  # of the data in the sender's stream
    size: Array  # of the data, bytes; a SYN's are its options
    echo: Array  # the timestamp that is echoed, ms

    def rows(self, which: Array) -> Columns:
        """Some of the packets."""
        return Columns(*(getattr(self, name)[which] for name in self.__slots__))


def records(packets: Columns, ends: tuple[tuple[int, int], ...], streams: tuple[bytes, bytes]) -> list[bytes]:
    """A record of the file for each packet. `ends` are address and port of the client, then of the server."""
    rows, from_client = np.zeros(len(packets.time), HEADERS), packets.side == 0
    (client, client_port), (server, server_port) = ends
    rows["seconds"], rows["microseconds"] = np.divmod(packets.time, 1_000_000)
    rows["captured"] = rows["length"] = ETHERNET + IP + TCP + packets.size
    rows["mac_source"] = np.where(from_client, *_MACS)
    rows["mac_destination"] = np.where(from_client, *_MACS[::-1])
    rows["ether_type"], rows["version"], rows["time_to_live"], rows["protocol"] = 0x0800, 0x45, 64, 6
    rows["fragment"] = 0x4000  # "don't fragment"
    rows["total_length"] = IP + TCP + packets.size
    rows["identification"] = packets.seq & 0xFFFF
    rows["source"], rows["destination"] = np.where(from_client, client, server), np.where(from_client, server, client)
    rows["source_port"] = np.where(from_client, client_port, server_port)
    rows["destination_port"] = np.where(from_client, server_port, client_port)
    rows["seq"], rows["ack"], rows["flags"] = packets.seq & 0xFFFFFFFF, packets.ack & 0xFFFFFFFF, packets.flags
    options = np.where(packets.flags & SYN, len(SYN_OPTIONS), 0)
    rows["data_offset"] = (TCP + options) // 4 << 4
    rows["window"], rows["option"] = 60_000, 0x0101080A
    rows["timestamp"], rows["echo"] = packets.time // 1000 & 0xFFFFFFFF, packets.echo & 0xFFFFFFFF
    _fill_in_checksums(rows, packets, streams)
    return _joined(rows, packets, streams)


def _fill_in_checksums(rows: Array, packets: Columns, streams: tuple[bytes, bytes]) -> None:
    """The checksums of RFC 1071: 16-bit words, added with the carries, inverted."""
    words = rows.view("u1").reshape(len(rows), -1)[:, RECORD + ETHERNET :].copy().view(">u2").astype("i8")
    rows["ip_checksum"] = _folded(words[:, : IP // 2].sum(axis=1))
    data = np.zeros(len(rows), "i8")
    for side, stream in enumerate(streams):
        own = packets.side == side
        data[own] = _sums(stream, packets.start[own], packets.size[own])
    pseudo_header = words[:, 6:10].sum(axis=1) + 6 + TCP + packets.size
    rows["tcp_checksum"] = _folded(words[:, IP // 2 :].sum(axis=1) + pseudo_header + data)


def _sums(stream: bytes, start: Array, size: Array) -> Array:
    """The sum of 16-bit words of these stretches, an odd last byte being a word's high byte."""
    data = np.frombuffer(stream, "u1")
    odd_place = np.arange(len(data), dtype="u4") & 1
    # Differences of these sums are right even where the sums themselves pass 32 bits.
    high, low = (
        np.concatenate([np.zeros(1, "u4"), np.cumsum(data * (odd_place == parity), dtype="u4")]) for parity in (0, 1)
    )
    stop, from_odd = start + size, start & 1 == 1
    even_bytes, odd_bytes = high[stop] - high[start], low[stop] - low[start]
    even_bytes, odd_bytes = even_bytes.astype("i8"), odd_bytes.astype("i8")
    total: Array = np.where(from_odd, odd_bytes, even_bytes) * 256 + np.where(from_odd, even_bytes, odd_bytes)
    return total


def _folded(total: Array) -> Array:
    total = (total & 0xFFFF) + (total >> 16)
    return ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF


def _joined(rows: Array, packets: Columns, streams: tuple[bytes, bytes]) -> list[bytes]:
    heads, size = rows.tobytes(), HEADERS.itemsize
    columns = (packets.side.tolist(), packets.start.tolist(), (packets.start + packets.size).tolist())
    return [
        heads[at : at + size] + streams[side][start:stop]
        for at, side, start, stop in zip(range(0, len(heads), size), *columns, strict=True)
    ]


def frames(first: Array, payload_lengths: Array, payload: bytes, keys: Array | None) -> tuple[bytes, Array]:
    """WebSocket frames one after the other (RFC 6455 5.2), and the size of each.

    `first` are their first bytes; `payload` is that of all, unmasked; `keys` are n x 4 bytes, None for a server.
    """
    long, longest = payload_lengths >= 126, payload_lengths >= 65536
    head = np.select([longest, long], [10, 4], 2) + (0 if keys is None else 4)
    sizes = head + payload_lengths
    at = np.cumsum(sizes) - sizes
    wire = np.zeros(int(sizes.sum()), "u1")
    wire[at] = first
    wire[at + 1] = np.select([longest, long], [127, 126], payload_lengths) | (0 if keys is None else 0x80)
    for which, width in ((long & ~longest, 2), (longest, 8)):
        for place in range(width):
            wire[at[which] + 2 + place] = payload_lengths[which] >> 8 * (width - 1 - place) & 0xFF
    inner = np.arange(len(payload)) - np.repeat(np.cumsum(payload_lengths) - payload_lengths, payload_lengths)
    data = np.frombuffer(payload, "u1")
    if keys is not None:
        for place in range(4):
            wire[at + head - 4 + place] = keys[:, place]
        data = data ^ keys.reshape(-1)[np.repeat(np.arange(len(keys)) * 4, payload_lengths) + (inner & 3)]
    wire[inner + np.repeat(at + head, payload_lengths)] = data
    return wire.tobytes(), sizes
