"""What the recordings of the five mechanisms and of the e-mail change hold, computed from the files."""

from __future__ import annotations

import json
from itertools import pairwise
from statistics import mean, median
from typing import NamedTuple

import pytest

from tests.capture import tshark
from tests.capture.files import OWN, capture_of
from wsviz import Opcode, Severity, Side, compare
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.lab.email_change import CHANGED, USERS
from wsviz.lab.mechanisms import EVENTS_PER_RESPONSE, QUIET, RETRY
from wsviz.lab.updates import COUNT, UPDATES
from wsviz.protocol.event_stream import parse_event_stream

NAMES = {
    "poll": "short polling",
    "longpoll": "long polling",
    "stream": "streaming",
    "sse": "server-sent events",
    "websocket": "websocket",
}
SLOWEST = {"poll": 0.15, "sse": RETRY / 1000}
"""Seconds that a mechanism lets an update wait; the others send it at once."""
BUSY = 0.5
"""Seconds that the machine may have added."""


class Delivery(NamedTuple):
    """One update on the wire; seconds from the client's first request to the update's last byte."""

    at: float
    text: str


def recording(name: str) -> Capture:
    return capture_of(OWN / f"{name}.pcapng")


def only_connection(name: str) -> Connection:
    (connection,) = recording(name).connections
    return connection


def deliveries(name: str) -> list[Delivery]:
    """The updates in the order in which they came."""
    connection = only_connection(name)
    if name == "websocket":
        found = [(message.time or 0, message.data) for message in connection.messages]
    elif name == "stream":
        found = lines_of(connection.exchanges[0])
    elif name == "sse":
        found = [event for exchange in connection.exchanges for event in events_of(exchange)]
    else:
        bodies = [(exchange.end_time or 0, exchange.response_body.read()) for exchange in connection.exchanges]
        found = [(time, body) for time, body in bodies if body]
    start = connection.exchanges[0].request_time
    return [Delivery((time - start) / 1e9, data.decode()) for time, data in found]


def lines_of(exchange: Exchange) -> list[tuple[int, bytes]]:
    body = exchange.response_body.read()
    ends = [end for end, byte in enumerate(body) if byte == ord("\n")]
    return [(time_at(exchange, end), line) for end, line in zip(ends, body.splitlines(), strict=True)]


def events_of(exchange: Exchange) -> list[tuple[int, bytes]]:
    events = parse_event_stream(exchange.response_body.read())
    return [(time_at(exchange, event.end - 1), event.data.encode()) for event in events if event.dispatched]


def time_at(exchange: Exchange, offset: int) -> int:
    """When a byte of the response's body came, in ns since the epoch."""
    for start, end in exchange.response_body.pieces:
        if offset < end - start:
            return exchange.response_body.direction.time_at(start + offset)
        offset -= end - start
    raise AssertionError(f"the body ends {offset} bytes before")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_30_updates_in_order(name: str) -> None:
    assert [delivery.text for delivery in deliveries(name)] == [update.text for update in UPDATES]
    assert only_connection(name).mechanism.name == NAMES[name]


@pytest.mark.parametrize("name", NAMES)
def test_at_the_same_times(name: str) -> None:
    """None before the server knew it, none much later than the mechanism explains."""
    for update, delivery in zip(UPDATES, deliveries(name), strict=True):
        assert update.at - 0.001 <= delivery.at <= update.at + SLOWEST.get(name, 0) + BUSY, update


def delays(name: str) -> list[float]:
    return [delivery.at - update.at for update, delivery in zip(UPDATES, deliveries(name), strict=True)]


def test_only_short_polls_let_an_update_wait() -> None:
    assert 0.04 < mean(delays("poll")) < 0.15  # half a period, and what a busy machine adds
    for name in NAMES.keys() - {"poll"}:
        assert median(delays(name)) < 0.04, name


