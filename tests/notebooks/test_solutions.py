"""The course with its answers filled in: every answer is taken, and every other cell shows what it shows without."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from notebooks import execute
from notebooks.execute import main, problems, read, without_pictures
from wsviz.lessons import lesson
from wsviz.lessons.exercise import Lesson
from wsviz.lessons.solutions import solved

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels' settings and the learner's progress are this test's own."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("WSVIZ_PROGRESS", str(tmp_path / "progress.json"))


@pytest.mark.parametrize("stem", ["03-handshake", "05-masking"])
def test_a_lesson_is_solved_and_nothing_else_changes(stem: str, tmp_path: Path) -> None:
    path, copy = NOTEBOOKS / f"{stem}.ipynb", tmp_path / "solutions" / f"{stem}.ipynb"
    before = path.read_bytes()
    assert main(["--solutions", str(copy.parent), str(path)]) == 0
    assert path.read_bytes() == before
    assert problems(copy) == []
    answered = 0
    for cell, given in zip(without_pictures(read(copy)).cells, without_pictures(read(path)).cells, strict=True):
        if cell.source == given.source:
            assert cell.get("outputs") == given.get("outputs"), cell.source
        else:
            answered += 1
            assert cell.outputs[-1].data["text/plain"].startswith("Solved: ")
    assert answered == len(lesson(stem[:2]))


def test_a_cell_keeps_its_question_as_a_comment() -> None:
    q = lesson("01")
    assert solved("x = 1\nq.syns.check(...)", q).startswith("x = 1\n# How many TCP connections")
    assert solved("q.ports", q).splitlines()[-2:] == ['answer = "b"', "q.ports.check(answer)"]
    assert "\n# b) a different one each time\n" in solved("q.ports", q)
    for other in ("q.nothing.check(...)", "q.syns.check(7)", "q.syns.hint()", "print(q.syns)", "q = lesson('01')"):
        assert solved(other, q) == other


def test_an_answer_that_is_not_taken_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(number: str) -> Lesson:
        q = lesson(number)
        exercises = tuple(replace(each, code="answer = 99") if each.word == "header_sizes" else each for each in q)
        return Lesson(number, q.title, q.notebook, q.goal, exercises)

    monkeypatch.setattr(execute, "lesson", broken)
    path = NOTEBOOKS / "00-start-here.ipynb"
    assert main(["--solutions", str(tmp_path), str(path)]) == 1
    assert "an answer is not taken: Not yet: Hello, both ways\n" in capsys.readouterr().err
