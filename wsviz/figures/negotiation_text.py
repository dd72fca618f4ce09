"""The opening handshake as plain text: the outcome, the five lanes, the accept key in steps, both texts, findings."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import clip, wrap
from wsviz.figures.frame_text import finding_lines
from wsviz.figures.negotiation_view import SIGNS, Lane, Line, Negotiation

WIDTH = 80


def draw_text(negotiation: Negotiation) -> str:
    """Everything that the picture shows; no line is longer than 80 columns."""
    lines = ["The opening handshake", clip(negotiation.about, WIDTH), ""]
    for who, what, _ in negotiation.outcomes:
        lines += wrap(f"{who}: {what}", WIDTH)
    for number, lane in enumerate(negotiation.lanes, 1):
        lines += ["", *_lane(number, lane)]
    if negotiation.accept_steps:
        lines += ["", "the accept key"]
        lines += [f"  {what:<38}{clip(value, WIDTH - 2)}" if len(value) <= 40 else f"  {what}\n    {clip(value, 76)}"
                  for what, value in negotiation.accept_steps]  # fmt: skip
        lines += [f"  {clip(negotiation.accept_verdict[1], WIDTH - 2)}"]
    lines += ["", "request", *_message(negotiation.request_lines)]
    lines += ["", "response", *_message(negotiation.response_lines)]
    if negotiation.findings:
        lines += ["", *finding_lines(negotiation.findings)]
    return "\n".join(line.rstrip() for line in lines)


def in_words(negotiation: Negotiation) -> str:
    """The picture for those who cannot see it."""
    said = [f"The opening handshake: {negotiation.about}"]
    said += [f"{who}: {what}" for who, what, _ in negotiation.outcomes]
    said += [lane_in_words(lane) for lane in negotiation.lanes]
    said += [f"{finding.severity}: {finding.explanation}" for finding in negotiation.findings]
    return ". ".join(said) + "."


def lane_in_words(lane: Lane) -> str:
    """A lane for somebody who cannot see it."""
    return (
        f"{lane.name}: the client offers {lane.offered}; the server would take {lane.policy} "
        f"and answers {lane.answered}; {lane.state}: {lane.verdict}"
    )


def _lane(number: int, lane: Lane) -> Iterator[str]:
    yield f"{number} {SIGNS[lane.state]} {lane.name}: {lane.about}"
    rows = (("client offers", lane.offered), ("server takes", lane.policy), ("server answers", lane.answered))
    for what, value in (*rows, (lane.state, lane.verdict)):
        for index, line in enumerate(wrap(value, WIDTH - 20)):
            yield f"    {'' if index else what:<16}{line}"


def _message(lines: tuple[Line, ...]) -> Iterator[str]:
    """The lines with the numbers of their lanes before them."""
    for line in lines:
        yield f"  {line.lane + 1 or ' '} {clip(line.text, WIDTH - 4)}"
