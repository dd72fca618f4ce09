"""What the frames that are shown cost on the wire: the ledger, with these frames as its one unit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.ledger import BUCKET, BUCKETS, NO_UNIT, count_connection
from wsviz.capture.packets import Array
from wsviz.figures.explorer_rows import FrameList
from wsviz.protocol.fields import SIDES

_OF_FRAMES = [BUCKET[name] for name in BUCKETS if name.startswith("ws_")]


class Overhead(NamedTuple):
    """Bytes on the wire by bucket: of the frames, and of all else in their connections."""

    frames: dict[str, int]
    others: dict[str, int]


def overhead_of(frames: FrameList, rows: Array, tell: Callable[[int], None]) -> Overhead:
    """Count the bytes of these rows; `tell` hears how many rows are counted.

    As everywhere in the ledger, the lower-layer bytes of a packet belong to the frame that holds its first new
    payload byte; packets without data, the handshake and other frames are the others.
    """
    own, others = np.zeros(len(BUCKETS), "i8"), np.zeros(len(BUCKETS), "i8")
    owners, counted = frames.connection[rows], 0
    for number in np.unique(owners).tolist():
        tell(counted)
        mine = rows[owners == number]
        connection = frames.capture.connections[number]
        table = connection.frame_table[np.searchsorted(frames.rows_of(number), mine)]
        counts = _count(connection, table)
        own += counts.get(0, 0)
        others += counts.get(NO_UNIT, 0)
        counted += len(mine)
    return Overhead(_named(own), _named(others))


def _count(connection: Connection, table: Array) -> dict[int, Array]:
    """The ledger of a connection whose only unit, 0, is these frames."""
    marked = copy.copy(connection)
    marked.spans = {
        side: _marked(connection.spans[side], table[table["sender"] == SIDES.index(side)]) for side in SIDES
    }
    return count_connection(marked.wire_directions(), "message")


def _marked(laid: Array, table: Array) -> Array:
    """Spans that belong to unit 0 where they are those of the given frames of the same direction."""
    marked = laid.copy()
    marked["message"] = NO_UNIT
    rows = table[np.argsort(table["offset"])]
    if not len(rows) or not len(laid):
        return marked
    ends = rows["offset"] + rows["header_length"] + rows["payload_length"]
    at = np.searchsorted(rows["offset"], laid["start"], "right") - 1
    inside = (at >= 0) & (laid["start"] < ends[at]) & np.isin(laid["bucket"], _OF_FRAMES)
    marked["message"][inside] = 0
    return marked


def _named(amounts: Array) -> dict[str, int]:
    return dict(zip(BUCKETS, amounts.tolist(), strict=True))
