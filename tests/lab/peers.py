"""The lab's application on a free port, and a client made of a bare socket, which does what no library would."""

from __future__ import annotations

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.types import ASGIApp

from wsviz import Dissection, Frame, Opcode, StreamDecoder, build_request, parse_uri
from wsviz.lab.background import Background
from wsviz.lab.serving import GRACE, MAX_SIZE, Server, listen, make_server

PATIENCE = 20.0
"""Seconds that a test waits for what must come; only a broken server takes so long."""
KEY = base64.b64encode(bytes(range(16))).decode()


@dataclass(frozen=True)
class Running:
    """A server on `port`, in a thread of its own."""

    port: int
    server: Server

    def url(self, path: str) -> str:
        return f"ws://127.0.0.1:{self.port}{path}"


@contextmanager
def running(
    app: ASGIApp,
    *,
    deflate: bool = False,
    ping_interval: float | None = None,
    max_size: int = MAX_SIZE,
    grace: float = GRACE,
) -> Iterator[Running]:
    """Serve `app` until the block's end. Small buffers: who does not read is noticed soon."""
    listening = listen(send_buffer=4096)
    server = make_server(app, deflate=deflate, ping_interval=ping_interval, max_size=max_size, grace=grace)

    with Background() as background:
        background.run(server.begin(listening))
        try:
            yield Running(listening.getsockname()[1], server)
        finally:
            background.run(server.finish())


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds; fail where it does not come to."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"after {PATIENCE:.0f} seconds still not so: {what}"
        time.sleep(0.01)


@dataclass
class RawClient:
    """A TCP connection that says what it is told and reads only when it is told."""

    socket: socket.socket
    response: bytes = b""
    decoder: StreamDecoder = field(default_factory=lambda: StreamDecoder("server"))
    received: list[Dissection[Frame]] = field(default_factory=list)

    def read_handshake(self) -> None:
        """Read the response's head, and what else came with it."""
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.read()
        head, _, rest = data.partition(b"\r\n\r\n")
        self.response = head + b"\r\n\r\n"
        self.received += self.decoder.feed(rest).frames

    def frames(self, number: int) -> list[Frame]:
        """Read until there are so many frames in all, and give them."""
        while len(self.received) < number:
            data = self.read()
            assert data, f"the server ends the connection after {len(self.received)} frames, expected {number}"
            self.received += self.decoder.feed(data).frames
        return [frame.value for frame in self.received]

    def frames_until_close(self) -> list[Frame]:
        """Read until there is a Close frame, and give all frames."""
        while not self.received or self.received[-1].value.opcode != Opcode.CLOSE:
            self.frames(len(self.received) + 1)
        return [frame.value for frame in self.received]

    def send(self, frame: Frame) -> None:
        self.socket.sendall(frame.serialize())

    def read(self) -> bytes:
        """Some bytes; none where the server has ended the connection."""
        return self.socket.recv(65536)


@contextmanager
def raw_client(url: str, *, origin: str | None = None, receive_buffer: int = 4096) -> Iterator[RawClient]:
    """Connect, send a handshake and read its answer."""
    request = build_request(url, key=KEY, origin=origin)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", parse_uri(url).port))
        connection.sendall(request)
        client = RawClient(connection)
        client.read_handshake()
        yield client
