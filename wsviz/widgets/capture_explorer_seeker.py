"""Looks for text and findings in the frames of one connection.

Most messages are one frame that is not compressed: a stretch of the stream is unmasked at once, searched as a whole,
and a hit counts where it lies within one payload. The others are looked at one by one, whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.direction import Direction
from wsviz.capture.ledger import NO_UNIT
from wsviz.capture.packets import Array
from wsviz.protocol.fields import SIDES, Finding
from wsviz.protocol.wire import Opcode

_STRETCH = 1 << 21  # bytes of a stream that are searched together
_SHORT = 4096  # bytes of a payload
_LOOKS = 64  # messages between two words of progress


class Seeker:
    """What passes must hold `text` (where that is not empty), and have a finding that `wanted` takes."""

    def __init__(self, connection: Connection, text: str, wanted: Callable[[Finding], bool] | None) -> None:
        self._connection, self._needle = connection, text.encode(errors="replace").lower()
        self._verdicts: dict[int, bool] = {}  # by message
        heads = connection.messages.heads if text else ()
        self._alone = np.array([len(head.frames) == 1 and not head.compressed for head in heads], "?")
        self._found: list[Array] | None = None
        if wanted is not None:
            found = [each for each in connection.findings if each.frame is not None and wanted(each)]
            self._found = [np.array([each.frame for each in found if each.culprit is side], "i8") for side in SIDES]

    def passing(self, places: Array, before: int, tell: Callable[[int], None]) -> Array:
        """For each of these frames (indices into the frame table), whether it passes; so many were looked at before.

        `tell` hears how many that makes.
        """
        table = self._connection.frame_table[places]
        passing = np.ones(len(table), "?")
        if self._found is not None:
            for side, numbers in enumerate(self._found):
                own = table["sender"] == side
                passing[own] = np.isin(table["index"][own], numbers)
        if not self._needle:
            return passing
        alone = (table["message"] == NO_UNIT) | (table["opcode"] >= Opcode.CLOSE)
        alone[~alone] = self._alone[table["message"][~alone]]
        for side, (direction, _) in enumerate(self._connection.directions()):
            own = np.flatnonzero(passing & alone & (table["sender"] == side))
            for part in _stretches(table, own):
                tell(before + int(part[0]))
                passing[part] = self._holds(direction, table[part])
        for looked, at in enumerate(np.flatnonzero(passing & ~alone).tolist()):
            if looked % _LOOKS == 0:
                tell(before + at)
            passing[at] = self._message_holds(int(table["message"][at]))
        return passing

    def _message_holds(self, number: int) -> bool:
        if number not in self._verdicts:
            self._verdicts[number] = self._needle in self._connection.messages[number].data.lower()
        return self._verdicts[number]

    def _holds(self, direction: Direction, rows: Array) -> Array:
        """For each of these frames of one direction, by their offsets, whether its own payload holds the text."""
        first = int(rows["offset"][0])
        starts = rows["offset"] + rows["header_length"] - first
        ends = starts + rows["payload_length"]
        stream = np.frombuffer(direction.read(first, first + int(ends[-1])), "u1").copy()
        ends = np.minimum(ends, len(stream))
        _unmask(stream, starts[rows["masked"]], ends[rows["masked"]])
        hits = np.fromiter(_all(stream.tobytes().lower(), self._needle), "i8")
        owners = np.searchsorted(starts, hits, "right") - 1
        within = (owners >= 0) & (hits + len(self._needle) <= ends[owners])
        holds = np.zeros(len(rows), "?")
        holds[owners[within]] = True
        return holds


def _stretches(table: Array, own: Array) -> Iterator[Array]:
    """The frames of one direction by their offsets, in parts that lie close together."""
    own = own[np.argsort(table["offset"][own])]
    if not len(own):
        return
    groups = (table["offset"][own] - table["offset"][own[0]]) // _STRETCH
    yield from np.split(own, np.flatnonzero(np.diff(groups)) + 1)


def _unmask(stream: Array, starts: Array, ends: Array) -> None:
    """Unmask the payloads that lie there, each with the key before it: short ones together, long ones alone."""
    keys, sizes = stream[starts[:, None] + np.arange(-4, 0)], np.maximum(ends - starts, 0)
    short = sizes <= _SHORT
    for at in np.flatnonzero(~short).tolist():
        stream[starts[at] : ends[at]] ^= np.resize(keys[at], sizes[at])
    owners = np.repeat(np.flatnonzero(short), sizes[short])
    within = np.arange(len(owners)) - np.repeat(np.cumsum(sizes[short]) - sizes[short], sizes[short])
    stream[starts[owners] + within] ^= keys[owners, within % 4]


def _all(data: bytes, needle: bytes) -> Iterator[int]:
    """Where the needle begins, hits that overlap among them."""
    at = data.find(needle)
    while at >= 0:
        yield at
        at = data.find(needle, at + 1)
