"""The browser's WebSocket API: all that a script can say, and what the browser does without asking it."""

import time

from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from .browser import open_page
from .scenario import PORT, SERVER, Scenario
from .sides import PAUSE, PLAIN, TIMEOUT, expect, serve_all

SUBPROTOCOLS = (Subprotocol("v2.chat"), Subprotocol("v1.chat"))
TEXT = "h\xe9llo \N{WAVING HAND SIGN}"
BYTES = bytes(range(16))
PING = b"are you there?"
CODE, REASON = 4000, "seen enough"


def server() -> None:
    serve_all(serve(talk, SERVER, PORT, subprotocols=SUBPROTOCOLS[1:], **PLAIN))


def talk(connection: ServerConnection) -> None:
    """Ping once, before the first echo; then send every message back."""
    first = connection.recv()
    if not connection.ping(PING).wait(TIMEOUT):
        raise TimeoutError("the browser did not answer the ping")
    time.sleep(PAUSE)
    connection.send(first)
    for message in connection:
        connection.send(message)


def client() -> None:
    with open_page("browser.html") as page:
        arguments = [SUBPROTOCOLS, TEXT, list(BYTES), CODE, REASON]
        events = page.evaluate("(all) => converse(...all)", arguments)
    expect(
        events,
        [
            f"open {SUBPROTOCOLS[1]}",
            f"message text {TEXT}",
            f"message Blob of {len(BYTES)} bytes",
            f"message ArrayBuffer of {len(BYTES)} bytes",
            f"close {CODE} {REASON} true",
        ],
    )


BROWSER = Scenario(
    name="browser",
    title="What a script in a browser can say",
    what=(
        "A page in Chromium opens a WebSocket with two subprotocols, sends a text, a Blob and an ArrayBuffer of the "
        f"same {len(BYTES)} bytes, and closes with a code of its own. The server, one of websockets, knows one of "
        "the subprotocols, pings after the first message, and sends each message back."
    ),
    look_at=(
        f"The request: {' and '.join(SUBPROTOCOLS)} in this order, as the script named them. Origin, User-Agent, the "
        "key and the offer of permessage-deflate are Chromium's own; a script can set none of them.",
        f"The 101: {SUBPROTOCOLS[1]}, the one that the server knows, and no extension.",
        "The server's ping gets its pong from Chromium; the script hears of neither.",
        "Blob and ArrayBuffer are the same on the wire: two binary frames with equal payloads, masked with two keys.",
        f'The Close from Chromium: {CODE}, which is free for private use, and "{REASON}".',
    ),
    software=("chromium", "websockets"),
    server=server,
    client=client,
    tools=("chromium",),
)
