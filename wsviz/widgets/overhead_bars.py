"""`OverheadBars`: what a delivered message costs by several mechanisms, measured in captures or by arithmetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from wsviz.capture.capture import Capture
from wsviz.capture.comparison import Cost
from wsviz.figures.figure import Figure, plain
from wsviz.figures.overhead import overhead_bars
from wsviz.figures.overhead_growth import growth_of, overhead_growth
from wsviz.figures.overhead_measured import assumptions_from, measure
from wsviz.figures.overhead_model import LIMITS, Assumptions, Modelled, Row, model
from wsviz.figures.overhead_text import in_words
from wsviz.figures.overhead_view import OverheadView, amount, view_of
from wsviz.protocol.fields import ProtocolError, WsvizError
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget

MODELLED, MEASURED = "modelled", "measured"
EACH, IN_ALL = "per message", "in all"
KEPT = 200  # changes that undo takes back
SHOWN_FIRST = ("short polling", "long polling", "event stream", "WebSocket")


class _State(NamedTuple):
    """What the learner has chosen."""

    numbers: str
    show: str
    assumed: Assumptions
    chosen: tuple[str, ...]


class OverheadBars(PictureWidget):
    """Bytes per message by mechanism: `captures` by their names are measured, or `assumptions` are modelled.

    With captures, the model begins with the heads that they hold; `assumptions` (names of `Assumptions`) come on top.
    """

    _esm = asset("dom.js", "stage.js", "overhead_bars_parts.js", "overhead_bars.js")
    _css = asset("theme.css", "overhead_bars.css")

    def __init__(self, captures: Mapping[str, Capture] | None = None, **assumptions: float) -> None:
        if captures is not None and not isinstance(captures, Mapping):
            raise WsvizError(
                'OverheadBars takes captures by their names: {"polling": read_capture("poll.pcapng"), ...}'
            )
        if unknown := set(assumptions) - set(LIMITS):
            raise WsvizError(f"there is no assumption {min(unknown)!r}, expected some of: {', '.join(LIMITS)}")
        self._measured = measure(captures) if captures is not None else {}
        told = assumptions_from(captures) if captures else {}
        self._told = frozenset(told)
        assumed = Assumptions(**(told | assumptions))
        names = MEASURED if self._measured else MODELLED
        self._first = self._state = _State(names, EACH, assumed, tuple(self._measured) or SHOWN_FIRST)
        self._past: list[_State] = []
        self._typing = ""
        super().__init__()
        self._show()

    # What Python knows of it

    @property
    def assumptions(self) -> Assumptions:
        """The numbers of the model."""
        return self._state.assumed

    @property
    def rows(self) -> dict[str, Row]:
        """Bytes per message by bucket, a row a mechanism, as `overhead_bars` takes them."""
        if self._state.numbers == MEASURED:
            return {name: measured.row for name, measured in self._measured.items() if name in self._state.chosen}
        messages = self.assumptions.messages
        return {name: modelled.row(messages) for name, modelled in self._modelled().items()}

    @property
    def costs(self) -> dict[str, Cost]:
        """Bytes that are spent once, and by message."""
        if self._state.numbers == MEASURED:
            return {name: measured.cost for name, measured in self._measured.items() if name in self._state.chosen}
        return {name: modelled.cost for name, modelled in self._modelled().items()}

    @property
    def figure(self) -> Figure:
        if self._state.show == IN_ALL:
            return overhead_growth(self.costs, self._messages)
        return overhead_bars(self.rows)

    def _modelled(self) -> dict[str, Modelled]:
        return {name: each for name, each in model(self.assumptions).items() if name in self._state.chosen}

    @property
    def _messages(self) -> int:
        """How many messages the lines go up to: in captures, as many as were delivered at most."""
        if self._state.numbers == MEASURED:
            return max(self._measured[name].updates for name in self._state.chosen)
        return round(self.assumptions.messages)

    def _names(self) -> list[str]:
        return [*(self._measured if self._state.numbers == MEASURED else model(self.assumptions))]

    # Changes

    def _change(self, state: _State, *, typing: str = "") -> None:
        """Take another state; a run of `typing` in the same field is one change."""
        if state == self._state:
            return
        if not typing or typing != self._typing:
            self._past = [*self._past[1 - KEPT :], self._state]
        self._typing, self._state = typing, state

    def _grant(self, do: str, value: Any) -> None:
        state = self._state
        match do:
            case "numbers" if value == MODELLED or (value == MEASURED and self._measured):
                chosen = tuple(self._measured) if value == MEASURED else SHOWN_FIRST
                self._change(state._replace(numbers=value, chosen=chosen))
            case "show" if value in (EACH, IN_ALL):
                self._change(state._replace(show=value))
            case "mechanism" if value in self._names():
                others = {*state.chosen} ^ {value}
                if not others:
                    raise ProtocolError("at least one mechanism stays")
                self._change(state._replace(chosen=tuple(name for name in self._names() if name in others)))
            case "assume":
                name, text = str(value[0]), str(value[1])
                self._change(state._replace(assumed=_assumed(state.assumed, name, text)), typing=f"assume {name}")
            case "undo" if self._past:
                self._state, self._typing = self._past.pop(), ""
            case "reset":
                self._change(self._first)

    # The picture

    def _draw(self) -> dict[str, Any]:
        state, view = self._state, view_of(self.rows)
        growth = growth_of(self.costs, self._messages)
        measured = state.numbers == MEASURED
        return {
            "numbers": state.numbers,
            "measurable": bool(self._measured),
            "show": state.show,
            "categories": [[category.name, category.colour] for category in view.categories],
            "bars": [self._bar(view, at) for at in range(len(view.bars))],
            "note": f"{view.note} Field names of an event stream count as its payload.",
            "growth": growth._asdict()
            | {"curves": [curve._asdict() | {"name": plain(curve.name)} for curve in growth.curves]}
            | {"words": [plain(words) for words in growth.words]},
            "mechanisms": [[name, plain(name), name in state.chosen] for name in self._names()],
            "assumptions": [] if measured else self._assumptions(),
            "about": self._about(),
            "undo": bool(self._past),
            "changed": state != self._first,
            "words": plain(f"{in_words(view)} {' '.join(growth.words)}"),
        }

    def _bar(self, view: OverheadView, at: int) -> dict[str, Any]:
        bar = view.bars[at]
        cost, assumed = self.costs[bar.name], self.assumptions
        traffic = cost.marginal * assumed.rate * assumed.clients * 8
        return {
            "name": plain(bar.name),
            "parts": [*bar.parts],
            "said": [amount(part) for part in bar.parts],
            "total": amount(bar.total),
            "share": bar.total / (view.largest or 1),
            "ratio": view.ratio(bar),
            "once": f"{cost.fixed:,.0f}",
            "each": f"{cost.marginal:,.1f}",
            "traffic": "" if self._state.numbers == MEASURED else _bits(traffic),
        }

    def _about(self) -> str:
        if self._state.numbers == MEASURED:
            updates = ", ".join(f"{plain(name)} {self._measured[name].updates:,}" for name in self._state.chosen)
            return f"measured in captures, every byte on the wire counted; messages delivered: {updates}"
        assumed = self.assumptions
        return (
            f"modelled: {assumed.size:,.10g} bytes of payload, {assumed.rate:,.10g} a second to each client, "
            f"{assumed.messages:,.10g} messages a connection"
        )

    def _assumptions(self) -> list[dict[str, Any]]:
        rows = []
        for name, (_, _, words) in LIMITS.items():
            value = getattr(self.assumptions, name)
            source = "from the captures" if name in self._told and value == getattr(self._first.assumed, name) else ""
            rows.append({"name": name, "value": f"{value:.10g}", "words": words, "source": source})
        return rows


def _assumed(assumed: Assumptions, name: str, text: str) -> Assumptions:
    """The assumptions with one number as it was typed."""
    if name not in LIMITS:
        raise ProtocolError(f"there is no assumption {plain(name)[:20]!r}")
    try:
        return dataclasses.replace(assumed, **{name: float(text.strip().replace(",", "")[:30])})
    except ValueError:
        raise ProtocolError(f"{plain(text)[:20]!r} is no number, expected {LIMITS[name][2]}") from None
    except WsvizError as error:
        raise ProtocolError(str(error)) from None


def _bits(bits: float) -> str:
    """Bits a second with a decimal prefix: 1 Mbit/s is a million."""
    for size, unit in ((1e12, "Tbit/s"), (1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s")):
        if bits >= size:
            return f"{bits / size:,.3g} {unit}" if bits < 1000 * size else f"{bits / size:,.0f} {unit}"
    return f"{bits:,.3g} bit/s"
