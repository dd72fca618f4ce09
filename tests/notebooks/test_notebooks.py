"""The stored notebooks: executed, readable without a kernel, and what a kernel shows today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from notebooks.execute import PNG, SVG, WIDGET, execute, main, problems, read, store
from tests.notebooks.prose import prose_problems

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LESSONS = {path.name for path in NOTEBOOKS if path.name[:2].isdigit()}
"""The names of the notebooks that keep the prose law."""


def nbval(path: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Execute the notebook and compare every output with the stored one."""
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA")}
    command = [
        *(sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-cell-timeout=600", str(path)),
        *("-p", "no:cacheprovider", "-p", "no:xdist", "-o", "addopts=", "-o", "filterwarnings=default"),
    ]
    own |= {"IPYTHONDIR": str(folder / "ipython"), "WSVIZ_PROGRESS": str(folder / "progress.json")}
    environment = os.environ | own | {"PYTEST_ADDOPTS": ""}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_is_whole(path: Path) -> None:
    assert problems(path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_shows_what_a_kernel_shows(path: Path, tmp_path: Path) -> None:
    run = nbval(path, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", sorted(LESSONS))
def test_a_lesson_says_enough_and_not_too_much(name: str) -> None:
    assert prose_problems(read(NOTEBOOKS[0].parent / name)) == []


WIDGET_CELL = """
import anywidget

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><rect width="40" height="20"/></svg>'

class Picture(anywidget.AnyWidget):
    _esm = "export default { render({ el }) { el.textContent = 'live'; } }"

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return data | {"image/svg+xml": SVG, "text/plain": "a picture"}, metadata

Picture()
"""


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stored notebook of a printed line, a result and a widget with a picture."""
    path = tmp_path_factory.mktemp("sample") / "sample.ipynb"
    code = nbformat.v4.new_code_cell
    cells = [nbformat.v4.new_markdown_cell("# A sample"), *map(code, ["print('one')", "1 + 1", WIDGET_CELL.strip()])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    assert "was not executed" in problems(path)[0]
    store(execute(path), path)
    return path


def changed(sample: Path, tmp_path: Path, cell: int, **changes: object) -> Path:
    notebook = read(sample)
    notebook.cells[cell].update(nbformat.from_dict(changes))
    nbformat.write(notebook, tmp_path / "changed.ipynb")
    return tmp_path / "changed.ipynb"


def test_what_is_stored_of_a_widget_is_its_picture(sample: Path, tmp_path: Path) -> None:
    assert problems(sample) == []
    assert "widget" not in sample.read_text().replace("anywidget", "").replace("AnyWidget", "")
    [output] = read(sample).cells[3].outputs
    assert set(output.data) == {SVG, PNG, "text/plain"}
    assert output.metadata[PNG] == {"height": 20, "width": 40}
    run = nbval(sample, tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr


def test_executing_again_gives_the_same_file(sample: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.ipynb"
    again.write_bytes(sample.read_bytes())
    assert main([str(again)]) == 0
    assert again.read_bytes() == sample.read_bytes()


@pytest.mark.parametrize(
    ("cell", "outputs"),
    [
        (1, [{"output_type": "stream", "name": "stdout", "text": "two\n"}]),
        (2, [{"output_type": "execute_result", "execution_count": 2, "metadata": {}, "data": {"text/plain": "3"}}]),
        (2, []),
        (3, [{"output_type": "display_data", "metadata": {}, "data": {SVG: "<svg/>", "text/plain": "a picture"}}]),
    ],
)
def test_a_corrupted_output_fails(sample: Path, tmp_path: Path, cell: int, outputs: list[object]) -> None:
    run = nbval(changed(sample, tmp_path, cell, outputs=outputs), tmp_path)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Cell outputs differ" in run.stdout


@pytest.mark.parametrize(
    ("cell", "changes", "problem"),
    [
        (2, {"outputs": [], "execution_count": None}, "cell 3: was not executed"),
        (2, {"execution_count": 7}, "cell 3: was executed as 7, expected 2"),
        (3, {"source": "", "outputs": [], "execution_count": None}, "cell 4: is empty"),
        (2, {"source": "# NBVAL_IGNORE_OUTPUT\n1 + 1"}, "cell 3: tells nbval to look away"),
        (2, {"id": "mine"}, "its metadata or cell ids are not as stored"),
        (
            2,
            {"outputs": [{"output_type": "error", "ename": "E", "evalue": "e", "traceback": []}]},
            "cell 3: shows an error: E: e",
        ),
        (
            3,
            {"outputs": [{"output_type": "display_data", "metadata": {}, "data": {SVG: "<svg/>", "text/plain": ""}}]},
            "cell 4: holds an SVG without a PNG",
        ),
        (
            3,
            {"outputs": [{"output_type": "display_data", "metadata": {}, "data": {WIDGET: {}, "text/plain": ""}}]},
            "cell 4: holds a reference to a widget",
        ),
    ],
)
def test_what_is_no_stored_notebook_is_told(
    sample: Path,
    tmp_path: Path,
    cell: int,
    changes: dict[str, object],
    problem: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = changed(sample, tmp_path, cell, **changes)
    assert problem in problems(path)[0]
    assert main(["--check", str(path)]) == 1
    assert problem in capsys.readouterr().err


def test_an_error_in_a_cell_leaves_the_file_alone(
    sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(sample, tmp_path, 2, source="1 / 0")
    before = path.read_bytes()
    assert main([str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_the_prose_law() -> None:
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    fair = [text("word " * 30), code("# a comment\na = 1\n\nb = 2")]
    assert prose_problems(nbformat.v4.new_notebook(cells=fair)) == []
    assert "30 words to 4 lines" in prose_problems(nbformat.v4.new_notebook(cells=[*fair, code("c = 3\nd = 4")]))[0]
    assert "13 lines" in prose_problems(nbformat.v4.new_notebook(cells=[code("\n".join("a" * 13))]))[0]
