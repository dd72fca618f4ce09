"""Captures that are made to cost much: every packet opens a connection of its own."""

from __future__ import annotations

import struct
import time

from tests.capture.build import assert_conserved, enhanced, interface, pcap, read, section
from tests.capture.wrapped import conversation, ip4


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
