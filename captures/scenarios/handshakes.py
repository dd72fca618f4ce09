"""Opening handshakes: the same request with one thing changed, and what servers make of it."""

import subprocess
import sys
from http import HTTPStatus
from pathlib import Path

from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Origin, Subprotocol

from .browser import ORIGIN, open_page
from .scenario import PORT, SERVER, Scenario
from .sides import PLAIN, TIMEOUT, PlainClient, expect, open_plainly, send_back, serve_all, url
from .wsproto_server import start_wsproto

OPEN, STRICT, DEFLATE, WSPROTO, AIOHTTP = range(PORT, PORT + 5)
"""Ports: three servers of websockets with different settings, one of wsproto, one of aiohttp."""
FOREIGN = Origin("http://evil.example")
SUBPROTOCOLS = (Subprotocol("v2.chat"), Subprotocol("v1.chat"))
"""What STRICT and AIOHTTP speak, the better one first."""
WINDOW_BITS = 12


def server() -> None:
    start_wsproto(WSPROTO)
    start_aiohttp()
    serve_all(open_server(), strict_server(), deflate_server())


def start_aiohttp() -> None:
    """A program of its own, since its licence and ours do not combine in one; record.py ends it with all others."""
    script = Path(__file__).with_name("aiohttp_server.py")
    # -P: the folder of the script is not searched for the modules that it imports.
    command = [sys.executable, "-P", str(script), SERVER, str(AIOHTTP), *SUBPROTOCOLS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    if process.stdout is None or not process.stdout.readline():
        raise RuntimeError("the server of aiohttp did not start")


def open_server() -> Server:
    """No subprotocol, no extension, every origin."""
    return serve(send_back, SERVER, OPEN, **PLAIN, process_request=redirect)


def redirect(connection: ServerConnection, request: Request) -> Response | None:
    if request.path != "/moved":
        return None
    response = connection.respond(HTTPStatus.FOUND, "It is at /accepted now.\n")
    response.headers["Location"] = "/accepted"
    return response


def strict_server() -> Server:
    """Its own origin only, one of its subprotocols in any case."""
    return serve(
        send_back,
        SERVER,
        STRICT,
        origins=[Origin(ORIGIN), None],
        subprotocols=SUBPROTOCOLS,
        **PLAIN,
    )


def deflate_server() -> Server:
    """permessage-deflate with small windows; it forgets them after each message of its own."""
    deflate = ServerPerMessageDeflateFactory(
        server_no_context_takeover=True, server_max_window_bits=WINDOW_BITS, client_max_window_bits=WINDOW_BITS
    )
    return serve(send_back, SERVER, DEFLATE, extensions=[deflate], **PLAIN)


def client() -> None:
    change_headers()
    offer_subprotocols()
    offer_extensions()
    follow_redirect()
    ask_with_chromium()


def change_headers() -> None:
    accepted("/accepted", OPEN)
    refused("/no-key", OPEN, 400, "Sec-WebSocket-Key")
    refused("/no-upgrade", OPEN, 426, "Upgrade")
    refused("/version-8", OPEN, 400, "Sec-WebSocket-Version", "8")
    refused("/version-8", WSPROTO, 426, "Sec-WebSocket-Version", "8")
    accepted("/own-origin", STRICT, origin=ORIGIN, subprotocols=SUBPROTOCOLS)
    declined("/foreign-origin", STRICT, 403, origin=FOREIGN, subprotocols=SUBPROTOCOLS)


def offer_subprotocols() -> None:
    """The client prefers the older one, or knows none of them."""
    older_first, unknown = SUBPROTOCOLS[::-1], ["soap"]
    expect(accepted("/server-chooses", STRICT, subprotocols=older_first), SUBPROTOCOLS[0])
    expect(accepted("/client-chooses", AIOHTTP, subprotocols=older_first), SUBPROTOCOLS[1])
    expect(accepted("/none-in-common", AIOHTTP, subprotocols=unknown), None)
    declined("/none-in-common", STRICT, 400, subprotocols=unknown)


def offer_extensions() -> None:
    accepted("/deflate-accepted", DEFLATE, compression="deflate")
    accepted("/deflate-declined", OPEN, compression="deflate")


def follow_redirect() -> None:
    """The library asks again at the new place, on a new connection."""
    accepted("/moved", OPEN)


def ask_with_chromium() -> None:
    with open_page("sockets.html") as page:
        for path, port, subprotocols, opens in (
            ("/accepted", OPEN, [], True),
            ("/none-in-common", AIOHTTP, ["soap"], False),
            ("/moved", OPEN, [], False),
        ):
            result = page.evaluate("([url, names]) => exchange(url, names)", [url(path, port), subprotocols])
            expect(result, {"opened": opens, "code": 1000 if opens else 1006})


def accepted(path: str, port: int, **options: object) -> str | None:
    """Open, exchange a message, close; returns the subprotocol."""
    with open_plainly(path, port, **options) as connection:
        connection.send("Hello")
        expect(connection.recv(timeout=TIMEOUT), "Hello")
        return connection.subprotocol


def declined(path: str, port: int, status: int, **options: object) -> None:
    """Ask for what the server does not grant."""
    try:
        open_plainly(path, port, **options).close()
    except InvalidStatus as error:
        expect(error.response.status_code, status)
    else:
        raise ValueError(f"{path} was not refused")


def refused(path: str, port: int, status: int, name: str, value: str | None = None) -> None:
    """Ask with another value in one header field, or without the field."""

    def change(headers: Headers) -> None:
        headers.pop(name, None)
        if value is not None:
            headers[name] = value

    with PlainClient(path, port, change=change) as connection:
        error = connection.protocol.handshake_exc
        if not isinstance(error, InvalidStatus):
            raise ValueError(f"{path} was not refused: {error!r}")
        expect(error.response.status_code, status)


HANDSHAKE_MATRIX = Scenario(
    name="handshake_matrix",
    title="Opening handshakes: accepted, refused, negotiated",
    what=(
        f"Eighteen requests to five servers: three of websockets (at {OPEN} one that takes all, at {STRICT} one with "
        f"an Origin check and subprotocols, at {DEFLATE} one with permessage-deflate), one of wsproto at {WSPROTO}, "
        f"and one of aiohttp at {AIOHTTP} with the same subprotocols as at {STRICT}. The clients are websockets, a "
        "plain socket where a request is wrong, and last Chromium. Each path names its case; what both sides accept "
        "carries a message and its echo."
    ),
    look_at=(
        "/no-key: 400. /no-upgrade: 426, which asks for an upgrade.",
        f"/foreign-origin: 403. The request differs from the one of /own-origin in its Origin: {FOREIGN}.",
        "/version-8: websockets answers 400 and does not say which version it speaks; wsproto answers 426 with "
        '"Sec-WebSocket-Version: 13".',
        f"/server-chooses and /client-chooses: the same offer, {' before '.join(SUBPROTOCOLS[::-1])}. websockets "
        "takes what it likes best itself, aiohttp what the client likes best.",
        "/none-in-common: websockets refuses with 400; aiohttp answers 101 without a subprotocol. The client of "
        "websockets goes on, Chromium closes TCP and tells its script 1006.",
        f"/deflate-accepted: offered is what the client can do, negotiated is what the 101 says, here windows of "
        f"{WINDOW_BITS} bits and a server that forgets its window. /deflate-declined: the same offer, and a 101 "
        "without extensions.",
        "/moved: 302 with a Location. The client of websockets asks there on a new connection; Chromium does not.",
    ),
    software=("websockets", "wsproto", "aiohttp", "chromium"),
    server=server,
    client=client,
    tools=("chromium",),
    ports=(OPEN, STRICT, DEFLATE, WSPROTO, AIOHTTP),
    faults=("key-missing", "version-not-13", "version-not-told"),
)
