"""Who says what: WebSocket connections and HTTP polling of several shapes, as writes of two sides in turn."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from benchmarks.content import Content
from benchmarks.links import Writes
from benchmarks.wire import Array, frames

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1 = 0x80, 0x40
CLIENT, SERVER = 0, 1
_MEAN_GAP = 20_000  # microseconds between writes
_USUAL_SIZE = 150  # bytes of a message or a body: the median
_AT_ONCE = 1000  # messages made together


@dataclass(slots=True)
class Counts:
    """What conversations held: the truth that every reading must find."""

    frames: int = 0
    payload_bytes: int = 0  # on the wire
    messages: int = 0
    message_bytes: int = 0  # inflated
    text_messages: int = 0
    compressed_messages: int = 0
    fragmented_messages: int = 0
    exchanges: int = 0  # HTTP, the upgrades included
    opcodes: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Frames:
    """The frames that one side is about to send, in order."""

    first: list[int] = field(default_factory=list)
    payload: list[bytes] = field(default_factory=list)  # on the wire, unmasked
    plain: list[bytes] = field(default_factory=list)  # of the messages
    message_ends: list[int] = field(default_factory=list)  # the number of each message's last frame

    def add(self, opcode: int, payload: bytes, flags: int = FIN) -> None:
        """Add one frame."""
        self.first.append(flags | opcode)
        self.payload.append(payload)

    def end_message(self, plain: bytes) -> None:
        """Say that the last frame completes a message."""
        self.plain.append(plain)
        self.message_ends.append(len(self.first) - 1)


class Speaker:
    """The two sides of a WebSocket connection: frames to bytes, and the count of them."""

    def __init__(self, random: np.random.Generator, counts: Counts) -> None:
        self.random, self._counts = random, counts

    def writes(self, spoken: tuple[Frames, Frames], turns: Array, gaps: Array, cut: Cut | None = None) -> Writes:
        """The frames of both sides as writes: one each, taken in these turns, or cut otherwise."""
        streams, sizes, ends = [], [], []
        for side, told in enumerate(spoken):
            lengths = np.array([len(one) for one in told.payload], "i8")
            keys = self.random.integers(0, 256, (len(lengths), 4), "u1") if side == CLIENT else None
            first = np.array(told.first, "u1")
            stream, frame_sizes = frames(first, lengths, b"".join(told.payload), keys)
            plain_ends = np.cumsum(np.array([len(one) for one in told.plain], "i8"))
            ends.append((np.cumsum(frame_sizes)[np.array(told.message_ends, "i8")], plain_ends))
            streams.append(stream)
            sizes.append(frame_sizes if cut is None else cut(self.random, frame_sizes))
            self._count(told, first & 15, int(lengths.sum()))
        if cut is not None:
            turns = self.random.permutation(np.repeat([CLIENT, SERVER], [len(one) for one in sizes]))
            gaps = self.random.exponential(_MEAN_GAP, len(turns)).astype("i8")
        size = np.zeros(len(turns), "i8")
        for side in (CLIENT, SERVER):
            size[turns == side] = sizes[side]
        plain = (b"".join(spoken[CLIENT].plain), b"".join(spoken[SERVER].plain))
        return Writes(turns, size, gaps, (streams[0], streams[1]), plain, (ends[0], ends[1]))

    def _count(self, told: Frames, opcodes: Array, payload_bytes: int) -> None:
        counts = self._counts
        counts.frames += len(told.first)
        counts.payload_bytes += payload_bytes
        counts.messages += len(told.plain)
        counts.message_bytes += sum(map(len, told.plain))
        for opcode, number in Counter(opcodes.tolist()).items():
            counts.opcodes[opcode] = counts.opcodes.get(opcode, 0) + number


Cut = Callable[[np.random.Generator, Array], Array]


def whole_frames(random: np.random.Generator, sizes: Array) -> Array:
    """Writes of 4 to 24 frames each."""
    starts = np.cumsum(random.integers(4, 25, len(sizes)))
    starts = np.concatenate([np.zeros(1, "i8"), starts[starts < len(sizes)]])
    return np.add.reduceat(sizes, starts) if len(sizes) else sizes


def anywhere(random: np.random.Generator, sizes: Array) -> Array:
    """Writes of 10 to 250 bytes, wherever that cuts the frames."""
    total = int(sizes.sum())
    cuts = np.cumsum(random.integers(10, 251, total // 10 + 1))
    return np.diff(np.concatenate([np.zeros(1, "i8"), cuts[cuts < total], np.array([total])]))


def handshake(random: np.random.Generator, counts: Counts, deflate: bool) -> Writes:
    """The request and the 101 of RFC 6455 4."""
    key = base64.b64encode(random.bytes(16))
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b""
    request = (
        b"GET /live HTTP/1.1\r\nHost: bench.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n" + extension + b"\r\n"
    )
    response = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extension + b"\r\n"
    )
    counts.exchanges += 1
    return _in_turn([(CLIENT, request), (SERVER, response)], np.array([100, 800]), disorder=False)


def closing(speaker: Speaker) -> Writes:
    """A Close frame of each side (RFC 6455 5.5.1)."""
    spoken = (Frames(), Frames())
    for side in spoken:
        side.add(CLOSE, b"\x03\xe8")
    return speaker.writes(spoken, np.array([CLIENT, SERVER]), np.array([500, 500]))


def _in_turn(said: list[tuple[int, bytes]], gaps: Array, *, disorder: bool = True) -> Writes:
    sides, sizes = np.array([(side, len(data)) for side, data in said], "i8").T
    client, server = (b"".join(data for side, data in said if side == own) for own in (CLIENT, SERVER))
    return Writes(sides, sizes, gaps, (client, server), disorder=disorder)


class Talk:
    """Messages of all sizes on one connection, compressed or not, with pings, pongs and a few in fragments."""

    def __init__(self, content: Content, random: np.random.Generator, counts: Counts, deflate: bool) -> None:
        self._content, self._random, self._counts = content, random, counts
        self._deflaters = [zlib.compressobj(wbits=-15) for _ in range(2)] if deflate else None

    def spoken(self, count: int) -> tuple[tuple[Frames, Frames], Array]:
        """So many messages, give or take a ping, and whose turn each frame is."""
        random, spoken, turns = self._random, (Frames(), Frames()), list[int]()
        sides = (random.random(count) < 0.6).tolist()
        sizes = np.clip(random.lognormal(np.log(_USUAL_SIZE), 1.3, count), 2, 40_000).astype("i8").tolist()
        places = random.integers(0, 1 << 16, count).tolist()
        kinds = random.random((4, count)).tolist()
        for side, size, place, kind, parts, beyond_ascii, ping in zip(sides, sizes, places, *kinds, strict=True):
            told, before = spoken[side], len(spoken[side].first)
            if kind < 0.7:
                plain, opcode = self._content.text(place, size, beyond_ascii < 0.1), TEXT
                self._counts.text_messages += 1
            else:
                plain, opcode = self._content.binary(place, size), BINARY
            self._say(told, side, opcode, plain, 3 if parts < 0.01 else 1)
            turns += [side] * (len(told.first) - before)
            if ping < 0.02:
                told.add(PING, plain[:8])
                spoken[1 - side].add(PONG, plain[:8])
                turns += [side, 1 - side]
        return spoken, np.array(turns, "i8")

    def _say(self, told: Frames, side: int, opcode: int, plain: bytes, parts: int) -> None:
        data, flag = plain, 0
        if self._deflaters is not None:
            deflater = self._deflaters[side]
            data, flag = (deflater.compress(plain) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4], RSV1
            self._counts.compressed_messages += 1
        step = max(-(-len(data) // parts), 1)
        pieces = [data[at : at + step] for at in range(0, len(data), step)]
        self._counts.fragmented_messages += len(pieces) > 1
        for number, piece in enumerate(pieces):
            final = FIN if number == len(pieces) - 1 else 0
            told.add(CONTINUATION if number else opcode, piece, final | (0 if number else flag))
        told.end_message(plain)


def talking(
    content: Content, random: np.random.Generator, counts: Counts, deflate: bool, room: Callable[[], int]
) -> Iterator[Writes]:
    """A WebSocket connection with messages of all sizes. `room` says how many packets may still come."""
    speaker, talk = Speaker(random, counts), Talk(content, random, counts, deflate)
    yield handshake(random, counts, deflate)
    while (left := room()) > 0:
        spoken, turns = talk.spoken(min(max(left // 2, 1), _AT_ONCE))
        yield speaker.writes(spoken, turns, random.exponential(_MEAN_GAP, len(turns)).astype("i8"))
    yield closing(speaker)


def chattering(
    cut: Cut, content: Content, random: np.random.Generator, counts: Counts, room: Callable[[], int]
) -> Iterator[Writes]:
    """A WebSocket connection with tiny text messages, many to a segment."""
    speaker, turns = Speaker(random, counts), np.zeros(0, "i8")
    yield handshake(random, counts, False)
    while (left := room()) > 0:
        spoken, count = (Frames(), Frames()), min(max(left * 2, 8), 4 * _AT_ONCE)
        for told in spoken:
            places, sizes = random.integers(0, 1 << 16, count).tolist(), random.integers(1, 17, count).tolist()
            for place, size in zip(places, sizes, strict=True):
                plain = content.text(place, size)
                told.add(TEXT, plain)
                told.end_message(plain)
            counts.text_messages += count
        yield speaker.writes(spoken, turns, turns, cut)
    yield closing(speaker)


def hauling(
    content: Content, random: np.random.Generator, counts: Counts, room: Callable[[], int]
) -> Iterator[Writes]:
    """A WebSocket connection with frames of 1 to 8 MB."""
    speaker = Speaker(random, counts)
    yield handshake(random, counts, False)
    while room() > 0:
        side, size, text = int(random.integers(2)), int(random.integers(1_000_000, 8_000_001)), random.random() < 0.5
        spoken = (Frames(), Frames())
        plain = (content.text if text else content.binary)(int(random.integers(1 << 16)), size)
        spoken[side].add(TEXT if text else BINARY, plain)
        spoken[side].end_message(plain)
        counts.text_messages += text
        yield speaker.writes(spoken, np.array([side]), np.array([_MEAN_GAP]))
    yield closing(speaker)


def polling(
    content: Content, random: np.random.Generator, counts: Counts, room: Callable[[], int]
) -> Iterator[Writes]:
    """An HTTP/1.1 connection that is kept alive and asked again and again."""
    number = 0
    while (left := room()) > 0:
        said = list[tuple[int, bytes]]()
        count = min(max(left * 2 // 7, 1), _AT_ONCE)
        sizes = np.clip(random.lognormal(np.log(_USUAL_SIZE), 1.3, count), 2, 40_000).astype("i8").tolist()
        for size, place in zip(sizes, random.integers(0, 1 << 16, count).tolist(), strict=True):
            number += 1
            body = content.text(place, size)
            request = (
                f"GET /updates?since={number} HTTP/1.1\r\nHost: bench.example\r\nAccept: application/json\r\n"
                "User-Agent: benchmark/1\r\n\r\n"
            )
            response = (
                f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
                "Cache-Control: no-store\r\n\r\n"
            )
            said += [(CLIENT, request.encode()), (SERVER, response.encode() + body)]
        counts.exchanges += count
        yield _in_turn(said, random.exponential(_MEAN_GAP, len(said)).astype("i8"))


def conversation(
    shape: str, content: Content, random: np.random.Generator, counts: Counts, room: Callable[[], int]
) -> Iterator[Writes]:
    """The writes of one connection of this shape."""
    chosen = random.random()
    conversations: dict[str, Callable[..., Iterator[Writes]]] = {
        "mixed": polling if chosen < 0.2 else partial(talking, deflate=chosen < 0.45),
        "coalesced": partial(chattering, whole_frames),
        "unaligned": partial(chattering, anywhere),
        "huge": hauling,
        "long": partial(talking, deflate=False),
    }
    return conversations[shape](content=content, random=random, counts=counts, room=room)
