"""What every widget sends to the page: harmless, and no widget undoes another's looks."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.jupyter import Visit, soon
from wsviz import widgets
from wsviz.widgets.assets import STATIC
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.prediction import Prediction

WIDGETS = [getattr(widgets, name) for name in widgets.__all__] + [Prediction]
OWN = sorted(set(STATIC.glob("*.css")) - {STATIC / "theme.css"})


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: widget.__name__)
def test_nothing_comes_from_the_network_and_nothing_goes_in_as_html(widget: type[PictureWidget]) -> None:
    code = (str(widget._esm) + str(widget._css)).replace("http://www.w3.org/2000/svg", "")  # the name of a namespace
    ways = ("://", "innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "import(", "fetch(", "@import")
    assert [word for word in ways if word in code] == []


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_a_widget_s_rule_beats_the_shared_one(path: Path) -> None:
    rules = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)
    once = re.sub(r"\.wsviz-([a-z]+)\.wsviz-\1\b", "", rules)
    assert ".wsviz-" in rules
    assert ".wsviz-" not in once, "say the class twice"


def test_a_later_widget_leaves_an_earlier_one_as_it_is(visit: Visit) -> None:
    """Each widget brings the shared rules along, so those of the second stand behind the first one's own."""
    first = "from wsviz.widgets import FragmentTimeline\nfrom wsviz.lessons import lesson\nFragmentTimeline()"
    visit.write("two.ipynb", [first, "lesson('00').who_speaks_first"])
    visit.open("two.ipynb")
    visit.run_all()
    expect(visit.page.locator(".wsviz-prediction")).to_be_visible()
    first_bytes = visit.page.locator(".wsviz-fragments [data-byte]")
    boxes = (
        "all => all.slice(0, 6).map(each => each.getBoundingClientRect()).map(box => [box.y, box.left, box.right])"
    )

    def apart(found: list[tuple[float, float, float]]) -> bool:
        pairs = list(itertools.pairwise(found))
        return bool(pairs) and all(abs(one[0] - two[0]) >= 1 or one[2] <= two[1] + 1 for one, two in pairs)

    soon(lambda: first_bytes.evaluate_all(boxes), apart)
