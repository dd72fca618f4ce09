"""BrowserSimulator in a real JupyterLab: the hand takes steps, Python plays them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz.widgets import BrowserSimulator\nsimulator = BrowserSimulator('slow server', done=4)\nsimulator",
    "from wsviz.widgets import MaskStepper\nMaskStepper('Hello')",  # its style sheet comes last
]


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


def test_an_address_breaks_where_it_may(visit: Visit, simulator: Locator) -> None:
    simulator.evaluate("root => { root.style.width = '760px'; }")
    pieces = simulator.locator(".log code").first.evaluate(
        "code => [...code.childNodes].map(each => each.data ?? '|').join('')"
    )
    assert pieces == 'new WebSocket(|"ws://192.0.2.2/|chat")|'
    split = "dd => dd.getBoundingClientRect().height > 1.7 * parseFloat(getComputedStyle(dd).lineHeight)"
    assert not fact(simulator, 5).evaluate(split), "the url is in one line, below its name if need be"


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


def _luminance(place: Locator, name: str) -> float:
    """How light a colour of the style is, from 0 to 1, as WCAG 2.2 counts it."""
    channels = re.findall(r"[\d.]+", place.evaluate("(each, name) => getComputedStyle(each)[name]", name))[:3]
    red, green, blue = (
        share / 12.92 if (share := int(each) / 255) <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4
        for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_everybody_can_use_it(visit: Visit, simulator: Locator) -> None:
    simulator.get_by_role("button", name="More").click()
    for _ in range(5):
        simulator.get_by_role("button", name="Next step").click()
    expect(simulator.locator(".tank.full")).to_have_count(1)
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-browser")
    simulator.get_by_role("button", name="Back").click()
    following = simulator.get_by_role("button", name="Next step")
    expect(following).to_be_enabled()
    for dark in (True, False):
        visit.set_theme(dark=dark)
        following.hover()
        ground, ink = (_luminance(following, name) for name in ("backgroundColor", "color"))
        assert (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05) > 4.5, "it can be read (WCAG 2.2, 1.4.3)"
    small = simulator.evaluate(
        """root => [...root.querySelectorAll('button, input, select, summary')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
