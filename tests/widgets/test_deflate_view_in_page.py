"""DeflateView in a real JupyterLab: the hand types and points, Python compresses, and the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz.widgets import DeflateView\nview = DeflateView(['Hello', 'Hello'])\nview",
    "DeflateView(['x' * 9000, '</script><img src=x onerror=\"document.title = 1\">\\u202e\\x1b[31m' * 3], bits=9)",
]


@pytest.fixture
def view(visit: Visit) -> Locator:
    visit.write("deflate.ipynb", CELLS)
    visit.open("deflate.ipynb")
    visit.run_all()
    view = visit.page.locator(".wsviz-deflate").first
    expect(view.locator("[data-cell]")).to_have_count(7)
    return view


def symbol(view: Locator, index: int) -> Locator:
    return view.locator(f"[data-cell='{index}']")


def test_hands_on_the_window(visit: Visit, view: Locator) -> None:
    # Pointing at a match shows its bits, its bytes, and what it copies.
    symbol(view, 2).hover()
    expect(view.locator(".says")).to_contain_text("copy 4 bytes from 5 back, byte 1 of message 0")
    expect(view.locator(".pieces")).to_contain_text("length 4")
    expect(view.locator(".used.on")).to_have_text("ello")
    expect(view.locator(".byte.on")).to_have_text(["00", "11"])
    symbol(view, 2).click()
    visit.expect_python("view.selection", "[1, 3, 11]")
    visit.page.mouse.move(0, 0)
    expect(symbol(view, 2)).to_have_attribute("aria-selected", "true")
    view.locator("[data-byte='0']").click()
    visit.expect_python("view.selection", "[0, 1, 0]")

    # A message that is typed joins the others; choosing one shows its symbols.
    field = view.get_by_role("textbox", name="one more message")
    field.fill("Hello Hello €")
    field.press("Enter")
    expect(view.locator("[data-row]")).to_have_count(3)
    visit.expect_python("view.talk.said[2].data.decode()", "Hello Hello €")
    expect(field).to_have_value("")
    view.locator("[data-row='0']").click()
    expect(view.locator(".chosen h4")).to_contain_text("Message 0")
    expect(view.locator(".symbol.literal")).to_have_count(5)

    # Other terms: zlib compresses anew.
    view.get_by_role("checkbox", name="Keep the window").uncheck()
    visit.expect_python("view.talk.keep, [len(said.payload) for said in view.talk.said][:2]", "False [7, 7]")
    view.get_by_role("combobox", name="window").select_option("512 bytes")
    visit.expect_python("view.talk.bits", "9")
    view.get_by_role("button", name="More", exact=True).click()
    view.get_by_role("button", name="Remove this message").click()
    expect(view.locator("[data-row]")).to_have_count(2)
    view.get_by_role("button", name="Reset").click()
    visit.expect_python("[len(said.payload) for said in view.talk.said]", "[7, 5]")
    expect(view.get_by_role("checkbox", name="Keep the window")).to_be_checked()

    # What Python does, the page shows.
    visit.python("setattr(view, 'talk', view.talk.plus(b'from Python'))")
    expect(view.locator("[data-row]")).to_have_count(3)
    terms = view.get_by_role("heading", name="The same messages under other terms")
    expect(terms).to_be_visible()
    damaged = "__import__('wsviz').Frame(1, bytes.fromhex('f200110000'), rsv1=True)"
    visit.python(f"setattr(view, 'talk', DeflateView({damaged}).talk)")
    expect(view.locator(".chosen .finding")).to_contain_text("goes back 5 bytes")
    expect(terms).to_be_hidden()


def test_the_keyboard_alone(visit: Visit, view: Locator) -> None:
    keyboard = visit.page.keyboard
    symbol(view, 0).focus()
    for key, at in (
        ("ArrowRight", 1),
        ("End", 6),
        ("ArrowLeft", 5),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("ArrowRight", 1),
    ):
        keyboard.press(key)
        expect(symbol(view, at)).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python("view.selection", "[0, 2, 3]")
    expect(view.locator(".spoken")).to_have_text('literal "H": 8 bits')
    keyboard.press("Escape")
    visit.expect_python("view.selection", "[]")
    view.locator("[data-row='1']").focus()
    keyboard.press("ArrowUp")
    expect(view.locator("[data-row='0']")).to_be_focused()
    keyboard.press("Enter")
    expect(view.locator(".spoken")).to_contain_text("Message 0")
    expect(view.locator("[data-row='0']")).to_be_focused()
    view.locator("[data-byte='0']").focus()
    keyboard.press("ArrowRight")
    expect(view.locator("[data-byte='1']")).to_be_focused()
    expect(view.locator(".says")).to_contain_text('literal "H"')
    keyboard.press("?")
    expect(view.locator(".keys")).to_be_visible()
    field = view.get_by_role("textbox", name="one more message")
    field.fill("u")
    field.press("Enter")
    expect(view.locator("[data-row]")).to_have_count(3)
    symbol(view, 0).focus()
    keyboard.press("u")
    expect(view.locator("[data-row]")).to_have_count(2)
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"
    small = view.evaluate(
        """root => [...root.querySelectorAll('button, label, select, [data-row], [data-cell], [data-byte]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0


def test_it_is_accessible_and_a_hostile_payload_is_text(visit: Visit, view: Locator) -> None:
    view.get_by_role("button", name="More", exact=True).click()
    symbol(view, 2).click()
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-deflate")
    hostile = visit.page.locator(".wsviz-deflate").nth(1)
    expect(hostile.locator(".lost").first).to_be_visible()
    expect(hostile.locator(".symbol.literal").first).to_have_text("<")
    expect(hostile.locator("[data-row='1']")).to_contain_text("</script><img src=x")
    assert hostile.locator("img, script").count() == 0


def test_without_a_kernel_it_says_so_and_still_points(visit: Visit, view: Locator) -> None:
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    view.get_by_role("checkbox", name="Keep the window").click()
    expect(view.locator(".notice")).to_contain_text("Python does not answer", timeout=20_000)
    symbol(view, 2).hover()
    expect(view.locator(".says")).to_contain_text("copy 4 bytes")
    visit.errors.clear()  # JupyterLab itself remarks that the kernel is gone
