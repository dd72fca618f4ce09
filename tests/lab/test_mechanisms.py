"""The five mechanisms, asked by clients that are no browser; tests/lab/test_mechanism_pages.py has the pages."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from itertools import pairwise

import pytest
from starlette.requests import Request
from websockets.sync.client import connect

from tests.lab.peers import PATIENCE, Running, eventually, running
from wsviz.lab.background import Background
from wsviz.lab.mechanisms import (
    EVENTS_PER_RESPONSE,
    MECHANISMS,
    MOST_CLIENTS,
    PAGE_FILES,
    PAGES,
    QUIET,
    RETRY,
    Mechanisms,
    mechanisms_app,
)
from wsviz.lab.updates import COUNT, GAPS, UPDATES, Feed, Update, make_updates

NEVER = 3600.0


def updates(*times: float) -> list[Update]:
    return [Update(number, at, f'{{"id": {number}}}') for number, at in enumerate(times, start=1)]


@contextmanager
def serving(*times: float) -> Iterator[Running]:
    """The mechanisms with updates at these seconds."""
    with running(mechanisms_app(updates(*times))) as server:
        yield server


@contextmanager
def asking(server: Running, target: str, headers: dict[str, str] | None = None) -> Iterator[HTTPResponse]:
    """A response whose head has come."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("GET", target, headers=headers or {})
        yield connection.getresponse()
    finally:
        connection.close()


