"""Findings as rows: for the table and, without pandas, for the command line."""

from __future__ import annotations

from typing import Any

from wsviz.capture.connection import Connection
from wsviz.protocol.fields import Finding

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
}


def finding_row(connection: Connection | None, finding: Finding) -> tuple[Any, ...]:
    """The values of FINDINGS for one finding; those of the file itself have no connection."""
    return (
        None if connection is None else connection.index,
        finding.severity.value,
        finding.rule,
        None if finding.culprit is None else finding.culprit.value,
        None if connection is None else connection.packet_of(finding),
        finding.frame,
        finding.field,
        finding.offset,
        finding.close_code,
        finding.section,
        finding.explanation,
    )
