"""What payloads say: JSON, STOMP, Socket.IO, GraphQL, or none of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsviz import ProtocolError
from wsviz.protocol.subprotocols import (
    MAX_JSON,
    STOMP_CLIENT,
    STOMP_SERVER,
    STOMP_VERSIONS,
    StompFrame,
    parse_json,
    parse_stomp,
    read_payload,
)


@pytest.mark.parametrize(
    ("payload", "subprotocol", "kind", "summary"),
    [
        (b'{"id": 1, "to": "me"}', None, "JSON", 'JSON object with 2 members: "id", "to"'),
        (b"[1, 2, 3]", None, "JSON", "JSON array of 3 elements"),
        (b"{}", None, "JSON", "JSON object with 0 members"),
        (b"42", None, "JSON", "JSON 42"),
        (b'"hi"', None, "JSON", 'JSON string "hi"'),
        (b"true", None, "JSON", "JSON true"),
        (b"hello", None, "text", '5 characters: "hello"'),
        (b"true enough", None, "text", '11 characters: "true enough"'),
        (b"", None, "text", '0 characters: ""'),
        (b"\xff\x00", None, "binary", "2 bytes: ff 00"),
        (b"\n", "v12.stomp", "STOMP", "STOMP heart-beat"),
        (b"SEND\ndestination:/q\n\nhi\0", None, "STOMP", 'STOMP SEND, destination "/q", body of 2 bytes'),
        (b"CONNECT\nlogin:me\npasscode:secret\nheart-beat:0,10\n\n\0", None, "STOMP",
         'STOMP CONNECT, heart-beat "0,10"'),
        (b'0{"sid":"x"}', None, "Socket.IO", 'Engine.IO open "{"sid":"x"}"'),
        (b"2probe", None, "Socket.IO", 'Engine.IO ping "probe"'),
        (b"2", "socket.io", "Socket.IO", "Engine.IO ping"),
        (b"40", "socket.io", "Socket.IO", "Socket.IO CONNECT"),
        (b'42["chat","hi",1]', None, "Socket.IO", 'Socket.IO EVENT, "chat" with 2 arguments'),
        (b'42/admin,7["chat"]', None, "Socket.IO",
         'Socket.IO EVENT, namespace "/admin", "chat" with 0 arguments, acknowledgement 7'),
        (b'451-["up",{"_placeholder":true,"num":0}]', None, "Socket.IO",
         'Socket.IO BINARY_EVENT, "up" with 1 argument, 1 attachment'),
        (b'{"type":"connection_init"}', None, "GraphQL", "GraphQL connection_init"),
        (b'{"type":"ping"}', "graphql-transport-ws", "GraphQL", "GraphQL ping"),
        (b'{"type":"ping"}', None, "JSON", 'JSON object with 1 member: "type"'),
        (b'{"id":"1","type":"subscribe","payload":{"query":"{a}"}}', None, "GraphQL",
         'GraphQL subscribe, id "1", "{a}"'),
        (b'{"id":"1","type":"next","payload":{"data":1}}', None, "GraphQL",
         'GraphQL next, id "1", object with 1 member: "data"'),
        (b'{"type":["next"],"id":"1"}', None, "JSON", 'JSON object with 2 members: "type", "id"'),
    ],
)  # fmt: skip
def test_readings(payload: bytes, subprotocol: str | None, kind: str, summary: str) -> None:
    reading = read_payload(payload, subprotocol)
    assert (reading.kind, reading.summary, reading.error) == (kind, summary, None)


@pytest.mark.parametrize(
    ("payload", "position"),
    [
        (b'{"id" = 000}', 6),
        (b"{ email = 1 }", 2),
        (b"[1, 2", 5),
        (b'{"a": 1,}', 8),
    ],
)
def test_what_looks_like_json_and_is_none(payload: bytes, position: int) -> None:
    reading = read_payload(payload)
    assert reading.kind == "JSON"
    assert reading.position == position
    assert reading.error is not None
    assert str(position) in reading.error


def test_nan_is_no_json() -> None:
    assert parse_json("[NaN]").error == "NaN is no JSON"
    assert read_payload(b'42["a",NaN]').error == "NaN is no JSON"


@pytest.mark.parametrize(
    "payload",
    [
        200_000 * b"[",
        100_000 * b"[" + 100_000 * b"]",
        100_000 * b'{"a":' + b"1" + 100_000 * b"}",
        b"42" + 100_000 * b"[",
        b'{"type":"next","id":"1","payload":' + 100_000 * b"[" + b"]",
        10_000 * b"9",
        b"[" + 10_000 * b"9" + b"]",
        b"1e" + 10_000 * b"9",
        (MAX_JSON + 1) * b"[",
        b"MESSAGE\ncontent-length:" + 5000 * b"9" + b"\n\nx\0",
        b'"\\ud800"',
        b'{"\\ud800": 1}',
    ],
)  # fmt: skip
def test_bombs_do_not_raise(payload: bytes) -> None:
    began = time.perf_counter()
    reading = read_payload(payload)
    assert "\n" not in reading.summary
    assert len(reading.summary) < 500
    assert time.perf_counter() - began < 5


# ---- STOMP ----


@pytest.mark.parametrize(
    ("data", "version", "frames"),
    [
        (b"\n", "1.2", []),
        (b"\r\n", "1.2", []),
        (b"DISCONNECT\n\n\0", "1.2", [StompFrame("DISCONNECT")]),
        (b"\nSEND\r\na:b\r\n\r\nhi\0\n\n", "1.2", [StompFrame("SEND", (("a", "b"),), b"hi")]),
        (b"SEND\na:b\\cc\\n\\r\\\\\n\n\0", "1.2", [StompFrame("SEND", (("a", "b:c\n\r\\"),))]),
        (b"SEND\na:b\\c\n\n\0", "1.0", [StompFrame("SEND", (("a", "b\\c"),))]),
        (b"CONNECT\na:b\\c\n\n\0", "1.2", [StompFrame("CONNECT", (("a", "b\\c"),))]),
        (b"SEND\ncontent-length:3\n\na\0b\0", "1.2", [StompFrame("SEND", (("content-length", "3"),), b"a\0b")]),
        (b"ACK\nid:1\n\n\0\nACK\nid:2\n\n\0", "1.2",
         [StompFrame("ACK", (("id", "1"),)), StompFrame("ACK", (("id", "2"),))]),
        (b"SEND\na:b:c\n\n\xff\0", "1.2", [StompFrame("SEND", (("a", "b:c"),), b"\xff")]),
    ],
)  # fmt: skip
def test_stomp_frames(data: bytes, version: str, frames: list[StompFrame]) -> None:
    assert parse_stomp(data, version) == frames


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"HELLO\n\n\0", "no STOMP command"),
        (b"SEND\n", "no empty line"),
        (b"SEND\n\nhi", "no NUL"),
        (b"SEND\nab\n\n\0", "name:value"),
        (b"SEND\na:\\t\n\n\0", "no escape"),
        (b"SEND\na:\\\n\n\0", "no escape"),
        (b"SEND\ncontent-length:x\n\n\0", "decimal"),
        (b"SEND\ncontent-length:5\n\nhi\0", "no NUL stands"),
        (b"SEND\na:\xff\n\n\0", "UTF-8"),
        (b"SEND\n\nhi\0more", "no empty line"),
    ],
)
def test_broken_stomp(data: bytes, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        parse_stomp(data)
    assert read_payload(data, "v12.stomp").error is not None


def test_the_first_of_repeated_headers_counts() -> None:
    (frame,) = parse_stomp(b"MESSAGE\nfoo:World\nfoo:Hello\n\n\0")
    assert frame.header("foo") == "World"
    assert frame.header("bar") is None


@pytest.mark.parametrize(
    ("frame", "version"),
    [
        (StompFrame("SEND", (("a:b", "c"),)), "1.0"),
        (StompFrame("SEND", (("a", "b\nc"),)), "1.0"),
        (StompFrame("SEND", (("a", "b\rc"),)), "1.1"),
        (StompFrame("CONNECT", (("a", "b\nc"),)), "1.2"),
        (StompFrame("SEND", (("a", "b\0c"),)), "1.2"),
        (StompFrame("SEND", (), b"a\0b"), "1.2"),
    ],
)
def test_what_a_version_cannot_say(frame: StompFrame, version: str) -> None:
    with pytest.raises(ProtocolError):
        frame.serialize(version)


WORDS = st.text(st.sampled_from("ab:\\\n\r n"), min_size=1, max_size=6)


@given(
    st.sampled_from(sorted(STOMP_CLIENT | STOMP_SERVER)),
    st.lists(st.tuples(WORDS, WORDS), max_size=3),
    st.binary(max_size=20),
    st.sampled_from(sorted(STOMP_VERSIONS.values())),
)
def test_stomp_round_trip(command: str, headers: list[tuple[str, str]], body: bytes, version: str) -> None:
    frame = StompFrame(command, (*headers, ("content-length", str(len(body)))), body)
    try:
        data = frame.serialize(version)
    except ProtocolError:
        return
    assert parse_stomp(data, version) == [frame]


@given(st.binary() | st.text(), st.sampled_from([None, "v10.stomp", "v12.stomp", "socket.io", "graphql-ws"]))
def test_any_payload_has_a_reading(payload: bytes | str, subprotocol: str | None) -> None:
    reading = read_payload(payload, subprotocol)
    assert reading.summary.isprintable()
