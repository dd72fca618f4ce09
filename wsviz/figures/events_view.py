"""What a picture of an event stream says: each line named, beside what a browser makes of the block that it is in.

The events are the engine's (`parse_event_stream`). Lines are cut here only to name them (WHATWG HTML 9.2.6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from wsviz.protocol.event_stream import BOM, Event, parse_event_stream
from wsviz.protocol.wire import PREVIEW_BYTES, count

READ, READ_LINES = 262_144, 20_000  # bytes, and lines, of a stream that are read
SHOWN, HEARD = PREVIEW_BYTES, 64  # bytes of a line and characters of what comes of it that are drawn
LINE_ENDS = {b"\n": "LF", b"\r\n": "CR LF", b"\r": "CR"}
_LINE_END = re.compile(rb"\r\n|\r|\n")
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n|$)")


class Stream(NamedTuple):
    """The bytes of a stream; `pieces` are the sizes of the chunks that brought them, () where that is not known."""

    data: bytes
    pieces: tuple[int, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line, in bytes `start` to `end`, its line end included.

    `kind` is the field's name, or "comment", "blank", "unknown" or "cut" (the stream ends within it). `says` is what
    the browser does. `parts` are the pieces of its text, each with the number of the chunk that begins there, 0 where
    none does; `sign` shows the line end.
    """

    start: int
    end: int
    kind: str
    says: str
    parts: tuple[tuple[int, str], ...]
    sign: str
    hex: str


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines, and the event that they make. `outcome` is "dispatched", "empty" or "unfinished"."""

    lines: tuple[Line, ...]
    event: Event
    outcome: str
    last: str  # the last event ID after the block

    @property
    def chunks(self) -> int:
        """How many chunks begin within the block, its first byte left out."""
        starts = [line.parts[0][0] if at else 0 for at, line in enumerate(self.lines)]
        inner = [number for line in self.lines for number, _ in line.parts[1:]]
        return sum(map(bool, [*starts, *inner]))

    @property
    def data(self) -> list[str]:
        """The lines of the event's data, elided."""
        return [_elided(line) for line in self.event.data.split("\n")]


@dataclass(frozen=True, slots=True)
class StreamView:
    """A stream, ready to be drawn; `size` in bytes, `unread` of them left out; `retry` in ms, None where not set."""

    origin: str
    size: int
    unread: int
    blocks: tuple[Block, ...]
    chunks: int
    last_id: str
    retry: int | None

    @property
    def dispatched(self) -> int:
        return sum(block.outcome == "dispatched" for block in self.blocks)

    @property
    def facts(self) -> str:
        brought = f" in {count(self.chunks, 'chunk')}" if self.chunks else ""
        words = f"{count(self.size, 'byte')}{brought}, {count(self.dispatched, 'event')} dispatched"
        return words + (f"; the last {count(self.unread, 'byte')} are not read" if self.unread else "")

    @property
    def reconnect(self) -> tuple[str, str]:
        """What the browser would do if the connection broke now: when, and what it would say."""
        after = "after a few seconds (the browser's choice)" if self.retry is None else f"after {self.retry:,} ms"
        sent = f"Last-Event-ID: {_elided(self.last_id)}" if self.last_id else "no Last-Event-ID: no id has come"
        return after, sent


def view_of(stream: Stream) -> StreamView:
    """The view of a stream."""
    data = _read(stream.data)
    starts = _starts(stream.pieces, len(data))
    lines = [*_lines(data, starts)]
    blocks, at, last, retry = [], 0, "", None
    for event in parse_event_stream(data):
        inside = []
        while at < len(lines) and lines[at].start < event.end:
            inside.append(lines[at])
            at += 1
        finished = bool(inside) and inside[-1].kind == "blank"
        last = event.id if finished else last
        outcome = "dispatched" if event.dispatched else "empty" if finished else "unfinished"
        if inside and outcome != "dispatched" and finished:
            inside[-1] = replace(inside[-1], says="ends the block: without data, no event")
        retries = [line for line in inside if line.kind == "retry" and not line.says.startswith("ignored")]
        retry = event.retry if retries else retry  # it counts at once, whether the block ends or not
        blocks.append(Block(tuple(inside), event, outcome, last))
    unread = len(stream.data) - len(data)
    return StreamView(stream.origin, len(stream.data), unread, tuple(blocks), len(stream.pieces), last, retry)


