"""Every layer of every packet as fields that cover its bits once, and that say what scapy says."""

from __future__ import annotations

import random
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.config import conf
from scapy.fields import (
    BitField,
    ByteField,
    ConditionalField,
    FieldLenField,
    LEShortField,
    PacketListField,
    ShortField,
    StrLenField,
)
from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrHopByHop, RouterAlert
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Packet, Padding, Raw, fuzz

from tests.capture.files import ALL, ids
from tests.laws import assert_partition
from tests.needs import SHARED, need
from wsviz.capture.packet_view import Layer, LayerDissection, dissect_layers
from wsviz.capture.packets import read_packets
from wsviz.capture.scapy_bridge import dissect_packet
from wsviz.capture.scapy_layer import WebSocket
from wsviz.protocol.fields import Field
from wsviz.protocol.frames import Frame

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
PACKETS = {
    "tcp syn": ETHER
    / IP(src="192.0.2.1", dst="192.0.2.2")
    / TCP(sport=51234, options=[("MSS", 1460), ("NOP", None), ("WScale", 7)]),
    "ip options": IP(src="192.0.2.1", dst="192.0.2.2", options=[IPOption_NOP(), IPOption_RR()]) / ICMP() / b"ping",
    "vlan": ETHER / Dot1Q(vlan=5, prio=3) / IP(src="192.0.2.1", dst="192.0.2.2") / UDP() / b"x",
    "arp padded": ETHER / ARP(hwsrc="02:00:00:00:00:01", psrc="192.0.2.1", pdst="192.0.2.2") / Padding(bytes(18)),
    "ipv6": ETHER
    / IPv6(src="2001:db8::2", dst="2001:db8::1")
    / IPv6ExtHdrHopByHop(options=[RouterAlert()])
    / ICMPv6EchoRequest(),
    "dns": IPv6(src="2001:db8::2", dst="2001:db8::1")
    / UDP()
    / DNS(qd=DNSQR(qname="a.example"), an=DNSRR(rrname="a.example", rdata="192.0.2.9")),
    "frames": IP(src="192.0.2.1", dst="192.0.2.2")
    / TCP()
    / WebSocket(data=b"hi", key=b"abcd")
    / WebSocket(opcode="ping"),
    "a frame that lies": IP(src="192.0.2.1", dst="192.0.2.2") / TCP() / WebSocket(length=3, data=b"Hello"),
    "a frame cut short": IP(src="192.0.2.1", dst="192.0.2.2") / TCP() / WebSocket(length=9, data=b"Hello"),
}
packets = pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS.keys())


def check(dissections: tuple[LayerDissection, ...], raw: bytes) -> None:
    """The partition law, for the packet and for each of its layers."""
    assert b"".join(dissection.raw for dissection in dissections) == raw
    for dissection in dissections:
        assert dissection.raw
        assert_partition(dissection)


def names(dissection: LayerDissection) -> list[str]:
    return [field.name for field in dissection.fields]


def layer(packet: Packet, name: str) -> LayerDissection:
    found = dissect_layers(packet)
    return next(one for one in found if isinstance(one.value, Layer) and one.value.kind == name)


def meanings(dissection: LayerDissection) -> dict[str, str]:
    return {field.name: field.meaning for field in dissection.fields}


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_every_packet_of_every_capture(path) -> None:
    if path.is_relative_to(SHARED):
        need("shared")
    table = read_packets(path)
    for index in range(min(len(table.rows), 300)):
        raw, link_type = table.raw(index), int(table.rows["link_type"][index])
        dissections = dissect_layers(raw, link_type)
        check(dissections, raw)
        packet = dissect_packet(link_type, raw)
        assert packet is not None
        assert dissect_layers(packet) == dissections
        assert [one.value.name for one in dissections if isinstance(one.value, Layer)] == [
            one.name for one in packet.iterpayloads()
        ]
        assert not any("undissected" in names(one) for one in dissections)
        agree_with_scapy(dissections, packet)


