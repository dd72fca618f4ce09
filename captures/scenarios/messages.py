"""What messages mean: WebSocket carries them, an application or a subprotocol says what they ask for."""

import json
import time

from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from .scenario import PORT, SERVER, Scenario
from .sides import PAUSE, PLAIN, TIMEOUT, expect, open_plainly, serve_all

TOPIC = "members"
CHANGES = tuple({"id": number, "email": f"member{number}@example.org"} for number in (17, 4, 23))
NOT_JSON = f"{{'op': 'subscribe', 'topic': '{TOPIC}'}}"
QUIET = 0.5
"""Seconds in which no notification comes, since nobody is subscribed."""


def serve_subscriptions() -> None:
    serve_all(serve(take_requests, SERVER, PORT, **PLAIN))


def take_requests(connection: ServerConnection) -> None:
    """Answer each request; tell a subscriber of the changes, which it does not have to ask for again."""
    for message in connection:
        try:
            request = json.loads(message)
        except ValueError as error:
            tell(connection, op="error", reason=str(error))
            continue
        tell(connection, op=f"{request['op']}d", topic=request["topic"])
        for change in CHANGES if request["op"] == "subscribe" else ():
            time.sleep(PAUSE)
            tell(connection, op="notify", topic=request["topic"], change=change)


def tell(connection: ServerConnection | ClientConnection, **message: object) -> None:
    connection.send(json.dumps(message))


def hear(connection: ClientConnection, **message: object) -> None:
    expect(json.loads(connection.recv(timeout=TIMEOUT)), message)


def subscribe() -> None:
    with open_plainly("/members") as connection:
        connection.send(NOT_JSON)
        expect(json.loads(connection.recv(timeout=TIMEOUT))["op"], "error")
        tell(connection, op="subscribe", topic=TOPIC)
        hear(connection, op="subscribed", topic=TOPIC)
        for change in CHANGES:
            hear(connection, op="notify", topic=TOPIC, change=change)
        tell(connection, op="unsubscribe", topic=TOPIC)
        hear(connection, op="unsubscribed", topic=TOPIC)
        time.sleep(QUIET)


SUBSCRIBE = Scenario(
    name="subscribe",
    title="Subscribe, notify, unsubscribe, in JSON",
    what=(
        "A client asks to be told of changes, is told of three, and asks to be told no more. Both sides use "
        'websockets; "subscribe" and "notify" are words of our own application, which is a few lines of JSON. One '
        "message is not JSON."
    ),
    look_at=(
        "Text frames in both directions: to WebSocket, all of them are just text. No subprotocol was negotiated.",
        "One request brings four messages: an answer, and a notification for each change, when it happens.",
        "One message of the client looks like JSON and is not: JSON has no single quotes. WebSocket does not mind, "
        "and the connection goes on; the server tells what is wrong in a message of its own.",
        f"After the unsubscription the server is silent, until the client closes {QUIET} s later.",
    ),
    software=("websockets",),
    server=serve_subscriptions,
    client=subscribe,
)


# ---- STOMP 1.2 ----

SUBPROTOCOL = Subprotocol("v12.stomp")
QUEUE = "/topic/prices"
PRICES = ("EUR 0.9312", "USD 0.7984", "JPY 0.0052")
Headers = dict[str, str]


def serve_stomp() -> None:
    serve_all(serve(be_broker, SERVER, PORT, subprotocols=[SUBPROTOCOL], **PLAIN))


def be_broker(connection: ServerConnection) -> None:
    """As much of a STOMP broker as this conversation needs."""
    for message in connection:
        command, headers, _ = parse(message)
        if command == "CONNECT":
            send(connection, "CONNECTED", {"version": "1.2", "heart-beat": "0,0", "server": "wsviz-course/1"})
        elif command == "SUBSCRIBE":
            publish(connection, headers)
        if "receipt" in headers:
            send(connection, "RECEIPT", {"receipt-id": headers["receipt"]})


def publish(connection: ServerConnection, subscription: Headers) -> None:
    for number, price in enumerate(PRICES):
        time.sleep(PAUSE)
        headers = {
            "subscription": subscription["id"],
            "message-id": str(number),
            "destination": subscription["destination"],
            "content-type": "text/plain",
            "content-length": str(len(price)),
        }
        send(connection, "MESSAGE", headers, price)


def send(connection: ServerConnection | ClientConnection, command: str, headers: Headers, body: str = "") -> None:
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    connection.send(f"{command}\n{lines}\n{body}\0")


def parse(message: str | bytes) -> tuple[str, Headers, str]:
    head, _, body = str(message).rstrip("\n").removesuffix("\0").partition("\n\n")
    command, *lines = head.split("\n")
    return command, dict(line.split(":", 1) for line in lines), body


def talk_stomp() -> None:
    with open_plainly("/stomp", subprotocols=[SUBPROTOCOL, "v11.stomp"]) as connection:
        login = {"accept-version": "1.2", "host": SERVER, "login": "reader", "passcode": "not-a-secret"}
        send(connection, "CONNECT", login)
        take(connection, "CONNECTED")
        send(connection, "SUBSCRIBE", {"id": "0", "destination": QUEUE, "ack": "auto"})
        expect([take(connection, "MESSAGE") for _ in PRICES], list(PRICES))
        send(connection, "UNSUBSCRIBE", {"id": "0", "receipt": "unsubscribed"})
        take(connection, "RECEIPT")
        send(connection, "DISCONNECT", {"receipt": "goodbye"})
        take(connection, "RECEIPT")


def take(connection: ClientConnection, expected: str) -> str:
    command, _, body = parse(connection.recv(timeout=TIMEOUT))
    expect(command, expected)
    return body


STOMP = Scenario(
    name="stomp",
    title="STOMP 1.2, a subprotocol",
    what=(
        "A client subscribes to a topic and gets three messages, in the words of STOMP 1.2. Both sides use "
        "websockets; the broker is no product but a few lines of our own, with as much of STOMP as is needed here."
    ),
    look_at=(
        f"The handshake: the client offers {SUBPROTOCOL} and v11.stomp, the server chooses {SUBPROTOCOL}. Now both "
        "know what their messages mean.",
        "What STOMP calls a frame is a message of WebSocket: a command, headers, an empty line, a body, and a zero "
        "byte at the end.",
        "CONNECT has a passcode. wsviz shows asterisks in its place, unless it is told to reveal secrets.",
        "SUBSCRIBE has an id, and each MESSAGE repeats it: one connection can carry several subscriptions.",
        "RECEIPT answers the frames that asked for one: UNSUBSCRIBE and DISCONNECT.",
        "DISCONNECT ends the session of STOMP; the Close frames come after it.",
    ),
    software=("websockets",),
    server=serve_stomp,
    client=talk_stomp,
)

ALL = (SUBSCRIBE, STOMP)
