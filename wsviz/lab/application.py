"""The lab's application: what a small WebSocket service does, in one file that can be read from top to bottom.

    /application   greets each client once, sends a message to all of them every ten seconds, and echoes
    /echo          sends each message back, and nothing else
    /broadcast     sends each message to everybody who is connected there, the sender too
    /client.html   the browser's client

It is an ASGI application: the server (uvicorn) does the handshake, frames, masking, compression, pings and the
closing handshake, and this file what is left: who may connect, what is said, and who gets to hear it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NoReturn

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from wsviz.figures.figure import clip, plain
from wsviz.lab.background import check_count, check_seconds
from wsviz.protocol.wire import CloseCode

SUBPROTOCOL = "wsviz.demo"
GREETING = "one-time message from the server"
PERIOD = 10.0
"""Seconds from one periodic message to the next."""
ROOM = 64
"""Messages that may wait for one client; the one that finds no room costs the client its connection."""
PAGE = Path(__file__).parent / "pages/client.html"

logger = logging.getLogger("wsviz.lab")


class TooSlow(Exception):
    """The client does not read as fast as there is news."""


class Client:
    """One connection: a queue of bounded length, and a task of its own that empties it into the network.

    So nobody ever waits for a client that reads slowly or not at all, except that client.
    """

    def __init__(self, websocket: WebSocket, room: int) -> None:
        self.websocket = websocket
        self.name = "{}:{}".format(*(websocket.client or ("somebody", 0)))
        self.outbox: asyncio.Queue[str | bytes] = asyncio.Queue(room)
        self.overrun = asyncio.Event()

    def offer(self, message: str | bytes) -> None:
        """Queue a message, without waiting. After the first that finds no room there are no others: no gaps."""
        if self.overrun.is_set():
            return
        try:
            self.outbox.put_nowait(message)
        except asyncio.QueueFull:
            self.overrun.set()

    async def answer(self, message: str | bytes) -> None:
        """Queue a message and wait till it is sent: a client that does not read its answers is not read either."""
        await self.outbox.put(message)
        await self.outbox.join()

    async def receive(self) -> str | bytes:
        """Wait for the client's next message; raises WebSocketDisconnect when it has gone."""
        event = await self.websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event["code"], event.get("reason"))
        message: str | bytes = event["bytes"] if event.get("text") is None else event["text"]
        logger.info("%s says %s", self.name, _quoted(message))
        return message

    async def write(self) -> NoReturn:
        """Send what is queued. What is queued for a client that has gone is lost; `receive` says how it went."""
        with suppress(WebSocketDisconnect):
            while True:
                await _send(self.websocket, await self.outbox.get())
                self.outbox.task_done()
        while True:
            self.outbox.task_done()
            await self.outbox.get()

    async def watch(self) -> NoReturn:
        await self.overrun.wait()
        raise TooSlow


class Hub:
    """Everybody who is connected to one place, and the way to reach them all.

    A broadcast is nothing that the protocol knows: it is one frame for each client, on each client's connection.
    """

    def __init__(self, room: int = ROOM) -> None:
        self.clients: set[Client] = set()
        self._room = room

    async def broadcast(self, message: str | bytes) -> None:
        """Offer the message to all. Nobody's slowness delays it; who has no room for it is let go."""
        for client in tuple(self.clients):
            client.offer(message)
        await asyncio.sleep(0)  # the writers' turn, so that a burst does not fill the queues of those who do read

    async def serve(
        self, websocket: WebSocket, react: Callable[[Client, str | bytes], Awaitable[None]], greeting: str = ""
    ) -> None:
        """Keep an accepted connection until its end, and have `react` called with each message."""
        client = Client(websocket, self._room)
        if greeting:
            client.offer(greeting)
        self.clients.add(client)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.write())
                tasks.create_task(client.watch())
                while True:
                    await react(client, await client.receive())
        except* WebSocketDisconnect as gone:
            logger.info("%s has gone, %s", client.name, _cause(gone))
        except* TooSlow:
            logger.warning("%s is let go: %d messages wait for it", client.name, self._room)
            await _close(websocket, CloseCode.POLICY_VIOLATION, f"too slow: {self._room} messages wait for you")
        except* Exception:
            logger.exception("%s is let go: a fault of this application", client.name)
            await _close(websocket, CloseCode.INTERNAL_ERROR, "the server has a fault")
        finally:
            self.clients.discard(client)


