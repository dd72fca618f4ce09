"""What is said of a capture file itself: cut, damaged, too large, or with nothing in it that could be decoded."""

from __future__ import annotations

import gzip

import pytest

from tests.capture.build import Talk, assert_conserved, enhanced, interface, pcap, pcapng, read, section
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


def ip(protocol: int, payload: bytes, **fields: int) -> bytes:
    return MAC + b"\x08\x00" + bytes(IP(proto=protocol, **fields) / Raw(payload))


def ip6(protocol: int, payload: bytes) -> bytes:
    return (
        MAC
        + b"\x86\xdd"
        + b"\x60\0\0\0"
        + len(payload).to_bytes(2, "big")
        + bytes([protocol, 64])
        + bytes(32)
        + payload
    )


def wlan(control: str, body: bytes = bytes(60)) -> bytes:
    """A frame of 802.11 with radiotap, from its frame control on."""
    return bytes.fromhex("0000080000000000" + control + "0000") + MAC + MAC[:6] + b"\x10\0" + body


# Name, link type, packet: what is no TCP, and no fault.
PLAIN: list[tuple[str, int, bytes]] = [
    ("ARP", 1, MAC + b"\x08\x06" + bytes(60)),
    ("ICMP", 1, ip(1, bytes(80))),
    ("a fragment of ICMP", 1, ip(1, bytes(80), frag=4)),
    ("ICMP that quotes a TCP packet", 1, ip(1, bytes([3, 1, 0, 0, 0, 0, 0, 0]) + PACKETS[3][14:])),
    ("ICMPv6", 1, ip6(58, bytes([128]) + bytes(39))),
    ("ICMPv6, a later fragment", 1, ip6(44, b"\x3a\0\0\x10" + bytes(40))),
    ("ICMPv6 behind options", 1, ip6(0, bytes([58, 0, 1, 4, 0, 0, 0, 0, 143]) + bytes(27))),
    ("UDP", 1, ip(17, bytes(80))),
    ("IGMP", 1, ip(2, bytes(80))),
    ("SCTP", 1, ip(132, bytes(80))),
    ("LLDP", 1, MAC + b"\x88\xcc" + bytes(50)),
    ("spanning tree", 1, MAC + b"\0\x26\x42\x42\3" + bytes(40)),
    ("a vendor's own protocol behind SNAP", 1, MAC + b"\0\x40\xaa\xaa\3\0\0\x0c\x20\0" + bytes(60)),
    ("PPPoE discovery", 1, MAC + b"\x88\x63\x11\x09\0\0\0\4\1\1\0\0"),
    ("PPP control", 1, MAC + b"\x88\x64\x11\0\0\1\0\x0a\xc0\x21\1\1\0\4" + bytes(4)),
    ("L2TP control", 1, ip(17, bytes.fromhex("06a5 06a5 0014 0000 c802 000c 0001 0000 0000 0000") + bytes(8))),
    ("GTP echo", 1, ip(17, bytes.fromhex("0868 0868 0014 0000 3201 0004 0000 0000 0001 0000") + bytes(8))),
    ("a beacon", 127, wlan("8000")),
    ("802.11, no data", 127, wlan("4801", b"")),
    ("nothing", 1, b""),
]


