"""TCP at volume: packets, a chunk at a time, to the bytes of each direction in their order.

The answers are those of `tcp.build_flow`, without its objects and without copying: numpy sees at once which
directions of a chunk go on where they ended, or would if their packets were sorted and copies left out; only the rest
is put in order packet by packet. A connection whose bytes cannot be told on the way, because some are missing, were
cut by the snap length, or came before the first one seen, is `odd`: it is left to be decoded as a whole.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wsviz.capture.flow_numbers import WRAP, FlowNumbers
from wsviz.capture.octets import different
from wsviz.capture.packets import PACKET, SYN, Array, Chunk

# What of one direction may wait for the bytes before it: packets, and bytes. More make the connection odd.
MOST_WAITING, MOST_WAITING_BYTES = 4096, 4 << 20
_FAR = WRAP // 4  # bytes
_UNKNOWN = -1


class Piece(NamedTuple):
    """New bytes of one packet: their stream offset, the bytes, the packet's index in the file, its time in ns."""

    start: int
    data: bytes
    packet: int
    time: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """New bytes of many directions, each one's in order: runs of pieces, a run a direction.

    The pieces lie in `data` from `source` on; `packets` are indices in the file, `times` ns since the epoch.
    """

    data: bytes
    directions: Array  # a row a run: its direction, its first piece, the one after its last
    begins: Array
    ends: Array
    source: Array  # a row a piece
    length: Array
    packets: Array
    times: Array

    def head(self, run: int, most: int) -> bytes:
        """The first bytes of a run: all of it, or `most` and the rest of the piece that holds the last of them."""
        begin, end = int(self.begins[run]), int(self.ends[run])
        if (size := int(self.length[begin])) >= most:  # mostly
            return self.data[(at := int(self.source[begin])) : at + size]
        sizes = np.cumsum(self.length[begin:end])
        end = min(begin + int(np.searchsorted(sizes, most)) + 1, end)
        places = zip(self.source[begin:end].tolist(), self.length[begin:end].tolist(), strict=True)
        return b"".join([self.data[at : at + size] for at, size in places])

    def pieces(self, run: int) -> list[Piece]:
        """The pieces of a run with their bytes; as stream offsets are not known, 0 stands for them."""
        return [self.piece(number) for number in range(int(self.begins[run]), int(self.ends[run]))]

    def piece(self, number: int, low: int = 0, high: int | None = None) -> Piece:
        """One of the pieces, or its bytes from `low` on and before `high`."""
        at, size = int(self.source[number]), int(self.length[number])
        data = self.data[at + low : at + (size if high is None else min(high, size))]
        return Piece(0, data, int(self.packets[number]), int(self.times[number]))

    def following(self, number: int, size: int) -> bytes:
        """The first bytes of the pieces after this one, so many of them."""
        parts = list[bytes]()
        while size > 0:
            number += 1
            low, length = int(self.source[number]), int(self.length[number])
            parts.append(self.data[low : low + min(length, size)])
            size -= length
        return b"".join(parts)

    def between(self, place: int, end: int, stops: Array) -> list[Piece]:
        """The pieces from one place to another, all of them counted one after the other; `stops` are their ends."""
        numbers = range(int(np.searchsorted(stops, place, "right")), int(np.searchsorted(stops, end)) + 1)
        starts = [int(stops[n] - self.length[n]) for n in numbers]
        return [
            self.piece(n, max(place - start, 0), end - start)
            for n, start in zip(numbers, starts, strict=True)
            if start < end
        ]


