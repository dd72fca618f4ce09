"""The tables that users see, as pandas DataFrames: names, units and types in one place.

Times are UTC timestamps; lengths are bytes; durations and latencies are seconds; packets are counted from 1 and all
else from 0. Columns that can be empty have pandas' nullable types. Secrets are masked in targets, texts, data,
endings and explanations, unless the capture was read with `reveal=True`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd

from wsviz.capture.connection import Connection
from wsviz.capture.finding_rows import FINDINGS, finding_row
from wsviz.capture.frame_timing import reply_latencies
from wsviz.capture.ledger import BUCKETS, NO_UNIT, count_connection, count_outside_tcp
from wsviz.capture.ledger_detail import DETAILS, count_details
from wsviz.capture.mechanism import latency
from wsviz.capture.packets import Array, PacketTable
from wsviz.capture.stores import InMemory
from wsviz.capture.values import Values, values_of_messages
from wsviz.capture.volume_messages import Arrived, arrived, message_rows
from wsviz.capture.volume_tables import ROW, frame_columns
from wsviz.protocol.fields import SIDES, Finding
from wsviz.protocol.secrets import mask_target

SUMMARY = {
    "connection": "int64",
    "client": "str",
    "server": "str",
    "roles": "str",  # seen, inferred
    "protocol": "str",  # websocket, http, http/2, tls, tcp
    "mechanism": "str",  # one of MECHANISMS
    "time": "time",  # of the first packet
    "duration": "float64",
    "packets": "int64",
    "bytes": "int64",  # on the wire
    "exchanges": "int64",
    "frames": "int64",
    "messages": "int64",
    "findings": "int64",
    "ending": "str",
    "filter": "str",  # what shows the connection in Wireshark
}
PACKETS = {
    "packet": "int64",
    "time": "time",
    "connection": "Int64",
    "sender": "str",
    "length": "int64",  # on the wire
    "captured": "int64",
    "flags": "str",
    "seq": "Int64",
    "ack": "Int64",
    "window": "Int64",
    "payload_length": "Int64",
    "new_bytes": "Int64",  # payload bytes not seen before
}
FRAME_TIMING = {
    "round_trip": "Float64",  # of pings, to the first byte of their pongs
    "idle": "Float64",  # since the first byte of the connection's previous frame
}
MESSAGES = {
    "connection": "int64",
    "message": "int64",
    "time": "time",  # of the last byte
    "sender": "str",
    "opcode": "int64",
    "length": "int64",  # inflated
    "wire_length": "int64",
    "frames": "int64",
    "compressed": "bool",
    "packet": "int64",  # of the last byte
    "latency": "Float64",  # to its first byte from the last one of the message that it may answer: reply_latencies
    "text": "str",  # NA for binary messages
    "data": "object",  # bytes: of a text message those of `text`, of others with asterisks in place of secrets
}
EXCHANGES = {
    "connection": "int64",
    "exchange": "int64",
    "time": "time",  # of the request's first byte
    "method": "str",
    "target": "str",
    "status": "Int64",
    "request_length": "int64",  # header and body with their framing
    "response_length": "int64",
    "body_length": "int64",  # of the response, without framing
    "latency": "Float64",  # from the request's first byte to the response's; NA where that was captured first
    "packet": "int64",  # of the request's first byte
    "response_packet": "Int64",
}
_AT_ONCE = 1 << 16  # rows
_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


def make_table(columns: dict[str, str], rows: Iterable[Sequence[Any]]) -> pd.DataFrame:
    """Rows as a DataFrame with these columns and types; "time" stands for a UTC timestamp."""
    parts, each = list[pd.DataFrame](), iter(rows)
    while (some := list(islice(each, _AT_ONCE))) or not parts:  # as Python's own values they take ten times as much
        values = list(zip(*some, strict=True)) or [()] * len(columns)
        made = zip(columns.items(), values, strict=True)
        parts.append(pd.DataFrame({name: as_column(list(column), kind) for (name, kind), column in made}))
    return joined(parts)


def as_column(values: list[Any] | Array, kind: str) -> pd.Series[Any]:
    """Values as one column; None becomes NA where the type is nullable."""
    if kind == "time":
        return pd.Series(pd.DatetimeIndex(np.array(values, "i8").view("M8[ns]"), tz="UTC"))
    return pd.Series(values, dtype=kind)


def summary_table(connections: Sequence[Connection], table: PacketTable) -> pd.DataFrame:
    def rows() -> Iterator[tuple[Any, ...]]:
        for connection in connections:
            packets = table.rows[connection.packets]
            size = int(packets["length"].astype("i8").sum())
            yield summary_row(connection, int(packets["time"].min()), len(packets), size)

    return make_table(SUMMARY, rows())


def summary_row(connection: Connection, time: int, packets: int, size: int) -> tuple[Any, ...]:
    """The values of SUMMARY; `time` is ns since the epoch, `size` bytes on the wire."""
    return (
        connection.index,
        str(connection.client),
        str(connection.server),
        connection.roles,
        connection.protocol,
        connection.mechanism.name,
        time,
        connection.duration / 1e9,
        packets,
        size,
        len(connection.exchanges),
        len(connection.frame_table),
        len(connection.messages),
        len(connection.findings),
        str(connection.ending),
        connection.display_filter or None,
    )


def packet_table(connections: Sequence[Connection], table: PacketTable) -> pd.DataFrame:
    rows, number = table.rows, len(table.rows)
    owner, sender, new_bytes = np.full(number, NO_UNIT), np.full(number, None), np.zeros(number, "i8")
    for connection in connections:
        for side, (direction, _) in zip(SIDES, connection.directions(), strict=True):
            owner[direction.packets], sender[direction.packets] = connection.index, side.value
            new_bytes[direction.packets] = direction.new_bytes
    nobodys = owner == NO_UNIT
    in_words = [",".join(name for bit, name in enumerate(_FLAGS) if flags >> bit & 1) for flags in range(256)]
    values = {
        **{name: rows[name] for name in ("time", "length", "captured", "seq", "ack", "window")},
        "packet": np.arange(1, number + 1),
        "connection": owner,
        "sender": sender,
        "flags": np.where(nobodys, None, np.array(in_words, "O")[rows["flags"] & 255]),
        "payload_length": rows["end"].astype("i8") - rows["payload"],
        "new_bytes": new_bytes,
    }
    return pd.DataFrame({name: _packet_column(values[name], kind, nobodys) for name, kind in PACKETS.items()})


def _packet_column(values: Array, kind: str, nobodys: Array) -> pd.Series[Any]:
    if kind != "Int64":
        return as_column(values, kind)
    return pd.Series(pd.arrays.IntegerArray(values.astype("i8"), nobodys.copy()))


def volume_frames(batches: Iterable[tuple[Array, Array, Array]]) -> Iterator[pd.DataFrame]:
    """A table for each batch of `Volume.timed_frames`; at least one, so that there are columns."""
    none = True
    for rows, round_trip, idle in batches:
        yield frame_table({**frame_columns(rows), "round_trip": round_trip, "idle": idle})
        none = False
    if none:
        empty = frame_columns(np.zeros(0, ROW))
        yield frame_table({**empty, **{name: np.zeros(0) for name in FRAME_TIMING}})


def frame_table(columns: dict[str, Array]) -> pd.DataFrame:
    """The columns of `frame_columns`, then those of FRAME_TIMING where they are there."""
    kinds = {"time": "time", "sender": "str", **FRAME_TIMING}
    return pd.DataFrame(
        {name: as_column(values, kinds.get(name, str(values.dtype))) for name, values in columns.items()}
    )


def joined(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all tables as one."""
    tables = list(parts)
    return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)


