"""The e-mail change: what is asked and put over HTTP, and what is told to subscribers over WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.lab.peers import PATIENCE, Running, eventually, running
from wsviz.lab.email_change import CHANGED, LONGEST, USERS, email_app

BEFORE, AFTER = list(USERS), [USERS[0], CHANGED]
SUBSCRIBE = {"type": "subscribe", "event": "user"}
UNSUBSCRIBE = {"type": "unsubscribe", "event": "user"}


@pytest.fixture
def server() -> Iterator[Running]:
    with running(email_app()) as server:
        yield server


def ask(server: Running, method: str, path: str, body: str | bytes | None = None) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body=body)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def users(server: Running) -> object:
    status, body = ask(server, "GET", "/users")
    assert status == 200
    return json.loads(body)


def put(server: Running, user: object) -> tuple[int, str]:
    return ask(server, "PUT", "/users/1", json.dumps(user))


def subscriber(server: Running) -> ClientConnection:
    return connect(server.url("/notifications"), proxy=None)


def say(client: ClientConnection, message: object) -> None:
    client.send(message if isinstance(message, str | bytes) else json.dumps(message))


def hear(client: ClientConnection) -> Any:
    return json.loads(client.recv(timeout=PATIENCE))


def notification(users: object) -> dict[str, object]:
    return {"type": "data", "event": "user", "data": users}


def test_asking_again_shows_the_change(server: Running) -> None:
    assert users(server) == BEFORE
    status, body = put(server, CHANGED)
    assert (status, json.loads(body)) == (200, CHANGED)
    assert users(server) == AFTER


def test_each_application_has_its_own_list() -> None:
    with running(email_app()) as one, running(email_app()) as other:
        put(one, CHANGED)
        assert (users(one), users(other)) == (AFTER, BEFORE)


@pytest.mark.parametrize(
    "body",
    [
        *("", "no JSON", "[]", "null", '"text"', "[" * 900, '{"id": 000}', b"\xff\xfe"),
        json.dumps({"id": 1, "name": "ada"}),
        json.dumps(CHANGED | {"role": "admin"}),
        *(json.dumps(CHANGED | {"id": number}) for number in (0, 1.0, True, "1", None)),
        *(json.dumps(CHANGED | {"email": email}) for email in ("ada", 1, None, "a@\n", "\ud800@example.org")),
        json.dumps(CHANGED | {"name": ["ada"]}),
    ],
)
def test_what_is_no_user_is_refused(server: Running, body: str | bytes) -> None:
    status, words = ask(server, "PUT", "/users/1", body)
    assert (status, words) == (400, 'a user is {"id": as in the address, "name": text, "email": text with an @}')
    assert users(server) == BEFORE


def test_a_body_that_is_too_long_is_refused(server: Running) -> None:
    status, words = put(server, CHANGED | {"name": "a" * LONGEST})
    assert (status, words) == (413, f"no user takes more than {LONGEST} bytes")
    assert users(server) == BEFORE


@pytest.mark.parametrize("number", ["2", "01", "one", "-1", "9" * 5000])
def test_there_are_two_users(server: Running, number: str) -> None:
    answer = ask(server, "PUT", f"/users/{number}", json.dumps(CHANGED))
    assert answer == (404, "there are the users 0 and 1")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/users", 405), ("DELETE", "/users/1", 405), ("GET", "/", 404)],
)
def test_nothing_else_can_be_done(server: Running, method: str, path: str, status: int) -> None:
    assert ask(server, method, path, json.dumps(CHANGED))[0] == status


def test_a_subscriber_is_told_without_asking(server: Running) -> None:
    with subscriber(server) as client:
        say(client, SUBSCRIBE)
        assert hear(client) == SUBSCRIBE | {"status": "accepted"}
        assert hear(client) == notification(BEFORE)
        put(server, CHANGED)
        assert hear(client) == notification(AFTER)
        say(client, UNSUBSCRIBE)
        assert hear(client) == UNSUBSCRIBE | {"status": "accepted"}
        put(server, USERS[1])
        say(client, UNSUBSCRIBE)
        assert hear(client) == UNSUBSCRIBE | {"status": "accepted"}  # and no notification before it


def test_the_same_put_again_is_no_change(server: Running) -> None:
    with subscriber(server) as client:
        say(client, SUBSCRIBE)
        assert [hear(client)["type"] for _ in range(2)] == ["subscribe", "data"]
        put(server, USERS[1])
        put(server, CHANGED)
        assert hear(client) == notification(AFTER)


def test_every_subscriber_is_told_and_a_second_subscription_is_none(server: Running) -> None:
    with subscriber(server) as one, subscriber(server) as other:
        for client in (one, other, other):
            say(client, SUBSCRIBE)
            assert [hear(client)["type"] for _ in range(2)] == ["subscribe", "data"]
        put(server, CHANGED)
        for client in (one, other):
            assert hear(client) == notification(AFTER)
            say(client, UNSUBSCRIBE)
            assert hear(client)["status"] == "accepted"


@pytest.mark.parametrize(
    "message",
    [
        *("", "no JSON", "[]", "[" * 100_000, '{ "type" = "subscribe" }', b"\x00\xff"),
        {"type": "subscribe"},
        {"type": "subscribe", "event": "weather"},
        {"type": ["subscribe"], "event": {"user": 1}},
        {"type": "data", "event": "user"},
    ],
)
def test_what_the_server_does_not_understand_it_says(server: Running, message: object) -> None:
    with subscriber(server) as client:
        say(client, message)
        assert hear(client) == {
            "type": "error",
            "reason": 'not {"type": "subscribe" or "unsubscribe", "event": "user"}',
        }
        say(client, UNSUBSCRIBE)
        assert hear(client)["status"] == "accepted"


def test_subscribers_that_leave_are_forgotten(server: Running) -> None:
    with subscriber(server) as polite:
        say(polite, SUBSCRIBE)
        assert hear(polite)["status"] == "accepted"
    with subscriber(server) as rude:
        say(rude, SUBSCRIBE)
        assert hear(rude)["status"] == "accepted"
        rude.socket.close()
        put(server, CHANGED)
    state = server.server.server_state
    eventually(lambda: not state.connections and not state.tasks, "the server has forgotten them")
    assert users(server) == AFTER
