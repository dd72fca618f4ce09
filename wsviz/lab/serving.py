"""uvicorn as the lab runs it: no client can hold it up, and it ends when it is told to."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from wsviz.lab.background import LabError, cause, check_count, check_seconds
from wsviz.protocol.wire import CloseCode

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

ASKING = 10.0
"""Seconds in which a new client must have sent the head of its first request."""
AT_ONCE = 50
"""Connections that asyncio accepts before anybody looks at one of them."""
WAITING = 1024
"""Connections that the system keeps till they are accepted; a client that finds no room tries again in a second."""
GRACE = 5.0
"""Seconds in which a client may take its last bytes, the Close frame among them; then it is given up."""
MAX_SIZE = 1 << 20
"""Bytes of the longest message that is accepted; a longer one is answered by close code 1009."""
SEND_BUFFER = 64 << 10
"""Bytes that the system keeps for a client that does not read; Linux would keep megabytes, and notice it later."""

NO_NEWS = (
    "ASGI callable returned without completing handshake.",  # it refused the handshake by a response of its own
    "Invalid UTF-8 sequence received from client.",  # and closed with 1007
)
BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_QUIET = logging.NullHandler()


class HttpProtocol(H11Protocol):
    """uvicorn's side of an HTTP connection, mended for clients that are too many, or connect and do not ask.

    The files of a process are soon used up by them, and asyncio then logs a traceback thousands of times a second.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _most_connections():
            transport.abort()
        self._asking = self.loop.call_later(ASKING, transport.abort)

    def handle_events(self) -> None:
        super().handle_events()
        if self.cycle is not None:
            self._asking.cancel()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        self._asking.cancel()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._asking.cancel()
        super().connection_lost(exc)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's side of a WebSocket connection, mended for clients that stop reading or break off.

    What uvicorn has yet to write to such a client, it waits to write for as long as the client likes, a Close frame
    too, and it piles up pongs without end. What ends without a Close frame it calls 1005, where RFC 6455 7.1.5 says
    1006.
    """

    grace = GRACE

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # it goes behind what is written already, but does not wait for it
            self._give_up_soon()
        await self.writable.wait()
        if self.close_sent and message["type"] in ("websocket.send", "websocket.close"):
            raise ClientDisconnected  # uvicorn itself has closed, after a missing pong or a protocol error
        await super().send(message)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # The parser of HTTP let through what that of WebSocket does not take: uvicorn would leave it unanswered.
            self.transport.write(BAD_REQUEST)
            self.transport.close()

    def handle_ping(self) -> None:
        super().handle_ping()
        if not self.writable.is_set():  # who does not take its pongs gets no more of them, and sends no more pings
            self.read_paused = True
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._give_up_soon()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.handshake_complete and self.conn.close_rcvd is None:
            self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE})
        super().connection_lost(exc)

    def _give_up_soon(self) -> None:
        self.loop.call_later(self.grace, self.transport.abort)


class Server(uvicorn.Server):
    """A server within another program's event loop, whose end waits for nobody longer than a second or two."""

    async def begin(self, listening: socket.socket) -> None:
        """Serve what comes to this socket, as a task of the running loop, until `finish()`."""
        self._serving = asyncio.create_task(self.serve(sockets=[listening]))
        while not self.started:
            if self._serving.done():
                await self._serving
                raise LabError("the lab's servers ended when they had hardly begun")
            await asyncio.sleep(0.01)

    async def finish(self) -> None:
        """Close all connections, by code 1012 where they are WebSocket's, and the listening socket."""
        self.should_exit = True
        await self._serving

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(WAITING)  # asyncio takes one number for both

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        asyncio.get_running_loop().call_later(1, self._give_up_all)
        await super().shutdown(sockets)

    def _give_up_all(self) -> None:
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()


def make_server(
    app: ASGIApp,
    *,
    deflate: bool = True,
    ping_interval: float | None = 20.0,
    max_size: int = MAX_SIZE,
    grace: float = GRACE,
) -> Server:
    """Make a server for `app`; `run(sockets=[listen(...)])` or `begin(listen(...))` runs it.

    `deflate` offers permessage-deflate, `ping_interval` counts seconds between pings (None: no pings), each of which
    must be answered within as many seconds. `max_size` counts bytes of a message. Raises LabError where one of these
    makes no sense.
    """
    if ping_interval is not None:
        check_seconds("ping interval", ping_interval)
    check_count("length of the longest message", max_size)
    # With a handler of its own, uvicorn's logger does not fall back to standard error, the learner's notebook.
    logging.getLogger("uvicorn").addHandler(_QUIET)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            backlog=AT_ONCE,
            http=HttpProtocol,
            ws=type("WebSocketProtocol", (WebSocketProtocol,), {"grace": grace}),
            ws_max_size=max_size,
            ws_ping_interval=ping_interval,
            ws_ping_timeout=ping_interval,
            ws_per_message_deflate=deflate,
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )


def listen(host: str = "127.0.0.1", port: int = 0, *, send_buffer: int = SEND_BUFFER) -> socket.socket:
    """Open the listening socket; port 0 takes a free one. Connections inherit its send buffer, in bytes."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        raise LabError(f"cannot listen on {host}, port {port}: {cause(error)}") from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
    # asyncio sets this for sockets that it made itself. Without it, an answer in two pieces waits for a delayed ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _most_connections() -> int:
    """Half of the files that this process may have open: the rest is for what else it does."""
    if resource is None:
        return 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft // 2 if soft != resource.RLIM_INFINITY else sys.maxsize


def _is_news(record: logging.LogRecord) -> bool:
    """Whether it is not one of the errors that uvicorn logs where there is none, or a peer's, with a traceback."""
    return record.msg not in NO_NEWS
