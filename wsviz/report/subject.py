"""What a report is about: the capture, the connections chosen, and what may be shown of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.har_capture import HarCapture
from wsviz.figures.ladder_steps import asks_upgrade
from wsviz.protocol.fields import Finding
from wsviz.report.markup import Rename


@dataclass(frozen=True, slots=True)
class Subject:
    """A capture, or one connection of it.

    `found` are the findings in question, each with its connection, None where it is the file's. `rename` gets every
    text of the page. `start` is the time of the first packet in ns since the epoch.
    """

    capture: Capture
    connections: Sequence[Connection]
    found: tuple[tuple[Connection | None, Finding], ...]
    rename: Rename
    start: int
    payloads: bool
    pseudonymise: bool
    whole: bool

    @property
    def is_har(self) -> bool:
        """Whether a browser told of it, which saw neither packets nor frames."""
        return isinstance(self.capture, HarCapture)

    def seconds(self, time: int) -> str:
        """A time as seconds since the first packet."""
        return f"{(time - self.start) / 1e9:.6f}"

    def chosen(self, among: Iterable[Connection], most: int) -> list[Connection]:
        """At most so many connections in order of time: those with WebSocket, then those with errors, come first."""
        worst = Counter[int]()
        for connection, finding in self.found:
            if connection is not None:
                worst[connection.index] = max(worst[connection.index], finding.severity.rank)
        ranked = nsmallest(most, among, key=lambda one: (not is_websocket(one), -worst[one.index], one.index))
        return sorted(ranked, key=lambda one: one.index)


def is_websocket(connection: Connection) -> bool:
    """Whether a connection speaks WebSocket, or at least asked to."""
    last = connection.exchanges[-1] if connection.exchanges else None
    return connection.protocol == "websocket" or (last is not None and asks_upgrade(last.request_head))
