"""`decision`: which mechanism does what an application needs, and for how many bytes an hour.

The bytes are those of the model (`overhead_model`), for one client whose connections stay open. Who keeps one open
must not fall silent for long: a long poll is answered, and an event stream has a comment, a WebSocket a ping and its
pong, `PULSE` seconds after the last one, whatever else is sent. Updates are sent one by one; only short polls
collect them. What a client sends by HTTP costs as much as what it fetches.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from wsviz.figures.figure import INK, MUTED, RULE, Canvas, Figure, id_of, tint, wrap
from wsviz.figures.overhead_model import Assumptions, model
from wsviz.protocol.fields import WsvizError

PULSE = 30.0  # seconds: what proxies are commonly set to bear is 60
NEARLY = 1.25  # who costs so many times the least costs nearly as little
WIDTH, ROW, TOP = 800.0, 30.0, 104.0
HEADS = ("bytes an hour", "waits at most")
COLUMNS = (272.0, 392.0)  # where the numbers end, pixels
WORDS = 420.0  # where the words begin, pixels
LIMITS = {"updates": (0, 1e6), "within": (0.01, 1e6), "sent": (0, 1e6), "size": (0, 1e7)}
SIMPLEST_FIRST = ("single requests", "short polling", "event stream", "long polling", "WebSocket")


@dataclass(frozen=True, slots=True)
class Need:
    """What an application needs of one client's connection.

    `updates` come to the client in an hour, each at most `within` seconds late; `sent` go from it in an hour. `size`
    is the payload of either, in bytes. `blocked`: a proxy on the way passes no upgrade and holds back what streams.
    """

    updates: float
    within: float = 1
    sent: float = 0
    size: float = 25
    blocked: bool = False

    def __post_init__(self) -> None:
        for name, (least, most) in LIMITS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise WsvizError(f"{name} is {value:,.10g}, expected {least:,.10g} to {most:,.10g}")

    def __str__(self) -> str:
        said = f"{self.updates:,.10g} update{'s' * (self.updates != 1)} an hour"
        said += f", at most {_seconds(self.within)} late" if self.updates else ""
        said += f"; {self.sent:,.10g} sent an hour; {self.size:,.10g} bytes each"
        return said + ("; no upgrade, no streams" if self.blocked else "")


class Way(NamedTuple):
    """One mechanism: bytes an hour, and why it will not do (empty where it will)."""

    name: str
    hourly: float
    cannot: str


class Decision(NamedTuple):
    """Every mechanism, simplest first, and the name of the one to take."""

    ways: tuple[Way, ...]
    choice: str


def decide(need: Need, assumed: Assumptions | None = None) -> Decision:
    """The simplest of all mechanisms that will do and cost at most a quarter more than the cheapest of them."""
    assumed = replace(assumed or Assumptions(), size=need.size, rate=1, poll=1)
    costs = {name: each.cost.marginal for name, each in model(assumed).items()}
    answered = costs["long polling"]  # a request and an answer that brings something
    empty = model(replace(assumed, poll=0.5))["short polling"].cost.marginal - answered
    polls, pulses, up = 3600 / need.within, 3600 / PULSE, need.sent * answered
    full = min(polls, need.updates)  # an answer brings several updates where polls are rarer
    comment = model(replace(assumed, size=0))["event stream"].cost.marginal  # a short one
    pong = model(replace(assumed, size=0))["WebSocket, masked"].cost.marginal  # it acknowledges the ping
    ping = model(replace(assumed, size=0, acks=0))["WebSocket"].cost.marginal
    bytes_an_hour = {
        "single requests": up,
        "short polling": up + full * answered + (polls - full) * empty + (need.updates - full) * need.size,
        "event stream": up + need.updates * costs["event stream"] + pulses * comment,
        "long polling": up + need.updates * answered + max(pulses - need.updates, 0) * empty,
        "WebSocket": need.updates * costs["WebSocket"]
        + need.sent * costs["WebSocket, masked"]
        + pulses * (ping + pong),
    }
    ways = tuple(Way(name, bytes_an_hour[name], _cannot(name, need)) for name in SIMPLEST_FIRST)
    least = min(way.hourly for way in ways if not way.cannot)
    choice = next(way.name for way in ways if not way.cannot and way.hourly <= NEARLY * least)
    return Decision(ways, choice)


def _cannot(name: str, need: Need) -> str:
    if name == "single requests" and need.updates:
        return "no: nobody would ask for the updates"
    if name not in ("single requests", "WebSocket") and not need.updates:
        return "no: there is no update to wait for"
    if name in ("event stream", "WebSocket") and need.blocked:
        return f"no: the proxy {'holds it back' if name == 'event stream' else 'passes no upgrade'}"
    return ""


def decision(need: Need, assumed: Assumptions | None = None) -> Figure:
    """Draw what each mechanism would cost in an hour, and which one to take."""
    decided = decide(need, assumed)
    rows = [(way.name, _amount(way), _waits(way, need), _verdict(way, decided)) for way in decided.ways]
    heads = ("", *HEADS, "")
    lines = [
        f"{name:15} {hourly:>18} {waits:>13}  {verdict}".rstrip() for name, hourly, waits, verdict in (heads, *rows)
    ]
    return Figure(_draw(need, decided, rows), "\n".join([*wrap(str(need), 100), "", *lines]))


def _amount(way: Way) -> str:
    return "-" if way.cannot else f"{way.hourly:,.0f}"


def _seconds(value: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if value >= 2 * size:
            return f"{value / size:,.3g} {unit}"
    return f"{value:,.3g} s"


def _waits(way: Way, need: Need) -> str:
    if way.cannot or not need.updates:
        return "-"
    return _seconds(need.within) if way.name == "short polling" else "no time"


def _verdict(way: Way, decided: Decision) -> str:
    if way.cannot:
        return way.cannot
    least = min(other.hourly for other in decided.ways if not other.cannot)
    if way.hourly == least:
        said = "the fewest bytes"
    else:
        said = f"{way.hourly / least:,.1f} times the fewest" if least else "more than nothing"
    return f"{said}: take this" if way.name == decided.choice else said


def _draw(need: Need, decided: Decision, rows: list[tuple[str, str, str, str]]) -> str:
    canvas = Canvas()
    name = id_of("d", (need, decided))
    title = f"Take {decided.choice}"
    canvas.text(24, 40, title, 20, font_weight="bold")
    canvas.text(24, 62, str(need), 11, MUTED)
    for at, head in zip(COLUMNS, HEADS, strict=True):
        canvas.text(at, TOP - 10, head, 10.5, MUTED, text_anchor="end")
    for at, (way, hourly, waits, verdict) in enumerate(rows):
        y = TOP + at * ROW
        chosen = way == decided.choice
        canvas.line(24, y + ROW, WIDTH - 24, y + ROW, stroke=RULE)
        if chosen:
            canvas.rect(16, y, WIDTH - 32, ROW, rx=4, fill=tint("#009e73"), stroke="#009e73", stroke_width=1.5)
        ink = MUTED if decided.ways[at].cannot else INK
        weight = "bold" if chosen else "normal"
        canvas.text(24, y + 20, way, 12, ink, font_weight=weight)
        for x, cell in zip(COLUMNS, (hourly, waits), strict=True):
            canvas.text(x, y + 20, cell, 12, ink, text_anchor="end", font_weight=weight)
        canvas.text(WORDS, y + 20, verdict, 12, ink)
    said = "; ".join(f"{way}: {hourly} bytes an hour, {verdict}" for way, hourly, _, verdict in rows)
    return canvas.document(WIDTH, TOP + len(rows) * ROW + 20, title=title, description=f"{need}. {said}.", name=name)
