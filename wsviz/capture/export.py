"""Tables as files that other programs read: CSV that no spreadsheet takes for formulas, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterable
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from wsviz.protocol.fields import WsvizError

if TYPE_CHECKING:
    import pandas as pd

STYLES = ("csv", "jsonl", "parquet")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take these alike
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
                names = [str(name) for name in table]
                if style == "csv" and not number:
                    writer.writerow(names)
                for row in zip(*(plain_values(table[name]) for name in table), strict=True):
                    if style == "csv":
                        writer.writerow([_cell(name, value) for name, value in zip(names, row, strict=True)])
                    else:
                        file.write(json_line(names, row) + "\n")
    except OSError as error:
        raise WsvizError(f"{os.fspath(path)}: {error.strerror or error}") from error


def plain_values(column: pd.Series[Any]) -> list[Any]:
    """Python's own texts and numbers: bytes in hex, times as ns since the epoch, None for pandas' NA and NaN."""
    if column.dtype.kind == "M":
        column = column.astype("int64")
    values = [None if empty else value for value, empty in zip(column.tolist(), column.isna(), strict=True)]
    return [value.hex() if isinstance(value, bytes) else value for value in values]


def epoch(time: int) -> str:
    """A time in ns since the epoch as seconds with nine decimals, in which no digit is lost."""
    return f"{time // 10**9}.{time % 10**9:09d}"


def _cell(name: str, value: Any) -> Any:
    """The value as a cell of CSV."""
    if value is None:
        return ""
    if name == "time":
        return epoch(value)
    if isinstance(value, str) and not _NUMBER.fullmatch(value) and value.lstrip(" \0").startswith(_FORMULA):
        value = "'" + value
    return value.replace("\0", "\\x00") if isinstance(value, str) else value  # many readers end at a NUL


def json_line(names: Iterable[str], row: Iterable[Any]) -> str:
    """One line of JSON for these values of `plain_values`; the time as a number with all of its digits."""
    members = (
        f"{json.dumps(name)}: {epoch(value) if name == 'time' else json.dumps(value)}"
        for name, value in zip(names, row, strict=True)
    )
    return "{" + ", ".join(members) + "}"


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
