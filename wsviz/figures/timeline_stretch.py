"""A stretch of one direction as a learner can change it: frames, and where TCP cuts their bytes into segments.

Frames and cuts are independent: moving a fragment's boundary moves payload bytes from frame to frame and leaves the
cuts where they are, moving a cut leaves every byte as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import index

from wsviz.capture.connection import Connection
from wsviz.capture.packets import Array
from wsviz.protocol.fields import SIDES, ProtocolError, Side, WsvizError
from wsviz.protocol.frames import Frame
from wsviz.protocol.secrets import mask_bytes
from wsviz.protocol.stream import decode_stream
from wsviz.protocol.wire import Opcode, count, read_header

LOADED, LOADED_BYTES = 200, 1 << 20  # frames, and bytes, of a captured direction that are loaded at most
MOST_FRAMES = MOST_CUTS = 2000


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes that one side sent: whole frames, and `rest`, which is too short to be one.

    `cuts` are offsets strictly within the bytes, ascending: a segment ends and the next begins. `packets` (1-based)
    and `times` (ns since the first) say of a captured stretch what brought each segment, until something changes.
    `masked` says that what is inflated may hold secrets that nobody asked for.
    """

    sender: Side
    frames: tuple[Frame, ...]
    cuts: tuple[int, ...] = ()
    rest: bytes = b""
    extensions: str | None = ""
    packets: tuple[int, ...] = ()
    times: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()
    masked: bool = False

    @property
    def data(self) -> bytes:
        return b"".join(frame.serialize() for frame in self.frames) + self.rest

    @property
    def starts(self) -> list[int]:
        """Each frame's first byte, and where the last frame ends."""
        starts = [0]
        for frame in self.frames:
            starts.append(starts[-1] + len(frame.serialize()))
        return starts

    @property
    def segments(self) -> list[tuple[int, int]]:
        """(start, end) of each segment."""
        size = self.starts[-1] + len(self.rest)
        edges = [0, *self.cuts, size]
        return list(pairwise(edges)) if size else []

    # Frames

    def with_frames(self, frames: Iterable[Frame]) -> Stretch:
        """Other frames; cuts beyond the last byte go."""
        changed = replace(self, frames=tuple(frames), packets=(), times=())
        if len(changed.frames) > MOST_FRAMES:
            raise ProtocolError(f"{count(len(changed.frames), 'frame')}, expected at most {MOST_FRAMES:,}")
        size = changed.starts[-1] + len(self.rest)
        return replace(changed, cuts=tuple(cut for cut in self.cuts if cut < size))

    def insert(self, at: int, frame: Frame) -> Stretch:
        """Another frame before the one at `at`."""
        return self.with_frames([*self.frames[:at], frame, *self.frames[at:]])

    def put(self, at: int, frame: Frame) -> Stretch:
        """Another frame in place of the one at `at`."""
        return self.with_frames([*self.frames[:at], frame, *self.frames[at + 1 :]])

    def remove(self, at: int) -> Stretch:
        """All frames but the one at `at`."""
        self._frame(at)
        return self.with_frames([*self.frames[:at], *self.frames[at + 1 :]])

    def ping(self, at: int, body: bytes = b"?") -> Stretch:
        """A ping before the frame at `at`, masked where the others are."""
        if not 0 <= at <= len(self.frames):
            raise IndexError(f"place {at}, expected 0 to {len(self.frames)}")
        return self.insert(at, Frame.ping(body, masking_key=self._new_key()))

    def split(self, offset: int) -> Stretch:
        """The data frame around a byte as two fragments, the second beginning with that byte of the payload."""
        at = self._frame_at(offset)
        frame = self.frames[at]
        within = offset - (self.starts[at + 1] - len(frame.payload))
        if frame.is_control:
            raise ProtocolError(f"frame {at} is a control frame: those are never fragmented (RFC 6455 5.5)")
        if not 0 < within < len(frame.payload):
            raise ProtocolError("a fragment begins within a payload, after its first byte; not at this one")
        first = replace(frame, payload=frame.payload[:within], fin=False, length_bits=None)
        key = None if frame.masking_key is None else self._new_key()
        rest = replace(
            frame,
            opcode=Opcode.CONTINUATION,
            payload=frame.payload[within:],
            rsv1=False,
            masking_key=key,
            length_bits=None,
        )
        return self.with_frames([*self.frames[:at], first, rest, *self.frames[at + 1 :]])

    def next_fragment(self, at: int) -> int:
        """The continuation that goes on with the frame at `at`, control frames between them passed over."""
        frame = self._frame(at)
        for number in range(at + 1, len(self.frames)):
            other = self.frames[number]
            if not other.is_control:
                if frame.is_control or frame.fin or other.opcode != Opcode.CONTINUATION:
                    break
                return number
        raise ProtocolError(f"no continuation goes on with frame {at}")

    def move_boundary(self, at: int, offset: int) -> Stretch:
        """Move the boundary between a fragment and the next to a byte of either payload; bytes change frames."""
        other = self.next_fragment(at)
        one, two, starts = self.frames[at], self.frames[other], self.starts
        if offset <= starts[at + 1]:
            moved = max(offset - starts[at + 1], -len(one.payload))
        else:
            moved = min(max(offset - (starts[other + 1] - len(two.payload)), 0), len(two.payload))
        both, size = one.payload + two.payload, len(one.payload) + moved
        frames = list(self.frames)
        frames[at] = replace(one, payload=both[:size], length_bits=None)
        frames[other] = replace(two, payload=both[size:], length_bits=None)
        return self.with_frames(frames)

    def join(self, at: int) -> Stretch:
        """A fragment and the next as one frame, at the place of the first."""
        other = self.next_fragment(at)
        two = self.frames[other]
        joined = replace(
            self.frames[at], payload=self.frames[at].payload + two.payload, fin=two.fin, length_bits=None
        )
        return self.remove(other).put(at, joined)

    # Segments

    def with_cuts(self, cuts: Iterable[int]) -> Stretch:
        """The same bytes in other segments."""
        size = len(self.data)
        try:
            kept = tuple(sorted({place for place in map(index, cuts) if 0 < place < size}))
        except TypeError:
            raise WsvizError("cuts are offsets of bytes: whole numbers") from None
        if len(kept) > MOST_CUTS:
            raise ProtocolError(f"{count(len(kept), 'cut')}, expected at most {MOST_CUTS:,}")
        return replace(self, cuts=kept, packets=(), times=())

    def cut(self, offset: int) -> Stretch:
        """A cut before this byte, or no longer one where it is."""
        if not 0 < offset < len(self.data):
            raise IndexError(f"byte {offset}, expected 1 to {len(self.data) - 1}: before it a segment can end")
        return self.with_cuts({*self.cuts} ^ {offset})

    def move_cut(self, number: int, offset: int) -> Stretch:
        """Move one cut, as far as its neighbours let it."""
        if not 0 <= number < len(self.cuts):
            raise IndexError(f"cut {number}, expected 0 to {len(self.cuts) - 1}")
        edges = [0, *self.cuts, len(self.data)]
        place = min(max(offset, edges[number] + 1), edges[number + 2] - 1)
        return self.with_cuts([*self.cuts[:number], place, *self.cuts[number + 1 :]])

    def _frame(self, at: int) -> Frame:
        if not 0 <= at < len(self.frames):
            raise IndexError(f"frame {at}, expected 0 to {len(self.frames) - 1}")
        return self.frames[at]

    def _frame_at(self, offset: int) -> int:
        for at, end in enumerate(self.starts[1:]):
            if 0 <= offset < end:
                return at
        raise IndexError(f"byte {offset} belongs to no whole frame")

    def _new_key(self) -> bytes | None:
        """A masking key for one more frame: no frame has it, and it is the same every time."""
        if not any(frame.masked for frame in self.frames):
            return None if self.frames or self.sender is Side.SERVER else bytes.fromhex("37fa213d")
        used = b"".join(frame.masking_key or b"" for frame in self.frames)
        return hashlib.sha256(used).digest()[:4]


