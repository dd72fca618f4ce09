"""Tables as files that other programs read: CSV that no spreadsheet takes for formulas, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from wsviz.capture.values import Values, values_of
from wsviz.protocol.fields import WsvizError

if TYPE_CHECKING:
    import pandas as pd

STYLES = ("csv", "jsonl", "parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these alike
_LOOK, _FEW = 1000, 16  # of so many values so few different ones are called a few
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def write_tables(tables: Iterable[pd.DataFrame], path: str | os.PathLike[str], style: str) -> None:
    """Write tables of the same columns, one after the other, as one file.

    In text, times are seconds since the epoch with nine decimals, bytes are hex, and what is empty stays empty (null
    in JSON). In CSV, a text that a spreadsheet would take for a formula has an apostrophe before it.
    Raises WsvizError where `style` is none of STYLES, pyarrow is missing, or the file cannot be written.
    """
    if style not in STYLES:
        raise WsvizError(f"the format is {style[:20]!r}, expected one of: {', '.join(STYLES)}")
    try:
        if style == "parquet":
            write_parquet(tables, path)
            return
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            for number, table in enumerate(tables):
                values = values_of(table)
                if style == "jsonl":
                    file.writelines(line + "\n" for line in json_lines(values))
                    continue
                if not number:
                    writer.writerow(values)
                for row in zip(*values.values(), strict=True):
                    writer.writerow([_cell(name, value) for name, value in zip(values, row, strict=True)])
    except OSError as error:
        raise WsvizError(f"{os.fspath(path)}: {error.strerror or error}") from error


def epoch(time: int) -> str:
    """A time in ns since the epoch as seconds with nine decimals, in which no digit is lost."""
    return f"{time // 10**9}.{time % 10**9:09d}"


def _cell(name: str, value: Any) -> Any:
    """The value as a cell of CSV."""
    if value is None:
        return ""
    if name == "time":
        return epoch(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str) and not _NUMBER.fullmatch(value) and value.lstrip(" \0").startswith(_FORMULA):
        value = "'" + value
    return value.replace("\0", "\\x00") if isinstance(value, str) else value  # many readers end at a NUL


def json_lines(values: Values) -> Iterator[str]:
    """A line of JSON for each row; the time as a number with all of its digits."""
    heads = [json.dumps(name) + ": " for name in values]
    columns = [_as_json(name, column) for name, column in values.items()]
    for row in zip(*columns, strict=True):
        yield "{" + ", ".join(map(str.__add__, heads, row)) + "}"


def _as_json(name: str, column: list[Any]) -> list[str]:
    return list(map(epoch, column)) if name == "time" else written(column, _json)


def _json(value: Any) -> str:
    return json.dumps(value.hex() if isinstance(value, bytes) else value)


def written(column: list[Any], write: Callable[[Any], str]) -> list[str]:
    """What `write` makes of each value, and `str` of integers; of a few different values each is written once."""
    kinds = set(map(type, column))
    if kinds == {int}:
        return list(map(str, column))
    # 1, 1.0 and True are equal, and not written alike.
    if float not in kinds and len(kinds - {type(None)}) < 2 and len(set(column[:_LOOK])) < _FEW:
        words = {value: write(value) for value in set(column)}
        return list(map(words.__getitem__, column))
    return list(map(write, column))


def need_pyarrow() -> None:
    """Raise WsvizError where pyarrow is missing."""
    if find_spec("pyarrow") is None:
        raise WsvizError("parquet needs pyarrow, which is not installed: pip install pyarrow")


def write_parquet(tables: Iterable[pd.DataFrame], path: str | os.PathLike[str] | IO[bytes]) -> None:
    """Write tables of the same columns as one Parquet file; raises WsvizError where pyarrow is missing."""
    need_pyarrow()
    pyarrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")  # it tells its types to nobody
    with ExitStack() as stack:
        writer = None
        for table in tables:
            if writer is None:
                part = pyarrow.Table.from_pandas(table, preserve_index=False)
                writer = stack.enter_context(parquet.ParquetWriter(path, part.schema))
            else:
                part = pyarrow.Table.from_pandas(table, schema=writer.schema, preserve_index=False)
            writer.write_table(part)
