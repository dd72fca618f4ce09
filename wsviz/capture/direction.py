"""The bytes that one endpoint sent on one connection, with the packets that brought them, and what is missing.

Two kinds of bytes cannot be read: those that no packet of the capture brought, and those that the snap length cut.
Both are holes; where a hole lies within a payload whose length is known, decoding can step over it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np

from wsviz.capture.packets import Array, PacketTable

PIECE = np.dtype(
    [
        ("start", "i8"),  # offset in the stream
        ("length", "i8"),  # bytes
        ("packet", "i8"),  # index into the packet table, 0-based
        ("source", "i8"),  # offset of the bytes in the table's buffer, NOT_CAPTURED where the snap length cut them
    ]
)
NOT_CAPTURED = -1
# Sequence numbers lie as they please, and a decoder steps over each byte that they claim. So decoding ends at a hole
# of more than MAX_HOLE bytes, and where more are missing than SOME_MISSING and so many times the captured ones, or
# than MOST_MISSING. A snap length that leaves little more than headers takes a hundred times what it leaves.
MAX_HOLE = 1 << 24  # bytes
SOME_MISSING, TIMES_MISSING, MOST_MISSING = 1 << 20, 128, 1 << 30

Hole = tuple[int, int]  # stream offsets: first byte, and the one after the last


@dataclass(slots=True)
class Direction:
    """One direction of one connection; of one in TLS that could be read, what TLS protected.

    Such a direction is `cut` where reading ended before the connection did, and its pieces' sources are offsets in
    `plain`, which has the layout of the table's buffer; the packets and their new bytes are those of TCP.
    """

    table: PacketTable
    packets: Array  # indices of this direction's packets, in file order
    new_bytes: Array  # per packet: payload bytes not seen before, captured or not
    pieces: Array  # of PIECE, sorted by start, without overlap
    end: int  # the stream offset after the last byte seen, captured or not, and before FIN
    fin_packet: int | None  # index of the first packet with FIN
    rst_packet: int | None
    conflicts: list[int] = field(default_factory=list)  # offsets where a later copy of a byte was another byte
    plain: bytearray | None = field(default=None, repr=False)
    cut: bool = False
    holes: list[Hole] = field(init=False)
    readable_end: int = field(init=False)  # where decoding ends: `end`, or a hole that is one too many

    def __post_init__(self) -> None:
        captured = self.pieces[self.pieces["source"] != NOT_CAPTURED]
        starts = [*captured["start"].tolist(), self.end]
        ends = [0, *(captured["start"] + captured["length"]).tolist()]
        self.holes = [(low, high) for low, high in zip(ends, starts, strict=True) if low < high]
        self.readable_end, missing = self.end, 0
        allowed = min(SOME_MISSING + TIMES_MISSING * int(captured["length"].sum()), MOST_MISSING)
        for low, high in self.holes:
            missing += high - low
            if high - low > MAX_HOLE or missing > allowed:
                self.readable_end = low
                break

    @property
    def first_gap(self) -> int:
        """The stream offset up to which every byte can be read."""
        return self.holes[0][0] if self.holes else self.end

    @property
    def ended(self) -> bool:
        """Whether this direction was closed, by FIN or by RST, right after the bytes that are there."""
        closed = self.fin_packet is not None or self.rst_packet is not None
        return closed and not self.cut and not (self.holes and self.holes[-1][1] == self.end)

    def hole_in(self, start: int, end: int) -> Hole | None:
        """The first hole with a byte between two stream offsets."""
        at = bisect_right(self.holes, start, key=lambda hole: hole[1])
        return self.holes[at] if at < len(self.holes) and self.holes[at][0] < end else None

    def starts_from(self, offset: int, most: int) -> list[int]:
        """Where the captured pieces from an offset on begin: that is where a decoder can try to start again."""
        captured = self.pieces["source"] != NOT_CAPTURED
        starts = self.pieces["start"][captured & (self.pieces["start"] >= offset)]
        return [start for start in starts[:most].tolist() if start < self.readable_end]

    def piece_at(self, offset: int) -> int:
        """The index of the piece that holds the byte at a stream offset."""
        return int(np.searchsorted(self.pieces["start"], offset, "right")) - 1

    def packet_at(self, offset: int) -> int:
        """The index of the packet that first brought the byte at a stream offset, or the last one before it."""
        return int(self.pieces["packet"][max(self.piece_at(offset), 0)])

    def time_at(self, offset: int) -> int:
        """When that packet was captured, in ns since the epoch."""
        return int(self.table.rows["time"][self.packet_at(offset)])

    def packets_between(self, start: int, end: int) -> tuple[int, ...]:
        """The indices of the packets that brought the bytes from `start` to `end`, in stream order."""
        inside = self.pieces["packet"][max(self.piece_at(start), 0) : self.piece_at(end - 1) + 1]
        return tuple(dict.fromkeys(int(packet) for packet in inside))

    def seen(self, offsets: Array) -> Array:
        """For each stream offset, how many bytes before it were on the wire, captured or not."""
        pieces = self.pieces
        if not len(pieces):
            return np.zeros(len(offsets), "i8")
        before = np.concatenate(([0], np.cumsum(pieces["length"])))
        at = np.searchsorted(pieces["start"], offsets, "right") - 1
        inside = np.clip(offsets - pieces["start"][at], 0, pieces["length"][at])
        return np.where(at < 0, 0, before[at] + inside)

    def read(self, start: int, end: int) -> bytes:
        """The stream's bytes from `start` to `end`, zeros where there is a hole."""
        end = min(end, self.end)
        if start >= end:
            return b""
        data, parts, at = self.table.data if self.plain is None else self.plain, list[bytes](), start
        rows = self.pieces[max(self.piece_at(start), 0) : self.piece_at(end - 1) + 1].tolist()
        for first, length, _, source in rows:
            low, high = max(at, first), min(end, first + length)
            if low >= high or source == NOT_CAPTURED:
                continue
            parts += [bytes(low - at), bytes(data[source + low - first : source + high - first])]
            at = high
        return b"".join([*parts, bytes(end - at)])
