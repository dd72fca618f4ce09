"""The picture of a timeline as plain JSON: lines of units, and what lies on them."""

from __future__ import annotations

from typing import Any

from wsviz.figures.figure import clip, plain
from wsviz.figures.timeline_axis import Cell, Line, Piece, glyphs_of, kind_of, lines_of
from wsviz.figures.timeline_stretch import Stretch
from wsviz.figures.timeline_text import arrivals, char_notes
from wsviz.figures.timeline_view import FrameSpan, Segment, TimelineView
from wsviz.protocol.wire import Opcode, count, opcode_name

TYPED = 2000  # bytes of a text that can be typed in
TOLD = 60  # segments, frames and findings that are told one by one


def picture_of(view: TimelineView, stretch: Stretch) -> dict[str, Any]:
    """The view as JSON, every text harmless, and no more of it than a page can bear."""
    lines, undrawn = lines_of(view)
    glyphs = glyphs_of(view, lines)
    drawn = lines[-1].end if lines else 0
    return {
        "title": view.title,
        "facts": plain(view.facts),
        "sender": view.sender,
        "receiver": view.sender.other,
        "size": len(view.data),
        "undrawn": f"The last {count(undrawn, 'byte')} are not drawn." if undrawn else "",
        "lines": [_line(view, line, glyphs) for line in lines],
        "frames": [_frame(span) for span in view.frames if span.start < drawn],
        "segments": [_segment(segment) for segment in view.segments if segment.start < drawn],
        "cuts": [cut for cut in stretch.cuts if cut < drawn],
        "arrivals": _arrivals(view),
        "chars": char_notes(view),
        "findings": [
            {
                "severity": str(finding.severity),
                "rule": finding.rule,
                "where": finding.section + (f", close code {finding.close_code}" if finding.close_code else ""),
                "text": plain(finding.explanation),
                "range": _range(view, finding.frame),
            }
            for finding in view.findings[:TOLD]
        ],
        "text": _text(stretch),
        "words": ". ".join(arrivals(view)),
        "opcodes": [f"{code} {opcode_name(code)}" for code in range(16)],
    }


def _line(view: TimelineView, line: Line, glyphs: dict[int, str]) -> dict[str, Any]:
    ends = {segment.end: segment for segment in view.segments}
    deliveries = [
        {"unit": cell.right, "numbers": numbers}
        for cell in line.cells
        if cell.end in ends and (numbers := [event.number for event in ends[cell.end].events if event.number])
    ]
    cells = {cell.start: cell for cell in line.cells}
    return {
        "cells": [_cell(view, cell, glyphs.get(cell.start, "")) for cell in line.cells],
        "messages": [
            _place(piece)
            | {
                "start": message.start,
                "end": message.end,
                "delivered": message.delivered,
                "words": clip(f"message {message.number}: {message.words}", 120),
            }
            for message in view.messages
            if (piece := line.place(message.start, message.end))
        ],
        "frames": [
            _place(piece) | {"index": span.index}
            for span in view.frames
            if (piece := line.place(span.start, span.end))
        ],
        "segments": [
            _place(piece) | {"index": segment.index}
            for segment in view.segments
            if (piece := line.place(segment.start, segment.end))
        ],
        "deliveries": deliveries,
        "chars": [cells[cut.offset].left for cut in view.chars if cut.offset in cells],
    }


def _place(piece: Piece) -> dict[str, Any]:
    return {"left": piece.left, "right": piece.right, "opens": piece.opens, "closes": piece.closes}


def _cell(view: TimelineView, cell: Cell, glyph: str) -> dict[str, Any]:
    kind = kind_of(view.frames, cell.start)
    place = {"start": cell.start, "end": cell.end, "left": cell.left, "right": cell.right, "kind": kind}
    if cell.elided:
        words = f"bytes {cell.start} to {cell.end - 1}, {count(cell.end - cell.start, 'byte')} elided"
        return place | {"hex": "…", "glyph": f"{cell.end - cell.start:,}", "label": words}
    return place | {
        "hex": f"{view.data[cell.start]:02x}",
        "glyph": glyph,
        "label": _byte_in_words(view, cell.start, kind, glyph),
    }


_KINDS = {
    "opcode": "FIN, RSV and opcode",
    "length": "MASK and Payload len",
    "extended": "Extended payload length",
    "key": "Masking-key",
    "padding": "of a frame that is not complete",
}


def _byte_in_words(view: TimelineView, at: int, kind: str, glyph: str) -> str:
    span = next((span for span in view.frames if span.start <= at < span.end), None)
    what = _KINDS.get(kind, "")
    if span is not None:
        place = f"payload byte {at - span.payload}" if kind == "payload" else what
        what = f"{place} of frame {span.index}"
    segment = next(segment.index for segment in view.segments if segment.start <= at < segment.end)
    char = f", {glyph}" if glyph and glyph != "·" else ""
    return f"byte {at}, {view.data[at]:02x}{char}: {what}, in segment {segment}"


def _frame(span: FrameSpan) -> dict[str, Any]:
    frame = span.frame
    fin = "" if frame.is_control and frame.fin else f", FIN={int(frame.fin)}"
    size = count(len(frame.payload), "byte")
    home = "" if frame.is_control else f", of message {span.message}" if span.message >= 0 else ", of no message"
    return {
        "index": span.index,
        "start": span.start,
        "payload": span.payload,
        "end": span.end,
        "name": f"{span.index} {span.name}{fin.replace(',', '')}",
        "control": frame.is_control,
        "opcode": int(frame.opcode),
        "fin": frame.fin,
        "movable": span.movable,
        "marks": [*span.marks[:3]],
        "label": f"frame {span.index}, {span.name}{fin}, {size} of payload{home}",
    }


def _segment(segment: Segment) -> dict[str, Any]:
    packet = f" · packet {segment.packet}" if segment.packet is not None else ""
    size = count(segment.end - segment.start, "byte")
    brings = "; ".join(event.words for event in segment.events) or segment.waiting
    return {
        "index": segment.index,
        "start": segment.start,
        "end": segment.end,
        "name": f"segment {segment.index}{packet}",
        "label": plain(f"segment {segment.index}{packet.replace(' ·', ',')}, {size}: {brings}"),
    }


def _arrivals(view: TimelineView) -> list[dict[str, Any]]:
    """Each segment that completes something, and the quiet ones together, as sentences."""
    told, by_name = [], {f"segment {segment.index}": segment for segment in view.segments}
    for words in arrivals(view):
        segment = by_name.get(words.partition(",")[0].partition(" (")[0])
        kinds = [event.kind for event in segment.events] if segment else []
        kind = next((kind for kind in ("fail", "message", "close", "control") if kind in kinds), "quiet")
        place = [segment.start, segment.end] if segment else []
        told.append({"words": plain(words), "kind": kind, "range": place})
    return told


def _range(view: TimelineView, frame: int | None) -> list[int]:
    span = view.frames[frame] if frame is not None and frame < len(view.frames) else None
    return [span.start, span.end] if span else []


def _text(stretch: Stretch) -> str | None:
    """The text of the only message, to be typed over; None where there are others, or it is too long."""
    data = [frame for frame in stretch.frames if not frame.is_control]
    payload = b"".join(frame.payload for frame in data)
    if len(payload) > TYPED or not data or data[0].opcode != Opcode.TEXT or data[0].rsv1:
        return None
    if any(frame.opcode != Opcode.CONTINUATION for frame in data[1:]):
        return None
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
