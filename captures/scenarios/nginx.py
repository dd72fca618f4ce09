"""One application behind nginx, configured right and wrong; both sides of the proxy are recorded."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from websockets.exceptions import ConnectionClosedError
from websockets.sync.server import ServerConnection, serve

from wsviz.lab.mechanisms import mechanisms_app
from wsviz.lab.nginx import Nginx
from wsviz.lab.updates import UPDATES

from .browser import open_page
from .mechanisms import UVICORN
from .mechanisms import serve as serve_app
from .scenario import PORT, SERVER, UPSTREAM, UPSTREAM_PORT, Scenario, ready

PORTS = (PORT, UPSTREAM_PORT)
TEXTS = ["Is anyone there?", "Still there?"]
SILENCE = 3.0
"""Seconds between the two messages: more than the two seconds of `short-timeout.conf`."""
FEW = UPDATES[:10]

CONVERSATION = """
([url, texts, silence]) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  const received = [];
  let opened = false;
  socket.onopen = () => { opened = true; socket.send(texts[0]); };
  socket.onmessage = ({ data }) => {
    received.push(data);
    if (received.length < texts.length) setTimeout(() => socket.send(texts[received.length]), 1000 * silence);
    else socket.close(1000, "thank you");
  };
  socket.onclose = ({ code, wasClean }) => resolve({ opened, received, code, clean: wasClean });
})
"""

UPDATES_BOTH_WAYS = """
([host, count]) => {
  const events = new Promise((resolve) => {
    const received = [];
    const source = new EventSource("/sse?client=events");
    source.addEventListener("price", ({ data }) => {
      received.push(data);
      if (received.length === count) { source.close(); resolve(received); }
    });
  });
  const messages = new Promise((resolve) => {
    const received = [];
    const socket = new WebSocket(`ws://${host}/websocket`);
    socket.onmessage = ({ data }) => {
      received.push(data);
      if (received.length === count) socket.close(1000, "all received");
    };
    socket.onclose = () => resolve(received);
  });
  return Promise.all([events, messages]);
}
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the page learns of its connection."""

    opened: bool
    received: list[str]
    code: int
    clean: bool


def echo_server() -> None:
    # No pings: nothing but what the page says breaks the silence.
    with serve(echo, UPSTREAM, UPSTREAM_PORT, compression=None, ping_interval=None) as listening:
        ready()
        listening.serve_forever()


def echo(connection: ServerConnection) -> None:
    with suppress(ConnectionClosedError):  # nginx may cut it
        for message in connection:
            connection.send(message)


def updates_server() -> None:
    serve_app(mechanisms_app(FEW), UPSTREAM, UPSTREAM_PORT)


def behind(configuration: str) -> None:
    """Run nginx between the two wires until the process is terminated."""
    with Nginx.start(configuration, UPSTREAM_PORT, upstream_host=UPSTREAM, host=SERVER, port=PORT):
        ready()
        threading.Event().wait()


def converse(expected: Outcome) -> None:
    """Let a page send two messages with a silence between, and hold what it learns to what is expected."""
    with open_page("blank.html") as page:
        seen = Outcome(**page.evaluate(CONVERSATION, [f"ws://{SERVER}:{PORT}/echo", TEXTS, SILENCE]))
    if seen != expected:
        raise ValueError(f"the page saw {seen}, expected {expected}")


def take_updates() -> None:
    with open_page("blank.html") as page:
        received = page.evaluate(UPDATES_BOTH_WAYS, [f"{SERVER}:{PORT}", len(FEW)])
    texts = [update.text for update in FEW]
    if received != [texts, texts]:
        raise ValueError(f"the page received {received}, expected {texts} twice")


def outcome(opened: bool, received: list[str], code: int) -> Outcome:
    return Outcome(opened, received, code, clean=code != 1006)


SIDES = (
    "The proxy has two connections for one conversation: the client's ends at the proxy, which opens another one to "
    "the server."
)


def scenario(
    name: str,
    configuration: str,
    title: str,
    what: str,
    look_at: tuple[str, ...],
    expected: Outcome,
    faults: tuple[str, ...] = (),
) -> Scenario:
    return Scenario(
        name=name,
        title=title,
        what=what,
        look_at=(SIDES, *look_at),
        software=("chromium", "nginx", "websockets"),
        server=echo_server,
        proxy=partial(behind, configuration),
        client=partial(converse, expected),
        tools=("chromium", "nginx"),
        ports=PORTS,
        faults=faults,
    )


NGINX_OK = scenario(
    "nginx_ok",
    "right",
    "WebSocket through nginx",
    "A page in Chromium talks to an echo server of the websockets library through nginx, whose configuration is "
    f"`wsviz/lab/nginx/right.conf`. The page sends a message, is silent for {SILENCE:.0f} seconds, sends another "
    "one, and closes.",
    (
        "Two opening handshakes with the same Sec-WebSocket-Key: nginx passes on the key and the answer to it.",
        'nginx sends "Connection: upgrade" and "Upgrade: websocket" to the server because its configuration says so.',
        "Each frame passes the proxy as it is, with its masking key: after the 101, nginx copies bytes.",
        "The Close frames pass it too. Only then TCP ends, on both sides.",
    ),
    outcome(True, TEXTS, 1000),
)
NGINX_BAD = scenario(
    "nginx_bad",
    "no-upgrade",
    "A proxy that does not pass on the upgrade",
    "The page and the server of `nginx_ok.pcapng`, but nginx has the configuration "
    "`wsviz/lab/nginx/no-upgrade.conf`.",
    (
        "The client asks nginx for an upgrade. nginx asks the server for the same resource, and for no upgrade.",
        "The header fields Upgrade and Connection are for one connection, so a proxy does not pass them on; "
        'nginx says "Connection: close" instead. All others are there, Sec-WebSocket-Key too.',
        "The server answers 426, and nginx passes that on to the client.",
        "The page learns nothing of that: it sees an error, and a close event with code 1006.",
    ),
    outcome(False, [], 1006),
)
NGINX_IDLE = scenario(
    "nginx_idle",
    "short-timeout",
    "A proxy that cuts off who is silent",
    "The page and the server of `nginx_ok.pcapng`, but nginx has the configuration "
    "`wsviz/lab/nginx/short-timeout.conf`: it waits two seconds, "
    f"and the page is silent for {SILENCE:.0f}. Neither side sends pings.",
    (
        "The handshakes and the first message are those of `nginx_ok.pcapng`.",
        "Two seconds without a byte, then a FIN on each of the two connections: who sends them?",
        "No Close frame anywhere: the page is told 1006, and has no way to know why.",
        "The second message is missing: when the page wanted to send it, there was no connection any more.",
    ),
    outcome(True, TEXTS[:1], 1006),
)
NGINX_BUFFERED = Scenario(
    name="nginx_buffered",
    title="A proxy that collects what it should pass on",
    what=(
        f"A page in Chromium takes the first {len(FEW)} of the 30 updates twice at the same time: as server-sent "
        "events and by WebSocket. The server is the lab's, under uvicorn; nginx has the "
        "configuration `wsviz/lab/nginx/buffered.conf`."
    ),
    look_at=(
        "On the server's side of the proxy, each event leaves when there is an update.",
        "On the client's side nothing comes until the response has ended; then header and events come together.",
        "The browser asks in HTTP/1.1, nginx asks in HTTP/1.0: the server's response has no chunks, and its end is "
        "that of the connection. nginx itself makes a chunk of what it has collected.",
        "The WebSocket messages pass the same nginx at once.",
    ),
    software=("chromium", "nginx", *UVICORN, "websockets"),
    server=updates_server,
    proxy=partial(behind, "buffered"),
    client=take_updates,
    tools=("chromium", "nginx"),
    ports=PORTS,
)
ALL = (NGINX_OK, NGINX_BAD, NGINX_IDLE, NGINX_BUFFERED)