def _read(data: bytes) -> bytes:
    """What is read of a stream: its first bytes, and no more of them than make READ_LINES lines."""
    ends = [match.end() for match in islice(_LINE_END.finditer(data, 0, READ), READ_LINES)]
    return data[: ends[-1] if len(ends) == READ_LINES else READ]


def line_end_of(data: bytes) -> bytes:
    """The line end that a stream begins with; LF where it has none."""
    found = _LINE_END.search(data, 0, READ)
    return found[0] if found else b"\n"


def _starts(pieces: Sequence[int], size: int) -> dict[int, int]:
    """Where chunks begin: offset -> number of the chunk."""
    starts, at = {}, 0
    for number, length in enumerate(pieces, 1):
        if at >= size:
            break
        starts[at] = number
        at += length
    return starts


def _lines(data: bytes, starts: dict[int, int]) -> Iterator[Line]:
    at, cuts, begun, following = 0, sorted(starts), False, 0
    while at < len(data):
        match = _LINE.match(data, at)
        assert match is not None
        content, end = match[1], match.end()
        while following < len(cuts) and cuts[following] < at:
            following += 1
        inside = []
        while following < len(cuts) and cuts[following] < end:
            inside.append(cuts[following])
            following += 1
        bare = content.removeprefix(BOM) if not at else content
        kind, says = _meaning(bare, bool(match[2]), begun)
        begun = kind == "data" or (begun and kind != "blank")
        parts = _parts(data, at, at + len(content), end, {cut: starts[cut] for cut in inside})
        sign = match[2].decode().replace("\r", "\\r").replace("\n", "\\n")
        yield Line(at, end, kind, says, parts, sign, _hex(data[at:end]))
        at = end


def _meaning(content: bytes, ended: bool, begun: bool) -> tuple[str, str]:
    """The kind of a line and what the browser does with it; `begun` says that the block has data already."""
    if not ended:
        return "cut", "not finished: nothing happens yet"
    if not content:
        return "blank", "ends the block: its event is dispatched"
    name, _, value = content.decode(errors="replace").partition(":")
    value = value.removeprefix(" ")
    says = {
        "": "a comment: no script hears of it",
        "data": "one more line of data" if begun else "begins the data",
        "event": "names the event's type" if value else "an empty type means message",
        "id": "ignored: an id must not hold NUL" if "\0" in value else "the last event ID once the block ends",
        "retry": "ms to wait before reconnecting" if _is_time(value) else "ignored: digits only",
    }
    kind = {"": "comment"}.get(name, name) if name in says else "unknown"
    return kind, says.get(name, "ignored: there is no such field")


def _is_time(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) <= 18


def _parts(data: bytes, start: int, stop: int, end: int, cuts: dict[int, int]) -> tuple[tuple[int, str], ...]:
    """The line in pieces, cut where chunks begin, at most SHOWN bytes of it."""
    shown = min(stop, start + SHOWN)
    places = [start, *(cut for cut in sorted(cuts) if start < cut < end)]
    parts = []
    for at, following in zip(places, [*places[1:], end], strict=True):
        text = data[at : min(following, shown)].decode(errors="backslashreplace") if at < shown else ""
        if at < shown <= following and shown < stop:
            text += f"… {count(stop - shown, 'more byte')}"
        parts.append((cuts.get(at, 0), text.replace("\ufeff", "[BOM]")))
    return tuple(parts)


def _hex(data: bytes) -> str:
    more = f" … {count(len(data) - PREVIEW_BYTES, 'more byte')}" if len(data) > PREVIEW_BYTES else ""
    return data[:PREVIEW_BYTES].hex(" ") + more


def _elided(text: str) -> str:
    return text if len(text) <= HEARD else f"{text[:HEARD]}… {count(len(text) - HEARD, 'more character')}"
