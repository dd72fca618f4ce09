"""How a WebSocket ends, as a story: the steps, both sides' readyState after each, and what their APIs report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from wsviz.protocol.fields import Dissection, Finding, Incomplete, Severity, Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.wire import MAX_CONTROL_BODY, close_code_name, preview

OPEN, CLOSING, CLOSED = "OPEN", "CLOSING", "CLOSED"
SCRIPT_CODES = (1000, *range(3000, 5000))


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. `kind` is "close", "frame", "FIN", "RST", or "wait", whose `sender` is None.

    `raw` holds the frame's bytes; `note` is a remark; `heeded` is False for a frame that its receiver ignores or
    never gets; `states` are the readyStates of client and server afterwards.
    """

    sender: Side | None
    kind: str
    words: str
    raw: bytes = b""
    note: str = ""
    heeded: bool = True
    states: tuple[str, str] = (OPEN, OPEN)


@dataclass(frozen=True, slots=True)
class Report:
    """What one side's API tells its program: `code` is None, and `clean` too, where it has learned of no end."""

    side: Side
    state: str
    code: int | None
    reason: bytes
    clean: bool | None
    why: str
    section: str

    @property
    def name(self) -> str:
        return "no close event" if self.code is None else close_code_name(self.code)


class Duty(NamedTuple):
    """What somebody has to do, and where that is written."""

    words: str
    section: str


@dataclass(frozen=True, slots=True)
class CloseStory:
    """An ending, ready to be drawn; `extensions` is what `dissect_frame` takes, for the frames of the steps."""

    title: str
    about: str
    steps: tuple[Step, ...]
    reports: tuple[Report, Report]
    duties: tuple[Duty, ...]
    extensions: str | None = ""

    @property
    def first_close(self) -> int | None:
        """Which step sends the first Close frame."""
        return next((at for at, step in enumerate(self.steps) if step.kind == "close"), None)


def judged(raw: bytes, sender: Side | None, extensions: str | None = "") -> Dissection[Frame]:
    return dissect_frame(raw, sender=sender, extensions=extensions)


def error_in(raw: bytes, sender: Side, extensions: str | None = "") -> Finding | None:
    """The MUST that a frame breaks first, or None."""
    try:
        found = judged(raw, sender, extensions).findings
    except Incomplete:  # a capture may lose the end of a frame
        return None
    return next((finding for finding in found if finding.severity is Severity.ERROR), None)


def close_step(sender: Side, frame: Frame, *, note: str = "", heeded: bool = True) -> Step:
    """The step that sends a Close frame, in words."""
    words = "Close, no code"
    if frame.close_code is not None:
        words = f"Close {frame.close_code}, {close_code_name(frame.close_code)}"
        words += f" {preview(frame.payload[2:])}" if frame.payload[2:] else ""
    elif frame.payload:
        words = f"Close, half a code ({frame.payload.hex()})"
    return Step(sender, "close", words, frame.serialize(), note, heeded)


def with_states(steps: Iterable[Step], given: tuple[str, str] = (OPEN, OPEN)) -> tuple[Step, ...]:
    """The steps with both readyStates after each.

    A side is CLOSING once it has sent or heeded a Close frame (RFC 6455 7.1.3), and CLOSED once TCP is closed in both
    directions, or reset. What gets lost changes only its sender's state.
    """
    states, fins, done = dict(zip(Side, given, strict=True)), set[Side](), []
    for step in steps:
        if step.sender is not None and step.kind == "close":
            heard = [step.sender] + [step.sender.other] * step.heeded
            states |= {side: CLOSING for side in heard if states[side] == OPEN}
        elif step.sender is not None and step.kind in ("FIN", "RST"):
            fins.add(step.sender)
            if step.kind == "RST" or len(fins) == len(Side):
                states = dict.fromkeys(Side, CLOSED)
            elif not step.heeded:
                states[step.sender] = CLOSED
        done.append(replace(step, states=(states[Side.CLIENT], states[Side.SERVER])))
    return tuple(done)


def report(side: Side, steps: tuple[Step, ...], *, failed: bool, extensions: str | None = "") -> Report:
    """What a side's API reports after these steps; `failed` says that it failed the connection itself."""
    state = steps[-1].states[0 if side is Side.CLIENT else 1] if steps else OPEN
    close = next((step for step in steps if step.kind == "close" and step.sender is side.other and step.heeded), None)
    reached = [step for step in steps if step.heeded or step.sender is side]
    answered = any(step.kind == "close" and step.sender is side for step in reached)
    clean = close is not None and answered and not failed and state == CLOSED
    if failed:
        why = f"the {side} failed the connection, and takes no notice of what comes after"
        return Report(side, state, 1006, b"", False, why, "RFC 6455 7.1.7")
    if close is not None:
        frame = judged(close.raw, close.sender, extensions).value
        if frame.close_code is None:
            why = f"the {side.other}'s Close had no code: 1005 stands for that"
            return Report(side, state, 1005, b"", clean, why, "RFC 6455 7.1.5")
        why = f"this is the code of the first Close that the {side} received"
        return Report(side, state, frame.close_code, frame.payload[2:], clean, why, "RFC 6455 7.1.5")
    if state == CLOSED:
        why = f"no Close frame reached the {side}: 1006 is its own word for that"
        return Report(side, state, 1006, b"", False, why, "RFC 6455 7.1.5")
    return Report(side, state, None, b"", None, f"nothing has reached the {side} that would tell of an end", "")


def duties_of(raw: bytes, sender: Side, extensions: str | None = "") -> tuple[Duty, ...]:
    """What the receiver of a Close frame must do, then who closes TCP, then what scripts may send."""
    receiver, wrong = sender.other, error_in(raw, sender, extensions)
    frame = judged(raw, sender, extensions).value
    if wrong is None:
        first = Duty(
            f"The {receiver} must answer with a Close frame, as soon as it can: usually with the same code. "
            "It may finish the message that it is sending.",
            "RFC 6455 5.5.1",
        )
    else:
        first = Duty(
            f"{wrong.explanation[:1].upper()}{wrong.explanation[1:]}: the {receiver} must fail the connection. "
            f"It sends Close {wrong.close_code or 1002} and takes nothing more.",
            f"{wrong.section}, 7.1.7",
        )
    closes_tcp = Duty(
        "After both Close frames, the server closes TCP first; the client waits for that.", "RFC 6455 7.1.1"
    )
    return first, closes_tcp, *([_script(frame)] if sender is Side.CLIENT else [])


def _script(frame: Frame) -> Duty:
    """Whether a script in a browser can have this frame sent."""
    code, where = frame.close_code, "WHATWG WebSockets"
    if code is None:
        return Duty("A browser's script gets this with close().", where)
    if code not in SCRIPT_CODES:
        said = f"close({code}) throws InvalidAccessError; scripts may say 1000 and 3000 to 4999."
        gone = " The browser itself says 1001 when its tab is closed." if code == 1001 else ""
        return Duty(f"A browser's script cannot send this: {said}{gone}", where)
    if len(frame.payload) > MAX_CONTROL_BODY:
        return Duty("A browser's script cannot send this: a reason beyond 123 bytes throws SyntaxError.", where)
    return Duty(f"A browser's script gets this with close({code}{', reason' * (len(frame.payload) > 2)}).", where)
