"""What kind of traffic a connection carries: WebSocket, server-sent events, streaming, polling, or plain requests.

A capture shows requests, answers and times, never intentions: so each mechanism is named together with the numbers
that speak for it, and a reader can judge them.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from wsviz.capture.arrivals import is_event_stream, round_trip, streamed_pieces
from wsviz.capture.detect import http2_in_words
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.secrets import mask_target
from wsviz.protocol.wire import count

if TYPE_CHECKING:
    from wsviz.capture.connection import Connection
    from wsviz.capture.connections import Connections
    from wsviz.capture.exchanges import Exchange

MECHANISMS = (
    "websocket",
    "server-sent events",
    "streaming",
    "long polling",
    "short polling",
    "request-response",
    "http/2",
    "tls",
    "unknown",
)
MIN_POLLS = 4  # requests for one resource: three distances between them are the least that can show a rhythm
LONG_WAIT = 100_000_000  # ns: an answer that takes longer, and longer than three round trips, was held back
_SHOWN_TARGET = 60  # characters


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One of `MECHANISMS`, and the evidence for it in a sentence with numbers."""

    name: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}"


class Asked(NamedTuple):
    """What polling is told by, of an exchange: times in ns, and whether the answer has no body.

    `latency` and `end_time` are None where no answer came, or none that could be timed.
    """

    request_time: int
    latency: int | None
    end_time: int | None
    empty: bool


_request_time = attrgetter("request_time")


class Visits:
    """What one client asked of one server on all connections between them: each poll may open one of its own."""

    def __init__(self, connections: Sequence[Connection], numbers: Iterable[int]) -> None:
        """`numbers` are the places of theirs among all connections, which need not be decoded yet."""
        self._connections, self._numbers = connections, numbers

    @cached_property
    def polling(self) -> dict[str, Mechanism]:
        """The resources that were polled by requests on several connections, each with how."""
        asked, trips, used = defaultdict[str, list[Asked]](list), Counter[str](), Counter[str]()
        for connection in map(self._connections.__getitem__, self._numbers):
            for resource, asking in by_resource(connection).items():
                if len(asking) < MIN_POLLS:  # a connection with more is judged by itself
                    asked[resource] += asking
                    trips[resource] = max(trips[resource], round_trip(connection))
                    used[resource] += 1
        judged = {
            resource: judge_polling(resource, sorted(asking, key=_request_time), trips[resource], used[resource])
            for resource, asking in asked.items()
        }
        return {resource: polling for resource, polling in judged.items() if polling}


def visits_of(connections: Connections) -> dict[int, Visits]:
    """For each connection that carries anything, by its number, those with the same client address and server."""
    groups: dict[tuple[object, ...], array[int]] = defaultdict(lambda: array("q"))
    for connection in connections.speaking():
        groups[connection.client.address, *connection.server].append(connection.index)
    visits = [(numbers, Visits(connections, numbers)) for numbers in groups.values()]
    return {number: own for numbers, own in visits for number in numbers}


def recognise(connection: Connection, find_visits: Callable[[], Visits]) -> Mechanism:
    """The mechanism of a connection; `find_visits` gives all those between its two ends, where they matter.

    Where a connection serves several, the most particular one names it: a page's files and then an event stream are
    server-sent events.
    """
    if connection.protocol == "websocket":
        return Mechanism("websocket", _websocket_evidence(connection))
    if connection.protocol == "http/2":
        return Mechanism("http/2", http2_in_words(connection.directions()[0][0]))
    if connection.protocol == "tls":
        return Mechanism("tls", "the connection speaks TLS; what that protects cannot be seen")
    if not connection.exchanges:
        seen = "answers without their requests" if connection.protocol == "http" else "neither HTTP nor TLS"
        return Mechanism("unknown", f"its bytes are {seen}")
    return _pushed(connection) or _polled(connection, find_visits) or _plain_requests(connection)


def _websocket_evidence(connection: Connection) -> str:
    upgrade = next(
        (e for e in reversed(connection.exchanges) if e.response_head and e.response_head.status == 101), None
    )
    if upgrade is None:
        began = "no whole handshake was seen, but frames were"
    else:
        began = f"the server answered the upgrade of {_resource(upgrade)} with 101"
    return f"{began}; {count(len(connection.frame_table), 'frame')}, {count(len(connection.messages), 'message')}"


def _pushed(connection: Connection) -> Mechanism | None:
    """One response that goes on: server-sent events or another stream."""
    if streams := [exchange for exchange in connection.exchanges if is_event_stream(exchange)]:
        return Mechanism("server-sent events", _event_stream_evidence(streams))
    for exchange in connection.exchanges:
        times, pauses = streamed_pieces(connection, exchange)
        if times:
            words = f"the answer to {_resource(exchange)} came in {count(len(times), 'piece')}"
            apart = f"{count(pauses, 'pause')} between them, and its length was not told in advance"
            return Mechanism("streaming", f"{words} over {_seconds(times[-1] - times[0])}, with {apart}")
    return None


