"""What kind of traffic a connection carries, with the evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.build import Talk, rules
from tests.capture.files import ALL, ECHO, FOREIGN_HTTP, POLL, WEBSOCKET, capture_of, ids
from tests.capture.timed import Clock, answer, capture_of_clocks, chunk
from wsviz.capture.mechanism import MECHANISMS, Mechanism

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
EVENTS = CHUNKED + b"Content-Type: text/event-stream; charset=utf-8\r\n\r\n"
STREAM = CHUNKED + b"Content-Type: application/x-ndjson\r\n\r\n"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\n"
NO_CONTENT = answer(status="204 No Content")


def short_polling() -> Clock:
    """Five polls, one every second, answered after 2 ms; two answers are empty."""
    clock = Clock().open()
    for number, reply in enumerate([answer(b"1"), NO_CONTENT, answer(b"2"), NO_CONTENT, answer(b"3")]):
        clock.exchange(1 + number, 0.002, reply, f"/news?after={number}")
    return clock


def long_polling() -> Clock:
    """Four polls, answered after 3.0, 0.4, 7.5 and 2.0 s; the next one follows 5 ms later."""
    clock, second = Clock().open(), 1.0
    for wait in (3.0, 0.4, 7.5, 2.0):
        clock.exchange(second, wait, answer(b"news"))
        second += wait + 0.005
    return clock


def events() -> Clock:
    """Three events and a comment over 4 s."""
    clock = Clock().open().exchange(1, 0.01, EVENTS, "/events")
    for second, text in ((2.0, b"data: 1\n\n"), (3.0, b": still here\n\n"), (3.5, b"data: 2\n\ndata: 3\n\n")):
        clock.server(second, chunk(text))
    return clock.server(5.01, b"0\r\n\r\n")


def stream(head: bytes, *, chunked: bool) -> Clock:
    """Four pieces, 0.5 s apart."""
    clock = Clock().open().exchange(1, 0.01, head, "/stream")
    for number in range(4):
        piece = b'{"id": %d}\n' % number
        clock.server(2 + number / 2, chunk(piece) if chunked else piece)
    return clock


def download(pause: float, trip: float = 0.002, head: bytes = STREAM) -> Clock:
    """Chunks that a slow connection brings, `pause` seconds apart."""
    clock = Clock().open(trip=trip).exchange(1, 0.01, head, "/file")
    for number in range(6):
        clock.server(2 + number * pause, chunk(bytes(1000)))
    return clock


def polls_with_connections(count: int) -> list[Clock]:
    """Polls every 2 s, each on a connection of its own."""
    return [
        Clock(41000 + number).open(2 * number).exchange(2 * number + 0.01, 0.002, answer(b"x"))
        for number in range(count)
    ]


def same_resource(*seconds: float, wait: float = 0.002) -> Clock:
    """Requests for one resource at these seconds."""
    clock = Clock().open()
    for second in seconds:
        clock.exchange(second, wait, answer(b"x"))
    return clock


MADE: list[tuple[str, Clock, str, str]] = [
    (
        "short polling",
        short_polling(),
        "short polling",
        "5 requests for GET /news, one every 1.0 s, answered after 2.0 ms (medians); 2 of the answers were empty",
    ),
    (
        "long polling",  # the medians: of 3.0, 0.4, 7.5 and 2.0 s; of 5, 5 and 5 ms
        long_polling(),
        "long polling",
        "4 requests for GET /news, answered after 2.5 s, the next one 5.0 ms after that (medians); "
        "0 of the answers were empty",
    ),
    (
        "server-sent events",
        events(),
        "server-sent events",
        "the answer to GET /events is text/event-stream and brought 3 events in 4.0 s",
    ),
    (
        "chunks that come over time",
        stream(STREAM, chunked=True),
        "streaming",
        "the answer to GET /stream came in 4 pieces over 1.5 s, with 3 pauses between them, "
        "and its length was not told in advance",
    ),
    (
        "a body until the connection closes",
        stream(UNTIL_CLOSE, chunked=False),
        "streaming",
        "the answer to GET /stream came in 4 pieces over 1.5 s, with 3 pauses between them, "
        "and its length was not told in advance",
    ),
    (
        "chunks without pauses",
        download(0.01),
        "request-response",
        "1 request for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "chunks that wait for the round trip, 60 ms",
        download(0.1, trip=0.06),
        "request-response",
        "1 request for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "a slow download whose length is told",
        download(0.5, head=b"HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n"),
        "request-response",
        "1 request for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "three requests show no rhythm",
        same_resource(1, 2, 3),
        "request-response",
        "3 requests for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "somebody who clicks",
        same_resource(1, 2, 7, 9, 20),
        "request-response",
        "5 requests for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "one request after the other, as fast as answers come",
        same_resource(1, 1.0021, 1.0042, 1.0063, 1.0084),
        "request-response",
        "5 requests for 1 resource, without the rhythm of polls and without an answer that goes on",
    ),
    (
        "an upgrade",
        Clock().upgrade().server(1, b"\x81\x02ok"),
        "websocket",
        "the server answered the upgrade of GET /chat with 101; 1 frame, 1 message",
    ),
]


@pytest.mark.parametrize(("clock", "name", "evidence"), [row[1:] for row in MADE], ids=[row[0] for row in MADE])
def test_conversations(clock: Clock, name: str, evidence: str) -> None:
    capture = clock.capture()
    assert capture.connections[0].mechanism == Mechanism(name, evidence)
    assert str(capture.connections[0].mechanism) == f"{name}: {evidence}"
    assert capture.summary["mechanism"].to_list() == [name]


def test_polls_that_open_a_connection_each_are_seen_together() -> None:
    connections = capture_of_clocks(*polls_with_connections(5)).connections
    assert {connection.mechanism for connection in connections} == {
        Mechanism(
            "short polling",
            "5 requests for GET /news on 5 connections, one every 2.0 s, answered after 2.0 ms (medians); "
            "0 of the answers were empty",
        )
    }
    assert {c.mechanism.name for c in capture_of_clocks(*polls_with_connections(3)).connections} == {
        "request-response"
    }


def test_a_page_then_its_events() -> None:
    clock = Clock().open().exchange(1, 0.01, answer(b"<!doctype html>"), "/")
    clock.exchange(2, 0.01, EVENTS, "/events").server(3, chunk(b"data: x\n\n"))
    assert clock.capture().connections[0].mechanism.name == "server-sent events"


def test_a_path_is_shown_without_its_secrets_and_short() -> None:
    clock = Clock().open().exchange(1, 0.01, EVENTS, "/" + "a" * 100 + "?token=secret")
    assert clock.capture().connections[0].mechanism.evidence.startswith(f"the answer to GET /{'a' * 55}... is text/")


# HPACK literals of `:protocol: websocket`, as the hpack package 4.2.0 encodes them: in Huffman code, and without.
HUFFMAN = bytes.fromhex("40 87b95d8749c87a3f 87f058d072752a7f")
PLAIN = bytes.fromhex("40 093a70726f746f636f6c 09776562736f636b6574")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NOT_DECODED = "the client began with HTTP/2's connection preface; {} is not decoded"


@pytest.mark.parametrize(
    ("sent", "held"),
    [
        (PREFACE, "what it carries"),
        (PREFACE[:20], "what it carries"),
        (PREFACE + HUFFMAN, "WebSocket over HTTP/2 (:protocol is websocket)"),
        (PREFACE + PLAIN, "WebSocket over HTTP/2 (:protocol is websocket)"),
    ],
)
def test_http2_is_named_and_not_misread(sent: bytes, held: str) -> None:
    capture = Talk().open().client(sent, 0).server(bytes(9), 0).capture()
    (connection,) = capture.connections
    assert (connection.protocol, connection.exchanges, connection.roles) == ("http/2", (), "seen")
    assert connection.mechanism == Mechanism("http/2", NOT_DECODED.format(held))
    assert rules(capture) == ["http2-not-decoded"]
    assert connection.findings[0].explanation == NOT_DECODED.format(held)


def test_other_bytes() -> None:
    (connection,) = Talk().open().client(b"EHLO example.org\r\n", 0).capture().connections
    assert connection.mechanism == Mechanism("unknown", "its bytes are neither HTTP nor TLS")


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_every_connection_has_a_mechanism_that_fits_its_protocol(path: Path) -> None:
    for connection in capture_of(path).connections:
        assert connection.mechanism.name in MECHANISMS
        assert (connection.mechanism.name == "websocket") == (connection.protocol == "websocket")
        assert (connection.mechanism.name == "tls") == (connection.protocol == "tls")


def test_the_recordings() -> None:
    polls = capture_of(POLL).exchanges
    assert str(capture_of(POLL).connections[0].mechanism) == (
        f"short polling: {len(polls)} requests for GET /poll, one every 150 ms, "
        f"answered after {1000 * polls['latency'].median():.1f} ms (medians); "
        f"{(polls['body_length'] == 0).sum()} of the answers were empty"
    )
    assert capture_of(ECHO).connections[0].mechanism == Mechanism(
        "websocket", "the server answered the upgrade of GET /echo with 101; 16 frames, 8 messages"
    )
    assert capture_of(WEBSOCKET).connections[0].mechanism.name == "websocket"


@pytest.mark.parametrize("path", FOREIGN_HTTP, ids=ids(FOREIGN_HTTP))
def test_no_page_of_a_third_party_is_taken_for_polling(path: Path) -> None:
    names = {connection.mechanism.name for connection in capture_of(path).connections}
    assert names <= {"request-response", "tls"}


def test_frames_without_their_handshake() -> None:
    talk = Talk().client(b"\x81\x82\0\0\0\0ok" * 3, 0).server(b"\x81\x02ok" * 3, 0)
    assert talk.capture().connections[0].mechanism == Mechanism(
        "websocket", "no whole handshake was seen, but frames were; 6 frames, 6 messages"
    )
