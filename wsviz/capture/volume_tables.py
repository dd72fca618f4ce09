"""The tables of frames and messages at volume: in capture order, from one pass over the file and the odd rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from wsviz.capture.octets import joined, picked
from wsviz.capture.packets import Array, Packets
from wsviz.capture.stores import Store
from wsviz.capture.tls_keylog import KeyLog, with_own_secrets
from wsviz.capture.volume import FramePass
from wsviz.capture.volume_frames import HEADER_SIZE
from wsviz.capture.volume_messages import MESSAGE, MOST_HELD, Arrived, Bodies, Sink, arrived, message_rows
from wsviz.capture.volume_odd import Whole, batches_of, decode_whole
from wsviz.capture.volume_order import Sorter, in_order
from wsviz.capture.volume_timing import FrameTiming
from wsviz.protocol.fields import SIDES
from wsviz.protocol.wire import FIN, MASK, OPCODE, RSV1

ROW = np.dtype(
    [
        ("packet", "u4"),  # index in the file
        ("index", "u4"),  # in its direction
        ("direction", "u4"),
        ("time", "i8"),  # ns since the epoch
        ("sender", "u1"),  # index into SIDES
        ("opcode", "u1"),
        ("fin", "?"),
        ("rsv1", "?"),
        ("masked", "?"),
        ("header_length", "u1"),
        ("payload_length", "i8"),
        ("settled", "?"),  # whether it counts in any case: not so before the end of the pass is known
    ]
)
FRAME_COLUMNS = (
    "connection",
    "time",
    "sender",
    "opcode",
    "fin",
    "rsv1",
    "masked",
    "header_length",
    "payload_length",
    "packet",
)
_SETTLED = np.dtype([(name, MESSAGE[name]) for name in ("packet", "index", "connection", "settled")])
_SAME = ("packet", "index", "direction", "time", "payload_length")


@dataclass(frozen=True, slots=True)
class Volume:
    """A capture to be read at volume. `open` gives its packets, as often as they are needed."""

    open: Callable[[], Packets]
    keys: KeyLog | None = None
    extensions: str | None = None

    def frame_rows(self) -> Iterator[Array]:
        """The frames (of ROW) in capture order, some at a time."""
        frames, sorter = self._pass(None), Sorter(ROW)
        yield from self._frames(frames, sorter)

    def timed_frames(self) -> Iterator[tuple[Array, Array, Array]]:
        """The same with the columns of `tables.FRAME_TIMING`, in seconds."""
        bodies, sorter = Bodies(None, controls=True), Sorter(ROW)
        frames = self._pass(bodies)
        timing = FrameTiming()
        for rows in self._frames(frames, sorter, timing):
            if timing.trips is None:
                odd = frames.flows.odd
                timing.match(control for control in bodies.controls if control.connection not in odd)
            yield rows, *timing.columns(rows)

    def _frames(self, frames: FramePass, sorter: Sorter, timing: FrameTiming | None = None) -> Iterator[Array]:
        for found in frames.frames():
            sorter.add(_rows(found, frames.from_client(found["direction"])))
        for whole in self._whole(frames):
            sorter.add(_rows_of(whole))
            if timing is not None:
                timing.add(whole)
        for rows in sorter:
            yield picked(rows, rows["settled"] | frames.whole(rows))

    def messages(self, store: Store) -> Iterator[Array]:
        """The messages (of MESSAGE) in the order in which they were completed, some at a time.

        Their data is put into `store`, where it is found at their `place`.
        """
        sorter = Sorter(MESSAGE)

        def sink(rows: Array, data: list[bytes]) -> None:
            rows["place"] = store.put(data)
            sorter.add(rows)

        frames = self._take_messages(sink)
        for rows in sorter:
            yield picked(rows, frames.settled(rows))

    def payloads(self) -> list[bytes]:
        """The data of all messages, in the same order."""
        tables, kept = [np.zeros(0, _SETTLED)], list[bytes]()

        def sink(rows: Array, data: list[bytes]) -> None:
            tables.append(np.empty(len(rows), _SETTLED))
            for name in _SETTLED.names or ():
                tables[-1][name] = rows[name]
            kept.extend(data)

        frames = self._take_messages(sink)
        settled = joined(tables)
        order = in_order(settled)
        return list(map(kept.__getitem__, order[frames.settled(settled)[order]].tolist()))

    def _take_messages(self, sink: Sink) -> FramePass:
        """Give the messages of a pass, and of what it could not tell, to the sink; the pass, which is over then."""
        bodies = Bodies(sink, controls=False)
        frames = self._pass(bodies)
        for _ in frames.frames():
            bodies.flush()
        for whole in self._whole(frames):
            for first, found in _arrived_of(whole):
                rows = message_rows(found, np.arange(first, first + len(found)))
                rows["settled"] = True
                sink(rows, [message.data for message in found])
        return frames

    def _pass(self, bodies: Bodies | None) -> FramePass:
        return FramePass(self.open(), bodies, tls_is_read=self.keys is not None)

    def _whole(self, frames: FramePass) -> Iterator[Whole]:
        """The connections that a pass could not tell, decoded."""
        # The file's own keys are known once it was read.
        keys, _ = with_own_secrets(self.keys, frames.packets.secrets)
        if keys is not None:
            frames.flows.odd.update(frames.encrypted)
        for batch in batches_of(frames.flows.odd, frames.sizes):
            yield from decode_whole(self.open(), batch, keys=keys, extensions=self.extensions)


def frame_columns(rows: Array) -> dict[str, Array]:
    """These rows (of ROW) as the columns that users see."""
    sender = np.array([side.value for side in SIDES])[rows["sender"]]
    connection, packet = (rows["direction"] >> 1).astype("i4"), rows["packet"].astype("i4") + 1
    made = {"connection": connection, "sender": sender, "packet": packet}
    return {name: made[name] if name in made else rows[name] for name in FRAME_COLUMNS}


def _rows(found: Array, from_client: Array) -> Array:
    rows = np.zeros(len(found), ROW)
    for name in _SAME:
        rows[name] = found[name]
    first, second = found["first"], found["second"]
    rows["sender"], rows["opcode"], rows["masked"] = ~from_client, first & OPCODE, second & MASK != 0
    rows["fin"], rows["rsv1"], rows["header_length"] = first & FIN != 0, first & RSV1 != 0, HEADER_SIZE[second]
    return rows


def _rows_of(whole: Whole) -> Array:
    table = whole.connection.frame_table
    rows = np.zeros(len(table), ROW)
    for name in ("index", "time", "sender", "opcode", "fin", "rsv1", "masked", "header_length", "payload_length"):
        rows[name] = table[name]
    rows["packet"] = whole.numbers[table["packet"] - 1]
    rows["direction"] = 2 * whole.connection.index + (table["sender"] == int(whole.from_first))
    rows["settled"] = True
    return rows


def _arrived_of(whole: Whole) -> Iterator[tuple[int, list[Arrived]]]:
    """The messages of a connection, as many together as come to some MiB, with the number of the first."""
    connection, found, size = whole.connection, list[Arrived](), 0
    begun = dict[int, int]()
    for number, time in zip(*(connection.frame_table[name].tolist() for name in ("message", "time")), strict=True):
        begun.setdefault(number, time)
    for number, message in enumerate(connection.messages):
        packet = int(whole.numbers[connection.message_packets[number] - 1])
        found.append(arrived(message, connection.index, packet, begun[number], message.time or 0))
        size += len(message.data)
        if size > MOST_HELD:
            yield number + 1 - len(found), found
            found, size = [], 0
    if found:
        yield len(connection.messages) - len(found), found
