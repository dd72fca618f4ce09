"""The browser's client, driven in Chromium: against the lab, in a tab and within a frame as JupyterLab makes one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect
from playwright.sync_api import Route as Intercepted
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.jupyter import PATIENCE
from tests.lab.peers import running
from tests.widgets.axe import assert_accessible
from wsviz.lab import Lab

expect.set_options(timeout=PATIENCE)
HOSTILE = "<img src=x onerror=\"document.title='run'\">"


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab.start(period=3600) as lab:
        yield lab


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """The address of a page of another origin on this machine, as JupyterLab's is."""

    async def empty(_: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>elsewhere</title>")

    with running(Starlette(routes=[Route("/", empty)])) as server:
        yield f"http://127.0.0.1:{server.port}/"


@pytest.fixture
def context(browser: Browser, lab: Lab, elsewhere: str) -> Iterator[BrowserContext]:
    """A browser that reaches the lab and the page elsewhere only."""
    context = browser.new_context(viewport={"width": 900, "height": 700})
    context.set_default_timeout(PATIENCE)
    foreign: list[str] = []

    def guard(route: Intercepted) -> None:
        if route.request.url.startswith((f"http://127.0.0.1:{lab.port}/", elsewhere)):
            route.continue_()
        else:
            foreign.append(route.request.url)
            route.abort()

    context.route(re.compile("^http"), guard)
    yield context
    context.close()
    assert foreign == []


@pytest.fixture
def page(context: BrowserContext, lab: Lab) -> Iterator[Page]:
    """The client in a tab; fails its test if the page threw."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(lab.page().url)
    yield page
    assert errors == []


def press(page: Page | FrameLocator, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def connect(page: Page | FrameLocator, place: str = "application", subprotocols: str = "wsviz.demo") -> None:
    page.get_by_label("Address").fill(place)
    page.get_by_label("Subprotocols").fill(subprotocols)
    press(page, "Connect")


def says(page: Page | FrameLocator, name: str, text: str | re.Pattern[str]) -> None:
    """Expect a property of the WebSocket object to be shown so."""
    expect(page.locator(f"#{name}")).to_have_text(text)


def log(page: Page | FrameLocator) -> list[str]:
    """The lines of the log without their times."""
    return [
        line.split("\n", 1)[1].replace("\n", " ") for line in page.get_by_role("log").locator("div").all_inner_texts()
    ]


def test_connect_send_and_disconnect(page: Page) -> None:
    says(page, "readyState", "no object yet")
    connect(page)
    says(page, "readyState", "1 OPEN")
    says(page, "protocol", "wsviz.demo")
    says(page, "extensions", re.compile("^permessage-deflate"))
    page.get_by_label("Message").fill("Hello")
    press(page, "Send")
    expect(page.get_by_text("Hello")).to_have_count(2)
    page.get_by_label("as binary").check()
    press(page, "Send")
    expect(page.get_by_text("5 bytes: 48 65 6c 6c 6f")).to_have_count(2)
    page.get_by_label("Close code").fill("4000")
    page.get_by_label("Reason").fill("enough")
    press(page, "Disconnect")
    says(page, "readyState", "3 CLOSED")
    says(page, "closed", 'code 4000, reason "enough", wasClean true')
    assert log(page) == [
        "· connecting to application",
        "· open",
        "← one-time message from the server",
        "→ Hello",
        "← Hello",
        "→ 5 bytes: 48 65 6c 6c 6f",
        "← 5 bytes: 48 65 6c 6c 6f",
        "· closing",
        '· close: code 4000, reason "enough"',
    ]
    connect(page, "/echo", "")
    says(page, "readyState", "1 OPEN")
    says(page, "protocol", '"" (none)')


def test_the_keyboard_alone_will_do(page: Page) -> None:
    page.get_by_label("Address").press("Enter")
    says(page, "readyState", "1 OPEN")
    page.get_by_label("Message").press("Enter")
    expect(page.get_by_text("Hello")).to_have_count(2)
    page.get_by_label("Reason").press("Enter")
    says(page, "readyState", "3 CLOSED")
    seen = []
    page.get_by_label("Address").focus()
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id"))
    assert seen == ["subprotocols", "connect", "message", "binary", "code", "reason", "clear", "log"]


def test_what_comes_is_only_text(page: Page, lab: Lab) -> None:
    connect(page)
    says(page, "readyState", "1 OPEN")
    lab.broadcast(HOSTILE)
    lab.broadcast("last")
    expect(page.get_by_text("last")).to_be_visible()
    assert f"← {HOSTILE}" in log(page)
    assert page.locator("img").count() == 0
    assert page.title() == "WebSocket client"


def test_what_the_api_refuses_is_said(page: Page) -> None:
    connect(page, subprotocols="a a")
    expect(page.get_by_text("SyntaxError")).to_be_visible()
    says(page, "readyState", "no object yet")
    connect(page)
    says(page, "readyState", "1 OPEN")
    page.get_by_label("Close code").fill("1001")
    press(page, "Disconnect")
    expect(page.get_by_text("InvalidAccessError")).to_be_visible()
    says(page, "readyState", "1 OPEN")


def test_a_refused_handshake_and_a_stopped_lab_are_told_apart_by_their_codes(page: Page, lab: Lab) -> None:
    connect(page, "nowhere")
    says(page, "closed", 'code 1006, reason "", wasClean false')
    assert "· error (a script is not told which)" in log(page)
    connect(page)
    says(page, "readyState", "1 OPEN")
    lab.stop()
    says(page, "closed", re.compile("^code 1012"))


def test_the_log_is_bounded(page: Page, lab: Lab) -> None:
    connect(page)
    says(page, "readyState", "1 OPEN")
    for number in range(600):
        lab.broadcast(f"{number}")
    lab.broadcast("x" * 10_000)
    expect(page.get_by_text("(10000 characters)")).to_be_visible()
    lines = log(page)
    assert len(lines) == 500
    assert lines[0] == "← 101"
    assert len(lines[-1]) < 2100
    press(page, "Clear")
    assert log(page) == []


def test_within_a_frame_of_jupyterlab_it_works_without_cookies(
    context: BrowserContext, lab: Lab, elsewhere: str
) -> None:
    page = context.new_page()
    page.goto(elsewhere)
    page.evaluate("html => document.body.innerHTML = html", lab.page()._repr_html_())
    client = page.frame_locator("iframe")
    connect(client)
    says(client, "readyState", "1 OPEN")
    press(client, "Send")
    expect(client.get_by_text("Hello")).to_have_count(2)
    assert context.cookies() == []


def test_nobody_but_pages_of_this_machine_may_frame_it(context: BrowserContext, lab: Lab) -> None:
    page = context.new_page()  # about:blank, which is of no origin
    with page.expect_event("console", lambda message: "frame-ancestors" in message.text):
        page.evaluate("html => document.body.innerHTML = html", lab.page()._repr_html_())


def test_no_page_of_another_origin_gets_a_connection(context: BrowserContext, lab: Lab, elsewhere: str) -> None:
    """Not even one that has found out the token."""
    page = context.new_page()
    page.goto(elsewhere)
    code = page.evaluate(
        "url => new Promise(done => { new WebSocket(url).onclose = event => done(event.code); })", lab.url()
    )
    assert code == 1006
    assert "0 clients" in repr(lab)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    connect(page)
    says(page, "readyState", "1 OPEN")
    press(page, "Send")
    expect(page.get_by_text("Hello")).to_have_count(2)
    assert_accessible(page, "html")
