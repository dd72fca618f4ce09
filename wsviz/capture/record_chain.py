"""Where the records of a pcap file begin: each says how long it is, so only its end tells where the next one does.

Following that chain packet by packet would take longer than all that numpy then does with the packets. So lanes set
out from many places at once where a record seems to begin, and walk a record a step, all of them together, each up to
the start of the next. What they found counts only where the chain itself, followed from the first record on, arrives
at a lane's start; between lanes it is walked plainly. A wrong guess thus costs time, and nothing else.
"""

from __future__ import annotations

import struct
from array import array

import numpy as np

from wsviz.capture.octets import Array, anywhere

_HEADER = 16  # bytes
_LANE = 1 << 15  # bytes from one lane to the next
_SOUGHT = 1 << 12  # bytes in which the start of a record is looked for: most packets are shorter
_TRIES = 16  # of the places there that look like one at the first sight
_LONGEST = 1 << 18  # bytes of a packet that a guess believes in


def record_starts(data: bytes | bytearray, at: int, order: str) -> tuple[Array, int]:
    """Where the records from `at` on begin whose headers are whole, and where the last of them ends, as it says.

    `order` is "<" or ">", the byte order of the file.
    """
    last, found = len(data) - _HEADER, array("q")
    lanes = _Lanes(data, at, order) if last - at > 2 * _LANE else None
    note, read = found.append, struct.Struct(f"{order}I").unpack_from
    ends, reached = ({}, []) if lanes is None else (lanes.ends, list[int]())
    while at <= last:
        if (end := ends.get(at)) is not None:
            reached.append(at)
            at = end
        else:
            note(at)
            at += _HEADER + read(data, at + 8)[0]
    starts = np.array(found, "i8")
    return (starts if lanes is None else np.sort(np.concatenate((starts, lanes.starts(reached))))), at


class _Lanes:
    def __init__(self, data: bytes | bytearray, at: int, order: str) -> None:
        self._begin = np.array(_guesses(data, at, order), "i8")
        sizes, last = anywhere(data, f"{order}u4")[8:], len(data) - _HEADER
        bound = np.append(self._begin, last + 1)[1:]
        ends, here, lanes = self._begin.copy(), self._begin, np.arange(len(self._begin))
        self._lanes, self._places = [lanes[:0]], [lanes[:0]]
        while len(lanes):
            self._lanes.append(lanes)
            self._places.append(here)
            there = here + _HEADER + sizes[here]
            goes_on = there < bound
            if goes_on.all():
                here = there
            else:
                ends[lanes] = there
                lanes, here, bound = lanes[goes_on], there[goes_on], bound[goes_on]
        self.ends = dict(zip(self._begin.tolist(), ends.tolist(), strict=True))
        """Where each lane's last record ends, by where its first one begins."""

    def starts(self, reached: list[int]) -> Array:
        """Where the records of these lanes begin, which are given by their first ones."""
        counts = np.zeros(len(self._begin), "?")
        counts[np.searchsorted(self._begin, reached)] = True
        return np.concatenate(self._places)[counts[np.concatenate(self._lanes)]]


def _guesses(data: bytes | bytearray, at: int, order: str) -> list[int]:
    """Places where a record seems to begin, some way apart."""
    read = struct.Struct(f"{order}4I").unpack_from
    # The upper half of the seconds is the same for 18 hours.
    half = slice(2, 4) if order == "<" else slice(0, 2)
    pattern, last, found = bytes(data[at : at + 4])[half], len(data) - _HEADER, list[int]()

    def believable(place: int) -> bool:
        if place > last:
            return True
        _, _, captured, length = read(data, place)
        return data[place + half.start : place + half.stop] == pattern and captured <= length < _LONGEST

    for target in range(at, last, _LANE):
        place, end = target, min(target + _SOUGHT, last)
        for _ in range(_TRIES):
            place = data.find(pattern, place + half.start, end) - half.start
            if place < target:
                break
            if believable(place) and believable(place + _HEADER + read(data, place)[2]):
                found.append(place)
                break
            place += 1
    return found
