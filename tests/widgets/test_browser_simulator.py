"""BrowserSimulator on the Python side: wishes in, what the page sees out."""

from __future__ import annotations

import json

import pytest

from tests.widgets.page import Page
from wsviz import WsvizError
from wsviz.figures.browser import api_timeline
from wsviz.figures.browser_stories import STORIES
from wsviz.protocol.fields import ProtocolError
from wsviz.widgets import BrowserSimulator

OPENED = "new ws://192.0.2.2/chat\naccept\nrun"


@pytest.fixture
def simulator() -> BrowserSimulator:
    return BrowserSimulator("refused")


@pytest.fixture
def page(simulator: BrowserSimulator) -> Page:
    return Page(simulator)


def test_a_story_step_by_step(simulator: BrowserSimulator, page: Page) -> None:
    assert (simulator.ready_state, simulator.script, simulator.buffered_amount) == (None, "", 0)
    picture = page.wish("next")
    assert (simulator.ready_state, picture["facts"][0]) == (0, ("readyState", "0 CONNECTING"))
    assert page.wish("next")["queue"] == ["CLOSED, error, close 1006"]
    picture = page.wish("next")
    assert picture["rows"][-1]["heard"] == [("event", "error"), ("event", "close 1006, not clean")]
    assert (simulator.ready_state, picture["ahead"]) == (3, [])
    before = simulator.script
    page.wish("next")  # there is none
    assert simulator.script == before
    assert simulator.script.split("\n") == ["new ws://192.0.2.2/chat", "refuse 403", "run"]
    assert simulator.figure == api_timeline("refused")


def test_back_and_reset(simulator: BrowserSimulator, page: Page) -> None:
    for _ in range(3):
        page.wish("next")
    picture = page.wish("undo")
    assert (simulator.ready_state, len(picture["ahead"]), picture["undo"]) == (0, 1, True)
    page.wish("reset")
    assert (simulator.ready_state, simulator.picture["changed"]) == (None, False)
    page.wish("undo")
    assert simulator.ready_state == 0, "a reset can be taken back"
    page.wish("story", "busy page")
    assert page.wish("undo")["story"] == "refused"


def test_steps_of_ones_own(simulator: BrowserSimulator, page: Page) -> None:
    simulator.next()
    assert page.wish("step", "close 1001")["rows"][-1]["heard"] == [("thrown", "throws InvalidAccessError")]
    assert "no step 'jump'" in page.wish("step", "jump")["notice"]
    assert page.wish("step", "text Hi")["notice"] == "the server has no open connection"
    assert simulator.script == "new ws://192.0.2.2/chat\nclose 1001", "what cannot be taken changes nothing"
    page.wish("step", "lose")
    page.wish("step", "run")
    assert page.wish("next")["notice"] == "left out: refuse 403: no handshake waits for an answer"
    assert [step["step"] for step in simulator.picture["ahead"]] == ["runs the next task"]
    simulator.back()
    assert len(simulator.picture["ahead"]) == 2


def test_the_buttons_offer_what_can_be_done() -> None:
    simulator = BrowserSimulator(OPENED, done=3)
    offered = {move["line"]: move["on"] for move in simulator.picture["moves"]}
    assert offered["send Hello"] and offered["stop"] and offered["lose"]
    assert not (offered["accept"] or offered["refuse"] or offered["read"])
    simulator.step("stop")
    assert {move["line"]: move["on"] for move in simulator.picture["moves"]}["read"]
    for move in [each["line"] for each in simulator.picture["moves"] if each["on"]]:
        copy = BrowserSimulator(f"{OPENED}\nstop", done=4)
        copy.step(move)
        assert copy.script.endswith(move)


def test_the_gauge() -> None:
    simulator = BrowserSimulator(f"{OPENED}\nstop\nbuffer 60000\nwait 9", done=6)
    full = [(place["size"], place["full"]) for place in simulator.picture["places"]]
    assert full == [("30,008", False), ("20,000", False), ("0", False), ("10,000", True), ("0", False)]
    assert simulator.picture["places"][3]["words"] == ["of 10,000", "zero window"]
    assert simulator.buffered_amount == 30_008
    assert simulator.picture["rows"][4]["share"] == 1


def test_what_it_takes() -> None:
    assert BrowserSimulator(OPENED).picture["stories"][0] == ["your script", "your script"]
    assert len(BrowserSimulator("busy page", done=99).moments) == len(STORIES["busy page"].script.split("\n"))
    for wrong in (5, None, b"new"):
        with pytest.raises(WsvizError, match="expected a script or a story"):
            BrowserSimulator(wrong)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="line 1: there is no step 'x'"):
        BrowserSimulator("x")
    with pytest.raises(ProtocolError, match="step 1, send a: there is no WebSocket yet"):
        BrowserSimulator("send a", done=1)


def test_it_has_an_end() -> None:
    simulator = BrowserSimulator("wait\n" * 200, done=200)
    assert len(simulator.picture["rows"]) == 60
    assert "200 steps are enough" in Page(simulator).wish("step", "wait")["notice"]


def test_hostile_texts_reach_the_page_as_text_only() -> None:
    simulator = BrowserSimulator(OPENED, done=3)
    hostile = '</script>"><img onerror=x>\u202e\x1b[31m'
    for line in (f"text {hostile}", "run", f"send {hostile}", f"close 3000 {hostile}", "wait 4", "run"):
        simulator.step(line)
    assert json.dumps(simulator.picture, ensure_ascii=False).isprintable()
    page = Page(simulator)
    assert page.wish("step", f"wait {hostile}")["notice"].isprintable()
    assert simulator._repr_mimebundle_()[0]["text/plain"] == simulator.figure.text
