"""Five mechanisms that bring a browser the same updates: polling, long polling, streaming, events, WebSocket.

`mechanisms_app()` is a Starlette application for any ASGI server. Each mechanism has a page (`/poll.html`) and the
resource that the page asks (`/poll`); the addresses in the pages are relative, so the application can be mounted
under a prefix. It checks neither Host nor Origin: on a machine with a browser it belongs behind `wsviz.lab.guard`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from wsviz.lab.updates import UPDATES, Feed, Update

MECHANISMS = ("poll", "longpoll", "stream", "sse", "websocket")
PAGES = Path(__file__).parent / "pages"
PAGE_FILES = (*(f"{name}.html" for name in MECHANISMS), "mechanism.js", "mechanism.css")

QUIET = 0.25
"""Seconds without an update until a long poll is answered by 204, and an event stream by a comment.

Servers in production wait for some 15 to 30 seconds, just less than the proxies between them and their clients.
"""
RETRY = 300
"""Milliseconds after which an event stream has the browser come back."""
EVENTS_PER_RESPONSE = 15
"""The event stream ends after so many events, as a server does that restarts: the browser comes back by itself."""
MOST_CLIENTS = 100
"""Feeds that are kept; a new client then pushes out the one that came first."""

FRESH = {"Cache-Control": "no-store"}


def mechanisms_app(updates: Sequence[Update] = UPDATES) -> Starlette:
    """The application. A client's time starts with its first request; each page that is started is a client."""
    mechanisms = Mechanisms(updates)
    return Starlette(
        routes=[
            Route("/poll", mechanisms.poll),
            Route("/longpoll", mechanisms.longpoll),
            Route("/stream", mechanisms.stream),
            Route("/sse", mechanisms.sse),
            WebSocketRoute("/websocket", mechanisms.websocket),
            Route("/{file}", page),
        ]
    )


async def page(request: Request) -> FileResponse:
    """One of the pages, or what they share."""
    file = request.path_params["file"]
    if file not in PAGE_FILES:
        raise HTTPException(404)
    return FileResponse(PAGES / file)


class Mechanisms:
    """What the five resources answer."""

    def __init__(self, updates: Sequence[Update]) -> None:
        self.updates = updates
        self.feeds: dict[str, Feed] = {}

    def feed_of(self, request: Request) -> Feed:
        """The feed of the client that calls itself `?client=NAME`: its requests are many, its time is one."""
        name = request.query_params.get("client", "")
        if name not in self.feeds:
            if len(self.feeds) >= MOST_CLIENTS:
                del self.feeds[next(iter(self.feeds))]
            self.feeds[name] = Feed(self.updates)
        return self.feeds[name]

    async def poll(self, request: Request) -> Response:
        """`GET /poll?after=ID`: the update that follows ID, or 204 where there is none yet."""
        after = update_id(request.query_params.get("after", "0"))
        return answer(await self.feed_of(request).next_within(after, 0))

    async def longpoll(self, request: Request) -> Response:
        """`GET /longpoll?after=ID`: the same, but the server waits before it says that there is none."""
        after = update_id(request.query_params.get("after", "0"))
        return answer(await self.feed_of(request).next_within(after, QUIET))

    async def stream(self, request: Request) -> Response:
        """`GET /stream`: one response that goes on, a line of JSON for each update."""
        feed = Feed(self.updates)
        lines = (f"{update.text}\n" async for update in feed.all())
        return StreamingResponse(lines, media_type="application/x-ndjson", headers=FRESH)

    async def sse(self, request: Request) -> Response:
        """`GET /sse`: server-sent events; those after Last-Event-ID, which a browser sends when it comes back."""
        last = update_id(request.headers.get("Last-Event-ID", "0"))
        if last >= len(self.updates):
            return Response(status_code=204)  # tells the browser not to come back
        return StreamingResponse(events(self.feed_of(request), last), media_type="text/event-stream", headers=FRESH)

    async def websocket(self, websocket: WebSocket) -> None:
        """`/websocket`: each update is a text message. The client closes."""
        feed = Feed(self.updates)
        await websocket.accept()
        try:
            async for update in feed.all():
                await websocket.send_text(update.text)
            while (await websocket.receive())["type"] != "websocket.disconnect":
                pass  # the page has nothing to say
        except WebSocketDisconnect:
            pass  # it left early


def update_id(text: str) -> int:
    """The id that a client names as the last that it has seen; 0 before the first."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise HTTPException(400, "the id of the last update seen is a whole number, at first 0")
    return int(text)


def answer(update: Update | None) -> Response:
    """What a poll brings home."""
    if update is None:
        return Response(status_code=204, headers=FRESH)
    return Response(update.text, media_type="application/json", headers=FRESH)


async def events(feed: Feed, last: int) -> AsyncIterator[str]:
    """One response's server-sent events, from the one after `last` on."""
    yield f"retry: {RETRY}\n"  # no empty line: a chunk ends here, the first event does not
    end = min(last + EVENTS_PER_RESPONSE, len(feed.updates))
    while last < end:
        update = await feed.next_within(last, QUIET)
        if update is None:
            yield ": nothing new\n\n"  # a comment: it keeps proxies from taking the connection for dead
        else:
            yield f"id: {update.id}\nevent: price\ndata: {update.text}\n\n"
            last = update.id
