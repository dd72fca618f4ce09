"""The pages that are made from the code: each is what the code makes today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notebooks.execute import read
from notebooks.pages import HERE, README, glossary, pages, readme, write

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_makes_of_it(path: Path) -> None:
    assert path.read_text("utf-8") == PAGES[path], "run: make notebooks"


def test_what_the_readme_shows_is_put_back_and_nothing_else() -> None:
    text = README.read_text("utf-8")
    stale = text.replace("38 packets, 3,527 bytes", "7 packets").replace("    client sent Close", "    x\n    y")
    assert stale != text
    assert readme(stale) == text
    with pytest.raises(AssertionError, match="shows no `wsviz captures"):
        readme("# A README without it\n")


def test_only_pages_that_have_changed_are_written(tmp_path: Path) -> None:
    stale, fresh, new = tmp_path / "stale.md", tmp_path / "fresh.md", tmp_path / "new.md"
    stale.write_text("old\n")
    fresh.write_text("as it is\n")
    before = fresh.stat().st_mtime_ns
    write({stale: "new\n", fresh: "as it is\n", new: "é\n"})
    assert [each.read_text("utf-8") for each in (stale, fresh, new)] == ["new\n", "as it is\n", "é\n"]
    assert fresh.stat().st_mtime_ns == before


def test_the_glossary_has_the_words_of_every_lesson() -> None:
    rows = [line.strip("| ").split(" | ") for line in glossary().splitlines() if line.startswith("| ")][1:]
    words = [word.casefold() for word, _, _ in rows]
    assert words == sorted(words)
    assert {"frame", "masking key", "fin", "idempotent", "accept key", "last-event-id"} <= set(words)
    linked = {link for row in rows for link in re.findall(r"\(([^)]+)\)$", row[2])}
    explaining = {
        path.name
        for path in HERE.glob("[0-9]*.ipynb")
        if any("| word | meaning |" in cell.source for cell in read(path).cells)
    }
    assert explaining <= linked
    assert all((HERE / link).is_file() for link in linked)