Timelineable = bytes | Sequence[Frame] | Frame | Connection | Stretch


def stretch_of(
    source: Timelineable,
    *,
    side: Side | str | None = None,
    cuts: Iterable[int] = (),
    extensions: str | None = "",
    first: int = 0,
) -> Stretch:
    """What a timeline shows: bytes that one side sent, Frames, or what a captured Connection brought of one side.

    `side` is the sender; without it, bytes are the client's where the first frame is masked, and of a connection it
    is the side that sent fragments, else the client. `cuts` and `extensions` are for bytes and Frames; `first` is the
    frame of a captured direction that the stretch begins with, or the first one of its message.
    """
    if isinstance(source, Stretch):
        return source
    if isinstance(source, Connection):
        return _captured(source, side, first)
    if isinstance(source, Frame):
        source = (source,)
    if isinstance(source, bytes | bytearray | memoryview):
        data = bytes(source)
    elif isinstance(source, Sequence) and all(isinstance(each, Frame) for each in source):
        data = b"".join(frame.serialize() for frame in source if isinstance(frame, Frame))
    else:
        raise WsvizError(f"got {type(source).__name__}, expected bytes, Frames or a Connection")
    masked = len(data) > 1 and bool(data[1] & 0b1000_0000)
    sender = Side(side) if side is not None else Side.CLIENT if masked else Side.SERVER
    _refuse_too_many(data)
    stream = decode_stream(data, sender=sender, extensions=extensions)
    frames = [dissection.value for dissection in stream.frames]
    return Stretch(sender, (), rest=stream.rest, extensions=extensions).with_frames(frames).with_cuts(cuts)


