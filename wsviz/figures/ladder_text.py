"""The picture of a ladder as text, in at most 100 columns, and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import clip, columns, plain, wrap
from wsviz.figures.ladder_steps import Step
from wsviz.figures.ladder_view import LadderView, duration_in_words
from wsviz.protocol.fields import Side

WIDTH = 100
TIME, PACKET, STATE = 9, 8, 11
LITTLE = 45  # columns from lane to lane in which a size has no place beside the words


def draw_text(view: LadderView) -> str:
    """The ladder in ASCII, a line a step: "--->" from the client, "<..." from the server."""
    return "\n".join(line.rstrip() for line in _lines(view))


def in_words(view: LadderView) -> str:
    """The picture for those who cannot see it."""
    said = []
    for step in view.steps:
        ends = (view.lanes[step.leg].role, view.lanes[step.leg + 1].role)
        who = f"{' to '.join(ends if step.sender is Side.CLIENT else ends[::-1])}: " if step.sender else ""
        packets = f"packet {step.packet_words}" if step.packets else ""
        facts = [
            step.size,
            *step.marks,
            packets,
            f"at {view.clock(step.time)} {view.unit}" if step.time is not None else "",
            f"after {duration_in_words(step.pause)} without a step" if step.pause else "",
        ]
        said.append(", ".join([f"{who}{step.chip} {step.words}".strip(), *filter(None, facts)]))
    whole = f", {' to '.join(lane.address for lane in view.lanes)}" if view.client else ""
    return f"{view.title}{whole}. " + ". ".join(said) + "."


def _lines(view: LadderView) -> Iterator[str]:
    state_width = STATE if view.has_states else 0
    left = TIME + PACKET + 2 + state_width
    lane = WIDTH - left
    ends = ": " + " -> ".join(plain(each.address) for each in view.lanes) if view.client else ""
    yield from wrap(view.title + ends, WIDTH)
    yield view.facts
    yield ""
    state_head = f"{'state':<{STATE}}" if view.has_states else ""
    legs = len(view.lanes) - 1
    room = lane // legs - 2
    names = "".join(f"{each.role:<{room + 1}}" for each in view.lanes[:-1])
    yield f"{view.unit:>{TIME}}{'packet':>{PACKET}}  {state_head}{names[: lane - 6]:<{lane - 6}}server"
    state = ""
    for step in view.steps:
        if step.pause:
            yield " " * left + ":" + f"{duration_in_words(step.pause)} pass".center(legs * (room + 1) - 1) + ":"
        shown, state = (step.state if step.state != state else ""), step.state
        start = f"{view.clock(step.time):>{TIME}}{clip(step.packet_words, PACKET - 1):>{PACKET}}  "
        rungs = [_rung(step, room) if step.leg == leg else " " * room for leg in range(legs)]
        yield start + f"{shown:<{STATE}}"[:state_width] + f"|{'|'.join(rungs)}|"
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
    size = f" {step.size} " if step.sizes and room > LITTLE else ""
    marks = "".join(f" [{mark}]" for mark in step.marks).replace("✕", "x")
    space = room - columns(step.chip + size) - 9
    words = clip(plain(step.words), max(space - columns(marks), 12))
    said = f" {step.chip} {words}{clip(marks, space - columns(words))} "
    fill = ink * (room - 5 - columns(said) - columns(size))
    return f"--{said}{fill}{size}-->" if step.sender is Side.CLIENT else f"<..{said}{fill}{size}.."
