"""The course with its answers filled in: what a cell that asks an exercise becomes in a teacher's copy."""

from __future__ import annotations

import re
import textwrap

from wsviz.lessons.exercise import Exercise, Lesson

WIDTH = 100  # columns of a comment
_ASKS = re.compile(
    r"^q\.(\w+)(?:\.check\(\.\.\.\))?$", re.MULTILINE
)  # q.name.check(...), or q.name where one chooses


def solved(source: str, lesson: Lesson) -> str:
    """A cell's source with the question as a comment, the solution, and a check of it; others are as they were."""
    there = {each.word: each for each in lesson}
    return _ASKS.sub(lambda match: _answered(there[match[1]]) if match[1] in there else match[0], source)


def _answered(exercise: Exercise) -> str:
    choices = [_comment(f"{each.key}) {each.text}", "#    ") for each in exercise.choices]
    code = [exercise.code.strip(), f"q.{exercise.word}.check(answer)"]
    return "\n".join([_comment(exercise.question, "# "), *choices, *code])


def _comment(text: str, later: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="# ", subsequent_indent=later)
