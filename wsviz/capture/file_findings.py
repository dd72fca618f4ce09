"""What is to be said of a capture file as a whole: its damage, and what of it could not be decoded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.fast_headers import LINK_TYPES, whats_left
from wsviz.capture.packets import Array, PacketReader, PacketTable
from wsviz.capture.pcap_records import LARGEST_PACKET, NO_INTERFACE
from wsviz.protocol.fields import Finding
from wsviz.protocol.rules import RULES
from wsviz.protocol.wire import count

if TYPE_CHECKING:
    from wsviz.capture.connections import Connections

_MOST_KINDS = 8  # of packets that are not decoded, that are told one by one
_AT_ONCE = 1 << 17  # packets that are looked at together


def damage_of_file(table: PacketTable | PacketReader, number: int) -> list[Finding]:
    """What is wrong with the file itself, of which so many packets were read."""
    found = []
    if table.trouble is not None:
        words = f"{count(number, 'packet')} {'was' if number == 1 else 'were'} read"
        if table.last_in_part:
            words += ", in part" if number == 1 else ", the last of them in part"
        else:
            words += " before"
        found.append(RULES["file-cut"].finding(f"{table.trouble}; {words}"))
    if table.wrong_lengths:
        claim = "claims" if table.wrong_lengths == 1 else "claim"
        words = f"{count(table.wrong_lengths, 'record')} {claim} more than {LARGEST_PACKET:,} bytes on the wire"
        found.append(RULES["record-length-wrong"].finding(f"{words}; what was captured counts instead"))
    if table.after_gzip:
        found.append(RULES["bytes-after-gzip"].finding("bytes after the end of the gzip data; they are not read"))
    return found


def gaps_of_file(table: PacketTable, connections: Connections) -> list[Finding]:
    """What of the file could not be decoded, so that nobody takes silence for approval."""
    found = []
    if parts := _packets_not_decoded(table):
        found.append(RULES["packets-not-decoded"].finding(f"{'; '.join(parts)}; they count as other"))
    if (instead := what_instead(connections, of=("websocket", "http"))) is not None:
        found.append(RULES["nothing-decoded"].finding(f"no WebSocket or HTTP was decoded: {instead}"))
    return found


def _packets_not_decoded(table: PacketTable) -> list[str]:
    kinds: Counter[str] = Counter()
    outside = np.flatnonzero(~table.rows["tcp_packet"])
    for start in range(0, len(outside), _AT_ONCE):
        kinds += not_decoded(table.rows[outside[start : start + _AT_ONCE]], table.data)
    parts = [f"{count(number, 'packet')} {words}" for words, number in kinds.most_common(_MOST_KINDS)]
    if others := len(kinds) - len(parts):
        number = kinds.total() - sum(number for _, number in kinds.most_common(_MOST_KINDS))
        parts.append(f"{count(number, 'packet')} of {count(others, 'other kind')}")
    return parts


def not_decoded(rows: Array, data: bytes | bytearray) -> Counter[str]:
    """How many of these rows, none of them a TCP packet, were not read, by the words for why.

    What plainly has nothing of TCP, such as ARP and UDP outside of tunnels, is not counted.
    """
    kinds: Counter[str] = Counter()
    link_types, own, numbers = np.unique(rows["link_type"], return_inverse=True, return_counts=True)
    unknown = [_unknown(link_type) for link_type in link_types.tolist()]
    for words, number in zip(unknown, numbers.tolist(), strict=True):
        if words:
            kinds[words] += number
    rows = rows[np.array([words is None for words in unknown], "?")[own]]
    undecided, later = whats_left(rows, data)
    if not len(undecided) + len(later):
        return kinds
    from wsviz.capture.scapy_unread import LATER_FRAGMENT, why_no_tcp  # scapy takes a while to import

    for row in rows[undecided]:
        raw = bytes(data[row["offset"] : row["offset"] + row["captured"]])
        if words := why_no_tcp(int(row["link_type"]), raw, int(row["length"])):
            kinds[words] += 1
    kinds[LATER_FRAGMENT] += len(later)
    return +kinds


def _unknown(link_type: int) -> str | None:
    if link_type in LINK_TYPES:
        return None
    if link_type == NO_INTERFACE:
        return "of an interface that the file does not describe"
    from wsviz.capture.scapy_bridge import knows_link_type

    return None if knows_link_type(link_type) else f"of link type {link_type}, which scapy does not know"


# What a capture without WebSocket holds, by protocol: what to call it, and what to add.
_INSTEAD = {
    "http": ("HTTP connection", ""),
    "http/2": ("HTTP/2 connection", ", not decoded"),
    "tls": ("TLS connection", ", encrypted"),
    "tcp": ("other TCP connection", ""),
}


def what_instead(connections: Connections, of: Sequence[str] = ("websocket",)) -> str | None:
    """What there is where there is none `of` these protocols; None where there is one.

    Connections by protocol, their exchanges, upgrades refused.
    """
    own, exchanges, refused = Counter(tcp=connections.silent), Counter[str](), Counter[str]()
    for connection in connections.speaking():
        if (protocol := connection.protocol) in of:
            return None
        own[protocol] += 1
        exchanges[protocol] += len(connection.exchanges)
        refused[protocol] += connection.handshake is not None and connection.ending.how == "refused"
    parts = []
    for protocol in filter(own.__getitem__, _INSTEAD):
        noun, more = _INSTEAD[protocol]
        words = count(own[protocol], noun) + more
        words += f" with {count(exchanges[protocol], 'exchange')}" if exchanges[protocol] else ""
        words += f", {count(refused[protocol], 'upgrade')} refused" if refused[protocol] else ""
        parts.append(words)
    return "; ".join(parts) or "no TCP connection"
