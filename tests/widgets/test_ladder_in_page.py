"""Ladder in a real JupyterLab: steps are folded, filtered and selected, and Python agrees."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.jupyter import soon
from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz import read_capture\nfrom wsviz.widgets import Ladder\n"
    "ladder = Ladder(read_capture('captures/echo.pcapng').connections[0])\nladder",
    "data = open('captures/echo.pcapng', 'rb').read()\n"
    "new = b'<img src=x onerror=alert(1)>'\n"
    "at = data.index(b'This message is longer than 125', data.index(b'\\x81\\x7e\\x00'))\n"
    "open('evil.pcapng', 'wb').write(data[:at] + new + data[at + len(new):])\n"
    "evil = Ladder(read_capture('evil.pcapng'))\nevil",
    "Ladder(read_capture('captures/wss13.pcapng', keylog='captures/wss13.keys'), connection=1)",
]


@pytest.fixture
def ladder(visit: Visit) -> Locator:
    visit.write("ladder.ipynb", CELLS)
    visit.open("ladder.ipynb")
    visit.run_all()
    ladder = visit.page.locator(".wsviz-ladder").first
    expect(ladder.locator(".step")).to_have_count(21)
    return ladder


def step(ladder: Locator, words: str) -> Locator:
    return ladder.locator(".step").filter(has_text=words).first


def chooser(ladder: Locator, words: str) -> Locator:
    return ladder.locator("label").filter(has_text=words).locator("select")


def test_hands_on_the_steps(visit: Visit, ladder: Locator) -> None:
    # A step shows its bytes, and its fields; pointing at one shows the other.
    step(ladder, '"Hello"').click()
    expect(ladder.locator(".detail .dtop")).to_contain_text("text frame")
    visit.expect_python("ladder.step.words, ladder.step.chip", '"Hello" text')
    byte = ladder.locator("[data-byte='6']")
    byte.hover()
    expect(ladder.locator(".field.on .fname")).to_have_text("Payload Data")
    ladder.locator(".field[data-name='Masking-key']").hover()
    expect(ladder.locator(".byte.on")).to_have_count(4)
    ladder.locator(".field[data-name='Masking-key']").click()
    visit.expect_python("ladder.selection", "[2, 6, -1]")
    step(ladder, "GET /echo").click()
    expect(ladder.locator(".fname").first).to_have_text("Start line")
    expect(ladder.locator(".field .span").first).to_have_text("bytes 0-19")
    visit.expect_python("ladder.selection", "[]")

    # Levels fold to one row that counts, and what is selected stays selected.
    ladder.get_by_role("button", name="TCP").click()
    expect(ladder.locator(".step.folded")).to_have_count(2)
    expect(ladder.get_by_role("button", name="TCP")).to_have_attribute("aria-pressed", "false")
    expect(ladder.locator(".step[aria-selected='true']")).to_contain_text("GET /echo")
    ladder.get_by_role("button", name="More", exact=True).click()
    chooser(ladder, "frames").select_option("control")
    expect(ladder.locator(".step.data")).to_have_count(0)
    chooser(ladder, "sent by").select_option("server")
    expect(ladder.locator(".step.client")).to_have_count(0)
    visit.expect_python("ladder.choice.sender, ladder.choice.frames, *ladder.choice.folded", "server control tcp")
    expect(ladder.locator(".notes")).to_contain_text("Left out on request")

    # Time to scale: a long wait is a long way.
    chooser(ladder, "frames").select_option("all")
    expect(ladder.locator(".step.data")).not_to_have_count(0)
    close = step(ladder, "1000 normal closure")
    before = close.evaluate("row => row.offsetHeight")
    ladder.get_by_label("time to scale").check()
    expect(ladder.locator(".spoken")).to_have_text("time to scale")
    soon(lambda: close.evaluate("row => row.offsetHeight"), lambda height: height > before + 20)

    # What Python does, the page shows.
    visit.python("ladder.select(0)")
    expect(ladder.locator(".step[data-place='0']")).to_have_attribute("aria-selected", "true")


def test_the_keyboard_alone(visit: Visit, ladder: Locator) -> None:
    keyboard = visit.page.keyboard
    rows = ladder.locator(".step")
    rows.first.focus()
    for key, at in (
        ("ArrowDown", 1),
        ("ArrowDown", 2),
        ("ArrowUp", 1),
        ("End", 20),
        ("PageUp", 10),
        ("Home", 0),
        ("PageDown", 10),
    ):
        keyboard.press(key)
        expect(rows.nth(at)).to_be_focused()
    expect(ladder.locator(".step[tabindex='0']")).to_have_count(1)
    keyboard.press("Enter")
    expect(rows.nth(10)).to_have_attribute("aria-selected", "true")
    expect(rows.nth(10)).to_be_focused()
    expect(ladder.locator(".spoken")).to_contain_text("selected: ")
    visit.expect_python("ladder.picture['selected']", "10")
    keyboard.press("Tab")
    first = ladder.locator("[data-byte='0']")
    expect(first).to_be_focused()
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    visit.expect_python("ladder.selection", "[1, 2, -1]")
    keyboard.press("Escape")
    visit.expect_python("ladder.selection, ladder.picture['selected']", "[] 10")
    keyboard.press("Escape")
    expect(ladder.locator(".detail")).to_be_hidden()
    rows.nth(10).focus()
    keyboard.press("?")
    expect(ladder.locator(".keys")).to_be_visible()
    for _ in "dd":
        keyboard.press("d")
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_it_is_accessible_and_a_hostile_payload_is_text(visit: Visit, ladder: Locator) -> None:
    step(ladder, '"Hello"').click()
    expect(ladder.locator(".detail .dtop")).to_contain_text("text frame")
    ladder.get_by_role("button", name="More", exact=True).click()
    small = ladder.evaluate(
        """root => [...root.querySelectorAll('button, label, select, [data-byte], [data-place]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
    # In a narrow pane both lanes are there, without scrolling sideways.
    ladder.evaluate("root => { root.style.width = '560px'; }")
    visit.page.wait_for_function(
        """root => {
            const box = root.querySelector('.scroll');
            return box.clientWidth < 600 && box.scrollWidth <= box.clientWidth;
        }""",
        arg=ladder.element_handle(),
    )
    ladder.evaluate("root => { root.style.width = ''; }")
    evil = visit.page.locator(".wsviz-ladder").nth(1)
    row = evil.locator(".step").filter(has_text="<img src=x onerror=alert(1)>")
    expect(row).to_have_count(1)
    row.click()
    expect(evil.locator(".detail .fields")).to_contain_text("<img src=x")
    assert evil.locator("img").count() == 0
    tls = visit.page.locator(".wsviz-ladder").nth(2)
    step(tls, "ServerHello").click()
    expect(tls.locator(".detail .fname").first).to_have_text("Record header")
    expect(tls.locator(".detail .field[data-name='Certificate']")).to_contain_text("encrypted, 443 bytes")
    tls.get_by_role("button", name="TLS").click()
    expect(tls.locator(".step.folded")).to_have_text(re.compile("TLS folded: 4 steps"))
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-ladder")
