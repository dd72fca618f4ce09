"""What one side says, message by message, compressed: as it was captured, or as zlib does it under other terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.figures.deflate_symbols import WINDOW, Reading, read_symbols
from wsviz.protocol.deflate import DeflateParameters, Deflater, negotiated
from wsviz.protocol.fields import SIDES, ProtocolError, Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.secrets import mask_bytes

READ = 32_768  # bytes of data that are read, and of payloads: each takes a while to name
MOST = 100  # messages
BITS = range(9, 16)  # the windows that zlib compares; it takes 8 for 9

Part = str | bytes | bytearray | memoryview | Frame | CapturedFrame
Deflatable = Connection | Part | Iterable[Part]


class Said(NamedTuple):
    """One message: its `payload` as sent, how that says the data, and the data `shown`, its secrets as asterisks."""

    payload: bytes
    compressed: bool
    reading: Reading
    shown: bytes

    @property
    def data(self) -> bytes:
        return self.reading.data

    @property
    def masked(self) -> bool:
        """Whether something is hidden: its bits would tell it too."""
        return self.shown != self.data


@dataclass(frozen=True, slots=True)
class Talk:
    """The messages of one side and the terms of their compression.

    `sent` says that the payloads are what somebody sent, not what zlib makes of the data here. `origin` is what a
    capture calls it. `more` says that there are more messages, which are left out.
    """

    said: tuple[Said, ...]
    keep: bool = True
    bits: int = 15
    sent: bool = False
    origin: str = ""
    more: bool = False

    def under(self, *, keep: bool | None = None, bits: int | None = None) -> Talk:
        """The same messages as zlib compresses them under other terms."""
        return self._anew([(each.data, each.shown) for each in self.said], keep, bits)

    def plus(self, data: bytes) -> Talk:
        """The same and one message more; all are compressed by zlib."""
        return self._anew([*((each.data, each.shown) for each in self.said), (data, data)])

    def less(self, number: int) -> Talk:
        """The same without message `number`; the rest is compressed by zlib."""
        return self._anew([(each.data, each.shown) for at, each in enumerate(self.said) if at != number])

    def _anew(self, datas: list[tuple[bytes, bytes]], keep: bool | None = None, bits: int | None = None) -> Talk:
        keep, bits = self.keep if keep is None else keep, self.bits if bits is None else bits
        return Talk(_compressed(datas, keep, bits), keep, bits, origin=self.origin, more=self.more)

    def cost(self, *, keep: bool, bits: int) -> int:
        """What the payloads would take under other terms, in bytes: zlib's answer, level 6."""
        deflater = Deflater(window_bits=bits, keep_context=keep)
        return sum(len(deflater.compress(each.data)) for each in self.said)


def memory(bits: int) -> tuple[int, int]:
    """What zlib keeps for a sender and for a receiver, in bytes, by its documentation (memLevel 8)."""
    return (1 << (bits + 2)) + (1 << 17), (1 << bits) + 7 * 1024


def talk_of(
    source: Deflatable, *, side: Side | str | None = None, keep: bool | None = None, bits: int | None = None
) -> Talk:
    """The talk in a captured connection, in frames, or in texts and bytes, which zlib compresses.

    `side` is whose messages are taken from a connection: without it, the first one's that compressed any. `keep` and
    `bits` are the terms, for a connection those of its handshake. Raises ProtocolError where there is nothing to
    show, TypeError for what is none of these.
    """
    if isinstance(source, Connection):
        return _captured(source, side, keep, bits)
    if not isinstance(source, Part | Iterable):
        raise _wrong(source)
    parts = [source] if isinstance(source, Part) else list(source)
    keep, bits = keep is not False, 15 if bits is None else bits
    frames = [part for part in parts if isinstance(part, Frame | CapturedFrame)]
    if frames and len(frames) == len(parts):
        said, more = _sent(frames, keep=keep, reveal=not any(isinstance(part, CapturedFrame) for part in frames))
        if not any(each.compressed for each in said):
            raise ProtocolError("no message here is compressed: RSV1 is 0 in all of them")
        return Talk(said, keep, bits, sent=True, more=more)
    datas = [_data(part) for part in parts]
    return Talk(_compressed([(data, data) for data in datas], keep, bits), keep, bits)


