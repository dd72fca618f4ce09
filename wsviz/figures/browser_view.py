"""What a picture of a played script says: its rows and the places where bytes are, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from wsviz.figures.browser_model import Event, Moment, play
from wsviz.figures.browser_path import RECEIVE_BUFFER, SEND_BUFFER, Gauge
from wsviz.figures.browser_steps import Step, parse_script
from wsviz.figures.browser_stories import STORIES
from wsviz.figures.figure import plain
from wsviz.protocol.fields import WsvizError

DRAWN = 60  # steps in a picture
ZERO_WINDOW = "zero window"


class Place(NamedTuple):
    """One of the places where bytes are on their way to the server's program."""

    name: str
    about: str
    size: int
    room: int  # bytes that it can hold; 0 for no limit
    words: str


@dataclass(frozen=True, slots=True)
class Played:
    """A script, as far as it has been played."""

    title: str
    about: str
    moments: tuple[Moment, ...]
    ahead: tuple[Step, ...] = ()


def played(script: str) -> Played:
    """Play a story by its name, or a script; raises WsvizError for what is neither."""
    if not isinstance(script, str):
        raise WsvizError(f"got {type(script).__name__}, expected a script or a story: {', '.join(STORIES)}")
    if script in STORIES:
        story = STORIES[script]
        return Played(story.title, story.about, play(story.script))
    return Played("a script", "", play(parse_script(script)))


def places(gauge: Gauge) -> tuple[Place, ...]:
    """The places from the near end to the far one."""
    window = f", window {gauge.window:,}" if gauge.window else f", {ZERO_WINDOW}"
    room = f"of {RECEIVE_BUFFER:,}{'' if gauge.lost else window}"  # what is lost, no window holds up
    return (
        Place("browser", "waiting for room", gauge.browser, 0, "no limit"),
        Place("kernel", "send buffer", gauge.kernel, SEND_BUFFER, f"of {SEND_BUFFER:,}"),
        Place("in flight", "on the network", gauge.flight, 0, ""),
        Place("server's kernel", "receive buffer", gauge.receiver, RECEIVE_BUFFER, room),
        Place("server's program", "has read", gauge.read, 0, f"lost: {gauge.lost:,}" if gauge.lost else ""),
    )


def event_words(event: Event) -> str:
    """An event with what its handler reads, such as: close 1000, clean, "enough"."""
    if event.name == "close":
        reason = f', "{plain(event.reason)}"' if event.reason else ""
        return f"close {event.code}, {'clean' if event.clean else 'not clean'}{reason}"
    return plain(f"{event.name} {event.detail}".strip())


def outcome(moment: Moment) -> Iterator[tuple[str, str]]:
    """What the page hears at a step: ("thrown" or "event", words)."""
    if moment.thrown:
        yield "thrown", f"throws {moment.thrown}"
    for event in moment.events:
        yield "event", event_words(event)


def in_words(view: Played) -> str:
    """The picture for those who cannot see it."""
    said = [f"{view.title}. {view.about}".strip()]
    for moment in view.moments[-DRAWN:]:
        heard = "".join(f", {words}" for _, words in outcome(moment))
        state = f"readyState {moment.state}, bufferedAmount {moment.buffered}" if moment.state else "no object"
        said.append(f"{moment.step.who}: {moment.step.shown()}{heard}; then {state}")
    if view.ahead:
        said.append(f"{len(view.ahead)} steps are to come")
    if view.moments:
        said.append(", ".join(f"{place.name} {place.size:,} bytes" for place in places(view.moments[-1].gauge)))
    return " ".join(f"{words.rstrip('.')}." for words in said)


def peak(moments: Sequence[Moment]) -> int:
    """The most that bufferedAmount has been, at least 1."""
    return max([1, *(moment.buffered for moment in moments)])
