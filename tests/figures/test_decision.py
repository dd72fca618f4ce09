"""`decision`: the bytes by hand, who is ruled out and why, and the picture."""

from __future__ import annotations

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.laws import assert_labels_apart
from wsviz import WsvizError
from wsviz.figures.decision import Need, decide, decision
from wsviz.figures.figure import columns
from wsviz.figures.overhead_model import Assumptions

HEADS = Assumptions(request=300, response=200, empty=100)
FULL, EMPTY = 300 + 200 + 10 + 3 * 66, 300 + 100 + 3 * 66  # a request, its answer, and the ACK of that


def hourly(need: Need) -> dict[str, float]:
    return {way.name: way.hourly for way in decide(need, HEADS).ways}


def test_the_bytes_of_an_hour_by_hand() -> None:
    found = hourly(Need(updates=10, within=60, sent=2, size=10))
    assert found["short polling"] == 10 * FULL + 50 * EMPTY + 2 * FULL
    assert found["long polling"] == 10 * FULL + 110 * EMPTY + 2 * FULL
    event, comment = 10 + 8 + 6 + 2 * 66, 8 + 5 + 2 * 66
    assert found["event stream"] == 10 * event + 120 * comment + 2 * FULL
    ping, pong = 2 + 66, 6 + 2 * 66
    assert found["WebSocket"] == 10 * (12 + 2 * 66) + 2 * (16 + 2 * 66) + 120 * (ping + pong)


def test_polls_collect_what_came_up_between_them() -> None:
    assert hourly(Need(updates=600, within=360, size=10))["short polling"] == 10 * FULL + 590 * 10


@pytest.mark.parametrize(
    ("need", "choice"),
    [
        (Need(updates=0, sent=1), "single requests"),
        (Need(updates=0.1, within=3600), "short polling"),
        (Need(updates=2, within=10), "event stream"),
        (Need(updates=2, within=10, blocked=True), "long polling"),
        (Need(updates=36_000, within=0.05, sent=36_000), "WebSocket"),
    ],
)
def test_the_choice(need: Need, choice: str) -> None:
    decided = decide(need)
    assert decided.choice == choice
    ways = {way.name: way for way in decided.ways}
    least = min(way.hourly for way in decided.ways if not way.cannot)
    assert not ways[choice].cannot
    assert ways[choice].hourly <= 1.25 * least
    assert f"{choice}" in next(line for line in decision(need).text.split("\n") if "take this" in line)


def test_who_will_not_do_is_told_why() -> None:
    blocked = {way.name: way.cannot for way in decide(Need(updates=1, blocked=True)).ways}
    assert [name for name, why in blocked.items() if why] == ["single requests", "event stream", "WebSocket"]
    silent = {way.name: way.cannot for way in decide(Need(updates=0, sent=1)).ways}
    assert [name for name, why in silent.items() if not why] == ["single requests", "WebSocket"]


def test_nothing_to_say_at_all() -> None:
    assert decide(Need(updates=0)).choice == "single requests"
    assert "more than nothing" in decision(Need(updates=0)).text


@pytest.mark.parametrize("field", ["updates", "within", "sent", "size"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf])
def test_a_need_that_cannot_be(field: str, value: float) -> None:
    with pytest.raises(WsvizError, match=rf"{field} is .*, expected"):
        replace(Need(updates=1), **{field: value})  # type: ignore[arg-type]


def test_the_picture() -> None:
    for need in (Need(1, 3600), Need(1e6, 0.01, 1e6, 1e7, blocked=True), Need(1e6, 1e6, 1e6, 1e7), Need(0, sent=1)):
        figure = decision(need)
        assert figure == decision(need)
        assert_labels_apart(figure)
        assert float(ElementTree.fromstring(figure.svg).attrib["width"]) <= 800
        assert max(map(columns, figure.text.split("\n"))) <= 100
