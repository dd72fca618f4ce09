"""Rows as columns of Python's own values, which programs are given as text: what needs no pandas, and is quicker.

The columns are those of the tables in tables.py; times are ns since the epoch, None stands for what is empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wsviz.capture.frame_timing import Replies
from wsviz.capture.packets import Array
from wsviz.capture.stores import Store
from wsviz.capture.volume_messages import MESSAGE
from wsviz.capture.volume_tables import ROW, frame_columns
from wsviz.protocol.fields import SIDES
from wsviz.protocol.secrets import mask_bytes, mask_texts
from wsviz.protocol.wire import Opcode

if TYPE_CHECKING:
    import pandas as pd

Values = dict[str, list[Any]]

_AT_ONCE = 32 << 20  # bytes of messages that are given together, but for one message that has more


def values_of(table: pd.DataFrame) -> Values:
    """A table's values."""
    return {str(name): _values(table[name]) for name in table}


def _values(column: pd.Series[Any]) -> list[Any]:
    if column.dtype.kind == "M":
        column = column.astype("int64")
    return [None if empty else value for value, empty in zip(column.tolist(), column.isna(), strict=True)]


def joined_values(parts: Iterable[Values]) -> Values:
    """The rows of all parts; there is one part at least."""
    first, *others = parts
    for part in others:
        for name, values in part.items():
            first[name] += values
    return first


def frame_values(batches: Iterable[tuple[Array, Array, Array]]) -> Iterator[Values]:
    """The values of each batch of `Volume.timed_frames`; of one at least, so that there are columns."""
    none = True
    for rows, *timing in batches:
        yield _frame_values(rows, *timing)
        none = False
    if none:
        yield _frame_values(np.zeros(0, ROW), np.zeros(0), np.zeros(0))


def _frame_values(rows: Array, round_trip: Array, idle: Array) -> Values:
    values = {name: column.tolist() for name, column in frame_columns(rows).items()}
    for name, column in (("round_trip", round_trip), ("idle", idle)):
        values[name] = [None if seconds != seconds else seconds for seconds in column.tolist()]  # noqa: PLR0124  NaN
    return values


def message_values(batches: Iterable[Array], store: Store, *, reveal: bool) -> Iterator[Values]:
    """The values of the messages at volume (of MESSAGE), a batch or less at a time; one part at least."""
    numbers, replies, none = dict[int, int](), dict[int, Replies](), True
    for rows in (part for batch in batches for part in _by_size(batch)):
        own, latencies = list[int](), list[float | None]()
        for connection, *times in zip(
            *(rows[n].tolist() for n in ("connection", "sender", "begun", "time")), strict=True
        ):
            numbers[connection] = number = numbers.get(connection, -1) + 1
            if not number:
                replies[connection] = Replies()
            own.append(number)
            latencies.append(replies[connection].latency(*times))
        yield values_of_messages(rows, own, latencies, store, reveal=reveal)
        none = False
    if none:
        yield values_of_messages(np.zeros(0, MESSAGE), [], [], store, reveal=reveal)


def _by_size(rows: Array) -> Iterator[Array]:
    """The rows, cut where the messages before have so many bytes."""
    shares = np.cumsum(rows["size"]) // _AT_ONCE
    yield from np.split(rows, np.flatnonzero(np.diff(shares)) + 1)


def values_of_messages(
    rows: Array, numbers: Sequence[int], latencies: Sequence[float | None], store: Store, *, reveal: bool
) -> Values:
    """Messages (of MESSAGE) with their numbers in their connections, and their latencies in seconds."""
    are_texts = ((rows["opcode"] == Opcode.TEXT) & rows["readable"]).tolist()
    texts, data = _shown(store.get(rows["place"], rows["size"]), are_texts, reveal=reveal)
    sides = np.array([side.value for side in SIDES])
    return {
        "connection": rows["connection"].tolist(),
        "message": list(numbers),
        "time": rows["time"].tolist(),
        "sender": sides[rows["sender"]].tolist(),
        "opcode": rows["opcode"].tolist(),
        "length": rows["size"].tolist(),
        "wire_length": rows["wire_length"].tolist(),
        "frames": rows["frame_count"].tolist(),
        "compressed": rows["compressed"].tolist(),
        "packet": (rows["packet"].astype("i8") + 1).tolist(),
        "latency": list(latencies),
        "text": texts,
        "data": data,
    }


def _shown(
    bodies: Sequence[bytes], are_texts: Sequence[bool], *, reveal: bool
) -> tuple[list[str | None], list[bytes]]:
    """The texts of messages, where they are texts, and their data, without secrets unless they are revealed."""
    texts = [
        body.decode(errors="replace") if is_text else None for body, is_text in zip(bodies, are_texts, strict=True)
    ]
    if reveal:
        return texts, list(bodies)
    masked = iter(mask_texts([text for text in texts if text is not None]))
    shown, data = list[str | None](), list[bytes]()
    for text, body in zip(texts, bodies, strict=True):
        own = None if text is None else next(masked)
        shown.append(own)
        if own is None:
            data.append(mask_bytes(body, same_size=True))
        else:
            data.append(body if own == text else own.encode())
    return shown, data
