"""Findings as rows: for the table and, without pandas, for the command line."""

from __future__ import annotations

from typing import Any

from wsviz.capture.connection import Connection
from wsviz.protocol.fields import Finding
from wsviz.protocol.secrets import MARK, mask_header, mask_text

FINDINGS = {
    "connection": "Int64",
    "severity": "str",
    "rule": "str",
    "culprit": "str",
    "packet": "Int64",  # that brought the byte at fault
    "frame": "Int64",  # in its direction
    "field": "str",
    "offset": "int64",
    "close_code": "Int64",
    "section": "str",
    "explanation": "str",
    "filter": "str",  # what shows its packet, or else its connection, in Wireshark
}


def finding_row(connection: Connection | None, finding: Finding) -> tuple[Any, ...]:
    """The values of FINDINGS for one finding; those of the file itself have no connection."""
    packet = None if connection is None else connection.packet_of(finding)
    shown = None if connection is None else connection.display_filter
    return (
        None if connection is None else connection.index,
        finding.severity.value,
        finding.rule,
        None if finding.culprit is None else finding.culprit.value,
        packet,
        finding.frame,
        finding.field,
        finding.offset,
        finding.close_code,
        finding.section,
        finding.explanation if connection is not None and connection.reveal else _masked(finding),
        shown if packet is None else f"frame.number == {packet}",
    )


def _masked(finding: Finding) -> str:
    words = finding.explanation
    if finding.rule == "obs-fold":  # it quotes the rest of a value without the header's name, which may be Cookie
        words = f"{words.partition(':')[0]}: {MARK}"
    if finding.rule.startswith("subprotocol-"):  # it quotes the list; some clients send their token in it
        words = mask_header("Sec-WebSocket-Protocol", words)
    return mask_text(words)
