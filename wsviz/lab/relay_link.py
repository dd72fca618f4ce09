"""One client's connection through a relay: what is read from each side, waits its time, and is written to the other.

Plain sockets, not asyncio's streams: those write from a buffer of their own at a time that nobody knows.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from wsviz.lab.background import LabError
from wsviz.lab.relay_recording import Address, Kind, Recording
from wsviz.protocol.fields import Side

READ = 65536  # bytes asked for at once
UNDER_WAY = 4 * READ  # bytes of one direction that were read and not yet written: then reading waits
ITEM = 128  # bytes that a chunk under way takes in memory beside its data, about
PIECE = 1460  # bytes to wait with where the system takes no more
LONGEST_WAIT = 60.0  # seconds for a delay or for merging
CONNECT_TIMEOUT = 10.0  # seconds
GRACE = 1.0  # seconds for a peer to answer the FIN of a drop
LINGER_NOT = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # for SO_LINGER: close() sends RST


@dataclass(frozen=True, slots=True)
class Faults:
    """What a relay does to the bytes it passes on, in each direction by itself.

    `delay`: seconds that every chunk waits. `cut`: bytes to write at once, each time a TCP segment as far as the
    system permits (TCP_NODELAY); None passes on whole chunks. `merge`: seconds for which to collect before what has
    come is written at once. Raises LabError for values that make no sense.
    """

    delay: float = 0.0
    cut: int | None = None
    merge: float = 0.0

    def __post_init__(self) -> None:
        for name, seconds in (("delay", self.delay), ("merge", self.merge)):
            if not isinstance(seconds, (int, float)) or not 0 <= seconds <= LONGEST_WAIT:
                raise LabError(f"{name} is {seconds!r}, expected seconds from 0 to {LONGEST_WAIT:g}")
        if self.cut is not None and (not isinstance(self.cut, int) or self.cut < 1):
            raise LabError(f"cut is {self.cut!r}, expected a number of bytes, 1 or more, or None")


class _Reset(Exception):
    """One side reset its connection, and now both are."""


class Link:
    """One client's connection, the one to the server that is made for it, and what passes between them."""

    def __init__(
        self,
        client: socket.socket,
        client_address: Address,
        target: tuple[socket.AddressFamily, Any],
        recording: Recording,
        faults: Callable[[], Faults],
    ) -> None:
        self._family, self._target = target
        self._sockets = {Side.CLIENT: client}
        self._recording, self._faults = recording, faults
        self._wires = recording.open(client_address, client.getsockname())
        self._pipes = {side: _Pipe() for side in Side}  # by who sends
        self._connected = False
        self._ended: set[Side] = set()  # who sent FIN or RST
        self._finished: set[Side] = set()  # whom the relay sent FIN
        self._dropped: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def drop(self, *, reset: bool) -> None:
        """Ask for the end of both connections."""
        if not self._dropped.done():
            self._dropped.set_result(reset)

    def close(self) -> None:
        """Close both sockets; not before `run()` has ended, lest another connection get a number still waited for."""
        for sock in self._sockets.values():
            sock.close()

    async def run(self) -> None:
        """Pass on what comes until both sides have ended, or one was reset, or all is dropped."""
        passing = asyncio.create_task(self._pass_on())
        either: set[asyncio.Future[Any]] = {passing, self._dropped}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = not passing.cancel()
            await asyncio.wait({passing})
        if finished:
            passing.result()
        else:
            await self._end(reset=self._dropped.result() or not self._connected)

    async def _pass_on(self) -> None:
        self._note(Side.CLIENT, Side.CLIENT, Kind.OPEN)
        if not await self._connect():
            return
        try:
            async with asyncio.TaskGroup() as group:
                for side in Side:
                    group.create_task(self._read(side))
                    group.create_task(self._write(side))
        except* _Reset:
            pass  # noted, and passed on

    async def _connect(self) -> bool:
        """Connect to the server; where that fails the client is reset, which is the nearest to being refused."""
        wire = self._wires[Side.SERVER]
        wire.server = self._target[:2]
        if self._family == socket.AF_INET6:  # the client came over IPv4; the relay's own address is not yet known
            wire.client = ("::1", wire.client[1])
        try:
            server = self._sockets[Side.SERVER] = socket.socket(self._family)
            for sock in self._sockets.values():
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._note(Side.SERVER, Side.CLIENT, Kind.OPEN)
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await asyncio.get_running_loop().sock_connect(server, self._target)
            wire.client = server.getsockname()[:2]
        except OSError:
            for side in self._sockets:
                self._reset(side, by=Side.SERVER)
        else:
            self._connected = True
            for side in Side:
                self._note(side, Side.SERVER, Kind.ACCEPT)
        return self._connected

    def _note(self, beside: Side, sender: Side, kind: Kind, data: bytes = b"") -> None:
        self._recording.add(self._wires[beside], sender, kind, data)

    async def _receive(self, sender: Side) -> bytes | None:
        """What this side sent, noted beside it; b"" stands for FIN, None for RST."""
        try:
            data: bytes | None = await asyncio.get_running_loop().sock_recv(self._sockets[sender], READ)
        except OSError:
            data, kind = None, Kind.RST
        else:
            kind = Kind.DATA if data else Kind.FIN
        self._note(sender, sender, kind, data or b"")
        if not data:
            self._ended.add(sender)
        await asyncio.sleep(0)  # where there is always more to read, nothing else made the others' turn come
        return data

    async def _read(self, sender: Side) -> None:
        """Read what this side sends, while there is room for it, until it ends."""
        loop, pipe = asyncio.get_running_loop(), self._pipes[sender]
        data: bytes | None = b"anything"
        while data:
            await pipe.room()
            data = await self._receive(sender)
            await pipe.put(loop.time(), data)

    async def _write(self, sender: Side) -> None:
        """Write what this side sent to the other, in the way of the faults, and its end too."""
        loop, pipe = asyncio.get_running_loop(), self._pipes[sender]
        while True:
            came, faults = await pipe.first(), self._faults()
            if (wait := came + faults.delay + faults.merge - loop.time()) > 0:
                await asyncio.sleep(wait)
            data = await pipe.take(until=loop.time() - faults.delay if faults.merge else -math.inf)
            if data is None:
                self._reset(sender.other, by=sender)
                raise _Reset
            if not data:
                self._finish(sender.other)
                return
            size = faults.cut or len(data)
            for start in range(0, len(data), size):
                await self._send(sender, data[start : start + size])

    async def _send(self, sender: Side, data: bytes) -> None:
        """Write this to the other side; each part that the system takes at once is noted at that time."""
        loop, receiver = asyncio.get_running_loop(), sender.other
        while data:
            part = data
            try:
                try:
                    part = data[: self._sockets[receiver].send(data)]
                except BlockingIOError:  # a little of it waits for room: this, unlike send(), can be waited for
                    part = data[:PIECE]
                    await loop.sock_sendall(self._sockets[receiver], part)
            except OSError:
                self._note(receiver, receiver, Kind.RST)
                self._reset(sender, by=receiver)
                raise _Reset from None
            self._note(receiver, sender, Kind.DATA, part)
            data = data[len(part) :]
        await asyncio.sleep(0)  # many small parts must not keep the others waiting

    def _finish(self, side: Side) -> None:
        """Send FIN to this side: no more will come from the other."""
        if side not in self._finished:
            self._finished.add(side)
            with suppress(OSError):  # it may be gone already
                self._sockets[side].shutdown(socket.SHUT_WR)
            self._note(side, side.other, Kind.FIN)

    def _reset(self, side: Side, *, by: Side) -> None:
        """Have `close()` send RST to this side, as if the other had sent it."""
        self._note(side, by, Kind.RST)
        with suppress(OSError):
            self._sockets[side].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)

    async def _end(self, *, reset: bool) -> None:
        """End both connections, as a drop does."""
        for side in self._sockets:
            if reset:
                self._reset(side, by=side.other)
            else:
                self._finish(side)
        if not reset:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await asyncio.gather(*(self._drain(side) for side in Side))

    async def _drain(self, side: Side) -> None:
        """Read what this side still sends, until it ends."""
        while side not in self._ended:
            await self._receive(side)


class _Pipe:
    """What was read from one side and is not yet written to the other: UNDER_WAY bytes and one read at most."""

    def __init__(self) -> None:
        self._chunks: deque[tuple[float, bytes | None]] = deque()
        self._size, self._changed = 0, asyncio.Condition()

    async def room(self) -> None:
        """Wait until there is room for one more read."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < UNDER_WAY)

    async def put(self, time: float, data: bytes | None) -> None:
        """Add what came at this time of the loop's clock."""
        async with self._changed:
            self._chunks.append((time, data))
            self._size += ITEM + len(data or b"")
            self._changed.notify_all()

    async def first(self) -> float:
        """Wait until there is something to take; when it came."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._chunks))
            return self._chunks[0][0]

    async def take(self, until: float) -> bytes | None:
        """What came first and, if it is data, with it all data that came until then."""
        async with self._changed:
            taken = [self._chunks.popleft()[1]]
            while taken[0] and self._chunks and self._chunks[0][0] <= until and self._chunks[0][1]:
                taken.append(self._chunks.popleft()[1])
            self._size -= sum(ITEM + len(data or b"") for data in taken)
            self._changed.notify_all()
        return b"".join(data or b"" for data in taken) if len(taken) > 1 else taken[0]
