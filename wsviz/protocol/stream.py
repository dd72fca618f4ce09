"""The bytes of one direction: frames, messages, and everything that shows only across frames.

The bytes are cut into frames, each frame is judged alone (judge.py), then against the frames before it; data frames
go to the message that is open (message.py). Decoding goes on after every violation:

- a continuation with no message open is reported and left out;
- a new message where one is open is reported, and the open one given up, so that a forgotten FIN costs one message
  and not all that follow;
- frames with a reserved opcode belong to no message;
- after Close everything is decoded as before, and no finding carries a close code: the receiver ignores those bytes.

A `Stream` is a function of the bytes alone: how they were cut into pieces does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

from wsviz.protocol.deflate import MAX_MESSAGE_SIZE, Inflater
from wsviz.protocol.fields import Dissection, Finding, ProtocolError, Side
from wsviz.protocol.frames import Frame, dissection_of
from wsviz.protocol.judge import ReservedBits, judge_body, judge_header
from wsviz.protocol.message import Assembly, Message
from wsviz.protocol.rules import DEFLATE_RULES, STREAM_RULES
from wsviz.protocol.wire import (
    FIN,
    Bytes,
    Header,
    Opcode,
    apply_mask,
    as_bytes,
    bytes_missing,
    count,
    opcode_name,
    read_header,
)

__all__ = ["MAX_MESSAGE_SIZE", "Frames", "Message", "Stream", "StreamDecoder", "decode_stream"]

_RULES = {**STREAM_RULES, **DEFLATE_RULES}


class Frames(Sequence[Dissection[Frame]]):
    """The frames of a stretch of bytes, in wire order; a dissection is made when it is asked for.

    For volume: `headers`, and `offsets`, each frame's first byte in the direction. `first` is the index in the
    direction of the frame at position 0.
    """

    __slots__ = ("_base", "_block", "_findings", "_sender", "first", "headers", "offsets")

    def __init__(self, sender: Side, first: int, base: int, block: bytes, headers: list[Header]) -> None:
        self.first, self.headers, self.offsets = first, headers, list[int]()
        self._sender, self._base, self._block = sender, base, block
        self._findings: dict[int, list[Finding]] = {}  # by position; most frames have none
        for header in headers:
            self.offsets.append(base)
            base += header.end

    def __len__(self) -> int:
        return len(self.headers)

    @overload
    def __getitem__(self, position: int) -> Dissection[Frame]: ...
    @overload
    def __getitem__(self, position: slice) -> tuple[Dissection[Frame], ...]: ...
    def __getitem__(self, position: int | slice) -> Dissection[Frame] | tuple[Dissection[Frame], ...]:
        if isinstance(position, slice):
            return tuple(self[i] for i in range(*position.indices(len(self))))
        position = range(len(self))[position]  # negative ones; raises IndexError
        header, start = self.headers[position], self.offsets[position] - self._base
        raw, findings = self._block[start : start + header.end], self._findings.get(position, [])
        return dissection_of(raw, header, findings, self._sender, judged=True)

    def payload(self, position: int) -> bytes:
        """The unmasked payload of one frame."""
        header, start = self.headers[position], self.offsets[position] - self._base
        payload = self._block[start + header.size : start + header.end]
        return payload if header.masking_key is None else apply_mask(payload, header.masking_key)

    def findings(self) -> Iterator[Finding]:
        """The findings of all frames, ordered by offset, then rule."""
        for position in sorted(self._findings):
            yield from self._findings[position]

    def blame(self, position: int, findings: list[Finding]) -> None:
        """File the findings of one frame."""
        self._findings[position] = sorted(findings)


@dataclass(frozen=True, slots=True, eq=False)
class Stream:
    """What the bytes of one direction hold. `rest` is the tail that is too short to be a frame."""

    frames: Frames
    messages: tuple[Message, ...]
    findings: tuple[Finding, ...]
    rest: bytes = b""


def decode_stream(
    data: Bytes,
    *,
    sender: Side | str,
    extensions: str | None = "",
    max_message_size: int = MAX_MESSAGE_SIZE,
) -> Stream:
    """Decode all bytes that `sender` sent after the opening handshake; arguments as for `StreamDecoder`.

    A tail too short to be a frame stands in `rest`, without a finding: more bytes may come.
    """
    decoder = StreamDecoder(sender, extensions, max_message_size=max_message_size)
    return replace(decoder.feed(data), rest=decoder.rest)


class StreamDecoder:
    """Decodes the bytes of one direction piece by piece.

    `extensions` is the response's Sec-WebSocket-Extensions value, None where it was not seen: then nobody knows how
    a message with RSV1 is compressed, and its data stays as on the wire. `max_message_size` bounds the data that is
    kept of one message, in bytes after inflation; what lies beyond is still read, judged and counted.
    """

    def __init__(
        self, sender: Side | str, extensions: str | None = "", *, max_message_size: int = MAX_MESSAGE_SIZE
    ) -> None:
        self.sender = Side(sender)
        self._bits = ReservedBits.of(extensions)
        if max_message_size < 0:
            raise ProtocolError(f"max_message_size is {max_message_size}, expected 0 or more bytes")
        self._limit = max_message_size
        self._inflater = Inflater.of(extensions, self.sender)
        self._tail = bytearray()  # the beginning of a frame
        self._offset = 0  # of the tail in the direction, in bytes
        self._frames = 0  # so far
        self._open: Assembly | None = None
        self._closed = False
        self._key: bytes | None = None  # of the last frame with a payload

    @property
    def rest(self) -> bytes:
        """The bytes fed that are too few to be a frame."""
        return bytes(self._tail)

    def pending(self) -> tuple[int, Header | None]:
        """How many bytes of a frame have been fed that is not complete, and its header where that is."""
        return len(self._tail), read_header(self._tail)

    def feed(self, data: Bytes) -> Stream:
        """Decode more bytes: what they complete and no earlier piece did. Its `rest` is empty; see `self.rest`."""
        if not isinstance(data, (bytes, bytearray, memoryview)):
            data = as_bytes(data)  # says what is wrong
        source: Bytes = data
        if self._tail:
            self._tail += data
            source = self._tail
        headers, used = [], 0
        while (header := read_header(source, used)) is not None and used + header.end <= len(source):
            headers.append(header)
            used += header.end
        frames = Frames(self.sender, self._frames, self._offset, bytes(source[:used]), headers)
        # A tail that stays is not touched: copying it for each small piece would be quadratic.
        if source is data:
            self._tail = bytearray(memoryview(data)[used:])
        elif used:
            del self._tail[:used]
        self._offset += used
        self._frames += len(headers)
        messages = [message for i in range(len(headers)) if (message := self._judge(frames, i)) is not None]
        return Stream(frames, tuple(messages), tuple(frames.findings()))

    def finish(self) -> Stream:
        """Say that no more bytes come: a frame that is cut, a message with no end."""
        found, at = [], self._offset + len(self._tail)
        if self._tail:
            header = read_header(self._tail)
            if header is not None:
                found = judge_header(header, self.sender, self._bits, self._frames, self._offset)
            there = len(self._tail)
            whole = there + bytes_missing(self._tail, header)
            found.append(
                _RULES["frame-cut"].finding(
                    f"frame {self._frames} ends after {count(there, 'byte')}, expected at least {whole:,}",
                    frame=self._frames,
                    offset=at,
                )
            )
        if self._open is not None:
            found.append(
                _RULES["message-unfinished"].finding(
                    f"the message that frame {self._open.first_frame} begins has no final frame",
                    culprit=self.sender if self._closed else None,
                    offset=at,
                )
            )
        frames = Frames(self.sender, self._frames, self._offset, b"", [])
        return Stream(frames, (), tuple(sorted(_ignored(found) if self._closed else found)), self.rest)

    def _judge(self, frames: Frames, position: int) -> Message | None:
        """Judge one frame and take it in; the message that it completes, if any."""
        header, offset = frames.headers[position], frames.offsets[position]
        index, opcode, message = frames.first + position, header.opcode, None
        found = judge_header(header, self.sender, self._bits, index, offset)

        def find(rule: str, explanation: str, field: str) -> None:
            finding = _RULES[rule].finding(explanation, culprit=self.sender, field=field, frame=index, offset=offset)
            found.append(finding)

        if header.masking_key is not None and header.payload_length:
            # A key of zeros is reported as such.
            if header.masking_key == self._key != bytes(4) and self.sender is Side.CLIENT:
                key = self._key.hex(" ")
                find("masking-key-reused", f"the masking key is {key}, as in the frame before it", "Masking-key")
            self._key = header.masking_key
        closed = self._closed
        if opcode == Opcode.CLOSE:
            found += judge_body(opcode, frames.payload(position), self.sender, index, offset)
            if closed:
                find("second-close", "a second Close frame, expected one", "opcode")
            self._closed = True
        elif opcode <= Opcode.BINARY:
            if closed:
                find("data-after-close", f"a {opcode_name(opcode)} frame after Close, expected none", "opcode")
            message = self._add(frames, position, find)
        if found:
            frames.blame(position, _ignored(found) if closed else found)
        return message

    def _add(self, frames: Frames, position: int, find: Callable[[str, str, str], None]) -> Message | None:
        """Add a data frame to the message it belongs to; the message, where the frame completes it."""
        header, payload = frames.headers[position], frames.payload(position)
        if header.opcode != Opcode.CONTINUATION:
            if self._open is not None:
                name, first = opcode_name(header.opcode), self._open.first_frame
                find("message-interrupted", f"a {name} frame, expected the rest of frame {first}'s message", "opcode")
            self._open = Assembly(header.first, self._inflater, self._bits, judged=True, limit=self._limit)
        elif self._open is None:
            find("continuation-without-message", "a continuation frame, expected text or binary", "opcode")
            return None
        final = bool(header.first & FIN)
        for rule, explanation in self._open.add(frames.first + position, payload, final):
            find(rule, explanation, "Payload Data" if payload else "FIN")
        if not final:
            return None
        message, self._open = self._open.message(self.sender), None
        return message


def _ignored(found: list[Finding]) -> list[Finding]:
    """Findings on bytes after Close: a receiver ignores those, so no code follows from them."""
    return [replace(finding, close_code=None) for finding in found]
