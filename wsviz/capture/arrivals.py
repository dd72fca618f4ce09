"""When the pieces of a response's body arrived: what tells a stream from a download."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.packets import ACK, SYN
from wsviz.protocol.grammar import has_token

if TYPE_CHECKING:
    from wsviz.capture.connection import Connection
    from wsviz.capture.exchanges import Exchange

PAUSE = 50_000_000  # ns without a byte of a body: less may lie between two packets of one write


def media_type(exchange: Exchange) -> str:
    """The response's media type in lower case, without parameters; "" where there is none."""
    head = exchange.response_head
    return "" if head is None else (head.header("Content-Type") or "").partition(";")[0].strip().lower()


def is_event_stream(exchange: Exchange) -> bool:
    """Whether the answer is a stream of server-sent events."""
    response = exchange.response_head
    return response is not None and response.status == 200 and media_type(exchange) == "text/event-stream"


def piece_times(exchange: Exchange) -> list[int]:
    """When each piece of a response's body was complete, in ns since the epoch.

    A piece is a chunk; where the body is not chunked, it is what came without a pause of 50 ms.
    """
    response, pieces, direction = (
        exchange.response_head,
        exchange.response_body.pieces,
        exchange.response_body.direction,
    )
    if response is None or not pieces:
        return []
    if has_token(response.header("Transfer-Encoding") or "", "chunked"):
        return [direction.time_at(end - 1) for _, end in pieces]
    packets = direction.packets_between(pieces[0][0], pieces[-1][1])
    times = sorted(direction.table.rows["time"][list(packets)].tolist())
    return [time for time, after in pairwise([*times, math.inf]) if after - time >= PAUSE]


def streamed_pieces(connection: Connection, exchange: Exchange) -> tuple[list[int], int]:
    """The times of the pieces of a streamed body, and how many pauses lay between them; nothing for other bodies.

    Streamed: its length was not told in advance, and the sender paused at least twice, each time for 50 ms or more
    and for more than two round trips, as long as TCP itself may make the bytes of a large body wait.
    """
    response = exchange.response_head
    if response is None or exchange.response_time is None or exchange.end_time is None:
        return [], 0
    told = response.header("Content-Length") is not None
    if told or response.status // 100 != 2 or exchange.end_time - exchange.response_time < 2 * PAUSE:
        return [], 0
    times, limit = piece_times(exchange), max(PAUSE, 2 * round_trip(connection))
    pauses = int((np.diff(np.array(times, "i8")) >= limit).sum())
    return (times, pauses) if pauses >= 2 else ([], 0)


def round_trip(connection: Connection) -> int:
    """From the client's SYN to the ACK that ends TCP's handshake, in ns; 0 where the capture lacks them."""
    client, server = (direction for direction, _ in connection.directions())
    rows, answers = client.table.rows[client.packets], server.table.rows[server.packets]
    syn, syn_ack = rows[rows["flags"] & (SYN | ACK) == SYN], answers[answers["flags"] & SYN != 0]
    if not len(syn) or not len(syn_ack):
        return 0
    acks = rows[(rows["flags"] & SYN == 0) & (rows["ack"] == (syn_ack["seq"][0].astype("i8") + 1) % 2**32)]
    return max(int(acks["time"][0] - syn["time"][-1]), 0) if len(acks) else 0
