"""Messages at volume: the payloads of a pass's frames, unmasked and put together.

A message in one frame that is not compressed, which most are, is cut out of the chunk; a compressed one in one frame
is inflated at once. All others are put together as `StreamDecoder` does it, by the same `Assembly`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from wsviz.capture.octets import anywhere, joined, one_of, picked
from wsviz.capture.packets import Array
from wsviz.capture.volume_flows import Stretch
from wsviz.capture.volume_frames import HEADER_SIZE, Walked
from wsviz.protocol.deflate import MAX_MESSAGE_SIZE, Inflater
from wsviz.protocol.fields import SIDES, Side
from wsviz.protocol.judge import ReservedBits
from wsviz.protocol.message import Assembly, Message
from wsviz.protocol.wire import FIN, MASK, OPCODE, RSV1, Opcode, apply_mask

# First bytes of messages in one frame.
_PLAIN = (FIN | Opcode.TEXT, FIN | Opcode.BINARY)
_COMPRESSED = tuple(first | RSV1 for first in _PLAIN)
# Bytes unmasked or inflated in one step; deflate makes a thousand times as many at most: MAX_MESSAGE_SIZE are kept.
_AT_ONCE = 1 << 15
MOST_HELD = 64 << 20  # bytes of inflated messages


MESSAGE = np.dtype(
    [
        ("packet", "u4"),  # index in the file, of the packet that completed it
        ("index", "u4"),  # in the order of the pass
        ("connection", "u4"),
        ("sender", "u1"),  # index into SIDES
        ("opcode", "u1"),
        ("compressed", "?"),
        ("readable", "?"),
        ("frame_count", "u4"),
        ("begun", "i8"),  # ns since the epoch
        ("time", "i8"),
        ("wire_length", "i8"),  # bytes
        ("place", "i8"),  # of its data in the store
        ("size", "i8"),  # bytes of that
        ("settled", "?"),
    ]
)


class Arrived(NamedTuple):
    """A message, where it was completed. `packet` is an index in the file, times are ns since the epoch.

    `begun` is the time of its first byte. `data` is that of `Message`; so are the last four, `frames` being their
    number and `readable` saying that its length is known.
    """

    packet: int
    connection: int
    sender: int  # index into SIDES
    begun: int
    time: int
    opcode: int
    data: bytes
    frame_count: int
    compressed: bool
    wire_length: int
    readable: bool


class Control(NamedTuple):
    """A ping or a pong: the packet that brought its first byte, its index in its direction, when, and its body."""

    packet: int
    number: int
    connection: int
    sender: int  # index into SIDES
    time: int
    opcode: int
    body: bytes


class _Frame(NamedTuple):
    """A frame that is not read with the others. `packet` and `time` are those of its first byte."""

    direction: int
    number: int
    packet: int
    time: int
    first: int


Sink = Callable[[Array, list[bytes]], None]


class Bodies:
    """Collects the bodies of frames: of data frames as messages, of pings and pongs where `controls` is asked for.

    `controls` holds what came so far. `sink` takes the messages, of MESSAGE, and their data: those of a chunk, or of
    a part of it, since a chunk may inflate to a thousand times its size.
    """

    def __init__(self, sink: Sink | None, *, controls: bool) -> None:
        self.controls: list[Control] = []
        self._sink, self._held = sink, 0  # bytes of what was inflated and not yet given to the sink
        messages = sink is not None
        self._wanted = np.array([(code <= 2 and messages) or (code in (9, 10) and controls) for code in range(16)])
        # By direction: a frame that goes on, its masking key, and what of its payload was there.
        self._parts: dict[int, tuple[_Frame, bytes, list[bytes]]] = {}
        self._assemblers: dict[int, _Assembler] = {}
        self._count = 0  # of frames that were taken
        self._tables: list[Array] = [np.zeros(0, MESSAGE)]  # plain messages, and their data
        self._data: list[bytes] = []
        self._others: list[Arrived] = []  # the rest, and their places among all
        self._places: list[int] = []

    def begin(self, direction: int, sender: Side, extensions: str) -> None:
        """Say what was negotiated for a direction, before its frames come."""
        self._assemblers[direction] = _Assembler(sender, extensions)

    def flush(self) -> None:
        """Give the messages that were completed since the last time to the sink."""
        if self._sink is None:
            return
        rows = joined([*self._tables, message_rows(self._others, np.array(self._places, "u4"))])
        self._sink(rows, self._data + [message.data for message in self._others])
        self._tables, self._data, self._others, self._places = [np.zeros(0, MESSAGE)], [], [], []
        self._held = 0

    def take(self, stretch: Stretch, which: Array, skip: Array, walked: Walked, from_client: Array) -> None:
        """Take the frames that a walk over these runs found, after so many bytes of frames before them."""
        own, stop = stretch.directions[which], np.cumsum(stretch.length)
        for run, direction in enumerate(own.tolist()):
            if direction in self._parts:
                self._go_on(stretch, stop, direction, int(which[run]), int(skip[run]))
        self._count += 1  # what comes now stands after what goes on
        chosen = np.flatnonzero(self._wanted[walked.frames["first"] & OPCODE])
        runs = np.repeat(np.arange(len(which)), walked.runs)[chosen]
        frames, run_end = picked(walked.frames, chosen), stop[stretch.ends[which[runs]] - 1]
        place, size = frames["at"], HEADER_SIZE[frames["second"]]
        end = place + size + frames["payload_length"]
        there = np.minimum(end, run_end)
        piece, last = (np.searchsorted(stop, where, "right") for where in (place, there - 1))
        body = stretch.source[piece] + place - stop[piece] + stretch.length[piece] + size
        busy = np.array([self._assemblers[direction].open is not None for direction in own.tolist()], "?")
        begins = np.diff(runs, prepend=-1) != 0
        # A message may be open where the frame before had no FIN.
        fragmented = np.where(begins, busy[runs], np.roll(frames["first"], 1) & FIN == 0)
        plain = (end == there) & ~fragmented & one_of(frames["first"], _PLAIN)
        plain &= frames["payload_length"] <= MAX_MESSAGE_SIZE
        senders, begin = ~from_client[runs], body - size
        ended = stretch.packets[last], stretch.times[last]
        known = _Columns(frames, size, begin, there - place, piece, piece == last, senders, *ended)
        for some, payloads in known.payloads(stretch, np.flatnonzero(plain)):
            self._add(known, some, payloads, compressed=False)
        self._take_others(stretch, known, np.flatnonzero(~plain))
        self._count += len(frames)

    def _add(self, known: _Columns, which: Array, data: list[bytes], *, compressed: bool) -> None:
        """Take the data of messages in one frame."""
        frames, rows = picked(known.frames, which), np.zeros(len(which), MESSAGE)
        rows["packet"], rows["index"], rows["time"] = known.packets[which], self._count + which, known.times[which]
        rows["connection"], rows["sender"] = frames["direction"] >> 1, known.senders[which]
        rows["begun"], rows["opcode"] = frames["time"], frames["first"] & OPCODE
        rows["readable"], rows["frame_count"], rows["compressed"] = True, 1, compressed
        rows["wire_length"], rows["size"] = frames["payload_length"], list(map(len, data))
        self._data += data
        self._tables.append(rows)

    def _take_others(self, stretch: Stretch, known: _Columns, which: Array) -> None:
        """Take frames of any kind in their order, as far as they are there."""
        frames, length = picked(known.frames, which), known.length[which]
        goes_on = frames["payload_length"] + known.size[which] > length
        compressed = one_of(frames["first"], _COMPRESSED) & ~goes_on & (length <= _AT_ONCE)
        inflated, bodies = list[int](), list[bytes]()
        payloads = np.full(len(known.frames), None)
        for some, found in known.payloads(stretch, which[~goes_on]):
            payloads[some] = found
        there = payloads[which].tolist()
        # Messages of a direction that are compressed and in one frame, and follow each other, are inflated together.
        begins = np.flatnonzero(np.diff(2 * frames["direction"].astype("i8") + compressed, prepend=-1))
        for begin, end in pairwise([*begins.tolist(), len(which)]):
            direction = int(frames["direction"][begin])
            assembler = self._assemblers[direction]
            if compressed[begin] and assembler.open is None and assembler.inflater is not None:
                rest, at = iter(there[begin:end]), begin
                while at < end:
                    made = assembler.inflater.whole(rest)
                    inflated += range(at, at + len(made))
                    bodies += made
                    at, self._held = at + len(made), self._held + sum(map(len, made))
                    if self._held > MOST_HELD:
                        self._add(known, which[inflated], bodies, compressed=True)
                        self.flush()
                        inflated, bodies = [], []
                continue
            for number in range(begin, end):
                index, packet, time, first = (int(frames[n][number]) for n in ("index", "packet", "time", "first"))
                frame, at = _Frame(direction, index, packet, time, first), int(which[number])
                if goes_on[number]:
                    self._parts[direction] = frame, *known.beginning(stretch, at)
                else:
                    place = self._count + at
                    self._complete(frame, there[number], place, int(known.packets[at]), int(known.times[at]))
        self._add(known, which[inflated], bodies, compressed=True)

    def _go_on(self, stretch: Stretch, stop: Array, direction: int, run: int, missing: int) -> None:
        """Take what a run brings first: more of the payload that was cut where the chunk before ended."""
        first, last = int(stretch.begins[run]), int(stretch.ends[run]) - 1
        begin, end = int(stop[first] - stretch.length[first]), int(stop[last])
        frame, key, parts = self._parts[direction]
        pieces = stretch.between(begin, min(begin + missing, end), stop)
        parts += [piece.data for piece in pieces]
        if begin + missing <= end:
            del self._parts[direction]
            payload = b"".join(parts)
            body = apply_mask(payload, key) if key else payload
            self._complete(frame, body, self._count, pieces[-1].packet, pieces[-1].time)

    def _complete(self, frame: _Frame, body: bytes, place: int, packet: int, time: int) -> None:
        """Take a frame that is whole, completed by this packet; `place` is where it stands among all."""
        assembler, connection = self._assemblers[frame.direction], frame.direction >> 1
        if frame.first & 0b1000:
            opcode = frame.first & OPCODE
            found = Control(frame.packet, frame.number, connection, assembler.sender, frame.time, opcode, body)
            self.controls.append(found)
            return
        if message := assembler.take(frame, body):
            self._others.append(arrived(message, connection, packet, assembler.begun, time))
            self._places.append(place)
            self._held += len(message.data)
            if self._held > MOST_HELD:
                self.flush()


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is known of the frames of a chunk."""

    frames: Array  # of FOUND
    size: Array  # bytes of the header
    begin: Array  # where in the data it begins
    length: Array  # bytes of it that are there, its header included
    piece: Array  # in which it begins
    in_one: Array  # whether it lies in that one alone
    senders: Array  # indices into SIDES
    packets: Array  # of the last byte that is there: its packet, and when
    times: Array

    def payloads(self, stretch: Stretch, which: Array) -> Iterator[tuple[Array, list[bytes]]]:
        """The payloads of these frames, which are whole, unmasked, some at a time with their indices."""
        data, masked, in_one = stretch.data, self.frames["second"][which] & MASK != 0, self.in_one[which]
        body, end = self.begin[which] + self.size[which], self.begin[which] + self.length[which]
        bare, at_once = in_one & ~masked, in_one & masked & (end - body <= _AT_ONCE) & (end + 8 <= len(data))
        places = zip(body[bare].tolist(), end[bare].tolist(), strict=True)
        yield which[bare], [data[low:high] for low, high in places]
        yield which[at_once], _unmasked(data, body[at_once], (end - body)[at_once])
        rest = ~bare & ~at_once
        rows = zip(
            self.raw(stretch, which[rest]), self.size[which[rest]].tolist(), masked[rest].tolist(), strict=True
        )
        yield which[rest], [apply_mask(raw[n:], raw[n - 4 : n]) if has_key else raw[n:] for raw, n, has_key in rows]

    def beginning(self, stretch: Stretch, number: int) -> tuple[bytes, list[bytes]]:
        """The masking key of a frame that goes on, empty where it has none, and what of its payload is there."""
        raw, size = self.raw(stretch, np.array([number]))[0], int(self.size[number])
        return raw[size - 4 : size] if self.frames["second"][number] & MASK else b"", [raw[size:]]

    def raw(self, stretch: Stretch, which: Array) -> list[bytes]:
        """These frames as they are on the wire, as far as they are there."""
        data, begin, piece = stretch.data, self.begin[which], self.piece[which]
        cut = np.minimum(begin + self.length[which], stretch.source[piece] + stretch.length[piece])
        found = [data[low:high] for low, high in zip(begin.tolist(), cut.tolist(), strict=True)]
        over = np.flatnonzero(~self.in_one[which])  # they go on in the pieces after it
        columns = (over, piece[over], (begin + self.length[which] - cut)[over])
        for at, number, missing in zip(*(column.tolist() for column in columns), strict=True):
            found[at] += stretch.following(number, missing)
        return found


