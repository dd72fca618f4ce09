"""The report as a browser opens it from disk: no request, no error, nothing run, in light, in dark and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.capture.files import OWN, capture_of
from tests.test_report import HOSTILE, masked, talk
from tests.widgets.axe import assert_accessible
from wsviz import Frame
from wsviz.report.page import report_page


@contextmanager
def opened(browser: Browser, path: Path, *, scheme: str = "light", width: int = 1200) -> Iterator[Page]:
    """Open a file without a network; fails where the page asks for anything or complains in its console."""
    asked, said = list[str](), list[str]()
    with browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}) as context:  # type: ignore[arg-type]
        context.set_offline(True)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))  # the policy's violations among them
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: said.append(dialog.message))
        page.goto(path.as_uri())
        yield page
    assert asked == [path.as_uri()]
    assert not said


def written(folder: Path, name: str, *, payloads: bool = True) -> Path:
    path = folder / "report.html"
    path.write_text(report_page(capture_of(OWN / f"{name}.pcapng"), payloads=payloads), encoding="utf-8")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["close_matrix", "handshake_matrix", "poll"])
def test_a_report_from_disk(name: str, scheme: str, tmp_path: Path, browser: Browser) -> None:
    with opened(browser, written(tmp_path, name), scheme=scheme) as page:
        assert page.title() == f"wsviz report: {name}.pcapng"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]  # the sheet is let in
        assert_accessible(page, "main")


def test_a_narrow_page_does_not_scroll_sideways(tmp_path: Path, browser: Browser) -> None:
    with opened(browser, written(tmp_path, "close_matrix"), width=400) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_on_paper_everything_is_unfolded(tmp_path: Path, browser: Browser) -> None:
    with opened(browser, written(tmp_path, "handshake_matrix"), scheme="dark") as page:
        folded = page.locator("details:not([open]) table").first
        assert not folded.is_visible()
        page.emulate_media(media="print")
        assert folded.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.pdf(format="A4").startswith(b"%PDF")


def test_links_lead_to_what_they_name(tmp_path: Path, browser: Browser) -> None:
    with opened(browser, written(tmp_path, "echo")) as page:
        page.get_by_role("link", name="Overhead").click()
        assert page.evaluate("document.querySelector(':target').textContent") == "Overhead"


def test_a_hostile_capture_is_read_and_does_nothing(tmp_path: Path, browser: Browser) -> None:
    client = masked(Frame.text(HOSTILE)) + masked(Frame.ping(HOSTILE.encode()[:120]))
    capture = talk(client=client, server=Frame.close(1000, HOSTILE).serialize()).capture()
    path = tmp_path / "hostile.html"
    path.write_text(report_page(capture, payloads=True), encoding="utf-8")
    with opened(browser, path) as page:
        assert page.get_by_text("<script>alert(1)</script>").first.is_visible()
        assert page.locator("script, img, iframe, [onerror], a:not([href^='#'])").count() == 0


def test_the_policy_stops_what_would_slip_through(tmp_path: Path, browser: Browser) -> None:
    path = written(tmp_path, "echo")
    slip = "<script>document.title = 'ran'</script><p id=slip style='color: red'>x</p></body>"
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", slip), encoding="utf-8")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(path.as_uri())
        assert page.title() == "wsviz report: echo.pcapng"
        assert page.evaluate("getComputedStyle(document.getElementById('slip')).color") != "rgb(255, 0, 0)"
