"""What shows that a stored notebook is not what a kernel would show: nothing is executed for it.

A notebook is read as the JSON that it is (nbformat 4), so anybody's can be checked, without anything of Jupyter.
Whether the outputs are still the right ones only a kernel can tell, and nbval asks one.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsviz.figures.figure import clip, plain
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import count

LARGEST = 256 << 20  # bytes of a notebook that is read
LONGEST = 20_000  # characters of a cell that is parsed
SAID = 100  # columns of a message that a notebook stores
ALLOWED = {"raises-exception": "error", "skip-execution": "unexecuted"}  # tags that nbclient heeds
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Cell:
    """A code cell; `number` counts all cells of the notebook, from 1."""

    number: int
    source: str
    executed: int | None
    outputs: tuple[Mapping[str, Any], ...]
    allowed: frozenset[str]
    tree: ast.Module | None
    """What Python makes of it; None for a magic, for another language, and for what Python refuses."""


def notebooks_at(paths: Sequence[str]) -> list[Path]:
    """The notebooks that are meant by files and folders; what stands below a hidden folder is not.

    Raises WsvizError for what is not there, and for a folder without a notebook.
    """
    found = list[Path]()
    for path in map(Path, paths):
        if path.is_file():
            found.append(path)
        elif not path.is_dir():
            raise WsvizError(f"{plain(str(path))}: there is no such file or folder")
        else:
            inside = (each for each in path.rglob("*.ipynb") if each.is_file())
            shown = sorted(each for each in inside if not _hidden(each.relative_to(path)))
            if not shown:
                raise WsvizError(f"{plain(str(path))}: this folder holds no notebook (*.ipynb)")
            found += shown
    return found


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def told(path: Path) -> list[str]:
    """The problems of a notebook as lines for the terminal, its file in front."""
    return [f"{plain(str(path))}: {problem}" for problem in problems(path)]


def problems(path: Path) -> list[str]:
    """Say, in one harmless line each, what is wrong with a stored notebook; its cells are counted from 1."""
    try:
        cells = _code_cells(_read(path))
    except WsvizError as error:
        return [str(error)]
    found = [f"cell {cell.number}: {problem}" for cell, problem in _order(cells)]
    found += [f"cell {cell.number}: {problem}" for cell in cells for problem in _outputs(cell)]
    values = [cell for cell in cells if cell.executed is not None and _names_value(cell)]
    if values and not found and not any(cell.outputs for cell in cells):
        ends = "1 cell ends" if len(values) == 1 else f"{len(values)} cells end"
        found.append(f"{ends} with a value, and no cell has an output: they were cleared")
    return found


# Reading


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise WsvizError(f"cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise WsvizError(f"is too large: more than {count(LARGEST, 'byte')}")
    try:
        notebook = json.loads(data)
    except (ValueError, RecursionError):
        raise WsvizError("is no notebook: its JSON is broken") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        raise WsvizError("is no notebook: it names no nbformat")
    if notebook["nbformat"] != 4 or not isinstance(notebook.get("cells"), list):
        raise WsvizError(f"is nbformat {_line(notebook['nbformat'])}, expected 4 with its cells")
    return notebook


def _code_cells(notebook: Mapping[str, Any]) -> list[Cell]:
    """The code cells that hold something; raises WsvizError for what is none of nbformat 4."""
    metadata, cells = _mapping(notebook.get("metadata")), list[Cell]()
    language = _mapping(metadata.get("language_info")).get("name") or _mapping(metadata.get("kernelspec")).get("name")
    python = language is None or "python" in str(language).lower()
    for number, cell in enumerate(notebook["cells"], 1):
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            raise WsvizError(f"cell {number}: is no cell of nbformat 4")
        source, outputs = _text(cell.get("source")), cell.get("outputs", [])
        if cell["cell_type"] != "code" or not source.strip():
            continue
        if not isinstance(outputs, list) or not all(isinstance(each, dict) for each in outputs):
            raise WsvizError(f"cell {number}: its outputs are none of nbformat 4")
        executed = cell.get("execution_count")
        tags = _mapping(cell.get("metadata")).get("tags")
        allowed = frozenset(ALLOWED[tag] for tag in ALLOWED if isinstance(tags, list) and tag in tags)
        tree = _parsed(source) if python else None
        known = executed if type(executed) is int else None
        cells.append(Cell(number, source, known, tuple(outputs), allowed, tree))
    return cells


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """A text of nbformat, which may be a list of lines; anything else is none."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value if isinstance(value, str) else ""


