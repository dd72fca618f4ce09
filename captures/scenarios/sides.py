"""What several scenarios share: servers on several ports, and a client that sends the bytes it is told to."""

import logging
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

from websockets.client import ClientProtocol
from websockets.datastructures import Headers
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import CONNECTING, Event
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import Server, ServerConnection
from websockets.uri import parse_uri

from .scenario import PORT, SERVER, ready

TIMEOUT = 10.0
"""Seconds after which a side that waits gives up, and the recording with it."""
PAUSE = 0.1
"""Seconds between two steps: longer than the 40 ms for which Linux may delay an ACK, so no two share a segment."""


PLAIN: dict[str, Any] = {"compression": None, "ping_interval": None}
"""Options of websockets for servers whose frames are those that the scenario names, as they are."""


def url(path: str, port: int = PORT) -> str:
    return f"ws://{SERVER}:{port}{path}"


def open_plainly(path: str, port: int = PORT, **options: Any) -> ClientConnection:
    """A client of websockets without extension and without pings: its frames are those that the scenario names."""
    defaults = PLAIN | {"proxy": None, "close_timeout": TIMEOUT}
    connection: ClientConnection = connect(url(path, port), **(defaults | options))
    return connection


def serve_all(*servers: Server) -> None:
    """Serve with all of them until the process is terminated."""
    # Some scenarios give a server reason to complain, and a handler that fails is one of them.
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    ready()
    for thread in threads:
        thread.join()


def send_back(connection: ServerConnection) -> None:
    """Send every message back."""
    for message in connection:
        connection.send(message)


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    """A client's frame as websockets makes it, with a masking key of its own."""
    return Frame(opcode, data, fin).serialize(mask=True)


def close_frame(code: int, reason: str = "") -> bytes:
    return frame(Opcode.CLOSE, Close(code, reason).serialize())


def expect(actual: object, expected: object) -> None:
    """A recording is only worth keeping if it shows what its scenario says."""
    if actual != expected:
        raise ValueError(f"got {actual!r}, expected {expected!r}")


class PlainClient:
    """A socket, and the protocol of websockets, which reads but sends nothing by itself.

    `change` alters the header fields of the handshake before they are sent. A `receive_buffer`, in bytes, is what the
    kernel keeps of what was not read yet.
    """

    def __init__(
        self,
        path: str,
        port: int = PORT,
        *,
        change: Callable[[Headers], None] | None = None,
        receive_buffer: int | None = None,
    ) -> None:
        self.protocol = ClientProtocol(parse_uri(url(path, port)))
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if receive_buffer is not None:  # before the window is told to the server, in the SYN
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((SERVER, port))
        request = self.protocol.connect()
        if change is not None:
            change(request.headers)
        self.protocol.send_request(request)
        self.answer()
        self.events: list[Event] = []
        while self.protocol.state is CONNECTING and not self.protocol.handshake_exc:
            self.read()

    def __enter__(self) -> "PlainClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> None:
        """Send what the protocol wants to say: the request, pongs, the answer to a Close."""
        for data in self.protocol.data_to_send():
            if data:  # an empty one asks for the end of the connection
                self.socket.sendall(data)

    def read(self) -> bool:
        """Take what has come into `events`; False at the end."""
        data = self.socket.recv(65536)
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        self.events += self.protocol.events_received()
        return bool(data)

    def next_frame(self) -> Frame:
        """The next frame, the response of the handshake left out."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if isinstance(event, Frame):
                    return event
            if not self.read():
                raise EOFError("the server ended the connection, a frame was expected")

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Send a Close and wait for the end."""
        self.protocol.send_close(code, reason)
        self.until_end()

    def reset(self) -> None:
        """Close the socket with no time to linger: the kernel sends RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def until_end(self, *, answering: bool = True) -> list[Frame]:
        """Read until the server ends the connection, and answer its frames if not told otherwise."""
        while True:
            if answering:
                self.answer()
            if not self.read():
                return [event for event in self.events if isinstance(event, Frame)]
