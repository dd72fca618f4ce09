"""Frames at volume: the headers of all frames of a stretch as columns.

In every piece a lane walks over headers, all lanes together, a header a step, from where the first frame seems to
begin: mostly at its start. Then each direction's chain is followed from piece to piece: a lane counts if the chain
arrives where it begins. Where the chain arrives elsewhere, where a header is cut in two, and where bytes look like no
frame, it is walked plainly, header by header, until it meets the beginning of a lane again.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from wsviz.capture.octets import anywhere
from wsviz.capture.packets import Array
from wsviz.capture.volume_flows import Piece, Stretch
from wsviz.protocol.wire import read_header

FOUND = np.dtype(
    [
        ("packet", "u4"),  # index in the file of the packet that brought the first byte
        ("index", "u4"),  # in its direction
        ("direction", "u4"),
        ("time", "i8"),  # ns since the epoch
        ("first", "u1"),  # the first two bytes of the header
        ("second", "u1"),
        ("payload_length", "i8"),
        ("at", "i8"),  # of the first byte in the stretch, all its pieces laid one after the other
    ]
)
LONGEST_HEADER = 14
_MOST_PAYLOAD = 1 << 40  # bytes; lanes leave longer claims to the plain walk, whose numbers have no bound
_SECOND = np.arange(256)
HEADER_SIZE = 2 + np.select([_SECOND & 127 == 126, _SECOND & 127 == 127], [2, 8], 0) + 4 * (_SECOND >> 7)
_PLAUSIBLE = np.isin(np.arange(256) & 0b0000_1111, (0, 1, 2, 8, 9, 10)) & (np.arange(256) & 0b0011_0000 == 0)
# What mostly begins a frame that does not begin a piece: FIN, and no bit that only some extension uses.
_LIKELY = np.isin(np.arange(256) & 0b1011_1111, (0x80, 0x81, 0x82, 0x88, 0x89, 0x8A))
_SOUGHT = 64  # bytes of a piece in which the beginning of a frame is looked for
_NEVER = 1 << 62  # bytes, or a place: what an int64 holds of numbers without a bound
_AFTER = -1  # the chain passes the end of its run
_ASTRAY = -2  # the chain goes on where no piece begins


@dataclass(slots=True)
class Walked:
    """What a walk over some runs has found: the frames in order, and how each run ended."""

    frames: Array  # of FOUND; `index` counts in the run
    runs: Array  # a row a run: how many frames it has
    beyond: (
        Array  # and by how many bytes the last one reaches beyond its end; less than 0 where a header is cut there
    )
    kept: dict[int, list[Piece]]  # by run: that header


def walk_frames(stretch: Stretch, which: Array, skip: Array, masked: Array) -> Walked:
    """Walk these runs of a stretch, passing over `skip` bytes of each; `masked` says what is expected of frames."""
    return _Walk(stretch, which, skip, masked).run()


class _Walk:
    """Bytes are counted over all pieces of the stretch, laid one after the other: their places."""

    def __init__(self, stretch: Stretch, which: Array, skip: Array, masked: Array) -> None:
        self.stretch, self.masked, self.directions = stretch, masked, stretch.directions[which]
        self.stop = np.cumsum(stretch.length)  # of each piece
        self.start = self.stop - stretch.length
        self.entry = self.start.copy()  # of each piece: where its lane begins
        self.after = stretch.ends[which]  # of each run: the piece after its last
        self.begin, self.end = self.start[stretch.begins[which]] + skip, self.stop[self.after - 1]
        self.alive = np.flatnonzero(self.begin < self.end)
        self.from_piece = np.searchsorted(self.stop, self.begin, "right")  # where its first frame begins
        self.counts = np.where(self.begin < self.end, self.after - self.from_piece, 0)  # of its lanes
        self.lane_of = np.cumsum(self.counts) - self.counts
        self.steps: list[tuple[Array, ...]] = []  # lanes, places, first and second bytes, payload lengths
        self.plain: list[tuple[int, ...]] = []  # the same without the lane, a frame each
        self.kept: dict[int, list[Piece]] = {}

    def run(self) -> Walked:
        targets, exits = self.walk_lanes()
        turns = np.flatnonzero(targets != np.arange(1, len(targets) + 1))  # lanes that do not lead to the next one
        turn, targets, exits = turns.tolist(), targets[turns].tolist(), exits[turns].tolist()
        beyond, chosen = (self.begin - self.end).tolist(), list[tuple[int, int]]()
        for run in self.alive.tolist():
            lane, end = int(self.lane_of[run]), int(self.end[run])
            while True:
                number = bisect_left(turn, lane)
                chosen.append((lane, turn[number] + 1))
                if (following := targets[number]) >= 0:
                    lane = following
                    continue
                place = exits[number]
                if following == _ASTRAY:
                    piece, place = self.walk_plainly(run, place)
                    if place < end and piece is None:
                        self.kept[run], place = self.pieces_from(run, place), end
                    elif piece is not None:
                        lane = int(self.lane_of[run] + piece - self.from_piece[run])
                        continue
                beyond[run] = min(place - end, _NEVER)
                break
        return self.found(chosen, beyond)

    def walk_lanes(self) -> tuple[Array, Array]:
        """Walk all lanes; for each, which one its end leads to, or _AFTER, or _ASTRAY, and its end."""
        piece = np.repeat(self.from_piece - self.lane_of, self.counts) + np.arange(self.counts.sum())
        stop, masked = self.stop[piece], np.repeat(self.masked, self.counts)
        data, move = self.stretch.data, self.stretch.source[piece] - self.start[piece]
        octets, shorts, longs = (anywhere(data, kind) for kind in ("u1", ">u2", ">u8"))
        start = self.start[piece] + _entries(data, self.stretch.source[piece], self.stretch.length[piece], masked)
        start[self.lane_of[self.alive]] = self.begin[self.alive]
        self.entry[piece] = start
        place, astray, lanes = start.copy(), np.zeros(len(piece), "?"), np.arange(len(piece))
        while len(lanes):
            here = place[lanes]
            at, room = here + move[lanes], stop[lanes] - here
            first, second = octets[at], octets[np.minimum(at + 1, len(octets) - 1)]
            size, length = HEADER_SIZE[second], (second & 127).astype("i8")
            fine = (size <= room) & _PLAUSIBLE[first] & (second >> 7 == masked[lanes]) & (first | second != 0)
            for seven, numbers in ((126, shorts), (127, longs)):
                long = np.flatnonzero(fine & (length == seven))
                length[long] = numbers[at[long] + 2].astype("i8")
            fine &= (length >= 0) & (length < _MOST_PAYLOAD)
            astray[lanes[~fine]] = True
            lanes, here, first, second, size, length = (c[fine] for c in (lanes, here, first, second, size, length))
            self.steps.append((lanes, here, first, second, length))
            place[lanes] = here + size + length
            lanes = lanes[place[lanes] < stop[lanes]]
        following = np.searchsorted(start, place)
        meets = start[np.minimum(following, len(start) - 1)] == place if len(start) else astray
        targets = np.where(meets & ~astray, following, _ASTRAY)
        targets[(place >= np.repeat(self.end, self.counts)) & ~astray] = _AFTER
        return targets, place

    def walk_plainly(self, run: int, place: int) -> tuple[int | None, int]:
        """Walk on from a place within a piece: the piece whose lane begins where a frame does again, and that place.

        No piece where the run ends first: the place is then beyond it, or that of a header that is cut.
        """
        data, (starts, stops, sources, entries) = self.stretch.data, self.columns
        last, end, from_place = int(self.after[run]) - 1, int(self.end[run]), place
        piece = bisect_right(stops, place)
        while place < end:
            if stops[piece] <= place:
                piece = piece + 1 if place < stops[piece + 1] else bisect_right(stops, place)
            if place == entries[piece] and place != from_place:
                return piece, place
            at = sources[piece] + place - starts[piece]
            raw, following = data[at : at + min(LONGEST_HEADER, stops[piece] - place)], piece
            while (header := read_header(raw)) is None and following < last:
                following += 1
                at, size = sources[following], stops[following] - starts[following]
                raw += data[at : at + min(LONGEST_HEADER, size)]
            if header is None:
                return None, place
            self.plain.append((place, header.first, header.second, min(header.payload_length, _NEVER)))
            place += header.end
        return None, place

    @cached_property
    def columns(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Of each piece: its first place, the one after its last, where its data lies, where its lane begins."""
        return self.start.tolist(), self.stop.tolist(), self.stretch.source.tolist(), self.entry.tolist()

    def pieces_from(self, run: int, place: int, before: int = _NEVER) -> list[Piece]:
        """What a run holds from one place on, and before another one."""
        return self.stretch.between(place, min(before, int(self.end[run])), self.stop)

    def found(self, chosen: list[tuple[int, int]], beyond: list[int]) -> Walked:
        """The frames of the lanes that count, from one up to another each, and those of the plain walk."""
        changes, (first, after) = np.zeros(int(self.counts.sum()) + 1, "i4"), np.array(chosen, "i8").reshape(-1, 2).T
        changes[first] += 1
        changes[after] -= 1
        reached = np.cumsum(changes) > 0
        columns = [np.concatenate(column) for column in zip(*self.steps, strict=True)] or [np.zeros(0, "i8")] * 5
        columns = [column[reached[columns[0]]] for column in columns[1:]]
        plain = np.array(self.plain, "i8").reshape(-1, 4).T
        columns = [np.concatenate(both) for both in zip(columns, plain, strict=True)]
        order = np.argsort(columns[0])
        columns = [column[order] for column in columns]
        frames = np.zeros(len(columns[0]), FOUND)
        for name, column in zip(("at", "first", "second", "payload_length"), columns, strict=True):
            frames[name] = column
        piece = np.searchsorted(self.stop, frames["at"], "right")
        frames["packet"], frames["time"] = self.stretch.packets[piece], self.stretch.times[piece]
        run = np.searchsorted(self.end, frames["at"], "right")
        frames["direction"], counts = self.directions[run], np.bincount(run, minlength=len(self.end))
        frames["index"] = np.arange(len(frames)) - np.repeat(np.cumsum(counts) - counts, counts)
        return Walked(frames, counts, np.array(beyond, "i8"), self.kept)