class Flows(FlowNumbers):
    """Numbers connections, and puts their bytes in order."""

    def __init__(self, reverse: Callable[[int], int]) -> None:
        super().__init__(reverse)
        self.odd: set[int] = set()
        self.kept: dict[int, list[Piece]] = {}  # by direction: what the reader of the bytes keeps for the next chunk
        self._waiting: dict[int, list[Piece]] = {}  # by direction, sorted: what came before its turn
        self._next = np.full(64, _UNKNOWN, "i8")  # by direction: the sequence number to come
        self._taken = np.zeros(64, "i8")  # by direction: the stream offset to come
        self._from_syn = np.zeros(64, "?")  # by direction: whether offset 0 follows a SYN
        self._holds = np.zeros(64, "?")  # by direction: whether something waits or is kept
        self._ignored = np.zeros(64, "?")  # by direction: whether nobody wants its bytes

    def ignore(self, direction: int) -> None:
        """Say that nobody wants the bytes of a direction any more."""
        self._ignored[direction] = True
        self.kept.pop(direction, None)
        self._waiting.pop(direction, None)

    def keep(self, direction: int, pieces: list[Piece]) -> None:
        """Have these pieces come again, before what the next chunk brings for the direction."""
        self.kept[direction] = pieces
        self._holds[direction] = True

    def call_odd(self, flow: int) -> None:
        """Leave a connection to be decoded as a whole."""
        self.odd.add(flow)
        for direction in (2 * flow, 2 * flow + 1):
            self.ignore(direction)

    def finish(self) -> None:
        """Say that no packets follow: what still waits has a hole before it."""
        for direction in list(self._waiting):
            self.call_odd(direction >> 1)

    def rest(self) -> Stretch:
        """What is kept, as runs of their own; nothing is kept afterwards."""
        laying = _Laying()
        for direction, pieces in sorted(self.kept.items()):
            laying.add_pieces(direction, pieces)
        self.kept.clear()
        return laying.stretch()

    def add(self) -> None:
        """Count another connection."""
        super().add()
        if (size := len(self._next)) < 2 * self.count:
            self._next = np.concatenate((self._next, np.full(size, _UNKNOWN, "i8")))
            self._taken = np.concatenate((self._taken, np.zeros(size, "i8")))
            self._from_syn, self._holds, self._ignored = (
                np.concatenate((column, np.zeros(size, "?")))
                for column in (self._from_syn, self._holds, self._ignored)
            )

    def synchronise(self, direction: int, seq: int, *, first: bool) -> None:
        """Take note of a SYN: stream offset 0 follows it."""
        if first:
            self._next[direction], self._from_syn[direction] = (seq + 1) % WRAP, True
        elif not self._from_syn[direction]:
            self.call_odd(direction >> 1)  # it had packets before its SYN

    def stretch(self, chunk: Chunk, directions: Array) -> Stretch:
        """The new bytes of a chunk whose packets have these directions, each direction's in order."""
        arrived = self._arrivals(chunk, directions)
        begin = np.flatnonzero(np.diff(arrived.own, prepend=_UNKNOWN))
        heads, end = arrived.own[begin], np.append(begin[1:], len(arrived.own)).astype("i8")[: len(begin)]
        for direction in heads[(self._next[heads] == _UNKNOWN) & (arrived.length[begin] == 1)].tolist():
            # It may be a keep-alive probe, whose byte lies before the first one.
            self.call_odd(direction >> 1)
        new = self._next[heads] == _UNKNOWN  # no SYN was seen: the first byte seen is the first
        self._next[heads[new]] = arrived.seq[begin[new]]
        distance = (arrived.seq - self._next[arrived.own] + WRAP // 2) % WRAP - WRAP // 2
        for direction in set(arrived.own[np.abs(distance) > _FAR].tolist()):
            self.call_odd(direction >> 1)  # whether that is ahead or behind depends on the packets before it
        start = self._taken[arrived.own] + distance
        stop = start + arrived.length
        expected = np.concatenate((start[:1], stop[:-1]))
        expected[begin] = self._taken[heads]
        steady = ~_any_of(start != expected, begin) & ~self._holds[heads] & ~self._ignored[heads]
        laying = _Laying(chunk, arrived)
        self._advance(heads[steady], stop[end[steady] - 1])
        laying.add(np.flatnonzero(np.repeat(steady, end - begin)))
        early = _any_of(start < 0, begin) & ~self._from_syn[heads] & ~self._ignored[heads]
        for direction in heads[early].tolist():
            self.call_odd(direction >> 1)  # what was taken for the first byte is not
        left = np.flatnonzero(~steady & ~self._ignored[heads])
        for place in left[~self._sort(laying, start, heads[left], begin[left], end[left])].tolist():
            direction, low, high = int(heads[place]), int(begin[place]), int(end[place])
            if not self._ignored[direction]:  # as it is where the other direction was odd
                self._lay(laying, direction, start[low:high], np.arange(low, high))
        return laying.stretch()

    def _arrivals(self, chunk: Chunk, directions: Array) -> _Arrivals:
        """The packets with bytes that somebody wants, by direction; those that are cut make their connections odd."""
        rows = chunk.rows
        payload, end = rows["payload"].astype("i8"), rows["end"].astype("i8")
        which = np.flatnonzero((end > payload) & (directions >= 0))
        which = which[~self._ignored[directions[which]]]
        # Data in a SYN is rare enough to be odd as well.
        odd = which[(rows["captured"][which] < end[which]) | (rows["flags"][which] & SYN != 0)]
        for flow in different(directions[odd] >> 1):
            self.call_odd(flow)
        which = which[~self._ignored[directions[which]]]
        # Numbers of 16 bits are sorted in a fraction of the time.
        kind = "u2" if self.count < 1 << 15 else "i8"
        order = which[np.argsort(directions[which].astype(kind), kind="stable")]
        return _Arrivals(order, directions[order], rows["seq"][order].astype("i8"), (end - payload)[order])

    def _advance(self, directions: Array | int, offset: Array | int) -> None:
        """Take note of the stream offset to come."""
        self._next[directions] = (self._next[directions] + offset - self._taken[directions]) % WRAP
        self._taken[directions] = offset

    def _sort(self, laying: _Laying, start: Array, heads: Array, begin: Array, end: Array) -> Array:
        """Lay the packets of directions where it is enough to sort them and to leave out copies; for each, whether.

        It is not where some packets wait already, where bytes are missing, and where of two packets with the same
        bytes the one that came first is not whole: its bytes count.
        """
        size, taken = end - begin, self._taken[heads]
        if not len(size):
            return np.zeros(0, "?")
        first = np.cumsum(size) - size  # of each direction among all rows
        which = np.repeat(begin - first, size) + np.arange(size.sum())
        base = np.repeat(np.arange(len(size)) * WRAP, size)  # each direction's numbers are apart from the others'
        key = base + start[which] - np.repeat(taken, size)
        order = np.argsort(key, kind="stable")
        low, high = key[order], (key + laying.arrived.length[which])[order]
        reached = np.maximum.accumulate(high)
        top = np.maximum(np.append(base[:1], reached[:-1]), base)
        copy, latest = high <= top, np.maximum.accumulate(order)
        odd = np.where(copy, (order < latest) & (high > base), low != top)
        fine = ~_any_of(odd, first) & ~self._holds[heads]
        laying.add(which[order[~copy & np.repeat(fine, size)]])
        last = first + size - 1
        self._advance(heads[fine], (taken + np.maximum(reached, base)[last] - base[last])[fine])
        return fine

    def _lay(self, laying: _Laying, direction: int, start: Array, which: Array) -> None:
        """Lay the packets of one direction, which start at these stream offsets, in their order, one by one."""
        taken = int(self._taken[direction])
        waiting, found = self._waiting.pop(direction, []), list[Piece]()
        for piece in laying.pieces(which, start):
            for low, high in _unseen(piece.start, piece.start + len(piece.data), taken, waiting):
                part = piece.data[low - piece.start : high - piece.start]
                insort(waiting, Piece(low, part, piece.packet, piece.time))
            while waiting and waiting[0].start == taken:
                found.append(waiting.pop(0))
                taken += len(found[-1].data)
        self._advance(direction, taken)
        self._holds[direction] = bool(waiting)
        if waiting:
            self._waiting[direction] = waiting
        if len(waiting) > MOST_WAITING or sum(len(piece.data) for piece in waiting) > MOST_WAITING_BYTES:
            self.call_odd(direction >> 1)
            return
        if found := [*self.kept.pop(direction, []), *found]:
            laying.add_pieces(direction, found)


def _any_of(odd: Array, begin: Array) -> Array:
    """For each group of rows, which begin at these, whether any of it is odd."""
    return np.logical_or.reduceat(odd, begin) if len(begin) else np.zeros(0, "?")


def _unseen(start: int, end: int, taken: int, waiting: list[Piece]) -> list[tuple[int, int]]:
    """What of an interval was neither taken nor waits."""
    unseen, at = list[tuple[int, int]](), max(start, taken)
    for piece in waiting:
        if piece.start >= end:
            break
        if at < piece.start:
            unseen.append((at, piece.start))
        at = max(at, piece.start + len(piece.data))
    return [*unseen, (at, end)] if at < end else unseen


@dataclass(frozen=True, slots=True)
class _Arrivals:
    """Packets of a chunk that brought bytes, each direction's together and in the order of the file."""

    order: Array  # indices of their rows
    own: Array  # directions
    seq: Array
    length: Array  # bytes


class _Laying:
    """Lays runs of pieces one after the other."""

    def __init__(self, chunk: Chunk | None = None, arrived: _Arrivals | None = None) -> None:
        self._chunk = Chunk(np.zeros(0, PACKET), b"", 0, np.zeros(0, "i4")) if chunk is None else chunk
        self.arrived = _Arrivals(*(np.zeros(0, "i8") for _ in range(4))) if arrived is None else arrived
        self._runs: list[Array] = [np.zeros(0, "i8")]  # indices of arrivals
        self._held: list[tuple[int, list[Piece]]] = []  # runs whose bytes do not all lie in the chunk

    def add(self, which: Array) -> None:
        """Lay these arrivals; those of one direction are a run."""
        self._runs.append(which)

    def add_pieces(self, direction: int, pieces: list[Piece]) -> None:
        """Lay these pieces as a run."""
        self._held.append((direction, pieces))

    def pieces(self, which: Array, start: Array) -> list[Piece]:
        """These arrivals, which start at these stream offsets, with their bytes."""
        order, data = self.arrived.order[which], self._chunk.data
        rows, sizes = self._chunk.rows[order], self.arrived.length[which].tolist()
        at = (rows["offset"] + rows["payload"]).tolist()
        slices = [bytes(data[low : low + size]) for low, size in zip(at, sizes, strict=True)]
        packets = (order + self._chunk.first).tolist()
        return list(map(Piece, start.tolist(), slices, packets, rows["time"].tolist()))

    def stretch(self) -> Stretch:
        """All of it."""
        which = np.concatenate(self._runs)
        order, data = self.arrived.order[which], bytes(self._chunk.data)  # no copy, where it is bytes
        rows, own, length = self._chunk.rows, self.arrived.own[which], self.arrived.length[which]
        source = rows["offset"][order] + rows["payload"][order]
        columns = [own, source, length, order + self._chunk.first, rows["time"][order]]
        if self._held:
            held = np.array([(d, len(p.data), p.packet, p.time) for d, run in self._held for p in run], "i8").T
            more = (held[0], np.cumsum(held[1]) - held[1] + len(data), *held[1:])
            columns = [np.concatenate(both) for both in zip(columns, more, strict=True)]
            data = b"".join([data, *(piece.data for _, run in self._held for piece in run)])
        begins = np.flatnonzero(np.diff(columns[0], prepend=_UNKNOWN))
        ends = np.append(begins[1:], len(columns[0])).astype("i8")[: len(begins)]
        return Stretch(data, columns[0][begins], begins, ends, *columns[1:])
