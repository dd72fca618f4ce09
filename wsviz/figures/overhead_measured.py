"""What captures tell of overhead: their costs with handshakes and bare ACKs apart, and numbers for the model."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import Any, NamedTuple

from wsviz.capture.capture import Capture
from wsviz.capture.comparison import Cost, compare
from wsviz.capture.connection import Connection
from wsviz.capture.ledger import BUCKET, BUCKETS
from wsviz.protocol.fields import WsvizError

OPENED = {"websocket": "upgrade", "server-sent events": "stream", "streaming": "stream"}
POLLED = ("short polling", "long polling")


class Measured(NamedTuple):
    """One capture: bytes by bucket and update, what is spent once and by update, and how many updates there were."""

    row: dict[str, float]
    cost: Cost
    updates: int


def measure(captures: Mapping[str, Capture]) -> dict[str, Measured]:
    """Each capture measured; raises WsvizError where one delivers no update, or what is given is no capture."""
    if not captures:
        raise WsvizError("there is no capture, expected one a mechanism")
    table: dict[str, dict[str, Any]] = {str(name): dict(row) for name, row in compare(captures).iterrows()}
    return {
        name: Measured(
            _apart(captures[name], row), Cost(row["fixed_bytes"], row["marginal_bytes"]), int(row["updates"])
        )
        for name, row in table.items()
    }


def _apart(capture: Capture, row: Mapping[str, float]) -> dict[str, float]:
    """Bytes by update with handshake and bare ACKs in buckets of their own, and in no other."""
    details = capture.overhead(detail=True).sum()
    updates = row["updates"]
    acks = float(details["of_which_bare_acks"])
    tcp = float(details["of_which_set_up"] + details["of_which_tear_down"])
    heads = float(sum(map(_opening_heads, capture.connections)))
    apart = {bucket: float(row[bucket]) for bucket in BUCKETS if bucket not in ("link", "ip", "tcp")}
    below = float(row["link"] + row["ip"] + row["tcp"])
    apart["tcp"] = below - (acks + tcp) / updates
    apart["http_header"] -= heads / updates
    return apart | {"handshake": (tcp + heads) / updates, "bare_acks": acks / updates, "updates": float(updates)}


def _opening_heads(connection: Connection) -> int:
    """Bytes of the heads that open a WebSocket or a stream."""
    if connection.mechanism.name not in OPENED or not connection.exchanges:
        return 0
    exchange = connection.exchanges[-1 if connection.protocol == "websocket" else 0]
    request = exchange.request_length - exchange.request_body.length
    streamed = connection.protocol != "websocket"
    return request + (_response_head(connection) if streamed else exchange.response_length)


def _response_head(connection: Connection) -> int:
    """Bytes of the first answer's head: what of it is neither body nor framing."""
    _, laid = connection.directions()[1]
    mine = laid[(laid["exchange"] == 0) & (laid["bucket"] == BUCKET["http_header"])]
    return int((mine["end"] - mine["start"]).sum())


def assumptions_from(captures: Mapping[str, Capture]) -> dict[str, float]:
    """What of the model's assumptions these captures tell: heads of requests and answers, by their medians."""
    found: dict[str, list[float]] = {"request": [], "response": [], "empty": [], "upgrade": [], "stream": []}
    for capture in captures.values():
        for connection in capture.connections:
            name = connection.mechanism.name
            if name in OPENED and (heads := _opening_heads(connection)):
                found[OPENED[name]].append(heads)
            if name not in POLLED:
                continue
            for exchange in connection.exchanges:
                found["request"].append(exchange.request_length - exchange.request_body.length)
                if exchange.response_head is not None:
                    kind = "response" if exchange.response_body.length else "empty"
                    found[kind].append(exchange.response_length - exchange.response_body.length)
    return {name: float(median(values)) for name, values in found.items() if values}
