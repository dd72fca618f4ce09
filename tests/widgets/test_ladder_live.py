"""A Ladder of a running relay: it grows, it is bounded, it ends, and says so."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.lab.relays import TIMEOUT, connected, echo_server, until
from wsviz import WsvizError
from wsviz.capture.capture import Capture
from wsviz.lab.relay import Relay
from wsviz.widgets import Ladder, ladder_live
from wsviz.widgets.ladder import ROWS


@pytest.fixture
def relay() -> Iterator[Relay]:
    with echo_server() as port, Relay("127.0.0.1", port) as relay:
        yield relay


def words(ladder: Ladder) -> list[str]:
    return [row["words"] for row in ladder.picture["rows"]]


async def comes(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(TIMEOUT):
        while not condition():
            await asyncio.sleep(0.02)


def talk(relay: Relay, *texts: str) -> None:
    """Send each text, wait for its echo, and close; the relay has seen the end of it."""
    with connected(relay) as client:
        for text in texts:
            client.send(text)
            assert client.recv(timeout=TIMEOUT) == text
    until(lambda: "FIN" in str(relay.capture().connections[-1].ending))


def test_it_grows_while_bytes_pass_and_ends_with_the_relay(relay: Relay) -> None:
    async def watch() -> None:
        ladder = Ladder(relay)
        assert words(ladder) == ["nothing has passed through the relay so far"]
        assert "No connection yet" in ladder.figure.text
        assert ladder.connection is None
        with await asyncio.to_thread(connected, relay) as client:
            await comes(lambda: "101 Switching Protocols" in words(ladder))
            await asyncio.to_thread(client.send, "one")
            await comes(lambda: words(ladder).count('"one"') == 2)
            ladder.select(words(ladder).index('"one"'))
            await asyncio.to_thread(client.send, "two")
            await comes(lambda: words(ladder).count('"two"') == 2)
            assert ladder.step is not None
            assert ladder.step.words == '"one"', "what is selected stays selected"
            assert not ladder.picture["over"]
        await asyncio.to_thread(relay.stop)
        await comes(lambda: bool(ladder.picture["over"]))
        assert ladder.picture["live"] == "the relay has been stopped: this is all that it saw"
        assert ladder.connection is not None
        assert ladder.figure == Ladder(relay.capture()).figure
        assert len(asyncio.all_tasks()) == 1, "nothing goes on"

    before = threading.active_count()
    asyncio.run(watch())
    until(lambda: threading.active_count() <= before)


def test_the_chosen_connection_stays_when_others_come(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsviz.widgets.ladder.ROWS", 8)
    talk(relay, "one")
    ladder = Ladder(relay)
    live = ladder._live
    assert live is not None
    talk(relay, *"abcdefg")
    live.look()
    ladder._grant("connection", 1)
    place = ladder.view.total - 8
    ladder.show_from(place)
    talk(relay, "more")
    live.look()
    assert ladder.connection is not None
    assert (ladder.connection.index, ladder.view.first) == (1, place)
    assert len(ladder.picture["connections"]) == 3


def test_new_steps_push_the_old_ones_out_of_the_window(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsviz.widgets.ladder.ROWS", 8)
    with connected(relay) as client:
        ladder = Ladder(relay)
        assert ladder._live is not None
        for text in "abcdefgh":
            client.send(text)
            assert client.recv(timeout=TIMEOUT) == text
        ladder._live.look()
        assert ladder.view.first == ladder.view.total - 8 > 0
        assert words(ladder)[-2:] == ['"h"', "The last packet here: TCP is still open"]
        ladder.show_from(0)
        client.send("i")
        client.recv(timeout=TIMEOUT)
        ladder._live.look()
        assert ladder.view.first == 0


def test_nothing_new_costs_nothing(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(relay, "one")
    ladder = Ladder(relay)
    assert ladder._live is not None
    ladder._live.look()

    def capture(at: str = "client") -> Capture:
        raise AssertionError("nothing has passed since")

    monkeypatch.setattr(relay, "capture", capture)
    for _ in range(3):
        ladder._live.look()
    assert ladder.picture["live"].startswith("as of now"), "no event loop runs here"


def test_how_a_relay_says_what_it_is_matters_not(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Relay, "__repr__", lambda _: "a relay")
    ladder = Ladder(relay)
    talk(relay, "one")
    assert ladder._live is not None
    ladder._live.look()
    assert words(ladder).count('"one"') == 2


def test_it_is_bounded(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ladder_live, "PACKETS", 10)
    talk(relay, *"abcdef")
    ladder = Ladder(relay)
    assert ladder.picture["over"]
    assert ladder.picture["live"] == "no longer live after 10 packets: relay.capture() has them all"
    assert len(words(ladder)) < ROWS


def test_a_full_recording_ends_it() -> None:
    with echo_server() as port, Relay("127.0.0.1", port, limit=4000) as relay:
        ladder = Ladder(relay)
        with connected(relay) as client:
            client.send("x" * 5000)
            client.recv(timeout=TIMEOUT)
        assert ladder._live is not None
        ladder._live.look()
        assert ladder.picture["live"] == "the relay's recording is full: this is all that it saw"


def test_a_relay_that_does_not_answer_is_told(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = Ladder(relay)
    talk(relay, "one")

    def capture(at: str = "client") -> Capture:
        raise WsvizError("the lab did not answer within 10 seconds")

    monkeypatch.setattr(relay, "capture", capture)
    assert ladder._live is not None
    ladder._live.look()
    assert ladder.picture["over"]
    assert ladder.picture["live"] == "the relay does not answer: the lab did not answer within 10 seconds"


def test_it_pauses_where_no_page_is_and_wakes_when_one_comes(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch() -> None:
        monkeypatch.setattr(ladder_live, "UNSEEN", 0)
        ladder = Ladder(relay)
        await comes(lambda: len(asyncio.all_tasks()) == 1)
        monkeypatch.setattr(ladder_live, "UNSEEN", 150)
        await asyncio.to_thread(talk, relay, "one")
        assert words(ladder) == ["nothing has passed through the relay so far"]
        ladder._wish(ladder, {"do": "here", "value": None, "number": 1}, [])
        await comes(lambda: '"one"' in words(ladder))
        ladder.stop()
        assert ladder.picture["live"] == "no longer followed"
        ladder._wish(ladder, {"do": "here", "value": None, "number": 2}, [])
        await comes(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(watch())


def test_the_page_may_ask_for_anything_before_there_is_something(relay: Relay) -> None:
    ladder = Ladder(relay, connection=1)
    for number, (do, value) in enumerate([("step", 0), ("fold", "http"), ("sender", "client"), ("from", 7)], 1):
        ladder._wish(ladder, {"do": do, "value": value, "number": number}, [])
        assert ladder.picture["answered"] == number
    assert ladder.picture["detail"] is None or ladder.picture["detail"]["bytes"] == []
    talk(relay, "one")
    talk(relay, "two")
    assert ladder._live is not None
    ladder._live.look()
    assert ladder.connection is not None
    assert ladder.connection.index == 1, "the one that was asked for, now that it is there"


def test_an_empty_list_is_still_refused() -> None:
    with pytest.raises(WsvizError, match="a ladder shows a Connection"):
        Ladder([])
