"""Feeds exercises: right answers, each misconception, and nothing. Every lesson's test is one call of `feed`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from wsviz.lessons import lesson, recording
from wsviz.lessons.exercise import Exercise, Kind
from wsviz.lessons.progress import progress

Wrong = Sequence[tuple[Any, str]]
"""Wrong answers, each with words that the feedback must hold: what is wrong with this one."""


def feed(number: str, right: Mapping[str, Sequence[Any]], wrong: Mapping[str, Wrong]) -> None:
    """Hold a lesson's exercises to their answers; `right` has answers beside the solution's own."""
    exercises = {each.word: each for each in lesson(number)}
    assert set(wrong) == set(exercises), "each exercise needs its misconceptions here"
    assert set(right) <= set(exercises)
    for word, each in exercises.items():
        answer = solve(each)
        nothing(each)
        for slip, words in wrong[word]:
            refuse(each, slip, words, answer)
        for choice in each.choices:
            if choice.wrong:
                refuse(each, choice.key, choice.wrong, answer)
        for given in [answer, *right.get(word, ())]:
            feedback = each.check(given)
            assert feedback, f"{each.name} refuses {given!r}: {feedback}"
            assert each.why in str(feedback).replace("\n  ", " ")
        assert progress().records()[each.name].solved


def solve(exercise: Exercise) -> Any:
    """Run the solution, as a learner would who copies it."""
    import wsviz

    names: dict[str, Any] = {name: getattr(wsviz, name) for name in wsviz.__all__} | {"recording": recording}
    exec(compile(exercise.code, exercise.name, "exec"), names)  # our own code
    return names["answer"]


def nothing(exercise: Exercise) -> None:
    """No answer is not wrong: nothing is counted, and the question stands there."""
    before = exercise.record
    for empty in (..., None, "", "  "):
        feedback = exercise.check(empty)
        assert not feedback
        assert feedback.head == "Not answered yet"
        assert exercise.question in str(feedback).replace("\n  ", " ")
    assert exercise.record == before
    for strange in (object(), [], {}, b"\xff" * 50, "\x1b[31m<script>", 10**400, float("nan"), -1, [None]):
        said = exercise.check(strange)
        assert not said, f"{exercise.name} takes {strange!r}"
        assert "\x1b" not in str(said)
        assert "<script" not in said._repr_mimebundle_()["text/html"]


def refuse(exercise: Exercise, slip: Any, words: str, answer: Any) -> None:
    """A wrong answer is refused with a reason that fits it, and the right one is not given away."""
    feedback = exercise.check(slip)
    said = str(feedback).replace("\n  ", " ")
    assert not feedback, f"{exercise.name} takes {slip!r}"
    assert words in said, f"{exercise.name} says of {slip!r}: {said}"
    if exercise.kind is not Kind.PREDICT and isinstance(answer, (int, str)) and len(str(answer)) > 1:
        for line in feedback.lines:
            assert not re.search(rf"(?<![\w.]){re.escape(str(answer))}(?![\w])", line.replace(str(slip), "")), said
