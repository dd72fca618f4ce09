"""OverheadBars on the Python side: wishes in, bytes per message out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.widgets.page import Page
from wsviz import WsvizError, compare, read_capture
from wsviz.capture.capture import Capture
from wsviz.figures.overhead import overhead_bars
from wsviz.figures.overhead_growth import overhead_growth
from wsviz.widgets import OverheadBars

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture(scope="module")
def captures() -> dict[str, Capture]:
    return {name: read_capture(CAPTURES / f"{name}.pcapng") for name in ("poll", "websocket")}


@pytest.fixture
def bars() -> OverheadBars:
    return OverheadBars()


@pytest.fixture
def page(bars: OverheadBars) -> Page:
    return Page(bars)


def test_the_model_answers_at_once(bars: OverheadBars, page: Page) -> None:
    before = bars.costs["WebSocket"].marginal
    page.wish("assume", ["size", "1,025"])
    assert bars.assumptions.size == 1025
    assert bars.costs["WebSocket"].marginal == before + 1000 + 2
    picture = page.wish("assume", ["clients", "100000"])
    assert picture["bars"][-1]["traffic"].endswith(" Mbit/s")
    page.wish("undo")
    page.wish("undo")
    assert (bars.costs["WebSocket"].marginal, bars.picture["undo"]) == (before, False)


def test_typing_is_one_change(bars: OverheadBars, page: Page) -> None:
    for text in ("1", "10", "100"):
        page.wish("assume", ["size", text])
    page.wish("undo")
    assert bars.assumptions.size == 25


def test_traffic_is_rate_times_clients_times_bytes(bars: OverheadBars, page: Page) -> None:
    page.wish("assume", ["rate", "10"])
    bits = bars.costs["WebSocket"].marginal * 10 * 1000 * 8
    assert bars.picture["bars"][-1]["traffic"] == f"{bits / 1e6:.3g} Mbit/s"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (["size", "many"], "'many' is no number, expected payload of a message, bytes"),
        (["size", "-1"], "payload of a message, bytes: -1, expected 0 to 10,000,000"),
        (["rate", "nan"], "messages a second, each client: nan, expected 0.001 to 10,000"),
        (["<b>", "1"], "there is no assumption '<b>'"),
    ],
)
def test_what_cannot_be_is_said(bars: OverheadBars, page: Page, wish: list[str], words: str) -> None:
    before = bars.assumptions
    assert page.wish("assume", wish)["notice"] == words
    assert bars.assumptions == before


def test_mechanisms_come_and_go(bars: OverheadBars, page: Page) -> None:
    page.wish("mechanism", "WebSocket, masked")
    assert [*bars.rows] == ["short polling", "long polling", "event stream", "WebSocket", "WebSocket, masked"]
    for name in ("short polling", "long polling", "event stream", "WebSocket"):
        page.wish("mechanism", name)
    assert page.wish("mechanism", "WebSocket, masked")["notice"] == "at least one mechanism stays"
    assert [*bars.rows] == ["WebSocket, masked"]
    page.wish("reset")
    assert len(bars.rows) == 4


def test_captures_are_measured(captures: dict[str, Capture]) -> None:
    bars, table = OverheadBars(captures), compare(captures)
    picture = bars.picture
    assert (picture["numbers"], picture["assumptions"]) == ("measured", [])
    for bar in picture["bars"]:
        assert bar["total"] == f"{table.loc[bar['name'], 'bytes_per_update']:,.1f}"
        assert (bar["once"], bar["traffic"]) == (f"{table.loc[bar['name'], 'fixed_bytes']:,}", "")
    assert picture["growth"]["words"] == [
        f"websocket: less in all than poll from message {table.loc['poll', 'break_even']} on"
    ]
    assert bars.figure == overhead_bars(bars.rows)
    page = Page(bars)
    page.wish("show", "in all")
    assert bars.figure == overhead_growth(bars.costs, 30)
    picture = page.wish("numbers", "modelled")
    assert {each["name"] for each in picture["assumptions"] if each["source"]} == {
        *("request", "response", "empty", "upgrade"),
    }
    assert page.wish("numbers", "measured")["numbers"] == "measured"


def test_nothing_to_measure_without_captures(bars: OverheadBars, page: Page) -> None:
    assert page.wish("numbers", "measured")["numbers"] == "modelled"
    assert page.wish("show", "<b>")["show"] == "per message"


def test_assumptions_can_be_given(captures: dict[str, Capture]) -> None:
    assert OverheadBars(size=1000, tls=1).assumptions.size == 1000
    assert OverheadBars(captures, request=700).assumptions.request == 700
    for wrong, words in (({"sise": 1}, "no assumption 'sise'"), ({"size": -1}, "payload of a message, bytes: -1")):
        with pytest.raises(WsvizError, match=words):
            OverheadBars(**wrong)
    for captured, words in (([], "by their names"), ({}, "no capture"), ({"a": 1}, "by their names")):
        with pytest.raises(WsvizError, match=words):
            OverheadBars(captured)  # type: ignore[arg-type]


def test_hostile_names_reach_the_page_as_text_only(captures: dict[str, Capture]) -> None:
    bars = OverheadBars({"</script>\u202e\x1b": captures["poll"], "b": captures["websocket"]})
    shown = {name: value for name, value in bars.picture.items() if name != "mechanisms"}
    assert json.dumps(shown, ensure_ascii=False).isprintable()
    assert bars.picture["mechanisms"][0][1].isprintable()
    assert bars._repr_mimebundle_()[0]["text/plain"] == bars.figure.text
