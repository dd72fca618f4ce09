"""The page of all rules is the one that the tables give."""

from pathlib import Path

from wsviz.protocol.rules import RULES
from wsviz.rules_page import rules_page

PAGE = Path(__file__).parent.parent / "notebooks" / "rules.md"


def test_the_committed_page_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == rules_page(), "run: make notebooks"


def test_every_rule_has_one_row():
    rows = [line.split("|")[1].strip() for line in rules_page().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(f"`{slug}`" for slug in RULES)


def test_cells_stay_in_their_columns():
    rows = [line for line in rules_page().splitlines() if line.startswith("| `")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
