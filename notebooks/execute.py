"""Execute the notebooks and store what they show, so that they can be read without a kernel and compared with one.

    python notebooks/execute.py [--check | --solutions FOLDER] [NOTEBOOK ...]

Every notebook of this folder is meant where none is named. A stored notebook holds text, SVG, and a PNG beside each
SVG, since GitHub and a JupyterLab that does not trust the file show no SVG. It holds no widget, which would be a
reference to a kernel long gone. The same cells give the same file, byte for byte. `--check` executes nothing and
says what keeps a file from being such a notebook. `--solutions` leaves the lessons as they are and writes copies of
them with every exercise answered, executed, for teachers.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import vl_convert
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from PIL import Image

from wsviz import notebook_check
from wsviz.lessons import lesson
from wsviz.lessons.solutions import solved

HERE = Path(__file__).parent
WIDGET, SVG, PNG = "application/vnd.jupyter.widget-view+json", "image/svg+xml", "image/png"
COLOURS = 192
SCALE = 2  # the PNG's pixels for one of the SVG's, for sharp screens
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "mimetype": "text/x-python", "name": "python", "pygments_lexer": "ipython3"}


def execute(path: Path) -> NotebookNode:
    """Run the notebook from top to bottom in its own folder and give it as it is to be stored.

    Raises CellExecutionError where a cell does.
    """
    return run(read(path), path.parent)


def run(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run a notebook from top to bottom in a folder; it becomes what is to be stored."""
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        extra_arguments=["--log-level=ERROR"],  # else it warns that nothing encrypts the loopback
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,
    )
    client.execute()
    tidy(notebook)
    return notebook


def read(path: Path) -> NotebookNode:
    """Read a notebook as nbformat 4.5, the first that has cell ids."""
    notebook: NotebookNode = nbformat.read(path, as_version=4)
    return notebook


def tidy(notebook: NotebookNode) -> None:
    """Bring an executed notebook into the form that is stored; doing so again changes nothing."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    ids: set[str] = set()
    for cell in notebook.cells:
        # An id from the cell's text changes with that cell alone: insertions leave the other ids as they are.
        cell.id = next(name for name in _ids(cell.source) if name not in ids)
        ids.add(cell.id)
        cell.metadata = nbformat.from_dict({"tags": cell.metadata.tags} if cell.metadata.get("tags") else {})
        for output in cell.get("outputs", []):
            if "data" in output:
                _tidy_data(output)


def _ids(source: str) -> Iterator[str]:
    copy = 0
    while True:
        yield hashlib.sha256(f"{source}{copy or ''}".encode()).hexdigest()[:8]
        copy += 1


def _tidy_data(output: NotebookNode) -> None:
    output.data.pop(WIDGET, None)
    output.metadata.pop(WIDGET, None)
    if SVG in output.data:
        picture = _small(vl_convert.svg_to_png(output.data[SVG], scale=SCALE))
        output.data[PNG] = base64.b64encode(picture).decode()
        width, height = (int.from_bytes(picture[at : at + 4], "big") // SCALE for at in (16, 20))  # of its IHDR
        output.metadata[PNG] = {"height": height, "width": width}


def _small(picture: bytes) -> bytes:
    """The same PNG with a palette: a drawing has few colours, and takes a tenth of the bytes that way."""
    small = io.BytesIO()
    with Image.open(io.BytesIO(picture)) as image:
        image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE).save(small, "PNG", optimize=True)
    return small.getvalue()


def store(notebook: NotebookNode, path: Path) -> None:
    """Write the notebook, and leave the file alone where it holds the same already."""
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8", newline="\n")


def problems(path: Path) -> list[str]:
    """Say what keeps the file from being a notebook as it is stored; nothing is executed."""
    found = notebook_check.problems(path) or _own_problems(path)
    return [f"{problem}; `make notebooks` mends it" for problem in found]


def _own_problems(path: Path) -> list[str]:
    notebook = read(path)
    found = ["it holds widget state"] if "widgets" in notebook.metadata else []
    for number, cell in enumerate(notebook.cells, 1):
        if cell.cell_type == "code":
            found += [f"cell {number}: {problem}" for problem in _own_rules(cell)]
    if not found:
        tidied = read(path)
        tidy(tidied)
        if without_pictures(tidied) != without_pictures(notebook):
            found.append("its metadata or cell ids are not as stored")
    return found


def _own_rules(cell: NotebookNode) -> Iterator[str]:
    """What may be in anybody's notebook, and not in ours."""
    if not cell.source.strip():
        yield "is empty"
    tags = cell.metadata.get("tags", [])
    if "NBVAL_" in cell.source or any(tag.startswith("nbval") or tag in notebook_check.ALLOWED for tag in tags):
        yield "tells nbval to look away"
    for data in (output.get("data", {}) for output in cell.outputs):
        if WIDGET in data:
            yield "holds a reference to a widget"
        if SVG in data and PNG not in data:
            yield "holds an SVG without a PNG"
        if data and "text/plain" not in data:
            yield "holds a picture without text"


def without_pictures(notebook: NotebookNode) -> Any:
    """Give the notebook without PNGs, whose bytes may differ between processors."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        output.get("data", {}).pop(PNG, None)
        output.get("metadata", {}).pop(PNG, None)
    return notebook


def write_answered(path: Path, copy: Path) -> list[str]:
    """Write a copy of a lesson's notebook with its exercises answered, executed; say which answers are refused."""
    notebook, exercises = read(path), lesson(path.name[:2])
    answered = []
    for cell in notebook.cells:
        source = solved(cell.source, exercises) if cell.cell_type == "code" else cell.source
        if source != cell.source:
            cell.source = source
            answered.append(cell)
    store(run(notebook, path.parent), copy)
    if len(answered) != len(exercises):
        return [f"{len(answered)} of its {len(exercises)} exercises are asked in it"]
    shown = [cell.outputs[-1].get("data", {}).get("text/plain", "") if cell.outputs else "" for cell in answered]
    return [
        f"an answer is not taken: {(text or 'nothing').splitlines()[0]}"
        for text in shown
        if not text.startswith("Solved: ")
    ]


def main(arguments: list[str] | None = None) -> int:
    """Execute, check or answer the notebooks; give the exit status."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and store what they show.")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--check", action="store_true", help="execute nothing, say what is wrong with the files")
    other.add_argument("--solutions", type=Path, metavar="FOLDER", help="write answered copies of the lessons there")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all of them")
    options = parser.parse_args(arguments)
    failed = False
    for path in options.notebooks or sorted(HERE.glob("[0-9]*.ipynb" if options.solutions else "*.ipynb")):
        try:
            wrong = _done(path, options)
        except CellExecutionError as error:
            wrong = [str(error)]
        for problem in wrong:
            print(f"{path}: {problem}", file=sys.stderr)
        failed |= bool(wrong)
    return int(failed)


def _done(path: Path, options: argparse.Namespace) -> list[str]:
    """Do with one notebook what is asked for; what is wrong with it."""
    if options.check:
        return problems(path)
    if options.solutions is not None:
        options.solutions.mkdir(parents=True, exist_ok=True)
        return write_answered(path.resolve(), options.solutions / path.name)
    store(execute(path.resolve()), path)
    return problems(path)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # nobody's own IPython start-up files or kernels take part
        os.environ |= {"IPYTHONDIR": folder, "JUPYTER_DATA_DIR": folder, "JUPYTER_CONFIG_DIR": folder}
        os.environ["WSVIZ_PROGRESS"] = f"{folder}/progress.json"  # a learner who has solved nothing yet
        sys.exit(main())
