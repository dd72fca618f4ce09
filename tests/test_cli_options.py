"""The command line's messages, formats and options: secrets, Parquet, one connection, standard input, progress."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from wsviz import Frame, read_capture, terminal
from wsviz.capture import export
from wsviz.cli import main

ROOT = Path(__file__).parents[1]
ECHO = str(ROOT / "captures" / "echo.pcapng")
COMMAND = str(Path(sys.executable).parent / "wsviz")
Out = pytest.CaptureFixture[str]
SECRETS = ("aaaa", "bbbb", "cccc", "dddd", "6565656565")


@pytest.fixture
def two(tmp_path: Path) -> str:
    """Two connections; the second one is full of secrets."""
    asked = REQUEST.replace(b"/chat", b"/chat?token=aaaa")
    asked = asked.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: bearer, bbbb\r\n\r\n")
    texts = Frame.text('{"password": "cccc"}').serialize() + Frame.binary(b"\0Bearer eeeee").serialize()
    close = Frame.close(1000, "sid=dddd").serialize()
    first = Talk().open().client(REQUEST, 0).server(RESPONSE + Frame.text("Hello").serialize(), 0)
    second = Talk(client_port=40001).open().client(asked, 0).server(RESPONSE + texts + close, 0)
    path = tmp_path / "two.pcap"
    path.write_bytes(pcap(map(bytes, first.packets + second.packets)))
    return str(path)


def out_of(capsys: Out, *words: str) -> str:
    assert main(words) in (0, 1)
    return capsys.readouterr().out


def test_messages_as_a_table(capsys: Out) -> None:
    head, _, *rows = [line.rstrip() for line in out_of(capsys, "messages", ECHO).splitlines() if line.strip()]
    assert head.split()[-1] == "content"
    assert rows[0].endswith(' "Hello"')
    assert rows[2].endswith(" 00 01 7f 80 fe ff")
    assert rows[6].endswith("does not…")
    assert len(rows) == 8


def test_messages_are_whole_in_tsv_and_jsonl(capsys: Out) -> None:
    messages = read_capture(ECHO).connections[0].messages
    found = [json.loads(line) for line in out_of(capsys, "messages", ECHO, "--format", "jsonl").splitlines()]
    assert [row["text"] for row in found] == [message.text for message in messages]
    assert [row["data"] for row in found] == [None if m.text is not None else m.data.hex() for m in messages]
    head, *rows = [line.split("\t") for line in out_of(capsys, "messages", ECHO, "--format", "tsv").splitlines()]
    assert head[-2:] == ["text", "data"]
    assert [row[-2] or None for row in rows] == [message.text for message in messages]


@pytest.mark.parametrize(
    "words",
    [
        ["summary"],
        ["lint"],
        ["lint", "--format", "jsonl"],
        ["messages"],
        ["messages", "--format", "tsv"],
        ["messages", "--format", "jsonl"],
    ],
)
def test_secrets_show_only_where_they_are_asked_for(words: list[str], two: str, capsys: Out) -> None:
    text = out_of(capsys, *words, two)
    assert not [secret for secret in SECRETS if secret in text.replace(" ", "")]
    shown = out_of(capsys, *words, two, "--reveal").replace(" ", "")
    expected = {"summary": ["aaaa", "dddd"], "lint": ["bbbb"], "messages": ["cccc", "6565656565"]}[words[0]]
    assert [secret for secret in SECRETS if secret in shown] == expected


def test_secrets_in_parquet(two: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    for name, words in (("masked", []), ("shown", ["--reveal"])):
        assert main(["messages", two, "--format", "parquet", "-o", str(tmp_path / name), *words]) == 0
    masked, shown = (pd.read_parquet(tmp_path / name) for name in ("masked", "shown"))
    assert masked["data"].to_list() == [b"Hello", b'{"password": "[masked]"}', b"\0Bearer *****"]
    assert shown["data"].to_list() == read_capture(two).payloads()


def test_only_one_connection(two: str, capsys: Out) -> None:
    for command in ("frames", "messages", "overhead"):
        for number in "01":
            text = out_of(capsys, command, two, "--connection", number, "--format", "jsonl")
            assert {json.loads(line)["connection"] for line in text.splitlines()} == {int(number)}
    assert "40001" not in out_of(capsys, two, "--connection", "0")
    assert "40000" not in out_of(capsys, "--connection", "1", two)
    assert out_of(capsys, "lint", two, "--connection", "0") == "nothing found\n"
    assert main([two, "--connection", "2"]) == 2
    assert capsys.readouterr().err.endswith("the capture has no such connection; expected 0 to 1\n")
    assert main(["overhead", two, "--connection", "0", "--by", "mechanism"]) == 2


def test_extensions_where_the_handshake_was_not_captured(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "late.pcap"
    compressed = bytes.fromhex("c107f248cdc9c90700") * 4  # "Hello", RFC 7692 7.2.3.1
    path.write_bytes(pcap(map(bytes, Talk().server(compressed, 0).packets)))
    words = ["messages", str(path), "--format", "jsonl"]
    told = out_of(capsys, *words, "--extensions", "permessage-deflate; server_no_context_takeover")
    assert [json.loads(line)["text"] for line in told.splitlines()] == ["Hello"] * 4
    assert "Hello" not in out_of(capsys, *words)


@pytest.mark.parametrize("command", ["frames", "messages", "overhead"])
def test_parquet(command: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "out.parquet"
    assert main([command, ECHO, "--format", "parquet", "--output", str(path)]) == 0
    capture = read_capture(ECHO)
    table = capture.overhead() if command == "overhead" else getattr(capture, command)
    pd.testing.assert_frame_equal(pd.read_parquet(path), table)
    assert main([command, ECHO, "--format", "parquet"]) == 0
    assert capsysbinary.readouterr().out == path.read_bytes()


def test_a_file_takes_every_format(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "out"
    for style in ("table", "tsv", "jsonl"):
        assert out_of(capsys, "frames", ECHO, "--format", style, "-o", str(path)) == ""
        assert path.read_text() == out_of(capsys, "frames", ECHO, "--format", style)
    assert main(["frames", ECHO, "-o", str(tmp_path / "no" / "where")]) == 2
    assert capsys.readouterr().err.endswith("where: No such file or directory\n")


def test_parquet_that_cannot_be_written(tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["frames", ECHO, "--format", "parquet"]
    if export.find_spec("pyarrow") is not None:
        assert main([*words, "-o", str(tmp_path / "no" / "where")]) == 2
        assert capsys.readouterr().err.startswith(f"wsviz: {tmp_path}/no/where: ")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert main(words) == 2
        assert capsys.readouterr().err.startswith("wsviz: parquet is no text for a terminal: ")
    monkeypatch.setattr(export, "find_spec", lambda _name: None)
    assert main(words) == 2
    assert capsys.readouterr() == ("", "wsviz: parquet needs pyarrow, which is not installed: pip install pyarrow\n")


@pytest.mark.parametrize(
    ("data", "status", "shown", "error"),
    [
        (Path(ECHO).read_bytes(), 0, b"standard input: 38 packets, ", b""),
        (
            Path(ECHO).read_bytes()[:-200],
            0,
            b"37 packets",
            b"wsviz: standard input: file-cut: the last record is cut; ",
        ),
        (b"", 2, b"", b"wsviz: standard input: the file is empty\n"),
        (b"<!doctype html>", 2, b"", b"wsviz: standard input: no pcap or pcapng file: it begins with 3c 21 64 6f\n"),
    ],
    ids=["whole", "cut", "empty", "page"],
)
def test_standard_input(data: bytes, status: int, shown: bytes, error: bytes) -> None:
    run = subprocess.run([COMMAND, "-"], input=data, capture_output=True, check=False)
    assert run.returncode == status
    assert shown in run.stdout
    assert run.stderr.startswith(error)
    assert bool(run.stderr) == bool(error)


def test_ctrl_c_ends_what_is_read_not_the_reading() -> None:
    packets = [bytes(packet) for packet in Talk().open().packets]
    data = pcap(packets + [bytes(1000)] * 300)
    run = subprocess.Popen([COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert run.stdin is not None
    run.stdin.write(data[:-1000])  # more than a pipe holds, so it comes back when wsviz is reading
    run.stdin.flush()
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(data[-1000:], timeout=30)
    assert (run.returncode, err) == (0, b"")
    assert out.startswith(b"standard input: 303 packets, ")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_where_the_work_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    file = io.BytesIO(bytes(10))
    with terminal.progress(file):
        pass
    assert sys.stderr.getvalue() == ""  # it was quick
    monkeypatch.setattr(terminal, "PATIENCE", 0)
    with terminal.progress(file):
        file.read(5)
        time.sleep(0.4)
    assert "reading" in sys.stderr.getvalue()
    assert "50%" in sys.stderr.getvalue()


def test_no_progress_where_stderr_is_no_terminal(monkeypatch: pytest.MonkeyPatch, capsys: Out) -> None:
    monkeypatch.setattr(terminal, "PATIENCE", 0)
    with terminal.progress(io.BytesIO(bytes(10))):
        time.sleep(0.2)
    assert capsys.readouterr().err == ""
