"""A live Ladder in a real JupyterLab: the page shows what passes, and says when relay or kernel are gone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.widgets.axe import assert_accessible

if TYPE_CHECKING:
    from tests.jupyter import Visit

CELLS = [
    "from websockets.sync.client import connect\nfrom wsviz.lab import Lab\nfrom wsviz.widgets import Ladder\n"
    "lab = Lab.start()\nrelay = lab.relay()\n"
    "def say(text):\n"
    "    with connect(lab.url('/echo', via=relay), proxy=None) as client:\n"
    "        client.send(text)\n"
    "        return client.recv()",
    "ladder = Ladder(relay)\nladder",
    "Ladder(lab.relay())",
]


def test_the_page_shows_what_passes(visit: Visit) -> None:
    visit.write("live.ipynb", CELLS)
    visit.open("live.ipynb")
    visit.run_all()
    ladder = visit.page.locator(".wsviz-ladder").first
    live = ladder.locator(".live")
    expect(ladder.locator(".step")).to_have_text(re.compile("nothing has passed"))
    expect(live).to_have_text("live: grows as bytes pass")
    evil = "<img src=x onerror=alert(1)>"
    visit.expect_python(f"say({evil!r})", evil)
    row = ladder.locator(".step.data.server").filter(has_text=evil)
    expect(row).to_have_count(1)
    row.click()
    expect(ladder.locator(".detail .dtop")).to_contain_text("text frame")
    visit.expect_python("say('more')", "more")
    chosen = ladder.locator("label").filter(has_text="connection").locator("select")
    expect(chosen.locator("option")).to_have_count(2)
    expect(ladder.locator(".detail .dtop")).to_contain_text("text frame")
    chosen.select_option(index=1)
    expect(ladder.locator(".step.data").filter(has_text="more")).to_have_count(2)
    assert ladder.locator("img").count() == 0
    for dark in (False, True):
        visit.set_theme(dark=dark)
        assert_accessible(visit.page, ".wsviz-ladder")
    visit.python("relay.stop()")
    expect(live).to_have_text("the relay has been stopped: this is all that it saw")
    assert not live.evaluate("each => each.classList.contains('on')")

    # The other ladder is still live when its kernel goes away.
    visit.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    expect(visit.page.locator(".wsviz-ladder").nth(1).locator(".notice")).to_contain_text("its kernel is not running")
