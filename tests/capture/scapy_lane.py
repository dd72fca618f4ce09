"""The slow lane: a packet table made by scapy alone, packet by packet, to which the fast lane is held."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

import numpy as np

from wsviz.capture.fast_headers import LINK_TYPES
from wsviz.capture.packets import PACKET, PacketTable
from wsviz.capture.pcap_records import LARGEST_PACKET
from wsviz.capture.scapy_bridge import CaptureReader, Headers, Record, dissect_packet, locate_headers

from scapy.layers.inet import IP, TCP  # isort: skip
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop  # isort: skip
from scapy.layers.l2 import CookedLinux, Dot1Q, Ether, Loopback, LoopbackOpenBSD  # isort: skip


def read_by_scapy(file: bytes) -> PacketTable:
    """What `read_packets_from` gives, from scapy's reader and scapy's dissection of every packet."""
    reader = CaptureReader(io.BytesIO(file), "made.pcap")
    addresses: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    data, wrong, records = bytearray(), 0, []
    for record in reader:
        wrong += record.length > LARGEST_PACKET
        length = max(len(record.raw), 0 if record.length > LARGEST_PACKET else record.length)
        records.append(record._replace(length=length))
    found = [locate_headers(record.link_type, record.raw, record.length) for record in records]
    for (raw, time, length, link_type), headers in zip(records, with_fragments(records, found), strict=True):
        start = (time, len(data), len(raw), length, link_type)
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


class Part(NamedTuple):
    """What scapy says of a fragment of IP right above the link layer, be it a packet's first or a later one."""

    key: tuple[object, ...]
    protocol: int
    into: int
    ip: int
    start: int
    end: int


def with_fragments(records: list[Record], found: list[Headers | None]) -> list[Headers | None]:
    """The headers, with those of later IP fragments, made from the nearest first fragment of the same packet."""
    parts, out = [_part(record) for record in records], list(found)
    firsts = [n for n, part in enumerate(parts) if part and not part.into and found[n] and _is_plain(records[n])]
    for number, part in enumerate(parts):
        if part is None or not part.into or part.end <= part.start:
            continue
        own = [n for n in firsts if parts[n][:2] == part[:2]]  # type: ignore[index]
        nearest = min(own, key=lambda n: abs(n - number), default=-1)
        first = found[nearest] if own else None
        if first is None or abs(records[nearest].time - records[number].time) > 60 * 10**9:
            continue
        behind = part.into - (first.payload - first.tcp)
        if behind >= 0:
            seq = (first.seq + (first.flags >> 1 & 1) + behind) % 2**32
            place = {"ip": part.ip, "tcp": part.start, "payload": part.start, "end": part.end}
            out[number] = first._replace(**place, seq=seq, flags=first.flags & 0b1_1111_1000)
    return out


def _is_plain(record: Record) -> bool:
    """Whether the fast lane decides this TCP packet."""
    packet = dissect_packet(record.link_type, record.raw)
    assert packet is not None
    tcp, present = packet[TCP], len(packet[TCP].original)
    return 20 <= 4 * tcp.dataofs <= present and "AO" not in dict(tcp.options)


def _part(record: Record) -> Part | None:
    layer = dissect_packet(record.link_type, record.raw) if record.link_type in LINK_TYPES else None
    if isinstance(layer, (Loopback, LoopbackOpenBSD)) and sorted(record.raw[:4])[:3] != [0, 0, 0]:
        return None  # scapy looks at part of such a family only
    at = 0
    while isinstance(layer, (Ether, Dot1Q, CookedLinux, Loopback, LoopbackOpenBSD)):
        at, layer = at + len(layer.raw_packet_cache or b""), layer.payload
    if isinstance(layer, IP) and len(layer.original) >= 20 and layer.version == 4:
        sound = layer.ihl >= 5 and (not layer.len or layer.len >= 4 * layer.ihl)
        end = min(at + layer.len if layer.len else record.length, record.length)
        part = Part((layer.id, layer.src, layer.dst), layer.proto, 8 * layer.frag, at, at + 4 * layer.ihl, end)
        return part if sound and (layer.frag or layer.flags & 1) else None
    if isinstance(layer, IPv6) and len(layer.original) >= 40 and layer.version == 6 and layer.plen:
        ip, end, ends = at, min(at + 40 + layer.plen, record.length), (layer.src, layer.dst)
        while isinstance(layer, (IPv6, IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt)):
            at, layer = at + len(layer.raw_packet_cache or b""), layer.payload
        if isinstance(layer, IPv6ExtHdrFragment):
            return Part((layer.id, *ends), layer.nh, 8 * layer.offset, ip, at + 8, end)
    return None


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
