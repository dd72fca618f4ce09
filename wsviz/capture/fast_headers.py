"""The headers of many packets at once, with numpy: the fast lane beside scapy's, held to the same answers.

It decides only what it knows well: Ethernet with VLAN tags, Linux cooked captures, BSD loopback and raw IP; IPv4, and
IPv6 with options headers; TCP, and that ARP, ICMP and UDP outside of tunnels bring none. Whatever is odd about a
packet (a tunnel, a header that is cut or lies) leaves it undecided, for scapy to look at.

A later fragment of an IP packet becomes a TCP packet of its own here (ip_fragments.py), where its first fragment
stands among the same rows.

Each step takes `which`, the indices of the rows that it concerns, beside arrays of the same length; it first drops
those whose captured bytes end too early, so that nothing is read from beyond a packet.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from wsviz.capture.ip_fragments import Fragment, Fragments
from wsviz.capture.octets import anywhere, one_of

Array = npt.NDArray[Any]

# Link types with an EtherType: bytes of their header, and where in it the EtherType stands.
_WITH_ETHERTYPE = {1: (14, 12), 113: (16, 14), 276: (20, 0)}  # the others are Linux cooked captures, 1 and 2
_LOOPBACKS = (0, 108)  # BSD's NULL and LOOP: four bytes with an address family, in either byte order
_FAMILIES = {2: 0x0800, 10: 0x86DD, 24: 0x86DD, 28: 0x86DD, 30: 0x86DD}  # IPv6 has a number of its own per system
_RAW = {12: None, 14: None, 101: None, 228: 0x0800, 229: 0x86DD}  # IP at once; None is either, by its version
LINK_TYPES = frozenset({*_WITH_ETHERTYPE, *_LOOPBACKS, *_RAW})

_IPV4, _IPV6, _ARP, _OTHER = 0x0800, 0x86DD, 0x0806, 0  # EtherTypes
_TAGS = (0x8100, 0x88A8, 0x9100)  # VLAN, and a provider's around it, by its number and by an older one
_MOST_TAGS = _MOST_EXTENSIONS = 4  # no honest packet has more
_TCP, _UDP, _WITHOUT_TCP = 6, 17, (1, 58)  # ICMP and ICMPv6: a packet that they quote is not theirs
_OPTIONS_HEADERS, _FRAGMENT_HEADER = (0, 60), 44  # of IPv6: Hop-by-Hop and Destination Options; Fragment
_MORE_FRAGMENTS, _FRAGMENT_OFFSET = 0x2000, 0x1FFF  # of IPv4
# The ports of UDP where scapy looks for tunnels, with TCP perhaps inside: L2TP, GTP, GRE, VXLAN, Geneve, MPLS, BIER.
TUNNELS = (1701, 2123, 2152, 4754, 4789, 4790, 6081, 6633, 6635, 8138, 8472, 48879)
_TIMESTAMPS = 0x0101080A  # NOP, NOP, Timestamps of 10 bytes: all options that most segments have
_AUTHENTICATION = 29  # the one TCP option that scapy may trip over


def decode_headers(rows: Array, numbers: Array, data: bytes | bytearray, fragments: Fragments) -> Array:
    """Fill in the columns of the rows (of PACKET) that tell of headers, except for the indices of addresses.

    `numbers` are the rows' among all packets of the file, `fragments` knows those before. Returns the indices of the
    rows that stay undecided.
    """
    lane = _run(rows, data)
    fragments.join(rows, numbers, lane.fragments)
    return np.flatnonzero(lane.undecided)


def whats_left(rows: Array, data: bytes | bytearray) -> tuple[Array, Array]:
    """Of rows that are no TCP packets: the indices of those that stay undecided, and of later fragments."""
    lane = _run(rows.copy(), data)
    lane.undecided |= (lane.captured == 0) & (rows["length"] > 0)
    later = np.array([fragment.row for fragment in lane.fragments if fragment.into], "i8")
    lane.undecided[later] = False
    return np.flatnonzero(lane.undecided), later


def _run(rows: Array, data: bytes | bytearray) -> _Lane:
    lane = _Lane(rows, data)
    ethertype, ip = lane.link_layer()
    lane.undecided[ethertype == _ARP] = False
    for version, layer in ((_IPV4, lane.ipv4), (_IPV6, lane.ipv6)):
        which = np.flatnonzero(ethertype == version)
        layer(which, ip[which])
    return lane


def address_pairs(rows: Array, data: bytes | bytearray) -> list[int | bytes]:
    """Source and destination of decided TCP packets: IPv4's as one number of 64 bits, IPv6's as 32 bytes."""
    at = rows["offset"] + rows["ip"]
    six = anywhere(data, "u1")[at] >> 4 == 6
    at += np.where(six, 8, 12)
    pairs: list[int | bytes] = anywhere(data, ">u8")[at].tolist()
    for index in np.flatnonzero(six).tolist():
        start = int(at[index])
        pairs[index] = bytes(data[start : start + 32])
    return pairs


class _Lane:
    def __init__(self, rows: Array, data: bytes | bytearray) -> None:
        self.rows, self.data = rows, data
        self.offset, self.captured = rows["offset"], rows["captured"].astype("i8")
        self.undecided = self.captured > 0  # without a byte there is nothing to see
        self._bytes, self._shorts, self._words = (anywhere(data, kind) for kind in ("u1", ">u2", ">u4"))
        self.fragments: list[Fragment] = []

    def byte(self, which: Array, at: Array | int) -> Array:
        return self._read(self._bytes, which, at)

    def short(self, which: Array, at: Array | int) -> Array:
        return self._read(self._shorts, which, at)

    def word(self, which: Array, at: Array | int) -> Array:
        return self._read(self._words, which, at)

    def _read(self, values: Array, which: Array, at: Array | int) -> Array:
        numbers: Array = values[self.offset[which] + at].astype("i8")
        return numbers

    def link_layer(self) -> tuple[Array, Array]:
        """The EtherType of each packet's payload, and where that begins; _OTHER where it is none of interest."""
        link_type, captured = self.rows["link_type"], self.captured
        ethertype, ip = np.full(len(self.rows), _OTHER, "i8"), np.zeros(len(self.rows), "i8")
        for link, (size, place) in _WITH_ETHERTYPE.items():
            which = np.flatnonzero((link_type == link) & (captured >= size))
            ethertype[which], ip[which] = self.short(which, place), size
        which = np.flatnonzero(one_of(ethertype, _TAGS))
        for _ in range(_MOST_TAGS):
            which = which[captured[which] >= ip[which] + 4]
            ethertype[which] = self.short(which, ip[which] + 2)
            ip[which] += 4
            which = which[one_of(ethertype[which], _TAGS)]
        which = np.flatnonzero(one_of(link_type, _LOOPBACKS) & (captured >= 4))
        family, ip[which] = self.word(which, 0), 4
        for number, meaning in _FAMILIES.items():
            ethertype[which[(family == number) | (family == number << 24)]] = meaning
        for link, only in _RAW.items():
            which = np.flatnonzero((link_type == link) & (captured >= 1))
            version = self.byte(which, 0) >> 4
            ethertype[which] = only or np.select([version == 4, version == 6], [_IPV4, _IPV6], _OTHER)
        return ethertype, ip

    def ipv4(self, which: Array, ip: Array) -> None:
        """IPv4 from the offsets `ip` on (RFC 791): packets whose lengths make sense."""
        which, ip = _only(self.captured[which] >= ip + 20, which, ip)
        first, total = self.byte(which, ip), self.short(which, ip + 2)
        header, protocol, part = (first & 0b1111) * 4, self.byte(which, ip + 9), self.short(which, ip + 6)
        good = (first >> 4 == 4) & (header >= 20) & ((total == 0) | (total >= header))
        # A total length of 0 is what the sender's offload leaves: the captured length rules then.
        length = self.rows["length"][which].astype("i8")
        end = np.minimum(np.where(total == 0, length, ip + total), length)
        whole = part & _FRAGMENT_OFFSET == 0
        for place in np.flatnonzero(good & (part & (_FRAGMENT_OFFSET | _MORE_FRAGMENTS) != 0)).tolist():
            at, into = int(ip[place]), 8 * int(part[place] & _FRAGMENT_OFFSET)
            head = int(self.offset[which[place]]) + at
            key = bytes(self.data[head + 4 : head + 6]) + bytes(self.data[head + 12 : head + 20])
            start = at + int(header[place])
            self._fragment(Fragment(int(which[place]), key, int(protocol[place]), at, start, int(end[place]), into))
        self._transport(*_only(good & whole, which, ip, ip + header, protocol, end))

    def ipv6(self, which: Array, ip: Array) -> None:
        """IPv6 from the offsets `ip` on (RFC 8200): with a payload length, and headers of options or fragments."""
        which, ip = _only(self.captured[which] >= ip + 40, which, ip)
        size, protocol = self.short(which, ip + 4), self.byte(which, ip + 6)
        good = (self.byte(which, ip) >> 4 == 6) & (size > 0)
        at, end = ip + 40, np.minimum(ip + 40 + size, self.rows["length"][which])
        for place in np.flatnonzero(good & one_of(protocol, (*_OPTIONS_HEADERS, _FRAGMENT_HEADER))).tolist():
            index, start, stop = int(which[place]), int(at[place]), int(end[place])
            offset = int(self.offset[index])
            past = _past_extensions(
                self.data, int(protocol[place]), offset + start, offset + min(int(self.captured[index]), stop)
            )
            protocol[place] = _OPTIONS_HEADERS[0]  # no transport
            if past is None:
                continue
            following, start, fragment = past[0], past[1] - offset, past[2]
            if fragment is not None:
                head = offset + int(ip[place])
                key = fragment[1] + bytes(self.data[head + 8 : head + 40])
                self._fragment(Fragment(index, key, following, int(ip[place]), start, stop, fragment[0]))
                if fragment[0]:
                    continue
            protocol[place], at[place] = following, start
        self._transport(*_only(good, which, ip, at, protocol, end))

    def _fragment(self, fragment: Fragment) -> None:
        """Note a fragment of an IP packet; ICMP's are of no interest."""
        if fragment.protocol not in _WITHOUT_TCP:
            self.fragments.append(fragment)
        if fragment.into and fragment.protocol in (_TCP, _UDP, *_WITHOUT_TCP):
            self.undecided[fragment.row] = False  # without a header there is nothing for scapy to find

    def _transport(self, which: Array, ip: Array, at: Array, protocol: Array, end: Array) -> None:
        self.undecided[which[one_of(protocol, _WITHOUT_TCP)]] = False
        present = np.minimum(self.captured[which], end)
        (udp, start) = _only((protocol == _UDP) & (present >= at + 8), which, at)
        tunnel = one_of(self.short(udp, start), TUNNELS) | one_of(self.short(udp, start + 2), TUNNELS)
        self.undecided[udp[~tunnel]] = False
        self._tcp(*_only((protocol == _TCP) & (present >= at + 20), which, ip, at, end, present))

    def _tcp(self, which: Array, ip: Array, at: Array, end: Array, present: Array) -> None:
        size = self.byte(which, at + 12) >> 4  # in units of 4 bytes
        payload = at + 4 * size
        which, ip, at, end, payload = _only((size >= 5) & (payload <= present), which, ip, at, end, payload)
        plain = payload == at + 20
        longer = np.flatnonzero(payload == at + 32)
        plain[longer] = self.word(which[longer], at[longer] + 20) == _TIMESTAMPS
        for index in np.flatnonzero(~plain).tolist():
            offset = int(self.offset[which[index]])
            options = self.data[offset + int(at[index]) + 20 : offset + int(payload[index])]
            plain[index] = _AUTHENTICATION not in options or not _is_authenticated(options)
        which, ip, at, end, payload = _only(plain, which, ip, at, end, payload)
        columns = {
            "ip": ip,
            "tcp": at,
            "payload": payload,
            "end": end,
            "source_port": self.short(which, at),
            "destination_port": self.short(which, at + 2),
            "seq": self.word(which, at + 4),
            "ack": self.word(which, at + 8),
            "flags": self.short(which, at + 12) & 0b1_1111_1111,
            "window": self.short(which, at + 14),
        }
        for name, column in columns.items():
            self.rows[name][which] = column
        self.rows["tcp_packet"][which], self.undecided[which] = True, False


