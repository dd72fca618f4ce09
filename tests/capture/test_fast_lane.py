"""Law 5: the fast lane and scapy's dissection give the same row for every packet."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.capture.build import enhanced, interface, pcap, section
from tests.capture.files import ALL, ECHO, OWN, ids
from tests.capture.scapy_lane import assert_equal, read_by_scapy
from tests.needs import SHARED, need
from wsviz.capture import packets as lane
from wsviz.capture.fast_headers import TUNNELS
from wsviz.capture.packets import PacketTable, read_packets_from

from scapy.layers.inet import IP, TCP, UDP, IPOption  # isort: skip
from scapy.layers.inet6 import IPv6  # isort: skip
from scapy.packet import Raw  # isort: skip

MAC = bytes(12)
V4, V6 = b"\x08\x00", b"\x86\xdd"


def read(file: bytes) -> PacketTable:
    return read_packets_from(io.BytesIO(file), "made.pcap")


def check(file: bytes) -> PacketTable:
    table = read(file)
    assert_equal(table, read_by_scapy(file))
    return table


@pytest.fixture
def scapy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("scapy was asked")

    monkeypatch.setattr(lane.PacketReader, "_by_scapy", refuse)
    monkeypatch.setattr(lane, "_decode_by_scapy", refuse)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_every_packet_of_every_capture(path: Path) -> None:
    if path.is_relative_to(SHARED):
        need("shared")
    assert len(check(path.read_bytes()).rows) > 0


@pytest.mark.parametrize("path", sorted(OWN.glob("*.pcapng")), ids=lambda path: path.stem)
@pytest.mark.usefixtures("scapy_is_not_asked")
def test_our_recordings_need_no_scapy(path: Path) -> None:
    assert read(path.read_bytes()).rows["tcp_packet"].any()


def test_scapy_is_not_even_imported() -> None:
    code = f"import wsviz, sys; c = wsviz.read_capture({str(ECHO)!r}); c.frame_columns(), c.file_findings; "
    code += "print('scapy' in sys.modules, len(c.connections))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "1"]


# Generated packets, from the outside in: what each layer may be, with the bytes that lead to the next.


def _ethernet(ethertype: bytes, tags: Sequence[bytes]) -> tuple[int, bytes]:
    return 1, MAC + b"".join(tags) + ethertype


def _links(ethertype: bytes) -> st.SearchStrategy[tuple[int, bytes]]:
    family = b"\x02" if ethertype == V4 else b"\x1e"
    tags = st.lists(st.sampled_from([b"\x81\x00\x00\x05", b"\x88\xa8\x20\x06"]), max_size=4)
    plain = [
        *(
            (113, bytes(14) + ethertype),
            (113, bytes(14) + b"\x81\x00\x00\x07" + ethertype),
            (276, ethertype + bytes(18)),
        ),
        *((link, word) for link in (0, 108) for word in (family + bytes(3), bytes(3) + family)),
        *((link, b"") for link in (12, 14, 101, 228 if ethertype == V4 else 229)),
    ]
    return st.builds(_ethernet, st.just(ethertype), tags) | st.sampled_from(plain)


@st.composite
def _tcp(draw: st.DrawFn) -> bytes:
    known = st.sampled_from([b"\x01", b"\x00", b"\x02\x04\x05\xb4", b"\x04\x02", b"\x03\x03\x07"])
    stamps, sack = st.binary(min_size=8, max_size=8).map(b"\x08\x0a".__add__), st.just(b"\x05\x0a" + bytes(8))
    options = b"".join(draw(st.lists(known | stamps | sack, max_size=4)))
    options = draw(st.just(options) | st.just(b"\x01\x01\x08\x0a" + bytes(8)) | st.binary(max_size=40))[:40]
    options += bytes(-len(options) % 4)
    head = draw(st.binary(min_size=20, max_size=20))
    size = draw(st.just(5 + len(options) // 4) | st.integers(0, 15))
    return head[:12] + bytes([size << 4 | head[12] & 0xF]) + head[13:] + options + draw(st.binary(max_size=20))


@st.composite
def _ipv4(draw: st.DrawFn) -> bytes:
    options = draw(st.just(b"") | st.binary(max_size=40))
    options += bytes(-len(options) % 4)
    protocol = draw(st.sampled_from([6, 6, 6, 6, 17, 1, 47, 4, 50, 132]))
    payload = draw(_tcp())
    size = 20 + len(options)
    total = draw(st.just(size + len(payload)) | st.just(0) | st.integers(0, 65535) | st.integers(0, 120))
    fragment = draw(st.sampled_from([0, 0, 0, 0x4000, 0x4000, 0x8000, 0x2000, 5]))
    first = draw(st.just(0x40 | size // 4) | st.integers(0, 255))
    head = (
        bytes([first, 0]) + total.to_bytes(2, "big") + b"\0\1" + fragment.to_bytes(2, "big") + bytes([64, protocol])
    )
    return head + draw(st.binary(min_size=10, max_size=10)) + options + payload


@st.composite
def _ipv6(draw: st.DrawFn) -> bytes:
    chain = draw(st.lists(st.sampled_from([0, 60, 60, 43, 44, 51]), max_size=3))
    protocols = [*chain, draw(st.sampled_from([6, 6, 6, 6, 17, 58, 59, 41]))]
    payload = b""
    for following in protocols[1:]:
        options = draw(
            st.sampled_from([b"\x01\x04\0\0\0\0", b"\0" * 6, b"\x05\x02\0\0\x01\0"])
            | st.binary(min_size=6, max_size=6)
        )
        payload += bytes([following, draw(st.sampled_from([0, 0, 0, 0, 1, 9]))]) + options
    payload += draw(_tcp())
    size = draw(st.just(len(payload)) | st.integers(0, 65535) | st.integers(0, 90))
    addresses = draw(
        st.binary(min_size=32, max_size=32) | st.just(bytes(31) + b"\1") | st.just(bytes(12) + b"\x01\2\3\4" * 5)
    )
    return b"\x60\0\0\0" + size.to_bytes(2, "big") + bytes([protocols[0], 64]) + addresses + payload


@st.composite
def _packet(draw: st.DrawFn) -> tuple[int, bytes]:
    ethertype = draw(st.sampled_from([V4, V4, V6]))
    link, head = draw(_links(ethertype))
    ip = draw(_ipv4() if ethertype == V4 else _ipv6())
    return link, head + ip + draw(st.binary(max_size=8))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_packet(), min_size=1, max_size=12), st.sampled_from([20, 54, 60, 66, 74, 90, 65535]))
@example([(1, MAC + b"\x88\xa8\0\1" * 6 + V4 + bytes(IP() / TCP()))], 65535)
@example([(101, b"\x60\0\0\0\0\x1c\0\x40" + bytes(32) + b"\x06\0\x01\3\0\0\0\5" + bytes(TCP()))], 65535)
@example([(113, bytes(14) + b"\x88\xa8\0\1" + V4 + bytes(IP() / TCP()))], 65535)
def test_generated_packets(packets: list[tuple[int, bytes]], snap: int) -> None:
    file = section() + b"".join(interface(link) for link, _ in packets)
    file += b"".join(enhanced(raw[:snap], n, n, length=len(raw)) for n, (_, raw) in enumerate(packets))
    check(file)


SAMPLES: dict[int, list[bytes]] = {
    1: [
        MAC + V4 + bytes(IP(src="192.0.2.1") / TCP(options=[("MSS", 1460), ("WScale", 7)]) / Raw(b"abc")),
        MAC
        + V4
        + bytes(IP(options=[IPOption(b"\x94\x04\0\0")]) / TCP(options=[("Timestamp", (29, 2))]) / Raw(b"abc")),
        MAC + b"\x81\0\0\5" + V6 + bytes(IPv6(src="2001:db8::1") / TCP() / Raw(b"abc")),
        MAC + V4 + bytes(IP() / UDP(dport=4754) / Raw(bytes(50))),
        MAC + V4 + bytes(IP() / UDP(dport=53) / Raw(bytes(50))),
        MAC + b"\x88\x64\x11\0\0\1\0\x2d\0\x21" + bytes(IP() / TCP()),
    ],
    101: [bytes(IP() / TCP() / Raw(b"abc")), bytes(IPv6() / TCP() / Raw(b"abc"))],
    0: [b"\x02\0\0\0" + bytes(IP() / TCP()), b"\0\0\0\x1e" + bytes(IPv6() / TCP())],
}


@pytest.mark.parametrize("link", SAMPLES)
def test_flipped_bits(link: int) -> None:
    """Packets that were sound until bits were turned, bytes cut off, or bytes added."""
    rng, packets = random.Random(link), []
    for _ in range(600):
        raw = bytearray(rng.choice(SAMPLES[link]))
        for _ in range(rng.choice((0, 1, 1, 2, 5))):
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        cut = rng.choice((len(raw), len(raw), rng.randrange(len(raw) + 1)))
        packets.append(bytes(raw[:cut]) + rng.randbytes(rng.choice((0, 0, 6))))
    assert check(pcap(packets, link=link)).rows["tcp_packet"].any()


@pytest.mark.usefixtures("scapy_is_not_asked")
def test_what_is_surely_no_tcp_is_decided_at_once() -> None:
    udp, icmp = bytes(IP() / UDP(dport=53) / Raw(bytes(50))), bytes(IP(proto=1) / Raw(bytes(50)))
    table = read(pcap([MAC + V4 + udp, MAC + V4 + icmp, MAC + b"\x08\x06" + bytes(46)]))
    assert not table.rows["tcp_packet"].any()


def test_no_other_port_of_udp_leads_to_tcp() -> None:
    """Every port that scapy ties to a protocol is a tunnel's, or is known to carry none."""
    ports = {port for fields, _ in UDP.payload_guess for port in fields.values()}
    names = {layer.__name__ for fields, layer in UDP.payload_guess if not {*fields.values()} & {*TUNNELS}}
    assert ports >= {*TUNNELS}
    assert names <= {"DNS"}


def test_more_packets_than_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "_HEADERS_AT_ONCE", 3)
    for link, packets in SAMPLES.items():
        check(pcap(packets * 3, link=link))
