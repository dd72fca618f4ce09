"""Exercises at large: how they are answered, hinted at and shown; and the course's map."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
from pathlib import Path

import pytest

from notebooks.execute import read
from wsviz import CaptureError, Frame
from wsviz.lessons import course, lesson, recording
from wsviz.lessons.course import LESSONS
from wsviz.lessons.exercise import Exercise, Kind
from wsviz.lessons.judging import judge_frame, judge_frames, judge_number

NUMBERS = [number for number, module, *_ in LESSONS if module]
ALL = [each for number in NUMBERS for each in lesson(number)]


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_an_exercise_is_whole(each: Exercise) -> None:
    assert re.fullmatch(r"\d\d\.[a-z][a-z0-9_]*", each.name)
    assert each.hints
    assert bool(each.choices) is (each.kind is Kind.PREDICT)
    assert bool(each.choices) is (each.judge is None)
    if each.choices:
        assert sum(not choice.wrong for choice in each.choices) == 1
    for said in (each.question, each.why, *each.hints):
        assert said[-1] in ".?!:)", said


@pytest.mark.parametrize("each", ALL, ids=lambda each: each.name)
def test_an_exercise_stands_in_its_notebook_and_its_solution_runs_there(each: Exercise) -> None:
    """A learner copies the solution into the next cell: what it names must be there, or in the solution itself."""
    stem = next(notebook for number, _, _, notebook, _ in LESSONS if number == each.name[:2])
    there = set(dir(builtins))
    for cell in read(Path(__file__).parents[2] / "notebooks" / f"{stem}.ipynb").cells:
        if cell.cell_type == "code":
            there |= _bound(cell.source)
            if re.search(rf"\bq\.{each.word}\b", cell.source):
                break
    else:
        pytest.fail(f"{stem} does not ask {each.name}")
    needed = {node.id for node in ast.walk(ast.parse(each.code)) if isinstance(node, ast.Name)}
    assert needed <= there | _bound(each.code)


def _bound(code: str) -> set[str]:
    """The names that a piece of Python gives a value to."""
    bound = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            bound.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {alias.asname or alias.name for alias in node.names}
    return bound


@pytest.mark.parametrize("number", NUMBERS)
def test_a_lesson_has_three_to_six_exercises_with_names_of_their_own(number: str) -> None:
    names = [each.name for each in lesson(number)]
    assert 3 <= len(names) <= 6
    assert len(set(names)) == len(names)
    assert all(name.startswith(f"{number}.") for name in names)


def test_hints_come_one_by_one_and_the_last_stays() -> None:
    exercise = lesson("00").header_sizes
    heads = [exercise.hint().head for _ in range(3)]
    assert heads == ["Hint 1 of 2", "Hint 2 of 2", "Hint 2 of 2"]
    assert exercise.record.hints == 2
    assert exercise.hint().lines[:2] == exercise.hints, "the first hint stays"
    assert "q.header_sizes.solution()" in str(exercise.check((1, 1)))


def test_frames_are_judged_in_any_form_of_their_bytes() -> None:
    judge = judge_frames("server", lambda frames: [] if len(frames) == 2 else [f"{len(frames)} frames"])
    frame = Frame.text("a")
    raw = frame.serialize()
    for answer in (raw * 2, [frame, raw.hex()], [*raw, *raw], "0x81 0x01 0x61, 81:01:61"):
        assert judge(answer) == []
    assert judge([*raw]) == ["1 frames"]


def test_a_solution_shows_its_code() -> None:
    shown = lesson("00").header_sizes.solution()
    assert "len(each.dissection.raw)" in str(shown)
    assert lesson("00").header_sizes.record.solution_seen
    assert not lesson("00").header_sizes.record.solved
    assert "<pre" in shown._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize("each", [each for each in ALL if "\n    " in each.code], ids=lambda each: each.name)
def test_a_printed_solution_can_be_copied(each: Exercise) -> None:
    """The text is what a terminal shows: its indentation is Python's."""
    _, *lines = str(each.solution()).splitlines()
    assert lines[: each.code.strip().count("\n") + 1] == each.code.strip().splitlines()


def test_what_an_answer_is_not_is_said_in_english() -> None:
    assert judge_number(2, unit="bytes")(b"ab") == [
        "This is a bytes object of length 2, and the answer is a number of bytes."
    ]
    frames = judge_frames("server", lambda frames: [])
    assert frames(b"\x81\x01a\x81") == ["What is left at the end, 1 byte, is too short for a frame."]
    assert judge_frame("server", lambda frame: [])(b"\x81") == [
        "The frame is not whole: 1 more byte is missing after 1 byte."
    ]


def test_what_is_asked_for_and_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no exercise 'nothing'; it has who_speaks_first"):
        _ = lesson("00").nothing
    with pytest.raises(ValueError, match="no lesson '99'; there are 00"):
        lesson("99")
    with pytest.raises(CaptureError, match=r"no recording 'nothing': there are .*echo"):
        recording("nothing")
    assert lesson(0).number == "00"


def test_the_map_counts_what_is_solved() -> None:
    before = str(course())
    assert "○○○" in before.splitlines()[0]
    assert len(before.splitlines()) == len(NUMBERS)
    lesson("00").who_speaks_first.check("c")
    assert "●○○" in str(course()).splitlines()[0]
    html = course()._repr_mimebundle_()["text/html"]
    notebooks = Path(__file__).parents[2] / "notebooks"
    links = re.findall(r"href='([^']+)'", html)
    assert [link[:2] for link in links] == NUMBERS
    assert all((notebooks / link).is_file() for link in links)


def test_lessons_need_no_kernel_and_no_network(own_progress: Path) -> None:
    code = (
        "import socket, sys\n"
        "def refuse(*given): raise OSError('no network')\n"
        "socket.socket.connect = refuse\n"
        "from wsviz.lessons import lesson, course\n"
        "print(lesson('00').header_sizes.check((6, 2)))\nprint(course())\n"
        "assert 'IPython' not in sys.modules and 'anywidget' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert "Solved: Hello, both ways" in run.stdout
