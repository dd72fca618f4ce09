"""Captures that are made to cost much: floods of connections and of link types, holes, bombs."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, assert_conserved, enhanced, interface, pcap, read, section
from tests.capture.wrapped import conversation, ip4
from wsviz import Frame
from wsviz.protocol.deflate import Deflater

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


def counted(*arguments: str) -> tuple[str, int]:
    """What the command line prints, and the most bytes of memory that it took."""
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc to tell a process's memory")
    run = subprocess.run(
        [sys.executable, "-c", COUNTED, *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT
    )
    assert run.returncode == 0, run.stderr
    return run.stdout, 1024 * int(run.stderr)


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
        told[command], peaks[command] = counted(command, "--format", "jsonl", str(path))
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


@pytest.mark.parametrize("frames", ["one frame", "a frame each"])
def test_holes_that_claim_gigabytes_end_the_decoding(frames: str) -> None:
    """A packet says with its sequence number that millions of bytes before it were lost."""
    hole, size = 15_000_000, 15_000_000 if frames == "a frame each" else 1 << 40
    talk, at = Talk().open().client(REQUEST, 0).server(RESPONSE, 0), len(REQUEST)
    began = time.process_time()
    for number in range(300):
        begins = frames == "a frame each" or not number
        data = b"\x82\xff" + size.to_bytes(8, "big") + b"mask" if begins else b"x"
        talk.client(data, at)
        at += len(data) + hole
    capture = talk.client(b"\x88\x80mask", at).capture()
    (connection,) = capture.connections
    assert not len(connection.frame_table)
    told = [one.explanation for one in connection.findings if one.rule == "bytes-missing"]
    assert len(told) == 100
    assert sum(words.endswith("too many: nothing after them is decoded") for words in told) == 1
    assert capture.payloads() == []
    assert time.process_time() - began < 60
    assert_conserved(capture, ["connection"])


def test_a_snap_length_that_leaves_little_is_no_such_hole() -> None:
    """Of each packet 14 bytes of payload, for 40 MB: headers are read to the last."""
    frame = Frame(2, bytes(1400)).serialize()
    talk, at = Talk().open().client(REQUEST, 0).server(RESPONSE, 0), len(RESPONSE)
    packets = [*talk.packets]
    talk.packets.clear()
    capture = talk.server(frame, at).capture()
    raw = bytes(talk.packets[0])
    number = 30_000
    records = np.tile(np.frombuffer(raw[: 54 + 14], "u1"), (number, 1))
    seq = (5001 + at + np.arange(number, dtype="u8") * len(frame)).astype(">u4")
    records[:, 38:42] = seq.view("u1").reshape(-1, 4)
    whole = [(bytes(packet), len(bytes(packet))) for packet in packets]
    file = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for data, length in [*whole, *((row.tobytes(), len(raw)) for row in records)]:
        file += struct.pack("<IIII", 0, 0, len(data), length) + data
    capture = read(file)
    assert len(capture.connections[0].frame_table) == number


def test_messages_that_inflate_to_gigabytes_take_little_memory(tmp_path: Path) -> None:
    """A thousand times the size of their capture, as deflate allows: they wait on disk, if anybody wants them."""
    number, deflater = 8_000, Deflater(level=9)
    extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    request, response = (half[:-2] + extension for half in (REQUEST, RESPONSE))
    first, again = (Frame(2, deflater.compress(bytes(60_000)), rsv1=True).serialize() for _ in range(2))
    sent, step = first + again * (number - 1), 50_000
    talk = Talk().open().client(request, 0).server(response, 0)
    for at in range(0, len(sent), step):
        talk.server(sent[at : at + step], len(response) + at)
    path = tmp_path / "bomb.pcap"
    path.write_bytes(pcap(map(bytes, talk.packets)))
    assert path.stat().st_size < 1_000_000
    for command in ("summary", "messages"):
        options = ["-o", str(tmp_path / "out"), "--format", "tsv"] if command == "messages" else []
        told, memory = counted(command, *options, str(path))
        assert "8,000 messages" in told or command == "messages"
        assert memory < 350_000_000
    with (tmp_path / "out").open() as file:
        assert sum(line.split("\t")[5] == "60000" for line in file) == number
