"""uvicorn as the lab runs it: no client can hold it up, and it ends when it is told to."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from wsviz.lab.background import LabError
from wsviz.protocol.wire import CloseCode

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
_QUIET = logging.NullHandler()


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
        while not self.started and not self._serving.done():
            await asyncio.sleep(0.01)

    async def finish(self) -> None:
        """Close all connections, by code 1012 where they are WebSocket's, and the listening socket."""
        self.should_exit = True
        await self._serving

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
    must be answered within as many seconds.
    """
    # With a handler of its own, uvicorn's logger does not fall back to standard error, the learner's notebook.
    logging.getLogger("uvicorn").addHandler(_QUIET)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return Server(
        uvicorn.Config(
            app,
            loop="asyncio",
            http="h11",
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


def cause(error: OSError) -> str:
    """What the system says, without what Python puts around it."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether it is not one of the errors that uvicorn logs where there is none, or a peer's, with a traceback."""
    return record.msg not in NO_NEWS
