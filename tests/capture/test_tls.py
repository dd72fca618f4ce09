"""TLS with a key log: the same answers as for the same conversation in the clear."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.capture import tshark
from tests.capture.build import assert_conserved
from tests.capture.files import OWN, capture_of
from tests.capture.test_against_tshark import our_frames
from tests.capture.tls_talk import HELLO, LARGE, SAID, Flights, Made13, Reader, closed, openssl_session, packets
from wsviz import Side
from wsviz.capture.capture import Capture, read_capture
from wsviz.capture.packets import read_packets
from wsviz.capture.tls_keylog import parse_key_log
from wsviz.figures.ladder import ladder

RECORDINGS = ["wss12", "wss13"]
SESSIONS = [
    ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256", 0xC02B),
    ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384", 0xC02C),
    ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305", 0xCCA9),
    ("TLSv1.3", "TLS_AES_128_GCM_SHA256", 0x1301),
    ("TLSv1.3", "TLS_AES_256_GCM_SHA384", 0x1302),
    ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", 0x1303),
]
# Header, tag, and what stands between: in TLS 1.2 AES-GCM's nonce, in 1.3 the content type.
PER_RECORD = {suite: 5 + 16 + (1 if suite[:3] == "TLS" else 8 if "GCM" in suite else 0) for _, suite, _ in SESSIONS}
APPLICATION = ["http_header", "http_body", "ws_header", "ws_masking_key", "ws_control", "ws_payload"]
Session = tuple[str, Flights, bytes]  # suite, what is on the wire, key log


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture(scope="module", params=SESSIONS, ids=[suite for _, suite, _ in SESSIONS])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Session:
    version, suite, number = request.param
    flights, log = openssl_session(tmp_path_factory.mktemp("tls"), version, suite)
    hello = flights[1][1]
    assert hello[44 + hello[43] :][:2] == number.to_bytes(2)  # what the server chose, after its session id
    return suite, flights, log


@cache
def in_the_clear(size: int = 1000) -> Capture:
    return packets(SAID, size).capture()


def assert_same(capture: Capture, plain: Capture) -> None:
    """One conversation, once in TLS and once in the clear."""
    (ours,), (clear,) = capture.connections, plain.connections
    assert (ours.protocol, ours.roles, ours.mechanism) == (clear.protocol, clear.roles, clear.mechanism)
    assert [frame.frame for frame in ours.frames] == [frame.frame for frame in clear.frames]
    assert [frame.sender for frame in ours.frames] == [frame.sender for frame in clear.frames]
    assert capture.payloads() == plain.payloads()
    assert ours.handshake == clear.handshake
    assert ours.findings == clear.findings
    columns = ["method", "target", "status", "request_length", "response_length", "body_length"]
    assert capture.exchanges[columns].equals(plain.exchanges[columns])
    assert (capture.overhead()[APPLICATION] == plain.overhead()[APPLICATION]).all().all()
    assert_conserved(capture)


@pytest.mark.parametrize("size", [500, 1460, 65_000])
def test_sessions_of_openssl_read_like_plain_ones(session: Session, size: int, reader: Reader) -> None:
    _, flights, log = session
    assert_same(reader.read(packets(flights, size), log), in_the_clear(size))


def test_tls_keeps_its_own_bytes_apart(session: Session, reader: Reader) -> None:
    suite, flights, log = session
    capture = reader.read(packets(flights), log)
    large = capture.overhead("message").set_index("message").loc[2]
    assert large["ws_payload"] == 40_000
    assert large["tls"] == 3 * PER_RECORD[suite]
    (row,) = capture.overhead().to_dict("records")
    assert row["tls"] == sum(len(data) for _, data in flights) - sum(len(data) for _, data in SAID)


def test_a_byte_knows_its_packet_and_its_time(session: Session, reader: Reader) -> None:
    _, flights, log = session
    talk = packets(flights, 1000)
    capture = reader.read(talk, log)
    frame = capture.connections[0].frames[2]
    assert frame.dissection.raw == LARGE
    # The frame's records are the last but one flight, which nothing but the Close follows.
    ciphertext = flights[-3][1]
    first = next(i for i, one in enumerate(talk.packets) if bytes(one).endswith(ciphertext[:1000]))
    assert frame.packets == tuple(range(first + 1, first + 1 + -(-len(ciphertext) // 1000)))
    times = capture.packets["time"]
    assert frame.time == times[first].value
    assert capture.connections[0].message_packets[2] == frame.packets[-1]


def test_without_keys_all_of_it_is_tls(session: Session, reader: Reader) -> None:
    _, flights, _ = session
    capture = reader.read(packets(flights), None)
    (connection,) = capture.connections
    assert (connection.protocol, connection.findings) == ("tls", ())
    assert int(capture.overhead()["tls"].sum()) == sum(len(data) for _, data in flights)
    assert_conserved(capture)


def test_a_retried_hello_is_read(tmp_path: Path, reader: Reader) -> None:
    flights, log = openssl_session(tmp_path, "TLSv1.3", "TLS_AES_128_GCM_SHA256", retry=True)
    assert bytes.fromhex("cf21ad74e59a6111") in flights[1][1]  # HelloRetryRequest
    assert_same(reader.read(packets(flights), log), in_the_clear())


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303])
def test_made_sessions_of_13(suite: int, reader: Reader) -> None:
    made = Made13(suite).open().finish().say(SAID)
    plain = reader.read(closed(packets(SAID), SAID), None)
    assert_same(reader.read(closed(packets(made.flights), made.flights), made.log()), plain)


def test_key_updates_are_followed(reader: Reader) -> None:
    made = Made13().open().finish().say(SAID[:3]).update("server").update("client").say(SAID[3:5])
    made.update("server").update("server").say(SAID[5:])
    assert_same(reader.read(packets(made.flights), made.log()), in_the_clear())


def test_padding_and_tickets_are_tls_own_bytes(reader: Reader) -> None:
    made = Made13().open().finish().say(SAID[:3])
    made.seal("server", b"\x04\x00\x00\x03abc", 22).seal("server", HELLO, 23, padding=500).seal("server", b"", 23)
    made.say(SAID[4:])
    capture = reader.read(packets(made.flights), made.log())
    assert_same(capture, in_the_clear())
    assert capture.overhead("message").set_index("message").loc[1, "tls"] == 5 + 1 + 500 + 16


def test_the_server_may_speak_before_the_client_has_finished(reader: Reader) -> None:
    made = Made13().open().say([("server", HELLO)]).finish().say(SAID[:2])
    (connection,) = reader.read(packets(made.flights), made.log()).connections
    assert connection.exchanges[0].request_head.target == "/chat"


@pytest.mark.parametrize(
    ("sent", "protocol"), [(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http/2"), (b"EHLO example.org\r\n", "tcp")]
)
def test_other_protocols_in_tls_are_named(sent: bytes, protocol: str, reader: Reader) -> None:
    made = Made13().open().finish().say([("client", sent), ("server", b"250 example.net\r\n")])
    capture = reader.read(packets(made.flights), made.log())
    assert (capture.connections[0].protocol, capture.connections[0].client.port) == (protocol, 40000)
    assert int(capture.overhead()["other"].sum()) == len(sent) + 17
    assert_conserved(capture)


def test_a_capture_with_keys_for_one_connection_of_two() -> None:
    path, keys = OWN / "wss12.pcapng", OWN / "wss12.keys"
    first = next(line for line in keys.read_text().splitlines() if line.startswith("CLIENT_RANDOM"))
    log = parse_key_log(f"{first}\n".encode())
    capture = Capture("made", read_packets(path), keys=log)
    assert [connection.protocol for connection in capture.connections] == ["websocket", "tls"]
    assert ladder(capture.connections[0]).text.count('"Hello from Python') == 2
    assert capture.connections[1].findings[0].rule == "tls-not-read"
    assert_conserved(capture)


def test_segments_in_another_order_and_twice(reader: Reader) -> None:
    made = Made13().open().finish().say(SAID)
    talk = packets(made.flights)
    talk.packets[20:24] = [talk.packets[at] for at in (23, 21, 20, 20, 22)]
    capture = reader.read(talk, made.log())
    (connection,) = capture.connections
    assert connection.findings == ()
    assert capture.payloads() == in_the_clear().payloads()
    assert int(capture.overhead()["retransmission"].sum()) > 0
    assert_conserved(capture)


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_have_the_frames_that_tshark_sees(name: str) -> None:
    path, keys = OWN / f"{name}.pcapng", OWN / f"{name}.keys"
    capture = read_capture(path, keylog=keys)
    expected = tshark.frames(path, (*tshark.OPTIONS, "-o", f"tls.keylog_file:{keys}"))
    assert our_frames(capture) == expected
    assert sum(map(len, expected.values())) == 8
    assert [connection.protocol for connection in capture.connections] == ["websocket", "websocket"]
    assert {connection.ending.by for connection in capture.connections} == {Side.CLIENT}


@pytest.mark.parametrize("name", RECORDINGS)
def test_recordings_conserve_every_byte(name: str) -> None:
    path = OWN / f"{name}.pcapng"
    with_keys, without = read_capture(path, keylog=OWN / f"{name}.keys"), capture_of(path)
    for capture in (with_keys, without):
        assert_conserved(capture)
    ours, theirs = with_keys.overhead(), without.overhead()
    assert (ours["tls"] < theirs["tls"]).all() and (ours["other"] == 0).all()
    upper = ["tls", *APPLICATION]
    assert ours[upper].sum(axis=1).equals(theirs[upper].sum(axis=1))
    assert ours.drop(columns=upper).equals(theirs.drop(columns=upper))


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_alert_that_tshark_sees_is_told(name: str) -> None:
    path, keys = OWN / f"{name}.pcapng", OWN / f"{name}.keys"
    options = (*tshark.OPTIONS, "-o", f"tls.keylog_file:{keys}")
    rows = tshark.fields(path, "tls.alert_message.desc == 50", "frame.number", options=options)
    seen = [int(numbers[0]) for (numbers,) in rows]
    found = read_capture(path, keylog=keys).findings
    assert found[found["rule"] == "tls-alert"]["packet"].tolist() == seen != []
