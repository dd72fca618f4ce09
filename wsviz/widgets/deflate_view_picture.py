"""What the page of `DeflateView` draws, as plain JSON: every text harmless, nothing longer than a page can bear."""

from __future__ import annotations

from typing import Any

from wsviz.figures.deflate_talk import BITS
from wsviz.figures.deflate_text import TITLE
from wsviz.figures.deflate_view import TalkView
from wsviz.figures.figure import plain
from wsviz.protocol.wire import count

CELL = 64  # bytes of a symbol that are drawn


def picture_of(view: TalkView) -> dict[str, Any]:
    """The picture of a view."""
    talk, rows = view.talk, view.rows
    return {
        "title": TITLE,
        "facts": plain(view.facts),
        "total": view.total,
        "rows": [
            row._asdict() | {"ratio": row.ratio, "error": plain(row.error), "label": _words(view, row.number)}
            for row in rows
        ],
        "at": view.at,
        "headline": view.headline if rows else "No message is left: type one.",
        "error": plain(rows[view.at].error) if rows else "",
        "cells": [cell._asdict() | {"text": _clipped(cell.text)} for cell in view.cells],
        "hidden": view.hidden,
        "past": [
            {"number": past.number, "hidden": past.hidden, "segments": [piece._asdict() for piece in past.segments]}
            for past in view.past
        ],
        "hex": [*view.hex],
        "more_hex": view.more_hex,
        "secret": bool(rows) and view.said.masked,
        "terms": [term._asdict() | {"window": f"{1 << term.bits:,}"} for term in view.terms],
        "windows": [(bits, f"{1 << bits:,}") for bits in BITS],
        "keep": talk.keep,
        "bits": talk.bits,
        "sent": talk.sent,
    }


def _clipped(text: str) -> str:
    return text if len(text) <= CELL else f"{text[:CELL]}… {count(len(text) - CELL, 'more byte')}"


def _words(view: TalkView, number: int) -> str:
    """A message for those who cannot see its bar."""
    row = view.rows[number]
    if not row.compressed:
        return f"message {number}, {row.before:,} bytes, not compressed"
    parts = f"{row.literals:,} literal, {row.inner:,} copied within, {row.earlier:,} copied from earlier messages"
    return f"message {number}, {row.before:,} bytes in {row.after:,}: {parts}"
