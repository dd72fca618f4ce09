"""The same 30 updates by five mechanisms: a page of the lab in Chromium, and the lab's servers under uvicorn."""

import socket
from functools import partial
from typing import Any

import anyio
import uvicorn
from starlette.applications import Starlette

from wsviz.lab.mechanisms import EVENTS_PER_RESPONSE, PAGES, QUIET, RETRY, mechanisms_app
from wsviz.lab.updates import UPDATES

from .browser import open_page
from .scenario import PORT, SERVER, Scenario, ready

UVICORN = ("uvicorn", "h11", "starlette")
"""h11 is what uvicorn speaks HTTP with where nothing else is installed."""
AT_MOST = 0.5
"""Seconds that an update may be late, beyond what its mechanism takes: a machine this busy spoils a recording."""
SLOWEST = {"poll": 0.15, "sse": RETRY / 1000}
"""Seconds that a mechanism lets an update wait; the others deliver at once."""
COSTS = (
    "Each answer has the header fields date and server, which uvicorn adds by default, and its body comes in a "
    "segment of its own."
)


class Server(uvicorn.Server):
    """uvicorn, which says when it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await anyio.sleep(0)  # loads what Starlette would otherwise load while the first response waits
        await super().startup(sockets)
        ready()


def serve(app: Starlette, host: str = SERVER, port: int = PORT) -> None:
    """Run an application under uvicorn with its defaults, but without compression, so that payloads can be read."""
    options = {"http": "h11", "ws": "websockets-sansio", "ws_per_message_deflate": False, "log_level": "warning"}
    Server(uvicorn.Config(app, host, port, **options)).run()


def server() -> None:
    serve(mechanisms_app())


def client(name: str) -> None:
    with open_page(f"{name}.html", PAGES) as page:
        expect_all(page.evaluate("run()"), SLOWEST.get(name, 0.0))


def expect_all(deliveries: list[dict[str, Any]], slowest: float) -> None:
    """A recording is only worth keeping if it delivered each update exactly once, in order, and in time."""
    texts = [delivery["text"] for delivery in deliveries]
    if texts != [update.text for update in UPDATES]:
        raise ValueError(f"the page received {texts}")
    late = max(delivery["at"] / 1000 - update.at for delivery, update in zip(deliveries, UPDATES, strict=True))
    if late > slowest + AT_MOST:
        raise ValueError(f"an update came {late:.2f} s late")


def scenario(name: str, title: str, what: str, look_at: tuple[str, ...]) -> Scenario:
    software = ("chromium", *UVICORN, "websockets") if name == "websocket" else ("chromium", *UVICORN)
    return Scenario(
        name=name,
        title=f"The 30 updates by {title}",
        what=f"{what} The page itself was not downloaded over this wire.",
        look_at=look_at,
        software=software,
        server=server,
        client=partial(client, name),
        tools=("chromium",),
    )


POLL = scenario(
    "poll",
    "short polling",
    "A page in Chromium sends a GET request every 150 ms on one keep-alive connection. The server answers with the "
    "next update, or with 204 if it has none. The other mechanisms have the same updates at the same times.",
    (
        "One TCP connection serves all requests: there is one SYN from the client.",
        "Some answers are empty (204), and yet cost a request and an answer with all their header fields.",
        "An update of about 25 bytes travels with several hundred bytes of header fields.",
        "An update waits at the server for the next poll, on average for about half a period.",
        COSTS,
    ),
)
LONGPOLL = scenario(
    "longpoll",
    "long polling",
    "A page in Chromium sends a GET request; the server answers when it has an update, or with 204 after "
    f"{QUIET * 1000:.0f} ms without one (in production after about half a minute). The page then asks again.",
    (
        "An answer comes when there is an update, and the next request right behind it: an update hardly waits.",
        f"204 where the next update was more than {QUIET * 1000:.0f} ms away: without answers for long, a proxy "
        "would take the connection for dead.",
        "Each update costs a request and an answer with all their header fields, as in `poll.pcapng`.",
        COSTS,
    ),
)
STREAM = scenario(
    "stream",
    "HTTP streaming",
    "A page in Chromium sends one GET request, and the body of the response grows by a line of JSON whenever the "
    "server has an update. After the last one the server ends the body.",
    (
        "One request, and one response without Content-Length: Transfer-Encoding is chunked.",
        "Each update is a chunk: the length in hexadecimal, CRLF, the line, CRLF.",
        "The line ends of JSON lines say where an update ends; the chunks are HTTP's own affair, and a proxy may cut "
        "others.",
        "The last chunk has length 0. The connection stays open until the browser is closed.",
    ),
)
SSE = scenario(
    "sse",
    "server-sent events",
    f"A page in Chromium opens an EventSource. The server ends the first response after {EVENTS_PER_RESPONSE} "
    f"events; the browser comes back {RETRY} ms later by itself, and gets the rest.",
    (
        "Each event has an id, a type and data, and ends with an empty line.",
        "A response begins with `retry:`, which tells the browser when to come back. That line is a chunk, but no "
        "empty line follows: the ends of chunks are not the ends of events.",
        f"Lines that begin with a colon are comments: the server sends one after {QUIET * 1000:.0f} ms of silence.",
        f"The second request has `Last-Event-ID: {EVENTS_PER_RESPONSE}`; its response begins with what "
        "happened meanwhile.",
    ),
)
WEBSOCKET = scenario(
    "websocket",
    "WebSocket",
    "A page in Chromium opens a WebSocket connection, and the server sends each update as one text message at the "
    "time when it gets to know it. After the last one the page closes the connection.",
    (
        "The header fields of HTTP are sent once, in the opening handshake.",
        "Chromium offers the extension permessage-deflate; the 101 response does not accept it, so no frame is "
        "compressed.",
        "Each update costs a frame header of 2 bytes.",
        "The only frame from the client is its Close frame; between the handshake and that, it sends bare ACKs.",
        "An update does not wait for a question: it leaves when the server has it.",
    ),
)

ALL = (POLL, LONGPOLL, STREAM, SSE, WEBSOCKET)
