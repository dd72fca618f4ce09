"""TCP: packets to connections, and each direction's segments to one stream of bytes (RFC 9293).

Sequence numbers become stream offsets: byte 0 is the first after SYN, or the first byte seen where the capture
starts late. Each direction is a sorted list of pieces, each a run of *new* bytes of one packet; where two packets
bring the same byte, the first copy wins and the second counts as retransmission; where it differs, that is noted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

import numpy as np

from wsviz.capture.direction import NOT_CAPTURED, PIECE, Direction
from wsviz.capture.flow_numbers import flow_numbers
from wsviz.capture.packets import ACK, FIN, RST, SYN, Array, PacketTable, TablePackets

Endpoint = tuple[int, int]  # index of the address, port


@dataclass(slots=True)
class Flow:
    """One TCP connection: the endpoint whose packet came first, the other one, and both directions in that order."""

    endpoints: tuple[Endpoint, Endpoint]
    directions: tuple[Direction, Direction]
    packets: Array  # indices of all packets, in file order
    opener: int | None  # 0 or 1: which endpoint sent the SYN; None where it was not seen


@dataclass(slots=True)
class _Assembler:
    """Takes the packets of one direction in file order."""

    first: int | None = None  # the sequence number of stream offset 0
    from_syn: bool = False
    top: int = 0  # the highest stream offset reached
    intervals: list[tuple[int, int]] = field(default_factory=list)  # disjoint, sorted: what has been seen
    pieces: list[tuple[int, int, int, int]] = field(default_factory=list)
    copies: list[tuple[int, int, int]] = field(default_factory=list)  # seen again: start, end, where in the buffer
    packets: list[int] = field(default_factory=list)
    new_bytes: list[int] = field(default_factory=list)
    fin_packet: int | None = None
    fin_offset: int = 0  # of the byte after the last one, as FIN says
    rst_packet: int | None = None

    def add(self, index: int, seq: int, flags: int, length: int, captured: int, source: int) -> None:
        """Add a packet with `length` payload bytes, of which `captured` stand in the buffer from `source` on."""
        if flags & SYN:
            seq += 1
        if self.first is None:
            self.first, self.from_syn = seq, bool(flags & SYN)
        # The nearest offset that this sequence number can mean: it wraps after 2**32 bytes.
        distance = (seq - self.first - self.top + (1 << 31)) % (1 << 32) - (1 << 31)
        start = self.top + distance
        self.packets.append(index)
        new, at, cut = 0, start, start + captured
        for low, high in self._unseen(start, start + length) if length else ():
            new += high - low
            if low < cut:
                self.pieces.append((low, min(high, cut) - low, index, source + low - start))
            if cut < high:
                self.pieces.append((max(low, cut), high - max(low, cut), index, NOT_CAPTURED))
            if at < min(low, cut):
                self.copies.append((at, min(low, cut), source + at - start))
            at = high
        if at < cut:
            self.copies.append((at, cut, source + at - start))
        self.new_bytes.append(new)
        if flags & FIN and self.fin_packet is None:
            self.fin_packet, self.fin_offset = index, start + length
        if flags & RST and self.rst_packet is None:
            self.rst_packet = index

    def _unseen(self, start: int, end: int) -> list[tuple[int, int]]:
        """Mark an interval as seen; what of it was not seen before."""
        if self.from_syn:
            start = max(start, 0)
        elif (start, end) == (-1, 0) and not self.intervals:
            return []  # a keep-alive probe: the byte before the first one that the capture holds
        if start >= end:
            return []
        seen = self.intervals
        if not seen or start > seen[-1][1]:
            seen.append((start, end))
            self.top = max(self.top, end)
            return [(start, end)]
        low = bisect_left(seen, start, key=lambda interval: interval[1])
        high = bisect_right(seen, end, key=lambda interval: interval[0])
        unseen, at = [], start
        for known_start, known_end in seen[low:high]:
            if at < known_start:
                unseen.append((at, known_start))
            at = max(at, known_end)
        if at < end:
            unseen.append((at, end))
        if low < high:
            start, end = min(start, seen[low][0]), max(end, seen[high - 1][1])
        seen[low:high] = [(start, end)]
        self.top = max(self.top, end)
        return unseen

    def finish(self, table: PacketTable) -> Direction:
        self.pieces.sort()  # no two start at the same byte
        pieces = np.array(self.pieces, dtype=PIECE)
        end, first = max(self.top, self.fin_offset), 0
        if not self.from_syn:  # the first byte seen, which need not have come first
            first = self.intervals[0][0] if self.intervals else end
        pieces["start"] -= first
        packets, new_bytes = np.array(self.packets, "i8"), np.array(self.new_bytes, "i8")
        direction = Direction(table, packets, new_bytes, pieces, end - first, self.fin_packet, self.rst_packet)
        for start, stop, source in self.copies:
            low, high = max(start - first, 0), min(stop - first, direction.readable_end)
            if low < high and direction.hole_in(low, high) is None:
                at = source + low + first - start
                if table.data[at : at + high - low] != direction.read(low, high):
                    direction.conflicts.append(low)
        return direction


class PacketsByFlow:
    """The packets of each TCP connection, as indices in file order, by the connections' numbers.

    `directions` has a number a packet, as `FlowNumbers.deal` gives it, for `count` connections.
    """

    def __init__(self, directions: Array, count: int) -> None:
        flows = directions >> 1
        self._order = np.argsort(flows, kind="stable")
        self._bounds = np.searchsorted(flows[self._order], np.arange(count + 1))

    def __len__(self) -> int:
        return len(self._bounds) - 1

    def __getitem__(self, flow: int) -> Array:
        packets: Array = self._order[self._bounds[flow] : self._bounds[flow + 1]]
        return packets

    def silent(self, table: PacketTable) -> Array:
        """Of each connection, whether none of its packets has payload."""
        brings = np.concatenate(([0], np.cumsum((table.rows["end"] > table.rows["payload"])[self._order])))
        silent: Array = np.diff(brings[self._bounds]) == 0
        return silent


def packets_by_flow(table: PacketTable) -> PacketsByFlow:
    """The packets of all connections, which are numbered by their first packet, as Wireshark's tcp.stream does."""
    return PacketsByFlow(*flow_numbers(TablePackets(table)))


def build_flow(table: PacketTable, packets: Array) -> Flow:
    """One TCP connection, from its packets."""
    rows = table.rows[packets]
    names = ("source", "source_port", "destination", "destination_port", "seq", "flags", "payload", "end", "captured")
    columns = (rows[name].tolist() for name in (*names, "offset"))
    endpoints: tuple[Endpoint, Endpoint] | None = None
    sides, opener = (_Assembler(), _Assembler()), None
    for index, source, port, destination, other, seq, flags, payload, end, captured, offset in zip(
        packets.tolist(), *columns, strict=True
    ):
        endpoints = endpoints or ((source, port), (destination, other))
        side = 0 if (source, port) == endpoints[0] else 1
        if flags & SYN and opener is None:  # a SYN-ACK tells as well
            opener = side if not flags & ACK else 1 - side
        present = max(min(end, captured) - payload, 0)
        sides[side].add(index, seq, flags, end - payload, present, offset + payload)
    assert endpoints is not None
    return Flow(endpoints, (sides[0].finish(table), sides[1].finish(table)), packets, opener)
