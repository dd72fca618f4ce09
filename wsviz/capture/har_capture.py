"""What a browser's developer tools tell of its traffic, in the shape of a capture, as far as that goes.

There are exchanges, messages and times as the browser saw them, but no packets and no frames: what needs bytes on the
wire raises WsvizError, in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np

from wsviz.capture.arrivals import is_event_stream
from wsviz.capture.capture import Capture
from wsviz.capture.captured_frames import FRAME
from wsviz.capture.connection import Connection, Endpoint
from wsviz.capture.connections import Connections
from wsviz.capture.detect import Detected
from wsviz.capture.direction import Direction
from wsviz.capture.ending import Ending
from wsviz.capture.exchanges import Body, Exchange
from wsviz.capture.har_entries import Entry
from wsviz.capture.mechanism import Mechanism, by_resource, judge_polling
from wsviz.capture.once import once
from wsviz.capture.packets import PACKET, Array, PacketTable, TablePackets
from wsviz.capture.values import Values, values_of
from wsviz.capture.volume_tables import Volume
from wsviz.protocol.fields import Finding, Side, WsvizError
from wsviz.protocol.grammar import has_token
from wsviz.protocol.handshake import Handshake, check_handshake
from wsviz.protocol.http_message import Request, Response
from wsviz.protocol.message import Message
from wsviz.protocol.rules import RULES
from wsviz.protocol.wire import Opcode, count

if TYPE_CHECKING:
    import pandas as pd

MOST_TOLD = 100  # errors that are told one by one
LONGEST = 200  # characters of the browser's own words
NO_END = "how it ended is not in a HAR file"
NO_PACKETS = "a HAR file holds no packets and no frames; record with tcpdump or dumpcap to see them"
LOST = (
    "pings, pongs, masking, fragmentation, compression, close codes and the bytes on the wire are not in a HAR file"
)


class _Browser(Endpoint):
    """The end that wrote the file; it tells no address of its own."""

    __slots__ = ()

    def __str__(self) -> str:
        return self.address


class _Told:
    """Stands in for a Direction as the home of a body's bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, start: int, end: int) -> bytes:
        return self._data[start:end]


class HarConnection(Connection):
    """The entries of one connection as the browser called it, or one WebSocket; no packets, no frames."""

    def __init__(self, index: int, entries: Sequence[Entry]) -> None:
        first = entries[0]
        self.index, self.roles, self.find_visits = index, "seen", None
        self.protocol = "websocket" if _opened(first) else "http"
        self.detected, self._tls = Detected(self.protocol, 0), None
        self.client, self.server = _Browser("browser", 0), Endpoint(first.address, first.port)
        self.packets: Array = np.zeros(0, "i8")
        self.frame_table = np.zeros(0, FRAME)
        self.spans = dict[Side, Array]()
        self.exchanges = tuple(_exchange(number, entry) for number, entry in enumerate(entries))
        messages = [message for entry in entries for message in entry.messages or ()]
        self._messages = tuple(messages)
        self.has_messages = self.protocol == "http" or first.messages is not None  # False where they may be missing
        self.message_packets = ()
        self.handshake = _handshake(first)
        moments = [time for each in entries for time in (each.request_time, each.end_time) if time is not None]
        moments += [message.time for message in messages if message.time is not None]
        self.start, self._end, self._last = min(moments), max(moments), entries[-1]
        found = [*_findings(first), *(self.handshake.findings if self.handshake else ())]
        self.findings = tuple(sorted(dict.fromkeys(found)))

    def _message_data(self, number: int) -> bytes:
        return self._messages[number].data

    @property
    def duration(self) -> int:
        """From the first request to the last answer or message, in ns."""
        return self._end - self.start

    @property
    def display_filter(self) -> str:
        """Nothing: Wireshark reads no HAR file."""
        return ""

    def directions(self) -> NoReturn:
        raise WsvizError(NO_PACKETS)

    def wire_directions(self) -> NoReturn:
        raise WsvizError(NO_PACKETS)

    def packet_of(self, finding: Finding) -> None:
        return None

    @cached_property
    def ending(self) -> Ending:
        """What the file tells of the end: nothing, unless a handshake failed or an error was noted."""
        last, told, heard = self._last, [], "the browser reports error, then close 1006"
        if last.errors:
            told.append(f"the browser noted: {_shown(last.errors[-1]).rstrip('.')}")
        if self.protocol == "http" and (last.is_websocket or _asks(last.request)):
            if last.response is not None:
                words = f"the handshake was refused with {last.response.status}: {heard}"
                return Ending(Side.SERVER, "refused", words, {Side.CLIENT: 1006})
            if told:
                words = "; ".join(["the WebSocket did not open", *told, heard])
                return Ending(None, "refused", words, {Side.CLIENT: 1006})
            return Ending(None, "open", "no answer to the handshake is in the file")
        if self.protocol == "websocket" and last.end_time is not None:
            told.append(f"it was over {(last.end_time - last.request_time) / 1e9:.3f} s after the request")
        return Ending(None, "open", "; ".join([*told, NO_END]))

    @cached_property
    def mechanism(self) -> Mechanism:
        """What kind of traffic the entries tell of."""
        if self.protocol == "websocket":
            told = count(len(self.messages), "message") if self.has_messages else "its messages are not in the file"
            return Mechanism("websocket", f"the browser lists it as one; {told}")
        if any(map(is_event_stream, self.exchanges)):
            return Mechanism("server-sent events", "an answer is text/event-stream")
        asked = sorted(by_resource(self).items(), key=lambda pair: -len(pair[1]))
        polled = (judge_polling(resource, asking, 0, 1) for resource, asking in asked)
        plain = Mechanism("request-response", f"{count(len(self.exchanges), 'request')} without the rhythm of polls")
        return next(filter(None, polled), plain)


