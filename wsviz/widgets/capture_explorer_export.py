"""The frames that are shown as tables, part by part, and the messages that they belong to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.ledger import NO_UNIT
from wsviz.capture.packets import Array
from wsviz.figures.explorer_rows import FrameList
from wsviz.protocol.fields import WsvizError

if TYPE_CHECKING:
    import pandas as pd

CONTENTS = ("frames", "messages")
_ROWS = 50_000  # frames in one table
_MESSAGES, _BYTES = 5_000, 32 << 20  # messages in one table, and bytes of them


def tables_of(
    frames: FrameList, rows: Array, content: str, *, reveal: bool, tell: Callable[[int], None]
) -> Iterator[pd.DataFrame]:
    """These rows as tables of "frames" (the columns of `Capture.frame_columns()`), or of their "messages".

    Messages have the columns of `Capture.messages` and come connection by connection. There is one table at least.
    `tell` hears how many rows are done.
    """
    if content not in CONTENTS:
        raise WsvizError(f"there are no {content[:20]!r} to export, expected one of: {', '.join(CONTENTS)}")
    return _frame_tables(frames, rows, tell) if content == "frames" else _message_tables(frames, rows, reveal, tell)


def _frame_tables(frames: FrameList, rows: Array, tell: Callable[[int], None]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    from wsviz.capture.tables import as_column

    kinds = {"time": "time", "sender": "str"}
    for start in range(0, max(len(rows), 1), _ROWS):
        tell(start)
        columns = frames.columns(rows[start : start + _ROWS])
        yield pd.DataFrame(
            {name: as_column(values, kinds.get(name, str(values.dtype))) for name, values in columns.items()}
        )


def _message_tables(
    frames: FrameList, rows: Array, reveal: bool, tell: Callable[[int], None]
) -> Iterator[pd.DataFrame]:
    places: list[tuple[Connection, int]] = []
    size = made = 0
    for done, connection, number in _messages(frames, rows, reveal):
        # A table ends where a connection does, if it can: a message's latency is told by those before it.
        other = bool(places) and places[-1][0] is not connection
        if size >= _BYTES or (other and len(places) >= _MESSAGES):
            tell(done)
            yield _messages_said_once(places)
            places, size, made = [], 0, made + 1
        places.append((connection, number))
        head = connection.messages.heads[number]
        size += head.length or head.wire_length
    if places or not made:
        yield _messages_said_once(places)


def _messages_said_once(places: list[tuple[Connection, int]]) -> pd.DataFrame:
    """The table of these messages; what the text says is not said again as data."""
    from wsviz.capture import tables

    table = tables.message_table(places)
    table["data"] = table["data"].where(table["text"].isna(), None)
    return table


def _messages(frames: FrameList, rows: Array, reveal: bool) -> Iterator[tuple[int, Connection, int]]:
    """The messages of these rows: how many rows are done, the connection, the message's index there."""
    owners, done = frames.connection[rows], 0
    for owner in np.unique(owners).tolist():
        mine = rows[owners == owner]
        connection = frames.capture.connections[owner]
        if connection.reveal != reveal:
            connection = copy.copy(connection)  # the capture itself stays as it was read
            connection.reveal = reveal
        numbers = connection.frame_table[np.searchsorted(frames.rows_of(owner), mine)]["message"]
        for number in np.unique(numbers[numbers != NO_UNIT]).tolist():
            yield done, connection, number
        done += len(mine)
