"""The updates by WebSocket: the server sends each one when it knows it."""

from websockets.sync.server import ServerConnection, serve

from .browser import open_page
from .scenario import PORT, SERVER, Scenario, ready
from .updates import COUNT, UPDATES, Feed, expect_all


def server() -> None:
    # Chromium offers permessage-deflate; `compression=None` declines it, so that payloads can be read.
    with serve(push, SERVER, PORT, compression=None, ping_interval=None) as listening:
        ready()
        listening.serve_forever()


def push(connection: ServerConnection) -> None:
    feed = Feed()
    for update in UPDATES:
        feed.wait_for(update)
        connection.send(update.text)
    for _ in connection:  # the page sends no message: this waits for its Close frame
        pass


def client() -> None:
    with open_page("websocket.html") as page:
        expect_all(page.evaluate("(count) => receive(count)", COUNT))


WEBSOCKET = Scenario(
    name="websocket",
    title="The 30 updates by WebSocket",
    what=(
        "A page in Chromium opens a WebSocket connection, and the server sends each update as one text "
        "message at the time when it gets to know it. After the last one the page closes the connection. The "
        "page itself was not downloaded over this wire. `poll.pcapng` has the same updates at the same times."
    ),
    look_at=(
        "The header fields of HTTP are sent once, in the opening handshake.",
        "Chromium offers the extension permessage-deflate; the 101 response does not accept it, so no frame "
        "is compressed.",
        "Each update costs a frame header of 2 bytes.",
        "The only frame from the client is its Close frame; between the handshake and that, it sends bare ACKs.",
        "An update does not wait for a question: it leaves when the server has it.",
    ),
    software=("chromium", "websockets"),
    server=server,
    client=client,
    tools=("chromium",),
)
