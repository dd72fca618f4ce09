"""One WebSocket conversation, and the wrappings in which its packets may travel.

The wrappings are laid out by hand after their specifications, so that scapy's reader is not tested by its own writer.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import NamedTuple

from tests.capture.build import REQUEST, RESPONSE, Talk
from tests.capture.scapy_lane import assert_equal, read_by_scapy
from wsviz import Frame, Side
from wsviz.capture.capture import Capture
from wsviz.capture.packets import read_packets_from
from wsviz.protocol.wire import Opcode

from scapy.layers.inet import IP, TCP  # isort: skip
from scapy.layers.inet6 import IPv6  # isort: skip

KEY = bytes.fromhex("37fa213d")
HELLO = Frame(Opcode.TEXT, b"Hello", masking_key=KEY).serialize()
REPLY = Frame(Opcode.TEXT, b"World").serialize() + Frame(Opcode.PING, b"").serialize()
CLOSE = Frame(Opcode.CLOSE, b"\x03\xe8").serialize()
FRAMES = [  # sender, opcode, payload length, and the packet that brings it
    (Side.CLIENT.value, 1, 5, 6),
    (Side.SERVER.value, 1, 5, 7),
    (Side.SERVER.value, 9, 0, 7),
    (Side.SERVER.value, 8, 2, 8),
]


def conversation(port: int = 40000, *, six: bool = False) -> list[bytes]:
    """The IP packets of a handshake and four frames, eight in all."""
    talk = Talk(client_port=port).open().client(REQUEST, 0).server(RESPONSE, 0)
    talk.client(HELLO, len(REQUEST)).server(REPLY, len(RESPONSE)).server(CLOSE, len(RESPONSE) + len(REPLY))
    if not six:
        return [bytes(packet[IP]) for packet in talk.packets]
    ends = {"192.0.2.1": "2001:db8::1", "192.0.2.2": "2001:db8::2"}
    packets = [packet[IP] for packet in talk.packets]
    return [bytes(IPv6(src=ends[ip.src], dst=ends[ip.dst]) / TCP(bytes(ip.payload))) for ip in packets]


def assert_is_the_conversation(capture: Capture, number: int = 0) -> None:
    """That this connection of a capture holds what `conversation` says, whatever brought it."""
    connection = capture.connections[number]
    columns = capture.frame_columns()
    own = columns["connection"] == number
    names = ("sender", "opcode", "payload_length")
    frames = zip(*(columns[name][own].tolist() for name in names), strict=True)
    assert sorted(frames) == sorted(row[:3] for row in FRAMES)
    assert [message.data for message in connection.messages] == [b"Hello", b"World"]
    assert (connection.protocol, connection.client.port, connection.roles) == ("websocket", 40000 + number, "seen")
    assert [finding.rule for finding in connection.findings] == []


def short(number: int) -> bytes:
    return number.to_bytes(2, "big")


MAC = bytes.fromhex("020000000002020000000001")


def ethernet(packet: bytes) -> bytes:
    return MAC + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def kind(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def ip4(protocol: int, payload: bytes, *, back: bool = False) -> bytes:
    ends = bytes.fromhex("c6336402 c6336401" if back else "c6336401 c6336402")
    return struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0) + ends + payload


def ip6(protocol: int, payload: bytes) -> bytes:
    ends = bytes.fromhex("20010db8ffff00000000000000000001 20010db8ffff00000000000000000002")
    return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + ends + payload


def udp(port: int, payload: bytes, source: int = 49152) -> bytes:
    return ip4(17, struct.pack(">HHHH", source, port, 8 + len(payload), 0) + payload)


def ppp(packet: bytes) -> bytes:
    return (b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21") + packet


def extended(protocol: int, header: bytes) -> Callable[[bytes], bytes]:
    """IPv6 with an extension header between it and TCP."""
    return lambda p: ethernet(
        p[:4] + short(len(p) - 40 + len(header)) + bytes([protocol]) + p[7:40] + header + p[40:]
    )


LLC = b"\xaa\xaa\x03\0\0\0"
STATIONS = bytes.fromhex("020000000003 020000000001 020000000002")
RADIOTAP = b"\0\0\x08\0\0\0\0\0"
RADIOTAP_FLAGS = b"\0\0\x09\0\x02\0\0\0"  # with a byte of flags: 0x10 says that the frame's checksum follows


def wlan(packet: bytes, head: bytes = b"\x08\x01\0\0", after: bytes = b"") -> bytes:
    """An 802.11 data frame; `head` is its frame control and duration, `after` what follows its sequence number."""
    return head + STATIONS + b"\x10\0" + after + LLC + kind(packet) + packet


def with_checksum(frame: bytes) -> bytes:
    return RADIOTAP_FLAGS + b"\x10" + frame + zlib.crc32(frame).to_bytes(4, "little")


class Wrapping(NamedTuple):
    link: int
    wrap: Callable[[bytes], bytes]
    behind: int = 0  # bytes after the IP packet
    six: bool = False
    in_ip: int = 0  # bytes of extension headers


WRAPPINGS: dict[str, Wrapping] = {
    "Ethernet": Wrapping(1, ethernet),
    "Ethernet, IPv6": Wrapping(1, ethernet, six=True),
    "VLAN": Wrapping(1, lambda p: MAC + b"\x81\0\0\5" + kind(p) + p),
    "QinQ": Wrapping(1, lambda p: MAC + b"\x88\xa8\0\5\x81\0\0\6" + kind(p) + p),
    "QinQ, its old number": Wrapping(1, lambda p: MAC + b"\x91\0\0\5\x81\0\0\6" + kind(p) + p, six=True),
    "802.3, SNAP": Wrapping(1, lambda p: MAC + short(len(p) + 8) + LLC + kind(p) + p),
    "MPLS": Wrapping(1, lambda p: MAC + b"\x88\x47\0\1\x01\xff" + p),
    "MPLS, two labels, IPv6": Wrapping(1, lambda p: MAC + b"\x88\x47\0\1\x00\xff\0\2\x01\xff" + p, six=True),
    "MPLS, pseudowire": Wrapping(1, lambda p: MAC + b"\x88\x47\0\1\x01\xff\0\0\0\0" + ethernet(p)),
    "802.1ah": Wrapping(1, lambda p: MAC + b"\x88\xe7\0\0\0\1" + ethernet(p)),
    "PPPoE": Wrapping(1, lambda p: MAC + b"\x88\x64\x11\0\0\1" + short(len(p) + 2) + ppp(p)),
    "PPPoE, IPv6": Wrapping(1, lambda p: MAC + b"\x88\x64\x11\0\0\1" + short(len(p) + 2) + ppp(p), six=True),
    "PPP": Wrapping(9, lambda p: b"\xff\x03" + ppp(p)),
    "PPP with HDLC": Wrapping(50, lambda p: b"\xff\x03" + ppp(p)),
    "BSD NULL, little endian": Wrapping(0, lambda p: b"\2\0\0\0" + p),
    "BSD NULL, big endian": Wrapping(0, lambda p: b"\0\0\0\2" + p),
    "BSD NULL, IPv6": Wrapping(0, lambda p: b"\x1e\0\0\0" + p, six=True),
    "BSD LOOP": Wrapping(108, lambda p: b"\0\0\0\x1e" + p, six=True),
    "Linux cooked": Wrapping(113, lambda p: bytes.fromhex("0000 0001 0006 0200000000010000") + kind(p) + p),
    "Linux cooked, QinQ": Wrapping(
        113, lambda p: bytes.fromhex("0000 0001 0006 0200000000010000 88a8 0005 8100 0006") + kind(p) + p
    ),
    "Linux cooked, PPPoE": Wrapping(
        113,
        lambda p: bytes.fromhex("0000 0001 0006 0200000000010000 8864 11000001") + short(len(p) + 2) + ppp(p),
    ),
    "Linux cooked 2": Wrapping(
        276, lambda p: kind(p) + bytes.fromhex("0000 00000001 0001 00 06 0200000000010000") + p
    ),
    "Linux cooked 2, VLAN": Wrapping(
        276, lambda p: bytes.fromhex("8100 0000 00000001 0001 00 06 0200000000010000 0005") + kind(p) + p
    ),
    "Linux cooked, MPLS": Wrapping(113, lambda p: bytes.fromhex("0000 0001 0006 0200000000010000 8847 000101ff") + p),
    "raw IP": Wrapping(101, lambda p: p),
    "raw IPv6": Wrapping(229, lambda p: p, six=True),
    "802.11": Wrapping(105, wlan),
    "radiotap": Wrapping(127, lambda p: RADIOTAP + wlan(p)),
    "radiotap, IPv6": Wrapping(127, lambda p: RADIOTAP + wlan(p), six=True),
    "radiotap, QoS": Wrapping(127, lambda p: RADIOTAP + wlan(p, b"\x88\x01\0\0", b"\0\0")),
    "radiotap, between stations of a distribution system": Wrapping(
        127, lambda p: RADIOTAP + wlan(p, b"\x88\x03\0\0", b"\x02\0\0\0\0\x09\0\0")
    ),
    "radiotap, with the frame's checksum": Wrapping(
        127, lambda p: with_checksum(wlan(p, b"\x88\x02\0\0", b"\0\0")), behind=4
    ),
    "PPI": Wrapping(192, lambda p: b"\0\0\x08\0\x69\0\0\0" + wlan(p)),
    "IP in IP": Wrapping(101, lambda p: ip4(4, p)),
    "6in4": Wrapping(101, lambda p: ip4(41, p), six=True),
    "4in6": Wrapping(101, lambda p: ip6(4, p)),
    "6in6": Wrapping(101, lambda p: ip6(41, p), six=True),
    "GRE": Wrapping(101, lambda p: ip4(47, b"\0\0" + kind(p) + p)),
    "GRE, IPv6 in IPv6": Wrapping(101, lambda p: ip6(47, b"\0\0" + kind(p) + p), six=True),
    "GRE, all its options": Wrapping(101, lambda p: ip4(47, b"\xb0\0" + kind(p) + bytes(12) + p)),
    "GRE, Ethernet": Wrapping(101, lambda p: ip4(47, b"\0\0\x65\x58" + ethernet(p))),
    "GRE, MPLS": Wrapping(101, lambda p: ip4(47, b"\0\0\x88\x47\0\1\x01\xff" + p)),
    "ERSPAN 2": Wrapping(101, lambda p: ip4(47, b"\x10\0\x88\xbe\0\0\0\1\x10\1\0\1\0\0\0\1" + ethernet(p))),
    "PPTP": Wrapping(101, lambda p: ip4(47, b"\x30\1\x88\x0b" + short(len(p) + 4) + bytes(6) + b"\xff\3" + ppp(p))),
    "VXLAN": Wrapping(1, lambda p: ethernet(udp(4789, b"\x08\0\0\0\0\0\1\0" + ethernet(p)))),
    "VXLAN, IPv6": Wrapping(1, lambda p: ethernet(udp(8472, b"\x08\0\0\0\0\0\1\0" + ethernet(p))), six=True),
    "Geneve": Wrapping(101, lambda p: udp(6081, b"\0\0\x65\x58\0\0\1\0" + ethernet(p))),
    "Geneve, an option": Wrapping(101, lambda p: udp(6081, b"\2\0\x65\x58\0\0\1\0\1\2\3\1\0\0\0\0" + ethernet(p))),
    "GTP-U": Wrapping(101, lambda p: udp(2152, b"\x30\xff" + short(len(p)) + b"\0\0\0\1" + p)),
    "GTP-U, IPv6": Wrapping(101, lambda p: udp(2152, b"\x30\xff" + short(len(p)) + b"\0\0\0\1" + p), six=True),
    "GTP-U, numbered": Wrapping(101, lambda p: udp(2152, b"\x32\xff" + short(len(p) + 4) + b"\0\0\0\1\0\1\0\0" + p)),
    "GTP-U of 5G": Wrapping(
        101, lambda p: udp(2152, b"\x34\xff" + short(len(p) + 8) + b"\0\0\0\1\0\0\0\x85\1\0\1\0" + p)
    ),
    "L2TP": Wrapping(101, lambda p: udp(1701, b"\0\2\0\1\0\1\xff\3" + ppp(p), 1701)),
    "L2TP, all its options": Wrapping(
        101,
        lambda p: udp(1701, b"\x4a\2" + short(len(p) + 18) + b"\0\1\0\1\0\1\0\1\0\2--" + ppp(p), 1701),
    ),
    "MPLS in UDP": Wrapping(101, lambda p: udp(6635, b"\0\1\x01\xff" + p)),
    "a tunnel in a tunnel": Wrapping(
        1, lambda p: ethernet(udp(4789, b"\x08\0\0\0\0\0\1\0" + ethernet(ip4(47, b"\0\0" + kind(p) + p))))
    ),
    "IPv6, hop-by-hop options": Wrapping(1, extended(0, b"\6\0\1\4\0\0\0\0"), six=True, in_ip=8),
    "IPv6, routing": Wrapping(1, extended(43, b"\6\2\4\0" + bytes(20)), six=True, in_ip=24),
    "IPv6, a fragment that is all": Wrapping(1, extended(44, b"\6\0\0\0\0\0\0\1"), six=True, in_ip=8),
}


def check(file: bytes) -> None:
    """Law 5: both lanes see the same."""
    assert_equal(read_packets_from(io.BytesIO(file), "made.pcap"), read_by_scapy(file))
