"""Updates in pairs over a way of 50 ms: how long the second of a pair waits by long polling, and by WebSocket."""

import asyncio
import socket
import time
from collections.abc import Sequence
from http.client import HTTPConnection

from wsviz.lab.mechanisms import mechanisms_app
from wsviz.lab.relay_link import Faults, Link
from wsviz.lab.relay_recording import Recording
from wsviz.lab.updates import Update

from .mechanisms import UVICORN
from .mechanisms import serve as serve_app
from .scenario import PORT, SERVER, UPSTREAM, UPSTREAM_PORT, Scenario, ready
from .sides import TIMEOUT, expect, open_plainly

WAY = 0.05
"""Seconds that each byte takes from one end to the other, in either direction."""
PAIRS = 5
FIRST, APART = 0.15, 0.35
"""Seconds until the first pair, and from pair to pair: the next request is then waiting, and no answer is a 204."""
AFTER = 0.005
"""Seconds from the first update of a pair to the second: the first has just left."""
AT_MOST = 0.01
"""Seconds that the second update of a pair may be late: a machine this busy spoils the recording."""


def make_updates() -> tuple[Update, ...]:
    """The pairs. Each update says in `at` when the server gets to know it."""
    times = [FIRST + pair * APART + after for pair in range(PAIRS) for after in (0.0, AFTER)]
    return tuple(Update(id, at, f'{{"id": {id}, "at": {at:.3f}}}') for id, at in enumerate(times, start=1))


UPDATES = make_updates()


def server() -> None:
    serve_app(mechanisms_app(UPDATES), UPSTREAM, UPSTREAM_PORT)


def relay() -> None:
    asyncio.run(pass_on_late())


async def pass_on_late() -> None:
    """Pass on every byte WAY later, as the lab's `Relay` does, which listens on 127.0.0.1 alone."""
    loop, unused, way = asyncio.get_running_loop(), Recording(limit=0), Faults(delay=WAY)
    with socket.create_server((SERVER, PORT)) as listener:
        listener.setblocking(False)
        ready()
        async with asyncio.TaskGroup() as running:
            while True:
                client, address = await loop.sock_accept(listener)
                target = (socket.AF_INET, (UPSTREAM, UPSTREAM_PORT))
                running.create_task(carry(Link(client, address, target, unused, lambda: way)))


async def carry(link: Link) -> None:
    try:
        await link.run()
    finally:
        link.close()


def client() -> None:
    expect_pairs(ask_for_all(), later=2 * WAY)
    expect_pairs(listen_for_all(), later=0.0)


def ask_for_all() -> list[tuple[float, str]]:
    """Take the updates by long polling on one connection; when each came, and its text."""
    came = []
    connection = HTTPConnection(SERVER, PORT, timeout=TIMEOUT)
    for seen in range(len(UPDATES)):
        connection.request("GET", f"/longpoll?client=pairs&after={seen}", headers={"Accept-Encoding": "identity"})
        with connection.getresponse() as response:
            text = response.read().decode()
        came.append((time.monotonic(), text))
    connection.close()
    return came


def listen_for_all() -> list[tuple[float, str]]:
    """Take the updates by WebSocket; when each came, and its text."""
    with open_plainly("/websocket") as connection:
        return [(time.monotonic(), str(text)) for text in (connection.recv(TIMEOUT) for _ in UPDATES)]


def expect_pairs(came: Sequence[tuple[float, str]], later: float) -> None:
    """A recording is only worth keeping if each second update came that much later than the first, hardly more."""
    expect([text for _, text in came], [update.text for update in UPDATES])
    times = [time for time, _ in came]
    for first, second in zip(times[::2], times[1::2], strict=True):
        if not later - AFTER <= second - first <= later + AFTER + AT_MOST:
            raise ValueError(f"the second of two updates came {second - first:.3f} s after the first")


ONE, THREE = (f"{ways * WAY * 1000:.0f} ms" for ways in (1, 3))
LATENCY = Scenario(
    name="latency",
    title=f"Updates in pairs, {ONE} from end to end",
    what=(
        f"Between client and server a relay keeps each byte for {ONE}, in either direction. The server, which is the "
        f"lab's under uvicorn, gets to know {PAIRS} pairs of updates, the second of a pair {AFTER * 1000:.0f} ms "
        "after the first: a long poll was just answered, and no request is there. A client of http.client takes them "
        "by long polling; then a client of websockets takes the same ones by WebSocket."
    ),
    look_at=(
        "Each update says in `at` when the server gets to know it, in seconds since the client turned up.",
        f"By long polling the first update of a pair takes {ONE}: a request was waiting. The second takes {THREE}: "
        "it came at the worst moment. The first answer, the next request and the next answer have to pass.",
        f"By WebSocket each takes {ONE}.",
        "The relay delays bytes, not packets: TCP's handshakes, and the ACKs on each wire, take next to nothing.",
    ),
    software=("http.client", *UVICORN, "websockets"),
    server=server,
    proxy=relay,
    client=client,
    ports=(PORT, UPSTREAM_PORT),
)
