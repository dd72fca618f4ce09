"""The pages of the five mechanisms in Chromium."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.jupyter import PATIENCE
from tests.lab.peers import Running, running
from tests.widgets.axe import assert_accessible
from wsviz.lab.mechanisms import EVENTS_PER_RESPONSE, MECHANISMS, mechanisms_app
from wsviz.lab.updates import COUNT, Update

HOSTILE = "<img src=x onerror=\"document.title='run'\">"
# Quicker than the real ones, and with a text that would like to be more than text.
TEXTS = [json.dumps({"id": number, "price": HOSTILE}) for number in range(1, COUNT + 1)]
QUICK = [Update(number, number * 0.02, text) for number, text in enumerate(TEXTS, start=1)]
REQUESTS = {
    "longpoll": f"{COUNT} requests",
    "stream": "1 request",
    "sse": f"{COUNT // EVENTS_PER_RESPONSE} requests",
    "websocket": "1 request",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(mechanisms_app(QUICK)) as server:
        yield server


@pytest.fixture
def pages(browser: Browser, server: Running) -> Iterator[dict[str, Page]]:
    """A page for each mechanism, all in one browser; fails its test if one of them has an error in its console."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    errors: list[str] = []
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    opened = {name: context.new_page() for name in MECHANISMS}
    for name, page in opened.items():
        page.goto(f"http://127.0.0.1:{server.port}/{name}.html")
    yield opened
    context.close()
    assert errors == []


def test_each_page_shows_every_update_as_text(pages: dict[str, Page]) -> None:
    for _ in ("first", "again"):  # a page that starts again is a new client
        for page in pages.values():
            page.get_by_role("button").press("Enter")
        for name, page in pages.items():
            page.get_by_text(": done").wait_for()
            state = page.get_by_role("status").inner_text()
            assert state.startswith(f"{COUNT} of {COUNT} updates, ")
            if name in REQUESTS:
                assert f", {REQUESTS[name]}:" in state
            assert page.locator("tr.update td:last-child").all_inner_texts() == TEXTS
            assert page.locator("tbody *:not(tr, td)").count() == 0
            assert page.title() != "run"


def test_a_page_says_when_the_server_is_gone(browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    with running(mechanisms_app(QUICK)) as server:
        page.goto(f"http://127.0.0.1:{server.port}/poll.html")
    page.get_by_role("button").click()
    page.get_by_text("0 of 30 updates, 1 request: Failed to fetch").wait_for()
    assert page.get_by_role("button").is_enabled()
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_accessible(pages: dict[str, Page], scheme: str) -> None:
    page = pages["poll"]
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.get_by_role("button").click()
    page.get_by_text(": done").wait_for()
    assert_accessible(page, "body")
