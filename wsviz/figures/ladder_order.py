"""The order of a ladder's steps, and which of them are chosen: made only for those that are drawn.

A capture can hold a million frames, so each step is a row of numbers first: its key, its level, and where to find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.packets import Array
from wsviz.figures.ladder_steps import WEBSOCKET, Step, frame_steps, http_steps, tcp_steps, tls_steps
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import count

LEVELS = {"tcp": "TCP", "tls": "TLS", "http": "HTTP", "websocket": "WebSocket"}
FRAMES = ("all", "data", "control")
_LEVEL_OF = {"tcp": 0, "tls": 1, "http": 2, "note": -1}  # a remark stands at no level, and is always shown
_INNER = ("the server", "the client")  # as TCP's steps call the proxy, by leg

ENTRY = np.dtype(
    [
        ("packet", "i8"),
        ("phase", "i8"),
        ("place", "i8"),
        ("level", "i1"),  # index into LEVELS, -1 for none
        ("sender", "i1"),  # 0 client, 1 server, -1 for none
        ("leg", "i4"),
        ("row", "i8"),  # of the frame table; -1 for a step that is made already
        ("made", "i8"),  # index into the steps that are made already
        ("stands_for", "i8"),  # steps: more than 1, or folded, where a fold stands for them
        ("folded", "?"),
    ]
)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which steps are drawn: of one sender, of one kind of frames, and whose level is not folded."""

    folded: frozenset[str] = frozenset()
    sender: Side | None = None
    frames: str = "all"

    def __post_init__(self) -> None:
        if wrong := self.folded - set(LEVELS):
            raise ValueError(f"the level is {min(wrong)!r}, expected {', '.join(map(repr, LEVELS))}")
        if self.frames not in FRAMES:
            raise ValueError(f"frames is {self.frames!r}, expected {', '.join(map(repr, FRAMES))}")


class Order:
    """The chosen steps of connections, the client's first, in the order of their packets.

    `made` are the steps that stand already; frames are made when they are asked for. `whole` counts the steps
    before anything was left out or folded.
    """

    def __init__(self, connections: Sequence[Connection], made: list[Step], choice: Choice) -> None:
        self._connections, self._made = connections, made
        parts = [_entries(made), *(_frames(connection, leg) for leg, connection in enumerate(connections))]
        entries = np.concatenate(parts)
        entries = entries[np.lexsort((entries["place"], entries["phase"], entries["packet"]))]
        self.whole = len(entries)
        self._entries = _fold(entries[self._chosen(entries, choice)], choice)

    def _chosen(self, entries: Array, choice: Choice) -> Array:
        kept = np.ones(len(entries), bool)
        if choice.sender is not None:
            kept &= (entries["sender"] < 0) | (entries["sender"] == [*Side].index(choice.sender))
        if choice.frames != "all":
            for leg, connection in enumerate(self._connections):
                at = np.nonzero((entries["leg"] == leg) & (entries["row"] >= 0))[0]
                control = connection.frame_table["opcode"][entries["row"][at]] >= 8
                kept[at] &= control == (choice.frames == "control")
        return kept

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def left_out(self) -> int:
        """Steps that the choice leaves out; those that are folded are not among them."""
        return self.whole - int(self._entries["stands_for"].sum())

    def steps(self, start: int, stop: int) -> list[Step]:
        """The steps from one place to another, without their states."""
        return [self._make(entry) for entry in self._entries[start:stop]]

    def _make(self, entry: Array) -> Step:
        key = (int(entry["packet"]), int(entry["phase"]), int(entry["place"]))
        leg = int(entry["leg"])
        if entry["folded"]:
            level = [*LEVELS.values()][entry["level"]]
            return Step(key, "folded", f"{level} folded: {count(int(entry['stands_for']), 'step')}", leg=leg)
        if entry["row"] < 0:
            return self._made[entry["made"]]
        step = next(frame_steps(self._connections[leg], [int(entry["row"])]))
        return replace(step, leg=leg)


def made_steps(connections: Sequence[Connection]) -> list[Step]:
    """The steps of TCP, TLS and HTTP: there are few beside frames."""
    steps = []
    for leg, connection in enumerate(connections):
        tcp = tcp_steps(connection)
        if len(connections) > 1:
            tcp = (replace(step, words=step.words.replace(_INNER[leg], "the proxy")) for step in tcp)
        own = [*tcp, *tls_steps(connection), *http_steps(connection.exchanges, reveal=connection.reveal)]
        steps += [replace(step, leg=leg) for step in own]
    return steps


def _entries(made: list[Step]) -> Array:
    entries = np.zeros(len(made), ENTRY)
    for at, step in enumerate(made):
        sender = -1 if step.sender is None else [*Side].index(step.sender)
        entries[at] = (*step.key, _LEVEL_OF[step.kind], sender, step.leg, -1, at, 1, False)
    return entries


def _frames(connection: Connection, leg: int) -> Array:
    table = connection.frame_table
    entries = np.zeros(len(table), ENTRY)
    entries["packet"], entries["place"], entries["sender"] = table["packet"], table["offset"], table["sender"]
    entries["phase"], entries["level"], entries["leg"] = WEBSOCKET, 3, leg
    entries["row"], entries["made"], entries["stands_for"] = np.arange(len(table)), -1, 1
    return entries


def _fold(entries: Array, choice: Choice) -> Array:
    """Each run of steps of a folded level as one entry: the first, which stands for all of them."""
    levels = [number for number, level in enumerate(LEVELS) if level in choice.folded]
    folded = np.isin(entries["level"], levels)
    if not folded.any():
        return entries
    level, leg = entries["level"], entries["leg"]
    goes_on = np.zeros(len(entries), bool)
    goes_on[1:] = folded[1:] & folded[:-1] & (level[1:] == level[:-1]) & (leg[1:] == leg[:-1])
    kept = np.nonzero(~goes_on)[0]
    ends = np.append(kept[1:], len(entries))
    result = entries[kept]
    result["stands_for"], result["folded"] = ends - kept, folded[kept]
    return result
