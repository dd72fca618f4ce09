"""Why a packet in which scapy finds no TCP is not read, in words: its headers are cut or wrong, or lead elsewhere."""

from __future__ import annotations

from typing import Any

from wsviz.capture.scapy_bridge import dissect_packet  # first: it keeps scapy's warnings off stderr

# isort: split

from scapy.contrib.erspan import ERSPAN
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTPHeader
from scapy.contrib.mpls import MPLS
from scapy.layers.dot11 import Dot11, Dot11QoS
from scapy.layers.inet import IP, TCP, IPerror
from scapy.layers.inet6 import IPerror6, IPv6, IPv6ExtHdrFragment, _IPv6ExtHdr
from scapy.layers.l2 import GRE, LLC, SNAP, CookedLinux, Dot1Q, Ether, Loopback
from scapy.layers.l2tp import L2TP
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import NoPayload, Packet, Raw

# What is said of packets that are not read, and of headers that break their own rules.
HEADERS_CUT, LATER_FRAGMENT = "with headers that are cut", "with a later fragment of an IP packet, not put together"
_WRONG: dict[Any, str] = {
    layer: f"with {words} header that cannot be right"
    for layer, words in ((IP, "an IPv4"), (IPv6, "an IPv6"), (TCP, "a TCP"))
}
_ETHERTYPE_IN = {Ether: "type", Dot1Q: "type", CookedLinux: "proto", SNAP: "code", GRE: "proto"}
# EtherTypes: loopback tests, LLDP, slow protocols, 802.1X, CFM, PTP, HomePlug, Realtek's own.
_NO_TCP_INSIDE = (0x9000, 0x88CC, 0x8809, 0x888E, 0x8902, 0x88F7, 0x88E1, 0x8899)
_CARRIERS = {50: "IPsec (ESP)", 51: "IPsec (AH)", 97: "EtherIP", 108: "IPComp", 115: "L2TPv3"}
_TOWARDS_TCP = (IP, IPv6, _IPv6ExtHdr, TCP, Dot1Q)  # headers that a TCP packet may have after the first one
_TUNNELS = (PPPoE, PPP, L2TP, GTPHeader, VXLAN, GENEVE, MPLS, ERSPAN)
_BEFORE_TCP = (*_TOWARDS_TCP, *_TUNNELS, GRE, Ether, Dot11, Dot11QoS, LLC, SNAP)  # what may come before TCP


def why_no_tcp(link_type: int, raw: bytes, length: int) -> str | None:
    """What keeps a packet of a known link type from being read, said of it; None where it plainly has nothing of TCP.

    It is for packets that `locate_headers` finds no headers in; `length` is as there.
    """
    layer: Any = dissect_packet(link_type, raw)
    if layer is None or not raw:
        return HEADERS_CUT if length else None
    layers = []
    while not isinstance(layer, (NoPayload, Raw)):
        layers.append(layer)
        layer = layer.payload
    if any(isinstance(layer, (IPerror, IPerror6)) for layer in layers):
        return None
    trouble = next(filter(None, map(_trouble_in, layers)), None)
    return trouble or _where_it_stops(layers, cut=len(raw) < length)


def _where_it_stops(layers: list[Packet], *, cut: bool) -> str | None:
    """What is said of a packet by the last layer that scapy found in it, and what it would expect there."""
    last, following = layers[-1], _following(layers[-1])
    if cut and (issubclass(following, _BEFORE_TCP) or (isinstance(last, _TUNNELS) and not _is_control(last))):
        return HEADERS_CUT
    if issubclass(following, _TOWARDS_TCP):
        return _WRONG.get(following, HEADERS_CUT) if last.payload else HEADERS_CUT
    if not last.payload:
        return None
    ip = [layer for layer in layers if isinstance(layer, (IP, IPv6, _IPv6ExtHdr))][-1:]
    carrier = _CARRIERS.get(ip[0].proto if isinstance(ip[0], IP) else ip[0].nh) if ip else None
    return f"of {carrier}, which is not read" if carrier else _what_follows(last)


def _trouble_in(layer: Packet) -> str | None:
    """What is wrong with a layer, or keeps everything behind it from being read."""
    words = None
    if isinstance(layer, Dot11) and layer.type == 2 and layer.FCfield.protected:
        words = "of encrypted 802.11"
    elif isinstance(layer, Dot11QoS) and layer.A_MSDU_Present:
        words = "of 802.11 with several in one frame (A-MSDU)"
    elif isinstance(layer, IP) and len(layer.original) < 20:
        words = HEADERS_CUT
    elif isinstance(layer, IP) and (layer.version != 4 or layer.ihl < 5 or 0 < layer.len < 4 * layer.ihl):
        words = _WRONG[IP]
    elif isinstance(layer, IPv6) and layer.version != 6:
        words = _WRONG[IPv6]
    elif isinstance(layer, TCP):
        words = _WRONG[TCP]
    elif (isinstance(layer, IP) and layer.frag and layer.proto != 1) or (
        isinstance(layer, IPv6ExtHdrFragment) and layer.offset and layer.nh != 58
    ):
        words = LATER_FRAGMENT
    return words


def _following(layer: Packet) -> Any:
    """The layer that scapy expects behind this one."""
    try:
        following = layer.guess_payload_class(b"")
    except Exception:  # some look at its first byte
        return Raw
    return following if isinstance(following, type) else Raw  # some have no answer


def _what_follows(layer: Packet) -> str | None:
    """What the bytes behind the last layer that scapy knows are, where there might be TCP in them."""
    if isinstance(layer, SNAP) and layer.OUI:
        return None  # a vendor's own number, no EtherType
    for kind, name in _ETHERTYPE_IN.items():
        if isinstance(layer, kind):
            ethertype = layer.getfieldval(name)
            told = ethertype >= 0x600 and ethertype not in _NO_TCP_INSIDE  # below, it is the length of an LLC frame
            return f"of EtherType {ethertype:#06x}, which is not read" if told else None
    if isinstance(layer, Loopback):
        return "of BSD loopback with an unknown address family"
    tunnel = isinstance(layer, _TUNNELS) and not _is_control(layer)
    return f"of {layer.name}, which leads to nothing known" if tunnel else None


def _is_control(layer: Packet) -> bool:
    """Whether this is a message about a tunnel, with no packet in it."""
    if isinstance(layer, L2TP):
        return bool(layer.hdr.control)
    return isinstance(layer, GTPHeader) and layer.gtp_type != 255
