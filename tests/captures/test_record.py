"""`record.py` records: one small scenario again, held to the recording that is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from captures.wire import RecordingError, expect_complete
from tests.capture.files import ECHO, OWN
from tests.needs import need
from wsviz import Side, read_capture
from wsviz.capture.capture import Capture

RECORD = OWN / "record.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, RECORD, *arguments], capture_output=True, text=True, timeout=180, check=False
    )


def need_to_record() -> None:
    for name in ("root", "ip", "ethtool", "dumpcap", "reordercap"):
        need(name)


def namespaces() -> str:
    return subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout


def kept_echo() -> tuple[bytes, object]:
    """The recording that is kept, and its entry."""
    return ECHO.read_bytes(), json.loads((OWN / "index.json").read_text())["echo"]


def conversation(capture: Capture) -> dict[Side, list[tuple[int, bool, bool, bytes]]]:
    """What each side says: opcode, FIN, masked, payload. Masking keys differ in every run."""
    (connection,) = capture.connections
    found: dict[Side, list[tuple[int, bool, bool, bytes]]] = {side: [] for side in Side}
    for captured in connection.frames:
        frame = captured.frame
        found[captured.sender].append((frame.opcode, frame.fin, frame.masked, frame.payload))
    return found


def test_a_scenario_recorded_again_says_the_same(tmp_path: Path) -> None:
    need_to_record()
    before = kept_echo()
    command = [sys.executable, RECORD, "--output", tmp_path, "echo"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as recorder:
        output, _ = recorder.communicate(timeout=180)
    assert recorder.returncode == 0, output
    assert [path.name for path in tmp_path.iterdir()] == ["echo.pcapng"]
    assert kept_echo() == before
    assert f"wsviz-{recorder.pid}" not in namespaces()
    again, kept = read_capture(tmp_path / "echo.pcapng"), read_capture(ECHO)
    assert conversation(again) == conversation(kept)
    assert again.findings.query("severity == 'error'").empty
    assert again.connections[0].ending.reports == {Side.CLIENT: 1000, Side.SERVER: 1000}


def test_a_conversation_that_fails_replaces_nothing(tmp_path: Path) -> None:
    need_to_record()
    (tmp_path / "echo.pcapng").write_bytes(b"of an earlier run")
    code = f"""
from dataclasses import replace
import record
record.SCENARIOS["echo"] = replace(record.SCENARIOS["echo"], timeout=0.01)
record.main(["--output", {str(tmp_path)!r}, "echo"])
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=OWN, stderr=subprocess.PIPE, text=True) as recorder:
        _, errors = recorder.communicate(timeout=180)
    assert recorder.returncode == 1
    assert errors.startswith("record.py: the client of echo:")
    assert "timed out" in errors
    assert len(errors.splitlines()) == 1
    assert (tmp_path / "echo.pcapng").read_bytes() == b"of an earlier run"
    assert f"wsviz-{recorder.pid}" not in namespaces()


def test_a_scenario_that_does_not_exist() -> None:
    done = run("ehco")
    assert done.returncode == 2
    assert "no scenario ehco" in done.stderr
    assert "Traceback" not in done.stderr


def test_who_is_not_root_is_told_so() -> None:
    code = "import os, record; os.geteuid = lambda: 1000; record.main(['echo'])"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=OWN, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("record.py: network namespaces need Linux and root")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("report", ["", "Packets received/dropped on interface 'front': 3/0 (pcap:0)"])
def test_a_capture_that_is_not_complete_is_refused(report: str) -> None:
    with pytest.raises(RecordingError):
        expect_complete(report, ["front", "back"])


def test_dropped_packets_are_refused() -> None:
    line = "Packets received/dropped on interface '{}': {} (pcap:0/dumpcap:0)"
    expect_complete("\n".join([line.format("front", "3/0"), line.format("back", "4/0")]), ["front", "back"])
    for counts in ("0/0", "4/1"):
        with pytest.raises(RecordingError):
            expect_complete("\n".join([line.format("front", "3/0"), line.format("back", counts)]), ["front", "back"])