def _parsed(source: str) -> ast.Module | None:
    if len(source) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is somebody else's code
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


# Judging


def _order(cells: Sequence[Cell]) -> Iterator[tuple[Cell, str]]:
    """Whether the cells were executed, once each and from top to bottom; one remark where the order breaks."""
    expected = 1
    for cell in cells:
        if cell.executed is None:
            if "unexecuted" not in cell.allowed:
                yield cell, "was not executed"
            continue
        if cell.executed != expected:
            yield cell, f"was executed as {_line(cell.executed)}, expected {_line(expected)}"
        expected = cell.executed + 1


def _outputs(cell: Cell) -> Iterator[str]:
    for output in cell.outputs:
        kind = output.get("output_type")
        if kind == "error":
            if "error" not in cell.allowed:
                yield f"shows an error: {_line(output.get('ename'))}: {_line(output.get('evalue'))}"
        elif kind == "stream":
            if not _text(output.get("text")):
                yield "holds an output without its text"
        elif kind in ("execute_result", "display_data"):
            yield from _data(output.get("data"))
            if kind == "execute_result" and output.get("execution_count") != cell.executed:
                yield f"holds the result of another execution: {_line(output.get('execution_count'))}"
        else:
            yield f"holds an output of no known kind: {_line(kind)}"
    if cell.executed is not None and not cell.outputs and _must_show(cell):
        yield "was executed, and its output is missing"


def _data(data: Any) -> Iterator[str]:
    if not isinstance(data, dict) or not data:
        yield "holds an output without its data"
        return
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            try:
                picture = base64.b64decode("".join(_text(data[kind]).split()), validate=True)
            except (binascii.Error, ValueError):
                picture = b""
            if not picture or (kind == "image/png" and not picture.startswith(PNG)):
                yield f"holds a broken picture: {kind}"
    if "text/plain" in data and not isinstance(data["text/plain"], str | list):
        yield "holds an output whose text is none"


def _line(value: Any) -> str:
    """What a notebook says, in one line of limited length that does nothing to a terminal."""
    first, *_ = str(value).strip()[: 4 * SAID].splitlines() or [""]
    return clip(plain(first), SAID)


def _must_show(cell: Cell) -> bool:
    """Whether Python surely shows something at the end of the cell, or prints."""
    if cell.tree is None or not cell.tree.body:
        return False
    if any(_prints(statement) for statement in cell.tree.body):
        return True
    value = _last_value(cell)
    if isinstance(value, ast.Constant):
        return value.value is not None
    return isinstance(value, ast.BinOp | ast.Compare | ast.JoinedStr | ast.List | ast.Tuple | ast.Dict | ast.Set)


def _names_value(cell: Cell) -> bool:
    """Whether it ends with a value that Python shows unless it is None. What a call gives is that too often."""
    return isinstance(_last_value(cell), ast.Name | ast.Attribute | ast.Subscript)


def _prints(statement: ast.stmt) -> bool:
    """Whether it is `print(...)` with something to print, to the usual place."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "print"
        and not call.keywords
        and bool(call.args)
        and not any(isinstance(each, ast.Starred) for each in call.args)
    )


def _last_value(cell: Cell) -> ast.expr | None:
    """The expression that the cell ends with, and no semicolon after it."""
    if cell.tree is None or not cell.tree.body or cell.source.rstrip().endswith(";"):
        return None
    last = cell.tree.body[-1]
    return last.value if isinstance(last, ast.Expr) else None
