"""Files to packets: formats, link types, times, and files that are cut, damaged, or lie."""

from __future__ import annotations

import gzip
import random
import struct
from pathlib import Path

import pytest

from tests.capture.build import (
    START,
    Talk,
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
from wsviz import CaptureError
from wsviz.capture.capture import Capture, read_capture

from scapy.layers.inet import ICMP, IP, TCP, UDP  # isort: skip
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop  # isort: skip
from scapy.layers.l2 import GRE, Dot1AD, Dot1Q, Ether  # isort: skip
from scapy.packet import Packet, Raw  # isort: skip

MAC = bytes.fromhex("020000000002 020000000001".replace(" ", ""))
TCP_ABC = TCP(sport=40000, dport=80, seq=7, ack=9, flags="PA") / Raw(b"abc")
V4 = IP(src="192.0.2.1", dst="192.0.2.2") / TCP_ABC
V4_OPTIONS = IP(src="192.0.2.1", dst="192.0.2.2", options=b"\x01\x01\x01\x00") / TCP_ABC
V6 = IPv6(src="2001:db8::1", dst="2001:db8::2") / TCP_ABC
V6_EXTENSIONS = IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP_ABC
SLL = bytes.fromhex("0004 0001 0006 020000000001 0000 0800".replace(" ", ""))
SLL2 = bytes.fromhex("0800 0000 00000001 0001 00 06 020000000001 0000".replace(" ", ""))

# Name, link type, packet, bytes of the link layer's header, bytes of the IP header.
LINKS: list[tuple[str, int, bytes, int, int]] = [
    ("Ethernet", 1, MAC + b"\x08\x00" + bytes(V4), 14, 20),
    ("Ethernet, IPv6", 1, MAC + b"\x86\xdd" + bytes(V6), 14, 40),
    ("Ethernet, IPv4 with options", 1, MAC + b"\x08\x00" + bytes(V4_OPTIONS), 14, 24),
    ("Ethernet, IPv6 with extension headers", 1, MAC + b"\x86\xdd" + bytes(V6_EXTENSIONS), 14, 56),
    ("VLAN", 1, MAC + b"\x81\x00\x00\x05\x08\x00" + bytes(V4), 18, 20),
    ("QinQ", 1, MAC + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00" + bytes(V4), 22, 20),
    ("PPPoE", 1, MAC + b"\x88\x64\x11\x00\x00\x01\x00\x2d\x00\x21" + bytes(V4), 22, 20),
    ("Linux cooked", 113, SLL + bytes(V4), 16, 20),
    ("Linux cooked 2", 276, SLL2 + bytes(V4), 20, 20),
    ("BSD NULL, little endian", 0, b"\x02\0\0\0" + bytes(V4), 4, 20),
    ("BSD NULL, big endian", 0, b"\0\0\0\x02" + bytes(V4), 4, 20),
    ("BSD NULL, IPv6, big endian", 0, b"\0\0\0\x18" + bytes(V6), 4, 40),
    ("BSD NULL, IPv6 of NetBSD", 0, b"\x18\0\0\0" + bytes(V6), 4, 40),
    ("BSD NULL, IPv6 of FreeBSD", 0, b"\x1c\0\0\0" + bytes(V6), 4, 40),
    ("BSD NULL, IPv6 of macOS", 0, b"\x1e\0\0\0" + bytes(V6), 4, 40),
    ("BSD LOOP", 108, b"\0\0\0\x02" + bytes(V4), 4, 20),
    ("BSD LOOP, IPv6", 108, b"\0\0\0\x18" + bytes(V6), 4, 40),
    ("raw IP, IPv4", 101, bytes(V4), 0, 20),
    ("raw IP, IPv6", 101, bytes(V6), 0, 40),
    ("raw IP as numbered on BSD", 12, bytes(V4), 0, 20),
    ("raw IP as numbered on OpenBSD", 14, bytes(V6), 0, 40),
    ("IPv4", 228, bytes(V4), 0, 20),
    ("IPv6", 229, bytes(V6), 0, 40),
]


@pytest.mark.parametrize(
    ("link", "packet", "header", "ip"), [row[1:] for row in LINKS], ids=[row[0] for row in LINKS]
)
def test_link_types(link: int, packet: bytes, header: int, ip: int) -> None:
    for file in (pcap([packet], link=link), pcapng([packet], link=link)):
        capture = read(file)
        row = capture.packets.iloc[0]
        assert (row["sender"], row["flags"], row["seq"], row["ack"]) == ("client", "PSH,ACK", 7, 9)
        assert (row["payload_length"], row["length"], row["captured"]) == (3, len(packet), len(packet))
        ledger = capture.overhead().iloc[0]
        assert (ledger["link"], ledger["ip"], ledger["tcp"]) == (header, ip, 20)
        assert (ledger["padding"], ledger["other"]) == (0, 3)
        (connection,) = capture.connections
        six = b"\x20\x01\x0d\xb8" in packet
        assert str(connection.client) == ("[2001:db8::1]:40000" if six else "192.0.2.1:40000")
        assert damage(capture) == []


def damage(capture: Capture) -> list[str]:
    """What is wrong with the file itself; notes say that most packets here carry no HTTP, which is no damage."""
    return [finding.rule for finding in capture.file_findings if finding.severity != "note"]


PACKETS = [bytes(packet) for packet in Talk().open().client(b"abc", 0).packets]


# Name, file. The packets come a microsecond apart, so every resolution tells the same times.
FORMATS: list[tuple[str, bytes]] = [
    ("pcap, little endian, us", pcap(PACKETS)),
    ("pcap, big endian, us", pcap(PACKETS, endian=">")),
    ("pcap, little endian, ns", pcap(PACKETS, nano=True)),
    ("pcap, big endian, ns", pcap(PACKETS, endian=">", nano=True)),
    ("pcapng, little endian, us", pcapng(PACKETS, resolution=6)),
    ("pcapng, big endian, us", pcapng(PACKETS, endian=">", resolution=6)),
    ("pcapng, little endian, ns", pcapng(PACKETS)),
    ("pcapng, big endian, ns", pcapng(PACKETS, endian=">")),
]


@pytest.mark.parametrize("file", [row[1] for row in FORMATS], ids=[row[0] for row in FORMATS])
def test_formats(file: bytes, tmp_path: Path) -> None:
    for name, content in (("plain", file), ("packed.gz", gzip.compress(file))):
        path = tmp_path / name
        path.write_bytes(content)
        for capture in (read_capture(path), read_capture(str(path))):
            assert capture.packet_count == 4
            assert [capture._packets.raw(index) for index in range(4)] == PACKETS
            assert capture.packets["time"].astype("int64").to_list() == times(4)
            assert damage(capture) == []
            assert capture.name == str(path)


# Resolution (if_tsresol), the ticks of a packet, its time in ns.
TICKS = [
    (None, 1_700_000_000_123_456, 1_700_000_000_123_456_000),  # microseconds where nothing is said
    (0, 1_700_000_000, 1_700_000_000_000_000_000),
    (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
    (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
    (12, 1_700_000_000_123_456_789, 1_700_000_000_123_456),  # what lies below a ns is cut off
    (0x80 | 10, 1_700_000_000 * 1024 + 512, 1_700_000_000_500_000_000),  # powers of two
    (0x80 | 30, (1_700_000_000 << 30) + 1, 1_700_000_000_000_000_000),
]


@pytest.mark.parametrize(("resolution", "ticks", "time"), TICKS)
def test_times_are_exact_to_the_ns(resolution: int | None, ticks: int, time: int) -> None:
    capture = read(section() + interface(1, resolution=resolution) + enhanced(PACKETS[0], ticks))
    assert capture.packets["time"].astype("int64").to_list() == [time]


def test_every_last_digit_of_a_ns_counts() -> None:
    file = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1)
    for nanoseconds in (0, 1, 999_999_999):
        file += struct.pack("<IIII", 4_294_967_295, nanoseconds, len(PACKETS[0]), len(PACKETS[0])) + PACKETS[0]
    expected = [4_294_967_295_000_000_000 + nanoseconds for nanoseconds in (0, 1, 999_999_999)]
    assert read(file).packets["time"].astype("int64").to_list() == expected


def test_interfaces_with_link_types_and_resolutions_of_their_own() -> None:
    file = section() + interface(1, resolution=9) + interface(101, resolution=6) + interface(113, resolution=3)
    file += enhanced(MAC + b"\x08\x00" + bytes(V4), START, 0)
    file += enhanced(bytes(V4), START // 1000, 1)
    file += enhanced(SLL + bytes(V4), START // 1_000_000, 2)
    capture = read(file)
    assert capture.packets["time"].astype("int64").to_list() == [START] * 3
    assert capture.packets["connection"].to_list() == [0, 0, 0]
    assert capture.overhead()["link"].to_list() == [14 + 0 + 16]


def test_sections_have_interfaces_and_byte_orders_of_their_own() -> None:
    ethernet, raw = pcapng([MAC + b"\x08\x00" + bytes(V4)]), pcapng([bytes(V4)], link=101, endian=">")
    capture = read(ethernet + raw)
    assert capture.overhead()["link"].to_list() == [14]
    assert capture.packets["payload_length"].to_list() == [3, 3]
    assert damage(capture) == []


def test_a_simple_packet_block_has_no_time() -> None:
    packet = PACKETS[3]
    file = section() + block(1, struct.pack("<HHI", 1, 0, 65535)) + block(3, struct.pack("<I", len(packet)) + packet)
    capture = read(file)
    assert capture.packets[["length", "payload_length"]].to_numpy().tolist() == [[len(packet), 3]]


def test_other_blocks_are_no_trouble() -> None:
    secrets = block(10, struct.pack("<II", 0x57474B4C, 4) + b"key\n")  # a WireGuard key log
    names, statistics = block(4, bytes(4)), block(5, struct.pack("<III", 0, 0, 0))
    for other in (secrets, names, statistics, block(0x0BAD, b"own")):
        for file in (other + enhanced(PACKETS[0], 1), enhanced(PACKETS[0], 1) + other):
            capture = read(section() + interface(1) + file)
            assert (capture.packet_count, damage(capture)) == (1, [])


def ends_of_records(file: bytes) -> list[int]:
    """Where the file's packets end: a pcap record has a header of 16 bytes, a pcapng block says its length."""
    at, ends = 24, [24]
    if file.startswith(b"\x0a\x0d"):
        at, ends = 0, []
    while at < len(file):
        if file.startswith(b"\x0a\x0d"):
            at += struct.unpack_from("<I", file, at + 4)[0]
        else:
            at += 16 + struct.unpack_from("<I", file, at + 8)[0]
        ends.append(at)
    return ends


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_file_cut_at_every_byte(kind: str) -> None:
    file = pcap(PACKETS) if kind == "pcap" else pcapng(PACKETS)
    ends = ends_of_records(file)
    before_packets = 1 if kind == "pcap" else 2  # the file's header; the section's and the interface's
    for cut in range(len(file)):
        if cut < ends[0]:
            with pytest.raises(CaptureError, match=r"made.pcap: (the file|no pcap)"):
                read(file[:cut])
            continue
        capture = read(file[:cut])
        whole = max(sum(end <= cut for end in ends) - before_packets, 0)
        assert capture.packet_count >= whole, cut
        assert [capture._packets.raw(index) for index in range(whole)] == PACKETS[:whole]
        assert damage(capture) == ([] if cut in ends else ["file-cut"]), cut
        assert_conserved(capture, ["connection"])


def test_a_gzip_file_cut_at_every_byte() -> None:
    file = gzip.compress(pcap(PACKETS * 3), mtime=0)
    for cut in range(len(file)):
        try:
            capture = read(file[:cut])
        except CaptureError:
            continue
        assert capture.packet_count <= 12
        # Cut within gzip's trailer, the packets are all there, and the checksum is not.
        assert damage(capture) == ["file-cut"], cut
    assert damage(read(file)) == []


@pytest.mark.parametrize("kind", ["pcap", "pcapng", "gzip"])
def test_flipped_bits_are_never_another_exception(kind: str) -> None:
    whole = pcapng(PACKETS) if kind == "pcapng" else pcap(PACKETS)
    whole = gzip.compress(whole, mtime=0) if kind == "gzip" else whole
    rng = random.Random(6455)
    for _ in range(150):
        file = bytearray(whole)
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            file[rng.randrange(len(file))] ^= 1 << rng.randrange(8)
        try:
            capture = read(bytes(file))
        except CaptureError as error:
            assert str(error).startswith("made.pcap: ")
            continue
        assert_conserved(capture, ["connection"])


NO_CAPTURES = [
    (b"", "the file is empty"),
    (b"\xd4\xc3\xb2\xa1", "the file's header is cut or damaged"),
    (b"\x0a\x0d\x0d\x0a" + bytes(24), "the file's header is cut or damaged"),
    (b"<!doctype html>", "no pcap or pcapng file: it begins with 3c 21 64 6f"),
    (b"ab", "no pcap or pcapng file: it begins with 61 62"),
    (b"\x1f\x8b\x08\x00", "no pcap or pcapng file: it cannot be decompressed"),
    (b"\x1f\x8b" + bytes(40), "no pcap or pcapng file: it cannot be decompressed"),
    (gzip.compress(b"<!doctype html>", mtime=0), "no pcap or pcapng file: it begins with 3c 21 64 6f"),
    (gzip.compress(b"", mtime=0), "the file is empty"),
]


@pytest.mark.parametrize(("content", "reason"), NO_CAPTURES)
def test_no_capture(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "file.pcap"
    path.write_bytes(content)
    with pytest.raises(CaptureError) as raised:
        read_capture(path)
    assert str(raised.value) == f"{path}: {reason}"
    assert raised.value.__suppress_context__, "no traceback of scapy's stands above it"
    assert raised.value.__cause__ is None


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"missing\.pcap: no such file"):
        read_capture(tmp_path / "missing.pcap")
    with pytest.raises(CaptureError, match="a directory, expected a pcap or pcapng file"):
        read_capture(tmp_path)
    (tmp_path / "file").write_bytes(pcap(PACKETS))
    with pytest.raises(CaptureError, match="Not a directory"):
        read_capture(tmp_path / "file" / "below")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    with pytest.raises(CaptureError, match="loop: "):
        read_capture(loop)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")  # what the superuser, who runs some tests, never meets

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CaptureError, match=r"secret\.pcap: Permission denied"):
        read_capture(tmp_path / "secret.pcap")


def test_no_packets() -> None:
    for file in (pcap([]), pcapng([]), section()):
        capture = read(file)
        assert (capture.packet_count, len(capture.connections), capture.wire_bytes) == (0, 0, 0)
        assert len(capture.summary) == len(capture.overhead()) == 0


def lying(**fields: int) -> bytes:
    packet = Ether(MAC + b"\x08\x00" + bytes(V4))
    for name, value in fields.items():
        layer = IP if name in ("len", "ihl") else TCP
        packet[layer].setfieldval(name, value)
    return bytes(packet)


# Name, packet, payload length; None where it is no TCP packet that can be read.
LIES: list[tuple[str, bytes, int | None]] = [
    ("the IP length is beyond the packet", lying(len=65535), 3),
    ("the IP length is within the TCP header", lying(len=30), None),
    ("the IP length is within the IP header", lying(len=10), None),
    ("the IP header is longer than the packet", lying(ihl=15), None),
    ("the data begins beyond the packet", lying(dataofs=15), None),
    ("the data begins within the TCP header", lying(dataofs=2), 3),
]


@pytest.mark.parametrize(("packet", "length"), [row[1:] for row in LIES], ids=[row[0] for row in LIES])
def test_lengths_that_lie_within_the_packet(packet: bytes, length: int | None) -> None:
    capture = read(pcap([packet]))
    payload = capture.packets["payload_length"]
    assert (payload.to_list() == [length]) if length is not None else payload.isna().all()
    assert_conserved(capture)
    assert capture.wire_bytes == len(packet)


def test_a_record_that_says_it_has_4_gb() -> None:
    file = pcap(PACKETS) + struct.pack("<IIII", 0, 0, 2**32 - 1, 2**32 - 1) + PACKETS[0]
    capture = read(file)
    assert damage(capture) == ["file-cut", "record-length-wrong"]
    assert capture.packet_count == 5
    assert capture.wire_bytes == sum(map(len, PACKETS)) + len(PACKETS[0])
    cut, wrong = (finding.explanation for finding in capture.file_findings[:2])
    assert cut == "the last record is cut; 5 packets were read, the last of them in part"
    assert wrong.startswith("1 record claims more than 262,144 bytes on the wire; ")
    assert_conserved(capture)
    file = pcapng(PACKETS) + struct.pack("<II", 6, 2**32 - 4) + bytes(40)
    capture = read(file)
    assert (damage(capture), capture.packet_count) == (["file-cut"], 4)


def test_a_wire_length_below_what_was_captured() -> None:
    file = section() + interface(1) + enhanced(PACKETS[3], 1, length=3)
    capture = read(file)
    assert capture.wire_bytes == len(PACKETS[3])
    assert_conserved(capture)


# What carries no TCP of its own: it stands in a row without a connection.
ABC = MAC + b"\x08\x00" + bytes(V4)
OUTSIDE: list[tuple[str, int, bytes | Packet]] = [
    ("ARP", 1, MAC + b"\x08\x06" + bytes(28)),
    ("UDP", 1, MAC + b"\x08\x00" + bytes(IP(proto=17) / Raw(bytes(8)))),
    ("ICMP that quotes a TCP packet", 1, MAC + b"\x08\x00" + bytes(IP(src="192.0.2.9") / ICMP(type=3) / V4)),
    ("a later fragment", 1, MAC + b"\x08\x00" + bytes(IP(frag=4, proto=6) / Raw(bytes(40)))),
    ("a link type that nobody knows", 299, ABC),
    ("an Ethernet header alone", 1, MAC + b"\x08\x00"),
    ("nothing", 1, b""),
    ("a TCP header that is cut", 1, ABC[: 14 + 20 + 19]),
]


@pytest.mark.parametrize(("link", "packet"), [row[1:] for row in OUTSIDE], ids=[row[0] for row in OUTSIDE])
def test_what_is_no_tcp_is_counted_and_kept_apart(link: int, packet: bytes) -> None:
    capture = read(pcapng([packet], link=link))
    assert not len(capture.connections)
    assert capture.packets["connection"].isna().all()
    assert capture.overhead()["other"].to_list() == ([len(packet)] if packet else [])
    assert_conserved(capture)


def tunnels() -> list[Packet]:
    return [
        Ether(MAC + b"\x08\x00" + bytes(IP(src="198.51.100.1", dst="198.51.100.2", proto=4) / V4)),
        Ether() / Dot1AD(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / V4,
    ]


def test_the_innermost_ip_header_counts() -> None:
    capture = read(pcap(map(bytes, tunnels())))
    assert str(capture.connections[0].client) == "192.0.2.1:40000"
    assert capture.overhead()[["link", "ip"]].to_numpy().tolist() == [[14 + 20 + 14 + 12, 40]]


OUTER = IP(src="198.51.100.1", dst="198.51.100.2")
INNER = MAC + b"\x08\x00" + bytes(V4)
# Name, packet, bytes before the innermost IP header.
TUNNELLED: list[tuple[str, bytes, int]] = [
    ("GRE", bytes(OUTER / GRE(proto=0x0800) / V4), 20 + 4),
    ("VXLAN", bytes(OUTER / UDP(sport=49152, dport=4789) / Raw(b"\x08\0\0\0\0\0\1\0" + INNER)), 20 + 8 + 8 + 14),
    ("Geneve", bytes(OUTER / UDP(sport=49152, dport=6081) / Raw(b"\0\0\x65\x58\0\0\1\0" + INNER)), 20 + 8 + 8 + 14),
    ("GTP", bytes(OUTER / UDP(sport=49152, dport=2152) / Raw(b"\x30\xff\0\x2b\0\0\0\1" + bytes(V4))), 20 + 8 + 8),
]


@pytest.mark.parametrize(("packet", "before"), [row[1:] for row in TUNNELLED], ids=[row[0] for row in TUNNELLED])
def test_tcp_within_a_tunnel(packet: bytes, before: int) -> None:
    capture = read(pcap([packet], link=101))
    assert str(capture.connections[0].client) == "192.0.2.1:40000"
    assert capture.packets["payload_length"].to_list() == [3]
    assert capture.overhead()[["link", "ip", "tcp"]].to_numpy().tolist() == [[before, 20, 20]]


def test_reading_leaves_no_trace_in_scapys_log(capfd: pytest.CaptureFixture[str]) -> None:
    capture: Capture = read(pcap(PACKETS)[:-1])
    assert damage(capture)
    out = capfd.readouterr()
    assert (out.out, out.err) == ("", "")
