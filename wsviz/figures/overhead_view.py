"""What a comparison of overheads says: mechanisms, categories, numbers; SVG and text only lay them out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wsviz.figures.figure import plain, wrap

HEAD_LINES = 3  # that the name of a mechanism takes at most at the head of its column


class Category(NamedTuple):
    """Buckets of the ledger under one name; `ink` is their letter in the bars of the text."""

    name: str
    colour: str
    ink: str
    buckets: tuple[str, ...]


# `handshake` and `bare_acks` are no buckets of the ledger: who knows them takes their bytes out of the others.
CATEGORIES = (
    Category("payload", "#009e73", "#", ("http_body", "ws_payload")),
    Category("WebSocket header", "#e69f00", "w", ("ws_header", "ws_masking_key")),
    Category("WebSocket control", "#cc79a7", "c", ("ws_control",)),
    Category("HTTP header", "#0072b2", "h", ("http_header", "http_framing")),
    Category("TLS", "#d5c711", "s", ("tls",)),
    Category("handshake", "#56b4e9", "k", ("handshake",)),
    Category("TCP/IP", "#808080", "t", ("link", "ip", "tcp")),
    Category("bare ACKs", "#404040", "a", ("bare_acks",)),
    Category("other", "#d55e00", "o", ("retransmission", "padding", "other")),
)
NOTE = (
    "Every byte of every packet counts; TCP/IP: headers of the link, IP and TCP, those of packets without data too."
)
APART = "Every byte counts. handshake: packets that open and close TCP, HTTP heads that open a WebSocket or a stream."


@dataclass(frozen=True, slots=True)
class Bar:
    """One mechanism: bytes per update by category, in the view's order; `updates` is None where nobody counted."""

    name: str
    parts: tuple[float, ...]
    updates: int | None

    @property
    def total(self) -> float:
        return sum(self.parts)


@dataclass(frozen=True, slots=True)
class OverheadView:
    """A comparison, ready to be drawn; categories that are 0 everywhere are left out."""

    categories: tuple[Category, ...]
    bars: tuple[Bar, ...]

    @property
    def note(self) -> str:
        """What counts as what, in a line."""
        return APART if {"handshake", "bare ACKs"} & {category.name for category in self.categories} else NOTE

    @property
    def largest(self) -> float:
        return max(bar.total for bar in self.bars)

    def ratio(self, bar: Bar) -> str:
        """How much more than the smallest, such as "7.9x"; empty where there is nothing to compare with."""
        smallest = min(other.total for other in self.bars)
        return f"{bar.total / smallest:,.1f}x" if len(self.bars) > 1 and smallest else ""


def heads(bars: Sequence[Bar], limit: int) -> list[list[str]]:
    """The heads of the bars' columns, in lines of at most `limit` columns: as many for each, the first ones empty."""
    wrapped = [wrap(plain(bar.name), limit, HEAD_LINES) for bar in bars]
    most = max(map(len, wrapped))
    return [[""] * (most - len(lines)) + lines for lines in wrapped]


def amount(value: float) -> str:
    """Bytes per update, always with one decimal, so that the columns add up as far as one decimal tells."""
    return f"{value:,.1f}"


def view_of(rows: Mapping[str, Mapping[str, float]]) -> OverheadView:
    """The view of a table, a row a mechanism."""
    parts = {
        name: tuple(sum(_value(row, bucket) for bucket in category.buckets) for category in CATEGORIES)
        for name, row in rows.items()
    }
    used = [at for at in range(len(CATEGORIES)) if any(values[at] for values in parts.values())]
    bars = (
        Bar(str(name), tuple(parts[name][at] for at in used), int(_value(row, "updates")) or None)
        for name, row in rows.items()
    )
    return OverheadView(tuple(CATEGORIES[at] for at in used), tuple(bars))


def _value(row: Mapping[str, float], key: str) -> float:
    value = float(row.get(key) or 0)
    return 0.0 if math.isnan(value) else value
