"""Text for the terminal and for other programs: rich tables, tab-separated lines, JSON lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsviz.capture.finding_rows import FINDINGS, finding_row
from wsviz.figures.figure import plain
from wsviz.figures.summary import severities, summary_lines
from wsviz.protocol.fields import Finding, Severity
from wsviz.protocol.wire import opcode_name

if TYPE_CHECKING:
    from wsviz.capture.capture import Capture
    from wsviz.capture.connection import Connection

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: ""}
UNBOUND = 10_000  # columns: what goes to a file or a pipe is never cut to fit


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line, where rich would exit with status 1."""
        raise BrokenPipeError


def _console() -> Console:
    return _Console(width=None if sys.stdout.isatty() else UNBOUND, highlight=False, soft_wrap=True)


def print_summary(capture: Capture) -> None:
    """What is in a capture: a line on each connection, and below it how it ended."""
    console = _console()
    for line in summary_lines(capture):
        console.print(Text(line, style="" if line.startswith("    ") else "bold"))


def print_columns(columns: Mapping[str, Any], style: str) -> None:
    """A table as "table", "tsv" or "jsonl"; a column called `time` holds ns since the epoch.

    Times are seconds since the first row in the table, and seconds since the epoch with nine decimals elsewhere.
    """
    values = {name: _plain_values(column) for name, column in columns.items()}
    if style == "table":
        _print_table(values)
    elif style == "tsv":
        print("\t".join(values))
        for row in zip(*values.values(), strict=True):
            print("\t".join(_tsv(name, value) for name, value in zip(values, row, strict=True)))
    else:
        for row in zip(*values.values(), strict=True):
            pairs = (f"{json.dumps(name)}: {_json(name, value)}" for name, value in zip(values, row, strict=True))
            print("{" + ", ".join(pairs) + "}")


def print_findings(found: Sequence[tuple[Connection | None, Finding]], style: str) -> None:
    """Findings as a "table", a paragraph each, or as "jsonl" with the columns of the findings table."""
    if style == "jsonl":
        for connection, finding in found:
            print(json.dumps(dict(zip(FINDINGS, finding_row(connection, finding), strict=True))))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("where", "severity", "rule", "by", "what", "close code", "section"):
        table.add_column(name, no_wrap=name != "what")
    for connection, finding in found:
        packet = None if connection is None else connection.packet_of(finding)
        place = "file" if connection is None else f"connection {connection.index}"
        table.add_row(
            Text(place + (f", packet {packet}" if packet else "")),
            Text(finding.severity.value, style=_STYLES[finding.severity]),
            Text(finding.rule),
            Text(finding.culprit or "-"),
            Text(plain(finding.explanation)),
            Text(str(finding.close_code or "-")),
            Text(finding.section),
        )
    console = _console()
    if found:
        console.print(table)
    console.print(Text(severities(finding for _, finding in found) or "nothing found"))


def _plain_values(column: Any) -> list[Any]:
    """Python's own values; pandas' NA becomes None."""
    values = column.tolist() if hasattr(column, "tolist") else column
    return [None if type(value).__name__ == "NAType" else value for value in values]


def _epoch(time: int) -> str:
    return f"{time // 1_000_000_000}.{time % 1_000_000_000:09d}"


def _tsv(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time":
        return _epoch(value)
    return str(int(value)) if isinstance(value, bool) else plain(str(value))


def _json(name: str, value: Any) -> str:
    return _epoch(value) if name == "time" and value is not None else json.dumps(value)


def _print_table(columns: Mapping[str, list[Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    start = next(iter(columns.get("time", [])), 0)
    for name, values in columns.items():
        numeric = name != "opcode" and all(isinstance(value, (int, float)) or value is None for value in values)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(Text(_cell(name, value, start)) for name, value in zip(columns, row, strict=True)))
    _console().print(table)


def _cell(name: str, value: Any, start: int) -> str:
    if value is None:
        return "-"
    if name == "time":
        return f"{(value - start) / 1e9:.6f}"
    if name == "opcode":
        return f"{value} {opcode_name(value)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else plain(str(value))