def _event_stream_evidence(streams: Sequence[Exchange]) -> str:
    bodies = [parse_event_stream(exchange.response_body.read()) for exchange in streams]
    events = count(sum(event.dispatched for body in bodies for event in body), "event")
    answers = f"the answer to {_resource(streams[0])} is"
    if len(streams) > 1:
        answers = f"{len(streams)} answers, the first to {_resource(streams[0])}, are"
    return f"{answers} text/event-stream and brought {events} in {_seconds(sum(map(_length, streams)))}"


def _polled(connection: Connection, find_visits: Callable[[], Visits]) -> Mechanism | None:
    """The polling of the resource that this connection was asked for most, of those that were polled."""
    found = []
    for resource, asking in by_resource(connection).items():
        if len(asking) >= MIN_POLLS:
            polling = judge_polling(resource, asking, round_trip(connection), 1)
        else:
            polling = find_visits().polling.get(resource)
        if polling:
            found.append((len(asking), polling))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def by_resource(connection: Connection) -> dict[str, list[Asked]]:
    """The exchanges of a connection by method and path: what polls ask for differs in the query, if at all."""
    asked = defaultdict[str, list[Asked]](list)
    for exchange in connection.exchanges:
        empty = exchange.response_head is not None and not exchange.response_body.length
        asking = Asked(exchange.request_time, latency(exchange), exchange.end_time, empty)
        asked[f"{exchange.request_head.method} {exchange.request_head.target.partition('?')[0]}"].append(asking)
    return asked


def judge_polling(resource: str, asking: Sequence[Asked], trip: int, connections: int) -> Mechanism | None:
    """Whether these requests for one resource, in order of time, are polls; `trip` is the round trip in ns.

    Long polling: the answers wait, and each next request follows within a quarter of that wait. Short polling: the
    answers come before half of the time to the next request is over, and three of four requests keep the rhythm
    within a quarter. Both: one request at a time.
    """
    answered = [each for each in asking if each.latency is not None and each.end_time is not None]
    if len(answered) < MIN_POLLS:
        return None
    waits = [each.latency or 0 for each in answered]
    pairs = list(pairwise(answered))
    pauses = [after.request_time - (before.end_time or 0) for before, after in pairs]
    distances = [after.request_time - before.request_time for before, after in pairs]
    if sum(pause < 0 for pause in pauses) > len(pauses) // 10:
        return None  # requests at the same time: a page that loads, or several clients behind one address
    wait, pause, distance = median(waits), median(pauses), median(distances)
    empty = sum(each.empty for each in answered)
    spread = f" on {connections} connections" if connections > 1 else ""
    asked = f"{count(len(answered), 'request')} for {_shown(resource)}{spread}"
    answers = f"{empty} of the answers {'was' if empty == 1 else 'were'} empty"
    if wait >= max(LONG_WAIT, 3 * trip) and pause <= wait / 4:
        words = f"answered after {_seconds(wait)}, the next one {_seconds(pause)} after that (medians)"
        return Mechanism("long polling", f"{asked}, {words}; {answers}")
    steady = sum(abs(other - distance) <= distance / 4 for other in distances)
    if wait <= distance / 2 and 4 * steady >= 3 * len(distances):
        words = f"one every {_seconds(distance)}, answered after {_seconds(wait)} (medians)"
        return Mechanism("short polling", f"{asked}, {words}; {answers}")
    return None


def _plain_requests(connection: Connection) -> Mechanism:
    resources = len(by_resource(connection))
    words = f"{count(len(connection.exchanges), 'request')} for {count(resources, 'resource')}"
    return Mechanism("request-response", f"{words}, without the rhythm of polls and without an answer that goes on")


def latency(exchange: Exchange) -> int | None:
    """From a request's first byte to its response's, in ns; None where no response came.

    None too where the response was captured before its request: the packets are out of order, or another copy of the
    request's bytes was lost to the capture, and no time can be told from them.
    """
    if exchange.response_time is None or exchange.response_time < exchange.request_time:
        return None
    return exchange.response_time - exchange.request_time


def _length(exchange: Exchange) -> int:
    return (exchange.end_time or 0) - (exchange.response_time or 0)


def _resource(exchange: Exchange) -> str:
    return _shown(f"{exchange.request_head.method} {exchange.request_head.target.partition('?')[0]}")


def _shown(resource: str) -> str:
    """A method and a path as text; secrets in the path are masked in any case, since nobody needs them here."""
    method, _, path = resource.partition(" ")
    shown = f"{method} {mask_target(path)}"
    return shown if len(shown) <= _SHOWN_TARGET else f"{shown[:_SHOWN_TARGET]}..."


def _seconds(nanoseconds: float) -> str:
    """A duration with three digits or so: "6.3 s", "150 ms", "0.7 ms"."""
    if nanoseconds >= 999_500_000:
        return f"{nanoseconds / 1e9:.1f} s"
    return f"{nanoseconds / 1e6:.0f} ms" if nanoseconds >= 9_950_000 else f"{nanoseconds / 1e6:.1f} ms"
