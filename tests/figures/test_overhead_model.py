"""The model of overhead: its formulae by hand, against recordings, and drawn over the number of messages."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.laws import assert_labels_apart
from wsviz import WsvizError, compare, read_capture
from wsviz.capture.capture import Capture
from wsviz.capture.comparison import Cost
from wsviz.figures.figure import columns
from wsviz.figures.overhead import overhead_bars
from wsviz.figures.overhead_growth import growth_of, overhead_growth
from wsviz.figures.overhead_measured import assumptions_from, measure
from wsviz.figures.overhead_model import LIMITS, Assumptions, break_evens, model

CAPTURES = Path(__file__).parents[2] / "captures"
COSTS = {"polls": Cost(400, 700), "WebSocket": Cost(1400, 160), "slow": Cost(5000, 900)}


@pytest.fixture(scope="module")
def captures() -> dict[str, Capture]:
    return {name: read_capture(CAPTURES / f"{name}.pcapng") for name in ("poll", "websocket", "sse")}


def test_a_small_message_by_websocket() -> None:
    each = model(Assumptions(size=25))["WebSocket"].each
    assert each == {"ws_payload": 25, "ws_header": 2, "ws_masking_key": 0, "tls": 0, "tcp": 66, "bare_acks": 66}
    assert model(Assumptions(size=25))["WebSocket, masked"].each["ws_masking_key"] == 4


@pytest.mark.parametrize(
    ("size", "header", "packets"), [(0, 2, 1), (125, 2, 1), (126, 4, 1), (1444, 4, 1), (1445, 4, 2), (65_536, 10, 46)]
)
def test_headers_and_packets_grow_with_the_message(size: int, header: int, packets: int) -> None:
    each = model(Assumptions(size=size))["WebSocket"].each
    assert (each["ws_header"], each["tcp"]) == (header, 66 * packets)


def test_polls_without_news_cost_as_well() -> None:
    assumed = Assumptions(request=300, response=200, empty=100, size=10, rate=1, poll=0.25)
    each = model(assumed)["short polling"].each
    assert each["http_header"] == 4 * 300 + 200 + 3 * 100
    assert (each["tcp"], each["bare_acks"]) == (8 * 66, 4 * 66)
    rare = model(replace(assumed, poll=4))["short polling"].each
    assert (rare["http_header"], rare["http_body"]) == ((300 + 200) / 4, 10)
    assert model(assumed)["long polling"].each["http_header"] == 500


def test_a_connection_for_each_poll() -> None:
    kept, apart = (model(Assumptions(poll=1, reuse=reuse))["long polling"] for reuse in (1, 0))
    assert kept.cost.fixed == 6 * 66 + 16
    assert apart.cost == Cost(0, kept.cost.marginal + kept.cost.fixed)


def test_tls_wraps_each_record() -> None:
    each = model(Assumptions(tls=1))["WebSocket"].each
    assert each["tls"] == 22
    assert model(Assumptions(tls=1, size=40_000))["WebSocket"].each["tls"] == 3 * 22
    assert model(Assumptions(tls=1))["WebSocket"].cost.fixed > 3000


def test_fixed_bytes_come_by_message() -> None:
    modelled = model(Assumptions())["event stream"]
    assert sum(modelled.row(50).values()) == pytest.approx(modelled.cost.marginal + modelled.cost.fixed / 50)


def test_the_model_comes_near_the_recordings(captures: dict[str, Capture]) -> None:
    """Not to the byte: real peers acknowledge more often, and send more than they must."""
    measured = measure(captures)
    updates = measured["websocket"].updates
    size = measured["websocket"].row["ws_payload"]
    polls = sum(len(connection.exchanges) for connection in captures["poll"].connections)
    told = assumptions_from(captures)
    modelled = model(Assumptions(**{**told, "size": size, "poll": updates / polls, "messages": updates}))
    for name, ours in (("poll", "short polling"), ("websocket", "WebSocket")):
        cost = modelled[ours].cost
        assert cost.marginal == pytest.approx(measured[name].cost.marginal, rel=0.1)
        assert cost.fixed == pytest.approx(measured[name].cost.fixed, rel=0.1)


def test_the_defaults_are_those_of_the_recordings() -> None:
    told = assumptions_from(
        {name: read_capture(CAPTURES / f"{name}.pcapng") for name in ("poll", "sse", "websocket")}
    )
    assert set(told) == {"request", "response", "empty", "upgrade", "stream"}
    for name, value in told.items():
        assert getattr(Assumptions(), name) == pytest.approx(value, rel=0.15), name


def test_measured_bytes_are_only_moved(captures: dict[str, Capture]) -> None:
    table = compare(captures)
    for name, measured in measure(captures).items():
        row = {bucket: value for bucket, value in measured.row.items() if bucket != "updates"}
        assert sum(row.values()) == pytest.approx(table.loc[name, "bytes_per_update"])
        assert min(row.values()) >= 0
        assert row["handshake"] > 0 < row["bare_acks"]
    assert measure(captures)["websocket"].row["http_header"] == pytest.approx(0)
    text = overhead_bars({name: measured.row for name, measured in measure(captures).items()}).text
    assert "k handshake" in text
    assert "a bare ACKs" in text
    with pytest.raises(WsvizError, match="no capture"):
        measure({})


@pytest.mark.parametrize("name", LIMITS)
def test_assumptions_have_limits(name: str) -> None:
    low, high, words = LIMITS[name]
    for wrong in (low - 1, high + 1, float("nan"), float("inf")):
        with pytest.raises(WsvizError, match=rf"^{re.escape(words)}: .*, expected "):
            Assumptions(**{name: wrong})
    for right in (low, high):
        assert all(each.cost.marginal > 0 for each in model(Assumptions(**{name: right})).values())


def test_where_lines_cross() -> None:
    assert [*break_evens(COSTS)] == [("WebSocket", "polls", 2), ("WebSocket", "slow", 1)]
    growth = growth_of(COSTS, 100)
    assert growth.words[0] == "WebSocket: less in all than polls from message 2 on"
    assert growth.crossings == ((2, 1400 + 2 * 160),)
    assert [*break_evens({"one": Cost(1, 1)})] == []


def test_the_lines() -> None:
    figure = overhead_growth(COSTS, 100)
    assert figure == overhead_growth(COSTS, 100)
    assert_labels_apart(figure)
    assert float(ElementTree.fromstring(figure.svg).attrib["width"]) <= 800
    assert max(map(columns, figure.text.split("\n"))) <= 100
    assert "17,400" in figure.text
    assert ">17,400 WebSocket</text>" in figure.svg
    many = {f"mechanism {at}": Cost(at, 100.0 + at / 10) for at in range(7)}
    assert_labels_apart(overhead_growth(many, 3))
    with pytest.raises(WsvizError, match="nothing to draw"):
        overhead_growth({}, 5)


def test_hostile_names_are_only_text() -> None:
    figure = overhead_growth({"<script>\x1b\u202e": Cost(1, 1), "b": Cost(2, 0.5)}, 10)
    assert "script" not in {element.tag.split("}")[-1] for element in ElementTree.fromstring(figure.svg).iter()}
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)
