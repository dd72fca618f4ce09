"""The course: which lessons there are, and the map that shows them with what the learner has solved."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from html import escape

from wsviz.lessons.exercise import Lesson
from wsviz.lessons.progress import progress

# Number, module, title, notebook, what it is about
LESSONS = (
    ("00", "start", "Start here", "00-start-here", "one message end to end, in five minutes"),
    ("01", "http", "HTTP on a connection", "01-http", "what close and keep-alive cost, and one change by HTTP"),
    ("02", "push", "Push before WebSocket", "02-push", "polling, long polling, streaming, server-sent events"),
    ("03", "opening", "The opening handshake", "03-handshake", "five negotiations in one request and one response"),
    ("04", "frames", "Frames, bit by bit", "04-frames", "read and write any header"),
    ("05", "masking", "Masking", "05-masking", "how it works, and the attack that it stops"),
    ("06", "messages", "Messages, frames, segments", "06-messages", "what cuts the same bytes, and where"),
    ("07", "closing", "Control frames and closing", "07-closing", "ping, pong, close codes, and who closes TCP"),
    ("08", "meaning", "Meaning and compression", "08-meaning", "subprotocols and permessage-deflate"),
    ("09", "browser", "The browser's API", "09-browser", "events, readyState, bufferedAmount"),
    ("10", "build", "Build the application", "10-build", "a server and two clients, step by step"),
    ("11", "network", "Out in the network", "11-network", "proxies, wss, time-outs, Origin"),
    ("12", "cost", "Cost and choice", "12-cost", "what each mechanism costs, measured, and when to use which"),
    ("13", "your_capture", "Bring your own capture", "13-your-capture", "diagnose an application"),
)
"""The lessons in order."""


def lesson(number: str | int) -> Lesson:
    """The exercises of one lesson, by its number; each is an attribute of what this gives."""
    wanted = f"{number:02d}" if isinstance(number, int) else number
    for found, module, title, notebook, goal in LESSONS:
        if found == wanted:
            exercises = importlib.import_module(f"wsviz.lessons.{module}_lesson").EXERCISES
            return Lesson(found, title, notebook, goal, exercises)
    there = ", ".join(found for found, *_ in LESSONS)
    raise ValueError(f"no lesson {number!r}; there are {there}")


@dataclass(frozen=True, slots=True)
class CourseMap:
    """The lessons and how many exercises of each are solved; shows itself as a table with links."""

    rows: tuple[tuple[str, str, str, str, int, int], ...]
    """Number, title, notebook, goal, exercises solved, exercises there are."""

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._html()}

    def __str__(self) -> str:
        width = max(len(title) for _, title, *_ in self.rows)
        return "\n".join(
            f"{number}  {title:<{width}}  {_tally(solved, there):<9}  {goal}"
            for number, title, _, goal, solved, there in self.rows
        )

    def _html(self) -> str:
        rows = []
        for number, title, notebook, goal, solved, there in self.rows:
            name = f"<a href='{notebook}.ipynb'>{escape(title)}</a>"
            cells = (number, name, escape(goal), _tally(solved, there))
            rows.append("".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells))
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("", "lesson", "about", "exercises"))
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _tally(solved: int, there: int) -> str:
    return "●" * solved + "○" * (there - solved)


def course() -> CourseMap:
    """The map of the course: each lesson, what it is about, and how many of its exercises are solved."""
    records = progress().records()
    rows = []
    for number, _, title, notebook, goal in LESSONS:
        names = [each.name for each in lesson(number)]
        solved = sum(records[name].solved for name in names if name in records)
        rows.append((number, title, notebook, goal, solved, len(names)))
    return CourseMap(tuple(rows))


def forget_progress() -> str:
    """Reset: forget which exercises were solved; says so, or why it was not possible."""
    progress().reset()
    return progress().notice or "No exercise is solved any more."