def _unmasked(data: bytes, body: Array, length: Array) -> list[bytes]:
    """The payloads that lie here, so long and with their masking keys before them: eight bytes a step, at once."""
    keys, words, found = anywhere(data, "u4"), anywhere(data, "u8"), list[bytes]()
    for some in np.array_split(np.arange(len(body)), int(length.sum()) // _AT_ONCE + 1):
        key, size = keys[body[some] - 4].astype("u8"), length[some] + 7 >> 3
        ends = np.cumsum(size)
        at = np.repeat(body[some] - 8 * (ends - size), size) + 8 * np.arange(size.sum())
        text = (words[at] ^ np.repeat(key << np.uint64(32) | key, size)).tobytes()
        low = 8 * (ends - size)
        found += [text[first:after] for first, after in zip(low.tolist(), (low + length[some]).tolist(), strict=True)]
    return found


def message_rows(messages: Sequence[Arrived], index: Array) -> Array:
    """These messages as rows, but for the places of their data."""
    rows = np.zeros(len(messages), MESSAGE)
    if not messages:
        return rows
    columns = dict(zip(Arrived._fields, zip(*messages, strict=True), strict=True))
    data = columns.pop("data")
    for name, column in columns.items():
        rows[name] = column
    rows["index"], rows["size"] = index, list(map(len, data))
    return rows


def arrived(message: Message, connection: int, packet: int, begun: int, time: int) -> Arrived:
    """A message that a packet completed, and when."""
    sender, data, frames = SIDES.index(message.sender), message.data, len(message.frames)
    wire, readable = message.wire_length, message.length is not None
    opcode, compressed = int(message.opcode), message.compressed
    return Arrived(packet, connection, sender, begun, time, opcode, data, frames, compressed, wire, readable)


class _Assembler:
    """Puts the messages of one direction together, as `StreamDecoder` does."""

    def __init__(self, sender: Side, extensions: str) -> None:
        self.open: Assembly | None = None
        self.begun = 0
        self.sender = SIDES.index(sender)
        self._bits = ReservedBits.of(extensions)
        self.inflater = Inflater.of(extensions, sender)

    def take(self, frame: _Frame, body: bytes) -> Message | None:
        """Add a data frame; the message that it completes, if any."""
        opcode = frame.first & OPCODE
        if opcode != Opcode.CONTINUATION:
            # What is wrong with it is a finding, and findings are told by Connection.
            self.open = Assembly(frame.first, self.inflater, self._bits, judged=False, limit=MAX_MESSAGE_SIZE)
            self.begun = frame.time
        if self.open is None:
            return None
        final = bool(frame.first & FIN)
        for _ in self.open.add(frame.number, body, final):
            pass
        if not final:
            return None
        message, self.open = self.open.message(SIDES[self.sender]), None
        return message
