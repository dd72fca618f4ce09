"""The walk over the records of a file: as scapy's reader walks it, whatever is wrong with the file."""

from __future__ import annotations

import gzip
import io
import random
import struct
import time
from collections.abc import Callable

import numpy as np
import pytest

from tests.capture.build import START, Talk, block, enhanced, interface, pcap, pcapng, read, section
from tests.capture.scapy_lane import assert_equal, read_by_scapy
from wsviz import CaptureError
from wsviz.capture import packets as lane
from wsviz.capture.packets import PACKET, PacketReader, PacketTable, read_packets_from
from wsviz.capture.pcap_records import LARGEST_PACKET, walk_records

PACKETS = [bytes(packet) for packet in Talk().open().client(b"abc", 0).packets]
SYN, SYN_ACK, ACK, DATA = PACKETS


def simple(packet: bytes, endian: str = "<", length: int | None = None) -> bytes:
    """A Simple Packet Block."""
    return block(3, struct.pack(endian + "I", len(packet) if length is None else length) + packet, endian)


def old(packet: bytes, ticks: int, interface_id: int, endian: str = "<") -> bytes:
    """An obsolete Packet Block, with 7 packets dropped before it."""
    head = (interface_id, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), len(packet) + 9)
    return block(2, struct.pack(endian + "HH4I", *head) + packet, endian)


def medley(endian: str) -> bytes:
    """A section with every kind of packet block, three interfaces, and blocks of other kinds between them."""
    comment = block(1, struct.pack(endian + "HHIHH4sHHB3x", 1, 0, 60, 1, 4, b"wifi", 9, 1, 3), endian)
    file = section(endian) + interface(1, endian, 9) + interface(101, endian, 0x80 | 20)
    file += enhanced(SYN, START, 0, endian) + simple(SYN_ACK, endian) + enhanced(ACK[14:], 12345 << 20, 1, endian)
    file += block(4, bytes(4), endian) + comment + old(DATA, 1_700_000_000_123, 2, endian)
    return file + enhanced(DATA, 1_700_000_000_456, 2, endian) + block(0x0BAD, b"own", endian)


FILES = {
    "pcap, little endian": pcap(PACKETS),
    "pcap, big endian, ns": pcap(PACKETS, endian=">", nano=True),
    "pcapng": pcapng(PACKETS),
    "pcapng, big endian, us": pcapng(PACKETS, endian=">", resolution=6),
    "pcapng, little endian medley": medley("<"),
    "pcapng, sections of both byte orders": medley(">") + medley("<") + medley(">"),
    "pcapng, no packets": section() + interface(1),
    "pcapng, a section alone": section(">"),
    "pcap, no packets": pcap([]),
}
RESOLUTIONS = [0, 3, 6, 9, 10, 12, 30, 127, 128, 138, 158, 191, 255]


def outcome(reader: Callable[[bytes], PacketTable], file: bytes) -> PacketTable | str:
    try:
        return reader(file)
    except CaptureError as error:
        return str(error)


def ours(file: bytes) -> PacketTable:
    return read_packets_from(io.BytesIO(file), "made.pcap")


def in_chunks(file: bytes, chunk: int = 150) -> PacketTable:
    """What `ours` gives, put together from chunks of about so many bytes."""
    reader, rows, data = PacketReader(io.BytesIO(file), "made.pcap", chunk=chunk), [np.zeros(0, PACKET)], bytearray()
    for part in reader:
        assert part.first == sum(map(len, rows))
        part.rows["offset"] += len(data)
        rows.append(part.rows)
        data += part.data
    words = (
        reader.trouble,
        reader.last_in_part and reader.trouble is not None,
        reader.wrong_lengths,
        reader.after_gzip,
    )
    return PacketTable(np.concatenate(rows), data, tuple(reader.addresses), *words, reader.secrets)


def check(file: bytes) -> PacketTable | str:
    """Read a file in both lanes, and in chunks: the same packets, or the same error."""
    mine = outcome(ours, file)
    for reader in (read_by_scapy, in_chunks):
        other = outcome(reader, file)
        if isinstance(mine, PacketTable) and isinstance(other, PacketTable):
            assert_equal(mine, other)
        else:
            assert mine == other
    return mine


@pytest.fixture
def scapy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("scapy was asked")

    monkeypatch.setattr(lane.PacketReader, "_by_scapy", refuse)


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
@pytest.mark.usefixtures("scapy_is_not_asked")
def test_formats(file: bytes) -> None:
    check(file)
    check(gzip.compress(file, mtime=0))


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_a_file_cut_at_every_byte(file: bytes) -> None:
    for cut in range(len(file)):
        check(file[:cut])


@pytest.mark.usefixtures("scapy_is_not_asked")
def test_a_cut_record_needs_no_scapy() -> None:
    assert ours(pcap(PACKETS)[:-1]).trouble == ours(pcapng(PACKETS)[:-1]).trouble == "the last record is cut"


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("endian", "<>")
def test_times(resolution: int, endian: str) -> None:
    ticks = (0, 1, 999_999_999, 2**32, 1_700_000_000 << 20, 2**63 - 1, 2**63, 2**64 - 1)
    file = section(endian) + interface(1, endian, resolution)
    check(file + b"".join(enhanced(SYN, tick, 0, endian) for tick in ticks))