@pytest.mark.parametrize(("link", "packet"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_packets_without_tcp_are_no_finding(link: int, packet: bytes) -> None:
    for snap in (len(packet), 64, 64 if b"\x86\xdd" in packet else 38):  # not within the headers that tell it
        file = section() + interface(link) + enhanced(packet[:snap], 1, length=len(packet))
        assert [finding.rule for finding in read(file).file_findings] == ["nothing-decoded"]


WRONG, LATER = "header that cannot be right", "with a later fragment of an IP packet, not put together"
DATA = PACKETS[3]
# Name, link type, packet, what is said of it.
NOT_READ: list[tuple[str, int, bytes, str]] = [
    ("a later fragment", 1, ip(6, bytes(80), frag=4), LATER),
    ("a later fragment of UDP", 1, ip(17, bytes(80), frag=4), LATER),
    ("a later fragment of GRE", 1, ip(47, bytes(80), frag=4), LATER),
    ("a later fragment of IPv6", 1, ip6(44, b"\6\0\0\x10" + bytes(40)), LATER),
    ("a later fragment in a tunnel", 1, ip(4, bytes(IP(proto=6, frag=4) / Raw(bytes(80)))), LATER),
    ("an IPv4 header of 12 bytes", 1, DATA[:14] + b"\x43" + DATA[15:], f"with an IPv4 {WRONG}"),
    ("an IPv4 packet of 10 bytes", 1, DATA[:16] + b"\0\x0a" + DATA[18:], f"with an IPv4 {WRONG}"),
    ("raw IP that is none", 101, b"\x10" * 60, f"with an IPv4 {WRONG}"),
    ("a TCP header of 60 bytes", 1, DATA[:46] + b"\xf0" + DATA[47:], f"with a TCP {WRONG}"),
    ("an IP packet that ends within TCP", 1, DATA[:16] + b"\0\x1e" + DATA[18:], f"with a TCP {WRONG}"),
    ("a packet that ends within Ethernet", 1, MAC, "with headers that are cut"),
    ("a packet that ends before IP", 1, MAC + b"\x08\0", "with headers that are cut"),
    ("a packet that ends within radiotap", 127, bytes(5), "with headers that are cut"),
    ("802.11, encrypted", 127, wlan("0841"), "of encrypted 802.11"),
    ("802.11, QoS, encrypted", 127, wlan("8841"), "of encrypted 802.11"),
    ("802.11, A-MSDU", 127, wlan("8801", b"\x80\0" + bytes(60)), "of 802.11 with several in one frame (A-MSDU)"),
    ("ESP", 1, ip(50, bytes(80)), "of IPsec (ESP), which is not read"),
    ("AH in IPv6", 1, ip6(51, bytes(80)), "of IPsec (AH), which is not read"),
    ("MACsec", 1, MAC + b"\x88\xe5" + bytes(40), "of EtherType 0x88e5, which is not read"),
    (
        "an unknown EtherType in a VLAN",
        1,
        MAC + b"\x81\0\0\5\x12\x34" + bytes(40),
        "of EtherType 0x1234, which is not read",
    ),
    ("GRE with something unknown", 1, ip(47, b"\0\0\x12\x34" + bytes(40)), "of EtherType 0x1234, which is not read"),
    ("PPP, compressed", 9, b"\xff\3\0\xfd" + bytes(30), "of PPP Link Layer, which leads to nothing known"),
    ("BSD loopback, AppleTalk", 0, b"\x10\0\0\0" + bytes(40), "of BSD loopback with an unknown address family"),
]


@pytest.mark.parametrize(("link", "packet", "words"), [row[1:] for row in NOT_READ], ids=[row[0] for row in NOT_READ])
def test_what_keeps_a_packet_from_being_read_is_said(link: int, packet: bytes, words: str) -> None:
    for number in (1, 3):
        capture = read(pcap([packet] * number, link=link))
        finding, _ = capture.file_findings
        noun = "packet" if number == 1 else "packets"
        assert (finding.rule, finding.severity) == ("packets-not-decoded", "note")
        assert finding.explanation == f"{number} {noun} {words}; they count as other"
        assert_conserved(capture)


def test_only_so_many_kinds_are_told_one_by_one() -> None:
    common, rare = (
        MAC + b"\x12\x33" + bytes(40),
        [MAC + (0x2000 + n).to_bytes(2, "big") + bytes(40) for n in range(300)],
    )
    words = read(pcap([*rare, common, common])).file_findings[0].explanation
    assert words.startswith("2 packets of EtherType 0x1233, which is not read; 1 packet of EtherType 0x2000, which")
    assert words.endswith("; 293 packets of 293 other kinds; they count as other")