def agree_with_scapy(dissections: tuple[LayerDissection, ...], packet: Packet) -> None:
    """Each number is the value that scapy has; in headers without swapped bytes it is what the bits say."""
    for dissection, theirs in zip(dissections, packet.iterpayloads(), strict=True):
        for field in dissection.fields:
            if isinstance(field.value, int) and field.name != "undissected":
                assert field.value == int(theirs.getfieldval(field.name)), field
                if theirs.__class__ in (Ether, IP, IPv6, TCP, UDP):
                    whole = int.from_bytes(dissection.raw, "big")
                    bits = whole >> (8 * len(dissection.raw) - field.end) & ((1 << field.size) - 1)
                    assert field.value == bits, field


@packets
def test_what_is_built_is_covered(packet: Packet) -> None:
    check(dissect_layers(packet), bytes(packet))
    assert dissect_layers(packet) == dissect_layers(packet)


def test_an_edited_packet_is_dissected_as_it_is_now() -> None:
    packet = Ether(bytes(PACKETS["vlan"]))
    packet[IP].ttl = 7
    check(dissect_layers(packet), bytes(packet))
    assert meanings(layer(packet, "IP"))["ttl"] == "7"


def test_more_frames_than_scapy_can_nest() -> None:
    raw = b"\x89\x00" * 20_000
    dissections = dissect_layers(WebSocket(raw))
    check(dissections, raw)
    assert dissections[0].value == Frame.ping()


def test_the_header_of_tcp() -> None:
    packet = IP(src="192.0.2.1", dst="192.0.2.2") / TCP(
        sport=443, flags="SA", options=[("MSS", 1460), ("NOP", None), ("SAckOK", b"")]
    )
    dissection = layer(packet, "TCP")
    assert isinstance(dissection.value, Layer)
    assert [(field.name, field.start, field.size) for field in dissection.fields[4:7]] == [
        ("dataofs", 96, 4),
        ("reserved", 100, 3),
        ("flags", 103, 9),
    ]
    said = meanings(dissection)
    assert (said["sport"], said["dataofs"], said["flags"]) == ("443", "28 bytes", "SYN ACK")
    assert (said["options: MSS"], said["options: NOP"], said["options: SAckOK"]) == ("1460", "kind 1", "kind 4")
    assert dissection.field("options: MSS") == Field("options: MSS", 160, 32, b"\2\4\5\xb4", "1460", "RFC 9293 3.1")
    assert dict(dissection.value.flags)["flags"] == ("NS", "CWR", "ECE", "URG", "ACK", "PSH", "RST", "SYN", "FIN")


def test_scapy_says_what_values_mean() -> None:
    arp = meanings(layer(PACKETS["arp padded"], "ARP"))
    assert (arp["op"], arp["ptype"], arp["psrc"]) == ("who-has", "IPv4", "192.0.2.1")
    assert meanings(layer(PACKETS["vlan"], "IP"))["flags"] == "none set"
    assert 'qname="a.example."' in meanings(layer(PACKETS["dns"], "DNS"))["qd: DNS Question Record"]
    options = [name for name in names(layer(PACKETS["ip options"], "IP")) if name.startswith("options")]
    assert options[:2] == ["options: IP Option No Operation", "options: IP Option Record Route"]


def test_frames_of_our_layer_are_dissected_as_frames() -> None:
    _, _, first, second = dissect_layers(PACKETS["frames"])
    assert first.value == Frame(1, b"hi", masking_key=b"abcd")
    assert second.value == Frame.ping()
    *_, lie, rest = dissect_layers(PACKETS["a frame that lies"])
    assert (lie.raw, names(rest), rest.raw) == (b"\x81\x03Hel", ["undissected"], b"lo")
    *_, cut = dissect_layers(PACKETS["a frame cut short"])
    assert (cut.value, names(cut)[-1]) == (None, "Payload Data")


