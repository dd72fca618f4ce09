"""The picture of a packet: whole, the same every time, harmless, and legible."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Padding, Raw, fuzz

from tests.laws import assert_labels_apart, texts
from wsviz import Frame, bit_diagram
from wsviz.capture.packet_view import dissect_layers
from wsviz.capture.packets import read_packets
from wsviz.capture.scapy_layer import WebSocket
from wsviz.figures.figure import columns

ECHO = Path(__file__).parents[2] / "captures" / "echo.pcapng"
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
V4 = IP(src="192.0.2.1", dst="192.0.2.2")
CASES = {
    "syn": Ether(read_packets(ECHO).raw(0)),
    "frames": ETHER / V4 / TCP() / WebSocket(data=b"Hello", key=b"abcd") / WebSocket(opcode="close"),
    "faulty frame": V4 / TCP() / WebSocket(data=b"Hello", rsv1=1, opcode=3, length=126),
    "lying frame": V4 / TCP() / WebSocket(data=b"Hello", length=3),
    "cut frame": V4 / TCP() / WebSocket(data=b"Hello", length=9),
    "dns": ETHER / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP() / DNS(qd=DNSQR(), an=[DNSRR()] * 3),
    "arp": ETHER / ARP(hwsrc="02:00:00:00:00:01", psrc="192.0.2.1", pdst="192.0.2.2") / Padding(bytes(18)),
    "vlan": ETHER / Dot1Q(vlan=5) / V4 / ICMP() / Raw(bytes(range(256)) * 4),
    "many layers": V4 / TCP() / WebSocket(Frame.ping().serialize() * 40),
    "raw": Raw(b"x"),
    "nothing": Raw(b""),
}


def cases(test):
    return pytest.mark.parametrize("bits_per_row", [None, 16])(
        pytest.mark.parametrize("packet", CASES.values(), ids=CASES.keys())(test)
    )


@cases
def test_the_same_packet_gives_the_same_picture(packet, bits_per_row) -> None:
    assert bit_diagram(packet, bits_per_row=bits_per_row) == bit_diagram(packet, bits_per_row=bits_per_row)


@cases
def test_no_two_labels_overlap(packet, bits_per_row) -> None:
    figure = bit_diagram(packet, bits_per_row=bits_per_row)
    assert_labels_apart(figure)


@cases
def test_the_text_fits_80_columns(packet, bits_per_row) -> None:
    for line in bit_diagram(packet, bits_per_row=bits_per_row).text.split("\n"):
        assert columns(line) <= 80
        assert line == line.rstrip()


@cases
def test_every_layer_and_field_is_there(packet, bits_per_row) -> None:
    figure = bit_diagram(packet, bits_per_row=bits_per_row)
    shown = {text.text for text in texts(figure)}
    dissections = dissect_layers(packet)
    for dissection in dissections[:16]:
        assert {field.name for field in dissection.fields} <= shown | {None}
    size = len(bytes(packet))
    assert f"{size:,}" in shown
    assert f"= {size:,} byte" in figure.text


def test_a_row_of_the_text_has_32_bits() -> None:
    lines = bit_diagram(CASES["syn"]).text.split("\n")
    assert lines[:2] == ["Ethernet / IPv4 / TCP", "14 Ethernet + 20 IPv4 + 40 TCP = 74 bytes"]
    at = lines.index("IPv4: 20 bytes · bytes 14 to 33 of the packet")
    assert lines[at + 2 : at + 7] == [
        " byte 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
        "      +-------+-------+---------------+-------------------------------+",
        "    0 |version| ihl   | tos (8 bits)  | len (16 bits)                 |",
        "      |0 1 0 0|0 1 0 1|0 0 0 0 0 0 0 0|0 0 0 0 0 0 0 0 0 0 1 1 1 1 0 0|",
        "      | 4     | 5     | 00            | 00              3c            |",
    ]
    assert "103-111 flags                   2           SYN" in lines


def test_flags_stand_under_their_bits() -> None:
    shown = [text.text for text in texts(bit_diagram(CASES["syn"]))]
    assert [word for word in shown if word in ("DF", "MF", "SYN", "FIN", "ACK")][:5] == [
        "DF",
        "MF",
        "ACK",
        "SYN",
        "FIN",
    ]


def test_a_frame_in_a_packet_is_drawn_as_a_frame() -> None:
    text = bit_diagram(CASES["frames"]).text
    assert "WebSocket text frame: 11 bytes · bytes 54 to 64 of the packet" in text
    assert "Masking-key" in text
    assert "WebSocket close frame" in text


def test_what_is_wrong_with_a_frame_is_said() -> None:
    text = bit_diagram(CASES["faulty frame"]).text
    assert "error at opcode: reserved-opcode" in text
    assert "error at RSV1: " in text
    assert "4 bytes missing" in bit_diagram(CASES["cut frame"]).text


def test_a_long_payload_is_elided_and_counted() -> None:
    figure = bit_diagram(ETHER / Raw(b"\x7fA" * 500_000))
    assert "… 999,968 more bytes of payload" in figure.text
    assert {"… 999,968 more bytes of payload", "… 999,968 more bytes"} <= {text.text for text in texts(figure)}
    assert len(figure.svg) < 300_000


def test_hostile_text_is_shown_and_does_nothing() -> None:
    figure = bit_diagram(V4 / UDP() / Raw(b"<script>alert(1)</script>"))
    assert "<script" not in figure.svg
    assert '"<script>alert(1)</script>"' in "".join(ET.fromstring(figure.svg).itertext())


@settings(max_examples=30, deadline=None)
@given(raw=st.binary(min_size=14, max_size=120), kind=st.sampled_from([0x800, 0x806, 0x86DD, 0x8100, 1]))
def test_any_bytes_are_drawn_as_well_formed_xml(raw: bytes, kind: int) -> None:
    figure = bit_diagram(Ether(raw[:12] + kind.to_bytes(2, "big") + raw[14:]))
    ET.fromstring(figure.svg)
    assert all(char.isprintable() or char == "\n" for char in figure.svg + figure.text)
    assert max(map(columns, figure.text.split("\n"))) <= 80


def test_values_that_are_not_chosen_yet_are_chosen_once() -> None:
    ET.fromstring(bit_diagram(fuzz(V4 / TCP())).svg)


def test_only_instances_are_packets() -> None:
    with pytest.raises(TypeError, match="got"):
        bit_diagram(TCP)


def test_drawing_a_frame_loads_no_scapy() -> None:
    code = "import sys, wsviz; wsviz.bit_diagram(wsviz.Frame.text('Hi')); sys.exit('scapy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
