"""What cannot be read from TLS is said with its reason, and nothing else changes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.capture.build import assert_conserved
from tests.capture.files import OWN
from tests.capture.tls_talk import (
    LARGE,
    SAID,
    Flights,
    Made13,
    Reader,
    closed,
    openssl_session,
    packets,
    record,
)
from tests.needs import SHARED, need
from wsviz import Side
from wsviz.capture.capture import Capture, read_capture
from wsviz.figures.ladder import ladder

OTHER = f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n".encode()


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Flights, bytes]:
    return openssl_session(tmp_path_factory.mktemp("tls"), "TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256")


def reasons(capture: Capture, index: int = 0) -> list[str]:
    """Why TLS was not read, or not to its end."""
    assert_conserved(capture)
    return [one.explanation for one in capture.connections[index].findings if one.rule == "tls-not-read"]


def assert_unread(capture: Capture, *words: str) -> None:
    """Nothing was read, and each of these reasons was given."""
    (connection,) = capture.connections
    assert (connection.protocol, len(connection.frames), connection.exchanges) == ("tls", 0, ())
    told = reasons(capture)
    assert len(told) == len(words)
    for reason, word in zip(told, words, strict=True):
        assert word in reason
    (row,) = capture.overhead().to_dict("records")
    assert row["other"] == row["ws_payload"] == row["http_header"] == 0


def made() -> Made13:
    return Made13().open().finish().say(SAID)


def test_keys_of_another_connection(session: tuple[Flights, bytes], reader: Reader) -> None:
    assert_unread(reader.read(packets(session[0]), OTHER), "no secrets of this connection")
    assert_unread(reader.read(packets(made().flights), OTHER), "no secrets of this connection")


def test_wrong_keys_of_12(session: tuple[Flights, bytes], reader: Reader) -> None:
    flights, log = session
    wrong = log[:-5] + bytes(48 + (digit - 47) % 10 for digit in b"1234") + b"\n"
    first = "the keys do not open the first record they are for (packet"
    assert_unread(reader.read(packets(flights), wrong), first, first)


def test_keys_of_13_that_are_swapped(reader: Reader) -> None:
    talk = made()
    swapped = talk.log().replace(b"CLIENT_", b"X_").replace(b"SERVER_", b"CLIENT_").replace(b"X_", b"SERVER_")
    assert_unread(reader.read(packets(talk.flights), swapped), *["the keys do not open the first record"] * 2)


def test_a_wrong_key_after_the_handshake(reader: Reader) -> None:
    talk = made()
    talk.secrets["SERVER_TRAFFIC_SECRET_0"] = bytes(32)
    capture = reader.read(packets(talk.flights), talk.log())
    (reason,) = reasons(capture)
    assert "the server's TLS is not read from its start on: the keys do not open the first record" in reason
    assert [exchange.response_head for exchange in capture.connections[0].exchanges] == [None]


@pytest.mark.parametrize("label", ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"])
def test_one_key_is_missing(label: str, reader: Reader) -> None:
    talk = made()
    lines = [line for line in talk.log().splitlines(keepends=True) if not line.startswith(label.encode())]
    capture = reader.read(packets(talk.flights), b"".join(lines))
    (reason,) = reasons(capture)
    assert f"the key log has no {label} of 32 bytes for this connection" in reason
    (connection,) = capture.connections
    assert connection.exchanges[0].request_head.target == "/chat"
    assert {frame.sender for frame in connection.frames} == {Side.CLIENT}


def test_a_secret_of_the_wrong_size(session: tuple[Flights, bytes], reader: Reader) -> None:
    assert_unread(reader.read(packets(session[0]), session[1][:-3] + b"\n"), "no master secret of 48 bytes")


def test_a_cipher_in_cbc_mode(tmp_path: Path, reader: Reader) -> None:
    flights, log = openssl_session(tmp_path, "TLSv1.2", "ECDHE-ECDSA-AES128-SHA256")
    capture = reader.read(packets(flights), log)
    assert_unread(capture, "the cipher suite is 0xc023 (CBC), and only AES-GCM and ChaCha20-Poly1305 are read")


def test_a_cipher_with_a_short_tag(reader: Reader) -> None:
    talk = Made13(0x1305).open().finish().say(SAID)
    assert_unread(reader.read(packets(talk.flights), talk.log()), "the cipher suite is 0x1305 (CCM), and only")


def test_another_version(session: tuple[Flights, bytes], reader: Reader) -> None:
    flights, log = session
    older = [(sender, data[:9] + b"\x03\x02" + data[11:] if data[5] == 2 else data) for sender, data in flights]
    assert_unread(reader.read(packets(older), log), "the version is TLS 1.1, and only TLS 1.2 and 1.3 are read")


def test_compressed_records(session: tuple[Flights, bytes], reader: Reader) -> None:
    (client, asked), (server, answered), *rest = session[0]
    at = 46 + answered[43]  # after the session id and the suite
    assert answered[at] == 0
    flights = [(client, asked), (server, answered[:at] + b"\x01" + answered[at + 1 :]), *rest]
    assert_unread(reader.read(packets(flights), session[1]), "its records are compressed")


def test_dtls_is_none_of_it(reader: Reader) -> None:
    flights = [("client", b"\x16\xfe\xff" + bytes(10) + made().flights[0][1][5:])]
    (connection,) = reader.read(packets(flights), made().log()).connections
    assert (connection.protocol, connection.tls_flights) == ("tcp", ())


def test_the_third_party_capture_in_cbc_mode() -> None:
    need("shared")
    name = SHARED / "captures" / "illustrated_tls12"
    assert_unread(read_capture(f"{name}.pcap", keylog=f"{name}.keylog.txt"), "the cipher suite is 0xc013 (CBC)")


def test_early_data(reader: Reader) -> None:
    talk = Made13(early_data=True).open()
    handshake = talk.secrets["client"]
    talk.renew("client", "client_early", bytes(32))
    talk.say(SAID[:1])
    talk.renew("client", "client_again", handshake)
    talk.finish().say(SAID[1:])
    capture = reader.read(packets(talk.flights), talk.log())
    (reason,) = reasons(capture)
    assert "the client's TLS is not read from its start on: it begins with 0-RTT data" in reason
    offered = Made13(early_data=True).open().finish().say(SAID)
    assert reasons(reader.read(packets(offered.flights), offered.log())) == []


def test_renegotiation(session: tuple[Flights, bytes], reader: Reader) -> None:
    flights, log = session
    again = [*flights, ("client", record(20, b"\x01"))]
    (reason,) = reasons(reader.read(packets(again), log))
    assert "the client's TLS is not read after" in reason and "(renegotiation)" in reason


def test_a_capture_that_starts_late(reader: Reader) -> None:
    talk = packets(made().flights)
    first = len(packets(made().flights[:1]).packets)
    for start in (first, first + 30):
        talk.packets = packets(made().flights).packets[start:]
        capture = reader.read(talk, made().log())
        assert_unread(capture, "its beginning, the ClientHello, is not whole in the capture")


def test_no_answer(reader: Reader) -> None:
    assert_unread(reader.read(packets(made().flights[:1]), made().log()), "no ServerHello that is whole")


def test_a_gap(reader: Reader) -> None:
    talk = made()
    whole = closed(packets(talk.flights), talk.flights)
    del whole.packets[-20]  # within the large message
    capture = reader.read(whole, talk.log())
    (reason,) = reasons(capture)
    assert "the server's TLS is not read after" in reason and "bytes are missing from the capture at offset" in reason
    (connection,) = capture.connections
    rules = {finding.rule for finding in connection.findings}
    assert rules == {"tls-not-read", "bytes-missing"}  # nobody is blamed for what the capture lacks
    assert [message.text for message in connection.messages][:2] == ["Hello", "Hello"]


def test_a_snap_length(reader: Reader) -> None:
    talk = made()
    capture = reader.read(packets(talk.flights), talk.log(), snap=700)
    assert any("bytes are missing from the capture" in reason for reason in reasons(capture))


@pytest.mark.parametrize("size", [3, 700])
def test_a_record_that_is_cut(size: int, reader: Reader) -> None:
    talk = made()
    sender, data = talk.flights[-3]
    assert (sender, len(data)) == ("server", 40_004 - 2 * (1 << 14) + 22)
    flights = [*talk.flights[:-3], (sender, data[:size])]
    capture = reader.read(closed(packets(flights), flights), talk.log())
    (reason,) = reasons(capture)
    assert "the last record, which begins in packet" in reason and reason.endswith(", is cut")
    assert {finding.rule for finding in capture.connections[0].findings} == {"tls-not-read"}


def test_a_byte_that_was_changed(session: tuple[Flights, bytes], reader: Reader) -> None:
    flights, log = session
    at = next(i for i, (_, data) in enumerate(flights) if len(data) > len(LARGE))
    sender, data = flights[at]
    flights = [
        *flights[:at],
        (sender, data[:20_000] + bytes((data[20_000] ^ 1,)) + data[20_001:]),
        *flights[at + 1 :],
    ]
    capture = reader.read(closed(packets(flights), flights), log)
    (reason,) = reasons(capture)
    assert "the server's TLS is not read after" in reason and "does not authenticate: it was changed" in reason
    assert {finding.rule for finding in capture.connections[0].findings} == {"tls-not-read"}


def test_bytes_that_are_no_record(reader: Reader) -> None:
    talk = made()
    flights = [*talk.flights, ("client", b"GET / HTTP/1.1\r\n\r\n")]
    (reason,) = reasons(reader.read(packets(flights), talk.log()))
    assert "is no record of TLS" in reason


def test_alerts(reader: Reader) -> None:
    talk = made().seal("server", b"\x02\x14", 21).seal("server", b"\x01\x00", 21)
    capture = reader.read(packets(talk.flights), talk.log())
    (alert,) = capture.findings.to_dict("records")
    assert (alert["rule"], alert["culprit"]) == ("tls-alert", "server")
    assert "the server sent the alert 20, bad_record_mac" in alert["explanation"]
    assert alert["packet"] == len(capture.packets) - 1


def test_an_alert_in_place_of_an_answer(reader: Reader) -> None:
    flights = [*made().flights[:1], ("server", record(21, b"\x02\x28"))]
    capture = reader.read(packets(flights), made().log())
    alert, unread = (finding.explanation for finding in capture.connections[0].findings)
    assert alert == "the server sent the alert 40, handshake_failure"
    assert "no ServerHello" in unread


def test_many_alerts_are_told_in_part(reader: Reader) -> None:
    talk = made()
    flights = [*talk.flights, ("server", record(21, b"\x02\xff") * 1000)]
    (connection,) = reader.read(packets(flights), talk.log()).connections
    assert len(connection.findings) == 100
    assert "which has no name here" in str(connection.findings[0])


def test_hellos_that_lie(reader: Reader) -> None:
    talk, dice = made(), random.Random(1)
    log = talk.log()
    for _ in range(60):
        flights = list(talk.flights[:6])
        for at in (0, 1):
            sender, data = flights[at]
            hurt = bytearray(data[: dice.randrange(6, len(data) + 1)])
            for _ in range(dice.randrange(4)):
                hurt[dice.randrange(5, len(hurt))] = dice.choice((0, 1, 2, 0xFF, dice.randrange(256)))
            flights[at] = (sender, record(22, bytes(hurt[5:])))
        capture = reader.read(packets(flights), log)
        assert_conserved(capture, ["connection"])
        assert " TLS " in ladder(capture.connections[0]).text


def test_streams_that_lie(reader: Reader) -> None:
    talk, dice = Made13().open().finish().say(SAID[:4]), random.Random(2)
    for _ in range(60):
        flights = list(talk.flights)
        at = dice.randrange(len(flights))
        hurt = bytearray(flights[at][1])
        hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        flights[at] = (flights[at][0], bytes(hurt[: dice.choice((len(hurt), dice.randrange(len(hurt) + 1)))]))
        capture = reader.read(packets(flights), talk.log())
        assert_conserved(capture, ["connection", "message"])
        assert set(capture.findings["severity"]) <= {"error", "warning", "note"}
        assert " TLS " in ladder(capture.connections[0]).text
        assert len(capture.frames) + len(capture.exchanges) + len(capture.messages) <= 5  # those of the whole talk


def test_a_handshake_message_that_never_ends(reader: Reader) -> None:
    flights = [("client", record(22, b"\x01\xff\xff\xff" + bytes(16_000)) * 30)]
    assert_unread(reader.read(packets(flights, 60_000), made().log()), "its beginning, the ClientHello, is not whole")


@pytest.mark.parametrize("name", ["wss12", "wss13"])
def test_the_recordings_with_the_keys_of_the_other(name: str) -> None:
    other = {"wss12": "wss13", "wss13": "wss12"}[name]
    capture = read_capture(OWN / f"{name}.pcapng", keylog=OWN / f"{other}.keys")
    for index, connection in enumerate(capture.connections):
        assert connection.protocol == "tls"
        assert ["no secrets of this connection" in reason for reason in reasons(capture, index)] == [True]
