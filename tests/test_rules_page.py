"""The page of all rules has each of them; tests/notebooks/test_pages.py holds the committed one to it."""

from wsviz.protocol.rules import RULES
from wsviz.rules_page import rules_page


def test_every_rule_has_one_row():
    rows = [line.split("|")[1].strip() for line in rules_page().splitlines() if line.startswith("| `")]
    assert sorted(rows) == sorted(f"`{slug}`" for slug in RULES)


def test_cells_stay_in_their_columns():
    rows = [line for line in rules_page().splitlines() if line.startswith("| `")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}