def _entries(data: bytes, source: Array, length: Array, masked: Array) -> Array:
    """How many bytes of each piece come before what looks like its first frame; 0 where nothing does."""
    entries, octets, windows = np.zeros(len(source), "i8"), anywhere(data, "u1"), anywhere(data, f"V{_SOUGHT + 1}")
    near = np.flatnonzero((length > 1) & (source < len(windows)))
    fine, _ = _followed(octets, source[near], length[near], masked[near])
    which = near[~(fine & _PLAUSIBLE[octets[source[near]]])]
    row, entry = np.nonzero(_LIKELY[windows[source[which]].view("u1").reshape(-1, _SOUGHT + 1)[:, :-1]])
    owner = which[row]
    fine, known = _followed(octets, source[owner] + entry, length[owner] - entry, masked[owner])
    for some in (fine & ~known, fine & known):  # the second kind is the likelier
        owners, at_first = np.unique(owner[some], return_index=True)
        entries[owners] = entry[some][at_first]
    return entries


def _followed(octets: Array, place: Array, left: Array, masked: Array) -> tuple[Array, Array]:
    """Whether a frame can begin at these places, with so many bytes left, and whether one is seen after it."""
    second = octets[place + 1]
    fine = (second >> 7 == masked) & (left > 1)
    after = HEADER_SIZE[second] + (second & 127)
    known = (second & 127 < 126) & (after + 1 < left)
    following = np.minimum(place + after, len(octets) - 2)
    fine &= ~known | (_PLAUSIBLE[octets[following]] & (octets[following + 1] >> 7 == masked))
    return fine, known
