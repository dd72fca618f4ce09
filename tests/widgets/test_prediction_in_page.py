"""`Prediction` in a real JupyterLab: chosen by hand and by key, committed to, and counted."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.jupyter import Visit
from tests.widgets.axe import assert_accessible

CELLS = [
    "import os\nos.environ['WSVIZ_PROGRESS'] = os.path.abspath('predictions.json')\n"
    "from wsviz.lessons import lesson\nq = lesson('00').who_speaks_first\nq",
    "q.check('c')",
]


def test_a_prediction_is_made(visit: Visit) -> None:
    visit.write("predict.ipynb", CELLS[:1])
    visit.open("predict.ipynb")
    visit.run_all()
    form = visit.page.locator(".wsviz-prediction")
    commit = form.get_by_role("button", name="Commit")
    expect(form.get_by_role("radio")).to_have_count(3)
    expect(commit).to_be_disabled()

    form.get_by_text("the server: it accepted").click()
    expect(form.locator(".said")).to_be_hidden()
    visit.expect_python("q.record.attempts", "0")
    commit.click()
    expect(form.locator(".said")).to_contain_text("Not so. It may, but it has no privilege")
    visit.expect_python("q.record.attempts, q.record.solved", "1 False")
    expect(commit).to_be_disabled()

    form.get_by_role("radio").nth(1).focus()
    visit.page.keyboard.press("ArrowDown")
    expect(form.get_by_role("radio").nth(2)).to_be_checked()
    visit.page.keyboard.press("Tab")
    expect(commit).to_be_focused()
    visit.page.keyboard.press("Enter")
    expect(form.locator(".said")).to_contain_text("Right. There are no requests")
    expect(form.locator(".spoken")).to_contain_text("Right")
    visit.expect_python("q.record.attempts, q.record.solved", "2 True")


def test_it_is_accessible_before_and_after_an_answer(visit: Visit) -> None:
    visit.write("accessible.ipynb", CELLS[:1])
    visit.open("accessible.ipynb")
    visit.run_all()
    form = visit.page.locator(".wsviz-prediction")
    for key, said in (("", ""), ("the server: it accepted", "Not so"), ("either side", "Right")):
        if key:
            form.get_by_text(key).click()
            form.get_by_role("button", name="Commit").click()
            expect(form.locator(".said")).to_contain_text(said)
        for dark in (False, True):
            visit.set_theme(dark=dark)
            assert_accessible(visit.page, ".wsviz-prediction")


def test_a_card_shows_in_the_page(visit: Visit) -> None:
    visit.write("card.ipynb", CELLS)
    visit.open("card.ipynb")
    visit.run_all()
    expect(visit.page.get_by_text("✓ Solved: After the 101")).to_be_visible()
