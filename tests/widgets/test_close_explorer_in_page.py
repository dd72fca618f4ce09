"""CloseExplorer in a real JupyterLab: the hand chooses an ending, Python plays it, the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = ["from wsviz.widgets import CloseExplorer\nexplorer = CloseExplorer('client')\nexplorer"]


@pytest.fixture
def explorer(visit: Visit) -> Locator:
    visit.write("closing.ipynb", CELLS)
    visit.open("closing.ipynb")
    visit.run_all()
    explorer = visit.page.locator(".wsviz-close")
    expect(explorer.locator(".ladder .row")).to_have_count(5)
    return explorer


def test_hands_on_an_ending(visit: Visit, explorer: Locator) -> None:
    report = explorer.locator(".report .code b")
    explorer.get_by_role("textbox", name="code").fill("1006")
    expect(report).to_have_text(["1002", "1006"])
    expect(explorer.locator(".finding")).to_contain_text("close-code-not-for-the-wire")
    expect(explorer.locator(".duties li").first).to_contain_text("must fail the connection")
    visit.expect_python("[*map(int, explorer.reports.values())]", "[1002, 1006]")

    # Bytes and fields are linked.
    explorer.locator("[data-byte='7']").hover()
    expect(explorer.locator(".field.on .fname")).to_have_text("Status code")
    explorer.locator("[data-name='Status code']").click()
    expect(explorer.locator(".byte.on")).to_have_count(2)
    visit.expect_python("explorer.selection", "[6, 8, -1]")

    # Another step shows its own bytes.
    explorer.locator("[data-step='1']").click()
    expect(explorer.locator(".bytes h4")).to_have_text("Bytes of the server's close frame")
    visit.expect_python("explorer.selection", "[]")

    # A hostile reason is text.
    explorer.get_by_role("textbox", name="code").fill("1000")
    explorer.get_by_role("textbox", name="reason").fill("</script>\"><img src=x onerror='document.title = 1'>")
    expect(explorer.locator(".report .reason").first).to_contain_text("<img src=x")
    assert explorer.locator("img").count() == 0

    explorer.get_by_label("how it ends").select_option("ping")
    expect(report).to_have_text(["—", "1006"])
    expect(explorer.locator(".step.lost")).to_have_count(3)
    visit.expect_python("explorer.scenario", "ping")
    visit.python("explorer.choose('fin')")
    expect(explorer.locator(".title")).to_have_text("TCP ends without a Close")
    expect(explorer.locator(".bytes")).to_be_hidden()


def test_the_keyboard_alone(visit: Visit, explorer: Locator) -> None:
    keyboard = visit.page.keyboard
    explorer.locator("[data-step='0']").focus()
    keyboard.press("ArrowDown")
    expect(explorer.locator("[data-step='1']")).to_be_focused()
    keyboard.press("Enter")
    expect(explorer.locator("[data-step='1']")).to_have_attribute("aria-pressed", "true")
    expect(explorer.locator("[data-step='1']")).to_be_focused()
    explorer.locator("[data-byte='0']").focus()
    for key, at in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        keyboard.press(key)
        expect(explorer.locator(f"[data-byte='{at}']")).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python("explorer.selection", "[1, 2, -1]")
    keyboard.press("Escape")
    visit.expect_python("explorer.selection", "[]")
    explorer.get_by_label("how it ends").select_option("no code")
    expect(explorer.locator(".report .code b")).to_have_text(["1005", "1005"])
    explorer.locator("[data-step='0']").focus()
    keyboard.press("u")
    expect(explorer.locator(".report .code b")).to_have_text(["1000", "1000"])
    keyboard.press("?")
    expect(explorer.locator(".keys")).to_be_visible()
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_everybody_can_use_it(visit: Visit, explorer: Locator) -> None:
    explorer.get_by_role("button", name="More", exact=True).click()
    explorer.get_by_label("how it ends").select_option("bad reason")
    expect(explorer.locator(".finding")).to_have_count(1)
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-close")
    small = explorer.evaluate(
        """root => [...root.querySelectorAll('button, input, select, [data-byte]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