def test_compared_by_what_an_update_costs() -> None:
    table = compare({name: recording(name) for name in NAMES})
    assert table["updates"].to_list() == [COUNT] * len(NAMES)
    assert table["mechanism"].to_dict() == NAMES
    assert table["empty_answers"].gt(0).to_dict() == {name: name in ("poll", "longpoll") for name in NAMES}
    costs = table["bytes_per_update"]
    assert min(costs["poll"], costs["longpoll"]) > 2 * max(costs["stream"], costs["sse"], costs["websocket"])


@pytest.mark.parametrize("name", NAMES)
def test_the_same_software_serves_all(name: str) -> None:
    for exchange in only_connection(name).exchanges:
        assert exchange.response is not None
        assert exchange.response.header("Server") == "uvicorn"
        agent = exchange.request.header("User-Agent")
        assert agent is not None
        assert "Chrome/" in agent


@pytest.mark.parametrize("name", [*NAMES, "email_http", "email_ws"])
def test_small_and_without_fault(name: str) -> None:
    capture = recording(name)
    assert [finding.rule for finding in capture.findings.itertuples() if finding.severity == Severity.ERROR] == []
    assert capture.packet_count < 300


@pytest.mark.parametrize("name", [name for name in NAMES if name != "websocket"])
def test_the_browser_ends_the_http_connections(name: str) -> None:
    ending = only_connection(name).ending
    assert (ending.by, ending.how) == (Side.CLIENT, "fin")


def test_the_page_closes_the_websocket() -> None:
    connection = only_connection("websocket")
    assert (connection.ending.by, connection.ending.how) == (Side.CLIENT, "close")
    assert connection.ending.reports == {Side.CLIENT: 1000, Side.SERVER: 1000}
    rows = connection.frame_table
    assert rows["opcode"].tolist() == [Opcode.TEXT] * COUNT + [Opcode.CLOSE] * 2
    assert not rows["rsv1"].any()
    handshake = connection.handshake
    assert handshake is not None
    assert "permessage-deflate" in (connection.exchanges[0].request.header("Sec-WebSocket-Extensions") or "")
    assert not handshake.extensions


def test_some_polls_are_for_nothing() -> None:
    exchanges = only_connection("poll").exchanges
    asked = [exchange.request.target.rpartition("after=")[2] for exchange in exchanges]
    bodies = [exchange.response_body.read() for exchange in exchanges]
    seen = 0
    for after, body, exchange in zip(asked, bodies, exchanges, strict=True):
        assert after == str(seen)
        assert exchange.response is not None
        assert exchange.response.status == (200 if body else 204)
        seen += bool(body)
    assert 0 < bodies.count(b"") < COUNT


def test_a_long_poll_is_empty_where_the_next_update_is_far() -> None:
    exchanges = only_connection("longpoll").exchanges
    empty = [exchange for exchange in exchanges if not exchange.response_body.length]
    far = sum(after.at - before.at > QUIET for before, after in pairwise(UPDATES)) + (UPDATES[0].at > QUIET)
    assert 0 < len(empty) <= far
    for exchange in empty:
        assert exchange.response is not None
        assert exchange.response.status == 204
        assert QUIET <= ((exchange.response_time or 0) - exchange.request_time) / 1e9 < QUIET + BUSY


def test_a_chunk_for_each_line_of_the_stream() -> None:
    (exchange,) = only_connection("stream").exchanges
    assert exchange.response is not None
    assert exchange.response.header("Transfer-Encoding") == "chunked"
    assert exchange.response.header("Content-Length") is None
    direction = exchange.response_body.direction
    pieces = [direction.read(start, end).decode() for start, end in exchange.response_body.pieces]
    assert pieces == [f"{update.text}\n" for update in UPDATES]


def test_the_browser_comes_back_for_the_rest_of_the_events() -> None:
    connection = only_connection("sse")
    first, second = connection.exchanges
    words = f"2 answers, the first to GET /sse, are text/event-stream and brought {COUNT} events in"
    assert connection.mechanism.evidence.startswith(words)
    assert first.request.header("Last-Event-ID") is None
    assert second.request.header("Last-Event-ID") == str(EVENTS_PER_RESPONSE)
    assert [len(events_of(exchange)) for exchange in (first, second)] == [
        EVENTS_PER_RESPONSE,
        COUNT - EVENTS_PER_RESPONSE,
    ]
    away = (second.request_time - (first.end_time or 0)) / 1e9
    assert RETRY / 1000 <= away < RETRY / 1000 + BUSY
    known = [update for update in UPDATES[EVENTS_PER_RESPONSE:] if update.at < deliveries("sse")[14].at + away]
    assert known, "nothing happened while the browser was away"


