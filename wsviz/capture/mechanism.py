"""What kind of traffic a connection carries: WebSocket, server-sent events, streaming, polling, or plain requests.

A capture shows requests, answers and times, never intentions: so each mechanism is named together with the numbers
that speak for it, and a reader can judge them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from wsviz.capture.arrivals import is_event_stream, round_trip, streamed_pieces
from wsviz.capture.detect import http2_in_words
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.secrets import mask_target
from wsviz.protocol.wire import count

if TYPE_CHECKING:
    from wsviz.capture.connection import Connection
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


class Visits:
    """What one client asked of one server on all connections between them: each poll may open one of its own."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self.connections = connections

    @cached_property
    def polling(self) -> dict[str, Mechanism]:
        """The resources that were polled by requests on several connections, each with how."""
        asked: dict[str, list[tuple[Connection, Exchange]]] = defaultdict(list)
        for connection in self.connections:
            for resource, exchanges in by_resource(connection).items():
                if len(exchanges) < MIN_POLLS:  # a connection with more is judged by itself
                    asked[resource] += [(connection, exchange) for exchange in exchanges]
        found = {}
        for resource, places in asked.items():
            places.sort(key=lambda place: place[1].request_time)
            trip = max(map(round_trip, {connection for connection, _ in places}))
            used = len({connection.index for connection, _ in places})
            if polling := judge_polling(resource, [exchange for _, exchange in places], trip, used):
                found[resource] = polling
        return found


def visits_of(connections: Iterable[Connection]) -> list[Visits]:
    """The connections by client address and server."""
    groups: dict[tuple[object, ...], list[Connection]] = defaultdict(list)
    for connection in connections:
        groups[connection.client.address, *connection.server].append(connection)
    return [Visits(group) for group in groups.values()]


def recognise(connection: Connection, visits: Visits) -> Mechanism:
    """The mechanism of a connection, `visits` holding all connections between its two ends.

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
    return _pushed(connection) or _polled(connection, visits) or _plain_requests(connection)


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


def _polled(connection: Connection, visits: Visits) -> Mechanism | None:
    """The polling of the resource that this connection was asked for most, of those that were polled."""
    found = []
    for resource, exchanges in by_resource(connection).items():
        if len(exchanges) >= MIN_POLLS:
            polling = judge_polling(resource, exchanges, round_trip(connection), 1)
        else:
            polling = visits.polling.get(resource)
        if polling:
            found.append((len(exchanges), polling))
    return max(found, key=lambda entry: entry[0])[1] if found else None


def by_resource(connection: Connection) -> dict[str, list[Exchange]]:
    """The exchanges of a connection by method and path: what polls ask for differs in the query, if at all."""
    asked: dict[str, list[Exchange]] = defaultdict(list)
    for exchange in connection.exchanges:
        asked[f"{exchange.request_head.method} {exchange.request_head.target.partition('?')[0]}"].append(exchange)
    return asked


def judge_polling(resource: str, exchanges: Sequence[Exchange], trip: int, connections: int) -> Mechanism | None:
    """Whether these requests for one resource, in order of time, are polls; `trip` is the round trip in ns.

    Long polling: the answers wait, and each next request follows within a quarter of that wait. Short polling: the
    answers come before half of the time to the next request is over, and three of four requests keep the rhythm
    within a quarter. Both: one request at a time.
    """
    answered = [exchange for exchange in exchanges if latency(exchange) is not None and exchange.end_time is not None]
    if len(answered) < MIN_POLLS:
        return None
    waits = [latency(exchange) or 0 for exchange in answered]
    pairs = list(pairwise(answered))
    pauses = [after.request_time - (before.end_time or 0) for before, after in pairs]
    distances = [after.request_time - before.request_time for before, after in pairs]
    if sum(pause < 0 for pause in pauses) > len(pauses) // 10:
        return None  # requests at the same time: a page that loads, or several clients behind one address
    wait, pause, distance = median(waits), median(pauses), median(distances)
    empty = sum(exchange.response_head is not None and not exchange.response_body.length for exchange in answered)
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
