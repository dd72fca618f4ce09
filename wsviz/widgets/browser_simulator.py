"""`BrowserSimulator`: the browser's WebSocket object to play with, step by step, on both sides of the network."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, NamedTuple

from wsviz.figures.browser import draw
from wsviz.figures.browser_model import STATES, Machine, Moment
from wsviz.figures.browser_steps import MOST_STEPS, STEPS, Step, parse_script, parse_step
from wsviz.figures.browser_stories import STORIES
from wsviz.figures.browser_view import DRAWN, ZERO_WINDOW, Place, Played, in_words, outcome, peak, places
from wsviz.figures.figure import Figure, plain
from wsviz.protocol.fields import ProtocolError, WsvizError
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget

OWN = "your script"
KEPT = 500  # changes that undo takes back
MOVES = (
    "new ws://192.0.2.2/chat",
    "send Hello",
    "buffer 20000",
    "close 1000",
    "accept",
    "refuse",
    "text Hello",
    "stop",
    "read",
    "bye 1001 restarting",
    "wait",
    "wait 10",
    "lose",
    "run",
    "run all",
)
"""Steps to choose by hand, beside those that can be typed."""


class _State(NamedTuple):
    """How far it has come: a story or "your script", the steps taken, those to come."""

    story: str
    done: tuple[Step, ...]
    ahead: tuple[Step, ...]


class BrowserSimulator(PictureWidget):
    """The browser's API to play with: a story of `STORIES` by its name, or a script of one's own.

    `wsviz.figures.browser_steps` has the language of scripts. The first `done` steps are taken at once.
    """

    _esm = asset("dom.js", "stage.js", "browser_simulator_parts.js", "browser_simulator.js")
    _css = asset("theme.css", "browser_simulator.css")

    def __init__(self, script: str = "conversation", *, done: int = 0) -> None:
        if not isinstance(script, str):
            raise WsvizError(f"got {type(script).__name__}, expected a script or a story: {', '.join(STORIES)}")
        self._own = () if script in STORIES else parse_script(script)
        steps = _steps(script) if script in STORIES else self._own
        self._first = _State(script if script in STORIES else OWN, steps[: max(done, 0)], steps[max(done, 0) :])
        self._past: list[_State] = []
        self._machine, self._moments, self._state = Machine(), list[Moment](), self._first
        self._enter(self._first)
        super().__init__()
        self._show()

    # What Python knows of it

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What there was after each step."""
        return tuple(self._moments)

    @property
    def script(self) -> str:
        """The steps taken so far, one a line."""
        return "\n".join(step.line for step in self._state.done)

    @property
    def ready_state(self) -> int | None:
        """What readyState is, as the script would read it, 0 to 3; None where there is no object."""
        return STATES.index(self._moments[-1].state) if self._moments and self._moments[-1].state else None

    @property
    def buffered_amount(self) -> int:
        """What bufferedAmount is, as the script would read it, in bytes."""
        return self._moments[-1].buffered if self._moments else 0

    @property
    def figure(self) -> Figure:
        return draw(self._played())

    # Changes

    def step(self, line: str) -> None:
        """Take a step of one's own; what is to come stays. Raises ProtocolError where it cannot be taken now."""
        self._take(parse_step(line))
        self._show()

    def next(self) -> None:
        """Take the next step of the story; one that cannot be taken any more is left out, and that is said."""
        self._next()
        self._show()

    def back(self) -> None:
        """Take back the last change."""
        self._back()
        self._show()

    def _take(self, step: Step) -> None:
        if len(self._state.done) >= MOST_STEPS:
            raise ProtocolError(f"{MOST_STEPS} steps are enough: Reset begins anew")
        after = deepcopy(self._machine)
        moment = after.play(step)  # raises where it cannot be taken, and then nothing has changed
        self._remember()
        self._machine = after
        self._moments.append(moment)
        self._state = self._state._replace(done=(*self._state.done, step))

    def _next(self) -> None:
        if not self._state.ahead:
            return
        step, *rest = self._state.ahead
        try:
            self._take(step)
        except ProtocolError as error:
            self._remember()
            self._notice = f"left out: {plain(step.line)[:40]}: {error}"
        self._state = self._state._replace(ahead=tuple(rest))

    def _back(self) -> None:
        if self._past:
            self._enter(self._past.pop())

    def _change(self, state: _State) -> None:
        if state != self._state:
            self._remember()
            self._enter(state)

    def _remember(self) -> None:
        self._past = [*self._past[1 - KEPT :], self._state]

    def _enter(self, state: _State) -> None:
        """Play a state from its beginning; raises ProtocolError with the step that cannot be taken."""
        machine, moments = Machine(), []
        for at, step in enumerate(state.done, start=1):
            try:
                moments.append(machine.play(step))
            except ProtocolError as error:
                raise ProtocolError(f"step {at}, {plain(step.line)[:40]}: {error}") from None
        self._machine, self._moments, self._state = machine, moments, state

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "next":
                self._next()
            case "step":
                self._take(parse_step(str(value)))
            case "story" if value in STORIES:
                self._change(_State(value, (), _steps(value)))
            case "story" if value == OWN and self._own:
                self._change(_State(OWN, (), self._own))
            case "undo":
                self._back()
            case "reset":
                self._change(self._first)

    # The picture

    def _played(self) -> Played:
        story = STORIES.get(self._state.story)
        title, about = (story.title, story.about) if story else (OWN, "")
        return Played(title, about, self.moments, self._state.ahead)

    def _draw(self) -> dict[str, Any]:
        view, most = self._played(), peak(self._moments)
        last = self._moments[-1] if self._moments else None
        names = [[name, story.title] for name, story in STORIES.items()]
        if self._own:
            names.insert(0, [OWN, OWN])
        return {
            "title": view.title,
            "about": view.about,
            "story": self._state.story,
            "stories": names,
            "before": max(0, len(view.moments) - DRAWN),
            "rows": [_row(moment, most) for moment in view.moments[-DRAWN:]],
            "ahead": [{"who": step.who, "step": step.shown(100)} for step in view.ahead],
            "facts": _facts(last),
            "queue": [*last.queue[:20]] if last else [],
            "waiting": len(last.queue) if last else 0,
            "places": [_place(place, most) for place in places(last.gauge if last else Machine().gauge)],
            "moves": self._moves(),
            "forms": [[word, kind.form, kind.about, kind.who] for word, kind in STEPS.items()],
            "undo": bool(self._past),
            "changed": self._state != self._first,
            "words": in_words(view),
        }

    def _moves(self) -> list[dict[str, Any]]:
        """The steps to choose by hand, each with whether it can be taken now."""
        return [
            {"line": step.line, "who": step.who, "step": step.shown(34), "on": _possible(self._machine, step)}
            for step in map(parse_step, MOVES)
        ]


