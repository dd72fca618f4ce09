"""What a ladder says: the steps of one connection in order; SVG and text only lay them out.

A long connection needs step objects only for those that are drawn, and the state at any step follows from the keys at
which the state changes. Two connections, the client's first, are the two sides of a proxy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.capture.packets import FIN, RST, SYN, Array
from wsviz.figures.ladder_order import Choice, Order, made_steps
from wsviz.figures.ladder_steps import (
    HTTP,
    WEBSOCKET,
    Key,
    Step,
    asks_upgrade,
    end_steps,
    http_steps,
)
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import Opcode, count

PROTOCOLS = {"websocket": "WebSocket", "http": "HTTP", "tls": "TLS", "tcp": "TCP"}
ALL = Choice()
Ladderable = Connection | Sequence[Connection] | Sequence[Exchange]


class Lane(NamedTuple):
    """One endpoint: "client", "proxy" or "server", and its address."""

    role: str
    address: str


@dataclass(frozen=True, slots=True)
class LadderView:
    """A connection, ready to be drawn.

    `lanes` has one endpoint more than there are connections. `packets` and `size` (bytes on the wire) are the
    connection's, `undrawn` counts the packets that only acknowledge; `duration` in ns. `first` is the place of the
    first step among `total`, and `left_out` counts those that were not chosen.
    """

    title: str
    lanes: tuple[Lane, ...]
    packets: int
    size: int
    steps: tuple[Step, ...]
    duration: int
    undrawn: int
    total: int
    first: int = 0
    left_out: int = 0

    @property
    def client(self) -> str:
        return self.lanes[0].address

    @property
    def server(self) -> str:
        return self.lanes[-1].address

    @property
    def has_states(self) -> bool:
        return any(step.state for step in self.steps)

    @property
    def unit(self) -> str:
        return "ms" if self.duration < 100_000_000_000 else "s"

    @property
    def facts(self) -> str:
        packets = [count(self.packets, "packet")] if self.packets else []
        return " · ".join([*packets, count(self.size, "byte"), f"{self.clock(self.duration)} {self.unit}"])

    def clock(self, time: int | None) -> str:
        """A time in the view's unit, with decimals that suit the connection's length."""
        if time is None:
            return ""
        if self.unit == "s":
            return f"{time / 1e9:,.1f}"
        return f"{time / 1e6:,.{3 if self.duration < 100_000_000 else 1}f}"

    @property
    def notes(self) -> list[str]:
        """What a reader must know to read the picture."""
        lines = ["Sizes: header + payload (in HTTP: header + body), in bytes on the wire. Time is not to scale."]
        if self.left_out:
            lines.append(f"Left out on request: {count(self.left_out, 'step')}.")
        if self.undrawn:
            lines.append(f"Not drawn: {count(self.undrawn, 'packet')} with nothing but an acknowledgement (TCP ACK).")
        if self.has_states:
            lines.append(
                "State: the readyState of a browser's WebSocket in the client's place, going by the packets."
            )
        return lines


def duration_in_words(time: int) -> str:
    """A time span in a unit that suits it: "12.0 s", "340 ms", "0.4 ms"."""
    if time >= 1_000_000_000:
        return f"{time / 1e9:,.1f} s"
    return f"{time / 1e6:.{0 if time >= 10_000_000 else 1}f} ms"


def view_of(source: Ladderable, limit: int, choice: Choice = ALL, first: int | None = None) -> LadderView:
    """The view of a connection, of the two at a proxy, or of HTTP exchanges, in at most `limit` steps.

    Without `first` they are the first and the last ones, with a row between that counts the others; with it, those
    from that place on.
    """
    connections, exchanges = _sources(source)
    made = made_steps(connections) if connections else [*http_steps(exchanges, reveal=False)]
    order = Order(connections, made, choice)
    if first is None:
        shown, first = _ends(order, limit), 0
    else:
        first = max(0, min(first, len(order) - 1))
        shown = order.steps(first, first + limit)
    changes = _state_changes(connections[0]) if connections else []
    facts = _of_connections(connections, made) if connections else _of_exchanges(exchanges)
    steps = [
        replace(step, state=_state_at(changes, step.key), time=None if step.time is None else step.time - facts.start)
        for step in shown
    ]
    return LadderView(
        facts.title,
        facts.lanes,
        facts.packets,
        facts.size,
        tuple(_with_pauses(steps, facts.duration)),
        facts.duration,
        facts.undrawn,
        total=len(order),
        first=first,
        left_out=order.left_out,
    )


def _sources(source: Ladderable) -> tuple[tuple[Connection, ...], tuple[Exchange, ...]]:
    things = (source,) if isinstance(source, Connection) else tuple(source) if isinstance(source, Sequence) else ()
    connections = tuple(thing for thing in things if isinstance(thing, Connection))
    exchanges = tuple(thing for thing in things if isinstance(thing, Exchange))
    if not things or things not in (connections, exchanges) or len(connections) > 2:
        raise WsvizError("a ladder shows a Connection, the two Connections at a proxy, or a list of Exchanges")
    if len({id(connection.directions()[0][0].table) for connection in connections}) > 1:
        raise WsvizError("the two connections at a proxy must come from one capture, since packets order the steps")
    return connections, exchanges


class _Facts(NamedTuple):
    """What stands over the steps; `start` in ns since the epoch, `duration` in ns."""

    title: str
    lanes: tuple[Lane, ...]
    packets: int
    size: int
    start: int
    duration: int
    undrawn: int


def _of_connections(connections: Sequence[Connection], made: list[Step]) -> _Facts:
    numbers: Array = np.unique(np.concatenate([connection.packets for connection in connections]))
    rows = connections[0].directions()[0][0].table.rows[numbers]
    start = int(rows["time"][0])
    only_ack = (rows["flags"] & (SYN | FIN | RST) == 0) & (rows["end"] == rows["payload"])
    opened = {packet for step in made if step.kind == "tcp" and step.sender is None for packet in step.packets}
    lanes = [Lane("client", str(connections[0].client)), Lane("server", str(connections[-1].server))]
    title = f"{PROTOCOLS.get(connections[0].protocol, connections[0].protocol.upper())} connection"
    if any(connection.protocol != "tls" and connection.tls_flights for connection in connections):
        title += " in TLS"
    if len(connections) > 1:
        near, far = str(connections[0].server), str(connections[1].client)
        lanes.insert(1, Lane("proxy", near if near == far else f"{near} | {far}"))
        title += " through a proxy"
    return _Facts(
        title,
        tuple(lanes),
        len(rows),
        int(rows["length"].astype("i8").sum()),
        start,
        int(rows["time"].max()) - start,
        len({*(numbers[only_ack] + 1).tolist()} - opened),
    )


def _of_exchanges(exchanges: Sequence[Exchange]) -> _Facts:
    start = min(each.request_time for each in exchanges)
    end = max(each.end_time or each.request_time for each in exchanges)
    size = sum(each.request_length + each.response_length for each in exchanges)
    lanes = (Lane("client", ""), Lane("server", exchanges[0].request_head.header("Host") or ""))
    return _Facts(count(len(exchanges), "HTTP exchange"), lanes, 0, size, start, end - start, 0)


def _ends(order: Order, limit: int) -> list[Step]:
    """The first two thirds and the last third of `limit` steps: how a connection begins and how it ends."""
    if len(order) <= limit:
        return order.steps(0, len(order))
    tail = limit // 3
    head, last = order.steps(0, limit - tail), order.steps(len(order) - tail, len(order))
    packet, phase, place = last[0].key if last else head[-1].key
    words = f"{count(len(order) - limit, 'more step')}, not drawn"
    return [*head, Step((packet, phase, place - 1), "elided", words), *last]


def _with_pauses(steps: list[Step], duration: int) -> list[Step]:
    """The steps with the pauses before them marked that are long beside most of the others, and beside the whole."""
    waits = [0] * len(steps)
    for at, (one, other) in enumerate(pairwise(steps), 1):
        if one.time is not None and other.time is not None:
            waits[at] = other.time - one.time
    usual = sorted(waits[1:])[len(waits) * 3 // 4 - 1] if len(waits) > 3 else 0
    least = max(3 * usual, duration // 20, 1_000_000)
    return [replace(step, pause=wait) if wait >= least else step for step, wait in zip(steps, waits, strict=True)]


# The state of the client


def _state_changes(connection: Connection) -> list[tuple[Key, str]]:
    """At which steps a browser in the client's place changes its readyState; none where it asks for no upgrade."""
    upgrade = next((each for each in reversed(connection.exchanges) if asks_upgrade(each.request_head)), None)
    if upgrade is None:
        return []
    changes = [((0, 0, 0) if upgrade.index == 0 else (upgrade.request_packet, HTTP, 2 * upgrade.index), "CONNECTING")]
    handshake = connection.handshake
    if upgrade.response_packet is not None:
        accepted = handshake is not None and handshake.accepted
        answer = (upgrade.response_packet, HTTP, 2 * upgrade.index + 1)
        changes.append((answer, "OPEN" if accepted else "CLOSED"))
    closes = connection.frame_table[connection.frame_table["opcode"] == Opcode.CLOSE]
    if len(closes):
        changes.append(((int(closes["packet"][0]), WEBSOCKET, int(closes["offset"][0])), "CLOSING"))
    changes += [(step.key, "CLOSED") for step in end_steps(connection)]
    changes.sort()
    closed = next((at for at, (_, state) in enumerate(changes) if state == "CLOSED"), len(changes))
    return changes[: closed + 1]


def _state_at(changes: list[tuple[Key, str]], key: Key) -> str:
    return next((state for at, state in reversed(changes) if at <= key), "")
