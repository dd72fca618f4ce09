"""Output for the terminal and for other programs: rich tables, tab-separated lines, JSON lines, Parquet."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from wsviz.capture import export
from wsviz.capture.finding_rows import FINDINGS, finding_row
from wsviz.figures.figure import clip, plain
from wsviz.figures.summary import severities, summary_lines
from wsviz.protocol.fields import Finding, Severity, WsvizError
from wsviz.protocol.wire import opcode_name

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.capture import Capture
    from wsviz.capture.connection import Connection

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: ""}
UNBOUND = 10_000  # columns: what goes to a file or a pipe is never cut to fit
NARROW_TEXT = 24  # columns that a text has in a table that is wider than the terminal
CLIPPED = 60  # columns of a message in a table; the other formats have all of it
PATIENCE = 1.0  # seconds that work may take before a progress bar says how far it is


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line, where rich would exit with status 1."""
        raise BrokenPipeError


def _console() -> Console:
    return _Console(width=None if sys.stdout.isatty() else UNBOUND, highlight=False, soft_wrap=True)


@contextmanager
def progress(file: IO[bytes]) -> Iterator[None]:
    """While a file is read and decoded, show on a terminal how far the reading is; nothing where stderr is none."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield
        return
    size, done = file.seek(0, os.SEEK_END), threading.Event()
    file.seek(0)

    def show() -> None:
        if done.wait(PATIENCE):
            return
        # Transient: when the work is done, the terminal looks as if there had been no bar.
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading", total=size)
            while not done.wait(0.1):
                read = file.tell()
                if read < size:
                    bar.update(task, completed=read)
                else:
                    bar.update(task, description="decoding", total=None)

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def print_summary(capture: Capture, connection: int | None = None) -> None:
    """What is in a capture: a line on each connection, or on this one, and below it how it ended."""
    console = _console()
    for line in summary_lines(capture, connection):
        console.print(Text(line, style="" if line.startswith("    ") else "bold"))


def write_parquet(tables: Iterable[pd.DataFrame], path: str | None) -> None:
    """Write a table, which comes in parts, to a Parquet file, or to standard output where that is no terminal."""
    export.need_pyarrow()
    if path is None and sys.stdout.isatty():
        raise WsvizError("parquet is no text for a terminal: name a file with -o, or send it into a pipe")
    export.write_parquet(tables, sys.stdout.buffer if path is None else path)


def print_tables(tables: Iterable[pd.DataFrame], style: str, counted: Sequence[str] = ()) -> None:
    """A table, which comes in parts, as "table", "tsv" or "jsonl"; a "table" has to wait for all of them.

    A "table" leaves out the `counted` columns that are 0 in every row. Times are seconds since the first row in the
    table, and seconds since the epoch with nine decimals elsewhere.
    """
    if style == "table":
        from wsviz.capture.tables import joined  # with it comes pandas

        tables = [joined(tables)]
    for number, table in enumerate(tables):
        _print_part(table, style, counted, heading=not number)


def _print_part(table: pd.DataFrame, style: str, counted: Sequence[str], *, heading: bool) -> None:
    if "data" in table:  # what the text says is not said again in hex
        table = table.assign(data=table["data"].where(table["text"].isna()))
    values = {str(name): export.plain_values(table[name]) for name in table}
    if style == "table":
        if "data" in values:
            pairs = zip(values.pop("text"), values.pop("data"), strict=True)
            values["content"] = [_content(text, data) for text, data in pairs]
        zero = [name for name in counted if values.get(name) and not any(values[name])]
        _print_table({name: column for name, column in values.items() if name not in zero})
        if zero:
            _console().print(Text(f"0 in every row: {', '.join(name.replace('_', ' ') for name in zero)}"))
    elif style == "tsv":
        if heading:
            print("\t".join(values))
        for row in zip(*values.values(), strict=True):
            print("\t".join(_tsv(name, value) for name, value in zip(values, row, strict=True)))
    else:
        for row in zip(*values.values(), strict=True):
            print(export.json_line(values, row))


def print_findings(found: Sequence[tuple[Connection | None, Finding]], style: str) -> None:
    """Findings as a "table", a paragraph each, or as "jsonl" with the columns of the findings table."""
    rows = [dict(zip(FINDINGS, finding_row(connection, finding), strict=True)) for connection, finding in found]
    if style == "jsonl":
        for row in rows:
            print(export.json_line(row, row.values()))
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("where", "severity", "rule", "by", "what", "close code", "section"):
        table.add_column(name)
    for row, (_, finding) in zip(rows, found, strict=True):
        place = "file" if row["connection"] is None else f"connection {row['connection']}"
        table.add_row(
            Text(place + (f", packet {row['packet']}" if row["packet"] else "")),
            Text(finding.severity.value, style=_STYLES[finding.severity]),
            Text(finding.rule),
            Text(finding.culprit or "-"),
            Text(plain(row["explanation"])),
            Text(str(finding.close_code or "-")),
            Text(finding.section),
        )
    console = _console()
    if found:
        _print_whole(table, "what")
    console.print(Text(severities(finding for _, finding in found) or "nothing found"))


def _content(text: str | None, data: str | None) -> str:
    """A message in a table: its text in quotes, or its bytes in hex."""
    if text is not None:
        return clip(f'"{plain(text[:CLIPPED])}"' if len(text) <= CLIPPED else f'"{plain(text[:CLIPPED])}', CLIPPED)
    return clip(bytes.fromhex((data or "")[: 2 * CLIPPED]).hex(" "), CLIPPED)


def _tsv(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time":
        return export.epoch(value)
    return str(int(value)) if isinstance(value, bool) else plain(str(value))


def _print_table(columns: Mapping[str, list[Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    start = next(iter(columns.get("time", [])), 0)
    for name, values in columns.items():
        numeric = name != "opcode" and all(isinstance(value, (int, float)) or value is None for value in values)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(Text(_cell(name, value, start)) for name, value in zip(columns, row, strict=True)))
    _print_whole(table, "content")


def _print_whole(table: Table, text_column: str) -> None:
    """Print a table without losing a digit: where it is too wide, headers wrap, then the column of text does.

    What is wider than the terminal all the same, the terminal wraps.
    """
    console = _console()
    if console.measure(table, options=console.options.update(max_width=UNBOUND)).maximum > console.width:
        for column in table.columns:
            if column.header == text_column:
                column.min_width = NARROW_TEXT
            else:
                words = [cell_len(word) for word in str(column.header).split()]
                column.width = max([*words, *(cell_len(str(cell)) for cell in column.cells)])
        needed = console.measure(table, options=console.options.update(max_width=UNBOUND)).minimum
        console.size = ConsoleDimensions(max(console.width, needed), console.height)
    console.print(table)


def _cell(name: str, value: Any, start: int) -> str:
    if value is None:
        return "-"
    if name == "time":
        return f"{(value - start) / 1e9:.6f}"
    if name == "opcode":
        return f"{value} {opcode_name(value)}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}"
    return f"{value:,}" if isinstance(value, int) else plain(str(value))
