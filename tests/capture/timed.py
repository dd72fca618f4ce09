"""Conversations in time: each step happens at a second that the test names; stream offsets count themselves."""

from __future__ import annotations

from typing import Any

from tests.capture.build import ETHERNET, REQUEST, RESPONSE, START, Talk, enhanced, interface, read, section
from wsviz.capture.capture import Capture


class Clock:
    """One TCP connection whose packets carry times, in seconds after START."""

    def __init__(self, client_port: int = 40000) -> None:
        self.talk, self.times = Talk(client_port=client_port), list[float]()
        self.sent = {"client": 0, "server": 0}

    def open(self, second: float = 0.0, trip: float = 0.002) -> Clock:
        """SYN, SYN-ACK, ACK, one round trip apart in all."""
        self.talk.open()
        self.times += [second, second + trip / 2, second + trip]
        return self

    def upgrade(self, second: float = 0.0) -> Clock:
        """TCP's handshake and WebSocket's: packets 1 to 5."""
        return self.open(second).client(second + 0.01, REQUEST).server(second + 0.02, RESPONSE)

    def client(self, second: float, data: bytes = b"", flags: str = "PA", **fields: Any) -> Clock:
        """A segment from the client."""
        return self._send("client", second, data, flags, fields)

    def server(self, second: float, data: bytes = b"", flags: str = "PA", **fields: Any) -> Clock:
        """A segment from the server."""
        return self._send("server", second, data, flags, fields)

    def _send(self, side: str, second: float, data: bytes, flags: str, fields: dict[str, Any]) -> Clock:
        getattr(self.talk, side)(data, self.sent[side], flags, **fields)
        self.sent[side] += len(data)
        self.times.append(second)
        return self

    def exchange(self, second: float, wait: float, answer: bytes, target: str = "/news") -> Clock:
        """A GET request and, `wait` seconds later, its answer."""
        asked = f"GET {target} HTTP/1.1\r\nHost: example.org\r\n\r\n".encode()
        return self.client(second, asked).server(second + wait, answer)

    def capture(self) -> Capture:
        """The capture of this one connection."""
        return capture_of_clocks(self)


def capture_of_clocks(*clocks: Clock) -> Capture:
    """The capture of several connections, their packets in order of time."""
    packets = [entry for clock in clocks for entry in zip(clock.times, clock.talk.packets, strict=True)]
    packets.sort(key=lambda entry: entry[0])
    blocks = [enhanced(bytes(packet), START + round(second * 1e9)) for second, packet in packets]
    return read(section() + interface(ETHERNET, resolution=9) + b"".join(blocks))


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    """An HTTP response whose length is told."""
    lines = [f"HTTP/1.1 {status}", *headers, *([] if status.startswith("204") else [f"Content-Length: {len(body)}"])]
    return "\r\n".join([*lines, "", ""]).encode() + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body."""
    return b"%x\r\n%s\r\n" % (len(data), data)
