"""The secrets of TLS inside a pcapng file: in Decryption Secrets Blocks (draft-ietf-opsawg-pcapng 4.7)."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

import pytest

from tests.capture.build import block, enhanced, interface, pcap, section, times
from tests.capture.files import OWN
from tests.capture.tls_talk import SAID, Made13, packets
from tests.needs import need
from tests.test_show import shown
from wsviz.capture import tls_keylog
from wsviz.capture.capture import Capture, read_capture
from wsviz.cli import main

TLS_KEY_LOG, WIREGUARD = 0x544C534B, 0x57474B4C  # types of secrets


def secrets(log: bytes, endian: str = "<", kind: int = TLS_KEY_LOG) -> bytes:
    """A Decryption Secrets Block."""
    return block(0x0A, struct.pack(endian + "II", kind, len(log)) + log, endian)


def file_of(made: Made13, *blocks: bytes, endian: str = "<") -> bytes:
    """A pcapng file with these blocks before its packets."""
    raw = [bytes(packet) for packet in packets(made.flights).packets]
    own = [enhanced(packet, time, 0, endian) for packet, time in zip(raw, times(len(raw)), strict=True)]
    return b"".join([section(endian), interface(1, endian, 9), *blocks, *own])


def talk() -> Made13:
    return Made13().open().finish().say(SAID)


def read(path: Path, data: bytes, keylog: Path | None = None) -> Capture:
    path.write_bytes(data)
    return read_capture(path, keylog=keylog)


@pytest.mark.parametrize("endian", ["<", ">"])
def test_the_files_own_secrets_need_no_argument(endian: str, tmp_path: Path) -> None:
    made = talk()
    capture = read(tmp_path / "a.pcapng", file_of(made, secrets(made.log(), endian), endian=endian))
    assert [connection.protocol for connection in capture.connections] == ["websocket"]
    assert [len(message) for message in capture.payloads()] == [5, 5, 40_000]
    assert capture.file_findings == ()


def test_secrets_in_several_blocks_beside_those_of_others(tmp_path: Path) -> None:
    made = talk()
    lines = made.log().splitlines()  # without the line ends that would keep them apart
    blocks = [secrets(line) for line in lines] + [secrets(b"peer key", kind=WIREGUARD)]
    capture = read(tmp_path / "a.pcapng", file_of(made, *blocks))
    assert len(capture.payloads()) == 3
    assert capture.file_findings == ()


def test_both_logs_count_and_the_one_that_is_given_wins(tmp_path: Path) -> None:
    made = talk()
    lines = made.log().splitlines(keepends=True)
    given = tmp_path / "given.keys"
    given.write_bytes(b"".join(lines[:2]))
    halves = read(tmp_path / "a.pcapng", file_of(made, secrets(b"".join(lines[2:]))), given)
    assert len(halves.payloads()) == 3
    wrong = b"".join(line[:-9] + b"00000000\n" for line in lines)
    given.write_bytes(made.log())
    assert len(read(tmp_path / "b.pcapng", file_of(made, secrets(wrong)), given).payloads()) == 3
    given.write_bytes(wrong)
    assert len(read(tmp_path / "c.pcapng", file_of(made, secrets(made.log())), given).payloads()) == 0


@pytest.mark.parametrize("log", [b"\x00\xff" * 999, b"CLIENT_RANDOM 00 11\n"], ids=["binary", "short"])
def test_damaged_secrets_are_a_finding(log: bytes, tmp_path: Path) -> None:
    capture = read(tmp_path / "a.pcapng", file_of(talk(), secrets(log)))
    assert [connection.protocol for connection in capture.connections] == ["tls"]
    told = [finding.explanation for finding in capture.file_findings if finding.rule == "tls-not-read"]
    assert len(told) == 1
    assert told[0].startswith("the TLS secrets inside the file are not used: no secrets of TLS 1.2 or 1.3")


def test_without_the_package_the_file_is_shown_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = talk()
    monkeypatch.setattr(tls_keylog, "find_spec", lambda _: None)
    capture = read(tmp_path / "a.pcapng", file_of(made, secrets(made.log())))
    assert [connection.protocol for connection in capture.connections] == ["tls"]
    (told,) = (finding.explanation for finding in capture.file_findings if finding.rule == "tls-not-read")
    assert told.endswith("which is not installed: pip install cryptography")
    assert main(["lint", str(tmp_path / "a.pcapng")]) == 0
    assert "pip install cryptography" in capsys.readouterr().out


def test_a_plain_file_with_secrets_is_as_without(tmp_path: Path) -> None:
    raw = file_of(Made13(flights=SAID), secrets(talk().log()))
    plain = tmp_path / "plain.pcap"
    plain.write_bytes(pcap(map(bytes, packets(SAID).packets)))
    assert read(tmp_path / "a.pcapng", raw).frames.equals(read_capture(plain).frames)


@pytest.mark.parametrize("name", ["wss12", "wss13"])
def test_what_editcap_puts_in_is_used(name: str, tmp_path: Path) -> None:
    need("editcap")
    path, keys = OWN / f"{name}.pcapng", OWN / f"{name}.keys"
    made = tmp_path / "made.pcapng"
    subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", path, made], check=True, timeout=60)
    ours, theirs = read_capture(made), read_capture(path, keylog=keys)
    assert ours.payloads() == theirs.payloads()
    assert len(ours.payloads()) == 4
    assert ours.findings.equals(theirs.findings)


def test_no_output_holds_the_files_secrets(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, path = talk(), tmp_path / "a.pcapng"
    capture = read(path, file_of(made, secrets(made.log())))
    for command in ([], ["frames"], ["messages"], ["overhead"], ["lint"]):
        assert main([*command, str(path), *(["--format", "jsonl"] if command else [])]) == 0
    tables = [capture.summary, capture.packets, capture.frames, capture.messages, capture.exchanges, capture.findings]
    things = [capture, *capture.connections]
    words = [*map(repr, things), *(table.to_csv() for table in tables), *(str(shown(thing)) for thing in things)]
    text = "".join([*words, *capsys.readouterr()])
    assert "websocket" in text
    for secret in made.secrets.values():
        assert secret.hex() not in text.lower()
        assert repr(secret)[2:-1] not in text
