"""Why a connection ended: who said Close, who closed TCP, and how to say that in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from wsviz.capture.tcp import Direction
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import close_code_name, preview


class CloseSeen(NamedTuple):
    """The first Close frame of one side: its code, None where the body is empty, its reason, its packet (1-based)."""

    code: int | None
    reason: bytes
    packet: int

    def __str__(self) -> str:
        if self.code is None:
            return f"Close without a code (packet {self.packet})"
        reason = f" {preview(self.reason)}" if self.reason else ""
        return f"Close {self.code}, {close_code_name(self.code)}{reason} (packet {self.packet})"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended.

    `by` is who began the end, None where nobody did; `how` is "close" (a Close frame), "fin", "rst", or "open" where
    the capture ends first. `explanation` says it with the evidence, packets counted from 1.
    """

    by: Side | None
    how: str
    explanation: str

    def __str__(self) -> str:
        return self.explanation


def find_ending(directions: dict[Side, Direction], closes: dict[Side, CloseSeen], *, websocket: bool) -> Ending:
    """The ending of a connection, from its directions and the Close frames seen in them."""
    tcp = _tcp_events(directions)
    tcp_words = "; ".join(f"{side} sent {kind} (packet {packet + 1})" for packet, side, kind in tcp)
    if closes:
        first, second = _in_order(closes)
        words = f"{first} sent {closes[first]}"
        words += f", {second} answered {closes[second]}" if second in closes else f", no Close came from the {second}"
        return Ending(first, "close", f"{words}; {tcp_words or 'TCP was not closed in this capture'}")
    if tcp:
        _, side, kind = tcp[0]
        words = f"no Close frame, so both sides report 1006; {tcp_words}" if websocket else tcp_words
        return Ending(side, kind.lower(), words)
    return Ending(None, "open", "still open where the capture ends")


def _in_order(closes: dict[Side, CloseSeen]) -> tuple[Side, Side]:
    first = min(closes, key=lambda side: closes[side].packet)
    return first, first.other


def _tcp_events(directions: dict[Side, Direction]) -> list[tuple[int, Side, str]]:
    events = []
    for side, direction in directions.items():
        if direction.fin_packet is not None:
            events.append((direction.fin_packet, side, "FIN"))
        if direction.rst_packet is not None:
            events.append((direction.rst_packet, side, "RST"))
    return sorted(events)