def _only(mask: Array, *columns: Array) -> tuple[Array, ...]:
    return tuple(column[mask] for column in columns)


def _past_extensions(
    data: bytes | bytearray, protocol: int, at: int, stop: int
) -> tuple[int, int, tuple[int, bytes] | None] | None:
    """The protocol after the extension headers that begin here, and where it begins; None where they make no sense.

    With it comes the fragment that they tell of, or None: its place in the packet in bytes, and the packet's number.
    """
    fragment: tuple[int, bytes] | None = None
    for _ in range(_MOST_EXTENSIONS):
        if at + 8 > stop:
            return None
        following, option, end = data[at], at + 2, at + 8 + 8 * data[at + 1]
        if protocol == _FRAGMENT_HEADER:
            if fragment is not None:
                return None
            end = at + 8
            fragment = (int.from_bytes(data[at + 2 : at + 4], "big") & ~0b111, bytes(data[at + 4 : end]))
        elif end > stop:
            return None
        else:
            while option < end:  # Pad1 is one byte; all others have a type, a length, and so many bytes
                option += 1 if data[option] == 0 else 2 + data[option + 1] if option + 1 < end else 2
            if option > end:
                return None
        protocol, at = following, end
        if (fragment and fragment[0]) or protocol not in (*_OPTIONS_HEADERS, _FRAGMENT_HEADER):
            return protocol, at, fragment
    return None


def _is_authenticated(options: bytes | bytearray) -> bool:
    at = 0
    while at < len(options) and options[at] != 0:
        if options[at] == _AUTHENTICATION:
            return True
        length = 1 if options[at] == 1 else options[at + 1] if at + 1 < len(options) else 2
        at += 1 if options[at] == 1 else max(length, 2)
    return False