def test_an_unknown_link_type_is_one_run() -> None:
    (dissection,) = dissect_layers(b"\x01\x02\x03", 9999)
    assert dissection.fields == (Field("undissected", 0, 24, b"\x01\x02\x03", "01 02 03", "scapy"),)
    assert dissect_layers(b"") == ()


class Item(Packet):
    """A length and as many bytes."""

    fields_desc: ClassVar = [
        FieldLenField("size", None, length_of="text", fmt="B"),
        StrLenField("text", b"", length_from=lambda item: item.size),
    ]

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        return b"", s


class Odd(Packet):
    """What is rare in scapy's layers: swapped bit fields, a condition, a list of packets."""

    fields_desc: ClassVar = [
        BitField("a", 0, 9, tot_size=-2),
        BitField("b", 0, 2),
        BitField("c", 0, 5, end_tot_size=-2),
        BitField("kind", 0, 4),
        BitField("nine", 0, 12),
        ConditionalField(ShortField("extra", 0), lambda odd: odd.kind == 1),
        LEShortField("little", 1),
        PacketListField("items", [], Item, count_from=lambda odd: 2),
    ]


def test_rare_kinds_of_fields() -> None:
    raw = bytes(Odd(a=257, b=2, c=9, kind=1, nine=999, extra=7, items=[Item(text=b"ab"), Item(text=b"c")]))
    (dissection,) = dissect_layers(Odd(raw))
    check((dissection,), raw)
    assert names(dissection) == ["a, b, c", "kind", "nine", "extra", "little", "items: Item", "items: Item"]
    assert dissection.fields[0].value == raw[:2]
    assert dissection.fields[0].meaning == "a=257, b=2, c=9"
    assert dissection.field("little") == Field("little", 48, 16, 1, "1", "scapy")
    assert "extra" not in names(dissect_layers(Odd(bytes(Odd(kind=2, items=[Item(), Item()]))))[0])


class Cut(Packet):
    """A layer whose description breaks off."""

    fields_desc: ClassVar = [BitField("three", 5, 3), ByteField("byte", 0)]


class Own(Packet):
    """A layer that reads its bytes in its own way."""

    fields_desc: ClassVar = [ByteField("first", 0)]

    def do_dissect(self, s: bytes) -> bytes:
        self.fields["first"] = s[-1]
        self.raw_packet_cache = s
        return b""


def test_where_the_description_ends_the_rest_is_undissected() -> None:
    packet = Own(b"\x01\x02\x03")
    (dissection,) = dissect_layers(packet)
    assert names(dissection) == ["undissected"]
    cut = Cut()
    cut.raw_packet_cache, cut.raw_packet_cache_fields, cut.explicit = b"\xa0\x01", {}, 1
    (dissection,) = dissect_layers(cut)
    assert [(field.name, field.start, field.size, field.value) for field in dissection.fields] == [
        ("three", 0, 3, 5),
        ("undissected", 3, 13, 1),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_fuzzed_packets_of_all_layers(seed: int) -> None:
    random.seed(seed)
    seen = 0
    for kind in list(conf.layers):
        try:
            packet = next(iter(fuzz(kind())))
            raw = bytes(packet)
        except Exception:  # scapy cannot build everything that it can roll
            continue
        if bytes(packet) == raw:  # some roll their dice at every build
            seen += 1
            check(dissect_layers(packet), raw)
    assert seen > 50


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=120), number=st.integers(0, 10_000))
def test_any_bytes_as_any_layer(raw: bytes, number: int) -> None:
    kind = [Ether, IP, IPv6, TCP, UDP, DNS, ARP, ICMP, IPv6ExtHdrHopByHop, Dot1Q, WebSocket, Raw, Odd][number % 13]
    try:
        packet = kind(raw)
    except Exception:  # scapy refuses a cut first layer
        return
    check(dissect_layers(packet), bytes(packet))