def ask(server: Running, target: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with asking(server, target, headers) as response:
        return response.status, response.read().decode()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(0) as running_server:
        yield running_server


def test_the_updates_are_always_the_same() -> None:
    assert make_updates() == UPDATES
    assert [json.loads(update.text)["id"] for update in UPDATES] == list(range(1, COUNT + 1))
    gaps = {round(after.at - before.at, 3) for before, after in pairwise(UPDATES)}
    assert gaps == set(GAPS)


@pytest.mark.parametrize(
    ("times", "last_id", "seconds", "expected"),
    [
        ((0.0,), 0, 0.0, 1),
        ((0.0, 0.0), 1, 0.0, 2),
        ((NEVER,), 0, 0.0, None),
        ((NEVER,), 0, 0.05, None),
        ((0.05,), 0, NEVER, 1),
        ((0.0,), 1, 0.05, None),  # there is none after the last
        ((0.0,), 999, 0.05, None),
        ((), 0, 0.05, None),
    ],
)
def test_a_feed_knows_each_update_in_time(
    times: Sequence[float], last_id: int, seconds: float, expected: int | None
) -> None:
    with Background() as background:
        start = time.monotonic()
        update = background.run(Feed(updates(*times)).next_within(last_id, seconds), timeout=PATIENCE)
    assert (update and update.id) == expected
    if expected is None:
        assert time.monotonic() - start >= seconds


@pytest.mark.parametrize("name", ["poll", "longpoll"])
def test_a_poll_brings_the_next_update_or_nothing(name: str) -> None:
    with serving(0, 0, NEVER) as server:
        assert ask(server, f"/{name}?client=a") == (200, '{"id": 1}')
        assert ask(server, f"/{name}?client=a&after=0") == (200, '{"id": 1}')
        assert ask(server, f"/{name}?client=a&after=1") == (200, '{"id": 2}')
        assert ask(server, f"/{name}?client=a&after=2") == (204, "")
        assert ask(server, f"/{name}?client=a&after=3") == (204, "")


def test_a_long_poll_is_answered_when_there_is_an_update_or_after_a_while() -> None:
    with serving(0.1, NEVER) as server:
        start = time.monotonic()
        assert ask(server, "/longpoll") == (200, '{"id": 1}')
        assert time.monotonic() - start >= 0.1
        start = time.monotonic()
        assert ask(server, "/longpoll?after=1") == (204, "")
        assert time.monotonic() - start >= QUIET


def test_each_client_has_a_time_of_its_own() -> None:
    with serving(1.0) as server:
        assert ask(server, "/poll?client=early") == (204, "")
        eventually(lambda: ask(server, "/poll?client=early")[0] == 200, "the first client's update comes")
        assert ask(server, "/poll?client=late") == (204, "")


@pytest.mark.parametrize("after", ["-1", "x", "1.0", "", "1_0", "%EF%BC%91", "9" * 5000, "%00"])
@pytest.mark.parametrize("name", ["poll", "longpoll"])
def test_what_is_no_id_is_refused(server: Running, name: str, after: str) -> None:
    status, words = ask(server, f"/{name}?after={after}")
    assert (status, words) == (400, "the id of the last update seen is a whole number, at first 0")


def test_a_last_event_id_that_is_none_is_refused(server: Running) -> None:
    assert ask(server, "/sse", {"Last-Event-ID": "yesterday"})[0] == 400


def test_a_stream_is_sent_while_it_goes_on() -> None:
    with serving(0, 0.05, NEVER) as server, asking(server, "/stream") as response:
        assert response.getheader("Transfer-Encoding") == "chunked"
        assert [response.readline(), response.readline()] == [b'{"id": 1}\n', b'{"id": 2}\n']


def test_a_stream_ends_after_the_last_update() -> None:
    with serving(0, 0.05) as server:
        assert ask(server, "/stream") == (200, '{"id": 1}\n{"id": 2}\n')


def event(number: int) -> str:
    return f'id: {number}\nevent: price\ndata: {{"id": {number}}}\n\n'


def test_events_go_on_where_the_browser_left_off() -> None:
    number = EVENTS_PER_RESPONSE + 2
    with serving(*[0.0] * number) as server:
        events = "".join(map(event, range(1, EVENTS_PER_RESPONSE + 1)))
        assert ask(server, "/sse?client=a") == (200, f"retry: {RETRY}\n{events}")
        status, rest = ask(server, "/sse?client=a", {"Last-Event-ID": str(EVENTS_PER_RESPONSE)})
        assert (status, rest) == (200, f"retry: {RETRY}\n{event(number - 1)}{event(number)}")
        assert ask(server, "/sse?client=a", {"Last-Event-ID": str(number)}) == (204, "")


def test_a_comment_keeps_an_event_stream_alive() -> None:
    with serving(0, NEVER) as server, asking(server, "/sse") as response:
        assert response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        start = f"retry: {RETRY}\n{event(1)}".encode()
        assert response.read(len(start)) == start
        assert [response.readline() for _ in range(4)] == [b": nothing new\n", b"\n"] * 2


def test_a_websocket_brings_all_and_the_client_closes() -> None:
    with serving(0, 0.05) as server, connect(server.url("/websocket"), proxy=None) as client:
        client.send("the server does not care for this")
        client.send(b"nor for this")
        assert [client.recv(timeout=PATIENCE) for _ in range(2)] == ['{"id": 1}', '{"id": 2}']
        client.close(1000, "enough")
        assert (client.close_code, client.close_reason) == (1000, "enough")


@pytest.mark.parametrize("name", ["stream", "sse", "websocket"])
def test_who_leaves_early_leaves_nothing_behind(name: str) -> None:
    times = [number * 0.01 for number in range(1, 20)] + [NEVER]
    with serving(*times) as server:
        if name == "websocket":
            with connect(server.url("/websocket"), proxy=None) as client:
                client.recv(timeout=PATIENCE)
        else:
            with asking(server, f"/{name}") as response:
                response.readline()
        state = server.server.server_state
        eventually(lambda: not state.connections and not state.tasks, "the server has forgotten the client")


def test_no_more_clients_are_kept_than_there_is_room_for() -> None:
    mechanisms = Mechanisms(UPDATES)

    def feed_of(client: str) -> Feed:
        scope = {"type": "http", "query_string": f"client={client}".encode(), "headers": []}
        return mechanisms.feed_of(Request(scope))

    first = feed_of("0")
    assert feed_of("0") is first
    for number in range(1, MOST_CLIENTS + 1):
        feed_of(str(number))
    assert len(mechanisms.feeds) == MOST_CLIENTS
    assert feed_of("0") is not first


@pytest.mark.parametrize("file", PAGE_FILES)
def test_the_pages_come_with_the_application_and_need_nothing_else(server: Running, file: str) -> None:
    status, text = ask(server, f"/{file}")
    assert (status, text) == (200, (PAGES / file).read_text())
    assert not re.search(r"https?://|innerHTML|insertAdjacentHTML|document\.write|eval\(", text)


def test_every_mechanism_has_a_page() -> None:
    assert set(PAGE_FILES) == {"mechanism.js", "mechanism.css", *(f"{name}.html" for name in MECHANISMS)}
    assert f"const COUNT = {COUNT};" in (PAGES / "mechanism.js").read_text()


@pytest.mark.parametrize("file", ["client.html", "..%2Fupdates.py", "%2e%2e/updates.py"])
def test_no_other_file_is_served(server: Running, file: str) -> None:
    assert ask(server, f"/{file}")[0] == 404
