"""The pages that are made from the code: each is what the code makes today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from notebooks.execute import read
from notebooks.pages import HERE, NOTEBOOKS, README, pages, readme, write
from wsviz.reference.glossary import TERMS

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


def glossed() -> list[tuple[str, str]]:
    """The words and meanings of the tables at the lessons' ends, and the notebooks that they are in."""
    found = []
    for path in sorted(HERE.glob("[0-9]*.ipynb")):
        texts = (cell.source for cell in read(path).cells if cell.cell_type == "markdown")
        tables = re.findall(
            r"^\| (?:word|field) \|.*\n\|[-|]+\|\n((?:\|.*(?:\n|$))+)", "\n".join(texts), re.MULTILINE
        )
        words = [line.strip("| ").split(" | ")[0] for table in tables for line in table.splitlines()]
        found += [(word, path.name) for row in words for word in row.split(", ")]
    return found


def test_the_glossary_has_the_words_of_every_lesson() -> None:
    words, names = glossed(), [term.name.casefold().replace("-", " ") for term in TERMS]
    assert {file for _, file in words} == {file for _, file in NOTEBOOKS.values()}
    missing = [row for row in words if not any(row[0].casefold().replace("-", " ") in name for name in names)]
    assert not missing
    assert len(words) > 70


def test_an_entry_of_the_glossary_is_a_sentence_or_two_and_stands_once() -> None:
    assert len({term.name.casefold() for term in TERMS}) == len(TERMS)
    for term in TERMS:
        assert re.fullmatch(r"[A-Z`].*\.|permessage.*\.", term.meaning), term
        assert len(re.findall(r"[.](?= |$)", term.meaning)) <= 2, term
        assert "|" not in term.meaning + term.name, "it would end the cell"
        assert re.fullmatch(r"(?:RFC \d{4}|WHATWG HTML|WHATWG WebSockets|STOMP 1\.2)(?: [\d.]+)?|", term.source), term


def test_an_entry_of_the_glossary_links_to_a_heading_of_the_lesson_that_explains_it() -> None:
    lines = [line for line in PAGES[HERE / "glossary.md"].splitlines() if line.startswith("| ")][1:]
    assert len(lines) == len(TERMS)
    words = [line.split(" | ")[0].strip("| `").casefold() for line in lines]
    assert words == sorted(each.name.strip("`").casefold() for each in TERMS)
    there = {
        f"({path.name}#{heading.replace(' ', '-')})"
        for path in HERE.glob("[0-9]*.ipynb")
        for cell in read(path).cells
        if cell.cell_type == "markdown"
        for heading in re.findall(r"^##? (.*)$", cell.source, re.MULTILINE)
    }
    for line in lines:
        link = re.search(r"\([^()]+\)(?= \|$)", line)
        assert link is not None and link[0] in there, line
