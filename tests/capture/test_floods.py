"""Captures that are made to cost much: every packet opens a connection of its own."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.capture.build import assert_conserved, enhanced, interface, pcap, read, section
from tests.capture.wrapped import conversation, ip4

TIMEOUT = 300  # seconds
COUNTED = """
import re, sys
from pathlib import Path
from wsviz.cli import main
status = main()
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1], file=sys.stderr)
sys.exit(status)
"""


def syn(number: int) -> bytes:
    return ip4(6, struct.pack(">HHIIBBHHH", 1024 + number, 80, number, 0, 0x50, 0x02, 1000, 0, 0))


def test_a_flood_of_connections_is_bounded() -> None:
    """Each costs little, and the one among them that matters is found."""
    flood, packets = [syn(number) for number in range(2_000)], conversation()
    began = time.process_time()
    capture = read(pcap([*flood[:1_000], *packets, *flood[1_000:]], link=101))
    assert [c.index for c in capture.connections if c.protocol == "websocket"] == [1_000]
    assert capture.payloads() == [b"Hello", b"World"]
    assert len(capture.connections) == 2_001
    assert capture.file_findings == ()
    assert time.process_time() - began < 60
    assert_conserved(capture, ["connection"])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc to tell a process's memory")
def test_millions_of_connections_take_little_memory_each(tmp_path: Path) -> None:
    """A SYN a connection: no more than 500 bytes for each, and a time that a user waits for."""
    number, one = 1_000_000, pcap([syn(1)], link=101)
    record = np.frombuffer(one[24:], "u1")
    flood = np.tile(record, (number, 1))
    order = np.arange(number, dtype=">u4")
    flood[:, 16 + 12 : 16 + 16] = (order // 60_000 + (10 << 24)).astype(">u4").view("u1").reshape(-1, 4)
    flood[:, 16 + 20 : 16 + 22] = (order % 60_000 + 1024).astype(">u2").view("u1").reshape(-1, 2)
    path = tmp_path / "flood.pcap"
    path.write_bytes(one[:24] + flood.tobytes())
    told, peaks = {}, {}
    for command in ("frames", "lint"):
        run = subprocess.run(
            [sys.executable, "-c", COUNTED, command, "--format", "jsonl", str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT,
        )
        assert run.returncode == 0, run.stderr
        told[command], peaks[command] = run.stdout, 1024 * int(run.stderr)
    assert told["frames"] == ""
    assert json.loads(told["lint"])["explanation"] == (
        "no WebSocket or HTTP was decoded: 1,000,000 other TCP connections"
    )
    assert max(peaks.values()) < 100_000_000 + 500 * number, peaks


def test_a_flood_that_brings_nothing_is_told_in_one_sentence() -> None:
    (note,) = read(pcap(map(syn, range(1_000)), link=101)).file_findings
    assert note.explanation == "no WebSocket or HTTP was decoded: 1,000 other TCP connections"


def test_a_flood_of_link_types_is_bounded() -> None:
    """As many interfaces as there are link types, each with a packet; most of them are unknown to scapy."""
    began = time.process_time()
    file = section() + b"".join(interface(link) for link in range(65_535))
    capture = read(file + b"".join(enhanced(bytes(60), 1, number) for number in range(65_535)))
    note = capture.file_findings[0].explanation
    assert "; 1 packet of link type 2, which scapy does not know; " in note
    assert note.endswith(" other kinds; they count as other")
    assert time.process_time() - began < 60
