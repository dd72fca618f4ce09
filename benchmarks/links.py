"""A TCP connection that puts what two sides write on the wire: segments, ACKs, retransmissions, reordering."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.wire import ACK, FIN, PSH, SYN, SYN_OPTIONS, Array, Columns, records

SEGMENT = 1448  # bytes of data at most: an MTU of 1500 less the headers, timestamps included
_RETRANSMITTED = 0.005  # of the segments
_REORDERED = 0.05  # of the neighbours that can be; about 0.5% of the segments then are, in mixed traffic
_ACKED = 0.8  # of the writes, by a packet of its own
_EMPTY = np.zeros(0, "i8")


@dataclass(frozen=True, slots=True)
class Writes:
    """What a client (side 0) and a server (side 1) wrote in turn, and which messages were complete with it.

    A write becomes one segment or several. `plain` is per side the data of all its messages, `ends` where each
    message ends in its stream and in `plain`.
    """

    sides: Array  # a row a write
    sizes: Array
    gaps: Array  # microseconds before it
    streams: tuple[bytes, bytes]
    plain: tuple[bytes, bytes] = (b"", b"")
    ends: tuple[tuple[Array, Array], ...] = ((_EMPTY, _EMPTY), (_EMPTY, _EMPTY))
    disorder: bool = True  # whether segments may be retransmitted and reordered


@dataclass(frozen=True, slots=True)
class Packets:
    """Packets with their times (microseconds), their records in the file, and the messages each completed."""

    time: Array
    records: list[bytes]
    completed: list[bytes]


@dataclass(slots=True)
class Link:
    """One connection. `ends` are address and port of the client, then of the server; `time` is in microseconds."""

    ends: tuple[tuple[int, int], ...]
    time: int
    random: np.random.Generator
    seq: list[int] = field(default_factory=list)  # the next of each side
    echo: list[int] = field(default_factory=lambda: [0, 0])  # each side's last timestamp, ms
    packets: int = 0
    retransmitted: int = 0
    reordered: int = 0

    def open(self) -> Packets:
        """SYN, SYN and ACK, ACK."""
        (client, server), options = self.random.integers(0, 1 << 32, 2).tolist(), len(SYN_OPTIONS)
        self.seq = [client + 1, server + 1]
        return self._bare(
            [
                (0, client, 0, SYN, options),
                (1, server, client + 1, SYN | ACK, options),
                (0, client + 1, server + 1, ACK, 0),
            ]
        )

    def close(self) -> Packets:
        """The server's FIN, the client's, and the last ACK."""
        client, server = self.seq
        return self._bare(
            [
                (1, server, client, FIN | ACK, 0),
                (0, client, server + 1, FIN | ACK, 0),
                (1, server + 1, client + 1, ACK, 0),
            ]
        )

    def _bare(self, rows: list[tuple[int, int, int, int, int]]) -> Packets:
        side, seq, ack, flags, size = np.array(rows, "i8").T
        time = self.time + np.cumsum(self.random.integers(50, 500, len(rows)))
        columns = Columns(time, side, seq, ack, flags, np.zeros_like(seq), size, self._echoes(time, side))
        return self._sent(columns, (SYN_OPTIONS, SYN_OPTIONS), [b""] * len(rows))

    def send(self, writes: Writes) -> Packets:
        """The packets that carry these writes, and the ACKs between them."""
        count = np.maximum(-(-writes.sizes // SEGMENT), 1)
        write = np.repeat(np.arange(len(count)), count)
        place = np.arange(len(write)) - np.repeat(np.cumsum(count) - count, count)
        last = place == count[write] - 1
        acked = np.where(last, self.random.random(len(write)) < _ACKED, place & 1 == 1)
        # Each segment, and the ACK that follows it, at their places.
        at = np.arange(len(write)) + np.cumsum(acked) - acked
        total = len(write) + int(acked.sum())
        side, size, gap, flags = (np.zeros(total, "i8") for _ in range(4))
        side[at], side[at[acked] + 1] = writes.sides[write], 1 - writes.sides[write[acked]]
        size[at] = np.minimum(writes.sizes[write] - place * SEGMENT, SEGMENT)
        gap[:] = self.random.integers(5, 50, total)
        gap[at] += np.where(place == 0, writes.gaps[write], 0)
        flags[:] = ACK
        flags[at[last]] |= PSH
        sent = [np.cumsum(np.where(side == own, size, 0)) for own in (0, 1)]
        start = np.where(side == 0, *sent) - size
        seq = np.where(side == 0, *self.seq) + start
        ack = np.where(side == 0, *self.seq[::-1]) + np.where(side == 0, *sent[::-1])
        time = self.time + np.cumsum(gap)
        columns = Columns(time, side, seq, ack, flags, start, size, self._echoes(time, side))
        if writes.disorder:
            columns = self._retransmit(self._reorder(columns))
        self.seq = [self.seq[own] + int(sent[own][-1]) for own in (0, 1)]
        return self._sent(columns, writes.streams, _completed(columns, total, writes))

    def _echoes(self, time: Array, side: Array) -> Array:
        """What each packet echoes: the last timestamp of the other side."""
        stamps = [np.maximum.accumulate(np.where(side == own, time // 1000, self.echo[own])) for own in (0, 1)]
        self.echo = [int(stamps[own][-1]) for own in (0, 1)]
        return np.where(side == 0, *stamps[::-1])

    def _reorder(self, packets: Columns) -> Columns:
        """Swap the times of a few neighbours that carry data of the same side."""
        able = (packets.side[1:] == packets.side[:-1]) & (packets.size[1:] > 0) & (packets.size[:-1] > 0)
        chosen = able & (self.random.random(len(able)) < _REORDERED)
        chosen[1:] &= ~chosen[:-1]
        first = np.flatnonzero(chosen)
        packets.time[first], packets.time[first + 1] = packets.time[first + 1], packets.time[first]
        self.reordered += len(first)
        return packets

    def _retransmit(self, packets: Columns) -> Columns:
        """Repeat a few segments a fifth of a second later, or at the end of what is sent at once."""
        again = np.flatnonzero((packets.size > 0) & (self.random.random(len(packets.size)) < _RETRANSMITTED))
        self.retransmitted += len(again)
        everything = packets.rows(np.concatenate([np.arange(len(packets.time)), again]))
        late = everything.time[len(packets.time) :]
        late[:] = np.minimum(late + 200_000, packets.time.max())
        return everything

    def _sent(self, columns: Columns, streams: tuple[bytes, bytes], completed: list[bytes]) -> Packets:
        self.time = int(columns.time.max())
        self.packets += len(columns.time)
        return Packets(columns.time, records(columns, self.ends, streams), completed)


def _completed(packets: Columns, originals: int, writes: Writes) -> list[bytes]:
    """The data of the messages whose last byte each packet is the first to bring."""
    low, high = (np.zeros(len(packets.time), "i8") for _ in range(2))
    stop = packets.start + packets.size
    for side, (in_stream, in_plain) in enumerate(writes.ends):
        own = packets.side == side
        known = np.concatenate([np.zeros(1, "i8"), in_plain])
        low[own] = known[np.searchsorted(in_stream, packets.start[own], "right")]
        high[own] = known[np.searchsorted(in_stream, stop[own], "right")]
    high[originals:] = low[originals:]  # the retransmitted ones bring nothing new
    rows: Any = zip(packets.side.tolist(), low.tolist(), high.tolist(), strict=True)
    return [writes.plain[side][start:end] for side, start, end in rows]
