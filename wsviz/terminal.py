"""Output for the terminal and for other programs: rich tables, tab-separated lines, JSON lines, Parquet."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from wsviz.capture import export
from wsviz.capture.finding_rows import FINDINGS, finding_row
from wsviz.capture.values import Values, joined_values
from wsviz.figures.figure import clip, plain
from wsviz.figures.summary import in_words, summary_lines
from wsviz.protocol.fields import Finding, Severity, WsvizError
from wsviz.protocol.wire import opcode_name

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.capture import Capture
    from wsviz.capture.connection import Connection

_STYLES = {Severity.ERROR: "bold #dc3232", Severity.WARNING: "yellow", Severity.NOTE: ""}  # red on white and on black
UNBOUND = 10_000  # columns: what goes to a file or a pipe is never cut to fit
NOTEBOOK = 100  # columns of a notebook's output: its page wraps nothing, and on paper the rest would be lost
NARROW_TEXT = 24  # columns that a text has in a table that is wider than the terminal
CLIPPED = 60  # columns of a message in a table; the other formats have all of it
_AS_TSV: dict[type, Callable[[Any], str]] = {
    type(None): lambda _: "",
    str: plain,
    bytes: bytes.hex,
    bool: "01".__getitem__,
}
_LINES = 500  # that are printed together
PATIENCE = 1.0  # seconds that work may take before a progress bar says how far it is


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line, where rich would exit with status 1."""
        raise BrokenPipeError


def _console() -> Console:
    console = _Console(width=None if sys.stdout.isatty() else UNBOUND, highlight=False, soft_wrap=True)
    if console.is_jupyter:  # nobody wraps its lines but this
        console.size, console.soft_wrap = ConsoleDimensions(NOTEBOOK, console.height), False
    return console


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
    console, lines = _console(), summary_lines(capture, connection)
    while some := list(islice(lines, _LINES)):  # printing takes rich as long for many lines as for one
        console.print(Text("\n").join(Text(line, style="" if line.startswith("    ") else "bold") for line in some))


def write_parquet(tables: Iterable[pd.DataFrame], path: str | None) -> None:
    """Write a table, which comes in parts, to a Parquet file, or to standard output where that is no terminal."""
    export.need_pyarrow()
    if path is None and sys.stdout.isatty():
        raise WsvizError("parquet is no text for a terminal: name a file with -o, or send it into a pipe")
    export.write_parquet(tables, sys.stdout.buffer if path is None else path)


def print_rows(parts: Iterable[Values], style: str, counted: Sequence[str] = ()) -> None:
    """Rows, which come in parts, as "table", "tsv" or "jsonl"; a "table" has to wait for all of them.

    A "table" leaves out the `counted` columns that are 0 in every row. Times are seconds since the first row in the
    table, and seconds since the epoch with nine decimals elsewhere.
    """
    if style == "table":
        parts = [joined_values(parts)]
    for number, values in enumerate(parts):
        if "data" in values:  # what the text says is not said again in hex
            pairs = zip(values["text"], values["data"], strict=True)
            values["data"] = [data if text is None else None for text, data in pairs]
        if style == "table":
            _print_values(values, counted)
        elif style == "tsv":
            columns = [_as_tsv(name, column) for name, column in values.items()]
            _print_lines((*(() if number else ["\t".join(values)]), *map("\t".join, zip(*columns, strict=True))))
        else:
            _print_lines(export.json_lines(values))


def _print_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(line + "\n" for line in lines)


def _print_values(values: Values, counted: Sequence[str]) -> None:
    if "data" in values:
        pairs = zip(values.pop("text"), values.pop("data"), strict=True)
        values["content"] = [_content(text, data) for text, data in pairs]
    zero = [name for name in counted if values.get(name) and not any(values[name])]
    _print_table({name: column for name, column in values.items() if name not in zero})
    if zero:
        _console().print(Text(f"0 in every row: {', '.join(name.replace('_', ' ') for name in zero)}"))


def print_findings(found: Iterable[tuple[Connection | None, Finding]], style: str) -> Counter[Severity]:
    """Findings as a "table", a paragraph each, or as "jsonl" with the columns of the findings table.

    Returns how many there are of each severity.
    """
    counted = Counter[Severity]()

    def each_row() -> Iterator[tuple[Any, ...]]:
        for connection, finding in found:
            counted[finding.severity] += 1
            yield finding_row(connection, finding)

    rows = each_row()
    if style == "jsonl":
        while some := list(islice(rows, _LINES)):
            _print_lines(export.json_lines(dict(zip(FINDINGS, map(list, zip(*some, strict=True)), strict=True))))
        return counted
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in ("where", "severity", "rule", "by", "what", "close code", "section"):
        table.add_column(name)
    for row in (dict(zip(FINDINGS, values, strict=True)) for values in rows):
        place = "file" if row["connection"] is None else f"connection {row['connection']}"
        table.add_row(
            Text(place + (f", packet {row['packet']}" if row["packet"] else "")),
            Text(row["severity"], style=_STYLES[Severity(row["severity"])]),
            Text(row["rule"]),
            Text(row["culprit"] or "-"),
            Text(plain(row["explanation"])),
            Text(str(row["close_code"] or "-")),
            Text(row["section"]),
        )
    console = _console()
    if counted:
        _print_whole(table, "what", {"where": len("connection 10,"), "section": len("RFC 6455")})
    console.print(Text(in_words(counted) or "nothing found"))
    return counted


def _content(text: str | None, data: bytes | None) -> str:
    """A message in a table: its text in quotes, or its bytes in hex."""
    if text is not None:
        return clip(f'"{plain(text[:CLIPPED])}"' if len(text) <= CLIPPED else f'"{plain(text[:CLIPPED])}', CLIPPED)
    return clip((data or b"")[:CLIPPED].hex(" "), CLIPPED)


def _as_tsv(name: str, column: list[Any]) -> list[str]:
    return list(map(export.epoch, column)) if name == "time" else export.written(column, _tsv)


def _tsv(value: Any) -> str:
    return _AS_TSV.get(type(value), str)(value)


def _print_table(columns: Mapping[str, list[Any]]) -> None:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    start = next(iter(columns.get("time", [])), 0)
    for name, values in columns.items():
        numeric = name != "opcode" and all(isinstance(value, (int, float)) or value is None for value in values)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in zip(*columns.values(), strict=True):
        table.add_row(*(Text(_cell(name, value, start)) for name, value in zip(columns, row, strict=True)))
    _print_whole(table, "content")


def _print_whole(table: Table, text_column: str, least: Mapping[str, int] | None = None) -> None:
    """Print a table without losing a digit: where it is too wide, headers wrap, and the column of text does.

    So do the columns that have a `least` width, down to it. What is wider all the same, the terminal wraps.
    """
    least = least or {}
    console = _console()
    if console.measure(table, options=console.options.update(max_width=UNBOUND)).maximum > console.width:
        for column in table.columns:
            if column.header == text_column:
                column.min_width = NARROW_TEXT
            else:
                words = [cell_len(word) for word in str(column.header).split()]
                cells = [cell_len(str(cell)) for cell in column.cells]
                column.width = max([*words, *(min(cell, least.get(str(column.header), cell)) for cell in cells)])
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
