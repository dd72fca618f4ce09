"""`overhead_growth`: bytes in all over the number of messages, a line a mechanism, and where lines cross."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from wsviz.capture.comparison import Cost
from wsviz.figures.figure import CHAR, INK, MUTED, RULE, Canvas, Figure, clip, columns, id_of, plain
from wsviz.figures.overhead_model import break_evens
from wsviz.figures.overhead_svg import round_step
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import count

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#404040")
DASHES = ("", "8 4", "2 3", "10 3 2 3", "5 5", "1 4", "12 6")
WIDTH, LEFT, RIGHT, TOP, BOTTOM = 800.0, 92.0, 560.0, 100.0, 390.0
LABEL = 18.0  # the least distance between two labels at the ends of lines


class Curve(NamedTuple):
    """One mechanism: `first` and `last` are the bytes in all after no message and after the most that are drawn."""

    name: str
    first: float
    last: float
    colour: str
    dashes: str


class Growth(NamedTuple):
    """What is drawn: up to `messages`, `top` bytes and `step` between marks; `words` say where lines cross."""

    curves: tuple[Curve, ...]
    messages: int
    top: float
    step: float
    words: tuple[str, ...]
    crossings: tuple[tuple[int, float], ...]


def growth_of(costs: Mapping[str, Cost], messages: int) -> Growth:
    """The lines up to so many messages; raises WsvizError where there is nothing to draw."""
    if not costs or messages < 1:
        raise WsvizError("there is nothing to draw, expected costs by name and at least one message")
    curves = tuple(
        Curve(name, cost.fixed, cost.fixed + cost.marginal * messages, COLOURS[at % 7], DASHES[at % 7])
        for at, (name, cost) in enumerate(costs.items())
    )
    found = list(break_evens(costs))
    words = tuple(f"{best}: less in all than {other} from message {number:,} on" for best, other, number in found)
    crossings = tuple(
        (number, costs[best].fixed + costs[best].marginal * number)
        for best, _, number in found
        if 1 < number <= messages
    )
    top = max(max(curve.first, curve.last) for curve in curves) or 1.0
    return Growth(curves, messages, top, round_step(top), words, crossings)


def overhead_growth(costs: Mapping[str, Cost], messages: int) -> Figure:
    """Draw bytes in all over the number of messages on one connection, up to `messages` of them."""
    growth = growth_of(costs, messages)
    said = [f"{curve.name}: {curve.first:,.0f} bytes at first, {curve.last:,.0f} in all" for curve in growth.curves]
    words = f"Bytes in all after {count(messages, 'message')}. " + ". ".join([*said, *growth.words]) + "."
    return Figure(_draw(growth, words), _text(growth))


def _text(growth: Growth) -> str:
    name = max(columns(plain(curve.name)) for curve in growth.curves)
    lines = [f"Bytes in all, up to {count(growth.messages, 'message')}", ""]
    lines.append(f"{'':{name}}  {'at first':>14}  {'a message':>12}  {'in all':>16}")
    for curve in growth.curves:
        each = (curve.last - curve.first) / growth.messages
        shown = plain(curve.name) + " " * (name - columns(plain(curve.name)))
        lines.append(f"{shown}  {curve.first:>14,.0f}  {each:>12,.1f}  {curve.last:>16,.0f}")
    return "\n".join([*lines, "", *(plain(words) for words in growth.words)]).rstrip()


def _draw(growth: Growth, words: str) -> str:
    canvas = Canvas()
    name = id_of("g", growth)
    title = f"Bytes in all, up to {count(growth.messages, 'message')}"
    canvas.text(24, 44, title, 20, font_weight="bold")
    canvas.text(24, 64, "one connection, its opening and its close counted from the start", 12, MUTED)
    _axes(canvas, growth)
    ends = sorted(growth.curves, key=lambda curve: curve.last, reverse=True)
    y = TOP - LABEL
    for curve in ends:
        y = max(y + LABEL, _y(growth, curve.last) + 4)
        _line(canvas, growth, curve, y)
    for number, amount in growth.crossings:
        x = LEFT + (RIGHT - LEFT) * number / growth.messages
        canvas.add("circle", cx=x, cy=_y(growth, amount), r=5, fill="none", stroke=INK, stroke_width=1.6)
    bottom = max(BOTTOM + 48, y + 20)
    for said in growth.words:
        canvas.text(24, bottom, "•", 12, MUTED)
        canvas.text(38, bottom, clip(plain(said), 100), 12, INK)
        bottom += 19
    return canvas.document(WIDTH, bottom + 8, title=title, description=words, name=name)


def _y(growth: Growth, amount: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * amount / growth.top


def _axes(canvas: Canvas, growth: Growth) -> None:
    for tick in range(int(growth.top / growth.step + 1e-9) + 1):
        y = _y(growth, tick * growth.step)
        canvas.line(LEFT, y, RIGHT, y, stroke=INK if not tick else RULE)
        canvas.text(LEFT - 8, y + 4, f"{tick * growth.step:,.10g}", 10, MUTED, text_anchor="end")
    canvas.text(24, TOP - 8, "bytes", 10, MUTED)
    for part in range(5):
        x = LEFT + (RIGHT - LEFT) * part / 4
        canvas.line(x, BOTTOM, x, BOTTOM + 5, stroke=INK)
        canvas.text(x, BOTTOM + 17, f"{growth.messages * part / 4:,.6g}", 10, MUTED, text_anchor="middle")
    canvas.text(RIGHT + 40, BOTTOM + 17, "messages", 10, MUTED)


def _line(canvas: Canvas, growth: Growth, curve: Curve, label: float) -> None:
    dashes = {"stroke_dasharray": curve.dashes} if curve.dashes else {}
    ends = (_y(growth, curve.first), _y(growth, curve.last))
    canvas.line(LEFT, ends[0], RIGHT, ends[1], stroke=curve.colour, stroke_width=2.4, **dashes)
    canvas.line(RIGHT + 2, ends[1], RIGHT + 12, label - 4, stroke=curve.colour)
    room = int((WIDTH - 24 - RIGHT - 16) / (CHAR * 11))
    amount = f"{curve.last:,.0f}"
    canvas.text(RIGHT + 16, label, clip(f"{amount} {plain(curve.name)}", room), 11, INK)
