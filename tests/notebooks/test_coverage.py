"""`notebooks/coverage.md`: what the documents that the course grew from say, and where the course covers it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notebooks.execute import read

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ROWS = [
    tuple(cell.strip() for cell in line.strip("|\n ").split(" | "))
    for line in (NOTEBOOKS / "coverage.md").read_text().splitlines()
    if re.match(r"\| 00\d ", line) and line.count(" | ") == 2
]


def headings(notebook: str) -> set[str]:
    """The anchors of a notebook's headings, as JupyterLab makes them."""
    texts = (cell.source for cell in read(NOTEBOOKS / notebook).cells if cell.cell_type == "markdown")
    found = (line for text in texts for line in text.splitlines())
    return {re.sub(r"^#+ ", "", line).strip().replace(" ", "-") for line in found if re.match(r"#+ ", line)}


def test_every_document_is_there() -> None:
    assert {document for document, *_ in ROWS} == {"000", "001", "002", "003", "004"}
    assert len(ROWS) > 100
    assert len({row[:2] for row in ROWS}) == len(ROWS), "a statement stands there twice"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1][:40]}")
def test_a_statement_is_covered_or_left_out_for_a_reason(row: tuple[str, str, str]) -> None:
    _, _, where = row
    links = re.findall(r"\[[^\]]+\]\(([\w-]+\.ipynb)#([^)]+)\)", where)
    for notebook, anchor in links:
        assert anchor in headings(notebook), f"{notebook} has no such heading"
    assert links or re.match(r"left out: .{10,}", where)