def _steps(story: str) -> tuple[Step, ...]:
    return parse_script(STORIES[story].script)


def _possible(machine: Machine, step: Step) -> bool:
    try:
        deepcopy(machine).play(step)
    except ProtocolError:
        return False
    return True


def _row(moment: Moment, most: int) -> dict[str, Any]:
    return {
        "who": moment.step.who,
        "step": moment.step.shown(100),
        "notes": [*moment.notes],
        "heard": [*outcome(moment)],
        "state": moment.state,
        "buffered": f"{moment.buffered:,}" if moment.state else "",
        "share": moment.buffered / most,
    }


def _place(place: Place, most: int) -> dict[str, Any]:
    words = place.words.split(", ") if place.words else []
    room = place.room or max(most, place.size)
    return {
        "name": place.name,
        "about": place.about,
        "size": f"{place.size:,}",
        "words": words,
        "level": min(place.size / room, 1),
        "full": ZERO_WINDOW in words,
    }


def _facts(moment: Moment | None) -> Iterable[tuple[str, str]]:
    """The object's properties, as the script would read them."""
    if moment is None or not moment.state:
        return []
    return [
        ("readyState", f"{STATES.index(moment.state)} {moment.state}"),
        ("bufferedAmount", f"{moment.buffered:,}"),
        ("binaryType", f'"{moment.binary_type}"'),
        ("protocol", f'"{plain(moment.protocol)}"'),
        ("extensions", '""'),
        ("url", plain(moment.url)),
    ]
