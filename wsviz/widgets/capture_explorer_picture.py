"""What the explorer's page draws beside the list of frames, as plain JSON: connections, overhead, choices."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from wsviz.capture.connection import Connection
from wsviz.figures.figure import clip, plain
from wsviz.figures.overhead_view import CATEGORIES
from wsviz.figures.summary import severities
from wsviz.protocol.secrets import mask_target, mask_text
from wsviz.protocol.wire import count
from wsviz.widgets.capture_explorer_filter import SEVERITIES, TYPES, Filter
from wsviz.widgets.capture_explorer_overhead import Overhead

DESCRIBED = 100  # connections that the page lists
MOST_RULES = 100  # that can be chosen


class Described(NamedTuple):
    """One connection of the list, and the rules of its frames' findings."""

    picture: dict[str, Any]
    rules: Counter[str]


def describe(connection: Connection) -> Described:
    """Who, what and how much; how it ended."""
    target = ""
    if connection.exchanges:
        request = connection.exchanges[0].request_head
        target = f"{request.method} {request.target if connection.reveal else mask_target(request.target)}"
    ending = str(connection.ending)
    rules = Counter(finding.rule for finding in connection.findings if finding.frame is not None)
    picture = {
        "index": connection.index,
        "ends": clip(plain(f"{connection.client} → {connection.server}"), 90),
        "protocol": connection.protocol,
        "target": clip(plain(target), 60),
        "frames": len(connection.frame_table),
        "findings": severities(connection.findings),
        "ending": clip(plain(ending if connection.reveal else mask_text(ending)), 160),
    }
    return Described(picture, rules)


def overhead_picture(overhead: Overhead, frames: int) -> dict[str, Any]:
    """The bytes by category, in the figure's own colours, and a sentence."""
    total, others = sum(overhead.frames.values()), sum(overhead.others.values())
    parts = []
    for category in CATEGORIES:
        own = sum(overhead.frames.get(bucket, 0) for bucket in category.buckets)
        rest = sum(overhead.others.get(bucket, 0) for bucket in category.buckets)
        if own or rest:
            share = f"{100 * own / total:.1f} %" if total else ""
            each = f"{own / frames:,.1f}" if frames else ""
            parts.append([category.name, category.colour, own, share, each, f"{own:,}", f"{rest:,}"])
    payload = overhead.frames["ws_payload"]
    words = f"{count(frames, 'frame')}: {count(total, 'byte')} on the wire, {payload:,} of them payload of messages"
    return {"parts": parts, "total": f"{total:,}", "others": f"{others:,}", "words": words}


def choices(wanted: Filter, rules: Counter[str]) -> dict[str, Any]:
    """What can be chosen, and what is."""
    known = sorted({*rules, wanted.finding} - {"", "any", *SEVERITIES})[:MOST_RULES]
    return {
        "types": [*TYPES],
        "findings": ["any", *SEVERITIES, *known],
        "filter": {
            "connection": -1 if wanted.connection is None else wanted.connection,
            "sender": wanted.sender or "",
            "type": wanted.type,
            "finding": wanted.finding,
            "text": wanted.text,
        },
    }
