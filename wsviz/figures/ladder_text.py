"""The picture of a ladder as text, in at most 100 columns, and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import clip, columns, plain, wrap
from wsviz.figures.ladder_steps import Step
from wsviz.figures.ladder_view import LadderView
from wsviz.protocol.fields import Side

WIDTH = 100
TIME, PACKET, STATE = 9, 8, 11


def draw_text(view: LadderView) -> str:
    """The ladder in ASCII, a line a step: "--->" from the client, "<..." from the server."""
    return "\n".join(line.rstrip() for line in _lines(view))


def in_words(view: LadderView) -> str:
    """The picture for those who cannot see it."""
    said = []
    for step in view.steps:
        who = f"{step.sender} to {step.sender.other}: " if step.sender else ""
        packets = f"packet {step.packet_words}" if step.packets else ""
        facts = [
            step.size,
            *step.marks,
            packets,
            f"at {view.clock(step.time)} {view.unit}" if step.time is not None else "",
        ]
        said.append(", ".join([f"{who}{step.chip} {step.words}".strip(), *filter(None, facts)]))
    return f"{view.title}, {view.client} to {view.server}. " + ". ".join(said) + "."


def _lines(view: LadderView) -> Iterator[str]:
    state_width = STATE if view.has_states else 0
    left = TIME + PACKET + 2 + state_width
    lane = WIDTH - left
    yield from wrap(f"{view.title}: {plain(view.client)} -> {plain(view.server)}", WIDTH)
    yield view.facts
    yield ""
    state_head = f"{'state':<{STATE}}" if view.has_states else ""
    yield f"{view.unit:>{TIME}}{'packet':>{PACKET}}  {state_head}{'client':<{lane - 6}}server"
    state = ""
    for step in view.steps:
        shown, state = (step.state if step.state != state else ""), step.state
        start = f"{view.clock(step.time):>{TIME}}{clip(step.packet_words, PACKET - 1):>{PACKET}}  "
        yield start + f"{shown:<{STATE}}"[:state_width] + f"|{_rung(step, lane - 2)}|"
    yield ""
    yield "--> from the client, <.. from the server."
    yield from view.notes


def _rung(step: Step, room: int) -> str:
    """One step as a line between the lanes."""
    if step.sender is None:
        ink = "=" if step.kind == "tcp" else "~" if step.kind == "elided" else " "
        words = clip(plain(step.words).replace("→", ">").replace("←", "<"), room - 8)
        return f"{ink * 3} {words} ".ljust(room, ink)
    ink = "-" if step.sender is Side.CLIENT else "."
    size = f" {step.size} " if step.sizes else ""
    marks = "".join(f" [{mark}]" for mark in step.marks).replace("✕", "x")
    space = room - columns(step.chip + size) - 9
    words = clip(plain(step.words), max(space - columns(marks), 12))
    said = f" {step.chip} {words}{clip(marks, space - columns(words))} "
    fill = ink * (room - 5 - columns(said) - columns(size))
    return f"--{said}{fill}{size}-->" if step.sender is Side.CLIENT else f"<..{said}{fill}{size}.."
