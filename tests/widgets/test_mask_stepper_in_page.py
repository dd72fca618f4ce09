"""MaskStepper in a real JupyterLab: the hand steps and types, Python masks, and the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit


CELLS = [
    "from wsviz.widgets import MaskStepper\nstepper = MaskStepper('Hello')\nstepper",
    "MaskStepper('</script><img src=x onerror=\"document.title = 1 / 0\">\\u202e\\x1b[31m')",
]


@pytest.fixture
def stepper(visit: Visit) -> Locator:
    visit.write("stepper.ipynb", CELLS)
    visit.open("stepper.ipynb")
    visit.run_all()
    stepper = visit.page.locator(".wsviz-mask").first
    expect(stepper.locator("[data-at]")).to_have_count(5)
    return stepper


def byte(stepper: Locator, at: int) -> Locator:
    return stepper.locator(f"[data-at='{at}']")


def bit(stepper: Locator, at: int) -> Locator:
    return stepper.locator(f"[data-bit='{at}']")


def test_hands_on_the_mask(visit: Visit, stepper: Locator) -> None:
    words = stepper.locator(".words")
    # Hovering shows a byte in bits, and the same byte in every frame of the comparison.
    byte(stepper, 2).hover()
    expect(words).to_contain_text("2 mod 4 is 2: 6c ⊕ 21 = 4d")
    expect(stepper.locator("[data-experiment='0'] .byte.on")).to_have_count(8)
    expect(stepper.locator(".bits .flips")).to_have_count(2)

    # Stepping goes on from byte to byte, and what lies ahead is not done yet.
    stepper.get_by_role("button", name="Step").click()
    expect(stepper.locator(".column.later")).to_have_count(4)
    stepper.get_by_role("button", name="Step").click()
    expect(stepper.locator(".place")).to_have_text("byte 1, step 2 of 5")
    expect(stepper.locator(".spoken")).to_have_text("byte 1, payload 65, e, key byte 1 fa, on the wire 9f")
    visit.expect_python("stepper.selection", "[1, 2, -1]")
    stepper.get_by_role("button", name="Back").click()
    visit.expect_python("stepper.selection", "[0, 1, -1]")

    # Dragging over the bytes does the same.
    byte(stepper, 0).hover()
    visit.page.mouse.down()
    byte(stepper, 3).hover()
    visit.page.mouse.up()
    byte(stepper, 4).hover()
    visit.expect_python("stepper.selection", "[3, 4, -1]")
    expect(byte(stepper, 3)).to_have_attribute("aria-selected", "true")
    visit.page.mouse.move(0, 0)
    bit(stepper, 2).click()
    visit.expect_python("stepper.selection", "[3, 4, 26]")

    # Text, key and direction go to Python, and come back as bytes.
    stepper.get_by_role("textbox", name="payload").fill("Hi €")
    expect(stepper.locator("[data-at]")).to_have_count(6)
    visit.expect_python("stepper.payload.decode(), stepper.wire.hex()", "Hi € 7f93" + "01df" + "b556")
    stepper.get_by_role("textbox", name="key").fill("00 00 00 01")
    stepper.get_by_role("textbox", name="key").press("Enter")
    visit.expect_python("stepper.key", r"b'\x00\x00\x00\x01'")
    expect(words).to_contain_text("⊕ 01")
    stepper.get_by_role("button", name="Unmask it again").click()
    expect(stepper.locator(".title")).to_have_text("Unmasking, byte by byte")

    # Another byte string that a script may want.
    stepper.get_by_role("button", name="More", exact=True).click()
    stepper.get_by_role("textbox", name="a script wants").fill("POST /")
    expect(stepper.locator("[data-experiment='1'] .unsafe tbody tr").first).to_contain_text("POST /")
    stepper.get_by_role("button", name="Reset").click()
    visit.expect_python("stepper.payload, stepper.picture['unmask']", "b'Hello' False")

    # What Python does, the page shows.
    visit.python("setattr(stepper, 'payload', 'from Python')")
    expect(stepper.locator("[data-at]")).to_have_count(11)


def test_the_keyboard_alone(visit: Visit, stepper: Locator) -> None:
    keyboard = visit.page.keyboard
    byte(stepper, 0).focus()
    for key, at in (("ArrowRight", 1), ("End", 4), ("ArrowLeft", 3), ("Home", 0), ("ArrowRight", 1)):
        keyboard.press(key)
        expect(byte(stepper, at)).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python("stepper.selection", "[1, 2, -1]")
    keyboard.press("n")
    visit.expect_python("stepper.selection", "[2, 3, -1]")
    keyboard.press("b")
    visit.expect_python("stepper.selection", "[1, 2, -1]")
    bit(stepper, 0).focus()
    keyboard.press("ArrowRight")
    expect(bit(stepper, 1)).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python("stepper.selection", "[1, 2, 9]")
    keyboard.press("t")
    expect(stepper.locator(".title")).to_have_text("Unmasking, byte by byte")
    keyboard.press("u")
    expect(stepper.locator(".title")).to_have_text("Masking, byte by byte")
    keyboard.press("?")
    expect(stepper.locator(".keys")).to_be_visible()
    keyboard.press("Escape")
    visit.expect_python("stepper.selection", "[]")
    expect(stepper.locator(".column.later")).to_have_count(0)
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"
    small = stepper.evaluate(
        """root => [...root.querySelectorAll('button, input, select, [data-bit], [data-at]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0


def test_it_is_accessible_and_a_hostile_payload_is_text(visit: Visit, stepper: Locator) -> None:
    stepper.get_by_role("button", name="More", exact=True).click()
    stepper.get_by_role("button", name="Step").click()
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-mask")
    hostile = visit.page.locator(".wsviz-mask").nth(1)
    expect(hostile.locator("[data-at]")).to_have_count(32)
    expect(hostile.locator(".more").first).to_contain_text("more bytes, masked in the same way")
    assert hostile.locator("img, script").count() == 0


def test_without_a_kernel_it_says_so_and_still_steps(visit: Visit, stepper: Locator) -> None:
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    stepper.get_by_role("button", name="Unmask it again").click()
    expect(stepper.locator(".notice")).to_contain_text("Python does not answer", timeout=20_000)
    byte(stepper, 2).hover()
    expect(stepper.locator(".words")).to_contain_text("6c ⊕ 21 = 4d")
    visit.errors.clear()  # JupyterLab itself remarks that the kernel is gone
