"""The bank: whom it serves, and that a real browser sends its cookie for a page of another origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.jupyter import PATIENCE
from tests.lab.peers import running
from wsviz.lab.bank import CUSTOMER, STRANGER, TIMEOUT, Bank

FOREIGN = "http://evil.example"
ASK = """
(url) => new Promise((resolve) => {
  const socket = new WebSocket(url);
  socket.onmessage = ({ data }) => resolve(data);
  socket.onclose = ({ code }) => resolve(code);
})
"""


def ask(bank: Bank, origin: str | None, cookie: str | None) -> str | int:
    """What a client hears that says this: the message, or the status of the refusal."""
    headers = {} if cookie is None else {"Cookie": cookie}
    try:
        with connect(
            bank.url,
            origin=None if origin is None else Origin(origin),
            additional_headers=headers,
            proxy=None,
            open_timeout=TIMEOUT,
        ) as connection:
            return str(connection.recv(timeout=TIMEOUT))
    except InvalidStatus as refused:
        return refused.response.status_code


def test_a_bank_that_checks_no_origin_serves_every_page_by_its_cookie() -> None:
    with Bank(check_origin=False) as bank:
        cookie = bank.log_in()
        for origin in (bank.origin, FOREIGN, None):
            assert ask(bank, origin, cookie) == CUSTOMER
            assert ask(bank, origin, f"a=b; {cookie}") == CUSTOMER
            assert ask(bank, origin, None) == ask(bank, origin, "session=guessed") == STRANGER


def test_a_bank_that_checks_it_refuses_other_pages() -> None:
    with Bank(check_origin=True) as bank:
        cookie = bank.log_in()
        assert ask(bank, bank.origin, cookie) == CUSTOMER
        for origin in (FOREIGN, bank.origin + "0", bank.origin.replace("http", "https"), "null", None):
            assert ask(bank, origin, cookie) == 403


def test_stop_ends_it_and_may_be_called_again() -> None:
    bank = Bank(check_origin=True)
    assert repr(bank) == "<Bank running>"
    bank.stop()
    bank.stop()
    assert repr(bank) == "<Bank stopped>"
    with pytest.raises(ConnectionRefusedError):
        bank.log_in()


@pytest.fixture
def foreign_page(browser: Browser) -> Iterator[Page]:
    """A page of another origin on this machine: the port is another one."""

    async def empty(_: Request) -> HTMLResponse:
        return HTMLResponse("<!doctype html><title>elsewhere</title>")

    with running(Starlette(routes=[Route("/", empty)])) as server, browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        yield page_at(page, f"http://127.0.0.1:{server.port}/")


def page_at(page: Page, address: str) -> Page:
    page.goto(address)
    return page


@pytest.mark.parametrize("check_origin", [False, True])
def test_chromium_sends_the_cookie_for_a_foreign_page(foreign_page: Page, check_origin: bool) -> None:
    elsewhere = foreign_page.url
    with Bank(check_origin=check_origin) as bank:
        assert foreign_page.evaluate(ASK, bank.url) == (1006 if check_origin else STRANGER)
        assert page_at(foreign_page, bank.origin).evaluate(ASK, bank.url) == CUSTOMER
        assert page_at(foreign_page, elsewhere).evaluate(ASK, bank.url) == (1006 if check_origin else CUSTOMER)


def test_chromium_withholds_the_cookie_from_a_page_of_another_site(browser: Browser) -> None:
    """A cookie without SameSite counts as Lax: Chromium's own defence, which not every browser has."""
    with Bank(check_origin=False) as bank, browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        context.route(
            f"{FOREIGN}/", lambda route: route.fulfill(content_type="text/html", body="<title>evil</title>")
        )
        page = page_at(context.new_page(), bank.origin)
        assert page.evaluate(ASK, bank.url) == CUSTOMER
        assert page_at(page, f"{FOREIGN}/").evaluate(ASK, bank.url) != CUSTOMER
