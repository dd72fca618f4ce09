"""How much a lesson says to the code it shows."""

from __future__ import annotations

import re

from nbformat import NotebookNode

WORDS_A_LINE = (10, 20)
LONGEST_CELL = 12


def prose_problems(notebook: NotebookNode) -> list[str]:
    """Say where the notebook leaves the law: 10 to 20 words of prose a line of code, code cells of 12 lines at most.

    Blank lines and lines that only comment are no code; what stands in a fenced block is no prose.
    """
    words, lines, found = 0, 0, []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            words += len(re.findall(r"\w[\w'-]*", re.sub(r"^```.*?^```", "", cell.source, flags=re.M | re.S)))
        elif cell.cell_type == "code":
            code = [line for line in cell.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
            lines += len(code)
            if len(cell.source.splitlines()) > LONGEST_CELL:
                found.append(
                    f"cell {number} has {len(cell.source.splitlines())} lines, expected at most {LONGEST_CELL}"
                )
    least, most = WORDS_A_LINE
    if not least * lines <= words <= most * lines:
        found.append(f"{words} words to {lines} lines of code, expected {least * lines} to {most * lines}")
    return found
