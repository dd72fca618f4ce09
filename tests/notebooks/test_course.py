"""`make course`: a notebook that runs well passes, and each fault that it looks for is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.course import faults, main
from tests.jupyter import Server, guarded_visit

FRAME = "from wsviz import Frame\nfrom wsviz.widgets import FrameDiagram\nFrameDiagram(Frame.text('Hi'))"
HIDDEN = "from IPython.display import HTML\nHTML('<style>.wsviz { display: none }</style>')"
FOREIGN = "from IPython.display import HTML\nHTML('<img src=\"http://example.invalid/x.png\">')"
BROKEN = (
    "import anywidget\n"
    "class Broken(anywidget.AnyWidget):\n"
    "    _esm = 'export default { render() { throw new Error(\"no view\") } }'\n"
    "Broken()"
)


@pytest.fixture
def found(request: pytest.FixtureRequest, browser: Browser, jupyter: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said of a notebook of these cells."""
    monkeypatch.setattr("tests.course.SOON", 5)  # where no widget comes, nobody need wait for it long
    with guarded_visit(browser, jupyter) as visit:
        visit.write("course.ipynb", request.param)
        return "\n".join(faults(visit, "course.ipynb", seconds=120))


@pytest.mark.parametrize("found", [[FRAME, "1 + 1"]], indirect=True)
def test_a_good_notebook_has_no_fault(found: str) -> None:
    assert found == ""


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (["1 / 0", "2"], "ZeroDivisionError: division by zero"),
        (["import sys\nprint('old', file=sys.stderr)"], "a warning: old"),
        ([FRAME, HIDDEN], "0 seen of 1 widget"),
        ([BROKEN], "the console says: Error: no view"),
        ([FOREIGN], "it asks for a foreign address: http://example.invalid/x.png"),
    ],
    indirect=["found"],
    ids=["error", "warning", "hidden widget", "console", "foreign address"],
)
def test_a_fault_is_told(found: str, fault: str) -> None:
    assert fault in found


def test_a_notebook_that_hangs_is_given_up(browser: Browser, jupyter: Server) -> None:
    with guarded_visit(browser, jupyter) as visit:
        visit.write("hang.ipynb", ["import time\ntime.sleep(600)"])
        assert faults(visit, "hang.ipynb", seconds=15)[0] == "it is not done after 15 s"


def test_what_is_not_a_notebook_of_the_course_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "mine.ipynb")])
    assert "mine.ipynb is no notebook of notebooks/" in capsys.readouterr().err
