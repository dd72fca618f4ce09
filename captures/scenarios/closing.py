"""Ends: every way in which a connection can close, and a peer that falls silent."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.frames import Close, Opcode
from websockets.sync.server import Server, ServerConnection, serve

from .browser import open_page
from .scenario import PORT, SERVER, Scenario
from .sides import (
    PAUSE,
    PLAIN,
    TIMEOUT,
    PlainClient,
    close_frame,
    expect,
    frame,
    open_plainly,
    send_back,
    serve_all,
    url,
)

SHORT_LIVED_PORT = PORT + 1
"""Of a server that shuts down as soon as it is told to."""
MAX_SIZE = 1000
CLIENT_CODE, SERVER_CODE = 4001, 4002
"""Of the sides that both close by themselves."""


def serve_closes() -> None:
    short_lived = serve(lambda connection: shut_down(short_lived, connection), SERVER, SHORT_LIVED_PORT, **PLAIN)
    serve_all(serve(close_by_path, SERVER, PORT, max_size=MAX_SIZE, **PLAIN), short_lived)


def close_by_path(connection: ServerConnection) -> None:
    path = connection.request.path if connection.request else ""
    HANDLERS.get(path, send_back)(connection)


def say_goodbye(connection: ServerConnection) -> None:
    connection.close(1000, "that is all")


def drop(connection: ServerConnection) -> None:
    """End TCP without a word, as the kernel does for a program that was killed."""
    connection.recv()
    connection.socket.shutdown(socket.SHUT_RDWR)


def take_text_only(connection: ServerConnection) -> None:
    for message in connection:
        if isinstance(message, bytes):
            connection.close(1003, "text only")


def take_members_only(connection: ServerConnection) -> None:
    connection.recv()
    connection.close(1008, "members only")


def fail(connection: ServerConnection) -> None:
    """Raise, upon which websockets closes with 1011."""
    connection.recv()
    raise RuntimeError("a bug in the handler")


def close_too(connection: ServerConnection) -> None:
    connection.recv()
    connection.close(SERVER_CODE, "server")


def shut_down(server: Server, connection: ServerConnection) -> None:
    connection.recv()
    Thread(target=server.shutdown).start()  # it waits for the end of this handler
    send_back(connection)


HANDLERS: dict[str, Callable[[ServerConnection], None]] = {
    "/server": say_goodbye,
    "/server-fin": drop,
    "/text-only": take_text_only,
    "/members-only": take_members_only,
    "/bug": fail,
    "/both": close_too,
}


def close_all() -> None:
    with open_plainly("/client") as connection:
        connection.send("Hello")
        connection.recv(timeout=TIMEOUT)
        connection.close(1000, "thank you")
    await_close("/server", 1000)
    with PlainClient("/no-code") as client:
        client.close(None)
    leave_page("/page-left")
    await_close("/server-shuts-down", 1001, "now, please", SHORT_LIVED_PORT)
    await_close("/server-fin", 1006, "Hello")
    be_reset("/client-rst")
    await_close("/text-only", 1003, b"\x00\x01")
    await_close("/members-only", 1008, "let me in")
    await_close("/bug", 1011, "Hello")
    for path, sent, code in WRONG:
        send_wrong(path, sent, code)
    close_at_once("/both")


def await_close(path: str, code: int, message: str | bytes | None = None, port: int = PORT) -> None:
    """Send the message, if there is one, and let the server end the connection."""
    with open_plainly(path, port) as connection:
        if message is not None:
            connection.send(message)
        with suppress(ConnectionClosed):
            while True:
                connection.recv(timeout=TIMEOUT)
        expect(connection.close_code, code)


def leave_page(path: str) -> None:
    with open_page("sockets.html") as page:
        page.evaluate("(url) => keep(url)", url(path))
        page.goto("about:blank")
        time.sleep(PAUSE)


def be_reset(path: str) -> None:
    with PlainClient(path) as client:
        client.send(frame(Opcode.TEXT, b"Hello"))
        client.next_frame()
        client.reset()


WRONG = (
    ("/unmasked", b"\x81\x05Hello", 1002),
    ("/not-utf8", frame(Opcode.TEXT, "caf\xe9 au lait".encode("latin-1")), 1007),
    ("/too-big", frame(Opcode.TEXT, b"x" * (MAX_SIZE + 1)), 1009),
    ("/braces", frame(Opcode.CLOSE, b"{}"), 1002),
    ("/after-close", close_frame(1000) + frame(Opcode.TEXT, b"too late"), 1000),
)
"""Path, what the client sends, and the code with which the server closes."""


def send_wrong(path: str, sent: bytes, code: int) -> None:
    with PlainClient(path) as client:
        client.send(sent)
        answer = client.next_frame()
        expect((answer.opcode, Close.parse(answer.data).code), (Opcode.CLOSE, code))
        has_closed = sent[0] & 0b1111 == Opcode.CLOSE
        client.until_end(answering=not has_closed)


def close_at_once(path: str) -> None:
    """Close without having read that the server closes."""
    with PlainClient(path) as client:
        client.send(frame(Opcode.TEXT, b"Hello"))
        time.sleep(PAUSE)
        client.send(close_frame(CLIENT_CODE, "client"))
        expect([Close.parse(answer.data).code for answer in client.until_end(answering=False)], [SERVER_CODE])


CLOSE_MATRIX = Scenario(
    name="close_matrix",
    title="Ends: each way to close a connection, and each mistake",
    what=(
        "Sixteen connections, each with a path that names its end. The server is one of websockets, at "
        f"{SHORT_LIVED_PORT} one that shuts down. The clients are websockets where the server decides, Chromium for "
        "/page-left, and a plain socket where bytes are wrong or a Close is missing."
    ),
    look_at=(
        "/client and /server: who closes sends Close 1000 and gets the same code back. The server ends TCP first in "
        "both.",
        "/no-code: a Close without a body, answered by one without a body. APIs report 1005, which no frame carries.",
        "/page-left and /server-shuts-down: 1001, going away; Chromium when its page goes, a server that "
        "stops. Chromium does not wait for the answer: its FIN follows at once, and the answer meets an RST.",
        "/server-fin and /client-rst: no Close at all, only TCP ends. APIs report 1006, which no frame carries.",
        "/text-only, /members-only and /bug: the application closes with 1003 or 1008; 1011 is what websockets sends "
        "where a handler raises an exception.",
        "/unmasked 1002, /not-utf8 1007, /too-big 1009: the library of the server finds the mistake and closes.",
        "/braces: the text {} as the body of a Close makes the code 31613, which is none: websockets answers 1002.",
        "/after-close: a message behind the Close, in the same segment. The server answers the Close alone.",
        "/both: both sides close, neither knowing of the other: the client has not yet read what the server sent. So "
        f"neither code repeats the other, {SERVER_CODE} from the server and {CLIENT_CODE} from the client.",
    ),
    software=("websockets", "chromium"),
    server=serve_closes,
    client=close_all,
    tools=("chromium",),
    ports=(PORT, SHORT_LIVED_PORT),
    faults=("unmasked-client-frame", "text-not-utf8", "close-code-undefined", "data-after-close"),
)


WATCHED_PORT = PORT + 1
PING_INTERVAL = 1.0
PING_TIMEOUT = 1.0
"""Seconds; websockets would take 20 of each."""
ANSWERED = 3
QUIET = 6.0
"""Seconds in which nobody says anything."""


def serve_idle() -> None:
    watching: dict[str, Any] = {
        "compression": None,
        "ping_interval": PING_INTERVAL,
        "ping_timeout": PING_TIMEOUT,
        "close_timeout": 1,
    }
    serve_all(
        serve(send_back, SERVER, PORT, **PLAIN),
        serve(send_back, SERVER, WATCHED_PORT, **watching),
    )


def fall_silent() -> None:
    with open_plainly("/unwatched") as connection:
        for _ in range(2):
            connection.send("still here")
            connection.recv(timeout=TIMEOUT)
            time.sleep(QUIET)
        connection.close()
    with PlainClient("/watched", WATCHED_PORT) as client:
        client.send(frame(Opcode.TEXT, b"still here"))
        expect(client.next_frame().data, b"still here")
        for _ in range(ANSWERED):
            expect(client.next_frame().opcode, Opcode.PING)
            client.answer()
        frames = client.until_end(answering=False)
        expect([one.opcode for one in frames], [Opcode.PING, Opcode.CLOSE])


IDLE = Scenario(
    name="idle",
    title="Silence, with and without pings",
    what=(
        f"Two connections with little to say: a message, and its echo. At {PORT} nobody pings; {QUIET:.0f} s later "
        f"the client says the same once more, as if nothing had been, and after {QUIET:.0f} more it closes. At "
        f"{WATCHED_PORT} the server, one of websockets, pings every {PING_INTERVAL:.0f} s; the client, a plain "
        f"socket, answers {ANSWERED} times and then no more, as a program that hangs."
    ),
    look_at=(
        f"/unwatched: {QUIET:.0f} s without a packet, twice. Nothing on the wire tells an idle peer from one that is "
        "gone.",
        f"/watched: {ANSWERED} pings, each with a pong that repeats its four bytes.",
        "The next ping has no pong, but the kernel of the client still acknowledges its segment: TCP is well, the "
        "program is not.",
        f"{PING_TIMEOUT:.0f} s later the server sends Close 1011 with the reason, and its FIN right behind: it does "
        "not wait for an answer any more, and none comes.",
    ),
    software=("websockets",),
    server=serve_idle,
    client=fall_silent,
    ports=(PORT, WATCHED_PORT),
)

ALL = (CLOSE_MATRIX, IDLE)
