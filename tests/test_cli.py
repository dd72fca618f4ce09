"""The command line: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, START, Talk, pcap
from wsviz import Frame, read_capture
from wsviz.capture.ledger import BUCKETS
from wsviz.cli import main

ROOT = Path(__file__).parents[1]
ECHO, POLL = str(ROOT / "captures" / "echo.pcapng"), str(ROOT / "captures" / "poll.pcapng")
COMMAND = str(Path(sys.executable).parent / "wsviz")
Out = pytest.CaptureFixture[str]


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


def test_what_is_in_a_file(capsys: Out) -> None:
    assert main([ECHO]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    first, second, third = lines(printed.out)
    assert first == f"{ECHO}: 38 packets, 3,527 bytes, 1 TCP connection"
    assert second.startswith("  0 192.0.2.1:")
    assert " -> 192.0.2.2:8080  websocket  GET /echo  1 exchange, 16 frames, 8 messages, 38 packets, " in second
    assert third.strip() == str(read_capture(ECHO).connections[0].ending)
    assert main(["summary", ECHO]) == 0
    assert capsys.readouterr().out == printed.out


def test_a_query_may_hold_a_token_and_is_not_shown(capsys: Out) -> None:
    assert main([POLL]) == 0
    out = capsys.readouterr().out
    assert "GET /poll?..." in out
    assert "after=" not in out


def test_frames_as_a_table(capsys: Out) -> None:
    assert main(["frames", ECHO]) == 0
    head, _, first, *_, last = [line for line in lines(capsys.readouterr().out) if line]
    assert head.split("  ")[0].strip() == "connection"
    assert first.split() == ["0", "0.000000", "client", "1", "text", "yes", "no", "yes", "6", "5", "8", "-", "-"]
    assert last.split()[2:5] == ["server", "8", "close"]


def test_frames_as_tsv_and_as_jsonl_tell_what_the_table_holds(capsys: Out) -> None:
    frames = read_capture(ECHO).frames
    assert main(["frames", ECHO, "--format", "tsv"]) == 0
    head, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head == frames.columns.to_list()
    assert main(["frames", ECHO, "--format", "jsonl"]) == 0
    texts = capsys.readouterr().out.splitlines()
    objects = [json.loads(text) for text in texts]
    for row, text, found, frame in zip(rows, texts, objects, frames.to_dict("records"), strict=True):
        seconds, nanoseconds = divmod(frame.pop("time").value, 10**9)
        time = f"{seconds}.{nanoseconds:09d}"
        assert f'"time": {time}, ' in text
        del found["time"]
        assert found == frame
        assert row.pop(1) == time
        told = [
            "" if value is None else str(int(value) if isinstance(value, bool) else value) for value in frame.values()
        ]
        assert row == told


@pytest.mark.parametrize("by", ["connection", "exchange", "message"])
def test_overhead_in_every_format(by: str, capsys: Out) -> None:
    rows = read_capture(ECHO).overhead(by).to_dict("records")
    expected = [{name: None if value is pd.NA else value for name, value in row.items()} for row in rows]
    assert main(["overhead", ECHO, "--by", by, "--format", "jsonl"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == expected
    assert main(["overhead", ECHO, "--by", by, "--format", "tsv"]) == 0
    head, *rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert head == list(expected[0])
    assert [[int(value) if value else None for value in row] for row in rows] == [
        list(row.values()) for row in expected
    ]
    assert main(["overhead", ECHO, "--by", by]) == 0
    shown = [line for line in lines(capsys.readouterr().out) if line]
    assert len(shown) == 3 + len(expected)
    zero = [name for name in BUCKETS if not any(row[name] for row in expected)]
    assert shown[-1] == "0 in every row: " + ", ".join(name.replace("_", " ") for name in zero)
    assert [name for name in BUCKETS if f" {name.replace('_', ' ')} " not in f"{shown[0]} "] == zero


# What is typed, the exit status, words on stdout, the line on stderr.
FRAMES: list[tuple[list[str], int, str, str]] = [
    (["810548656c6c6f"], 0, '"Hello"', ""),
    (["81", "05", "48 65 6C 6C 6F"], 0, '"Hello"', ""),
    (["818537fa213d7f9f4d5158", "--sender", "client"], 0, '"Hello"', ""),
    (["810548656c6c6f", "--sender", "client"], 0, "MASK is 0, expected 1", ""),
    (["810548656c6c6fffff"], 0, '"Hello"', "wsviz: 2 more bytes follow the frame\n"),
    (["8105"], 2, "cut", "wsviz: the frame ends after 2 bytes, expected 7 or more: the payload is cut\n"),
    (["81"], 2, "FIN", "wsviz: the frame ends after 1 byte, expected 2 or more: the header is cut\n"),
    (["8x"], 2, "", "wsviz: '8x' is not hex: expected pairs of the digits 0-9 and a-f\n"),
    (["810"], 2, "", "wsviz: 3 hex digits, expected an even number\n"),
    (["810548656"], 2, "", "wsviz: 9 hex digits, expected an even number\n"),
    (["0x8105", "0X48656c6c6f"], 0, '"Hello"', ""),
    (["81:05:48:65:6c:6c:6f"], 0, '"Hello"', ""),
    (["\x1b[31m"], 2, "", "wsviz: '\\x1b[31m' is not hex: expected pairs of the digits 0-9 and a-f\n"),
]


@pytest.mark.parametrize(("words", "status", "shown", "error"), FRAMES)
def test_one_frame(words: list[str], status: int, shown: str, error: str, capsys: Out) -> None:
    assert main(["frame", *words]) == status
    printed = capsys.readouterr()
    assert shown in printed.out
    assert bool(printed.out) == bool(shown)
    assert printed.err == error


def test_a_payload_is_shown_and_does_nothing(capsys: Out) -> None:
    main(["frame", Frame.text("\x1b]0;title\x07\u202e").serialize().hex()])
    assert_harmless(capsys.readouterr().out)


@pytest.mark.parametrize("command", [[], ["frames"], ["messages"], ["overhead"], ["lint"]])
def test_what_cannot_be_read_is_one_line_on_stderr(command: list[str], tmp_path: Path, capsys: Out) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "page").write_text("<!doctype html>")
    for name, reason in (
        ("missing", "no such file"),
        ("empty", "the file is empty"),
        ("page", "no pcap or pcapng file: it begins with 3c 21 64 6f"),
        (".", "a directory, expected a pcap or pcapng file"),
    ):
        path = os.path.join(tmp_path, name)
        assert main([*command, path]) == 2
        assert capsys.readouterr() == ("", f"wsviz: {path}: {reason}\n")


@pytest.mark.parametrize(
    "words", [[], ["frames"], ["frames", ECHO, "--format", "xml"], ["overhead", ECHO, "--by", "a"]]
)
def test_words_that_make_no_sense(words: list[str], capsys: Out) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: wsviz ")


@pytest.mark.parametrize(("command", "status"), [([], 0), (["frames"], 0), (["overhead"], 0), (["lint"], 1)])
def test_a_cut_file_is_read_as_far_as_it_goes(command: list[str], status: int, tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(Path(ECHO).read_bytes()[:-200])
    assert main([*command, str(path)]) == status
    printed = capsys.readouterr()
    assert printed.out
    line = f"wsviz: {path}: file-cut: the last record is cut; 37 packets were read before\n"
    assert printed.err == line


def test_a_file_without_packets(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap([]))
    assert main([str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: 0 packets, 0 bytes, 0 TCP connections\n")
    for words in (["frames"], ["messages"], ["overhead"]):
        assert main([*words, str(path), "--format", "tsv"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1
        assert main([*words, str(path), "--format", "jsonl"]) == 0
        assert capsys.readouterr().out == ""
        assert main([*words, str(path)]) == 0
        assert capsys.readouterr().out


# Terminal escapes (one byte CSI among them), bidi overrides, and what only looks like nothing.
HOSTILE = "\x1b[2J \x1b]0;own\x07 \x9b31m \u202eevil\u2066 \u200b \r\n\b"


def assert_harmless(text: str) -> None:
    assert not [char for char in text if not char.isprintable() and char != "\n"]


def test_text_from_a_capture_cannot_act_on_the_terminal(tmp_path: Path, capsys: Out) -> None:
    target = "/" + HOSTILE.replace(" ", "").replace("\r\n", "")
    request = REQUEST.replace(b"/chat", target.encode())
    reason = Frame.close(1000, HOSTILE).serialize()
    text = Frame.text(HOSTILE).serialize()
    for number, start in enumerate((REQUEST, request)):
        path = tmp_path / f"hostile{number}.pcap"
        talk = Talk().open().client(start, 0).server(RESPONSE + text + reason, 0)
        path.write_bytes(pcap(map(bytes, talk.packets)))
        for words in ([], ["frames"], ["messages"], ["overhead"], ["lint"]):
            main([*words, str(path)])
            printed = capsys.readouterr()
            assert printed.out
            assert_harmless(printed.out + printed.err)
        for words in (["frames"], ["messages"], ["overhead"]):
            main([*words, str(path), "--format", "tsv"])
            assert_harmless(capsys.readouterr().out.replace("\t", ""))


def test_times_before_the_point_are_exact(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "times.pcap"
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE + b"\x89\x00", 0)
    path.write_bytes(pcap(map(bytes, talk.packets)))
    assert main(["frames", str(path), "--format", "tsv"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split("\t")[1] == f"{START // 10**9}.000004000"


@pytest.mark.parametrize("words", [[ECHO], ["frames", ECHO, "--format", "tsv"], ["frame", "8100"]])
def test_a_reader_that_leaves_is_no_error(words: list[str]) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)  # as `wsviz FILE | head -0`
    try:
        run = subprocess.run([COMMAND, *words], stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(write_end)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_terminal_without_unicode_shows_escapes() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    run = subprocess.run([COMMAND, "frame", "8102c3a9"], capture_output=True, env=environment, check=True)
    assert run.stderr == b""
    assert b"\\xe9" in run.stdout


def test_help_names_every_command() -> None:
    run = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
    for word in ("summary", "frames", "messages", "overhead", "lint", "frame", "pcapng", "standard input"):
        assert word in run.stdout