def application(
    *,
    period: float = PERIOD,
    room: int = ROOM,
    origins: Collection[str] | None = None,
    subprotocols: Sequence[str] = (SUBPROTOCOL,),
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Build the application.

    `period` counts seconds, `room` the messages that may wait for one client. `origins` are those of the pages that
    may connect (None: all; a client that is no browser sends no Origin, and may). `subprotocols` come best first.
    `routes` are served besides. Raises LabError where the period is not above 0, or the room below 1.
    """
    check_seconds("period", period)
    check_count("room", room)
    hub, friends = Hub(room), Hub(room)

    async def greet(websocket: WebSocket) -> None:
        if await accept(websocket, origins, subprotocols):
            await hub.serve(websocket, Client.answer, GREETING)

    async def echo(websocket: WebSocket) -> None:
        if await accept(websocket, origins, subprotocols):
            await Hub(room).serve(websocket, Client.answer)

    async def chat(websocket: WebSocket) -> None:
        if await accept(websocket, origins, subprotocols):
            await friends.serve(websocket, lambda _, message: friends.broadcast(message))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        ticking = asyncio.create_task(tick(hub, period))
        yield
        ticking.cancel()

    own = (
        WebSocketRoute("/application", greet),
        WebSocketRoute("/echo", echo),
        WebSocketRoute("/broadcast", chat),
        Route("/client.html", page),
    )
    app = Starlette(routes=[*own, *routes], lifespan=lifespan)
    app.router.default = not_found
    app.state.hub, app.state.friends = hub, friends
    return app


async def accept(websocket: WebSocket, origins: Collection[str] | None, subprotocols: Sequence[str]) -> bool:
    """Accept the handshake, or refuse it with 403 where a page of a foreign origin asks (RFC 6455 4.2.2, 10.2)."""
    origin = websocket.headers.getlist("origin")
    if origins is not None and not set(origin) <= set(origins):
        logger.warning("a page from %s is refused", _quoted(", ".join(origin)))
        await websocket.send_denial_response(PlainTextResponse("pages of this origin may not connect\n", 403))
        return False
    # The server's taste decides. With nothing in common the connection goes on without a subprotocol: RFC 6455
    # leaves it to the client to be content with that.
    offered = websocket.scope["subprotocols"]
    chosen = next((name for name in subprotocols if name in offered), None)
    await websocket.accept(chosen)
    logger.info("%s:%s connects to %s", *(websocket.client or ("somebody", 0)), _quoted(websocket.url.path))
    return True


async def tick(hub: Hub, period: float) -> NoReturn:
    """Send everybody at the hub a message, every `period` seconds."""
    number = 0
    while True:
        await asyncio.sleep(period)
        number += 1
        await hub.broadcast(f"periodic message {number} from the server")


async def page(_: Request) -> FileResponse:
    return FileResponse(PAGE)


async def not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer 404 to handshakes too; Starlette's own default refuses them with 403, as if an Origin were wrong."""
    await PlainTextResponse("there is nothing at this address\n", 404)(scope, receive, send)


async def _send(websocket: WebSocket, message: str | bytes) -> None:
    if isinstance(message, str):
        await websocket.send_text(message)
    else:
        await websocket.send_bytes(message)


async def _close(websocket: WebSocket, code: CloseCode, reason: str) -> None:
    with suppress(WebSocketDisconnect):  # it has gone by itself
        await websocket.close(code, reason)


def _cause(gone: BaseExceptionGroup[WebSocketDisconnect]) -> str:
    [first, *_] = (error for error in gone.exceptions if isinstance(error, WebSocketDisconnect))
    return f"close code {first.code}" + (f", reason {_quoted(first.reason)}" if first.reason else "")


def _quoted(message: str | bytes) -> str:
    """A peer's words as a short text that cannot harm a terminal."""
    return f"{len(message)} bytes" if isinstance(message, bytes) else f'"{clip(plain(message[:200]), 80)}"'
