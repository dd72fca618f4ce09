"""Times between frames: ping round trips, pings without a pong, and how long nothing came."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.packets import Array
from wsviz.protocol.fields import SIDES, Side
from wsviz.protocol.wire import Opcode, apply_mask

if TYPE_CHECKING:
    from wsviz.capture.connection import Connection


def answered_pings(connection: Connection) -> dict[int, int]:
    """Each ping that has a pong of its own: its row in the frame table, and the pong's.

    The pong is the other side's first one after the ping that carries the same bytes and answers no earlier ping.
    """
    rows, waiting, pairs = connection.frame_table, dict[tuple[int, bytes], deque[int]](), dict[int, int]()
    for row in np.nonzero((rows["opcode"] == Opcode.PING) | (rows["opcode"] == Opcode.PONG))[0].tolist():
        sender, data = int(rows["sender"][row]), _payload(connection, rows[row])
        if rows["opcode"][row] == Opcode.PING:
            waiting.setdefault((sender, data), deque()).append(row)
        elif pings := waiting.get((1 - sender, data)):
            pairs[pings.popleft()] = row
    return pairs


def _payload(connection: Connection, row: Array) -> bytes:
    """The unmasked payload of a frame, without the evidence that a CapturedFrame gathers."""
    direction, start = connection.directions()[row["sender"]][0], int(row["offset"] + row["header_length"])
    data = direction.read(start, start + int(row["payload_length"]))
    return apply_mask(data, direction.read(start - 4, start)) if row["masked"] else data


def unanswered_pings(connection: Connection, before: int | None) -> dict[Side, tuple[int, int]]:
    """By side: how many of its last pings had no pong, and the packet (1-based) of the first of these.

    A pong to a newer ping stands for older ones (RFC 6455 5.5.3). Only pings in packets before the one with the index
    `before` count; a side whose peer's bytes were not captured has none.
    """
    rows, found = connection.frame_table, dict[Side, tuple[int, int]]()
    if not len(rows):
        return found
    answered = answered_pings(connection)
    for number, side in enumerate(SIDES):
        pings = np.nonzero((rows["opcode"] == Opcode.PING) & (rows["sender"] == number))[0]
        if before is not None:
            pings = pings[rows["packet"][pings] - 1 < before]
        last = max((place for place, row in enumerate(pings.tolist()) if row in answered), default=-1)
        missed = pings[last + 1 :]
        if len(missed) and len(connection.directions()[1 - number][0].pieces):
            found[side] = len(missed), int(rows["packet"][missed[0]])
    return found


class Replies:
    """Tells of the messages of a connection, in the order in which they were completed, how long each took to come.

    That is from the last byte of the other side's latest message that it may answer to its own first byte. Only the
    first of several messages in a row can be an answer: those after it, with none of the other side's complete
    between, are none. Which request an answer belongs to, where several are under way, only the application knows.
    """

    def __init__(self) -> None:
        self._ended = (array("q"), array("q"))  # by sender: when its messages ended that were not answered yet

    def latency(self, sender: int, begun: int, ended: int) -> float | None:
        """Of the next message, in seconds, None where it answers nothing; times are ns, `sender` is 0 or 1."""
        asked = self._ended[1 - sender]
        latest = bisect_right(asked, begun) - 1
        latency = None if latest < 0 else (begun - asked[latest]) / 1e9
        del asked[: latest + 1]
        self._ended[sender].append(ended)
        return latency


def reply_latencies(connection: Connection) -> list[float | None]:
    """For each message what `Replies` tells of it, in seconds."""
    rows, begins, replies = connection.frame_table, dict[int, int](), Replies()
    for number, time in zip(rows["message"].tolist(), rows["time"].tolist(), strict=True):
        begins.setdefault(number, time)
    return [
        replies.latency(SIDES.index(message.sender), begins[number], message.time or 0)
        for number, message in enumerate(connection.messages.heads)
    ]
