"""EventStreamView in a real JupyterLab: what is typed, Python reads, and the page shows what a script would hear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = ["from wsviz.widgets import EventStreamView\nview = EventStreamView('data: a\\ndata: b\\n\\nid: 5\\n')\nview"]


@pytest.fixture
def view(visit: Visit) -> Locator:
    visit.write("events.ipynb", CELLS)
    visit.open("events.ipynb")
    visit.run_all()
    view = visit.page.locator(".wsviz-events")
    expect(view.locator(".line")).to_have_count(4)
    return view


def test_hands_on_a_stream(visit: Visit, view: Locator) -> None:
    stream = view.get_by_role("textbox", name="the stream")
    expect(view.locator(".card.dispatched .data span")).to_have_text(["a", "b"])
    stream.fill("event: hi\ndata: </script><img src=x onerror='document.title = 1'>\n\n")
    expect(view.locator(".card")).to_have_count(1)
    expect(view.locator(".card .head b")).to_have_text("hi")
    expect(view.locator(".card .data")).to_contain_text("<img src=x")
    assert view.locator("img").count() == 0
    visit.expect_python("view.view.dispatched", "1")

    # Chunks are drawn where they begin, and change no event.
    view.get_by_role("textbox", name="bytes a chunk").fill("20")
    expect(view.locator(".line i.cut").first).to_be_visible()
    expect(view.locator(".card.dispatched")).to_have_count(1)
    expect(view.locator(".legend")).to_be_visible()

    # A line and its event are linked.
    view.locator(".line").first.hover()
    expect(view.locator(".card.on")).to_have_count(1)
    expect(view.locator(".line.on")).to_have_count(1)
    view.locator(".card").click()
    expect(view.locator(".line[aria-pressed='true']")).to_have_count(3)
    visit.expect_python("view.selection == [0, len(view.data), -1]", "True")

    view.get_by_role("button", name="More", exact=True).click()
    view.get_by_role("button", name="id", exact=True).click()
    expect(view.locator(".card")).to_have_count(2)
    expect(view.locator(".reconnect")).to_contain_text("no Last-Event-ID")
    view.get_by_role("button", name="blank line", exact=True).click()
    expect(view.locator(".reconnect")).to_contain_text("Last-Event-ID: 9")
    visit.python("setattr(view, 'data', b'data: from Python\\n\\n')")
    expect(view.locator(".card .data")).to_have_text("from Python")
    expect(stream).to_have_value("data: from Python\n\n")


def test_the_keyboard_alone(visit: Visit, view: Locator) -> None:
    keyboard = visit.page.keyboard
    line = view.locator(".line")
    line.first.focus()
    keyboard.press("ArrowDown")
    expect(line.nth(1)).to_be_focused()
    keyboard.press("ArrowRight")
    expect(view.locator(".card").first).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python("view.selection", "[0, 17, -1]")
    keyboard.press("ArrowDown")
    expect(view.locator(".card").nth(1)).to_be_focused()
    keyboard.press("ArrowLeft")
    expect(line.nth(3)).to_be_focused()
    keyboard.press("Escape")
    visit.expect_python("view.selection", "[]")
    keyboard.press("?")
    expect(view.locator(".keys")).to_be_visible()
    visit.python("setattr(view, 'data', b'data: x\\n\\n')")
    expect(line).to_have_count(2)
    line.first.focus()
    keyboard.press("u")
    expect(line).to_have_count(4)
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"


def test_everybody_can_use_it(visit: Visit, view: Locator) -> None:
    view.get_by_role("button", name="More", exact=True).click()
    view.get_by_role("textbox", name="bytes a chunk").fill("5")
    view.get_by_role("textbox", name="the stream").fill("retry: 5\nfoo\nid: 1\nevent: e\n: c\ndata: x\n\ndata: cut")
    expect(view.locator(".card.unfinished")).to_have_count(1)
    view.locator(".line").first.click()
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-events")
    small = view.evaluate(
        """root => [...root.querySelectorAll('button, input, select, textarea')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0