def message_table(places: Sequence[tuple[Connection, int]]) -> pd.DataFrame:
    """Messages of connections, by their numbers there."""
    latencies = {index: reply_latencies(one) for index, one in {one.index: one for one, _ in places}.items()}
    found = []
    for connection, number in places:
        message, packet = connection.messages[number], connection.message_packets[number] - 1
        found.append(arrived(message, connection.index, packet, 0, message.time or 0))
    seconds = [latencies[connection.index][number] for connection, number in places]
    reveal = bool(places) and places[0][0].reveal
    return table_of_messages(found, [number for _, number in places], seconds, reveal=reveal)


def table_of_messages(
    messages: Sequence[Arrived], numbers: Sequence[int], latencies: Sequence[float | None], *, reveal: bool
) -> pd.DataFrame:
    """Messages with their numbers in their connections, and their latencies in seconds."""
    store, rows = InMemory(), message_rows(messages, np.arange(len(messages)))
    rows["place"] = store.put([message.data for message in messages])
    return messages_as_table(values_of_messages(rows, numbers, latencies, store, reveal=reveal))


def messages_as_table(values: Values) -> pd.DataFrame:
    """The values of messages as a table."""
    return pd.DataFrame({name: as_column(values[name], kind) for name, kind in MESSAGES.items()})


