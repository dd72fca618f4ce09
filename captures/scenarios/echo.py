"""The smallest complete conversation: every kind of frame, in both directions, on one connection."""

import time

from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from .scenario import PORT, SERVER, Scenario, ready

TEXT = "Hello"
BINARY = bytes.fromhex("00 01 7f 80 fe ff")
CLIENT_PING = b"are you there?"
SERVER_PING = b"and you?"
FRAGMENTS = (b"caf\xc3", b"\xa9 costs 2 \xe2\x82", b"\xac")
LONG_TEXT = (
    "This message is longer than 125 bytes. Its length does not fit in the seven bits of the second byte, "
    "so these seven bits hold 126, and the length itself follows as a 16-bit number in network byte order."
)
REASON = "that is all"

# Longer than the 40 ms for which Linux may delay an ACK: the steps do not share segments in the ladder.
PAUSE = 0.1


def server() -> None:
    # No extension and no keep-alive: every frame on the wire is one of those scripted in this file.
    with serve(echo, SERVER, PORT, compression=None, ping_interval=None) as listening:
        ready()
        listening.serve_forever()


def echo(connection: ServerConnection) -> None:
    """Send every message back. After a binary message, the server pings too."""
    for message in connection:
        connection.send(message)
        if isinstance(message, bytes):
            time.sleep(PAUSE)
            connection.ping(SERVER_PING)


def client() -> None:
    with connect(f"ws://{SERVER}:{PORT}/echo", compression=None, ping_interval=None, proxy=None) as connection:
        time.sleep(PAUSE)
        exchange(connection, TEXT)
        exchange(connection, BINARY)
        time.sleep(PAUSE)  # the server's ping
        ping(connection)
        exchange_fragments(connection)
        exchange(connection, LONG_TEXT)
        connection.close(1000, REASON)


def exchange(connection: ClientConnection, message: str | bytes) -> None:
    connection.send(message)
    expect_echo(connection, message)


def ping(connection: ClientConnection) -> None:
    if not connection.ping(CLIENT_PING).wait(timeout=5):
        raise TimeoutError("the server did not answer the ping")
    time.sleep(PAUSE)


def exchange_fragments(connection: ClientConnection) -> None:
    """Send one text message as three frames, cut inside its two characters that are not ASCII.

    `connection.send([...])` would add an empty fourth frame that ends the message, so the frames are made
    one layer below.
    """
    first, middle, last = FRAGMENTS
    with connection.send_context():
        connection.protocol.send_text(first, fin=False)
    time.sleep(PAUSE)
    with connection.send_context():
        connection.protocol.send_continuation(middle, fin=False)
    time.sleep(PAUSE)
    with connection.send_context():
        connection.protocol.send_continuation(last, fin=True)
    expect_echo(connection, b"".join(FRAGMENTS).decode())


def expect_echo(connection: ClientConnection, message: str | bytes) -> None:
    answer = connection.recv(timeout=5)
    if answer != message:
        raise ValueError(f"the echo is {answer!r}, expected {message!r}")
    time.sleep(PAUSE)


ECHO = Scenario(
    name="echo",
    title="An echo: every kind of frame on one connection",
    what=(
        "A client and a server, both of the websockets library, with no extension. The client sends a text "
        "message, a binary message, a ping, a text message in three fragments and a text message of "
        f"{len(LONG_TEXT)} bytes; the server sends each message back, and pings once, after the "
        "binary message. The client then closes."
    ),
    look_at=(
        'The opening handshake: a GET request with "Upgrade: websocket", answered by 101.',
        '"Hello" takes 11 bytes from the client, whose frames are masked, and 7 bytes from the server.',
        "Each pong carries the body of the ping that it answers.",
        "The fragmented message: opcode 1 with FIN 0, opcode 0 with FIN 0, opcode 0 with FIN 1. Both cuts "
        "are within a UTF-8 character, so no fragment is valid text on its own.",
        "The echo of the fragmented message is a single frame: the boundaries of messages are kept, those of "
        "frames are not.",
        f"The long message: the 7-bit length is 126, and the next 16 bits hold {len(LONG_TEXT)}.",
        f'Two Close frames, each with status code 1000 and the reason "{REASON}", and only then the FINs of '
        "TCP. The FIN of the server comes first.",
    ),
    software=("websockets",),
    server=server,
    client=client,
)
