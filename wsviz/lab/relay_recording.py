"""What a relay saw: the conversations that went through it, as two wires would show them, within bounded memory.

A relay ends one TCP connection and opens another. What happens on them differs in time, and in how the bytes are
cut, by whatever the relay does in between; so both are recorded, each as if beside that end.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from wsviz.protocol.fields import Side

EVENT_COST = 160  # bytes that an event takes in memory beside its data, measured on 64-bit CPython
log = logging.getLogger(__name__)

Address = tuple[str, int]
"""IP address and port."""


class Kind(StrEnum):
    """What a side did to its connection."""

    OPEN = "open"  # the client asked for a connection
    ACCEPT = "accept"  # the server took it
    DATA = "data"
    FIN = "fin"
    RST = "rst"


class Event(NamedTuple):
    """One thing that one side did; `time` in ns since the epoch. Data is what one read gave, or one write took."""

    time: int
    sender: Side
    kind: Kind
    data: bytes = b""


@dataclass(slots=True)
class Wire:
    """One TCP connection of the relay's, in the order of time: the one to the client, or the one to the server."""

    client: Address
    server: Address
    events: list[Event] = field(default_factory=list)


class Recording:
    """All conversations of a relay, until they take `limit` bytes of memory; nothing is recorded after that.

    The relay's thread alone adds to it; others may look at it where that thread has ended.
    """

    def __init__(self, limit: int, on_change: Callable[[], None] | None = None) -> None:
        self.limit, self.on_change = limit, on_change
        self.conversations: list[dict[Side, Wire]] = []
        self.stopped = False
        self.size = 0  # bytes of memory, about
        self._latest = 0

    def open(self, client: Address, server: Address) -> dict[Side, Wire]:
        """The wires of a new client, by whose side they are on; at first both have the addresses that it sees."""
        wires = {side: Wire(client, server) for side in Side}
        if self._affords(8 * EVENT_COST):
            self.conversations.append(wires)
        return wires

    def add(self, wire: Wire, sender: Side, kind: Kind, data: bytes = b"") -> None:
        """Record what happened on a wire right now."""
        if (wire.events and wire.events[-1].kind is Kind.RST) or not self._affords(EVENT_COST + len(data)):
            return
        # The clock of a machine may be set back; what came later must not seem to come earlier.
        self._latest = max(self._latest, time.time_ns())
        wire.events.append(Event(self._latest, sender, kind, data))
        if self.on_change is not None:
            try:
                self.on_change()
            except Exception:  # it is the learner's: the traffic must not suffer
                log.exception("the relay's on_change failed")

    def seen_at(self, side: Side) -> Sequence[Wire]:
        """A copy of all wires beside one side, as they are now."""
        wires = [wires[side] for wires in self.conversations]
        return [Wire(wire.client, wire.server, list(wire.events)) for wire in wires]

    def _affords(self, cost: int) -> bool:
        self.stopped = self.stopped or self.size + cost > self.limit
        if not self.stopped:
            self.size += cost
        return not self.stopped