def exchange_table(connections: Sequence[Connection]) -> pd.DataFrame:
    rows = [
        (
            connection.index,
            exchange.index,
            exchange.request_time,
            exchange.request_head.method,
            exchange.request_head.target if connection.reveal else mask_target(exchange.request_head.target),
            None if exchange.response_head is None else exchange.response_head.status,
            exchange.request_length,
            exchange.response_length,
            exchange.response_body.length,
            None if (waited := latency(exchange)) is None else waited / 1e9,
            exchange.request_packet,
            exchange.response_packet,
        )
        for connection in connections
        for exchange in connection.exchanges
    ]
    return make_table(EXCHANGES, sorted(rows, key=lambda row: row[2]))


def finding_table(found: Iterable[tuple[Connection | None, Finding]]) -> pd.DataFrame:
    return make_table(FINDINGS, (finding_row(connection, finding) for connection, finding in found))


def overhead_table(
    connections: Sequence[Connection], table: PacketTable, by: str, *, detail: bool = False
) -> pd.DataFrame:
    """The ledger: a row a unit, and NA as the unit of bytes that belong to none."""
    units = [by] if by in ("connection", "mechanism") else ["connection", by]
    columns = (*BUCKETS, *(DETAILS if detail else ()))
    rows = _ledger(connections, table, by, detail=detail)
    if by == "mechanism":
        sums: dict[tuple[Any, ...], Array] = {}
        for key, amounts in rows:
            sums[key] = sums[key] + amounts if key in sums else amounts
        rows = iter(sums.items())
    kinds = {unit: "str" if unit == "mechanism" else "Int64" for unit in units}
    return make_table(
        {**kinds, **dict.fromkeys(columns, "int64")}, ((*key, *amounts.tolist()) for key, amounts in rows)
    )


def _ledger(
    connections: Sequence[Connection], table: PacketTable, by: str, *, detail: bool
) -> Iterator[tuple[tuple[Any, ...], Array]]:
    """The columns of each unit of each connection, by what names it in a row; last what belongs to none."""
    none, alone = np.zeros(len(DETAILS) if detail else 0, "i8"), by in ("connection", "mechanism")
    for connection in connections:
        directions = connection.wire_directions()
        details = count_details([direction for direction, _ in directions]) if detail else none
        for unit, amounts in count_connection(directions, None if alone else by).items():
            own = (connection.index,) if alone else (connection.index, None if unit == NO_UNIT else unit)
            key = (connection.mechanism.name,) if by == "mechanism" else own
            # Packets without data belong to no exchange and to no message.
            yield key, np.concatenate((amounts, details if unit == NO_UNIT else none))
    outside = count_outside_tcp(table)
    if outside.any():
        yield (None,) if alone else (None, None), np.concatenate((outside, none))