class HarCapture(Capture):
    """A HAR file, decoded as far as it goes: `frames` and `packets` are empty, `overhead()` raises WsvizError."""

    def __init__(
        self,
        name: str,
        entries: Sequence[Entry],
        unreadable: int,
        unconnected: Sequence[str],
        *,
        reveal: bool = False,
    ) -> None:
        """`unreadable` counts entries that are none, `unconnected` has words of WebSockets that found no server."""
        self.name, self.reveal = name, reveal
        self._unreadable, self._unconnected = unreadable, unconnected
        self._told = tuple(HarConnection(index, group) for index, group in enumerate(_groups(entries)))
        self.connections = Connections(len(self._told), self._told.__getitem__)
        for connection in self._told:
            connection.reveal = reveal

    def __repr__(self) -> str:
        exchanges = sum(len(connection.exchanges) for connection in self._told)
        return f"<HarCapture {self.name}: {exchanges:,} exchanges, {len(self._told):,} connections>"

    @property
    def span(self) -> tuple[int, int]:
        """When the first request began and the last thing was over, in ns since the epoch; zeros without either."""
        starts = [connection.start for connection in self._told]
        ends = [connection.start + connection.duration for connection in self._told]
        return min(starts, default=0), max(ends, default=0)

    is_in_memory = True

    @property
    def packet_count(self) -> int:
        """None of the packets is in the file."""
        return 0

    @property
    def wire_bytes(self) -> int:
        """None of the bytes on the wire is counted in the file."""
        return 0

    @once
    def file_findings(self) -> tuple[Finding, ...]:
        """Entries that are none, and those of WebSockets that are no connection."""
        found = []
        if self._unreadable:
            words = f"{self._unreadable:,} of the entries have no URL or no time that can be read; they are left out"
            found.append(RULES["har-unreadable"].finding(words))
        for words in self._unconnected[:MOST_TOLD]:
            told = f"a WebSocket never had a connection, and the browser noted no time: {_shown(words)}"
            found.append(RULES["har-error"].finding(told))
        return tuple(found)

    @once
    def _volume(self) -> Volume:
        """It finds no frame."""
        return Volume(partial(TablePackets, PacketTable(np.zeros(0, PACKET), b"", (), None)))

    def _in_order(self) -> list[tuple[HarConnection, int]]:
        """Every message, as its connection and its index there, by time."""
        places = [(one, number) for one in self._told for number in range(len(one.messages))]
        return sorted(places, key=lambda place: place[0].messages.heads[place[1]].time or 0)

    def payloads(self) -> list[bytes]:
        """The data of every message, by time."""
        return [connection.messages[number].data for connection, number in self._in_order()]

    def message_tables(self) -> Iterator[pd.DataFrame]:
        """The messages as one table."""
        from wsviz.capture import har_tables

        yield har_tables.message_table(self._in_order())

    def message_values(self) -> Iterator[Values]:
        """The same as Python's own values."""
        yield from map(values_of, self.message_tables())

    @once
    def summary(self) -> pd.DataFrame:
        """A row a connection."""
        from wsviz.capture import har_tables

        return har_tables.summary_table(self._told)

    @once
    def packets(self) -> pd.DataFrame:
        """The packet table, without a row."""
        from wsviz.capture import tables

        return tables.make_table(tables.PACKETS, ())

    @once
    def exchanges(self) -> pd.DataFrame:
        """A row an HTTP exchange, in the order of the requests."""
        from wsviz.capture import har_tables

        return har_tables.exchange_table(self._told)

    def overhead(self, by: str = "connection", *, detail: bool = False) -> NoReturn:
        """Refused: the file does not know the bytes on the wire."""
        raise WsvizError(NO_PACKETS)


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """The entries by connection, each WebSocket and each entry without a connection by itself, in order of time."""
    groups: dict[tuple[Any, ...], list[Entry]] = {}
    for number, entry in enumerate(sorted(entries, key=lambda entry: entry.request_time)):
        alone = entry.is_websocket or not entry.connection
        key = (number,) if alone else (entry.scheme, entry.address, entry.port, entry.connection)
        groups.setdefault(key, []).append(entry)
    return [*groups.values()]


