"""OverheadBars in a real JupyterLab: numbers are typed, Python counts, the page draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz import read_capture\nfrom wsviz.widgets import OverheadBars\n"
    "captures = {'poll<img src=x onerror=alert(1)>': read_capture('captures/poll.pcapng')}\n"
    "captures['websocket'] = read_capture('captures/websocket.pcapng')\n"
    "bars = OverheadBars(captures)\nbars"
]


@pytest.fixture
def bars(visit: Visit) -> Locator:
    visit.write("overhead.ipynb", CELLS)
    visit.open("overhead.ipynb")
    visit.run_all()
    bars = visit.page.locator(".wsviz-overhead")
    expect(bars.locator(".barrow")).to_have_count(2)
    return bars


def test_hands_on_the_numbers(visit: Visit, bars: Locator) -> None:
    expect(bars.locator(".barrow .name").first).to_have_text("poll<img src=x onerror=alert(1)>")
    assert bars.locator("img").count() == 0
    bars.get_by_role("combobox").first.select_option("modelled")
    expect(bars.locator(".barrow")).to_have_count(4)
    bars.get_by_role("textbox", name="payload, bytes").fill("1000")
    expect(bars.locator("tr[data-category='0'] td").last).to_have_text("1,000.0")
    visit.expect_python("bars.assumptions.size", "1000.0")

    bars.get_by_role("button", name="More", exact=True).click()
    bars.get_by_role("checkbox", name="WebSocket, masked").click()
    expect(bars.locator(".barrow")).to_have_count(5)
    bars.get_by_role("textbox", name="seconds between polls").fill("no")
    expect(bars.locator(".notice")).to_contain_text("'no' is no number")
    bars.get_by_role("combobox").nth(1).select_option("in all")
    expect(bars.locator("svg .curve")).to_have_count(5)
    bars.get_by_role("button", name="Reset").click()
    expect(bars.locator(".barrow")).to_have_count(2)
    visit.expect_python("len(bars.rows)", "2")


def test_the_keyboard_alone(visit: Visit, bars: Locator) -> None:
    keyboard = visit.page.keyboard
    category = bars.locator(".category")
    category.first.focus()
    keyboard.press("ArrowDown")
    expect(category.nth(1)).to_be_focused()
    keyboard.press("Enter")
    expect(category.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(bars.locator(".part.on").first).to_be_visible()
    keyboard.press("Escape")
    expect(bars.locator("[aria-pressed='true']")).to_have_count(0)
    keyboard.press("?")
    expect(bars.locator(".keys")).to_be_visible()
    bars.get_by_role("combobox").nth(1).select_option("in all")
    expect(bars.locator("svg .curve")).to_have_count(2)
    category.first.focus()
    keyboard.press("u")
    expect(bars.locator(".barrow")).to_have_count(2)
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_everybody_can_use_it(visit: Visit, bars: Locator) -> None:
    bars.get_by_role("button", name="More", exact=True).click()
    bars.get_by_role("combobox").first.select_option("modelled")
    expect(bars.locator(".barrow")).to_have_count(4)
    for dark, show in ((False, "per message"), (True, "in all")):
        visit.set_theme(dark=dark)
        bars.get_by_role("combobox").nth(1).select_option(show)
        expect(bars.locator("svg")).to_have_count(int(show == "in all"))
        assert_accessible(visit.page, ".wsviz-overhead")
    small = bars.evaluate(
        """root => [...root.querySelectorAll('button, input, select')]
            .map(each => (each.closest('label') ?? each).getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
