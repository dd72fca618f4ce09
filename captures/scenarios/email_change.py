"""The e-mail address of a user changes: seen by asking again over HTTP, and by subscribing over WebSocket."""

import json
import subprocess

from websockets.sync.client import ClientConnection, connect

from wsviz.lab.email_change import CHANGED, USERS, email_app

from .mechanisms import UVICORN, serve
from .scenario import PORT, SERVER, Scenario

ORIGIN = f"{SERVER}:{PORT}"
BEFORE, AFTER = list(USERS), [USERS[0], CHANGED]
GET = [f"http://{ORIGIN}/users"]
PUT = ["--request", "PUT", "--json", json.dumps(CHANGED), f"http://{ORIGIN}/users/{CHANGED['id']}"]
EVENT = {"event": "user"}
TIMEOUT = 5.0


def server() -> None:
    serve(email_app())


def curl(*transfers: list[str]) -> list[object]:
    """The JSON that each transfer brought; all of them on one connection."""
    options = ["--silent", "--fail", "--noproxy", "*", "--write-out", "\n"]
    argv = ["curl"]
    for number, transfer in enumerate(transfers):
        argv += [*(["--next"] if number else []), *options, *transfer]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=TIMEOUT)
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask_again() -> None:
    expect(curl(GET, PUT, GET), [BEFORE, CHANGED, AFTER])


def subscribe() -> None:
    with connect(f"ws://{ORIGIN}/notifications", compression=None, ping_interval=None, proxy=None) as connection:
        say(connection, "subscribe")
        expect(heard(connection), {"type": "data", **EVENT, "data": BEFORE})
        expect(curl(PUT), [CHANGED])
        expect(heard(connection), {"type": "data", **EVENT, "data": AFTER})
        say(connection, "unsubscribe")


def say(connection: ClientConnection, kind: str) -> None:
    connection.send(json.dumps({"type": kind, **EVENT}))
    expect(heard(connection), {"type": kind, **EVENT, "status": "accepted"})


def heard(connection: ClientConnection) -> object:
    return json.loads(connection.recv(timeout=TIMEOUT))


def expect(got: object, expected: object) -> None:
    if got != expected:
        raise ValueError(f"got {got}, expected {expected}")


EMAIL_HTTP = Scenario(
    name="email_http",
    title="A changed e-mail address over HTTP",
    what=(
        "curl asks for the list of users, puts a new e-mail address in the place of an old one, and asks for the "
        "list again: three requests on one connection. Whoever else wants to know of the change has to ask too."
    ),
    look_at=(
        "The Host field names host and port alone; the path is in the first line of the request.",
        "PUT sends the whole user to the user's own address, with Content-Type and Content-Length. Sent twice, it "
        "would change nothing more: PUT is idempotent, POST is not.",
        "The list is JSON: names in double quotes, a colon before the value, no number with leading zeros.",
        "Nothing in the request for the list depends on an earlier one: the requests are stateless.",
        "uvicorn sends the body of an answer in a segment of its own.",
    ),
    software=("curl", *UVICORN),
    server=server,
    client=ask_again,
    tools=("curl",),
)
EMAIL_WS = Scenario(
    name="email_ws",
    title="A changed e-mail address over WebSocket",
    what=(
        "A client of the websockets library subscribes and is notified; then curl, on a connection of its own, puts "
        "the new address, and the subscriber is notified of that. It unsubscribes and closes."
    ),
    look_at=(
        "The second connection is the cause, the second notification on the first connection its effect: the server "
        "sends it without being asked.",
        "The words subscribe and unsubscribe are an agreement of these two programs: WebSocket has no such thing.",
        "Each notification carries the whole list, though one address changed: the cost is the application's choice.",
        "Two Close frames with status code 1000.",
    ),
    software=("websockets", "curl", *UVICORN),
    server=server,
    client=subscribe,
    tools=("curl",),
)

ALL = (EMAIL_HTTP, EMAIL_WS)
