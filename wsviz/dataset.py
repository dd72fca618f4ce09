"""Many captures as one data set: a folder of Parquet files for each table, which DuckDB and Dask read as one."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from wsviz.capture.capture import IN_MEMORY, Capture, read_capture
from wsviz.capture.export import write_tables
from wsviz.capture.tls_keylog import read_key_log
from wsviz.figures.figure import plain
from wsviz.protocol.fields import CaptureError, Severity, WsvizError

if TYPE_CHECKING:
    import pandas as pd

TABLES = ("frames", "messages", "connections", "exchanges", "findings")
# As a HAR file lacks some values, and as tables are joined on columns that have several sizes of integers.
_ONE_KIND = {**dict.fromkeys(("int64", "int32", "uint8"), "Int64"), "bool": "boolean", "object": "string"}
_LONGEST = 100  # characters of a capture's name that the names of its parts have


def write_dataset(
    folder: str | os.PathLike[str],
    paths: Sequence[str],
    *,
    keylog: str | None = None,
    extensions: str | None = None,
    reveal: bool = False,
    whole: bool = False,
    tell: Callable[[str], None],
) -> bool:
    """Write the tables of these captures to FOLDER/TABLE/NNNN-NAME.parquet; returns whether all could be read.

    Each row begins with its capture, a path as given; a column has one type wherever it is. A capture's parts appear
    together, and only when they are complete. `keylog`, `extensions` and `reveal` are those of `read_capture`. The
    rows of frames and messages are streamed. The other tables need the file in memory, so a file of more than 64 MiB
    goes without them unless `whole` is True. `tell` gets a line on what is left out and on what is wrong with a
    capture. Raises WsvizError where the folder is not empty, a path is given twice, or nothing can be written.
    """
    twice = next((path for number, path in enumerate(paths) if path in paths[:number]), None)
    if twice is not None:
        raise WsvizError(f"{twice}: given twice, and would count twice")
    if keylog is not None:
        read_key_log(keylog)  # what is wrong with it is told once, before there is a folder
    target, complete = _empty_folder(folder), True
    for number, path in enumerate(paths):
        part = f"{number:04}-{re.sub(r'[^A-Za-z0-9._-]+', '_', Path(path).name)[:_LONGEST]}.parquet"
        try:
            capture = read_capture(path, keylog=keylog, extensions=extensions, reveal=reveal)
            _add(target, part, capture, whole=whole, tell=tell)
            del capture  # before the next one comes
        except CaptureError as error:
            tell(plain(str(error)))
            complete = False
    return complete


def _empty_folder(folder: str | os.PathLike[str]) -> Path:
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if next(target.iterdir(), None) is not None:
            raise WsvizError(f"{target}: the folder is not empty; a data set needs a folder of its own")
    except (FileExistsError, NotADirectoryError):
        raise WsvizError(f"{target}: not a folder; the first argument names the folder to write to") from None
    except OSError as error:
        raise WsvizError(f"{target}: {error.strerror or error}") from error
    return target


def _add(target: Path, part: str, capture: Capture, *, whole: bool, tell: Callable[[str], None]) -> None:
    """Write a capture's parts aside, then put all of them into their places."""
    whole = whole or capture.is_in_memory
    if not whole:
        tell(
            f"{plain(capture.name)}: more than {IN_MEMORY >> 20} MiB: only its frames and messages are written; "
            "--whole adds the other tables, with the file in memory"
        )
    try:
        # Readers take all that is in the table's folder, so nothing unfinished is ever there.
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=target) as aside:
            tables = _tables(capture, whole=whole)
            for table, rows in tables.items():
                write_tables((_alike(some, capture.name) for some in rows), Path(aside, table), "parquet")
            for table in tables:
                (target / table).mkdir(exist_ok=True)
                Path(aside, table).replace(target / table / part)
    except OSError as error:
        raise WsvizError(f"{target}: {error.strerror or error}") from error
    for finding in capture.file_findings if whole else capture.damage:
        if finding.severity is not Severity.NOTE:
            tell(plain(f"{capture.name}: {finding.rule}: {finding.explanation}"))


def _tables(capture: Capture, *, whole: bool) -> dict[str, Iterable[pd.DataFrame]]:
    streamed = (capture.frame_tables(), capture.message_tables())
    decoded = ([capture.summary], [capture.exchanges], [capture.findings]) if whole else ()
    return dict(zip(TABLES, (*streamed, *decoded), strict=False))


def _alike(table: pd.DataFrame, capture: str) -> pd.DataFrame:
    """The rows with their capture before them, each column of the type that it has everywhere."""
    kinds = {str(name): _ONE_KIND.get(str(kind), kind) for name, kind in table.dtypes.items()}
    if "data" in kinds:
        kinds["data"] = "large_binary[pyarrow]"  # an empty column of objects would have no type
    # A path need not be text.
    name = os.fsencode(capture).decode(errors="backslashreplace")
    alike = table.astype(kinds)
    alike.insert(0, "capture", name)
    return alike.astype({"capture": "string"})
