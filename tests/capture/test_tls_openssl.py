"""What the programs of OpenSSL do in TLS that Python's ssl module does not: read, or named as the reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capture.build import assert_conserved
from tests.capture.tls_openssl import Server
from tests.capture.tls_talk import Flights, Reader, packets
from tests.needs import need
from wsviz.capture.connection import Connection

OTHER_KEYS = f"CLIENT_RANDOM {'ab' * 32} {'cd' * 48}\n".encode()
ECHOED = ("one more", "erom eno")
KEYS_CHANGE = "the keys change a second time (renegotiation), which is not followed"


@pytest.fixture(autouse=True)
def openssl() -> None:
    need("openssl")


def connection_of(folder: Path, talk: tuple[Flights, bytes]) -> Connection:
    flights, log = talk
    capture = Reader(folder).read(packets(flights), log + OTHER_KEYS)
    assert_conserved(capture)
    return capture.connections[0]


def plain(connection: Connection) -> list[bytes]:
    """What the client and the server said inside of TLS."""
    return [direction.read(0, direction.end) for direction, _ in connection.directions()]


def reasons(connection: Connection) -> list[str]:
    return [one.explanation for one in connection.findings if one.rule == "tls-not-read"]


def test_keys_are_updated(tmp_path: Path) -> None:
    with Server(tmp_path, ["-rev", "-tls1_3"]) as server:
        talk = server.talk([ECHOED, ("K", "KEYUPDATE"), ("and another", "rehtona dna")])
    connection = connection_of(tmp_path, talk)
    assert plain(connection) == [b"one more\nand another\n", b"erom eno\nrehtona dna\n"]
    assert reasons(connection) == []


def test_keys_are_renegotiated(tmp_path: Path) -> None:
    with Server(tmp_path, ["-rev", "-tls1_2", "-client_renegotiation"]) as server:
        talk = server.talk([ECHOED, ("R", "RENEGOTIATING"), ("and another", "rehtona dna")])
    connection = connection_of(tmp_path, talk)
    assert plain(connection) == [b"one more\n", b"erom eno\n"]
    before = "TLS is not read after 9 bytes of application data"
    assert reasons(connection) == [f"the {side}'s {before}: {KEYS_CHANGE}" for side in ("client", "server")]


@pytest.mark.parametrize(
    "options",
    [["-tls1_2"], ["-tls1_2", "-no_ticket"], ["-tls1_3"], ["-tls1_3", "-allow_no_dhe_kex"]],
    ids=["ticket in 1.2", "session id in 1.2", "PSK in 1.3", "PSK in 1.3 without a key exchange"],
)
def test_sessions_are_resumed(options: list[str], tmp_path: Path) -> None:
    session = str(tmp_path / "session")
    with Server(tmp_path, ["-rev", *options]) as server:
        whole, _ = server.talk([ECHOED], "-sess_out", session, *options)
        talk = server.talk([("second time", "emit dnoces")], "-sess_in", session, *options)
    connection = connection_of(tmp_path, talk)
    assert plain(connection) == [b"second time\n", b"emit dnoces\n"]
    assert reasons(connection) == []
    from_server = [sum(len(data) for sender, data in each if sender == "server") for each in (whole, talk[0])]
    assert from_server[1] < from_server[0] - 300, "no certificate is sent again"


def test_early_data(tmp_path: Path) -> None:
    session, early = tmp_path / "session", tmp_path / "early"
    early.write_bytes(b"early bird\n")
    with Server(tmp_path, ["-tls1_3", "-early_data", "-no_anti_replay"]) as server:
        for options in (["-sess_out", session], ["-sess_in", session, "-early_data", early]):
            server.type("welcome")
            talk = server.talk([("", "welcome")], *map(str, options))
    connection = connection_of(tmp_path, talk)
    assert plain(connection) == [b"", b"welcome\n"]
    (reason,) = reasons(connection)
    assert reason.endswith(
        "the client's TLS is not read from its start on: it begins with 0-RTT data, whose keys are not used"
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["-tls1", "-cipher", "ALL@SECLEVEL=0"], "the version is TLS 1.0, and only TLS 1.2 and 1.3 are read"),
        (["-tls1_1", "-cipher", "ALL@SECLEVEL=0"], "the version is TLS 1.1, and only TLS 1.2 and 1.3 are read"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"], "the cipher suite is 0xc00a (CBC), and only AES-GCM"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-CCM"], "the cipher suite is 0xc0ac (CCM), and only AES-GCM"),
        (["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"], "the cipher suite is 0x1304 (CCM), and only"),
        (["-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256"], "the cipher suite is 0xc072, and only AES-GCM"),
    ],
    ids=["1.0", "1.1", "CBC", "CCM in 1.2", "CCM in 1.3", "Camellia"],
)
def test_what_is_not_read_has_its_reason(options: list[str], reason: str, tmp_path: Path) -> None:
    with Server(tmp_path, ["-rev", *options]) as server:
        connection = connection_of(tmp_path, server.talk([ECHOED], *options))
    assert connection.protocol == "tls"
    (told,) = reasons(connection)
    assert told.startswith(f"nothing is read from TLS: {reason}")


def test_a_suite_in_cbc_mode_is_named_with_and_without_encrypt_then_mac(tmp_path: Path) -> None:
    options = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"]
    for more in ([], ["-no_etm"]):
        with Server(tmp_path, ["-rev", *options, *more]) as server:
            connection = connection_of(tmp_path, server.talk([ECHOED], *options))
        (told,) = reasons(connection)
        assert "0xc023 (CBC)" in told


def test_nothing_in_common(tmp_path: Path) -> None:
    with Server(tmp_path, ["-rev", "-tls1_2"]) as server:
        connection = connection_of(tmp_path, server.talk([], "-tls1_3"))
    told = {finding.rule: finding.explanation for finding in connection.findings}
    assert told["tls-alert"] == "the server sent the alert 70, protocol_version"
    assert "there is no ServerHello that is whole in the capture" in told["tls-not-read"]
