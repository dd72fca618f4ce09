"""The tables of a HAR file: those of a capture, NA where only packets, frames or messages left out would tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsviz.capture import tables
from wsviz.capture.frame_timing import Replies
from wsviz.capture.volume_messages import arrived

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.har_capture import HarConnection


def _blanked(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The table with NA for each 0 in these columns: a size, a number or a packet that the file does not tell."""
    return table.assign(**{name: table[name].astype("Int64").mask(table[name] == 0) for name in names})


def summary_table(connections: Sequence[HarConnection]) -> pd.DataFrame:
    rows = (tables.summary_row(one, one.start, 0, 0) for one in connections)
    table = _blanked(tables.make_table(tables.SUMMARY, rows), "packets", "bytes", "frames")
    numbers = [len(one.messages) if one.has_messages else None for one in connections]
    return table.assign(messages=tables.as_column(numbers, "Int64"))


def message_table(places: Sequence[tuple[HarConnection, int]]) -> pd.DataFrame:
    """Messages in the order in which they came; their first byte came with the last one, as far as the file tells."""
    replies, found, seconds = defaultdict[int, Replies](Replies), [], []
    for connection, number in places:
        message = connection.messages[number]
        time = message.time or 0
        found.append(arrived(message, connection.index, 0, time, time))
        seconds.append(replies[connection.index].latency(found[-1].sender, time, time))
    reveal = bool(places) and places[0][0].reveal
    table = tables.table_of_messages(found, [number for _, number in places], seconds, reveal=reveal)
    compressed = tables.as_column([_compressed(connection) for connection, _ in places], "boolean")
    return _blanked(table.assign(packet=0, compressed=compressed), "wire_length", "frames", "packet")


def _compressed(connection: HarConnection) -> bool | None:
    """Whether its messages were: not where a handshake agreed on no extension; nobody knows where one may have."""
    handshake = connection.handshake
    return False if handshake is not None and handshake.accepted and not handshake.extensions else None


def exchange_table(connections: Sequence[HarConnection]) -> pd.DataFrame:
    return _blanked(tables.exchange_table(connections), "request_length", "response_length", "packet")
