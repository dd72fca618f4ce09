"""An application with a problem, for a reader to find out: the answer is in the capture, and in this file."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from .browser import open_page
from .nginx import PORTS, behind
from .scenario import PORT, SERVER, UPSTREAM, UPSTREAM_PORT, Scenario, ready

PERIODS = {"/trams": 0.6, "/buses": 1.5, "/ferries": 4.0}
"""Seconds from one departure to the next. nginx waits for two seconds."""
LINES = {"/trams": "tram", "/buses": "bus", "/ferries": "ferry"}
NO_JSON = '{"line": 7,}'


@dataclass(frozen=True, slots=True)
class Watcher:
    """A client in Python: it waits for so many departures, and leaves."""

    path: str
    departures: int
    code: int = 1000
    ping_interval: float | None = None
    says: str | None = None

    def watch(self) -> None:
        with connect(
            f"ws://{SERVER}:{PORT}{self.path}", compression=None, ping_interval=self.ping_interval, proxy=None
        ) as connection:
            if self.says is not None:
                connection.send(self.says)
            seen = 0
            while seen < self.departures:
                seen += "departs" in json.loads(connection.recv(timeout=10))
            connection.close(self.code)


WATCHERS = (
    Watcher("/trams", 8),
    Watcher("/trams", 3, code=1001),
    Watcher("/trams", 4, says=NO_JSON),
    Watcher("/buses", 3),
    Watcher("/ferries", 2, ping_interval=1.0),
)
# Scripts cannot send pings, so this client is silent between two ferries, and nginx cuts it off.
PAGE = """
(url) => new Promise((resolve) => {
  const received = [];
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => received.push(data);
  socket.onclose = ({ code }) => resolve([received.length, code]);
})
"""


def server() -> None:
    with serve(departures, UPSTREAM, UPSTREAM_PORT, compression=None, ping_interval=None) as listening:
        ready()
        listening.serve_forever()


def departures(connection: ServerConnection) -> None:
    """Send a departure in each period, until the client leaves or is gone."""
    assert connection.request is not None
    path = connection.request.path
    with suppress(ConnectionClosed):
        for number in range(1, 100):
            connection.send(json.dumps({"line": f"{LINES[path]} {number}", "departs": f"14:{number:02}"}))
            answer_for(connection, PERIODS[path])


def answer_for(connection: ServerConnection, seconds: float) -> None:
    """Answer what the client says in these seconds."""
    end = time.monotonic() + seconds
    with suppress(TimeoutError):
        while True:
            answer(connection, connection.recv(timeout=max(0.0, end - time.monotonic())))


def answer(connection: ServerConnection, text: str | bytes) -> None:
    try:
        json.loads(text)
    except ValueError:
        connection.send(json.dumps({"error": "this is not JSON"}))


def client() -> None:
    with open_page("blank.html") as page, ThreadPoolExecutor() as pool:
        watching = [pool.submit(watcher.watch) for watcher in WATCHERS]
        learned = page.evaluate(PAGE, f"ws://{SERVER}:{PORT}/ferries")
        for future in watching:
            future.result()
    if learned != [1, 1006]:
        raise ValueError(f"the page received {learned[0]} departures and the code {learned[1]}, expected 1 and 1006")


MYSTERY = Scenario(
    name="mystery",
    title="A mystery: one connection is lost",
    what=(
        "Six clients watch departures (trams, buses, ferries) through a reverse proxy; both sides of the proxy are "
        "recorded. One user complains that the page stops and says 1006. The others are content, and the server's "
        "log has no error."
    ),
    look_at=(
        "Which client's connection ended without a Close frame? Who ended it?",
        "Which connection did the proxy have with the server for this client, and who ended that?",
        "Does the time at which it happened tell something?",
        "Another client asked for the same resource and kept its connection. What is different?",
        "Some things look odd and have nothing to do with it. Which?",
        "What would you change: the page, the server or the proxy?",
    ),
    software=("chromium", "nginx", "websockets"),
    server=server,
    proxy=partial(behind, "short-timeout"),
    client=client,
    tools=("chromium", "nginx"),
    ports=PORTS,
)
