"""IP fragments: their bytes stand in the stream, whatever their order; what is missing or lies is told."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.build import START, assert_conserved, pcap, read, streams
from tests.capture.wrapped import MAC, assert_is_the_conversation, check, conversation, ethernet, ip4, kind, short
from wsviz.capture.capture import Capture


def fragments(packet: bytes, size: int, number: int = 1) -> list[bytes]:
    """An IPv4 packet in fragments of so many bytes of its payload, the last one with what is left."""
    head, payload = packet[:20], packet[20:]
    parts = []
    for at in range(0, len(payload), size):
        part, more = payload[at : at + size], at + size < len(payload)
        parts.append(
            head[:2] + short(20 + len(part)) + short(number) + short(more << 13 | at // 8) + head[8:20] + part
        )
    return parts


def fragments6(packet: bytes, size: int, number: int = 1) -> list[bytes]:
    """The same of an IPv6 packet."""
    head, payload = packet[:40], packet[40:]
    parts = []
    for at in range(0, len(payload), size):
        part, more = payload[at : at + size], at + size < len(payload)
        header = b"\6\0" + short(at | more) + number.to_bytes(4, "big")
        parts.append(head[:4] + short(8 + len(part)) + b"\x2c" + head[7:] + header + part)
    return parts


def in_fragments(size: int, *, six: bool = False) -> list[list[bytes]]:
    cut = fragments6 if six else fragments
    return [cut(packet, size, 100 + n) for n, packet in enumerate(conversation(six=six))]


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("size", [24, 48, 1400])
@pytest.mark.parametrize("order", ["as sent", "the last one first", "all twice"])
def test_a_conversation_in_ip_fragments(six: bool, size: int, order: str) -> None:
    parts = in_fragments(size, six=six)
    if order == "the last one first":
        parts = [packet[::-1] for packet in parts]
    packets = [ethernet(part) for packet in parts for part in packet * (1 + (order == "all twice"))]
    capture = read(pcap(packets))
    assert_is_the_conversation(capture)
    assert capture.file_findings == ()
    assert capture._packets.rows["tcp_packet"].all()
    assert_conserved(capture)
    check(pcap(packets))


def fragment_words(capture: Capture) -> list[str]:
    return [f.explanation for f in capture.file_findings if f.rule == "packets-not-decoded"]


def test_fragments_that_are_missing() -> None:
    parts = in_fragments(48)
    later = [part for packet in parts for part in packet[1:]]
    capture = read(pcap(later, link=101))
    assert len(capture.connections) == 0
    assert fragment_words(capture) == [
        f"{len(later)} packets with a later fragment of an IP packet, not put together; they count as other"
    ]
    assert_conserved(capture)
    del parts[4][1]  # of the server's answer
    capture = read(pcap([part for packet in parts for part in packet], link=101))
    (connection,) = capture.connections
    assert "bytes-missing" in [finding.rule for finding in connection.findings]
    assert [message.data for message in connection.messages] == [b"Hello", b"World"]
    assert fragment_words(capture) == []
    assert_conserved(capture)


def test_a_fragment_of_another_packet_is_left_alone() -> None:
    (first, second), other = fragments(conversation()[6], 24), b"\xc0\0\2\x63"
    late = pcap([first]) + struct.pack("<IIII", START // 10**9 + 61, 0, len(second), len(second)) + second
    strangers = {
        "another number": second[:4] + b"\0\2" + second[6:],
        "another sender": second[:12] + other + second[16:],
        "another protocol": second[:9] + b"\x11" + second[10:],
        "within the TCP header": second[:6] + b"\0\1" + second[8:],
    }
    files = {name: pcap([first, stranger], link=101) for name, stranger in strangers.items()}
    for name, file in {**files, "a minute later": late[:20] + b"\x65\0\0\0" + late[24:]}.items():
        capture = read(file)
        assert capture._packets.rows["tcp_packet"].tolist() == [True, False], name
        assert fragment_words(capture) == [
            "1 packet with a later fragment of an IP packet, not put together; they count as other"
        ]
        check(file)


@pytest.mark.parametrize("flags", [0x02, 0x18, 0x19])
def test_flags_count_once(flags: int) -> None:
    """A SYN stands before the data of all its fragments, and a FIN behind the last byte."""
    data = bytes(range(100))
    parts = fragments(ip4(6, struct.pack(">HHIIBBHHH", 40000, 80, 7, 0, 0x50, flags, 1000, 0, 0) + data), 24)
    for packets in (parts, parts[:1] + parts[:0:-1]):
        ((direction, _),) = streams(pcap(packets, link=101))
        assert (direction.end, direction.read(0, 100)) == (100, data)
        assert direction.ended == (flags == 0x19)


def test_fragments_that_lie_over_one_another() -> None:
    """The first copy wins and the other is told, as with TCP's own segments."""
    packets = conversation()
    first, second = fragments(packets[6], 24)
    forged = second[:-4] + b"evil"
    capture = read(pcap([*packets[:6], first, second, forged, *packets[7:]], link=101))
    assert capture.payloads() == [b"Hello", b"World"]
    assert [finding.rule for finding in capture.connections[0].findings] == ["copies-differ"]
    assert_conserved(capture)


def test_a_flood_of_fragments_is_bounded() -> None:
    """Fragments that never become whole cost no more than other packets do."""
    first, second = fragments(conversation()[6], 24)
    began = time.process_time()
    flood = [second[:4] + short(n % 65536) + short(1 + n % 8000) + second[8:] for n in range(20_000)]
    capture = read(pcap([*flood, *[first[:4] + short(n % 7) + first[6:] for n in range(2_000)], *flood], link=101))
    assert time.process_time() - began < 60
    assert len(capture.connections) == 1
    assert len(fragment_words(capture)) == 1
    assert_conserved(capture, ["connection"])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_both_lanes_see_the_same_fragments(data: st.DataObject) -> None:
    """Law 5 over fragments that are lost, repeated, mixed up, cut, and of several packets with one number."""
    six = data.draw(st.booleans())
    size, numbers = data.draw(st.sampled_from([8, 24, 48])), st.integers(1, 3)
    cut: Callable[[bytes, int, int], list[bytes]] = fragments6 if six else fragments
    parts: Sequence[bytes] = [p for whole in conversation(six=six)[5:] for p in cut(whole, size, data.draw(numbers))]
    chosen = data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=20))
    tag = data.draw(st.sampled_from([b"", b"\x81\0\0\5"]))
    packets = [MAC + tag + kind(part) + part for part in chosen]
    check(pcap(packets, snap=data.draw(st.sampled_from([2**32 - 1, 60, 40]))))
