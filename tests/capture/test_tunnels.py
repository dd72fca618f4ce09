"""One WebSocket conversation in every wrapping and format: the same frames, messages and bytes come out of each."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable

import pytest

from tests.capture.build import (
    START,
    assert_conserved,
    block,
    enhanced,
    interface,
    pcap,
    pcapng,
    read,
    section,
    times,
)
from tests.capture.wrapped import FRAMES, WRAPPINGS, Wrapping, assert_is_the_conversation, check, conversation

by_wrapping = pytest.mark.parametrize("wrapping", WRAPPINGS.values(), ids=WRAPPINGS)


@by_wrapping
def test_the_conversation_comes_out_of_each_wrapping(wrapping: Wrapping) -> None:
    inner = conversation(six=wrapping.six)
    outer = [wrapping.wrap(packet) for packet in inner]
    for file in (pcap(outer, link=wrapping.link), pcapng(outer, link=wrapping.link)):
        capture = read(file)
        assert_is_the_conversation(capture)
        assert capture.file_findings == ()
        assert capture.frame_columns()["packet"].tolist() == [row[3] for row in FRAMES]
        assert_conserved(capture)
        # Every byte is where it was: the ledger differs from that of the bare packets by the wrapping alone.
        bare = read(pcap(inner, link=101)).overhead().iloc[0].to_dict()
        ledger = capture.overhead().iloc[0].to_dict()
        around = sum(map(len, outer)) - sum(map(len, inner)) - len(inner) * (wrapping.behind + wrapping.in_ip)
        bare["link"], bare["padding"] = around, len(inner) * wrapping.behind
        bare["ip"] += len(inner) * wrapping.in_ip
        assert ledger == bare


@by_wrapping
def test_both_lanes_see_the_same(wrapping: Wrapping) -> None:
    """Law 5, on packets as they are, cut at every length that headers may have, and with turned bits."""
    dice, packets = random.Random(wrapping.link), [wrapping.wrap(p) for p in conversation(six=wrapping.six)[3:5]]
    for snap in (2**32 - 1, *range(0, min(map(len, packets)), 7)):
        check(pcap(packets, link=wrapping.link, snap=snap))
    changed = []
    for _ in range(30):
        packet = bytearray(dice.choice(packets))
        for _ in range(dice.choice((1, 1, 2))):
            packet[dice.randrange(min(len(packet), 130))] ^= 1 << dice.randrange(8)
        changed.append(bytes(packet))
    check(pcap(changed, link=wrapping.link))


def test_every_wrapping_in_one_file() -> None:
    """Many interfaces of one pcapng, each with a link type, a resolution and a wrapping of its own."""
    file, packets = section(), []
    for number, wrapping in enumerate(WRAPPINGS.values()):
        file += interface(wrapping.link, resolution=(6, 9)[number % 2])
        inner = conversation(40000 + number, six=wrapping.six)
        packets += [(place, number, wrapping.wrap(packet)) for place, packet in enumerate(inner)]
    for place, number, packet in sorted(packets):  # all conversations at once
        file += enhanced(packet, (START + place * 1_000_000) // (1000, 1)[number % 2], number)
    capture = read(file)
    assert len(capture.connections) == len(WRAPPINGS)
    for number in range(len(WRAPPINGS)):
        assert_is_the_conversation(capture, number)
    assert sorted(set(capture.packets["time"].astype("int64"))) == [START + 1_000_000 * place for place in range(8)]
    assert_conserved(capture)
    check(file)


def simple(packet: bytes, endian: str) -> bytes:
    return block(3, struct.pack(endian + "I", len(packet)) + packet, endian)


WRAPPED = [WRAPPINGS["VXLAN"].wrap(packet) for packet in conversation()]
FORMATS = {
    f"{name}, {endian}, {unit}": file
    for endian in "<>"
    for unit, nano in (("us", False), ("ns", True))
    for name, file in (
        ("pcap", pcap(WRAPPED, endian=endian, nano=nano)),
        ("pcapng", pcapng(WRAPPED, endian=endian, resolution=9 if nano else 6)),
    )
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("file", FORMATS.values(), ids=FORMATS)
def test_the_conversation_comes_out_of_each_format(file: bytes, pack: Callable[[bytes], bytes]) -> None:
    capture = read(pack(file))
    assert_is_the_conversation(capture)
    assert capture.packets["time"].astype("int64").tolist() == times(8)


@pytest.mark.parametrize("endian", "<>")
def test_packets_without_times_or_interfaces_or_with_lengths_that_lie(endian: str) -> None:
    start = section(endian) + interface(1, endian)
    plain = start + b"".join(simple(packet, endian) for packet in WRAPPED)
    assert_is_the_conversation(read(plain))
    stray = enhanced(WRAPPED[0], 0, 7, endian)
    capture = read(start + stray + plain[len(start) :] + stray)
    assert_is_the_conversation(capture)
    words = "2 packets of an interface that the file does not describe; they count as other"
    assert [finding.explanation for finding in capture.file_findings] == [words]
    for lie in (0, 13, 2**31, 2**32 - 4):
        capture = read(plain + struct.pack(endian + "II", 6, lie) + bytes(40))
        assert_is_the_conversation(capture)
        assert [finding.rule for finding in capture.file_findings] == ["file-cut"]
