"""Messages at volume: the payloads of a pass's frames, unmasked and put together.

A message in one frame that is not compressed, which most are, is cut out of the chunk; all others are put together as
`StreamDecoder` does it, by the same `Assembly`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from wsviz.capture.captured_frames import SIDES
from wsviz.capture.packets import Array
from wsviz.capture.volume_flows import Stretch
from wsviz.capture.volume_frames import HEADER_SIZE, Walked
from wsviz.protocol.deflate import MAX_MESSAGE_SIZE, Inflater, negotiated
from wsviz.protocol.fields import Side
from wsviz.protocol.judge import ReservedBits
from wsviz.protocol.message import Assembly, Message
from wsviz.protocol.wire import FIN, MASK, OPCODE, RSV1, Opcode, apply_mask

_PLAIN = (FIN | Opcode.TEXT, FIN | Opcode.BINARY)  # first bytes of messages in one frame, not compressed


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
    """A frame whose payload is read in pieces. `packet` and `time` are those of its first byte."""

    direction: int
    number: int
    packet: int
    time: int
    first: int
    key: bytes | None


class Bodies:
    """Collects the bodies of frames: of data frames as messages, of pings and pongs where `controls` is asked for.

    `messages` and `controls` hold what came so far, and may be emptied at any time.
    """

    def __init__(self, *, messages: bool, controls: bool) -> None:
        self.messages: list[Arrived] = []
        self.controls: list[Control] = []
        self._wanted = np.array([(code <= 2 and messages) or (code in (9, 10) and controls) for code in range(16)])
        self._parts: dict[int, tuple[_Frame, list[bytes]]] = {}  # by direction: a frame that goes on
        self._assemblers: dict[int, _Assembler] = {}

    def begin(self, direction: int, sender: Side, extensions: str) -> None:
        """Say what was negotiated for a direction, before its frames come."""
        self._assemblers[direction] = _Assembler(sender, extensions)

    def take(self, stretch: Stretch, which: Array, skip: Array, walked: Walked) -> None:
        """Take the frames that a walk over these runs found, after so many bytes of frames before them."""
        own, stop = stretch.directions[which], np.cumsum(stretch.length)
        run_end = stop[stretch.ends[which] - 1]
        for run in np.flatnonzero(np.isin(own, list(self._parts))).tolist():
            self._go_on(stretch, stop, int(own[run]), int(which[run]), int(skip[run]))
        chosen = np.flatnonzero(self._wanted[walked.frames["first"] & 0b1111])
        frames, run_end = walked.frames[chosen], np.repeat(run_end, walked.runs)[chosen]
        place, size = frames["at"], HEADER_SIZE[frames["second"]]
        end = place + size + frames["payload_length"]
        there = np.minimum(end, run_end)
        piece, last = (np.searchsorted(stop, where, "right") for where in (place, there - 1))
        at = stretch.source[piece] + place - stop[piece] + stretch.length[piece]
        columns = (
            at + size,
            at + there - place,
            np.where(piece == last, place, -1 - place),
            there,
            end > there,
            frames["second"] & MASK,
            size,
            stretch.packets[last],
            stretch.times[last],
            *(frames[name] for name in ("direction", "index", "packet", "time", "first")),
        )
        self._collect(stretch, stop, zip(*(column.tolist() for column in columns), strict=True))

    def _collect(self, stretch: Stretch, stop: Array, rows: Iterable[tuple[int, ...]]) -> None:
        data, plain, take = stretch.data, _PLAIN, self.messages.append
        for low, high, place, there, cut, masked, size, packet, time, direction, index, began, begun, first in rows:
            if place >= 0:  # in one packet
                payload, key = data[low:high], data[low - 4 : low] if masked else None
            else:
                raw = b"".join(part.data for part in stretch.between(-1 - place, there, stop))
                payload, key = raw[size:], raw[size - 4 : size] if masked else None
            assembler = self._assemblers[direction]
            if first in plain and not cut and not assembler.open:
                body = payload[:MAX_MESSAGE_SIZE] if key is None else apply_mask(payload[:MAX_MESSAGE_SIZE], key)
                sender, code, wire = assembler.sender, first & OPCODE, len(payload)
                take(Arrived(packet, direction >> 1, sender, begun, time, code, body, 1, False, wire, True))
                continue
            frame = _Frame(direction, index, began, begun, first, key)
            if cut:
                self._parts[direction] = frame, [bytes(payload)]
            else:
                self._complete(frame, bytes(payload), packet, time)

    def _go_on(self, stretch: Stretch, stop: Array, direction: int, run: int, missing: int) -> None:
        """Take what a run brings first: more of the payload that was cut where the chunk before ended."""
        first, last = int(stretch.begins[run]), int(stretch.ends[run]) - 1
        begin, end = int(stop[first] - stretch.length[first]), int(stop[last])
        frame, parts = self._parts[direction]
        pieces = stretch.between(begin, min(begin + missing, end), stop)
        parts += [piece.data for piece in pieces]
        if begin + missing <= end:
            del self._parts[direction]
            self._complete(frame, b"".join(parts), pieces[-1].packet, pieces[-1].time)

    def _complete(self, frame: _Frame, payload: bytes, packet: int, time: int) -> None:
        """Take a frame that is whole, completed by this packet."""
        body = payload if frame.key is None else apply_mask(payload, frame.key)
        assembler, connection = self._assemblers[frame.direction], frame.direction >> 1
        if frame.first & 0b1000:
            opcode = frame.first & OPCODE
            found = Control(frame.packet, frame.number, connection, assembler.sender, frame.time, opcode, body)
            self.controls.append(found)
        elif message := assembler.take(frame, body):
            self.messages.append(arrived(message, connection, packet, assembler.begun, time))


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
        self._inflater: Inflater | None = None
        if (parameters := negotiated(extensions)) is not None:
            bits, keep = parameters.window_bits(sender), parameters.keeps_context(sender)
            self._inflater = Inflater(window_bits=bits, keep_context=keep)

    def take(self, frame: _Frame, body: bytes) -> Message | None:
        """Add a data frame; the message that it completes, if any."""
        opcode = frame.first & OPCODE
        if opcode != Opcode.CONTINUATION:
            self.open, self.begun = self._begin(frame.first), frame.time
        if self.open is None:
            return None
        final = bool(frame.first & FIN)
        for _ in self.open.add(frame.number, body, final):
            pass  # what is wrong with it is a finding, and findings are told by Connection
        if not final:
            return None
        message, self.open = self.open.message(SIDES[self.sender]), None
        return message

    def _begin(self, first: int) -> Assembly:
        inflater = self._inflater if first & RSV1 else None
        unknown = bool(first & RSV1) and (self._bits.others or not self._bits.known)
        compressed = inflater is not None or unknown
        opcode = Opcode(first & OPCODE)
        return Assembly(opcode, inflater, compressed=compressed, judged=False, limit=MAX_MESSAGE_SIZE)
