"""The frames of a connection as columns: one structured array, objects only where somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from wsviz.capture.direction import Direction
from wsviz.capture.frame_decoding import FrameReading
from wsviz.capture.ledger import BUCKET, NO_UNIT, SPAN
from wsviz.capture.packets import Array
from wsviz.protocol.fields import SIDES, Dissection, Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import FIN, RSV1

FRAME = np.dtype(
    [
        ("connection", "i4"),  # 0-based, as Wireshark's tcp.stream
        ("time", "i8"),  # ns since the epoch, of the packet that brought the frame's first byte
        ("sender", "u1"),  # index into SIDES
        ("index", "i4"),  # in its direction
        ("opcode", "u1"),
        ("fin", "?"),
        ("rsv1", "?"),
        ("masked", "?"),
        ("header_length", "u1"),  # bytes, key included
        ("payload_length", "i8"),  # bytes
        ("packet", "i4"),  # 1-based
        ("offset", "i8"),  # of the first byte in the direction's stream
        ("message", "i4"),  # index into Connection.messages; NO_UNIT for control frames and unfinished messages
    ]
)


@dataclass(frozen=True, slots=True)
class CapturedFrame:
    """A frame on the wire: who sent it, its place in its direction, when (ns), in which packets (1-based)."""

    sender: Side
    index: int
    time: int
    packets: tuple[int, ...]
    dissection: Dissection[Frame]

    @property
    def frame(self) -> Frame:
        """The frame itself."""
        return self.dissection.value

    @property
    def display_filter(self) -> str:
        """What shows this frame in Wireshark: it shows a frame at the packet that completed it."""
        return f"frame.number == {max(self.packets)} && websocket"


class CapturedFrames(Sequence[CapturedFrame]):
    """The frames of a connection in the order of their first bytes, each made when it is asked for."""

    def __init__(self, rows: Array, make: Callable[[Array], CapturedFrame]) -> None:
        self._rows, self._make = rows, make

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> CapturedFrame: ...
    @overload
    def __getitem__(self, index: slice) -> CapturedFrames: ...
    def __getitem__(self, index: int | slice) -> CapturedFrame | CapturedFrames:
        if isinstance(index, slice):
            return CapturedFrames(self._rows[index], self._make)
        return self._make(self._rows[index])

    def __repr__(self) -> str:
        return f"<{len(self)} frames>"


def frame_rows(connection: int, sender: Side, direction: Direction, reading: FrameReading) -> Array:
    """The rows of one direction; `message` is left to be filled in."""
    headers = reading.headers
    rows = np.zeros(len(headers), FRAME)
    if not len(rows):
        return rows
    first = np.array([header.first for header in headers], "u1")
    rows["connection"], rows["sender"], rows["message"] = connection, SIDES.index(sender), NO_UNIT
    rows["index"] = np.arange(len(rows))
    rows["opcode"] = first & 0b1111
    rows["fin"], rows["rsv1"] = first & FIN != 0, first & RSV1 != 0
    rows["masked"] = [header.masking_key is not None for header in headers]
    rows["header_length"] = [header.size for header in headers]
    rows["payload_length"] = [header.payload_length for header in headers]
    rows["offset"] = reading.offsets
    pieces = direction.pieces
    packets = pieces["packet"][np.searchsorted(pieces["start"], rows["offset"], "right") - 1]
    rows["packet"] = packets + 1
    rows["time"] = direction.table.rows["time"][packets]
    return rows


def frame_spans(rows: Array) -> Array:
    """The ledger's spans of one direction's frames: control frames whole, others as header, key and payload."""
    start, header = rows["offset"], rows["header_length"].astype("i8")
    key_start = start + header - 4 * rows["masked"]
    payload_start = start + header
    end = payload_start + rows["payload_length"]
    control = rows["opcode"] >= 8
    parts = []
    for bucket, low, high in (
        ("ws_control", start, np.where(control, end, start)),
        ("ws_header", start, np.where(control, start, key_start)),
        ("ws_masking_key", key_start, np.where(control, key_start, payload_start)),
        ("ws_payload", payload_start, np.where(control, payload_start, end)),
    ):
        part = np.zeros(len(rows), SPAN)
        part["start"], part["end"], part["bucket"] = low, high, BUCKET[bucket]
        part["exchange"], part["message"] = NO_UNIT, rows["message"]
        parts.append(part[high > low])
    laid = np.concatenate(parts)
    laid.sort(order="start")
    return laid
