"""HandshakeNegotiator in a real JupyterLab: the hand edits both sides, Python negotiates, the page shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit


CELLS = [
    "from wsviz.widgets import HandshakeNegotiator\nnegotiator = HandshakeNegotiator()\nnegotiator",
    "from wsviz.protocol.handshake_rules import ANSWER, REQUEST\n"
    "evil = '</script><img src=x onerror=\"document.title = 1 / 0\">\\x1b[31m'.encode()\n"
    "note = b'X-Note: ' + evil + b'\\r\\n\\r\\n'\nHandshakeNegotiator(REQUEST + note, ANSWER + note)",
]


@pytest.fixture
def negotiator(visit: Visit) -> Locator:
    visit.write("negotiator.ipynb", CELLS)
    visit.open("negotiator.ipynb")
    visit.run_all()
    negotiator = visit.page.locator(".wsviz-handshake").first
    expect(negotiator.locator("[data-lane]")).to_have_count(5)
    return negotiator


def lane(negotiator: Locator, at: int) -> Locator:
    return negotiator.locator(f"[data-lane='{at}']")


def line(negotiator: Locator, words: str) -> Locator:
    return negotiator.locator(".text").filter(has_text=words)


def status(negotiator: Locator) -> Locator:
    return negotiator.locator(".outcome b").first


def test_hands_on_both_sides(visit: Visit, negotiator: Locator) -> None:
    # Hovering links a lane with its lines in both halves, and a line with its lane.
    lane(negotiator, 3).hover()
    expect(negotiator.locator(".text.on")).to_have_text(
        ["4Sec-WebSocket-Protocol: chat.v2, chat.v1", "4Sec-WebSocket-Protocol: chat.v1"]
    )
    line(negotiator, "Sec-WebSocket-Accept").hover()
    expect(negotiator.locator(".lane.on .name b")).to_have_text("version and key")

    # A click pins the bytes of the line.
    line(negotiator, "Sec-WebSocket-Accept").click()
    visit.expect_python(
        "(negotiator.request + negotiator.response)[slice(*negotiator.selection[:2])].decode().strip()",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    )
    expect(lane(negotiator, 1)).to_have_attribute("aria-selected", "true")

    # A scene to try.
    negotiator.get_by_role("combobox", name="Try").select_option("version 8")
    expect(status(negotiator)).to_have_text("426 Upgrade Required")
    expect(lane(negotiator, 1).locator(".verdict")).to_contain_text("is 8, expected 13, once")
    expect(negotiator.locator(".finding").first).to_contain_text("version-not-13")
    visit.expect_python("negotiator.handshake.response.value.status, negotiator.selection", "426 []")

    # The client's side, the server's side, the server's faults.
    negotiator.get_by_role("button", name="Edit both sides").click()
    negotiator.get_by_role("textbox", name="Sec-WebSocket-Version", exact=True).fill("13")
    expect(status(negotiator)).to_have_text("101 Switching Protocols")
    negotiator.get_by_role("textbox", name="Origin", exact=True).fill("https://evil.example")
    expect(lane(negotiator, 2).locator(".verdict")).to_contain_text("refused")
    negotiator.get_by_role("textbox", name="origins", exact=True).fill("")
    expect(status(negotiator)).to_have_text("101 Switching Protocols")
    negotiator.get_by_role("textbox", name="subprotocols", exact=True).fill("chat.v2")
    expect(lane(negotiator, 3).locator(".verdict")).to_contain_text("chat.v2")
    visit.expect_python("negotiator.handshake.subprotocol, negotiator.policy.origins", "chat.v2 None")
    negotiator.get_by_role("combobox", name="the server").select_option("sends no accept key")
    expect(negotiator.locator(".outcome").nth(1)).to_contain_text("fails the connection")
    expect(negotiator.locator(".accept")).to_contain_text("the response holds no accept key")
    negotiator.get_by_role("textbox", name="response as text", exact=True).fill("HTTP/1.1 500 Oops")
    expect(status(negotiator)).to_have_text("500 Oops")
    visit.expect_python("negotiator.response", r"b'HTTP/1.1 500 Oops\r\n\r\n'")

    # What cannot be is said in one line.
    negotiator.get_by_role("textbox", name="method", exact=True).fill("GE T")
    expect(negotiator.locator(".notice")).to_have_text("the method is 'GE T', expected a token such as GET")
    negotiator.get_by_role("button", name="Reset").click()
    expect(status(negotiator)).to_have_text("101 Switching Protocols")

    # What Python does, the page shows.
    visit.python("setattr(negotiator, 'request', negotiator.request.replace(b'GET', b'PUT', 1))")
    expect(status(negotiator)).to_have_text("405 Method Not Allowed")


def test_the_keyboard_alone(visit: Visit, negotiator: Locator) -> None:
    keyboard = visit.page.keyboard
    lane(negotiator, 0).focus()
    for key, at in (("ArrowDown", 1), ("End", 4), ("ArrowUp", 3)):
        keyboard.press(key)
        expect(lane(negotiator, at)).to_be_focused()
    expect(lane(negotiator, 3)).to_have_class("lane agreed on")
    keyboard.press("Enter")
    pinned = "(negotiator.request + negotiator.response)[slice(*negotiator.selection[:2])].decode().strip()"
    visit.expect_python(pinned, "Sec-WebSocket-Protocol: chat.v2, chat.v1")
    first = negotiator.locator(".text").first
    first.focus()
    keyboard.press("ArrowDown")
    expect(line(negotiator, "Host: ")).to_be_focused()
    keyboard.press("Enter")
    visit.expect_python(pinned, "Host: shop.example")
    expect(negotiator.locator(".spoken")).to_have_text("pinned: Host: shop.example")
    keyboard.press("Escape")
    visit.expect_python("negotiator.selection", "[]")
    visit.python("setattr(negotiator, 'request', negotiator.request.replace(b'GET', b'PUT', 1))")
    expect(status(negotiator)).to_have_text("405 Method Not Allowed")
    expect(negotiator.locator(".spoken")).to_contain_text("the server says: 405 Method Not Allowed")
    keyboard.press("u")
    expect(status(negotiator)).to_have_text("101 Switching Protocols")
    keyboard.press("?")
    expect(negotiator.locator(".keys")).to_be_visible()
    assert len(visit.cells()) == len(CELLS), "JupyterLab kept its hands off the keys"
    negotiator.get_by_role("button", name="Edit both sides").click()
    small = negotiator.evaluate(
        """root => [...root.querySelectorAll('button, input, select, textarea, [data-lane], [data-start]')]
            .map(each => each.getBoundingClientRect())
            .filter(box => box.width && (box.width < 24 || box.height < 24)).length"""
    )
    assert small == 0


def test_it_is_accessible_and_hostile_headers_are_text(visit: Visit, negotiator: Locator) -> None:
    negotiator.get_by_role("button", name="Edit both sides").click()
    negotiator.get_by_role("combobox", name="Try").select_option("a page from elsewhere")
    expect(status(negotiator)).to_have_text("403 Forbidden")
    lane(negotiator, 2).click()
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-handshake")
    hostile = visit.page.locator(".wsviz-handshake").nth(1)
    expect(line(hostile, "X-Note: </script><img src=x")).to_have_count(2)
    assert hostile.locator("img, script").count() == 0


def test_without_a_kernel_it_says_so(visit: Visit, negotiator: Locator) -> None:
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    negotiator.get_by_role("combobox", name="Try").select_option("version 8")
    expect(negotiator.locator(".notice")).to_contain_text("Python does not answer", timeout=20_000)
    visit.errors.clear()  # JupyterLab itself remarks that the kernel is gone