def _refuse_too_many(data: bytes) -> None:
    """Raise ProtocolError for more frames than a stretch holds, before millions of them are decoded."""
    frames, at = 0, 0
    while (header := read_header(data, at)) is not None and at + header.end <= len(data):
        frames, at = frames + 1, at + header.end
        if frames > MOST_FRAMES:
            raise ProtocolError(f"the bytes hold more frames than expected: at most {MOST_FRAMES:,}")


def _captured(connection: Connection, side: Side | str | None, first: int) -> Stretch:
    """The frames of a captured direction, from the message of frame `first` on, in the segments that brought them."""
    sender, rows = _sent(connection, side)
    if not 0 <= first < len(rows):
        raise WsvizError(f"first is {first}, expected 0 to {len(rows) - 1}")
    if rows["message"][first] >= 0:
        first = int((rows["message"] == rows["message"][first]).argmax())
    ends = rows["offset"] + rows["header_length"] + rows["payload_length"]
    start, last = int(rows["offset"][first]), first + 1
    while last < min(len(rows), first + LOADED) and ends[last] - start <= LOADED_BYTES:
        last += 1
    direction = connection.directions()[SIDES.index(sender)][0]
    whole = direction.read(start, int(ends[last - 1]))
    stream = decode_stream(whole, sender=sender, extensions=None)
    frames = [dissection.value for dissection in stream.frames]
    remarks = []
    if not connection.reveal and (hidden := _without_secrets(frames)) != frames:
        frames = hidden
        remarks.append("secrets as *")
    if len(rows) > last - first:
        remarks.append(f"{count(last - first, 'frame')} of {len(rows):,}, from frame {first} on")
    pieces = direction.pieces
    inside = pieces[(pieces["start"] + pieces["length"] > start) & (pieces["start"] < start + len(whole))]
    if first == 0 and (before := start - int(inside["start"][0])) > 0:
        remarks.append(f"the first segment begins {count(before, 'byte')} earlier, in the handshake")
    times = direction.table.rows["time"][inside["packet"]]
    return Stretch(
        sender,
        tuple(frames),
        tuple(int(each) - start for each in inside["start"][1:]),
        rest=stream.rest,
        extensions=_extensions(connection),
        packets=tuple(int(packet) + 1 for packet in inside["packet"]),
        times=tuple(int(time - times[0]) for time in times),
        remarks=tuple(remarks),
        masked=not connection.reveal,
    )


def _sent(connection: Connection, side: Side | str | None) -> tuple[Side, Array]:
    """The sender that is asked for, or has something to show, and the rows of its frames."""
    table = connection.frame_table
    if not len(table):
        raise WsvizError(f"connection {connection.index} carries no WebSocket frames")
    split = table["sender"][~table["fin"]]
    sender = Side(side) if side is not None else SIDES[split[0]] if len(split) else Side.CLIENT
    rows = table[table["sender"] == SIDES.index(sender)]
    if not len(rows):
        raise WsvizError(f"the {sender} sent no frames on connection {connection.index}")
    return sender, rows


def _extensions(connection: Connection) -> str | None:
    """The response's Sec-WebSocket-Extensions value, None where the handshake was not seen."""
    response = None if connection.handshake is None else connection.handshake.response.value
    return None if response is None else response.header("Sec-WebSocket-Extensions") or ""


def _without_secrets(frames: Sequence[Frame]) -> list[Frame]:
    """The frames with asterisks in place of secrets, those included that are cut by a fragment's boundary."""
    hidden = list(frames)
    for group in messages_in(frames):
        data = b"".join(frames[at].payload for at in group)
        masked = mask_bytes(data, same_size=True)
        for at in group:
            size = len(frames[at].payload)
            if masked[:size] != frames[at].payload:
                hidden[at] = replace(frames[at], payload=masked[:size])
            masked = masked[size:]
    for at, frame in enumerate(frames):
        if frame.is_control:
            hidden[at] = replace(frame, payload=mask_bytes(frame.payload, same_size=True))
    return hidden


def messages_in(frames: Sequence[Frame]) -> list[list[int]]:
    """The frames of each message, finished or not, by their places; a continuation without a start is in none."""
    groups, open_ = list[list[int]](), False
    for at, frame in enumerate(frames):
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            groups.append([at])
        elif frame.opcode == Opcode.CONTINUATION and open_:
            groups[-1].append(at)
        else:
            continue
        open_ = not frame.fin
    return groups
