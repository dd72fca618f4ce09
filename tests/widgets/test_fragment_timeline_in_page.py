"""FragmentTimeline in a real JupyterLab: boundaries are dragged, Python encodes anew, and the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from wsviz import Frame\nfrom wsviz.widgets import FragmentTimeline\n"
    "cafe = 'café'.encode()\n"
    "timeline = FragmentTimeline([Frame(1, cafe[:4], fin=False), Frame(0, cafe[4:])], cuts=[3])\ntimeline",
    "FragmentTimeline([Frame.text('<img src=x onerror=\"document.title = 1 / 0\">\\u202e')])",
]
PAYLOADS = "[frame.payload for frame in timeline.frames]"


@pytest.fixture
def timeline(visit: Visit) -> Locator:
    visit.write("timeline.ipynb", CELLS)
    visit.open("timeline.ipynb")
    visit.run_all()
    timeline = visit.page.locator(".wsviz-fragments").first
    expect(timeline.locator("[data-byte]")).to_have_count(9)
    return timeline


def drag(visit: Visit, handle: Locator, to: Locator) -> None:
    """Drag a handle to the left edge of a byte."""
    start, end = handle.bounding_box(), to.bounding_box()
    assert start is not None
    assert end is not None
    mouse = visit.page.mouse
    mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    mouse.down()
    mouse.move(end["x"] + 3, start["y"] + 5, steps=4)
    mouse.up()


def byte(timeline: Locator, at: int) -> Locator:
    return timeline.locator(f"[data-byte='{at}']")


def test_hands_on_the_boundaries(visit: Visit, timeline: Locator) -> None:
    # Pointing at a byte shows its frame, its segment and its message.
    byte(timeline, 7).hover()
    expect(timeline.locator(".frame.on")).to_contain_text("1 continuation FIN=1")
    expect(timeline.locator(".segment.on")).to_contain_text("1")
    expect(timeline.locator(".readout")).to_contain_text("MASK and Payload len of frame 1")

    # A fragment's end is dragged: payload bytes change frames, cuts stay.
    drag(visit, timeline.locator("[data-edge='0']"), byte(timeline, 4))
    visit.expect_python(f"{PAYLOADS}, timeline.cuts", "[b'ca', b'f\\xc3\\xa9'] (3,)")
    expect(timeline.locator("[data-frame='0']")).to_have_attribute(
        "aria-label", "frame 0, text, FIN=0, 2 bytes of payload, of message 0"
    )

    # A segment's end is dragged: no byte changes.
    drag(visit, timeline.locator("[data-cut='0']"), byte(timeline, 7))
    visit.expect_python("timeline.cuts", "(7,)")
    expect(timeline.locator(".arrival.message")).to_contain_text('onmessage 1: text "café"')

    # A ping between the fragments is legal until it is fragmented itself.
    timeline.get_by_role("button", name="Insert a ping").click()
    expect(timeline.locator("[data-frame='1']")).to_contain_text("ping")
    expect(timeline.locator(".finding")).to_have_count(0)
    timeline.locator("[data-frame='1']").click()
    timeline.get_by_role("checkbox", name="FIN").click()  # Python's answer brings a new one, so not uncheck()
    expect(timeline.locator(".finding")).to_contain_text("fragmented-control-frame")
    expect(timeline.locator(".message.undelivered")).to_have_count(1)
    timeline.get_by_role("button", name="Undo").click()
    expect(timeline.locator(".finding")).to_have_count(0)

    # A continuation without its start.
    timeline.locator("[data-frame='0']").click()
    timeline.get_by_role("button", name="Remove").click()
    expect(timeline.locator(".finding")).to_contain_text("continuation-without-message")
    timeline.get_by_role("button", name="Reset").click()
    visit.expect_python(PAYLOADS, "[b'caf\\xc3', b'\\xa9']")

    # A byte begins a fragment, or a segment.
    byte(timeline, 4).click()
    visit.expect_python("timeline.selection", "[4, 5, -1]")
    timeline.get_by_role("button", name="Begin a fragment here").click()
    visit.expect_python(PAYLOADS, "[b'ca', b'f\\xc3', b'\\xa9']")
    timeline.get_by_role("button", name="More", exact=True).click()
    timeline.locator("label").filter(has_text="segments").locator("select").select_option("frames")
    visit.expect_python("timeline.cuts == tuple(timeline.stretch.starts[1:-1])", "True")
    timeline.get_by_role("textbox").fill("Grüße")
    visit.expect_python(PAYLOADS, "[b'Gr\\xc3\\xbc\\xc3\\x9fe']")

    # What Python does, the page shows.
    visit.python("setattr(timeline, 'frames', [Frame.ping(b'x')])")
    expect(timeline.locator(".title")).to_have_text("0 messages, 1 frame, 1 segment")


def test_the_keyboard_alone(visit: Visit, timeline: Locator) -> None:
    keyboard = visit.page.keyboard
    timeline.locator("[data-frame='0']").focus()
    keyboard.press("ArrowRight")
    edge = timeline.locator("[data-edge='0']")
    expect(edge).to_be_focused()
    keyboard.press("Shift+ArrowLeft")
    visit.expect_python(PAYLOADS, "[b'caf', b'\\xc3\\xa9']")
    expect(edge).to_be_focused()
    expect(timeline.locator(".spoken")).to_contain_text("1 message, 2 frames")
    keyboard.press("Shift+ArrowRight")
    visit.expect_python(PAYLOADS, "[b'caf\\xc3', b'\\xa9']")
    keyboard.press("p")
    expect(timeline.locator("[data-frame='1']")).to_contain_text("ping")
    keyboard.press("u")
    expect(timeline.locator("[data-frame]")).to_have_count(2)
    keyboard.press("j")
    visit.expect_python(PAYLOADS, "[b'caf\\xc3\\xa9']")

    byte(timeline, 0).focus()
    for _ in range(4):
        keyboard.press("ArrowRight")
    expect(byte(timeline, 4)).to_be_focused()
    keyboard.press("s")
    visit.expect_python(PAYLOADS, "[b'ca', b'f\\xc3\\xa9']")
    expect(byte(timeline, 4)).to_be_focused()
    keyboard.press("c")
    visit.expect_python("timeline.cuts", "(3, 4)")
    keyboard.press("Enter")
    visit.expect_python("timeline.selection", "[4, 5, -1]")
    keyboard.press("Escape")
    visit.expect_python("timeline.selection", "[]")

    timeline.locator("[data-cut='1']").focus()
    keyboard.press("Shift+ArrowRight")
    visit.expect_python("timeline.cuts", "(3, 5)")
    expect(timeline.locator("[data-cut='1']")).to_be_focused()
    keyboard.press("Delete")
    visit.expect_python("timeline.cuts", "(3,)")
    timeline.locator("[data-frame='0']").focus()
    keyboard.press("r")
    visit.expect_python(PAYLOADS, "[b'caf\\xc3', b'\\xa9']")
    keyboard.press("?")
    expect(timeline.locator(".keys")).to_be_visible()
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_it_is_accessible_and_a_hostile_payload_is_text(visit: Visit, timeline: Locator) -> None:
    timeline.locator("[data-frame='0']").click()
    timeline.get_by_role("button", name="More", exact=True).click()
    expect(timeline.get_by_role("checkbox", name="FIN")).to_be_visible()
    small = timeline.evaluate(
        """root => [...root.querySelectorAll('button, label, select, [data-byte], .handle')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
    evil = visit.page.locator(".wsviz-fragments").nth(1)
    expect(evil.locator(".arrival")).to_contain_text("<img src=x onerror=")
    assert evil.locator("img").count() == 0
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-fragments")
