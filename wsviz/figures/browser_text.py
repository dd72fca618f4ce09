"""A played script as text, in at most 100 columns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from wsviz.figures.browser_model import Moment
from wsviz.figures.browser_view import DRAWN, Played, outcome, places
from wsviz.figures.figure import columns, plain, wrap

WIDTH, STEP, HEARD = 100, 43, 26


def draw_text(view: Played) -> str:
    """A row a step: readyState after it, who made it, what the page hears, bufferedAmount."""
    return "\n".join(line.rstrip() for line in _lines(view))


def _lines(view: Played) -> Iterator[str]:
    yield view.title
    if view.about:
        yield from wrap(plain(view.about), WIDTH)
    yield ""
    yield f"{'readyState':<11}{'who':<9}{'step':<{STEP}}{'the page hears':<{HEARD}}{'buffered':>10}"
    if len(view.moments) > DRAWN:
        yield f"... {len(view.moments) - DRAWN} steps before"
    for moment in view.moments[-DRAWN:]:
        yield from _row(moment)
    for step in view.ahead:
        yield f"{'':<11}{step.who:<9}{_fit(step.shown(STEP - 2), STEP)}to come"
    if view.moments and view.moments[-1].gauge.total:
        yield ""
        yield "Where the bytes are, frames with their headers:"
        for place in places(view.moments[-1].gauge):
            yield f"  {place.name:<17}{place.size:>10,}  {f'{place.about} {place.words}'.strip()}"


def _row(moment: Moment) -> Iterator[str]:
    heard = [line for _, words in outcome(moment) for line in wrap(words, HEARD - 1, 2)] or [""]
    notes = [line for note in moment.notes for line in wrap(note, STEP - 3)]
    buffered = f"{moment.buffered:,}" if moment.state else "-"
    state = moment.state or "no object"
    step = _fit(moment.step.shown(STEP - 2), STEP)
    yield f"{state:<11}{moment.step.who:<9}{step}{_fit(heard[0], HEARD)}{buffered:>10}"
    for note, words in zip_longest(notes, heard[1:], fillvalue=""):
        yield f"{'':<20}{_fit(f'  {note}' if note else '', STEP)}{words}"


def _fit(text: str, width: int) -> str:
    return text + " " * (width - columns(text))