def test_interfaces_that_the_file_does_not_describe() -> None:
    number = 2**32 - 1
    file = section() + enhanced(SYN, START // 1000, number) + simple(SYN) + interface(1) + enhanced(SYN, 0, 1)
    file += enhanced(DATA, START // 1000, 0) + section(">") + enhanced(DATA, 0, 0, ">") + old(DATA, 0, 65535, ">")
    table = check(file)
    assert isinstance(table, PacketTable)
    assert table.rows["tcp_packet"].tolist() == [False] * 3 + [True] + [False] * 2
    found = [finding.explanation for finding in read(file).file_findings if finding.rule == "packets-not-decoded"]
    assert found == ["5 packets of an interface that the file does not describe; they count as other"]


@pytest.mark.parametrize(("snap", "captured"), [(0, len(DATA)), (20, 20), (65535, len(DATA)), (2**32 - 1, len(DATA))])
def test_the_snap_length_of_a_simple_packet_block(snap: int, captured: int) -> None:
    table = check(section() + block(1, struct.pack("<HHI", 1, 0, snap)) + simple(DATA[:captured], length=len(DATA)))
    assert isinstance(table, PacketTable)
    assert table.rows[["captured", "length"]].tolist() == [(captured, len(DATA))]


# Files with one field that lies: the captured length, the length on the wire, a block's own lengths.
LIES = {
    "pcap: more captured than the file has": pcap(PACKETS) + struct.pack("<IIII", 0, 0, 2**32 - 1, 60) + SYN,
    "pcap: more captured than on the wire": pcap(PACKETS) + struct.pack("<IIII", 0, 0, len(SYN), 1) + SYN,
    "pcap: 4 GB on the wire": pcap(PACKETS)
    + struct.pack("<IIII", 0, 0, len(SYN), 2**32 - 1)
    + SYN
    + pcap([SYN])[24:],
    "pcap: a packet larger than any": pcap([*PACKETS, bytes(LARGEST_PACKET + 9), SYN]),
    "pcap: nothing captured": pcap([b"", SYN, b""]),
    "pcapng: a packet larger than any": pcapng([*PACKETS, bytes(LARGEST_PACKET + 9), SYN]),
    "pcapng: nothing captured": pcapng([b"", SYN, b""]),
    "pcapng: more captured than the block has": pcapng(PACKETS).replace(
        struct.pack("<II", len(SYN), len(SYN)), b"\xff" * 8
    ),
    "pcapng: a block of 4 GB": pcapng(PACKETS) + struct.pack("<II", 6, 2**32 - 4) + bytes(40),
    "pcapng: a block of no bytes": pcapng(PACKETS) + bytes(40),
    "pcapng: a block with an odd length": pcapng(PACKETS) + struct.pack("<II", 6, 41) + bytes(41),
    "pcapng: a block that ends with another length": pcapng(PACKETS)
    + block(5, bytes(8))[:-4]
    + bytes(4)
    + pcapng(PACKETS),
    "pcapng: a packet block too small": pcapng(PACKETS) + block(6, bytes(16)),
    "pcapng: an interface block too small": pcapng(PACKETS) + block(1, bytes(4)),
    "pcapng: a section of another version": pcapng(PACKETS) + section().replace(b"\1\0\0\0", b"\2\0\0\0"),
    "pcapng: a section without byte order": pcapng(PACKETS) + block(0x0A0D0D0A, bytes(16)),
    "pcapng: a section that is cut": pcapng(PACKETS) + section()[:-4],
}


@pytest.mark.parametrize("file", LIES.values(), ids=LIES)
def test_lengths_that_lie(file: bytes) -> None:
    table = check(file)
    assert isinstance(table, PacketTable)
    assert len(table.rows) >= 3


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_flipped_bits(file: bytes) -> None:
    rng = random.Random(6455)
    for _ in range(60):
        changed = bytearray(file)
        for _ in range(rng.choice((1, 1, 2, 4))):
            changed[rng.randrange(len(file))] = rng.choice((0, 1, 4, 12, 255, rng.randrange(256)))
        check(bytes(changed))


def test_sections_interfaces_and_lonely_packets_by_the_thousand() -> None:
    sections = walk_records((section() + interface(1) + section(">") + interface(1, ">")) * 20_000)
    lonely = walk_records(section() + enhanced(b"", 0, 5) * 50_000)
    assert sections is not None
    assert lonely is not None
    assert (len(sections.time), len(lonely.time)) == (0, 50_000)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_what_is_no_capture_is_not_read_to_its_end(pack: Callable[[bytes], bytes]) -> None:
    file = io.BytesIO(pack(random.Random(1).randbytes(1 << 20)))
    with pytest.raises(CaptureError, match="no pcap or pcapng file"):
        read_packets_from(file, "made.pcap")
    assert file.tell() < 1 << 18


def test_a_file_of_garbage_is_bounded() -> None:
    began = time.process_time()
    for magic in (pcap([]), section()):
        for filler in (bytes(1 << 20), b"\xff" * (1 << 20), random.Random(1).randbytes(1 << 20)):
            file = magic + filler
            assert ours(file).rows["captured"].sum(dtype="i8") <= len(file)
    assert time.process_time() - began < 60
