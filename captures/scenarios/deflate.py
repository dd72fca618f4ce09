"""permessage-deflate: what a window that is kept saves, what it costs to forget it, and what cannot be saved."""

import random

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.sync.server import Server, serve

from .browser import open_page
from .scenario import PORT, SERVER, Scenario
from .sides import TIMEOUT, expect, open_plainly, send_back, serve_all, url

KEEPING, FORGETTING = PORT, PORT + 1
WINDOW_BITS = 12
NAMES = ("EUR", "USD", "JPY")
LIKE_MESSAGES = tuple(
    f'{{"type": "price", "symbol": "{name}", "currency": "CHF", "price": {price}, "exchange": "Zurich"}}'
    for name, price in zip(NAMES, ("0.9312", "0.7984", "0.0052"), strict=True)
)
SEED = 7692
RANDOM = random.Random(SEED).randbytes(120)


def server() -> None:
    serve_all(deflating(KEEPING, forget=False), deflating(FORGETTING, forget=True))


def deflating(port: int, *, forget: bool) -> Server:
    factory = ServerPerMessageDeflateFactory(
        server_no_context_takeover=forget,
        client_no_context_takeover=forget,
        server_max_window_bits=WINDOW_BITS,
        client_max_window_bits=WINDOW_BITS,
    )
    return serve(send_back, SERVER, port, extensions=[factory], ping_interval=None)


def client() -> None:
    for path, port, messages in (
        ("/kept", KEEPING, LIKE_MESSAGES),
        ("/forgotten", FORGETTING, LIKE_MESSAGES),
        ("/incompressible", KEEPING, [RANDOM]),
    ):
        with open_plainly(path, port, compression="deflate") as connection:
            for message in messages:
                connection.send(message)
                expect(connection.recv(timeout=TIMEOUT), message)
    with open_page("sockets.html") as page:
        for path, port in (("/chromium/kept", KEEPING), ("/chromium/forgotten", FORGETTING)):
            received = page.evaluate(
                "([url, messages]) => exchangeAll(url, messages)", [url(path, port), LIKE_MESSAGES]
            )
            expect(tuple(received), LIKE_MESSAGES)


DEFLATE = Scenario(
    name="deflate",
    title="permessage-deflate, with the window kept and forgotten",
    what=(
        "Five connections that use permessage-deflate, three with a client of websockets, two with Chromium. Each "
        f"carries three like messages of JSON, and their echoes; /incompressible carries {len(RANDOM)} random bytes "
        f"instead. The server at {KEEPING} lets both sides keep their windows from message to message, the one at "
        f"{FORGETTING} asks both to forget them. Both ask for windows of {WINDOW_BITS} bits."
    ),
    look_at=(
        'Both clients offer "permessage-deflate; client_max_window_bits". What holds is in the 101.',
        "RSV1 is set on every data frame and on no Close frame.",
        "/kept: the second and third message take a fraction of the first one, since most of their text stands "
        "in the window.",
        "/forgotten: with no_context_takeover on both sides, each message takes about as much as the first.",
        "/incompressible: the random bytes got longer, not shorter.",
        "/chromium/kept and /chromium/forgotten: another client, the same effect.",
    ),
    software=("websockets", "chromium"),
    server=server,
    client=client,
    tools=("chromium",),
    ports=(KEEPING, FORGETTING),
)