def _shown(words: str) -> str:
    """Words of the browser, which may quote a server: one line of bounded length."""
    line = "".join(char if char.isprintable() else "\ufffd" for char in words[:LONGEST])
    return line if len(words) <= LONGEST else f"{line}..."


def _asks(request: Request) -> bool:
    return has_token(request.header("Upgrade") or "", "websocket")


def _opened(entry: Entry) -> bool:
    return entry.is_websocket and entry.response is not None and entry.response.status in (101, 200)


def _exchange(index: int, entry: Entry) -> Exchange:
    none, body = cast(Direction, _Told(b"")), cast(Direction, _Told(entry.body))
    return Exchange(
        index,
        entry.request,
        entry.response,
        Body(none, ()),
        Body(body, ((0, entry.body_length),)),
        entry.request_time,
        entry.response_time,
        entry.response_time if entry.is_websocket else None if entry.response is None else entry.end_time,
        entry.request_length,
        entry.response_length,
        0,
        None,
        0,
    )


def _handshake(entry: Entry) -> Handshake | None:
    """The handshake, judged, where the browser noted its headers as they were sent."""
    request, response = entry.request, entry.response
    if (
        not entry.is_websocket
        or response is None
        or response.status != 101
        or not request.header("Sec-WebSocket-Key")
    ):
        return None
    heads = (f"GET {request.target} HTTP/1.1", request), (f"HTTP/1.1 101 {response.reason}", response)
    try:
        return check_handshake(*(_lines(start, head) for start, head in heads))
    except (WsvizError, UnicodeError):
        return None


def _lines(start: str, head: Request | Response) -> bytes:
    lines = [start, *(f"{name}: {value}" for name, value in head.headers)]
    if any(not line.isprintable() for line in lines):
        raise WsvizError("no line of HTTP")  # such as one that would make two of itself
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _findings(entry: Entry) -> list[Finding]:
    if not entry.is_websocket:
        return []
    found = []
    if _opened(entry) and entry.messages is None:
        words = "the file lists the WebSocket, but none of its messages: there were none, or they were not exported"
        found.append(RULES["har-without-messages"].finding(words))
    elif _opened(entry):
        words = f"{count(len(entry.messages or ()), 'message')}; {LOST}{_empty(entry.messages or ())}"
        found.append(RULES["har-without-frames"].finding(words))
    for noted in entry.errors[:MOST_TOLD]:
        found.append(RULES["har-error"].finding(f"the browser noted: {_shown(noted)}"))
    if entry.unreadable:
        found.append(
            RULES["har-unreadable"].finding(f"{count(entry.unreadable, 'message')} of no known form; left out")
        )
    return found


def _empty(messages: Sequence[Message]) -> str:
    """A word on messages that may have been sent as a Blob: Chromium lists it without its bytes."""
    empty = [
        each for each in messages if each.sender is Side.CLIENT and each.opcode == Opcode.BINARY and not each.data
    ]
    if not empty:
        return ""
    noun, verb = ("message", "is") if len(empty) == 1 else ("messages", "are")
    return (
        f"; {len(empty):,} binary {noun} of the client {verb} empty here, as Chromium notes every Blob that is sent"
    )
