"""BrowserSimulator in a real JupyterLab: the hand takes steps, Python plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = ["from wsviz.widgets import BrowserSimulator\nsimulator = BrowserSimulator('slow server', done=4)\nsimulator"]


@pytest.fixture
def simulator(visit: Visit) -> Locator:
    visit.write("browser.ipynb", CELLS)
    visit.open("browser.ipynb")
    visit.run_all()
    simulator = visit.page.locator(".wsviz-browser")
    expect(simulator.locator(".log .row:not(.ahead)")).to_have_count(4)
    return simulator


def fact(simulator: Locator, at: int) -> Locator:
    return simulator.locator(".facts dd").nth(at)


def test_hands_on_both_sides(visit: Visit, simulator: Locator) -> None:
    following = simulator.get_by_role("button", name="Next step")
    expect(fact(simulator, 0)).to_have_text("1 OPEN")
    following.click()
    expect(fact(simulator, 1)).to_have_text("60,000")
    for _ in range(4):
        following.click()
    expect(simulator.locator(".tank.full")).to_contain_text("zero window")
    visit.expect_python("simulator.buffered_amount", "30008")
    simulator.get_by_role("button", name="Back").click()
    expect(simulator.locator(".tank.full")).to_have_count(0)

    # Steps of one's own, by a button and by hand.
    simulator.get_by_role("button", name="More").click()
    expect(simulator.get_by_role("button", name="101", exact=True)).to_be_disabled()
    simulator.get_by_role("button", name="TCP is gone").click()
    expect(simulator.locator(".queue li")).to_have_text(["CLOSED, error, close 1006"])
    simulator.get_by_role("button", name="runs the next task").click()
    expect(simulator.locator(".row.last .heard b")).to_have_text(["error", "close 1006, not clean"])
    expect(fact(simulator, 0)).to_have_text("3 CLOSED")
    step = simulator.get_by_role("textbox", name="or type a step")
    step.fill("send </script>\"><img src=x onerror='document.title = 1'>")
    simulator.get_by_role("button", name="Do it").click()
    expect(simulator.locator(".row.last code")).to_contain_text("<img src=x")
    assert simulator.locator("img").count() == 0
    step.fill("jump")
    step.press("Enter")
    expect(simulator.locator(".notice")).to_contain_text("there is no step 'jump'")
    visit.expect_python("simulator.ready_state", "3")

    # Python takes steps as well.
    visit.python("simulator.step('new /other')")
    expect(fact(simulator, 5)).to_have_text("ws://192.0.2.2:8080/other")
    simulator.get_by_label("story").select_option("refused")
    expect(simulator.locator(".title")).to_have_text("a handshake that fails")
    visit.expect_python("simulator.script", "")


def test_the_keyboard_alone(visit: Visit, simulator: Locator) -> None:
    keyboard = visit.page.keyboard
    simulator.get_by_role("button", name="Next step").focus()
    keyboard.press("Enter")
    expect(simulator.locator(".log .row:not(.ahead)")).to_have_count(5)
    keyboard.press("n")
    expect(simulator.locator(".log .row:not(.ahead)")).to_have_count(6)
    visit.expect_python("simulator.buffered_amount", "40008")
    keyboard.press("u")
    expect(fact(simulator, 1)).to_have_text("60,000")
    keyboard.press("r")
    expect(simulator.locator(".log .row:not(.ahead)")).to_have_count(4)
    keyboard.press("?")
    expect(simulator.locator(".keys")).to_be_visible()
    simulator.get_by_role("button", name="More").press("Enter")
    move = simulator.get_by_role("button", name='ws.send("Hello")')
    move.press("Enter")
    expect(fact(simulator, 1)).to_have_text("5")
    expect(simulator.locator(".moves button:focus")).to_have_text('ws.send("Hello")')
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_everybody_can_use_it(visit: Visit, simulator: Locator) -> None:
    simulator.get_by_role("button", name="More").click()
    for _ in range(5):
        simulator.get_by_role("button", name="Next step").click()
    expect(simulator.locator(".tank.full")).to_have_count(1)
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-browser")
    small = simulator.evaluate(
        """root => [...root.querySelectorAll('button, input, select, summary')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