def test_ids_types_comments_and_a_chunk_that_ends_within_an_event() -> None:
    blocks = []
    for exchange in only_connection("sse").exchanges:
        (start, end), *_ = exchange.response_body.pieces
        assert exchange.response_body.direction.read(start, end) == f"retry: {RETRY}\n".encode()
        blocks += parse_event_stream(exchange.response_body.read())
    dispatched = [event for event in blocks if event.dispatched]
    assert [(event.id, event.type) for event in dispatched] == [(str(update.id), "price") for update in UPDATES]
    comments = [comment for event in blocks for comment in event.comments]
    assert comments == ["nothing new"] * len(comments) != []


BEFORE, AFTER = list(USERS), [USERS[0], CHANGED]


def test_who_asks_again_sees_the_new_address() -> None:
    exchanges = only_connection("email_http").exchanges
    assert [(exchange.request.method, exchange.request.target) for exchange in exchanges] == [
        ("GET", "/users"),
        ("PUT", "/users/1"),
        ("GET", "/users"),
    ]
    assert [exchange.request.header("Host") for exchange in exchanges] == ["192.0.2.2:8080"] * 3
    assert json.loads(exchanges[1].request.body) == CHANGED
    answers = [exchange.response for exchange in exchanges if exchange.response]
    assert [(answer.status, json.loads(answer.body)) for answer in answers] == [
        (200, BEFORE),
        (200, CHANGED),
        (200, AFTER),
    ]
    assert only_connection("email_http").mechanism.name == "request-response"


def test_who_subscribed_is_told_of_the_new_address() -> None:
    subscriber, editor = recording("email_ws").connections
    said = [(message.sender, json.loads(message.data)) for message in subscriber.messages]
    event = {"event": "user"}
    assert said == [
        (Side.CLIENT, {"type": "subscribe", **event}),
        (Side.SERVER, {"type": "subscribe", **event, "status": "accepted"}),
        (Side.SERVER, {"type": "data", **event, "data": BEFORE}),
        (Side.SERVER, {"type": "data", **event, "data": AFTER}),
        (Side.CLIENT, {"type": "unsubscribe", **event}),
        (Side.SERVER, {"type": "unsubscribe", **event, "status": "accepted"}),
    ]
    (put,) = editor.exchanges
    assert (put.request.method, put.request.target) == ("PUT", "/users/1")
    told = subscriber.messages[3].time
    assert told is not None
    assert told > put.request_time
    assert (subscriber.ending.by, subscriber.ending.how) == (Side.CLIENT, "close")
    assert subscriber.ending.reports == {Side.CLIENT: 1000, Side.SERVER: 1000}


@pytest.mark.parametrize("name", [*NAMES, "email_http", "email_ws"])
def test_tshark_sees_the_same_exchanges(name: str) -> None:
    seen = tshark.exchanges(OWN / f"{name}.pcapng")
    for connection in recording(name).connections:
        requests = [(exchange.request.method, exchange.request.target) for exchange in connection.exchanges]
        statuses = [exchange.response.status for exchange in connection.exchanges if exchange.response]
        assert seen[connection.index] == (requests, statuses)


@pytest.mark.parametrize("name", ["websocket", "email_ws"])
def test_tshark_sees_the_same_texts(name: str) -> None:
    (connection, *_) = recording(name).connections
    seen = tshark.texts(OWN / f"{name}.pcapng")
    for side, port in ((Side.CLIENT, connection.client.port), (Side.SERVER, connection.server.port)):
        texts = [message.text for message in connection.messages if message.sender is side]
        assert seen.get((connection.index, port), []) == texts
