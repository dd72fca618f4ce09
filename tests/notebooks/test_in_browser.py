"""The notebooks as a learner meets them: in JupyterLab, in Chromium, with no address but the server's in reach."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.jupyter import Server, Visit, guarded_visit

START = "notebooks/00-start-here.ipynb"


def test_the_start_notebook_runs_and_a_bit_flips(visit: Visit) -> None:
    visit.open(START)
    visit.run_all()
    diagram = visit.page.locator(".wsviz-frame").first
    length = diagram.locator(".fields button[data-name='Payload len']")
    expect(length).to_contain_text("5 bytes")
    diagram.locator("[data-bit='15']").click()  # as the notebook says: the last bit of the length
    expect(length).to_contain_text("4 bytes")
    expect(diagram.locator(".slim.rest")).to_contain_text("1 byte after the frame")
    diagram.get_by_role("button", name="Undo").click()
    expect(length).to_contain_text("5 bytes")


def test_a_notebook_runs_and_the_theme_changes(visit: Visit) -> None:
    visit.write("sum.ipynb", ["a = 20 + 1", "2 * a", ""])
    visit.open("sum.ipynb")
    visit.run_all()
    assert visit.cells()[1]["outputs"][0]["data"]["text/plain"] == "42"
    for dark in (True, False):
        visit.set_theme(dark=dark)


def test_an_error_in_a_cell_is_seen(visit: Visit) -> None:
    visit.write("error.ipynb", ["1 / 0", "2"])
    visit.open("error.ipynb")
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        visit.run_all()


WIDGET = """
import anywidget, traitlets

class Counter(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
        const button = document.createElement('button');
        const show = () => { button.textContent = `seen ${model.get('seen')}`; };
        button.onclick = () => { model.set('sent', model.get('sent') + 1); model.save_changes(); };
        model.on('change:seen', show);
        show();
        el.append(button);
    } }'''
    sent = traitlets.Int(0).tag(sync=True)
    seen = traitlets.Int(0).tag(sync=True)

counter = Counter()
counter.observe(lambda change: setattr(counter, "seen", 10 * change.new), "sent")
counter
"""


def test_a_widget_talks_with_its_kernel(visit: Visit) -> None:
    visit.write("widget.ipynb", [WIDGET.strip()])
    visit.open("widget.ipynb")
    visit.run_all()
    visit.page.get_by_role("button", name="seen 0").click()
    visit.page.get_by_role("button", name="seen 10").wait_for()


def test_a_foreign_address_is_refused_and_noted(browser: Browser, jupyter: Server) -> None:
    tries = {
        "http://example.invalid/x.png": "<img src='{}'>",
        "https://cdn.invalid/m.css": "<style>@import url('{}');</style>",
        "ws://example.invalid/live": "<img src='data:,' onerror='new WebSocket(\"{}\")'>",
    }
    with guarded_visit(browser, jupyter) as visit:
        code = "".join(way.format(address) for address, way in tries.items())
        visit.write("foreign.ipynb", ["from IPython.display import HTML", f"HTML({code!r})"])
        visit.open("foreign.ipynb")
        assert not visit.foreign, "JupyterLab by itself asks nobody"
        visit.run_all()
        visit.page.wait_for_timeout(500)
        assert set(visit.foreign) == set(tries)