def _data(part: object) -> bytes:
    if isinstance(part, str):
        return part.encode(errors="replace")
    if isinstance(part, bytes | bytearray | memoryview):
        return bytes(part)
    raise _wrong(part)


def _wrong(thing: object) -> TypeError:
    return TypeError(f"got {type(thing).__name__}, expected texts, bytes, frames or a captured connection")


def _compressed(datas: Sequence[tuple[bytes, bytes]], keep: bool, bits: int) -> tuple[Said, ...]:
    """What zlib makes of messages, each given as its data and as what is shown of it."""
    if len(datas) > MOST or sum(len(data) for data, _ in datas) > READ:
        raise ProtocolError(f"that is too much to draw, expected {MOST} messages and {READ:,} bytes at most")
    deflater, said = Deflater(window_bits=bits, keep_context=keep), list[Said]()
    for data, shown in datas:
        payload = deflater.compress(data)
        reading = read_symbols(payload, _window(said) if keep else b"", most=READ)
        said.append(Said(payload, True, reading, shown))
    return tuple(said)


def _captured(connection: Connection, side: Side | str | None, keep: bool | None, bits: int | None) -> Talk:
    handshake = connection.handshake
    terms = negotiated(str(handshake.extensions)) if handshake else None
    sides = SIDES if side is None else (Side(side),)
    for sender in sides:
        rows = (connection.frame_table["sender"] == SIDES.index(sender)).nonzero()[0]
        frames = (connection.frames[int(row)] for row in rows)
        keeps = (terms or DeflateParameters()).keeps_context(sender) if keep is None else keep
        said, more = _sent(frames, keep=keeps, reveal=connection.reveal)
        if any(each.compressed for each in said):
            size = (terms or DeflateParameters()).window_bits(sender) if bits is None else bits
            origin = f"connection {connection.index}, sent by the {sender}"
            return Talk(said, keeps, size, sent=True, origin=origin, more=more)
    raise ProtocolError(f"connection {connection.index} has no compressed message of the {' or the '.join(sides)}")


def _sent(frames: Iterable[Frame | CapturedFrame], *, keep: bool, reveal: bool) -> tuple[tuple[Said, ...], bool]:
    """Messages put together from their frames and read, and whether there are more than are read."""
    said, room = list[Said](), READ
    for payload, compressed in _payloads(frames):
        if len(said) == MOST or len(payload) > room:
            if not said:
                raise ProtocolError(f"the first message has {len(payload):,} bytes, expected {READ:,} at most")
            return tuple(said), True
        if compressed:
            reading = read_symbols(payload, _window(said) if keep else b"", most=room)
        else:
            reading = Reading((), payload)
        shown = reading.data if reveal else mask_bytes(reading.data, same_size=True)
        said.append(Said(payload, compressed, reading, shown))
        room -= max(len(payload), len(reading.data))
    return tuple(said), False


def _payloads(frames: Iterable[Frame | CapturedFrame]) -> Iterator[tuple[bytes, bool]]:
    """Each message's payload, and whether RSV1 says that it is compressed."""
    parts, compressed = list[bytes](), False
    for each in frames:
        frame = each.frame if isinstance(each, CapturedFrame) else each
        if frame.is_control:
            continue
        compressed = compressed if parts else frame.rsv1  # the first frame says so (RFC 7692, 6.1)
        parts.append(frame.payload)
        if frame.fin:
            yield b"".join(parts), compressed
            parts = []


def _window(said: Sequence[Said]) -> bytes:
    """The last data that was compressed; what went without RSV1 leaves the window as it is (RFC 7692, 6.1)."""
    return b"".join(each.data for each in said if each.compressed)[-WINDOW:]
