"""What a timeline says: messages, frames and segments over one byte axis, and what each segment delivers.

The segments are fed one by one to the stream decoder, as TCP hands them over: what comes out is what the receiver
learns at that moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wsviz.figures.figure import plain
from wsviz.figures.timeline_stretch import Stretch, messages_in
from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.message import Message
from wsviz.protocol.secrets import mask_bytes
from wsviz.protocol.stream import StreamDecoder
from wsviz.protocol.wire import Header, Opcode, close_code_name, count, opcode_name, preview

LOOKED_AT = 4096  # bytes of a message that are searched for secrets before a few of them are shown


@dataclass(frozen=True, slots=True)
class FrameSpan:
    """A frame on the axis, in bytes: `start`, `payload` (where that begins), `end`; `marks` number its findings."""

    index: int
    start: int
    payload: int
    end: int
    frame: Frame
    message: int  # -1 for none
    marks: tuple[int, ...]

    @property
    def name(self) -> str:
        return opcode_name(self.frame.opcode)

    @property
    def movable(self) -> bool:
        """Whether its end may be moved: a fragment that goes on."""
        return not self.frame.fin and not self.frame.is_control


@dataclass(frozen=True, slots=True)
class MessageSpan:
    """A message on the axis; `segment` completes it, -1 where none does.

    `delivered` is False where the receiver never gets it, since something ended the connection before.
    """

    number: int
    start: int
    end: int
    frames: tuple[int, ...]
    words: str
    segment: int
    delivered: bool


@dataclass(frozen=True, slots=True)
class Event:
    """What the receiver does when a segment arrives; `number` counts the deliveries (onmessage), 0 for the others."""

    kind: str  # "message", "control", "close" or "fail"
    words: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment on the axis, what it makes happen, and what is left open behind it; `time` is ns since the first."""

    index: int
    start: int
    end: int
    packet: int | None
    time: int | None
    events: tuple[Event, ...]
    waiting: str


@dataclass(frozen=True, slots=True)
class CharCut:
    """A character whose bytes are cut at `offset`, by a "frame" or a "segment" boundary."""

    offset: int
    char: str
    by: str


@dataclass(frozen=True, slots=True)
class TimelineView:
    """A stretch, ready to be drawn."""

    sender: Side
    data: bytes
    frames: tuple[FrameSpan, ...]
    messages: tuple[MessageSpan, ...]
    segments: tuple[Segment, ...]
    chars: tuple[CharCut, ...]
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...]

    @property
    def title(self) -> str:
        done = sum(message.segment >= 0 for message in self.messages)
        parts = [(done, "message"), (len(self.frames), "frame"), (len(self.segments), "segment")]
        return ", ".join(count(number, noun) for number, noun in parts)

    @property
    def facts(self) -> str:
        return " · ".join([f"{count(len(self.data), 'byte')} from the {self.sender}", *self.remarks])


def view_of(stretch: Stretch) -> TimelineView:
    """Decode a stretch, segment by segment."""
    receiver = _Receiver(stretch)
    segments = tuple(receiver.segment(at, *edges) for at, edges in enumerate(stretch.segments))
    findings = tuple(sorted([*receiver.findings, *receiver.decoder.finish().findings]))
    groups, starts = messages_in(stretch.frames), stretch.starts
    home = {at: number for number, group in enumerate(groups) for at in group}
    frames = tuple(
        FrameSpan(
            at,
            starts[at],
            starts[at + 1] - len(frame.payload),
            starts[at + 1],
            frame,
            home.get(at, -1),
            tuple(number for number, finding in enumerate(findings, 1) if finding.frame == at),
        )
        for at, frame in enumerate(stretch.frames)
    )
    messages = tuple(_messages(groups, frames, receiver))
    chars = tuple(_char_cuts(stretch, groups, frames))
    return TimelineView(stretch.sender, stretch.data, frames, messages, segments, chars, findings, stretch.remarks)


