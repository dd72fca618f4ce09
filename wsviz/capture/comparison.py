"""The same job by several mechanisms: what one delivered update cost, bucket by bucket, and what comes on top."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from wsviz.capture.arrivals import is_event_stream, streamed_pieces
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.capture.frame_timing import reply_latencies
from wsviz.capture.ledger import BUCKETS
from wsviz.capture.mechanism import latency
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.fields import Side, WsvizError
from wsviz.protocol.wire import Opcode

if TYPE_CHECKING:
    import pandas as pd

_KEEPS_OPEN = ("websocket", "server-sent events", "streaming")  # one request, many updates


def count_updates(connection: Connection) -> int:
    """Updates delivered: WebSocket messages, dispatched events, streamed pieces, non-empty bodies of 2xx answers."""
    return len(connection.messages) + sum(_updates_in(connection, exchange) for exchange in connection.exchanges)


def _updates_in(connection: Connection, exchange: Exchange) -> int:
    response = exchange.response_head
    if response is None or not 200 <= response.status <= 299:
        return 0
    if is_event_stream(exchange):
        return sum(event.dispatched for event in parse_event_stream(exchange.response_body.read()))
    pieces, _ = streamed_pieces(connection, exchange)
    return len(pieces) or int(bool(exchange.response_body.length))


def compare(captures: Mapping[str, Capture]) -> pd.DataFrame:
    """Captures side by side: a row each, under the names given.

    Columns: `updates`, `packets`, `bytes` (on the wire), `empty_answers` (2xx without a body), `bytes_per_update`;
    `mechanism`; `latency` (median seconds from a client's message to the server's reply, and from a request to its
    answer, upgrades left out; NA where nothing answers); `fixed_bytes` and `marginal_bytes`, which explain
    `break_even`; then each bucket of the ledger in bytes per update.

    `fixed_bytes` are spent once, however many updates there are: the whole packets that open connections (TCP's
    handshake, and up to the answer's head the request that a WebSocket or a stream begins with) and those that close
    them. Where polls open a connection each, these too come with the updates, and nothing is fixed.
    `marginal_bytes` is the rest by the update. `break_even`: from how many updates on the mechanism that is cheapest
    by the update costs less in all than this one; NA for that mechanism itself, and where it never does.

    Raises WsvizError where a capture delivers no update.
    """
    import pandas as pd

    if not isinstance(captures, Mapping) or not all(isinstance(capture, Capture) for capture in captures.values()):
        raise WsvizError('compare takes captures by their names: {"polling": read_capture("poll.pcapng"), ...}')
    rows = {name: _row(name, capture) for name, capture in captures.items()}
    costs = {name: Cost(row["fixed_bytes"], row["marginal_bytes"]) for name, row in rows.items()}
    best = min(costs.values(), key=lambda cost: (cost.marginal, cost.fixed), default=Cost(0, 0))
    for name, row in rows.items():
        row["break_even"] = break_even(best, costs[name])
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.astype({"break_even": "Int64", "latency": "Float64"}) if rows else table


def _row(name: str, capture: Capture) -> dict[str, Any]:
    delivered = [(connection, count_updates(connection)) for connection in capture.connections]
    updates = sum(number for _, number in delivered)
    if not updates:
        raise WsvizError(f"{name!r} ({capture.name}) delivers no update, so there is nothing to compare")
    exchanges = [exchange for connection in capture.connections for exchange in connection.exchanges]
    mechanisms = dict.fromkeys(connection.mechanism.name for connection, number in delivered if number)
    fixed = fixed_bytes(capture)
    return {
        "updates": updates,
        "packets": capture.packet_count,
        "bytes": capture.wire_bytes,
        "empty_answers": sum(map(_is_empty, exchanges)),
        "bytes_per_update": capture.wire_bytes / updates,
        "mechanism": ", ".join(mechanisms),
        "latency": _median_latency(capture),
        "fixed_bytes": fixed,
        "marginal_bytes": (capture.wire_bytes - fixed) / updates,
        "break_even": None,
        **dict(zip(BUCKETS, capture.overhead()[list(BUCKETS)].sum() / updates, strict=True)),
    }


def _is_empty(exchange: Exchange) -> bool:
    head = exchange.response_head
    return head is not None and head.status // 100 == 2 and not exchange.response_body.length


def _median_latency(capture: Capture) -> float | None:
    seconds: list[float] = []
    for connection in capture.connections:
        replies = zip(connection.messages.heads, reply_latencies(connection), strict=True)
        seconds += [waited for reply, waited in replies if waited is not None and reply.sender is Side.SERVER]
        for exchange in connection.exchanges:
            waited = latency(exchange)
            if waited is not None and exchange.response_head is not None and exchange.response_head.status != 101:
                seconds.append(waited / 1e9)
    return median(seconds) if seconds else None


class Cost(NamedTuple):
    """Bytes spent once, and bytes spent on each update."""

    fixed: float
    marginal: float


def break_even(best: Cost, other: Cost) -> int | None:
    """From how many updates on `best` costs less than `other` in all, which costs no less by the update.

    None where it never does.
    """
    if best.fixed < other.fixed:
        return 1
    if best.marginal >= other.marginal:
        return None
    return floor((best.fixed - other.fixed) / (other.marginal - best.marginal)) + 1


def fixed_bytes(capture: Capture) -> int:
    """The bytes on the wire that a capture's connections cost once: see `compare`."""
    used = [connection for connection in capture.connections if connection.exchanges or len(connection.frame_table)]
    recurs = sum(connection.mechanism.name not in _KEEPS_OPEN for connection in used) > 1
    kept = [connection for connection in used if not recurs or connection.mechanism.name in _KEEPS_OPEN]
    return sum(_opening_and_closing(connection) for connection in kept)


def _opening_and_closing(connection: Connection) -> int:
    """The bytes of the packets before a connection's first update could come, and of those from its end on."""
    directions = [direction for direction, _ in connection.directions()]
    packets, lengths = connection.packets, directions[0].table.rows["length"].astype("i8")
    ends = [p for direction in directions for p in (direction.fin_packet, direction.rst_packet) if p is not None]
    rows = connection.frame_table
    ends += (rows["packet"][rows["opcode"] == Opcode.CLOSE] - 1).tolist()
    last = min(ends, default=int(packets[-1]) + 1)
    first = int(packets[0])
    if connection.exchanges:
        exchange = connection.exchanges[-1 if connection.protocol == "websocket" else 0]
        first = exchange.request_packet - 1
        if connection.mechanism.name in _KEEPS_OPEN:
            first = exchange.response_packet or exchange.request_packet
    return int(lengths[packets[(packets < first) | (packets >= last)]].sum())
