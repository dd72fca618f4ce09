"""`Ladder`: what happened on a connection, step by step, to fold, filter and look into.

The page holds a window of the steps, never all of them: Python makes the rows that it shows, and the bytes of the one
that is selected. Of a relay that runs, the ladder grows as bytes pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.figures.figure import Figure, clip, plain
from wsviz.figures.ladder import draw
from wsviz.figures.ladder_order import LEVELS, Choice
from wsviz.figures.ladder_steps import Key, Step
from wsviz.figures.ladder_view import Ladderable, LadderView, duration_in_words, view_of
from wsviz.protocol.fields import Side, WsvizError
from wsviz.protocol.secrets import mask_target
from wsviz.protocol.wire import count
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.ladder_detail import detail_of
from wsviz.widgets.ladder_live import NOTHING_YET, Live, Watchable

ROWS = 200  # steps that the page holds at once
DRAWN = 60  # steps of the figure
OFFERED = 500  # connections of a capture to choose from


class Ladder(PictureWidget):
    """The steps of a Connection, of the two Connections at a proxy, of a list of Exchanges, of a Capture or a relay.

    Of a capture, `connection` says which connection is shown first: by default the first one with a WebSocket.
    A relay (`wsviz.lab.relay.Relay`) is followed in a notebook: what passes through it is added, several times a
    second, until `stop()` or the relay's end. `selection` counts the bytes of the selected step.
    """

    _esm = asset("dom.js", "stage.js", "frame_parts.js", "ladder_bytes.js", "ladder_rows.js", "ladder.js")
    _css = asset("theme.css", "ladder.css")

    def __init__(self, source: Capture | Ladderable | Watchable, *, connection: int | None = None) -> None:
        self._offered: Sequence[Connection] = ()
        self._choice, self._first = Choice(), 0
        self._key: Key | None = None
        self._wanted = connection
        self._live = Live(source, self._grow) if isinstance(source, Watchable) else None
        if isinstance(source, Watchable):
            self._take(self._newest())
        elif isinstance(source, Capture):
            self._offered = source.connections
            self._take(self._offered[_first_shown(source, connection)])
        elif connection is not None:
            raise WsvizError("connection= chooses among the connections of a Capture, and this is none")
        else:
            self._take(source)
        super().__init__()
        if self._live is not None:
            self._live.wake()
        self._show()

    def _take(self, source: Ladderable | None) -> None:
        self._source = source
        self._view = self._view_of(ROWS, self._first)
        things: Sequence[Any] = [source] if isinstance(source, Connection) else source or ()
        self._connections = tuple(thing for thing in things if isinstance(thing, Connection))
        self._exchanges = tuple(thing for thing in things if isinstance(thing, Exchange))

    def _view_of(self, limit: int, first: int | None) -> LadderView:
        return NOTHING_YET if self._source is None else view_of(self._source, limit, self._choice, first)

    # A relay

    def stop(self) -> None:
        """Follow the relay no more. What it saw so far stays."""
        if self._live is not None:
            self._live.stop()

    def _newest(self) -> Connection | None:
        """The connection to show of what the relay has seen so far; none where there is none."""
        assert self._live is not None
        self._offered = self._live.capture.connections
        if not self._offered:
            return None
        there = self._wanted is not None and self._wanted < len(self._offered)
        return self._offered[_first_shown(self._live.capture, self._wanted if there else None)]

    def _grow(self) -> None:
        """Take what is new; a page that shows the last steps goes on to do so."""
        at_end = self._first + ROWS >= self._view.total
        self._take(self._newest())
        if at_end and self._view.total > self._first + ROWS:
            self.show_from(self._view.total - ROWS)
        else:
            self._show()

    # What Python and the page agree on

    @property
    def connection(self) -> Connection | None:
        """The connection that is shown, of a proxy's two the client's; None where there are only exchanges."""
        return self._connections[0] if self._connections else None

    @property
    def view(self) -> LadderView:
        """The steps that the page holds."""
        return self._view

    @property
    def step(self) -> Step | None:
        """The selected step, None where there is none or it is left out."""
        return next((step for step in self._view.steps if step.key == self._key), None)

    @property
    def choice(self) -> Choice:
        """Which steps are shown. Setting it shows the first of them."""
        return self._choice

    @choice.setter
    def choice(self, choice: Choice) -> None:
        self._choice = choice
        self.show_from(0)

    def show_from(self, place: int) -> None:
        """Show the steps from this place on; it is counted among those chosen."""
        self._view = self._view_of(ROWS, place)
        self._first = self._view.first
        self._show()

    def select(self, place: int | None) -> None:
        """Select the step at this place, which must be one of those in `view`, or none."""
        if place is None:
            self._key = None
        elif 0 <= place - self._first < len(self._view.steps):
            self._key = self._view.steps[place - self._first].key
        else:
            raise IndexError(f"step {place}, expected {self._first} to {self._first + len(self._view.steps) - 1}")
        self.selection = []
        self._show()

    @property
    def figure(self) -> Figure:
        return draw(self._view_of(DRAWN, self._first or None))

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        now = self._choice
        match do:
            case "step":
                self.select(None if value is None else int(value))
            case "from":
                self.show_from(int(value))
            case "fold":
                self.choice = Choice(now.folded ^ {str(value)}, now.sender, now.frames)
            case "sender":
                self.choice = Choice(now.folded, Side(value) if value else None, now.frames)
            case "frames":
                self.choice = Choice(now.folded, now.sender, str(value))
            case "connection":
                self._key, self._first, self.selection = None, 0, []
                self._wanted = int(value)
                self._take(self._offered[self._wanted])
            case "here" if self._live is not None:
                self._live.wake()

    # The picture

    def _draw(self) -> dict[str, Any]:
        view, choice = self._view, self._choice
        after = view.total - view.first - len(view.steps)
        return {
            "title": plain(view.title),
            "facts": "" if self._source is None else view.facts,
            "live": self._live.words if self._live is not None else "",
            "over": self._live is None or self._live.over,
            "unit": view.unit,
            "lanes": [{"role": lane.role, "address": clip(plain(lane.address), 48)} for lane in view.lanes],
            "states": view.has_states,
            "rows": [*_rows(view)],
            "first": view.first,
            "before": f"{count(view.first, 'earlier step')}" if view.first else "",
            "after": f"{count(after, 'later step')}" if after else "",
            "window": ROWS,
            "notes": self._notes(),
            "levels": [
                {"level": level, "name": name, "on": level not in choice.folded}
                for level, name in LEVELS.items()
                if level != "tls" or any(each.tls_flights for each in self._connections)
            ],
            "sender": choice.sender or "",
            "frames": choice.frames,
            "connections": [_name(each) for each in self._offered[:OFFERED]] if len(self._offered) > 1 else [],
            "connection": self.connection.index if self.connection else 0,
            "selected": self._selected(),
            "detail": self._detail(),
        }

    def _notes(self) -> list[str]:
        notes = [words.replace(" Time is not to scale.", "") for words in self._view.notes]  # the page can scale it
        if len(self._offered) > OFFERED:
            notes.append(f"{OFFERED} of {len(self._offered):,} connections are offered; connection= shows any.")
        return notes

    def _selected(self) -> int:
        keys = [step.key for step in self._view.steps]
        return self._first + keys.index(self._key) if self._key in keys else -1

    def _detail(self) -> dict[str, Any] | None:
        step = self.step
        if step is None:
            return None
        connection = self._connections[step.leg] if self._connections else None
        exchanges = self._exchanges if connection is None else connection.exchanges
        way = ""
        if step.sender is not None:
            ends = (self._view.lanes[step.leg].role, self._view.lanes[step.leg + 1].role)
            way = " to ".join(ends if step.sender is Side.CLIENT else ends[::-1])
        packets = f"packet {step.packet_words}" if step.packets else ""
        at = f"{self._view.clock(step.time)} {self._view.unit}" if step.time is not None else ""
        head = {"about": "", "kind": step.kind, "chip": step.chip, "way": [way, packets, at]}
        return head | detail_of(step, connection, exchanges)


def _first_shown(capture: Capture, wanted: int | None) -> int:
    number = len(capture.connections)
    if not number:
        raise WsvizError(f"{plain(capture.name)} holds no TCP connection, so there is nothing to draw")
    if wanted is None:
        sockets = (each.index for each in capture.connections if each.protocol == "websocket")
        return next(sockets, 0)
    if not 0 <= wanted < number:
        raise WsvizError(f"connection is {wanted}, expected 0 to {number - 1}")
    return wanted


def _name(connection: Connection) -> str:
    words = f"{connection.index}: {connection.client} → {connection.server}, {connection.protocol}"
    if connection.exchanges:
        head = connection.exchanges[0].request_head
        words += f", {head.method} {head.target if connection.reveal else mask_target(head.target)}"
    return clip(plain(words), 90)


def _rows(view: LadderView) -> Iterator[dict[str, Any]]:
    before: int | None = None
    for at, step in enumerate(view.steps):
        wait = 0 if before is None or step.time is None else step.time - before
        yield {
            "place": view.first + at,
            "kind": step.kind,
            "leg": step.leg,
            "sender": step.sender or "",
            "chip": step.chip,
            "words": plain(step.words),
            "marks": [plain(mark) for mark in step.marks],
            "size": step.size,
            "time": view.clock(step.time),
            "wait": wait,
            "waited": f"+{duration_in_words(wait)}" if wait >= 50_000 else "",
            "pause": f"{duration_in_words(step.pause)} pass" if step.pause else "",
            "packets": step.packet_words,
            "state": step.state,
            "label": _label(view, step),
        }
        before = step.time if step.time is not None else before


def _label(view: LadderView, step: Step) -> str:
    """The step for those who cannot see it."""
    ends = (view.lanes[step.leg].role, view.lanes[step.leg + 1].role)
    way = f"{' to '.join(ends if step.sender is Side.CLIENT else ends[::-1])}:" if step.sender else ""
    time = f"at {view.clock(step.time)} {view.unit}" if step.time is not None else ""
    said = [f"{way} {step.chip} {plain(step.words)}".strip(), *map(plain, step.marks), step.size, time]
    packets = f"packet {step.packet_words}" if step.packets else ""
    return ", ".join(filter(None, [*said, packets, step.state]))
