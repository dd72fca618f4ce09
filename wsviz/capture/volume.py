"""A capture's frames at volume: in one pass over the file, in columns, with memory for a chunk of it at a time.

What is told here of a connection is what `Connection` tells, and law 5 holds it to that. Connections that cannot be
told on the way are odd; `volume_odd` has them decoded as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import numpy as np

from wsviz.capture.packets import CHUNK, Array, Chunk, Packets
from wsviz.capture.volume_flows import Flows, Stretch
from wsviz.capture.volume_frames import Walked, walk_frames
from wsviz.capture.volume_heads import MOST_HEAD, SOUGHT, Start, Verdict, judge_heads, judge_rest
from wsviz.capture.volume_messages import Bodies
from wsviz.protocol.fields import Side

_FIRST_LOOK = 1  # byte of a direction that is looked at first, with the packet it is in: most handshakes need no more


class _Kind(IntEnum):
    """What is to be done with the bytes of a direction."""

    START = 0  # find out what they are
    FRAMES = 1  # walk over their frames
    REQUESTS = 2  # see whether one asks for WebSocket


class FramePass:
    """One pass over a capture. `flows` knows afterwards which connections are odd: what was found of them is void."""

    def __init__(self, packets: Packets, bodies: Bodies | None = None, *, tls_is_read: bool = False) -> None:
        self.flows, self.packets, self._tls_is_read = Flows(packets.reverse), packets, tls_is_read
        self.bodies = bodies
        self.encrypted: set[int] = set()  # connections that speak TLS, where that is not read
        self.sizes = np.zeros(0, "i8")  # by connection: captured bytes
        self._kind = np.zeros(64, "u1")  # by direction
        self._skip = np.zeros(64, "i8")  # bytes before the next frame
        self._count = np.zeros(64, "i8")  # frames so far
        self._from_client = np.zeros(64, "?")
        self._tails: dict[int, bytes] = {}  # by direction: the last bytes of requests

    def frames(self) -> Iterator[Array]:
        """The frames (of FOUND) chunk by chunk, those of a direction in order."""
        for chunk in self.packets:
            directions = self.flows.deal(chunk.rows, chunk.pairs)
            self._grow()
            self._weigh(chunk, directions)
            yield self._take(self.flows.stretch(chunk, directions)).frames
        self.flows.finish()
        for flow in {direction >> 1 for direction in self.flows.kept if self._kind[direction] == _Kind.START}:
            verdict = judge_rest(self._heads(flow, None, {}, MOST_HEAD), tls_is_read=self._tls_is_read)
            if verdict is Verdict.ODD:
                self.flows.call_odd(flow)
            else:
                self.encrypted.add(flow)
        # Where the handshake was over before, what was kept of its other side holds frames.
        yield self._take(self.flows.rest()).frames

    def whole(self, frames: Array) -> Array:
        """Which frames count: those of odd connections do not, nor do those that are cut where the capture ends."""
        last = frames["index"] + 1 == self._count[frames["direction"]]
        whole: Array = ~self._is_odd(frames["direction"] >> 1) & ~(last & (self._skip[frames["direction"]] > 0))
        return whole

    def settled(self, messages: Array) -> Array:
        """Which messages (of MESSAGE) count: those of odd connections do not, as far as the pass has found them."""
        settled: Array = messages["settled"] | ~self._is_odd(messages["connection"])
        return settled

    def _is_odd(self, connections: Array) -> Array:
        odd = np.zeros(max(self.flows.count, 1), "?")
        odd[list(self.flows.odd)] = True
        return odd[connections]

    def from_client(self, directions: Array) -> Array:
        """Whether these directions are clients'."""
        return self._from_client[directions]

    def _grow(self) -> None:
        while len(self._kind) < 2 * self.flows.count:
            self._kind, self._skip, self._count, self._from_client = (
                np.concatenate((column, np.zeros_like(column)))
                for column in (self._kind, self._skip, self._count, self._from_client)
            )

    def _weigh(self, chunk: Chunk, directions: Array) -> None:
        flows, captured = directions[directions >= 0] >> 1, chunk.rows["captured"][directions >= 0]
        self.sizes = np.append(self.sizes, np.zeros(self.flows.count - len(self.sizes), "i8"))
        self.sizes += np.bincount(flows, captured, minlength=self.flows.count).astype("i8")

    def _take(self, stretch: Stretch) -> Walked:
        kinds = self._kind[stretch.directions]
        self._begin(stretch, np.flatnonzero(kinds == _Kind.START).tolist())
        for run in np.flatnonzero(kinds == _Kind.REQUESTS).tolist():
            self._search(int(stretch.directions[run]), stretch.head(run, CHUNK))
        which = np.flatnonzero(self._kind[stretch.directions] == _Kind.FRAMES)
        own = stretch.directions[which]
        skip = self._skip[own]
        walked = walk_frames(stretch, which, skip, self._from_client[own])
        walked.frames["index"] += np.repeat(self._count[own], walked.runs).astype("u4")
        self._count[own] += walked.runs
        self._skip[own] = walked.beyond
        for run, pieces in walked.kept.items():
            self.flows.keep(int(own[run]), pieces)
        if self.bodies is not None:
            self.bodies.take(stretch, which, skip, walked, self._from_client[own])
        return walked

    def _begin(self, stretch: Stretch, runs: list[int]) -> None:
        """Find out what connections are whose first bytes these runs hold."""
        begun = dict[int, dict[int, int]]()
        for run in runs:
            direction = int(stretch.directions[run])
            begun.setdefault(direction >> 1, {})[direction] = run
        for flow, own in begun.items():
            for most in (_FIRST_LOOK, MOST_HEAD + 1):
                start = judge_heads(self._heads(flow, stretch, own, most), tls_is_read=self._tls_is_read)
                if start.verdict is not Verdict.MORE:
                    self._start(flow, start, stretch, own)
                    break
            else:
                for direction, run in own.items():
                    self.flows.keep(direction, stretch.pieces(run))

    def _heads(self, flow: int, stretch: Stretch | None, runs: dict[int, int], most: int) -> tuple[bytes, bytes]:
        """The first bytes of both directions of a connection, some of which begin in these runs."""
        first, second = (
            b"".join(piece.data for piece in self.flows.kept.get(direction, ()))
            if stretch is None or direction not in runs
            else stretch.head(runs[direction], most)
            for direction in (2 * flow, 2 * flow + 1)
        )
        return first, second

    def _start(self, flow: int, start: Start, stretch: Stretch, runs: dict[int, int]) -> None:
        client, server = 2 * flow + start.client, 2 * flow + 1 - start.client
        self._from_client[client] = True
        if start.verdict is Verdict.ODD:
            self.flows.call_odd(flow)
        elif start.verdict is Verdict.FRAMES:
            self._kind[[client, server]] = _Kind.FRAMES
            self._skip[[2 * flow, 2 * flow + 1]] = start.offsets
            if self.bodies is not None:
                self.bodies.begin(client, Side.CLIENT, start.extensions)
                self.bodies.begin(server, Side.SERVER, start.extensions)
        else:
            self._kind[client] = _Kind.REQUESTS
            requests = self._heads(flow, stretch, runs, CHUNK)[start.client]
            self.flows.ignore(server)
            if start.verdict is Verdict.HTTP:
                self._search(client, requests)
            else:
                self.encrypted.add(flow)
                self.flows.ignore(client)

    def _search(self, direction: int, requests: bytes) -> None:
        """Have a connection decoded as a whole if the client may have asked for WebSocket in these bytes."""
        data = self._tails.get(direction, b"") + requests
        self._tails[direction] = data[-len(SOUGHT) :]
        self.flows.kept.pop(direction, None)
        if SOUGHT in data.lower():
            self.flows.call_odd(direction >> 1)
