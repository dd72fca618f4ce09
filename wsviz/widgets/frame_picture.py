"""The picture of a frame as plain JSON: what the page draws, without deciding anything."""

from __future__ import annotations

from typing import Any

from wsviz.figures.figure import plain
from wsviz.figures.frame_text import in_words
from wsviz.figures.frame_view import FrameView, Part
from wsviz.protocol.wire import MASK, Opcode, count, opcode_name

EDITED = 2000  # bytes that a text field of the page may hold


def picture_of(view: FrameView, bits_per_row: int, data: bytes, payload: bytes) -> dict[str, Any]:
    """The view as JSON: bytes as numbers, every text harmless, nothing longer than a page can bear.

    `data` are all bytes and `payload` is the whole unmasked payload: short ones can be edited as text.
    """
    drawn = view.drawn_bits(bits_per_row)
    remarks = {"more": "", "missing": "", "rest": ""} | dict(view.remarks(drawn // 8))
    return {
        "per_row": bits_per_row,
        "title": view.title,
        "about": view.about,
        "control": view.control,
        "sender": view.sender or "",
        "receiver": view.sender.other if view.sender else "",
        "sum": [{"kind": kind, "size": size, "label": label} for kind, size, label in view.boxes],
        "bytes": [*view.raw],
        "header": view.header_size,
        "bits": drawn,
        "captions": [view.caption(at) for at in range(len(view.raw))],
        "glyphs": _glyphs(view),
        "parts": [part_of(part) for part in view.parts],
        **remarks,
        "more_hex": dict(view.remarks(len(view.raw))).get("more", ""),
        "rest_bytes": [*view.rest],
        "rest_more": view.rest_size - len(view.rest),
        "findings": [
            {
                "severity": str(finding.severity),
                "rule": finding.rule,
                "where": finding.section + (f", close code {finding.close_code}" if finding.close_code else ""),
                "text": plain(finding.explanation),
                "field": finding.field or "",
            }
            for finding in view.findings
        ],
        "words": in_words(view),
        "controls": _controls(view, data, payload),
    }


def part_of(part: Part) -> dict[str, Any]:
    """One field as JSON."""
    return {
        "name": part.name,
        "kind": part.kind,
        "start": part.start,
        "size": part.size,
        "span": part.span,
        "bits": count(part.size, "bit"),
        "value": part.value if part.size else "absent",
        "meaning": part.meaning,
        "words": [] if part.whole_bytes else [*part.words],
        "section": part.section,
        "label": part.label,
        "marks": [*part.marks],
    }


def _glyphs(view: FrameView) -> list[str]:
    """What stands under each byte of the hex row."""
    pairs = zip(view.clear, view.glyphs, strict=True)
    shown = [f"{byte:02x} {glyph}" if view.masked else str(glyph) for byte, glyph in pairs]
    return [""] * view.header_size + shown


def _controls(view: FrameView, data: bytes, payload: bytes) -> dict[str, Any]:
    """What the controls say: FIN, RSV and opcode as they stand in the first byte, the rest where it is there."""
    first = view.raw[0] if view.raw else 0
    return {
        "fin": bool(first & 0b1000_0000),
        "rsv1": bool(first & 0b0100_0000),
        "rsv2": bool(first & 0b0010_0000),
        "rsv3": bool(first & 0b0001_0000),
        "opcode": first & 0b1111,
        "opcodes": [f"{code} {opcode_name(code)}" for code in range(16)],
        "mask": len(view.raw) > 1 and bool(view.raw[1] & MASK),
        "key": view.key.hex(" "),
        "hex": data.hex(" ") if len(data) <= EDITED else None,
        "text": _text(view, payload),
        "no_text": "too long to edit here" if len(payload) > EDITED else "no text, so edit its bits or the hex",
        "what": "reason" if first & 0b1111 == Opcode.CLOSE else "payload",
    }


def _text(view: FrameView, payload: bytes) -> str | None:
    """The payload (of Close, the reason) as a text to edit; None where it is none or too long."""
    if len(payload) > EDITED:
        return None
    skip = 2 if any(part.name == "Status code" for part in view.parts) else 0
    try:
        text = payload[skip:].decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
