"""The frames of a capture as a list that may be very long: numbers as columns, words only for the rows looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.har_capture import NO_PACKETS, HarCapture
from wsviz.capture.ledger import NO_UNIT
from wsviz.capture.packets import Array
from wsviz.figures.ladder_steps import LOOKED_AT, frame_words
from wsviz.protocol.fields import SIDES, Finding, Side, WsvizError
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import PREVIEW_BYTES, Opcode, apply_mask

_LONG = 100_000  # frames
_HAR = f"{NO_PACKETS}; its messages are in `read_capture(path).messages`, and `wsviz report` lists them"


class FrameList:
    """All frames of a capture, in capture order: a row is an index into the columns.

    It is made from `frame_columns()` alone; a connection is asked for only where a row needs words. Raises WsvizError
    where the capture is a HAR file, which has messages without frames.
    """

    def __init__(self, capture: Capture) -> None:
        if isinstance(capture, HarCapture):
            raise WsvizError(f"{capture.name}: {_HAR}")
        self.capture = capture
        self._columns = columns = capture.frame_columns()
        self.connection: Array = columns["connection"]
        self.time: Array = columns["time"]  # ns since the epoch
        self.server: Array = columns["sender"] == Side.SERVER.value
        self.opcode: Array = columns["opcode"]
        self.fin: Array = columns["fin"]
        self.rsv1: Array = columns["rsv1"]
        self.masked: Array = columns["masked"]
        self.payload_length: Array = columns["payload_length"]
        self.packet: Array = columns["packet"]
        # A stable sort keeps the capture's order within each connection, which is that of its own frame table.
        self._by_connection = np.argsort(self.connection, kind="stable")
        sizes = np.bincount(self.connection, minlength=len(capture.connections)) if len(self) else np.zeros(0, "i8")
        self._starts = np.concatenate(([0], np.cumsum(sizes)))

    def __len__(self) -> int:
        return len(self.connection)

    @property
    def start(self) -> int:
        """When the first frame came, in ns since the epoch."""
        return int(self.time[0]) if len(self) else 0

    def rows(self) -> Array:
        """All rows."""
        return np.arange(len(self))

    def rows_of(self, connection: int) -> Array:
        """The rows of one connection, in the order of its `frames`."""
        if connection + 1 >= len(self._starts):
            return np.zeros(0, "i8")
        rows: Array = self._by_connection[self._starts[connection] : self._starts[connection + 1]]
        return rows

    def is_long(self, connection: int) -> bool:
        """Whether the connection takes seconds to decode."""
        return len(self.rows_of(connection)) > _LONG

    def columns(self, rows: Array) -> dict[str, Array]:
        """These rows of `frame_columns()`."""
        return {name: values[rows] for name, values in self._columns.items()}

    def place(self, row: int) -> tuple[int, int]:
        """The connection of a row, and its index among the `frames` there."""
        connection = int(self.connection[row])
        return connection, int(np.searchsorted(self.rows_of(connection), row))


@dataclass(frozen=True, slots=True)
class RowWords:
    """What a frame says in a line: its beginning in words, secrets masked unless asked for; remarks; findings."""

    words: str
    remarks: tuple[str, ...]
    findings: tuple[Finding, ...]


class RowReader:
    """Puts the frames of one connection into words, `most` bytes of each, reading no more than its beginning."""

    def __init__(self, connection: Connection, *, reveal: bool, most: int = PREVIEW_BYTES) -> None:
        self._connection, self._reveal, self._most = connection, reveal, most
        self._directions = [direction for direction, _ in connection.directions()]
        self._findings: dict[tuple[Side | None, int | None], list[Finding]] = {}
        for finding in connection.findings:
            self._findings.setdefault((finding.culprit, finding.frame), []).append(finding)

    def words(self, index: int) -> RowWords:
        """The words of the frame with this index among the connection's frames."""
        row = self._connection.frame_table[index]
        opcode, side = int(row["opcode"]), SIDES[row["sender"]]
        frame = Frame(opcode, self._beginning(row), fin=bool(row["fin"]), rsv1=bool(row["rsv1"]))
        data, textual, compressed = frame.payload, opcode != Opcode.BINARY, False
        if row["message"] != NO_UNIT and not frame.is_control:
            message = self._connection.messages.heads[row["message"]]
            textual, compressed = message.text is not None, message.compressed
            if compressed and len(message.frames) > 1:
                textual = False
            elif compressed:
                data = self._connection.messages[row["message"]].data
        words = frame_words(frame, data, textual, reveal=self._reveal, most=self._most)
        findings = tuple(self._findings.get((side, int(row["index"])), ()))
        return RowWords(words, tuple(_remarks(frame, compressed)), findings)

    def _beginning(self, row: Array) -> bytes:
        """The first bytes of a frame's payload, unmasked."""
        direction, start = self._directions[row["sender"]], int(row["offset"]) + int(row["header_length"])
        data = direction.read(start, start + min(int(row["payload_length"]), LOOKED_AT))
        return apply_mask(data, direction.read(start - 4, start)) if row["masked"] else data


def _remarks(frame: Frame, compressed: bool) -> Iterator[str]:
    if compressed:
        yield "compressed"
    if not frame.fin:
        yield "more follows"
    elif frame.opcode == Opcode.CONTINUATION:
        yield "last fragment"
