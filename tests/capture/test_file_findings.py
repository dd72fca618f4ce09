"""What is said of a capture file itself: cut, damaged, too large, or with nothing in it that could be decoded."""

from __future__ import annotations

import gzip

import pytest

from tests.capture.build import Talk, enhanced, interface, pcap, pcapng, read, section
from wsviz.capture import gzipped
from wsviz.capture.capture import Capture

from scapy.layers.inet import IP  # isort: skip
from scapy.packet import Raw  # isort: skip

MAC = bytes.fromhex("020000000002020000000001")
PACKETS = [bytes(packet) for packet in Talk().open().client(b"abc", 0).packets]


def damage(capture: Capture) -> list[str]:
    return [finding.rule for finding in capture.file_findings if finding.severity != "note"]


# File, the one rule it breaks, the words, packets.
PACKED = gzip.compress(pcap(PACKETS), mtime=0)
DAMAGED: list[tuple[bytes, str, str, int]] = [
    (pcap(PACKETS[:1])[:-1], "file-cut", "the last record is cut; 1 packet was read, in part", 1),
    (pcap(PACKETS)[:-1], "file-cut", "the last record is cut; 4 packets were read, the last of them in part", 4),
    (pcapng(PACKETS)[:-1], "file-cut", "the last record is cut; 3 packets were read before", 3),
    (pcapng(PACKETS[:2])[:-1], "file-cut", "the last record is cut; 1 packet was read before", 1),
    (
        pcapng(PACKETS) + bytes(20),
        "file-cut",
        "scapy says: PcapNg: Invalid block length !; 4 packets were read before",
        4,
    ),
    (PACKED[:-4], "file-cut", "the gzip data is cut; 4 packets were read before", 4),
    (PACKED + b"junk", "bytes-after-gzip", "bytes after the end of the gzip data; they are not read", 4),
    (PACKED + PACKED[:1], "bytes-after-gzip", "bytes after the end of the gzip data; they are not read", 4),
]


@pytest.mark.parametrize(("file", "rule", "words", "number"), DAMAGED)
def test_what_is_said_of_a_damaged_file(file: bytes, rule: str, words: str, number: int) -> None:
    capture = read(file)
    assert damage(capture) == [rule]
    assert capture.file_findings[0].explanation == words
    assert capture.packet_count == number


def test_a_gzip_bomb_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pcap(PACKETS)
    packed = gzip.compress(whole + bytes(1 << 20))
    monkeypatch.setattr(gzipped, "LARGEST_UNPACKED", len(whole) + 8)
    capture = read(packed)
    assert damage(capture) == ["file-cut"]
    words = f"the file unpacks to more than {len(whole) + 8:,} bytes, where reading stops; 4 packets were read before"
    assert capture.file_findings[0].explanation == words
    monkeypatch.setattr(gzipped, "LARGEST_UNPACKED", len(whole))
    assert damage(read(gzip.compress(whole))) == []


def test_what_could_not_be_decoded_is_said() -> None:
    (note,) = read(pcap([])).file_findings
    assert (note.rule, note.severity) == ("nothing-decoded", "note")
    assert note.explanation == "no WebSocket or HTTP was decoded: no TCP connection"
    unknown, nothing = read(pcap([bytes(40)] * 2, link=189)).file_findings
    assert nothing == note
    words = "2 packets of link type 189, which scapy does not know; they count as other"
    assert (unknown.rule, unknown.severity, unknown.explanation) == ("packets-not-decoded", "note", words)
    for snap in (0, 10, 14, 20, 34, 40):
        cut, _ = Talk().open().client(b"abc", 0).capture(snap=snap).file_findings
        assert cut.explanation == "4 packets with headers that are cut; they count as other"
    headers_only = Talk().open().client(b"abc", 0).capture(snap=54).file_findings
    assert [finding.rule for finding in headers_only] == ["nothing-decoded"]


def test_packets_without_tcp_are_no_finding() -> None:
    udp = MAC + b"\x08\x00" + bytes(IP(proto=17) / Raw(bytes(80)))
    fragment = MAC + b"\x08\x00" + bytes(IP(frag=4, proto=6) / Raw(bytes(80)))
    for packet in (udp, fragment, MAC + b"\x08\x06" + bytes(60)):
        for snap in (len(packet), 60, 38):
            file = section() + interface(1) + enhanced(packet[:snap], 1, length=len(packet))
            assert [finding.rule for finding in read(file).file_findings] == ["nothing-decoded"]
