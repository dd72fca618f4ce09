"""Mechanisms side by side: what an update costs, what comes on top, and from how many updates on that pays."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.capture.build import pcap, read
from tests.capture.files import ECHO, POLL, WEBSOCKET, capture_of
from tests.capture.test_mechanism import NO_CONTENT, events, polls_with_connections, short_polling, stream
from tests.capture.timed import Clock, answer, capture_of_clocks
from wsviz import Frame, WsvizError, compare
from wsviz.capture.capture import Capture
from wsviz.capture.comparison import Cost, break_even, count_updates, fixed_bytes
from wsviz.capture.ledger import BUCKETS

KEY = b"\x01\x02\x03\x04"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


UPDATES = [f'{{"id": {number}, "price": ' for number in range(1, 31)]


def test_both_ways_deliver_the_same_30_updates() -> None:
    bodies = [exchange.response.body for exchange in capture_of(POLL).connections[0].exchanges if exchange.response]
    polled = [body for body in bodies if body]
    assert polled == capture_of(WEBSOCKET).payloads()
    assert [text[: len(start)] for text, start in zip(map(bytes.decode, polled), UPDATES, strict=True)] == UPDATES
    table = compare({"polling": capture_of(POLL), "websocket": capture_of(WEBSOCKET)})
    assert table.index.to_list() == ["polling", "websocket"]
    assert table.columns.to_list() == [
        *("updates", "packets", "bytes", "empty_answers", "bytes_per_update"),
        *("mechanism", "latency", "fixed_bytes", "marginal_bytes", "break_even"),
        *BUCKETS,
    ]
    assert table["updates"].to_list() == [len(polled)] * 2 == [30, 30]
    assert table["empty_answers"].to_list() == [len(bodies) - len(polled), 0]
    for name, path in (("polling", POLL), ("websocket", WEBSOCKET)):
        row, capture = table.loc[name], capture_of(path)
        assert (row["packets"], row["bytes"]) == (capture.packet_count, capture.wire_bytes)
        assert row["bytes_per_update"] == pytest.approx(capture.wire_bytes / 30)
        assert row[list(BUCKETS)].sum() == pytest.approx(capture.wire_bytes / 30)
    assert table.loc["polling", "bytes_per_update"] > 4 * table.loc["websocket", "bytes_per_update"]


def test_nothing_to_compare() -> None:
    with pytest.raises(WsvizError, match=r"'none' \(made\.pcap\) delivers no update"):
        compare({"none": read(pcap([]))})


def sizes(capture: Capture) -> list[int]:
    """The bytes on the wire of each packet."""
    return capture.packets["length"].to_list()


def test_what_the_recordings_spend_once() -> None:
    table = compare({"polling": capture_of(POLL), "websocket": capture_of(WEBSOCKET)})
    assert table["mechanism"].to_list() == ["short polling", "websocket"]
    poll, websocket = sizes(capture_of(POLL)), sizes(capture_of(WEBSOCKET))
    # TCP's handshake, and from the first FIN on.
    fin = capture_of(POLL).packets["flags"].to_list().index("FIN,ACK")
    assert len(poll) - fin == 3
    assert table["fixed_bytes"]["polling"] == sum(poll[:3]) + sum(poll[fin:])
    # Up to the 101, which the exchange names, and from the first Close, packet 68, on.
    answered = int(capture_of(WEBSOCKET).exchanges["response_packet"][0])
    assert table["fixed_bytes"]["websocket"] == sum(websocket[:answered]) + sum(websocket[67:])
    assert (table["fixed_bytes"] + table["updates"] * table["marginal_bytes"]).to_list() == pytest.approx(
        table["bytes"].to_list()
    )
    assert table["latency"]["polling"] == pytest.approx(capture_of(POLL).exchanges["latency"].median())
    assert table["latency"]["websocket"] is pd.NA  # the server speaks unasked


def test_break_even_of_the_recordings_checked_by_adding_up() -> None:
    table = compare({"polling": capture_of(POLL), "websocket": capture_of(WEBSOCKET)})
    assert table["break_even"]["websocket"] is pd.NA
    least = int(table["break_even"]["polling"])

    def total(name: str, updates: int) -> float:
        return float(table["fixed_bytes"][name] + updates * table["marginal_bytes"][name])

    assert total("websocket", least) < total("polling", least)
    assert total("websocket", least - 1) >= total("polling", least - 1)


# The cheaper mechanism, the other one, from how many updates on.
BREAK_EVEN: list[tuple[Cost, Cost, int | None]] = [
    (Cost(1000, 10), Cost(0, 60), 21),  # 1200 is not less than 1200
    (Cost(1000, 10), Cost(1, 60), 20),  # 1200 is less than 1201
    (Cost(0, 10), Cost(1000, 60), 1),
    (Cost(5, 10), Cost(5, 60), 1),
    (Cost(0, 10), Cost(1, 10), 1),
    (Cost(1, 10), Cost(1, 10), None),
]


@pytest.mark.parametrize(("best", "other", "expected"), BREAK_EVEN)
def test_break_even(best: Cost, other: Cost, expected: int | None) -> None:
    assert break_even(best, other) == expected


def test_updates_are_events_pieces_messages_and_bodies() -> None:
    clocks = {
        "polls": (short_polling(), 3),  # two answers are empty
        "events": (events(), 3),  # a comment is no event
        "pieces": (stream(STREAM, chunked=True), 4),
        "a page": (Clock().open().exchange(1, 0.1, answer(b"x")), 1),
        "an error": (Clock().open().exchange(1, 0.1, answer(b"x", "500 Oops")), 0),
    }
    for clock, expected in clocks.values():
        assert count_updates(clock.capture().connections[0]) == expected


def test_a_stream_spends_its_request_once() -> None:
    capture = events().capture()
    lengths = sizes(capture)
    # SYN, SYN-ACK, ACK, request, head of the answer; the capture ends before TCP does.
    assert fixed_bytes(capture) == sum(lengths[:5])
    assert compare({"events": capture})["marginal_bytes"].to_list() == [pytest.approx(sum(lengths[5:]) / 3)]


def test_a_connection_for_each_poll_is_no_fixed_cost() -> None:
    table = compare({"polls": capture_of_clocks(*polls_with_connections(5))})
    assert table["fixed_bytes"].to_list() == [0]
    assert table["marginal_bytes"].to_list() == table["bytes_per_update"].to_list()


def test_latency_is_that_of_the_server() -> None:
    clock = Clock().upgrade()
    for second, wait in ((1, 0.1), (5, 0.3), (9, 0.2)):
        clock.client(second, Frame.text("ask", masking_key=KEY).serialize())
        clock.server(second + wait, Frame.text("say").serialize())
    polls = Clock().open()
    for second, wait in ((1, 0.5), (2, 0.1), (3, 0.2), (4, 0.4)):
        polls.exchange(second, wait, NO_CONTENT if second == 1 else answer(b"x"))
    table = compare({"WebSocket": clock.capture(), "polls": polls.capture()})
    assert table["latency"].to_list() == pytest.approx([0.2, 0.3])
    assert table["empty_answers"].to_list() == [0, 1]
    assert compare({"echo": capture_of(ECHO)})["latency"].to_list() == pytest.approx([0.0004325], abs=1e-6)