class _Receiver:
    """The other side: what it learns from each segment, and when it gives up."""

    def __init__(self, stretch: Stretch) -> None:
        self.stretch, self.data = stretch, stretch.data
        self.decoder = StreamDecoder(stretch.sender, stretch.extensions)
        self.findings: list[Finding] = []
        self.completed: dict[int, tuple[int, bool, Message]] = {}  # by first frame: segment, delivered, message
        self.delivered = 0
        self.over = ""  # why nothing more is delivered
        self._open = False

    def segment(self, at: int, start: int, end: int) -> Segment:
        stream = self.decoder.feed(self.data[start:end])
        self.findings += stream.findings
        events = list(self._events(at, stream.frames.first, len(stream.frames), stream.messages, stream.findings))
        packets, times = self.stretch.packets, self.stretch.times
        return Segment(
            at,
            start,
            end,
            packets[at] if packets else None,
            times[at] if times else None,
            tuple(events),
            self._waiting(stream.frames.first + len(stream.frames)),
        )

    def _events(
        self, segment: int, first: int, number: int, messages: Sequence[Message], findings: Sequence[Finding]
    ) -> Iterator[Event]:
        ends = {message.frames[-1]: message for message in messages}
        for at in range(first, first + number):
            frame = self.stretch.frames[at]
            if not frame.is_control:
                self._open = not frame.fin
            fatal = next((each for each in findings if each.frame == at and each.close_code is not None), None)
            if message := ends.get(at):
                counts = not self.over and fatal is None
                self.completed[message.frames[0]] = (segment, counts, message)
            if self.over:
                continue
            if fatal is not None:
                self.over = f"the connection failed before, with {fatal.close_code}"
                words = f"frame {at}: the receiver fails the connection with {fatal.close_code}"
                yield Event("fail", f"{words}, and nothing more is delivered")
            elif message:
                self.delivered += 1
                words = f"{_what(message, self.stretch.masked)}, from {_frames_in_words(message.frames)}"
                yield Event("message", f"onmessage {self.delivered}: {words}", self.delivered)
            elif frame.opcode == Opcode.CLOSE:
                self.over = "Close has come before"
                yield Event("close", f"frame {at}: {_close(frame)}, and nothing more is delivered")
            elif frame.is_control:
                answer = ", so it sends a pong" if frame.opcode == Opcode.PING else ""
                yield Event("control", f"frame {at}: the receiver has a {opcode_name(frame.opcode)}{answer}")

    def _waiting(self, frame: int) -> str:
        if self.over:
            return f"nothing is delivered: {self.over}"
        there, header = self.decoder.pending()
        if there:
            return f"of frame {frame}, {_so_far(there, header)} {'is' if there == 1 else 'are'} there"
        return "a message is open: its last fragment is to come" if self._open else "nothing is open"


def _so_far(there: int, header: Header | None) -> str:
    if header is None:
        return f"{count(there, 'byte')} of the header"
    return f"{there:,} of {count(header.end, 'byte')}"


def _what(message: Message, masked: bool) -> str:
    kind, text = opcode_name(message.opcode), message.opcode == Opcode.TEXT
    if message.compressed and message.length is None:
        return f"{kind}, compressed"
    data = message.data
    if masked:  # a preview shows the first bytes only; behind the rest of them nothing is searched
        data = mask_bytes(data[:LOOKED_AT], same_size=True) + data[LOOKED_AT:]
    return f"{kind} {plain(preview(data, as_text=text))}"


def _frames_in_words(frames: Sequence[int]) -> str:
    if len(frames) == 1:
        return f"frame {frames[0]}"
    return (
        f"frames {', '.join(map(str, frames[:-1]))} and {frames[-1]}" if len(frames) < 8 else f"{len(frames)} frames"
    )


def _close(frame: Frame) -> str:
    code = frame.close_code
    return "Close" if code is None else f"Close {code}, {close_code_name(code)}"


def _messages(groups: list[list[int]], frames: tuple[FrameSpan, ...], receiver: _Receiver) -> Iterator[MessageSpan]:
    for number, group in enumerate(groups):
        segment, counts, message = receiver.completed.get(group[0], (-1, False, None))
        first = frames[group[0]].frame
        words = _what(message, receiver.stretch.masked) if message else f"{opcode_name(first.opcode)}, unfinished"
        yield MessageSpan(number, frames[group[0]].start, frames[group[-1]].end, tuple(group), words, segment, counts)


def _char_cuts(stretch: Stretch, groups: list[list[int]], frames: tuple[FrameSpan, ...]) -> Iterator[CharCut]:
    """Where a character of a text message is cut, by a frame's boundary or by a segment's."""
    cuts = []
    for group in groups:
        first = frames[group[0]].frame
        if first.opcode != Opcode.TEXT or first.rsv1:
            continue
        text, at = b"".join(frames[each].frame.payload for each in group), 0
        for number, each in enumerate(group):
            span = frames[each]
            if number and (char := _char_across(text, at)):
                cuts.append(CharCut(span.start, char, "frame"))
            for cut in stretch.cuts:
                if span.payload < cut < span.end and (char := _char_across(text, at + cut - span.payload)):
                    cuts.append(CharCut(cut, char, "segment"))
            at += span.end - span.payload
    yield from sorted(cuts, key=lambda cut: (cut.offset, cut.by))


def _char_across(text: bytes, at: int) -> str:
    """The character with bytes on both sides of a place, "" for none."""
    char, index, _ = char_at(text, at) if at < len(text) else ("", 0, 1)
    return char if index else ""


def char_at(text: bytes, at: int) -> tuple[str, int, int]:
    """The UTF-8 character that holds a byte, which of its bytes that is, and how many it has; "" where it is none."""
    for start in range(at, max(at - 4, -1), -1):
        lead = text[start]
        if 0x80 <= lead < 0xC0:
            continue
        size = 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
        if start + size <= at:
            break
        try:
            return text[start : start + size].decode(), at - start, size
        except UnicodeDecodeError:
            break
    return "", 0, 1
