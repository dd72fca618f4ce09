"""A recording relay: it stands between clients and one server, passes every byte on, and notes what passes and when.

Watching packets needs the rights of root; a relay needs none. It sees bytes, not packets: what one read gives it need
not be what the sender wrote at once, and the TCP handshakes are its own. `capture()` and `save()` put TCP/IP headers
around what it saw, made ones, so that all that reads captures can read it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from wsviz.capture.capture import Capture
from wsviz.capture.packets import read_packets_from
from wsviz.lab.background import Background, LabError, Stoppable, cause, check_count
from wsviz.lab.relay_link import GRACE, Faults, Link
from wsviz.lab.relay_pcap import file_blocks
from wsviz.lab.relay_recording import Recording, Wire
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import count

LIMIT = 16 * 1024 * 1024
"""Bytes of memory that a recording may take unless told otherwise: many lessons' worth, and read in seconds."""
MOST_CLIENTS = 100  # at a time; more wait to be accepted
log = logging.getLogger(__name__)


class Relay(Stoppable):
    """A relay on a free port of 127.0.0.1, in front of the server at `target_host` and `target_port`, until `stop()`.

    `delay`, `cut` and `merge` are as in `Faults`, and `change()` changes them for what comes. A half-closed
    connection is passed on as such, and so is a reset; a client for whom the server does not take a connection is
    reset. A side that does not read makes the relay stop reading from the other, so that memory is bounded, and what
    is recorded ends for good where it takes `limit` bytes of memory; `recording` and the repr say so.
    `on_change` is called, in the relay's thread, whenever something was recorded; it should return soon, and leave it
    to another thread to look at the relay.
    `background` is the thread to work in, which the caller stops; by default the relay has one of its own.
    Raises LabError where the target has no address, an argument makes no sense, or no port is to be had.
    """

    def __init__(
        self,
        target_host: str,
        target_port: int,
        *,
        delay: float = 0.0,
        cut: int | None = None,
        merge: float = 0.0,
        limit: int = LIMIT,
        on_change: Callable[[], None] | None = None,
        background: Background | None = None,
    ) -> None:
        self._faults = Faults(delay, cut, merge)
        self._target_address = _resolve(target_host, target_port)
        check_count("limit", limit)
        if on_change is not None and not callable(on_change):
            raise LabError(f"on_change is {on_change!r}, expected something to call")
        self._recording = Recording(limit, on_change)
        self._links: dict[asyncio.Task[None], Link] = {}
        self._accepting: asyncio.Task[None] | None = None
        self.target = (target_host, target_port)
        self._background = Background("wsviz-relay") if background is None else background
        self._own_background = background is None
        try:
            self.host, self.port = self._background.run(self._listen())
        except OSError as error:
            self.stop()
            raise LabError(f"no port of 127.0.0.1 to listen on: {cause(error)}") from None

    def __repr__(self) -> str:
        target = f"{self.target[0]}:{self.target[1]}"
        where = f"<Relay {self.host}:{self.port} -> {target}" + ("" if self.running else ", stopped")
        seen = count(len(self._recording.conversations), "connection")
        if self.recording:
            return f"{where}: {seen}, about {self._recording.size:,} bytes of memory>"
        return f"{where}: {seen}; recording stopped at its limit of {self._recording.limit:,} bytes of memory>"

    @property
    def running(self) -> bool:
        """Whether it takes connections."""
        return self._accepting is not None and self._background.running

    @property
    def recording(self) -> bool:
        """Whether there is memory left to record what passes."""
        return not self._recording.stopped

    @property
    def progress(self) -> tuple[bool, bool, int, int]:
        """How far it is: `running`, `recording`, about how many bytes the recording takes, and its connections.

        Cheap to ask for; where it is what it was, `capture()` gives what it gave.
        """
        return self.running, self.recording, self._recording.size, len(self._recording.conversations)

    @property
    def faults(self) -> Faults:
        """What it does at present to the bytes it passes on."""
        return self._faults

    def change(self, **faults: Any) -> None:
        """Change some of `delay`, `cut` and `merge` for what comes from now on, on open connections too."""
        try:
            self._faults = replace(self._faults, **faults)
        except TypeError:
            raise LabError(f"{', '.join(faults)}: expected some of delay, cut and merge") from None

    def capture(self, at: Side | str = Side.CLIENT) -> Capture:
        """All so far, at any moment, as seen beside the clients or, `at="server"`, beside the server.

        The clients' side shows what the server's bytes look like after the relay's faults, the server's side what the
        clients' bytes look like. Its ports are those of the relay on that side.
        """
        name = f"relay {self.host}:{self.port}" + ("" if self.recording else ", stopped at its limit")
        return Capture(name, read_packets_from(io.BytesIO(self._file(at)), name))

    def save(self, path: str | os.PathLike[str], at: Side | str = Side.CLIENT) -> None:
        """Write what `capture()` gives as a pcapng file, whose comment says what in it is made and what is real."""
        try:
            Path(path).write_bytes(self._file(at))
        except OSError as error:
            raise LabError(f"{os.fspath(path)}: {cause(error)}") from None

    def _file(self, at: Side | str) -> bytes:
        side, recording = Side(at), self._recording
        # Copied between two steps of the relay: what a peer has received is then noted as well.
        wires = self._background.run(self._seen_at(side)) if self._background.running else recording.seen_at(side)
        return b"".join(file_blocks(wires, side, recording.limit if recording.stopped else None))

    async def _seen_at(self, side: Side) -> Sequence[Wire]:
        return self._recording.seen_at(side)

    def drop(self, *, reset: bool = False) -> int:
        """End all open connections on both sides, by FIN or, with `reset`, by RST; the number of those ended.

        What is under way in the relay is lost. After a FIN the peers have a second to send theirs.
        """
        return self._background.run(self._drop(reset), timeout=GRACE + 10)

    def stop(self) -> None:
        """Drop what is open, by FIN, and take no more connections. What was recorded stays. May be called again."""
        if self._background.running:
            self._background.run(self._stop(), timeout=GRACE + 10)
        if self._own_background:
            self._background.stop()

    async def _listen(self) -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))
        # Not the task's own business: one that is cancelled before it began would never get there.
        self._accepting.add_done_callback(lambda _: listener.close())
        host, port = listener.getsockname()
        return host, port

    async def _accept(self, listener: socket.socket) -> None:
        loop, free = asyncio.get_running_loop(), asyncio.Semaphore(MOST_CLIENTS)
        while True:
            await free.acquire()
            try:
                client, address = await loop.sock_accept(listener)
            except OSError:  # the client went away again, or no file descriptor is left
                free.release()
                await asyncio.sleep(0.1)
                continue
            link = Link(client, address, self._target_address, self._recording, lambda: self._faults)
            task = asyncio.create_task(link.run())
            self._links[task] = link
            task.add_done_callback(self._forget)
            task.add_done_callback(lambda _: free.release())

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._links.pop(task).close()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a connection through the relay failed", exc_info=error)

    async def _drop(self, reset: bool) -> int:
        links = dict(self._links)
        for link in links.values():
            link.drop(reset=reset)
        if links:
            await asyncio.wait(links)
        return len(links)

    async def _stop(self) -> None:
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.cancel()
            await asyncio.wait({accepting})
        await self._drop(reset=False)


def _resolve(host: str, port: int) -> tuple[socket.AddressFamily, Any]:
    """The address of the target, once and for all; one of IPv4 where it has several."""
    if not isinstance(port, int) or not 0 < port < 65536:
        raise LabError(f"the target's port is {port!r}, expected a number from 1 to 65535")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no host name"
        raise LabError(f"the target {host!r} has no address: {reason}") from None
    family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    return family, address
