"""The same job by several mechanisms: what one delivered update cost, bucket by bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.capture.ledger import BUCKETS
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.http1 import Response

if TYPE_CHECKING:
    import pandas as pd


def count_updates(connection: Connection) -> int:
    """Updates delivered: WebSocket messages of both sides, dispatched events, non-empty bodies of 2xx answers."""
    return len(connection.messages) + sum(map(_updates_in, connection.exchanges))


def _updates_in(exchange: Exchange) -> int:
    response = exchange.response
    if response is None or not 200 <= response.status <= 299:
        return 0
    if _media_type(response) == "text/event-stream":
        return sum(event.dispatched for event in parse_event_stream(response.body))
    return int(bool(response.body))


def _media_type(response: Response) -> str:
    return (response.header("Content-Type") or "").partition(";")[0].strip().lower()


def compare(captures: Mapping[str, Capture]) -> pd.DataFrame:
    """Captures side by side: a row each, under the names given.

    Columns: `updates`, `packets`, `bytes` (on the wire), `empty_answers` (2xx without a body), `bytes_per_update`,
    then each bucket of the ledger in bytes per update. Raises WsvizError where a capture delivers no update.
    """
    import pandas as pd

    rows = {}
    for name, capture in captures.items():
        updates = sum(map(count_updates, capture.connections))
        if not updates:
            raise WsvizError(f"{name!r} ({capture.name}) delivers no update, so there is nothing to compare")
        per_update = capture.overhead()[list(BUCKETS)].sum() / updates
        answers = [exchange.response for connection in capture.connections for exchange in connection.exchanges]
        rows[name] = {
            "updates": updates,
            "packets": capture.packet_count,
            "bytes": capture.wire_bytes,
            "empty_answers": sum(a is not None and a.status // 100 == 2 and not a.body for a in answers),
            "bytes_per_update": capture.wire_bytes / updates,
            **per_update.to_dict(),
        }
    return pd.DataFrame.from_dict(rows, orient="index")
