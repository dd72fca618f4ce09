"""A message, and how one is put together from its frames: inflated, judged as text, bounded."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass

from wsviz.protocol.deflate import InflateError, Inflater
from wsviz.protocol.fields import Side
from wsviz.protocol.judge import ReservedBits, utf8_fault
from wsviz.protocol.wire import OPCODE, RSV1, RSV2, RSV3, Opcode, count

_TEXT_AT_ONCE = 1 << 20  # bytes decoded at once to judge them: the text takes up to four times as much for a moment


@dataclass(frozen=True, slots=True)
class Message:
    """A text or binary message completed by FIN, also where its frames broke rules.

    `data` is inflated, up to the decoder's `max_message_size`. `frames` are indices in the direction. `compressed`
    says that RSV1 marked the message as compressed. `wire_length` is the sum of its payload lengths in bytes,
    `length` its full size after inflation, None where the handshake was not seen: `data` is then as on the wire.
    `time` is in nanoseconds since the epoch, of its last byte, None outside captures.
    """

    sender: Side
    opcode: Opcode
    data: bytes
    frames: tuple[int, ...]
    compressed: bool
    time: int | None = None
    wire_length: int = 0
    length: int | None = None

    @property
    def text(self) -> str | None:
        """The text, invalid UTF-8 replaced; None for binary messages and compressed ones that cannot be read."""
        if self.opcode != Opcode.TEXT or (self.compressed and self.length is None):
            return None
        return self.data.decode(errors="replace")


Fault = tuple[str, str]  # the slug of a rule, an explanation


class Assembly:
    """A message on its way: what its frames have brought so far.

    `first` is the first byte of the frame that begins it, `inflater` that of its direction, `bits` what the
    extensions make of RSV1-3; `limit` is in bytes. Whether text is UTF-8 is asked where it is `judged`.
    """

    def __init__(
        self, first: int, inflater: Inflater | None, bits: ReservedBits, *, judged: bool, limit: int
    ) -> None:
        reserved = first & (RSV1 | RSV2 | RSV3)
        self._opcode, self._limit = Opcode(first & OPCODE), limit
        # None where the data is taken as it is: not compressed, or nobody knows how.
        self._inflater = inflater if reserved & RSV1 else None
        unknown = bool(reserved & RSV1) and (bits.others or not bits.known)
        self._compressed = self._inflater is not None or unknown
        # A reserved bit that nobody explains may change what the data is.
        explained = self._inflater is not None or not reserved
        self._judged = judged and self._opcode == Opcode.TEXT and explained
        self._frames: list[int] = []
        self._pieces: list[bytes] = []
        self._wire_length = self._length = 0
        self._pending = b""  # the bytes of a character that the next frame completes
        self._damaged = False
        if self._inflater:
            self._inflater.start()

    @property
    def first_frame(self) -> int:
        """The index of the frame that began the message."""
        return self._frames[0]

    def add(self, frame: int, payload: bytes, final: bool) -> Iterator[Fault]:
        """Add the unmasked payload of the next frame; what is wrong with it comes out."""
        self._frames.append(frame)
        self._wire_length += len(payload)
        if self._inflater is None:
            yield from self._take(payload)
        elif not self._damaged:
            yield from self._inflate(self._inflater, payload, final)
        # Where the data is damaged, it is no news that what is left of it ends within a character.
        if final and self._judged and self._pending and not self._damaged:
            yield from self._judge_text(b"", final=True)

    def _inflate(self, inflater: Inflater, payload: bytes, final: bool) -> Iterator[Fault]:
        try:
            for piece in inflater.pieces(payload):
                yield from self._take(piece)
            if final:
                inflater.end()
        except InflateError as error:
            self._damaged = True
            yield error.rule, str(error)
        if final and inflater.final_blocks:
            blocks = count(inflater.final_blocks, "block")
            yield "deflate-final-block", f"{blocks} with BFINAL 1 in the data, expected none by many receivers"

    def _take(self, piece: bytes) -> Iterator[Fault]:
        if not piece:
            return
        room = self._limit - self._length
        if 0 <= room < len(piece):
            yield "message-over-limit", f"the message passes {count(self._limit, 'byte')}; the rest of it is not kept"
        if room > 0:
            self._pieces.append(piece[:room])
        if self._judged:
            yield from self._judge_text(piece)
        self._length += len(piece)

    def _judge_text(self, piece: bytes, *, final: bool = False) -> Iterator[Fault]:
        """Judge the next bytes of the text as far as they go (RFC 6455 8.1), up to the first fault."""
        if not self._pending and piece.isascii():
            return
        for start in range(0, max(len(piece), 1), _TEXT_AT_ONCE):
            part = self._pending + piece[start : start + _TEXT_AT_ONCE]
            base = self._length + start - len(self._pending)
            try:
                # Python waits for the third byte of a surrogate (ED A0 80), though its second tells already.
                early = b"\xed\xa0" <= part[-2:] <= b"\xed\xbf"
                _, used = codecs.utf_8_decode(part, "strict", final or early)
            except UnicodeDecodeError as error:
                self._judged = False
                yield "text-not-utf8", f"the text is no UTF-8: {utf8_fault(error, base)}"
                return
            self._pending = part[used:]

    def message(self, sender: Side) -> Message:
        """The message, completed."""
        readable = self._inflater is not None or not self._compressed
        return Message(
            sender,
            self._opcode,
            b"".join(self._pieces),
            tuple(self._frames),
            self._compressed,
            wire_length=self._wire_length,
            length=self._length if readable else None,
        )
