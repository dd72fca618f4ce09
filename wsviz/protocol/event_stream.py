"""Event streams: bytes of text/event-stream -> events (WHATWG HTML, section 9.2, Server-sent events)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from wsviz.protocol.wire import Bytes

BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One block of lines up to and with the empty line that ends it, in bytes `start` to `end` of the stream.

    `id` is the last event id when the block ended, which may have come with an earlier one; `type` is "message"
    unless the block names one; `retry` is in milliseconds, None where the block sets none. `dispatched` is False
    where no script hears of it: a block without data, or one that the end of the stream leaves unfinished.
    """

    id: str
    type: str
    data: str
    retry: int | None
    comments: tuple[str, ...]
    start: int
    end: int
    dispatched: bool


def parse_event_stream(data: Bytes) -> list[Event]:
    """Every block of an event stream, dispatched or not; their spans follow one another and cover `data`.

    Never raises: bytes that are no UTF-8 become U+FFFD, as the standard says.
    """
    data = bytes(data)
    events: list[Event] = []
    block: list[tuple[str, str]] = []
    start, last_id = 0, ""
    for name, value, end in _lines(data):
        if name is not None:
            block.append((name, value))
            continue
        event = _event(block, last_id, start, end, finished=True)
        events.append(event)
        start, last_id, block = end, event.id, []
    if start < len(data):
        events.append(_event(block, last_id, start, len(data), finished=False))
    return events


def _lines(data: bytes) -> Iterator[tuple[str | None, str, int]]:
    """(field name, value, byte after the line) of each line: a comment's name is "", an empty line's None."""
    at = len(BOM) if data.startswith(BOM) else 0
    while at < len(data):
        line_end = _LINE_END.search(data, at)
        stop, following = line_end.span() if line_end else (len(data), len(data))
        name, _, value = data[at:stop].decode(errors="replace").partition(":")
        yield (None if stop == at else name), value.removeprefix(" "), following
        at = following


def _event(block: list[tuple[str, str]], last_id: str, start: int, end: int, *, finished: bool) -> Event:
    """What a block says: of several event, id or retry lines the last one counts, data lines are joined."""
    event_type, retry = "", None
    data: list[str] = []
    for name, value in block:
        if name == "data":
            data.append(value)
        elif name == "event":
            event_type = value
        elif name == "id" and "\0" not in value:
            last_id = value
        # 18 digits are far beyond any clock; int() refuses thousands of them.
        elif name == "retry" and value.isascii() and value.isdigit() and len(value) <= 18:
            retry = int(value)
    comments = tuple(value for name, value in block if name == "")
    return Event(
        last_id, event_type or "message", "\n".join(data), retry, comments, start, end, finished and bool(data)
    )
