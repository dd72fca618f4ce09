"""What is to be said of a capture file as a whole: its damage, and what of it could not be decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.fast_headers import LINK_TYPES
from wsviz.capture.packets import PacketTable
from wsviz.capture.pcap_records import LARGEST_PACKET, NO_INTERFACE
from wsviz.protocol.fields import Finding
from wsviz.protocol.rules import RULES
from wsviz.protocol.wire import count


def damage_of_file(table: PacketTable) -> list[Finding]:
    """What is wrong with the file itself."""
    found = []
    if table.trouble is not None:
        number = len(table.rows)
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


def gaps_of_file(table: PacketTable, connections: Sequence[Connection]) -> list[Finding]:
    """What of the file could not be decoded, so that nobody takes silence for approval."""
    found = []
    if parts := _packets_not_decoded(table):
        found.append(RULES["packets-not-decoded"].finding(f"{'; '.join(parts)}; they count as other"))
    if not any(connection.protocol in ("websocket", "http") for connection in connections):
        words = f"no WebSocket or HTTP was decoded: {what_instead(connections)}"
        found.append(RULES["nothing-decoded"].finding(words))
    return found


def _packets_not_decoded(table: PacketTable) -> list[str]:
    rows = table.rows[~table.rows["tcp_packet"]]
    parts = []
    for link_type, number in zip(*np.unique(rows["link_type"], return_counts=True), strict=True):
        if not _is_known(int(link_type)):
            which = f"link type {link_type}, which scapy does not know"
            if link_type == NO_INTERFACE:
                which = "an interface that the file does not describe"
            parts.append(f"{count(int(number), 'packet')} of {which}")
            rows = rows[rows["link_type"] != link_type]
    short = np.flatnonzero(~table.rows["tcp_packet"] & (table.rows["captured"] < table.rows["length"]))
    known = {int(link_type) for link_type in np.unique(rows["link_type"])}
    link_types = table.rows["link_type"]
    cut = sum(int(link_types[i]) in known and _is_cut(int(link_types[i]), table.raw(i)) for i in short.tolist())
    if cut:
        parts.append(f"{count(cut, 'packet')} with headers that are cut")
    return parts


def _is_known(link_type: int) -> bool:
    if link_type in LINK_TYPES:
        return True
    from wsviz.capture.scapy_bridge import knows_link_type  # scapy takes a while to import, and is seldom asked

    return knows_link_type(link_type)


def _is_cut(link_type: int, raw: bytes) -> bool:
    from wsviz.capture.scapy_bridge import headers_cut

    return headers_cut(link_type, raw)


# What a capture without WebSocket holds, by protocol: what to call it, and what to add.
_INSTEAD = {
    "http": ("HTTP connection", ""),
    "http/2": ("HTTP/2 connection", ", not decoded"),
    "tls": ("TLS connection", ", encrypted"),
    "tcp": ("other TCP connection", ""),
}


def what_instead(connections: Sequence[Connection]) -> str:
    """What there is where there is no WebSocket: connections by protocol, their exchanges, upgrades refused."""
    parts = []
    for protocol, (noun, more) in _INSTEAD.items():
        own = [connection for connection in connections if connection.protocol == protocol]
        words = count(len(own), noun) + more
        if exchanges := sum(len(connection.exchanges) for connection in own):
            words += f" with {count(exchanges, 'exchange')}"
        if refused := sum(connection.ending.how == "refused" for connection in own):
            words += f", {count(refused, 'upgrade')} refused"
        parts += [words] if own else []
    return "; ".join(parts) or "no TCP connection"
