"""`overhead_bars`: what one delivered update costs by several mechanisms, in bytes on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from wsviz.figures.figure import Figure
from wsviz.figures.overhead_svg import draw_svg
from wsviz.figures.overhead_text import draw_text, in_words
from wsviz.figures.overhead_view import view_of


class Table(Protocol):
    """What is used of a DataFrame, so that figures need no pandas."""

    def to_dict(self, orient: Any) -> Any: ...


def overhead_bars(table: Table | Mapping[str, Mapping[str, float]]) -> Figure:
    """Draw what `compare` returns, or a mapping {name: {bucket: bytes per update}}: a stacked bar a mechanism.

    Buckets are those of the ledger; missing ones and NaN count as 0. A key `updates` is shown, others are ignored,
    but for `handshake` and `bare_acks`, which get bars of their own: their bytes are in no other bucket then.
    """
    rows: Mapping[str, Mapping[str, float]] = table if isinstance(table, Mapping) else table.to_dict("index")
    if not rows:
        raise ValueError("the table has no row, expected one a mechanism")
    view = view_of(rows)
    return Figure(draw_svg(view, in_words(view)), draw_text(view))
