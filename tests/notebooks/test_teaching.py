"""`notebooks/teaching.md`: what it tells teachers to copy works, on a repository of somebody else's."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

from notebooks.execute import run, store
from wsviz.lessons.progress import NAME, Progress

PAGE = Path(__file__).parents[2] / "notebooks/teaching.md"
TEXT = PAGE.read_text("utf-8")
CELLS = ["import time", "print('took', time.perf_counter() - time.perf_counter() + 0.25, 's')", "6 * 7"]


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Somebody's repository with one executed notebook, whose second cell shows another time in each run."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "repository"
    (folder / "notebooks").mkdir(parents=True)
    (folder / "nbval.cfg").write_text(block("ini"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    store(run(notebook, folder), folder / "notebooks" / "answer.ipynb")
    return folder


def change(repository: Path, cell: int, **changes: Any) -> None:
    path = repository / "notebooks" / "answer.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[cell].update(nbformat.from_dict(changes))
    nbformat.write(notebook, path)


def steps() -> list[str]:
    """What the workflow runs, but for what needs a network."""
    [job] = yaml.safe_load(block("yaml"))["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]
    return [command for command in commands if " pip install " not in command]


def workflow(repository: Path) -> list[tuple[int, str]]:
    """Run the steps; the exit status and the output of each."""
    own = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]), "PYTEST_ADDOPTS": ""}
    ran = [
        subprocess.run(
            shlex.split(command), cwd=repository, env=os.environ | own, capture_output=True, text=True, check=False,
            timeout=600,
        )
        for command in steps()
    ]  # fmt: skip
    return [(each.returncode, each.stdout + each.stderr) for each in ran]


def test_the_workflow_passes_a_good_notebook(repository: Path) -> None:
    change(repository, 1, outputs=[{"output_type": "stream", "name": "stdout", "text": "took 0.125 s\n"}])
    (checked, said), (compared, report) = workflow(repository)
    assert (checked, said) == (0, "1 notebook, nothing wrong\n")
    assert compared == 0, report
    assert "3 passed" in report


def test_the_workflow_stops_at_a_wrong_output(repository: Path) -> None:
    wrong = {"output_type": "execute_result", "execution_count": 3, "metadata": {}, "data": {"text/plain": "41"}}
    change(repository, 2, outputs=[wrong])
    (checked, _), (compared, report) = workflow(repository)
    assert checked == 0, "nobody can see that without a kernel"
    assert compared == 1
    assert "1 failed, 2 passed" in report


def test_the_check_stops_at_what_was_not_run(repository: Path) -> None:
    change(repository, 2, outputs=[], execution_count=None)
    path = Path("notebooks", "answer.ipynb")
    assert workflow(repository)[0] == (1, f"{path}: cell 3: was not executed\n")


def test_the_table_of_who_has_done_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for student, solved in (("anna", True), ("ben", False)):
        (tmp_path / "handed-in" / student).mkdir(parents=True)
        progress = Progress(tmp_path / "handed-in" / student / NAME)
        progress.change("04.header_sizes", attempts=2, solved=solved)
        progress.change("00.packet_of_101", attempts=1, solved=True)
    monkeypatch.chdir(tmp_path)
    *code, last = block("python").strip().splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(code), names)  # our own code
    table = eval(last, names)
    assert table["04.header_sizes"].to_dict() == {"anna": True, "ben": False}
    assert table["00.packet_of_101"].all()


def test_links_lead_somewhere_and_commands_exist() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    assert len(links) >= 4
    assert [link for link in links if not (PAGE.parent / link).is_file()] == []
    makefile = (PAGE.parents[1] / "Makefile").read_text()
    targets = set(re.findall(r"`(?:[A-Z_]+=\S+ )?make (\w+)`", TEXT))
    assert {"setup", "lab", "solutions"} <= targets
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
