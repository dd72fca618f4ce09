"""The application: whom it lets in, what it says to whom, and that nobody's slowness is anybody else's."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from tests.lab.peers import PATIENCE, RawClient, Running, eventually, raw_client, running
from wsviz import CloseCode, Frame, Opcode
from wsviz.lab import serving
from wsviz.lab.application import GREETING, Client, Hub, application
from wsviz.lab.background import LabError

NEVER = 3600.0
KEY = bytes.fromhex("37fa213d")
OURS = "http://127.0.0.1:8888"


@pytest.fixture(scope="module")
def quiet() -> Iterator[Running]:
    """The application without periodic messages."""
    with running(application(period=NEVER, origins=[OURS], subprotocols=("second.best", "best"))) as server:
        yield server


def join(server: Running, path: str, *subprotocols: str, origin: str | None = None) -> ClientConnection:
    return connect(
        server.url(path),
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        origin=None if origin is None else Origin(origin),
        proxy=None,
    )


def hear(client: ClientConnection) -> str | bytes:
    return client.recv(timeout=PATIENCE)


@pytest.mark.parametrize("message", ["Hello", "", "é €", b"\x00\xff", b"", "x" * 70_000])
@pytest.mark.parametrize("path", ["/echo", "/application", "/broadcast"])
def test_each_message_comes_back_as_it_was(quiet: Running, path: str, message: str | bytes) -> None:
    with join(quiet, path) as client:
        if path == "/application":
            assert hear(client) == GREETING
        client.send(message)
        assert hear(client) == message


def test_a_handshake_that_is_no_http_for_one_of_two_parsers_is_refused(quiet: Running) -> None:
    request = (
        "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Protocol: a\x1b[31m\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=PATIENCE) as client:
        client.sendall(request.encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert client.recv(1) == b""


@pytest.mark.parametrize("begun", [b"", b"GET /echo HTTP/1.1\r\nHost: a\r\n"])
def test_who_connects_and_does_not_ask_is_let_go(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "ASKING", 0.5)
    with running(application(period=NEVER)) as server, join(server, "/echo") as asked:
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as client:
            client.sendall(begun)
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        asked.send("still here")
        assert hear(asked) == "still here"


def test_who_is_one_too_many_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_most_connections", lambda: 1)
    with running(application(period=NEVER)) as server, join(server, "/echo") as first:
        with pytest.raises((EOFError, OSError, InvalidMessage, ConnectionClosedError)):
            join(server, "/echo")
        first.send("still here")
        assert hear(first) == "still here"
    assert serving._most_connections() >= 1


def test_a_fragmented_message_comes_back_whole(quiet: Running) -> None:
    with join(quiet, "/echo") as client:
        client.send(["caf", "é costs ", "2 €"])
        assert hear(client) == "café costs 2 €"


def test_the_greeting_comes_once_and_periodic_messages_come_to_all() -> None:
    with (
        running(application(period=0.05)) as server,
        join(server, "/application") as one,
        join(server, "/application") as other,
    ):
        for client in (one, other):
            assert hear(client) == GREETING
            first, second = str(hear(client)), str(hear(client))
            numbers = [int(text.split()[2]) for text in (first, second)]
            assert first == f"periodic message {numbers[0]} from the server"
            assert numbers[1] == numbers[0] + 1


def test_a_broadcast_reaches_everybody_there_and_nobody_elsewhere(quiet: Running) -> None:
    with join(quiet, "/broadcast") as one, join(quiet, "/broadcast") as other, join(quiet, "/echo") as elsewhere:
        one.send("to all")
        assert [hear(one), hear(other)] == ["to all", "to all"]
        elsewhere.send("mine")
        assert hear(elsewhere) == "mine"


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(("best", "second.best"), "second.best"), (("other", "best"), "best"), (("other",), None), ((), None)],
)
def test_the_servers_taste_chooses_the_subprotocol(quiet: Running, offered: tuple[str, ...], chosen: str) -> None:
    with join(quiet, "/echo", *offered) as client:
        assert client.subprotocol == chosen
        client.send("and it goes on")
        assert hear(client) == "and it goes on"


def test_pages_of_a_foreign_origin_are_refused_on_the_wire(quiet: Running) -> None:
    for origin in ("http://evil.example", "null", "http://127.0.0.1", f"{OURS}.evil.example"):
        with raw_client(quiet.url("/echo"), origin=origin) as client:
            assert client.response.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert b"Sec-WebSocket-Accept" not in client.response


@pytest.mark.parametrize("origin", [OURS, None])
def test_our_pages_and_clients_that_are_no_pages_are_let_in(quiet: Running, origin: str | None) -> None:
    with raw_client(quiet.url("/echo"), origin=origin) as client:
        assert client.response.startswith(b"HTTP/1.1 101 ")


def test_an_unknown_place_is_not_found(quiet: Running) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        join(quiet, "/nowhere")
    assert refusal.value.response.status_code == 404


def read_nothing_while(friend: ClientConnection, number: int, size: int) -> list[str]:
    """Have a friend broadcast so much, and read all of it; others need not."""
    messages = [f"{index} ".ljust(size, ".") for index in range(number)]
    for message in messages:
        friend.send(message)
        assert hear(friend) == message
    return messages


def test_who_reads_too_slowly_gets_what_fits_without_gaps_and_then_1008() -> None:
    room = 8
    app = application(period=NEVER, room=room)
    with (
        running(app, grace=PATIENCE) as server,
        raw_client(server.url("/broadcast")) as slow,
        join(server, "/broadcast") as friend,
    ):
        sent = read_nothing_while(friend, 200, 4096)
        eventually(lambda: len(app.state.friends.clients) == 1, "the slow client is let go")
        *data, close = slow.frames_until_close()
        texts = [frame.payload.decode() for frame in data]
        assert 0 < len(texts) < len(sent)
        assert texts == sent[: len(texts)]
        assert (close.close_code, close.close_reason) == (
            CloseCode.POLICY_VIOLATION,
            f"too slow: {room} messages wait for you",
        )
        friend.send("still here")
        assert hear(friend) == "still here"


def test_who_reads_nothing_at_all_is_given_up_after_the_grace() -> None:
    app = application(period=NEVER, room=8)
    with (
        running(app, grace=0.2) as server,
        raw_client(server.url("/broadcast")) as dead,
        join(server, "/broadcast") as friend,
    ):
        read_nothing_while(friend, 200, 4096)
        eventually(lambda: len(server.server.server_state.connections) == 1, "the server has one connection left")
        with pytest.raises(AssertionError, match="the server ends the connection"):
            dead.frames_until_close()


def test_who_does_not_read_its_echoes_is_not_read_either(quiet: Running) -> None:
    """Otherwise the server would have to keep what it cannot send."""
    with raw_client(quiet.url("/application")) as client:
        client.socket.settimeout(1)
        frame = Frame.binary(bytes(16_384), masking_key=KEY)
        with pytest.raises(TimeoutError):
            for _ in range(10_000):
                client.send(frame)


def test_who_does_not_read_its_pongs_is_not_read_either(quiet: Running) -> None:
    with raw_client(quiet.url("/echo")) as client:
        client.socket.settimeout(1)
        pings = Frame.ping(bytes(125), masking_key=KEY).serialize() * 500
        with pytest.raises(TimeoutError):
            for _ in range(1000):
                client.socket.sendall(pings)


def test_pongs_go_on_when_they_are_read_again(quiet: Running) -> None:
    with raw_client(quiet.url("/echo")) as client:
        for number in range(3000):
            client.send(Frame.ping(f"{number}".encode().ljust(125), masking_key=KEY))
        pongs = client.frames(3000)
        assert [int(pong.payload) for pong in pongs] == list(range(3000))
        client.send(Frame.text("and messages", masking_key=KEY))
        assert client.frames(3001)[-1].payload == b"and messages"


def test_a_client_without_pongs_is_let_go_with_1011() -> None:
    with running(application(period=NEVER), ping_interval=0.2) as server, raw_client(server.url("/echo")) as client:
        ping, close = client.frames(2)
        assert ping.opcode == Opcode.PING
        assert close.close_code == CloseCode.INTERNAL_ERROR


def test_a_message_that_is_too_long_ends_with_1009() -> None:
    with (
        running(application(), max_size=1000) as server,
        join(server, "/echo") as client,
        pytest.raises(ConnectionClosedError) as end,
    ):
        client.send("x" * 1000)
        assert len(hear(client)) == 1000
        client.send("x" * 1001)
        hear(client)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == CloseCode.MESSAGE_TOO_BIG


@pytest.mark.parametrize("deflate", [True, False])
def test_compression_is_a_parameter(deflate: bool) -> None:
    with running(application(), deflate=deflate) as server, join(server, "/echo") as client:
        assert client.response is not None
        assert ("Sec-WebSocket-Extensions" in client.response.headers) == deflate
        client.send("a" * 5000)
        assert hear(client) == "a" * 5000


def test_a_fault_of_the_application_ends_with_1011_and_leaves_the_others_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub = Hub()

    async def react(client: Client, message: str | bytes) -> None:
        await client.answer(f"{10 // int(message)}")

    async def divide(websocket: WebSocket) -> None:
        await websocket.accept()
        await hub.serve(websocket, react)

    with (
        running(Starlette(routes=[WebSocketRoute("/divide", divide)])) as server,
        join(server, "/divide") as one,
        join(server, "/divide") as other,
    ):
        one.send("0")
        with pytest.raises(ConnectionClosedError) as end:
            hear(one)
        other.send("5")
        assert hear(other) == "2"
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == CloseCode.INTERNAL_ERROR
    assert any(record.exc_info and record.exc_info[0] for record in caplog.records)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"period": 0}, "the period is 0, expected seconds above 0"),
        ({"period": float("nan")}, "the period is nan, expected seconds above 0"),
        ({"period": "soon"}, "the period is 'soon', expected seconds above 0"),
        ({"room": 1.5}, "the room is 1.5, expected a whole number, 1 or more"),
        ({"room": 0}, "the room is 0, expected a whole number, 1 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(LabError, match=f"^{said}$"):
        application(**settings)  # type: ignore[arg-type]


def say_bye(client: RawClient) -> None:
    client.send(Frame.close(1000, "bye", masking_key=KEY))


def say_nothing(client: RawClient) -> None:
    client.send(Frame(Opcode.CLOSE, masking_key=KEY))


@pytest.mark.parametrize(
    ("leave", "said"),
    [
        (say_bye, 'close code 1000, reason "bye"'),
        (say_nothing, "close code 1005"),
        (lambda client: client.socket.close(), "close code 1006"),
    ],
)
def test_the_log_says_how_clients_leave(
    quiet: Running, caplog: pytest.LogCaptureFixture, leave: object, said: str
) -> None:
    assert callable(leave)
    with caplog.at_level(logging.INFO, "wsviz.lab"):
        with raw_client(quiet.url("/broadcast")) as client:
            leave(client)
        eventually(lambda: f"has gone, {said}" in caplog.text, f"the log says {said!r}")


def test_what_a_client_says_reaches_the_log_as_harmless_text(
    quiet: Running, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "wsviz.lab"), join(quiet, "/echo") as client:
        client.send("\x1b[31mred\r\n\u202eand forged" + "x" * 500)
        hear(client)
    [said] = [record.getMessage() for record in caplog.records if " says " in record.getMessage()]
    assert said.isprintable()
    assert "\\x1b[31mred\\x0d\\x0a\\u202eand forged" in said
    assert len(said) < 150
