"""The documentation page of every rule, made from the tables that the decoders use."""

from __future__ import annotations

import re
from collections import Counter

from wsviz.protocol.fields import Severity
from wsviz.protocol.handshake_rules import ANSWER, HANDSHAKE_RULES, REQUEST
from wsviz.protocol.http_rules import HTTP_RULES
from wsviz.protocol.rule import Rule
from wsviz.protocol.rules import (
    CAPTURE_RULES,
    DEFLATE_RULES,
    FRAME_RULES,
    STREAM_RULES,
)

HEAD = """\
<!-- Made by `wsviz rules`; edit the tables in wsviz/protocol instead. -->

# Every rule that wsviz knows

`wsviz lint FILE` and the `findings` of every decoder name these rules. An **error** breaks a MUST of the standard, a
**warning** a SHOULD; a **note** is legal and worth knowing. The close code is the one with which the standard has the
receiver fail the connection; where it asks for none, there is none. A test proves that each example gives
the finding: what one side sends after the handshake, in hex, or what it says in HTTP.
"""

CHAPTERS = (
    ("Frames", "What one frame alone proves.", FRAME_RULES),
    ("Messages", "What shows only across frames.", STREAM_RULES),
    ("Compression", "permessage-deflate, where it was negotiated.", DEFLATE_RULES),
    ("Opening handshake", "What request and response say. Examples show the line at fault.", HANDSHAKE_RULES),
    ("HTTP", "Requests and responses, the handshake's included.", HTTP_RULES),
    ("Captures", "What only a capture shows, with its packets and their times.", CAPTURE_RULES),
)
LONGEST_EXAMPLE = 60  # characters


def rules_page() -> str:
    """The page as Markdown."""
    parts = [HEAD]
    for title, text, rules in CHAPTERS:
        rows = "\n".join(_row(rule) for rule in rules.values())
        parts.append(
            f"## {title}\n\n{text}\n\n| rule | severity | close code | sent by | example | what it says | section |\n"
            f"|---|---|---|---|---|---|---|\n{rows}\n"
        )
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    severity = f"**{rule.severity}**" if rule.severity is Severity.ERROR else str(rule.severity)
    example = f"`{_example(rule)}`" if rule.example else ""
    sender = str(rule.sender) if rule.example else ""
    cells = (
        f"`{rule.slug}`",
        severity,
        str(rule.close_code or ""),
        sender,
        example,
        _text(rule.meaning),
        rule.section,
    )
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text for a table cell: Markdown's own characters stand for themselves."""
    return re.sub(r"([|`*_])", r"\\\1", text)


def _example(rule: Rule) -> str:
    """The example in hex, as escaped text where it is HTTP, as the lines that differ where it is a handshake."""
    if rule.answer:
        shown = _difference(REQUEST + ANSWER, rule.example + rule.answer)
    elif rule.slug in HTTP_RULES:
        shown = repr(rule.example)[2:-1]
    else:
        shown = rule.example.hex(" ")
    clipped = shown if len(shown) <= LONGEST_EXAMPLE else shown[: LONGEST_EXAMPLE - 4] + " ..."
    return clipped.replace("|", "\\|")


def _difference(usual: bytes, unusual: bytes) -> str:
    """The lines that only the second handshake has, or else those that it lacks."""
    before, after = Counter(usual.split(b"\r\n")), Counter(unusual.split(b"\r\n"))
    lines = [line for line in after - before if line]
    if not lines:
        lines = [b"without " + line.partition(b":")[0] for line in before - after]
    return " / ".join(line.decode("latin-1") for line in lines)
