"""Write the pages that are made from the code's own tables and from what the commands print.

    python notebooks/pages.py

`make notebooks` runs it. A test compares each page with what this makes of it today.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from wsviz import cli
from wsviz.lessons.course import LESSONS
from wsviz.reference.cheat_sheet import cheat_sheet
from wsviz.reference.glossary import glossary_page
from wsviz.reference.page import reference_page
from wsviz.rules_page import rules_page

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
WIDTH = 118  # columns of a line in the README
NOTEBOOKS = {number: (title, f"{stem}.ipynb") for number, _, title, stem, _ in LESSONS}
SHOWN = "captures/echo.pcapng"  # what the README's example is about


def pages() -> dict[Path, str]:
    """Each page's file, and the text that belongs into it."""
    return {
        HERE / "rules.md": rules_page(),
        HERE / "reference.md": reference_page(),
        HERE / "glossary.md": glossary_page(NOTEBOOKS),
        HERE / "cheat-sheet.svg": cheat_sheet().svg,
        README: readme(README.read_text("utf-8")),
    }


def readme(text: str) -> str:
    """The README with what `wsviz FILE` prints today in its place, long lines wrapped."""
    printed = io.StringIO()
    with contextlib.chdir(HERE.parent), contextlib.redirect_stdout(printed):
        cli.main([SHOWN])
    lines = [wrapped for line in printed.getvalue().splitlines() for wrapped in _wrapped(line)]
    block = re.compile(rf"(?<=^\$ wsviz {re.escape(SHOWN)}\n).*?(?=^\$ )", re.DOTALL | re.MULTILINE)
    fresh, found = block.subn(lambda _: "".join(f"{line}\n" for line in lines), text, count=1)
    assert found, f"the README shows no `wsviz {SHOWN}`"
    return fresh


def _wrapped(line: str) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)


def write(texts: Mapping[Path, str]) -> None:
    """Write each page that has changed."""
    for path, text in texts.items():
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    write(pages())
