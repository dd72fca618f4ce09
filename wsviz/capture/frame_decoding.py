"""The frames and messages of one direction, over holes where that is safe.

A hole within a payload is stepped over: the header before it says how long the frame is, and only that frame's data
is damaged. A hole that takes a header with it costs everything up to the next start of a segment at which a chain of
plausible frames begins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from wsviz.capture.detect import find_frames
from wsviz.capture.direction import Direction, Hole
from wsviz.protocol.deflate import negotiated
from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.rules import DEFLATE_RULES, RULES
from wsviz.protocol.stream import Message, Stream, StreamDecoder
from wsviz.protocol.wire import Header

# What damaged data gives rise to says nothing about its sender.
_OF_DATA = {"text-not-utf8", "close-reason-not-utf8", "close-code-undefined", *DEFLATE_RULES}


AT_ONCE = 1 << 16  # bytes fed to the decoder at once: deflate makes a thousand times as many of them at most


@dataclass(slots=True)
class FrameReading:
    """What one direction holds from its first frame on; offsets count from the direction's first byte.

    The data of messages is left out; those in `apart` have some that the packets do not hold as it is.
    """

    headers: list[Header] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    apart: set[int] = field(default_factory=set)  # by their places in `messages`
    findings: list[Finding] = field(default_factory=list)
    damaged: set[int] = field(default_factory=set)  # frames with a hole in their payload


def read_frames(
    sender: Side,
    direction: Direction,
    start: int,
    extensions: str | None,
    keep: Callable[[Message], None] | None = None,
) -> FrameReading:
    """Decode one direction from the stream offset of its first frame on; `keep` is given those in `apart`, whole."""
    return _Walk(sender, direction, extensions, keep).run(start)


class _Walk:
    def __init__(
        self, sender: Side, direction: Direction, extensions: str | None, keep: Callable[[Message], None] | None
    ) -> None:
        self.sender, self.direction, self.extensions, self.keep = sender, direction, extensions, keep
        self.reading = FrameReading()
        self.restart(0)

    def restart(self, offset: int) -> None:
        """Begin anew at a stream offset: what came before is not known to hang together with it."""
        self.decoder = StreamDecoder(self.sender, self.extensions)
        self.origin, self.first = offset, len(self.reading.headers)

    def run(self, start: int) -> FrameReading:
        direction, at = self.direction, start
        self.restart(start)
        for hole in direction.holes:
            if hole[1] <= at:
                continue
            if hole[0] >= direction.readable_end:
                break
            self.feed_from(at, hole[0])
            if (filling := self.filling(hole, at)) is not None:
                self.reading.damaged.add(len(self.reading.headers))
                self.feed(filling)
                at = hole[1]
                continue
            chain = find_frames(direction, hole[1], masked=self.sender is Side.CLIENT)
            if chain is None:
                self.forgive()
                return self.reading
            self.restart(chain.start)
            at = chain.start
        self.feed_from(at, direction.readable_end)
        if direction.ended:
            self.take(self.decoder.finish())
        self.forgive()
        return self.reading

    def filling(self, hole: Hole, at: int) -> bytes | None:
        """What to feed for a hole within a payload whose header is there: bytes that unmask to zeros. Else None."""
        length, header = self.decoder.pending()
        if header is None or hole[0] < at or hole[0] - length + header.end < hole[1]:
            return None
        size = hole[1] - hole[0]
        if header.masking_key is None:
            return bytes(size)
        shift = (length - header.size) % 4
        return (header.masking_key * (size // 4 + 2))[shift : shift + size]

    def feed(self, data: bytes) -> None:
        self.take(self.decoder.feed(data))

    def feed_from(self, start: int, end: int) -> None:
        """Feed a stretch of the direction, some at a time, so that little of it is held at once."""
        for at in range(start, end, AT_ONCE):
            self.feed(self.direction.read(at, min(at + AT_ONCE, end)))

    def take(self, stream: Stream) -> None:
        """File what the decoder found, counted from the direction's first byte and first frame."""
        reading = self.reading
        reading.headers += stream.frames.headers
        reading.offsets += [self.origin + offset for offset in stream.frames.offsets]
        for message in stream.messages:
            frames = tuple(self.first + frame for frame in message.frames)
            if message.compressed or reading.damaged.intersection(frames):
                reading.apart.add(len(reading.messages))
                if self.keep is not None:
                    self.keep(replace(message, frames=frames))
            reading.messages.append(replace(message, frames=frames, data=b""))
        for finding in stream.findings:
            frame = None if finding.frame is None else self.first + finding.frame
            reading.findings.append(replace(finding, frame=frame, offset=self.origin + finding.offset))

    def forgive(self) -> None:
        """Drop the findings that a hole, and not the sender, has brought about."""
        reading = self.reading
        if not reading.damaged:
            return
        first = min(reading.damaged)
        parameters = negotiated(self.extensions)
        lasting = parameters is not None and parameters.keeps_context(self.sender)
        messages = [set(message.frames) for message in reading.messages]
        hurt = reading.damaged.union(*(frames for frames in messages if frames & reading.damaged))

        def is_excused(finding: Finding) -> bool:
            if finding.rule not in _OF_DATA or finding.frame is None:
                return False
            return finding.frame in hurt or (lasting and finding.rule in DEFLATE_RULES and finding.frame > first)

        reading.findings = [finding for finding in reading.findings if not is_excused(finding)]
        for frame in sorted(reading.damaged & set(range(len(reading.headers)))):
            words = f"bytes of frame {frame}'s payload are missing from the capture; zeros stand for them"
            offset = reading.offsets[frame]
            missing = RULES["payload-missing"].finding(words, field="Payload Data", frame=frame, offset=offset)
            reading.findings.append(missing)
