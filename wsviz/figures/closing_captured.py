"""The end of a captured connection as a story, its steps with their packets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.figures.closing_story import (
    CLOSED,
    CloseStory,
    Duty,
    Report,
    Step,
    close_step,
    duties_of,
    error_in,
    report,
    with_states,
)
from wsviz.protocol.fields import Incomplete, Side, WsvizError
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.secrets import mask_bytes
from wsviz.protocol.wire import Opcode, count, opcode_name, preview

BEFORE, MOST = 3, 12  # frames before the end that are told; frames in all
NO_END = Duty("The capture ends before the connection does.", "")
NO_CLOSE = Duty("Without a Close frame, neither side can tell an intended end from a lost peer.", "RFC 6455 7.1.5")
FAILURES = (1002, 1007, 1009)


def captured_story(connection: Connection) -> CloseStory:
    """The story of a WebSocket's end in a capture, secrets masked unless it was read with `reveal=True`.

    Raises WsvizError for a connection that is no WebSocket.
    """
    if connection.protocol != "websocket":
        raise WsvizError(f"connection {connection.index} is {connection.protocol}, expected a WebSocket")
    ending = connection.ending
    extensions = connection.handshake.extensions if connection.handshake else None
    placed = sorted(_placed(connection), key=lambda each: each[0])
    steps = with_states(step for _, step in placed)
    first = next((step for step in steps if step.kind == "close"), None)
    if first is not None and first.sender is not None:
        duties = duties_of(first.raw, first.sender, extensions)
    else:
        duties = (NO_END,) if ending.how == "open" else (NO_CLOSE,)
    reports = (
        _report(Side.CLIENT, steps, ending.reports, extensions),
        _report(Side.SERVER, steps, ending.reports, extensions),
    )
    title = f"how connection {connection.index} ended"
    return CloseStory(title, ending.explanation, steps, reports, duties, extensions)


def _placed(connection: Connection) -> Iterator[tuple[float, Step]]:
    """The steps near the end, each with its packet."""
    rows, frames = connection.frame_table, connection.frames
    ends = [
        (packet, side, kind)
        for side, (direction, _) in zip(Side, connection.directions(), strict=True)
        for packet, kind in ((direction.fin_packet, "FIN"), (direction.rst_packet, "RST"))
        if packet is not None
    ]
    closes = [at for at in range(len(rows)) if rows["opcode"][at] == Opcode.CLOSE]
    start = closes[0] if closes else len(rows)
    told = range(max(start - BEFORE, 0), min(max(start - BEFORE, 0) + MOST, len(rows)))
    if told.start:
        yield -1, Step(None, "wait", f"{count(told.start, 'frame')} before")
    for at in told:
        yield float(rows["packet"][at]), _frame_step(frames[at], connection.reveal)
    for packet, side, kind in ends:
        yield packet + 1, Step(side, kind, kind, note=f"packet {packet + 1}")


def _frame_step(captured: CapturedFrame, reveal: bool) -> Step:
    frame, sender = captured.frame, captured.sender
    hidden = frame.payload if reveal or frame.rsv1 else mask_bytes(frame.payload, same_size=True)
    raw = captured.dissection.raw
    if hidden != frame.payload:
        frame = replace(frame, payload=hidden)
        raw = frame.serialize()
    note = f"packet {captured.packets[0]}"
    if frame.opcode == Opcode.CLOSE:
        return replace(close_step(sender, frame, note=note), raw=raw)
    words = opcode_name(frame.opcode) + ("" if frame.fin else ", a fragment")
    if frame.opcode != Opcode.BINARY and not frame.rsv1 and frame.payload:
        words += f" {preview(frame.payload)}"
    else:
        words += f", {count(len(frame.payload), 'byte')}"
    return Step(sender, "frame", words, raw, note)


def _report(side: Side, steps: tuple[Step, ...], codes: dict[Side, int], extensions: str | None) -> Report:
    """What a side reports: the code is the one that the capture's evidence gives."""
    received = next((step for step in steps if step.kind == "close" and step.sender is side.other), None)
    broken = received is not None and error_in(received.raw, side.other, extensions) is not None
    told = report(side, steps, failed=broken, extensions=extensions)
    code = codes.get(side)
    if code is not None and code != told.code:
        why = f"TCP ended before a Close frame that counts had reached the {side}"
        told = replace(told, code=code, reason=b"", clean=False, why=why, section="RFC 6455 7.1.5")
    if told.code is not None and told.state != CLOSED:
        told = replace(told, clean=None)  # the capture ends first
    sent = next((step for step in steps if step.kind == "close"), None)
    if (
        sent is not None
        and sent.sender is side
        and told.code not in (None, 1006)
        and _close_code(sent.raw) in FAILURES
    ):
        why = f"{told.why}; a library that stops reading once it fails the connection says 1006"
        told = replace(told, why=why)
    return told


def _close_code(raw: bytes) -> int | None:
    try:
        frame: Frame = dissect_frame(raw).value
    except Incomplete:
        return None
    return frame.close_code
