"""Times between frames: ping round trips, pings without a pong, and how long nothing came."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.captured_frames import SIDES
from wsviz.capture.packets import Array
from wsviz.protocol.fields import Side
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
    rows, answered = connection.frame_table, answered_pings(connection)
    found = {}
    for number, side in enumerate(SIDES):
        pings = np.nonzero((rows["opcode"] == Opcode.PING) & (rows["sender"] == number))[0]
        if before is not None:
            pings = pings[rows["packet"][pings] - 1 < before]
        last = max((place for place, row in enumerate(pings.tolist()) if row in answered), default=-1)
        missed = pings[last + 1 :]
        if len(missed) and len(connection.directions()[1 - number][0].pieces):
            found[side] = len(missed), int(rows["packet"][missed[0]])
    return found


def timing_columns(connection: Connection) -> tuple[Array, Array]:
    """For each row of the frame table, in seconds and NaN where there is none: `round_trip` and `idle`.

    A ping's round trip ends with its pong's first byte; idle is the time since the connection's previous frame. A
    time that runs backwards, because the capture's clock did, is none.
    """
    times = connection.frame_table["time"]
    round_trip, idle = np.full(len(times), np.nan), np.full(len(times), np.nan)
    for ping, pong in answered_pings(connection).items():
        round_trip[ping] = (times[pong] - times[ping]) / 1e9
    idle[1:] = np.diff(times) / 1e9
    for column in (round_trip, idle):
        column[column < 0] = np.nan
    return round_trip, idle


def reply_latencies(connection: Connection) -> list[float | None]:
    """For each message, the seconds from the latest message of the other side that it may answer; None without one.

    From that message's last byte to this one's first. Only the first of several messages in a row can be an answer:
    those after it, with none of the other side's complete between, have None. Which request an answer belongs to,
    where several are under way, only the application knows.
    """
    rows = connection.frame_table
    begins = dict[int, int]()
    for number, time in zip(rows["message"].tolist(), rows["time"].tolist(), strict=True):
        begins.setdefault(number, time)
    # (time, whether it is a beginning, message): at the same time, an end comes before a beginning.
    events = [(message.time or 0, 0, number) for number, message in enumerate(connection.messages.heads)]
    events += [(begins[number], 1, number) for number in range(len(connection.messages))]
    latencies: list[float | None] = [None] * len(connection.messages)
    open_question: dict[Side, int] = {}  # by who asked: when its latest message ended
    for time, begins_here, number in sorted(events):
        sender = connection.messages.heads[number].sender
        if not begins_here:
            open_question[sender] = time
        elif (asked := open_question.pop(sender.other, None)) is not None:
            latencies[number] = (time - asked) / 1e9
    return latencies
