"""What the recordings of WebSocket in TLS hold: with their key logs to tshark, and without to wsviz."""

from __future__ import annotations

from pathlib import Path

import pytest

from captures.scenarios.tls import PORT, text
from tests.capture import tshark
from tests.capture.files import OWN
from tests.captures.recordings import recording
from wsviz import Side

TLS12, TLS13 = 0x0303, 0x0304
NAMES = {"wss12": TLS12, "wss13": TLS13}
PYTHON, CHROMIUM = 0, 1  # tcp.stream
TEXT, CLOSE = 1, 8
CIPHERS = {
    # RFC 7905, RFC 5289: ECDHE_ECDSA with ChaCha20-Poly1305, AES-128-GCM, AES-256-GCM
    "wss12": ({0xCCA9}, {0xC02B, 0xC02C}),
    # RFC 8446 B.4: ChaCha20-Poly1305, AES-128-GCM, AES-256-GCM
    "wss13": ({0x1303}, {0x1301, 0x1302}),
}


def paths(name: str) -> tuple[Path, Path]:
    return OWN / f"{name}.pcapng", OWN / f"{name}.keys"


def with_keys(name: str) -> tuple[str, ...]:
    """What tells tshark the secrets."""
    return (*tshark.OPTIONS, "-o", f"tls.keylog_file:{paths(name)[1]}")


@pytest.mark.parametrize("name", NAMES)
def test_tshark_reads_the_frames_with_the_keys(name: str) -> None:
    path, _ = paths(name)
    names = ("tcp.stream", "tcp.dstport", "websocket.opcode", "websocket.mask", "websocket.payload.text")
    found: dict[int, list[tuple[int, int, bool, str]]] = {PYTHON: [], CHROMIUM: []}
    for stream, port, opcodes, masks, texts in tshark.fields(path, "websocket", *names, options=with_keys(name)):
        said = texts[0] if opcodes == [str(TEXT)] else ""
        found[int(stream[0])].append((int(opcodes[0]), int(port[0]) == PORT, masks == ["1"], said))
    for stream, client in ((PYTHON, "Python"), (CHROMIUM, "Chromium")):
        hello = text(client, name)
        # opcode, to the server, masked, text
        assert found[stream] == [
            (TEXT, True, True, hello),
            (TEXT, False, False, hello),
            (CLOSE, True, True, ""),
            (CLOSE, False, False, ""),
        ]


@pytest.mark.parametrize("name", NAMES)
def test_tshark_reads_nothing_without_them(name: str) -> None:
    assert tshark.frames(paths(name)[0]) == {}


@pytest.mark.parametrize(("name", "version"), NAMES.items())
def test_version_and_ciphers(name: str, version: int) -> None:
    names = ("tcp.stream", "tls.handshake.ciphersuite", "tls.handshake.version")
    names = (*names, "tls.handshake.extensions.supported_version")
    found = {}
    for stream, cipher, legacy, supported in tshark.fields(paths(name)[0], "tls.handshake.type == 2", *names):
        found[int(stream[0])] = int(cipher[0], 16)
        assert int((supported or legacy)[0], 16) == version
    chacha, gcm = CIPHERS[name]
    assert found[PYTHON] in chacha
    assert found[CHROMIUM] in gcm


@pytest.mark.parametrize("name", NAMES)
def test_the_key_log_has_the_secrets_of_each_connection(name: str) -> None:
    path, keys = paths(name)
    randoms = {
        value[0] for (value,) in tshark.fields(path, "tls.handshake.type == 1", "tls.handshake.random") if value
    }
    lines = [line.split() for line in keys.read_text().splitlines() if not line.startswith("#")]
    labels: dict[str, set[str]] = {}
    for label, random, _ in lines:
        labels.setdefault(random, set()).add(label)
    assert set(labels) == randoms and len(randoms) == 2
    needed = {"CLIENT_RANDOM"} if name == "wss12" else {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
    assert all(needed <= known for known in labels.values())


@pytest.mark.parametrize("name", NAMES)
def test_wsviz_without_keys_sees_tls_and_no_fault(name: str) -> None:
    capture = recording(name)
    assert [connection.protocol for connection in capture.connections] == ["tls", "tls"]
    assert not any(connection.frames for connection in capture.connections)
    assert set(capture.findings["rule"]) == {"nothing-decoded"}
    assert {connection.ending.by for connection in capture.connections} <= set(Side)
    overhead = capture.overhead()
    assert (overhead["tls"] > 0).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_private_key_is_kept(name: str) -> None:
    kept = [path.name for path in OWN.iterdir() if path.suffix in {".pem", ".key", ".crt"}]
    assert kept == []
    assert "PRIVATE" not in paths(name)[1].read_text()
