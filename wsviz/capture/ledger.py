"""The ledger: every byte of every packet in exactly one bucket.

The packet table knows the bytes of the lower layers; the decoders lay spans over the streams and so name the bytes
of the upper ones. What no span covers is `other`. Law: the buckets sum to the bytes on the wire, per connection and
in total.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsviz.capture.direction import Direction
from wsviz.capture.packets import Array, PacketTable

BUCKETS = (
    "link",
    "ip",
    "tcp",
    "tls",
    "http_header",
    "http_framing",
    "http_body",
    "ws_header",
    "ws_masking_key",
    "ws_control",
    "ws_payload",
    "retransmission",
    "padding",
    "other",
)
BUCKET = {name: number for number, name in enumerate(BUCKETS)}
NO_UNIT = -1

SPAN = np.dtype(
    [
        ("start", "i8"),  # stream offsets; spans of a direction are sorted and do not overlap
        ("end", "i8"),
        ("bucket", "u1"),
        ("exchange", "i4"),  # the unit that the bytes belong to, or NO_UNIT
        ("message", "i4"),
    ]
)


def spans(rows: Sequence[tuple[int, int, int, int, int]]) -> Array:
    """Rows of (start, end, bucket, exchange, message) as a span array."""
    return np.array(rows, dtype=SPAN)


def count_connection(directions: Sequence[tuple[Direction, Array]], unit: str | None) -> dict[int, Array]:
    """Bytes by bucket for each unit of one connection, each direction given with its spans.

    `unit` is "exchange", "message", or None to count the connection as a whole. The lower-layer bytes of a packet go
    to the unit that holds the packet's first new payload byte; what belongs to no unit stands under NO_UNIT.
    """
    units = [NO_UNIT]
    if unit is not None:
        units += sorted({int(value) for _, laid in directions for value in laid[unit]} - {NO_UNIT})
    counts = np.zeros((len(units), len(BUCKETS)), "i8")
    for direction, laid in directions:
        rows_of_spans = _positions(units, laid[unit]) if unit else np.zeros(len(laid), "i8")
        # A span may lie over a hole: only what was on the wire counts.
        amounts = direction.seen(laid["end"]) - direction.seen(laid["start"])
        np.add.at(counts, (rows_of_spans, laid["bucket"]), amounts)
        # New payload bytes that no span names were not decoded.
        counts[0, BUCKET["other"]] += int(direction.new_bytes.sum() - amounts.sum())
        _count_lower_layers(counts, direction, _unit_rows(direction, laid, rows_of_spans))
    return {value: row for value, row in zip(units, counts, strict=True) if value != NO_UNIT or row.any()}


def _positions(units: list[int], values: Array) -> Array:
    return np.searchsorted(np.array(units), values)


def _unit_rows(direction: Direction, laid: Array, rows_of_spans: Array) -> Array:
    """For each packet of a direction, the row of the unit that holds its first new payload byte."""
    rows = np.zeros(len(direction.packets), "i8")
    pieces = direction.pieces
    if not len(pieces) or not len(laid):
        return rows
    _, first_pieces = np.unique(pieces["packet"], return_index=True)
    offsets = pieces["start"][first_pieces]
    at = np.searchsorted(laid["start"], offsets, "right") - 1
    inside = (at >= 0) & (offsets < laid["end"][at])
    places = np.searchsorted(direction.packets, pieces["packet"][first_pieces])
    rows[places[inside]] = rows_of_spans[at[inside]]
    return rows


def _count_lower_layers(counts: Array, direction: Direction, rows: Array) -> None:
    packets = direction.table.rows[direction.packets]
    columns = {name: packets[name].astype("i8") for name in ("ip", "tcp", "payload", "end", "length")}
    for bucket, amounts in (
        ("link", columns["ip"]),
        ("ip", columns["tcp"] - columns["ip"]),
        ("tcp", columns["payload"] - columns["tcp"]),
        ("padding", columns["length"] - columns["end"]),
        ("retransmission", columns["end"] - columns["payload"] - direction.new_bytes),
    ):
        np.add.at(counts[:, BUCKET[bucket]], rows, amounts)


def count_outside_tcp(table: PacketTable) -> Array:
    """Bytes by bucket of the packets that belong to no TCP connection: all of them are `other`."""
    counts = np.zeros(len(BUCKETS), "i8")
    outside = ~table.rows["tcp_packet"]
    counts[BUCKET["other"]] = int(table.rows["length"][outside].astype("i8").sum())
    return counts
