"""What a ladder says: the steps of one connection in order; SVG and text only lay them out.

A long connection needs step objects only for what lies near its ends, and the state at any step follows from the keys
at which the state changes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from wsviz.capture.connection import Connection
from wsviz.capture.packets import FIN, RST, SYN
from wsviz.figures.ladder_steps import (
    HTTP,
    SET_UP,
    WEBSOCKET,
    Key,
    Step,
    asks_upgrade,
    end_steps,
    frame_steps,
    http_steps,
    tcp_steps,
)
from wsviz.protocol.wire import Opcode, count

PROTOCOLS = {"websocket": "WebSocket", "http": "HTTP", "tls": "TLS", "tcp": "TCP"}


@dataclass(frozen=True, slots=True)
class LadderView:
    """A connection, ready to be drawn.

    `packets` and `size` (bytes on the wire) are the connection's, `undrawn` counts the packets that only acknowledge;
    `duration` in ns.
    """

    title: str
    client: str
    server: str
    packets: int
    size: int
    steps: tuple[Step, ...]
    duration: int
    undrawn: int

    @property
    def has_states(self) -> bool:
        return any(step.state for step in self.steps)

    @property
    def unit(self) -> str:
        return "ms" if self.duration < 100_000_000_000 else "s"

    @property
    def facts(self) -> str:
        return (
            f"{count(self.packets, 'packet')} · {count(self.size, 'byte')} · {self.clock(self.duration)} {self.unit}"
        )

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
        if self.undrawn:
            lines.append(f"Not drawn: {count(self.undrawn, 'packet')} with nothing but an acknowledgement (TCP ACK).")
        if self.has_states:
            lines.append(
                "State: the readyState of a browser's WebSocket in the client's place, going by the packets."
            )
        return lines


def view_of(connection: Connection, limit: int) -> LadderView:
    """The view of a connection, in at most `limit` steps and one row that counts the others."""
    steps = [*tcp_steps(connection), *http_steps(connection), *frame_steps(connection, limit)]
    steps.sort(key=lambda step: step.key)
    hidden_frames = len(connection.frames) - sum(step.key[1] == WEBSOCKET for step in steps)
    shown = _elide(steps, len(steps) + hidden_frames, limit)
    rows = connection.directions()[0][0].table.rows[connection.packets]
    start = int(rows["time"][0])
    duration = int(rows["time"].max()) - start
    changes = _state_changes(connection)
    only_ack = (rows["flags"] & (SYN | FIN | RST) == 0) & (rows["end"] == rows["payload"])
    opened = {packet for step in steps if step.key[1] == SET_UP for packet in step.packets}
    return LadderView(
        title=f"{PROTOCOLS[connection.protocol]} connection",
        client=str(connection.client),
        server=str(connection.server),
        packets=len(rows),
        size=int(rows["length"].astype("i8").sum()),
        steps=tuple(
            replace(step, state=_state_at(changes, step.key), time=None if step.time is None else step.time - start)
            for step in shown
        ),
        duration=duration,
        undrawn=len({*(connection.packets[only_ack] + 1).tolist()} - opened),
    )


def _elide(steps: list[Step], total: int, limit: int) -> list[Step]:
    """The first two thirds and the last third of `limit` steps: how a connection begins and how it ends."""
    if total <= limit:
        return steps
    tail = limit // 3
    head, last = steps[: limit - tail], steps[len(steps) - tail :]
    packet, phase, place = last[0].key if last else steps[-1].key
    words = f"{count(total - limit, 'more step')}, not drawn"
    return [*head, Step((packet, phase, place - 1), "elided", words), *last]


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
