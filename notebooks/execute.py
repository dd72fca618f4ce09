"""Execute the notebooks and store what they show, so that they can be read without a kernel and compared with one.

    python notebooks/execute.py [--check] [NOTEBOOK ...]

Every notebook of this folder is meant where none is named. A stored notebook holds text, SVG, and a PNG beside each
SVG, since GitHub and a JupyterLab that does not trust the file show no SVG. It holds no widget, which would be a
reference to a kernel long gone. The same cells give the same file, byte for byte. `--check` executes nothing and
says what keeps a file from being such a notebook.
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
    notebook = read(path)
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
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
    notebook = read(path)
    found = ["it holds widget state"] if "widgets" in notebook.metadata else []
    expected = 1
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if not cell.source.strip():
            found.append(f"cell {number} is empty")
        elif cell.execution_count != expected:
            found.append(f"cell {number} was executed as {cell.execution_count}, expected {expected}")
        expected += 1
        if "NBVAL_" in cell.source or any(tag.startswith("nbval") for tag in cell.metadata.get("tags", [])):
            found.append(f"cell {number} tells nbval to look away")
        for output in cell.outputs:
            found += [f"cell {number} {problem}" for problem in _output_problems(output)]
    if not found:
        tidied = read(path)
        tidy(tidied)
        if _without_pictures(tidied) != _without_pictures(notebook):
            found.append("its metadata or cell ids are not as stored")
    return [f"{problem}; `make notebooks` mends it" for problem in found]


def _output_problems(output: NotebookNode) -> Iterator[str]:
    data = output.get("data", {})
    if output.output_type == "error":
        yield f"shows an error: {output.ename}: {output.evalue}"
    if WIDGET in data:
        yield "holds a reference to a widget"
    if SVG in data and PNG not in data:
        yield "holds an SVG without a PNG"
    if data and "text/plain" not in data:
        yield "holds a picture without text"


def _without_pictures(notebook: NotebookNode) -> Any:
    """Give the notebook without PNGs, whose bytes may differ between processors."""
    for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
        output.get("data", {}).pop(PNG, None)
        output.get("metadata", {}).pop(PNG, None)
    return notebook


def main(arguments: list[str] | None = None) -> int:
    """Execute or check the notebooks; give the exit status."""
    parser = argparse.ArgumentParser(description="Execute the notebooks and store what they show.")
    parser.add_argument("--check", action="store_true", help="execute nothing, say what is wrong with the files")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all of them")
    options = parser.parse_args(arguments)
    failed = False
    for path in options.notebooks or sorted(HERE.glob("*.ipynb")):
        if options.check:
            wrong = problems(path)
        else:
            try:
                store(execute(path.resolve()), path)
                wrong = problems(path)
            except CellExecutionError as error:
                wrong = [str(error)]
        for problem in wrong:
            print(f"{path}: {problem}", file=sys.stderr)
        failed |= bool(wrong)
    return int(failed)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:  # nobody's own IPython start-up files or kernels take part
        os.environ |= {"IPYTHONDIR": folder, "JUPYTER_DATA_DIR": folder, "JUPYTER_CONFIG_DIR": folder}
        os.environ["WSVIZ_PROGRESS"] = f"{folder}/progress.json"  # a learner who has solved nothing yet
        sys.exit(main())
