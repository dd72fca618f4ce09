"""The tables of a HAR file: those of a capture, NA where only packets and frames would tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from wsviz.capture.mechanism import latency
from wsviz.capture.tables import EXCHANGES, MESSAGES, SUMMARY, make_table
from wsviz.protocol.fields import Side
from wsviz.protocol.secrets import mask_bytes, mask_target, mask_text

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.har_capture import HarConnection


def _nullable(columns: dict[str, str], *names: str) -> dict[str, str]:
    return columns | {name: columns[name].replace("int64", "Int64") for name in names}


def summary_table(connections: Sequence[HarConnection]) -> pd.DataFrame:
    rows = (
        (
            one.index, str(one.client), str(one.server), one.roles, one.protocol, one.mechanism.name, one.start,
            one.duration / 1e9, 0, None, len(one.exchanges), 0, len(one.messages), len(one.findings), str(one.ending),
            None,
        )
        for one in connections
    )  # fmt: skip
    return make_table(_nullable(SUMMARY, "bytes"), rows)


def message_table(places: Sequence[tuple[HarConnection, int]]) -> pd.DataFrame:
    """`latency` is from the latest message of the other side that a message may answer, as in captures."""
    return make_table(_nullable(MESSAGES, "wire_length", "frames", "packet"), _message_rows(places))


def _message_rows(places: Sequence[tuple[HarConnection, int]]) -> Iterator[tuple[Any, ...]]:
    asked: dict[tuple[int, Side], int] = {}
    for connection, number in places:
        message = connection.messages[number]
        text, data, time = message.text, message.data, message.time or 0
        question = asked.pop((connection.index, message.sender.other), None)
        asked[connection.index, message.sender] = time
        if not connection.reveal:
            text = None if text is None else mask_text(text)
            data = mask_bytes(data, same_size=True) if text is None else text.encode()
        seconds = None if question is None else (time - question) / 1e9
        yield (
            connection.index, number, time, message.sender.value, int(message.opcode), len(message.data), None, None,
            False, None, seconds, text, data,
        )  # fmt: skip


def exchange_table(connections: Sequence[HarConnection]) -> pd.DataFrame:
    rows = [
        (
            one.index,
            exchange.index,
            exchange.request_time,
            exchange.request_head.method,
            exchange.request_head.target if one.reveal else mask_target(exchange.request_head.target),
            None if exchange.response_head is None else exchange.response_head.status,
            exchange.request_length or None,
            exchange.response_length or None,
            exchange.response_body.length,
            None if (waited := latency(exchange)) is None else waited / 1e9,
            None,
            None,
        )
        for one in connections
        for exchange in one.exchanges
    ]
    columns = _nullable(EXCHANGES, "request_length", "response_length", "packet")
    return make_table(columns, sorted(rows, key=lambda row: row[2]))
