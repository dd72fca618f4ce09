"""The way of the bytes that a page sends: browser, kernel, wire, the other kernel, the program that reads.

Time goes in rounds. In each, a byte moves on by one place at most, from the far end to the near one: the program
reads, what was in flight arrives, the kernel sends as much as the network carries and the window allows, and the
browser fills the room in the kernel. TCP keeps a copy of what is in flight until it is acknowledged; here a byte is
counted once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

SEND_BUFFER, RECEIVE_BUFFER = 20_000, 10_000
"""Bytes that the kernels of the browser's and the server's machine keep for this connection; real ones keep more."""
RATE = 5_000
"""Bytes that the network carries in a round, and that the server's program reads in one."""


class Gauge(NamedTuple):
    """Where the bytes are: frames with their headers, as the wire carries them."""

    browser: int
    kernel: int
    flight: int
    receiver: int
    read: int
    lost: int

    @property
    def window(self) -> int:
        """Bytes that the receiver's TCP still invites; 0 is a zero window."""
        return RECEIVE_BUFFER - self.receiver

    @property
    def total(self) -> int:
        return sum(self)


@dataclass(slots=True)
class _Queued:
    """A frame, or the rest of one, that the browser has not handed over yet."""

    framing: int  # bytes of the header, or of a whole control frame: nothing of it counts for bufferedAmount
    payload: int


@dataclass(slots=True)
class Path:
    """The bytes from the browser to the server's program, and what of them the program has read."""

    rate: int = RATE
    reading: bool = True
    alive: bool = True
    _waiting: deque[_Queued] = field(default_factory=deque)
    _ends: deque[tuple[int, str]] = field(default_factory=deque)  # where each frame ends, and its kind
    _written: int = 0
    _kernel: int = 0
    _flight: int = 0
    _receiver: int = 0
    _read: int = 0
    _lost: int = 0

    def put(self, kind: str, payload: int) -> None:
        """Queue a frame of a client: "data", "pong" or "close", with its payload's size in bytes."""
        header = 6 if payload < 126 else 8 if payload < 65536 else 14  # with the masking key
        data = kind == "data"
        self._waiting.append(_Queued(header if data else header + payload, payload if data else 0))
        self._written += header + payload
        self._ends.append((self._written, kind))

    @property
    def buffered(self) -> int:
        """Bytes of application data that have not left the browser."""
        return sum(each.payload for each in self._waiting)

    @property
    def empty(self) -> bool:
        """Whether everything has left the browser."""
        return not self._waiting

    def round(self) -> list[str]:
        """Let a round pass; the kinds of the frames that the server's program has read to their ends by now."""
        if not self.alive:
            return []
        if self.reading:
            read = min(self._receiver, self.rate)
            self._receiver -= read
            self._read += read
        self._receiver += self._flight
        self._flight = min(self._kernel, self.rate, RECEIVE_BUFFER - self._receiver)
        self._kernel -= self._flight
        self._kernel += self._take(SEND_BUFFER - self._kernel)
        done = []
        while self._ends and self._ends[0][0] <= self._read:
            done.append(self._ends.popleft()[1])
        return done

    def cut(self) -> None:
        """TCP is gone: what had left the browser and was not read never will be; the rest stays where it is."""
        self.alive = False
        self._lost += self._kernel + self._flight + self._receiver
        self._kernel = self._flight = self._receiver = 0

    def gauge(self) -> Gauge:
        browser = sum(each.framing + each.payload for each in self._waiting)
        return Gauge(browser, self._kernel, self._flight, self._receiver, self._read, self._lost)

    def _take(self, room: int) -> int:
        """Hand over as many bytes as there is room for, headers first."""
        taken = 0
        while self._waiting and taken < room:
            first = self._waiting[0]
            framing = min(first.framing, room - taken)
            payload = min(first.payload, room - taken - framing)
            first.framing -= framing
            first.payload -= payload
            taken += framing + payload
            if not first.framing + first.payload:
                self._waiting.popleft()
        return taken
