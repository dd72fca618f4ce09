"""What the recording over a way of 50 ms holds: who waits for what, on the server's wire and on the client's."""

from __future__ import annotations

import json

import pytest

from captures.scenarios.latency import AFTER, APART, UPDATES, WAY, expect_pairs
from tests.capture import tshark
from tests.capture.files import OWN
from tests.captures.recordings import SERVER, recording, texts
from wsviz import Side
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection

TEXTS = [update.text for update in UPDATES]
BUSY = 0.03
"""Seconds that the machine may have added to a way."""


@pytest.fixture(scope="module")
def capture() -> Capture:
    return recording("latency")


def polls(capture: Capture) -> tuple[Connection, Connection]:
    """The long polls on the client's wire and on the server's."""
    front, back = (connection for connection in capture.connections if connection.protocol == "http")
    return front, back


def socket(capture: Capture) -> tuple[Connection, Connection]:
    """The WebSocket connection on the client's wire and on the server's."""
    front, back = (connection for connection in capture.connections if connection.protocol == "websocket")
    return front, back


def seconds(later: int | None, earlier: int | None) -> float:
    assert later is not None and earlier is not None
    return (later - earlier) / 1e9


def test_both_wires_carry_the_same(capture: Capture) -> None:
    for side in polls(capture):
        assert [exchange.response_body.read().decode() for exchange in side.exchanges] == TEXTS
        assert [exchange.request_head.target for exchange in side.exchanges] == [
            f"/longpoll?client=pairs&after={seen}" for seen in range(len(UPDATES))
        ]
    for side in socket(capture):
        assert texts(side, SERVER) == TEXTS
        assert side.ending.reports == dict.fromkeys(Side, 1000)
    assert polls(capture)[0].mechanism.name == "long polling"


def test_the_updates_say_when_and_come_in_pairs() -> None:
    times = [json.loads(text)["at"] for text in TEXTS]
    assert times == pytest.approx([update.at for update in UPDATES])
    assert [after - before for before, after in zip(times[::2], times[1::2], strict=True)] == pytest.approx(
        [AFTER] * (len(times) // 2)
    )
    assert APART - AFTER > 4 * WAY, "two round trips: the next request waits again when the next pair comes up"


def test_every_byte_takes_one_way(capture: Capture) -> None:
    front, back = polls(capture)
    asked = [seconds(b.request_time, f.request_time) for f, b in zip(front.exchanges, back.exchanges, strict=True)]
    answered = [seconds(f.end_time, b.end_time) for f, b in zip(front.exchanges, back.exchanges, strict=True)]
    told = [seconds(f.time, b.time) for f, b in zip(*(side.messages for side in socket(capture)), strict=True)]
    for ways in (asked, answered, told):
        assert all(WAY - 0.001 <= way < WAY + BUSY for way in ways)


def test_the_second_update_comes_at_the_worst_moment(capture: Capture) -> None:
    """The first answer has left when the server gets to know it, and the next request is two ways off."""
    exchanges = polls(capture)[1].exchanges
    start = exchanges[0].request_time
    for number in range(1, len(UPDATES), 2):
        first, second = exchanges[number - 1 : number + 1]
        assert seconds(first.end_time, start) < UPDATES[number].at
        assert 2 * WAY <= seconds(second.request_time, first.end_time) < 2 * WAY + BUSY
        assert seconds(second.end_time, second.request_time) < BUSY, "answered at once"


def test_the_first_update_finds_a_request_waiting(capture: Capture) -> None:
    exchanges = polls(capture)[1].exchanges
    start = exchanges[0].request_time
    for number in range(0, len(UPDATES), 2):
        assert seconds(exchanges[number].request_time, start) < UPDATES[number].at


def test_the_handshakes_of_tcp_are_the_relays_own(capture: Capture) -> None:
    for connection in capture.connections:
        opening = capture.packets[capture.packets["connection"] == connection.index].head(3)["time"]
        assert (opening.iloc[-1] - opening.iloc[0]).total_seconds() < WAY


def test_tshark_sees_the_same(capture: Capture) -> None:
    seen = tshark.exchanges(OWN / "latency.pcapng")
    for connection in polls(capture):
        requests = [(exchange.request_head.method, exchange.request_head.target) for exchange in connection.exchanges]
        assert seen[connection.index] == (requests, [200] * len(UPDATES))
    said = tshark.texts(OWN / "latency.pcapng")
    for connection in socket(capture):
        assert said[connection.index, connection.server.port] == TEXTS


def test_what_came_otherwise_is_not_kept() -> None:
    later = {update.id: 2 * WAY for update in UPDATES[1::2]}
    came = [(update.at + WAY + later.get(update.id, 0.0), update.text) for update in UPDATES]
    expect_pairs(came, later=2 * WAY)
    with pytest.raises(ValueError, match=r"came 0\.105 s after the first"):
        expect_pairs(came, later=0.0)
    with pytest.raises(ValueError, match=r"^got "):
        expect_pairs(came[:-1], later=2 * WAY)
