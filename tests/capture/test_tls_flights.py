"""What TLS says: the messages of each flight, with a key log and without."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.capture import tshark
from tests.capture.files import OWN
from tests.capture.tls_talk import SAID, Flights, Made13, Reader, openssl_session, packets, record
from wsviz import Side
from wsviz.capture.capture import Capture, read_capture
from wsviz.capture.connection import Connection
from wsviz.capture.tls_flights import Flight

C, S = Side.CLIENT, Side.SERVER


@cache
def recording(name: str, *, keys: bool) -> Capture:
    return read_capture(OWN / f"{name}.pcapng", keylog=OWN / f"{name}.keys" if keys else None)


def told(connection: Connection) -> list[tuple[Side, str]]:
    return [(flight.sender, ", ".join(flight.names)) for flight in connection.tls_flights]


def test_the_handshake_of_13() -> None:
    flights = "ServerHello, ChangeCipherSpec, EncryptedExtensions, Certificate, CertificateVerify, Finished"
    assert told(recording("wss13", keys=True).connections[1]) == [
        (C, "ClientHello"),
        (S, flights),
        (C, "ChangeCipherSpec, Finished"),
        (S, "NewSessionTicket, NewSessionTicket"),
    ]


def test_the_handshake_of_13_without_keys() -> None:
    connection = recording("wss13", keys=False).connections[1]
    assert told(connection) == [
        (C, "ClientHello"),
        (S, "ServerHello, ChangeCipherSpec"),
        (S, ""),
        (C, "ChangeCipherSpec"),
        (C, ""),
    ]
    assert [flight.hides_handshake for flight in connection.tls_flights] == [False, False, True, False, True]


@pytest.mark.parametrize("keys", [True, False])
def test_the_handshake_of_12(*, keys: bool) -> None:
    finished = "Finished" if keys else "encrypted message"
    connection = recording("wss12", keys=keys).connections[1]
    assert told(connection)[:4] == [
        (C, "ClientHello"),
        (S, "ServerHello, Certificate, ServerKeyExchange, ServerHelloDone"),
        (C, f"ClientKeyExchange, ChangeCipherSpec, {finished}"),
        (S, f"NewSessionTicket, ChangeCipherSpec, {finished}"),
    ]
    assert told(connection)[4:] == ([] if keys else [(C, ""), (S, "")])
    assert not any(flight.hides_handshake for flight in connection.tls_flights)


@pytest.mark.parametrize("keys", [True, False])
def test_what_was_agreed_is_told_beside_the_answer(*, keys: bool) -> None:
    agreed = {
        (name, index): [flight.agreed for flight in connection.tls_flights if flight.agreed]
        for name in ("wss12", "wss13")
        for index, connection in enumerate(recording(name, keys=keys).connections)
    }
    assert agreed == {
        ("wss12", 0): ["TLS 1.2, ChaCha20-Poly1305"],
        ("wss12", 1): ["TLS 1.2, AES-256-GCM"],
        ("wss13", 0): ["TLS 1.3, ChaCha20-Poly1305"],
        ("wss13", 1): ["TLS 1.3, AES-256-GCM"],
    }


@pytest.mark.parametrize("name", ["wss12", "wss13"])
def test_tshark_sees_the_same_messages(name: str) -> None:
    path, keys = OWN / f"{name}.pcapng", OWN / f"{name}.keys"
    options = (*tshark.OPTIONS, "-o", f"tls.keylog_file:{keys}")
    rows = tshark.fields(path, "tls.handshake", "tcp.stream", "tls.handshake.type", options=options)
    seen: dict[int, list[int]] = {0: [], 1: []}
    for stream, types in rows:
        seen[int(stream[0])] += map(int, types)
    for index, connection in enumerate(recording(name, keys=True).connections):
        said = [one for flight in connection.tls_flights for one in flight.said]
        assert [one.number for one in said if one.kind == 22] == seen[index]


def flights_cover(connection: Connection, flights: tuple[Flight, ...]) -> bool:
    """Whether the flights of each side do not overlap, and lie within its stream."""
    ends = {C: 0, S: 0}
    for flight in flights:
        if not ends[flight.sender] <= flight.start < flight.end <= flight.direction.end:
            return False
        ends[flight.sender] = flight.end
    return True


def test_a_retried_hello(tmp_path: Path) -> None:
    flights, log = openssl_session(tmp_path, "TLSv1.3", "TLS_AES_128_GCM_SHA256", retry=True)
    (connection,) = Reader(tmp_path).read(packets(flights), log).connections
    assert [words.partition(",")[0] for _, words in told(connection)][:4] == [
        "ClientHello",
        "HelloRetryRequest",
        "ChangeCipherSpec",
        "ServerHello",
    ]
    assert (C, "ChangeCipherSpec, ClientHello") in told(connection)
    assert [flight.agreed for flight in connection.tls_flights if flight.agreed] == ["TLS 1.3, AES-128-GCM"]


def test_key_updates_and_alerts_are_flights_of_their_own(tmp_path: Path) -> None:
    made = Made13().open().finish().say(SAID[:3]).update("client").say(SAID[3:]).seal("server", b"\x01\x00", 21)
    (connection,) = Reader(tmp_path).read(packets(made.flights), made.log()).connections
    assert told(connection)[-2:] == [(C, "KeyUpdate"), (S, "alert close_notify")]
    assert flights_cover(connection, connection.tls_flights)


def test_reading_that_stops_leaves_a_flight_that_says_nothing(tmp_path: Path) -> None:
    made = Made13().open().finish().say(SAID)
    sender, data = made.flights[-1]
    flights: Flights = [*made.flights[:-1], (sender, data[:-1] + bytes((data[-1] ^ 1,)))]
    (connection,) = Reader(tmp_path).read(packets(flights), made.log()).connections
    assert (last := connection.tls_flights[-1]).said == ()
    assert (last.sender, last.wire_bytes, last.hides_handshake) == (S, len(data), False)
    assert connection.protocol == "websocket"


def test_a_flood_of_alerts_takes_little_room(tmp_path: Path) -> None:
    flights = [*Made13().open().flights[:2], ("server", record(21, b"\x02\xff") * 30_000)]
    (connection,) = Reader(tmp_path).read(packets(flights, 60_000), Made13().open().log()).connections
    assert len(connection.tls_flights) < 10
    assert sum(len(flight.said) for flight in connection.tls_flights) <= 2000


def test_a_capture_that_starts_late_has_nothing_but_unread_bytes(tmp_path: Path) -> None:
    made = Made13().open().finish().say(SAID)
    talk = packets(made.flights)
    talk.packets = talk.packets[len(packets(made.flights[:1]).packets) + 30 :]
    for log in (None, made.log()):
        (connection,) = Reader(tmp_path).read(talk, log).connections
        assert {words for _, words in told(connection)} == {""}
        assert flights_cover(connection, connection.tls_flights)


def test_a_side_without_keys_is_heard_in_the_clear(tmp_path: Path) -> None:
    made = Made13().open().finish().say(SAID)
    log = b"".join(line for line in made.log().splitlines(keepends=True) if not line.startswith(b"SERVER"))
    (connection,) = Reader(tmp_path).read(packets(made.flights), log).connections
    assert told(connection)[:4] == [
        (C, "ClientHello"),
        (S, "ServerHello, ChangeCipherSpec"),
        (C, "ChangeCipherSpec"),
        (S, ""),
    ]
    assert told(connection)[4:] == [(C, "Finished")]
    assert flights_cover(connection, connection.tls_flights)


def test_a_side_of_which_only_the_end_was_captured(tmp_path: Path) -> None:
    hello = Made13().open().flights[:1]
    talk = packets(hello).server(b"", 100, "FA")
    for log in (None, Made13().open().log()):
        (connection,) = Reader(tmp_path).read(talk, log).connections
        assert told(connection) == [(C, "ClientHello")]


def test_without_tls_there_are_none() -> None:
    assert all(connection.tls_flights == () for connection in read_capture(OWN / "echo.pcapng").connections)
