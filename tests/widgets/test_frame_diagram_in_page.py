"""FrameDiagram in a real JupyterLab: what the hand does, Python decodes, and the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz import Frame, bit_diagram\nfrom wsviz.widgets.frame_diagram import FrameDiagram\n"
    "KEY = bytes.fromhex('37fa213d')\ndiagram = FrameDiagram(Frame.text('Hello', masking_key=KEY), sender='client')\n"
    "diagram",
    "Frame.text('<img src=x onerror=\"document.title = 1 / 0\">\\u202e')",
]


@pytest.fixture
def diagram(visit: Visit) -> Locator:
    visit.write("diagram.ipynb", CELLS)
    visit.open("diagram.ipynb")
    visit.run_all()
    diagram = visit.page.locator(".wsviz-frame").first
    expect(diagram.locator("[data-bit]")).to_have_count(88)
    return diagram


def field(diagram: Locator, name: str) -> Locator:
    return diagram.locator(f".fields button[data-name='{name}']")


def bit(diagram: Locator, number: int) -> Locator:
    return diagram.locator(f"[data-bit='{number}']")


def test_keys_in_the_diagram_are_none_of_jupyterlabs(visit: Visit, diagram: Locator) -> None:
    cells = len(visit.cells())
    for place in (bit(diagram, 7), diagram.locator(".fields button").first, diagram.locator("[data-byte]").first):
        place.focus()
        visit.page.keyboard.press("d")
        visit.page.keyboard.press("d")
        visit.page.keyboard.press("x")
    assert len(visit.cells()) == cells


def test_hands_on_a_frame(visit: Visit, diagram: Locator) -> None:
    # Hovering links bits, bytes and fields, and the byte of the key that masks this one.
    bit(diagram, 61).hover()
    expect(diagram.locator(".byte.on")).to_have_text("9f65 e")
    expect(diagram.locator(".byte.twin b")).to_have_text("fa")
    expect(diagram.locator(".field.on .fname")).to_have_text("Payload Data")
    expect(diagram.locator(".bit.on")).to_have_count(8)

    # A click flips the bit, and Python decodes the frame anew.
    bit(diagram, 7).click()
    expect(field(diagram, "opcode")).to_have_attribute(
        "aria-label", "opcode, 4 bits, byte 0 bits 4 to 7, value 0, continuation"
    )
    visit.expect_python("diagram.frame.opcode, diagram.data.hex()", "0 808537fa213d7f9f4d5158")
    expect(diagram.locator(".spoken")).to_contain_text("opcode 0, continuation")

    # A bit of the length makes the frame longer than its bytes, or shorter.
    bit(diagram, 9).click()
    expect(diagram.locator(".slim.missing")).to_contain_text("64 bytes missing")
    visit.expect_python("diagram.frame, diagram.dissection.value", "None None")
    diagram.get_by_role("button", name="Undo").click()
    bit(diagram, 13).click()
    expect(diagram.locator(".slim.rest")).to_contain_text("4 bytes after the frame")

    # MASK 0 from a client breaks a rule, and the page says so.
    bit(diagram, 8).click()
    expect(diagram.locator(".finding")).to_contain_text(["unmasked-client-frame"])
    expect(diagram.locator(".finding")).to_contain_text(["RFC 6455 5.1, close code 1002"])
    diagram.get_by_role("button", name="Reset").click()
    expect(diagram.locator(".finding")).to_have_count(0)

    # Typing makes a new frame and keeps the key.
    diagram.get_by_role("textbox", name="payload").fill("Grüße")
    expect(field(diagram, "Payload Data")).to_contain_text('"Grüße"')
    visit.expect_python("diagram.frame == Frame.text('Grüße', masking_key=KEY)", "True")
    diagram.get_by_role("button", name="More", exact=True).click()
    diagram.get_by_role("textbox", name="whole frame in hex").fill("89 00")
    expect(diagram.locator(".title")).to_have_text("ping frame")
    expect(diagram.locator(".bits")).to_have_class("bits control")

    # What Python does, the page shows.
    visit.python("setattr(diagram, 'frame', Frame.close(1001, 'bye'))")
    expect(field(diagram, "Status code")).to_contain_text("going away")


def test_the_keyboard_alone(visit: Visit, diagram: Locator) -> None:
    keyboard = visit.page.keyboard
    bit(diagram, 0).focus()
    expect(bit(diagram, 0)).to_have_attribute(
        "aria-label", "FIN, 1 bit, byte 0 bit 0, value 1, final fragment; bit 0 of byte 0 is 1"
    )
    for key, at in (
        ("ArrowRight", 1),
        ("End", 15),
        ("ArrowLeft", 9),
        ("ArrowLeft", 8),
        ("ArrowLeft", 4),
        ("Shift+ArrowRight", 5),
    ):
        keyboard.press(key)
        expect(bit(diagram, at)).to_be_focused()
    keyboard.press("ArrowDown")
    expect(bit(diagram, 21)).to_be_focused()
    keyboard.press("ArrowUp")
    keyboard.press("f")
    expect(field(diagram, "opcode")).to_contain_text("reserved 5")
    expect(bit(diagram, 5)).to_be_focused()
    keyboard.press("Space")
    expect(field(diagram, "opcode")).to_contain_text("text")
    keyboard.press("Enter")
    expect(field(diagram, "opcode")).to_have_attribute("aria-pressed", "true")
    visit.expect_python("diagram.selection", "[0, 1, 5]")
    keyboard.press("u")
    expect(field(diagram, "opcode")).to_contain_text("reserved 5")
    keyboard.press("r")
    expect(field(diagram, "opcode")).to_contain_text("text")
    keyboard.press("?")
    expect(diagram.locator(".keys")).to_be_visible()
    keyboard.press("Escape")
    expect(diagram.locator("[aria-pressed='true']")).to_have_count(0)
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"
    small = diagram.evaluate(
        """root => [...root.querySelectorAll('button, input, select, [data-bit], [data-byte]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0


def test_hostile_payload_is_text(visit: Visit, diagram: Locator) -> None:
    hostile = visit.page.locator(".wsviz-frame").nth(1)
    expect(hostile.locator("[data-byte]").first).to_be_visible()
    assert hostile.locator("img").count() == 0
    expect(hostile.locator(".findings")).to_be_attached()


def test_it_is_accessible(visit: Visit, diagram: Locator) -> None:
    bit(diagram, 8).click()  # a broken rule, with its finding
    expect(diagram.locator(".finding")).to_have_count(1)
    diagram.get_by_role("button", name="More", exact=True).click()
    field(diagram, "opcode").click()
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-frame")


@pytest.mark.parametrize("dark", [False, True])
def test_the_theme_is_the_page_s(visit: Visit, diagram: Locator, dark: bool) -> None:
    visit.page.emulate_media(color_scheme="light" if dark else "dark")  # JupyterLab's choice beats the system's
    visit.set_theme(dark=dark)
    channels = diagram.locator(".seg.fin").evaluate(
        """seg => { const at = document.createElement('canvas').getContext('2d');
            at.fillStyle = getComputedStyle(seg).backgroundColor; at.fillRect(0, 0, 1, 1);
            return [...at.getImageData(0, 0, 1, 1).data].slice(0, 3) }"""
    )
    assert (sum(channels) < 300) is dark


def test_without_a_kernel_it_says_so(visit: Visit, diagram: Locator) -> None:
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    bit(diagram, 0).click()
    expect(diagram.locator(".notice")).to_contain_text("Python does not answer", timeout=20_000)
    visit.errors.clear()  # JupyterLab itself remarks that the kernel is gone
