"""Exercises: a question, a judge that says what is wrong with an answer, hints, and a solution that runs.

A judge never tells the right answer. It decodes the given one and says what that means: "byte 1 is 0x05, its MASK bit
is clear: a client must mask". An answer that is still `...` is not wrong, it is not there yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any

from wsviz.figures.figure import plain, wrap
from wsviz.lessons.progress import Record, progress
from wsviz.protocol.fields import WsvizError

Judge = Callable[[Any], list[str]]
"""Takes an answer and gives what is wrong with it, one sentence each; nothing where it is right."""


class Kind(StrEnum):
    """What an exercise asks of the learner."""

    PREDICT = "predict"
    COMPUTE = "compute"
    BUILD = "build"
    FIND = "find"


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to choose, and what is to say to whoever chose it; `wrong` is empty for the right one."""

    key: str
    text: str
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a check says. It is true where the exercise is solved, and shows itself as a card.

    `code` are a solution's lines of Python: they come before `lines`.
    """

    exercise: Exercise
    solved: bool
    lines: tuple[str, ...]
    head: str
    code: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.solved

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": _card(self)}

    def __str__(self) -> str:
        said = [f"{self.head}: {self.exercise.title}", *self.lines]
        head, *lines = ("\n  ".join(wrap(plain(line), 100)) for line in said)
        return "\n".join([head, *map(plain, self.code), *lines])  # code is never wrapped: its spaces mean something


@dataclass(frozen=True, slots=True, eq=False)
class Exercise:
    """One exercise. `name` is unique in the course: the lesson's number and a word, such as "04.header_sizes".

    `code` is the solution, Python that leaves the right answer in `answer`: a test runs it. `why` is said to whoever
    solved the exercise. A PREDICT exercise has `choices` and no judge.
    """

    name: str
    kind: Kind
    title: str
    question: str
    why: str
    code: str
    hints: tuple[str, ...]
    judge: Judge | None = None
    choices: tuple[Choice, ...] = ()

    @property
    def word(self) -> str:
        """Its name within its lesson."""
        return self.name.partition(".")[2]

    @property
    def record(self) -> Record:
        """What the learner has done with it."""
        return progress().records().get(self.name, Record())

    def check(self, answer: Any = ...) -> Feedback:
        """Judge an answer; `...`, None and an empty text count as none yet."""
        if answer is ... or answer is None or (isinstance(answer, str) and not answer.strip()):
            lines = [self.question, *(f"{each.key}) {each.text}" for each in self.choices), self._how_to_answer()]
            return Feedback(self, False, (*lines, *_notice()), "Not answered yet")
        wrong = self._judged(answer)
        attempts = self.record.attempts + 1
        if wrong:
            progress().change(self.name, attempts=attempts)
            return Feedback(self, False, (*wrong, self._offer(), *_notice()), "Not yet")
        progress().change(self.name, attempts=attempts, solved=True)
        return Feedback(self, True, (self.why, *_notice()), "Solved")

    def hint(self) -> Feedback:
        """One hint more than before, under those that were given before."""
        given = min(self.record.hints + 1, len(self.hints))
        progress().change(self.name, hints=given)
        head = f"Hint {given} of {len(self.hints)}"
        return Feedback(self, False, self.hints[:given], head)

    def solution(self) -> Feedback:
        """The solution: code that gives the right answer, and why it is right."""
        progress().change(self.name, solution_seen=True)
        return Feedback(self, False, (self.why,), "Solution", tuple(self.code.strip().splitlines()))

    def _judged(self, answer: Any) -> list[str]:
        if self.choices:
            return _judge_choice(self.choices, answer)
        assert self.judge is not None, "an exercise has choices or a judge"
        try:
            return self.judge(answer)
        except WsvizError as error:  # the engine already says what is wrong with the bytes
            return [f"{error}."]
        except (TypeError, ValueError, AttributeError, IndexError, KeyError, OverflowError) as error:
            return [f"This is {type(answer).__name__}, of which the check can make nothing: {error}."]

    def _how_to_answer(self) -> str:
        example = f'"{self.choices[0].key}"' if self.choices else "your answer"
        return f"Put {example} in place of the dots: q.{self.word}.check(...). q.{self.word}.hint() helps."

    def _offer(self) -> str:
        left = len(self.hints) - self.record.hints
        return f"q.{self.word}.hint() helps." if left > 0 else f"q.{self.word}.solution() shows a solution."

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> Any:
        if self.choices:
            from wsviz.widgets.prediction import Prediction

            choices = {each.key: each.text for each in self.choices}
            return Prediction(self.title, self.question, choices, self._commit)._repr_mimebundle_()
        return self.check()._repr_mimebundle_()

    def _commit(self, key: str) -> tuple[bool, str]:
        feedback = self.check(key)
        return feedback.solved, " ".join(line for line in feedback.lines if not line.startswith("q."))


def _judge_choice(choices: tuple[Choice, ...], answer: Any) -> list[str]:
    keys = [each.key for each in choices]
    given = answer.strip().lower().lstrip("(").partition(")")[0] if isinstance(answer, str) else ""
    if given not in keys:
        return [f"{plain(repr(answer))[:40]} is none of the answers, which are {', '.join(keys)}."]
    wrong = choices[keys.index(given)].wrong
    return [wrong] if wrong else []


def _notice() -> tuple[str, ...]:
    return (progress().notice,) if progress().notice else ()


STATES = {"Solved": ("#009e73", "✓"), "Not yet": ("#d55e00", "✗")}


def _card(feedback: Feedback) -> str:
    """The feedback as HTML of its own: no script, no class of anybody else's, the theme's colours for text."""
    colour, sign = STATES.get(feedback.head, ("#56b4e9", "○"))
    code = escape("\n".join(map(plain, feedback.code)))
    body = f"<pre style='margin:4px 0'>{code}</pre>" if code else ""
    body += "".join(f"<div style='margin-top:2px'>{escape(plain(line))}</div>" for line in feedback.lines)
    return (
        f"<div style='border-left:4px solid {colour};padding:4px 12px;max-width:100ch'>"
        f"<strong>{sign} {escape(feedback.head)}: {escape(feedback.exercise.title)}</strong> "
        f"<small>({feedback.exercise.kind})</small>{body}</div>"
    )


class Lesson:
    """One notebook's exercises, each an attribute: `q = lesson("04")`, then `q.header_sizes.check(...)`."""

    def __init__(self, number: str, title: str, notebook: str, goal: str, exercises: tuple[Exercise, ...]) -> None:
        self.number, self.title, self.notebook, self.goal = number, title, notebook, goal
        self._exercises = {each.word: each for each in exercises}

    def __iter__(self) -> Iterator[Exercise]:
        return iter(self._exercises.values())

    def __len__(self) -> int:
        return len(self._exercises)

    def __getattr__(self, name: str) -> Exercise:
        try:
            return self.__dict__["_exercises"][name]  # type: ignore[no-any-return]
        except KeyError:
            there = ", ".join(self.__dict__.get("_exercises", {}))
            raise AttributeError(f"this lesson has no exercise {name!r}; it has {there}") from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._exercises]

    def __repr__(self) -> str:
        return f"Lesson {self.number}, {self.title}: {', '.join(self._exercises)}"
