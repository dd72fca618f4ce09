"""The slow lane: a packet table made by scapy alone, packet by packet, to which the fast lane is held."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from wsviz.capture.packets import PACKET, PacketTable
from wsviz.capture.pcap_records import LARGEST_PACKET
from wsviz.capture.scapy_bridge import CaptureReader, locate_headers


def read_by_scapy(file: bytes) -> PacketTable:
    """What `read_packets_from` gives, from scapy's reader and scapy's dissection of every packet."""
    reader = CaptureReader(io.BytesIO(file), "made.pcap")
    addresses: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    data, wrong = bytearray(), 0
    for raw, time, claimed, link_type in reader:
        wrong += claimed > LARGEST_PACKET
        length = max(len(raw), 0 if claimed > LARGEST_PACKET else claimed)
        start = (time, len(data), len(raw), length, link_type)
        headers = locate_headers(link_type, raw, length)
        if headers is None:
            rows.append((*start, False, *(0,) * 12))
        else:
            source, destination = (
                addresses.setdefault(text, len(addresses)) for text in (headers.source, headers.destination)
            )
            rows.append((*start, True, *headers[:4], source, destination, *headers[6:]))
        data += raw
    table, cut = np.array(rows, dtype=PACKET), reader.trouble is not None
    return PacketTable(
        table, data, tuple(addresses), reader.trouble, cut and reader.last_in_part, wrong, reader.after_gzip
    )


def assert_equal(ours: PacketTable, scapys: PacketTable) -> None:
    """Law 5: the same row for every packet, the same bytes, the same words about the file."""
    assert len(ours.rows) == len(scapys.rows)
    assert ours.addresses == scapys.addresses
    for name in PACKET.names or ():
        if name != "offset":  # in the buffer, which is laid out differently
            differing = np.flatnonzero(ours.rows[name] != scapys.rows[name])
            assert not differing.size, (name, ours.raw(differing[0]).hex(), ours.rows[differing[0]])
    assert all(ours.raw(index) == scapys.raw(index) for index in range(len(ours.rows)))
    for name in ("trouble", "last_in_part", "wrong_lengths", "after_gzip"):
        assert getattr(ours, name) == getattr(scapys, name), name
