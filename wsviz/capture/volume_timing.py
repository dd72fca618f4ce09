"""Times between frames at volume: ping round trips, and how long nothing came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import numpy as np

from wsviz.capture.frame_timing import answered_pings
from wsviz.capture.packets import Array
from wsviz.capture.volume_messages import Control
from wsviz.capture.volume_odd import Whole
from wsviz.protocol.wire import Opcode


class FrameTiming:
    """The columns of `tables.FRAME_TIMING`, for frames in capture order."""

    def __init__(self) -> None:
        self.trips: tuple[Array, Array] | None = None  # once matched: keys of pings, sorted, and their round trips
        self._of_odd: dict[int, int] = {}  # round trips in ns, by key
        self._last = np.zeros(0, "i8")  # by connection: the time of its latest frame, -1 before the first

    def add(self, whole: Whole) -> None:
        """Take the pings of a connection that was decoded as a whole."""
        rows = whole.connection.frame_table
        for ping, pong in answered_pings(whole.connection).items():
            packet = int(whole.numbers[rows["packet"][ping] - 1])
            self._of_odd[packet << 32 | int(rows["index"][ping])] = int(rows["time"][pong] - rows["time"][ping])

    def match(self, controls: Iterable[Control]) -> None:
        """Find each ping's pong, as `frame_timing.answered_pings` does, among those of all other connections."""
        waiting, found = dict[tuple[int, int, bytes], deque[Control]](), dict(self._of_odd)
        for control in sorted(controls):
            if control.opcode == Opcode.PING:
                waiting.setdefault((control.connection, control.sender, control.body), deque()).append(control)
            elif pings := waiting.get((control.connection, 1 - control.sender, control.body)):
                ping = pings.popleft()
                found[ping.packet << 32 | ping.number] = control.time - ping.time
        keys = np.array(sorted(found), "u8")
        self.trips = keys, np.array([found[key] for key in keys.tolist()], "i8")

    def columns(self, rows: Array) -> tuple[Array, Array]:
        """`round_trip` and `idle` of the next rows, in seconds, NaN where there is none."""
        assert self.trips is not None
        keys, trips = self.trips
        own = rows["packet"].astype("u8") << np.uint64(32) | rows["index"]
        round_trip, at = np.full(len(rows), np.nan), np.searchsorted(keys, own)
        known = np.flatnonzero(
            (keys[np.minimum(at, len(keys) - 1)] == own) if len(keys) else np.zeros(len(rows), "?")
        )
        round_trip[known] = trips[at[known]] / 1e9
        connection = rows["direction"] >> 1
        most = int(connection.max(initial=0)) + 1
        self._last = np.append(self._last, np.full(max(most - len(self._last), 0), -1))
        order = np.argsort(connection, kind="stable")
        group, time = connection[order], rows["time"][order]
        before = np.concatenate((time[:1], time[:-1]))
        begin = np.flatnonzero(np.diff(group.astype("i8"), prepend=-1))
        before[begin] = self._last[group[begin]]
        self._last[group] = time  # of several the last one stays
        idle = np.full(len(rows), np.nan)
        idle[order] = np.where(before < 0, np.nan, (time - before) / 1e9)
        for column in (round_trip, idle):
            column[column < 0] = np.nan
        return round_trip, idle
