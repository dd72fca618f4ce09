"""The reference and the cheat sheet: whole, true to the code, and one page that prints."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from tests.laws import assert_labels_apart, texts
from wsviz import CloseCode, Opcode
from wsviz.reference.cheat_sheet import cheat_sheet
from wsviz.reference.page import reference_page
from wsviz.reference.tables import close_ranges, close_rows, header_rows, opcode_rows, reserved_opcodes

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def test_every_opcode_and_every_close_code_has_its_row() -> None:
    assert [row.opcode for row in opcode_rows()] == [*Opcode]
    assert [row.code for row in close_rows()] == [*CloseCode]
    assert reserved_opcodes() == [(3, 7), (0xB, 0xF)]
    codes = [code for row in close_ranges() for code in range(row.first, row.last + 1)]
    assert sorted([*codes, *CloseCode]) == list(range(0x1_0000))


def test_first_bytes_and_header_sizes() -> None:
    assert [f"{row.first_byte:02x}" for row in opcode_rows()] == ["80", "81", "82", "88", "89", "8a"]
    assert [row.control for row in opcode_rows()] == [False] * 3 + [True] * 3
    assert [(row.from_server, row.from_client) for row in header_rows()] == [(2, 6), (4, 8), (10, 14)]


def test_who_may_send_a_close_code() -> None:
    """RFC 6455 7.4.1 and 7.4.2; scripts: WHATWG WebSockets, close()."""
    senders = {row.code: row.senders for row in close_rows()}
    assert {code for code, sender in senders.items() if sender == "nobody"} == {1005, 1006, 1015}
    assert senders[1010] == "the client"
    assert senders[1011] == "the server"
    assert [row.code for row in close_rows() if row.script] == [1000]
    assert [(row.codes, row.senders, row.script) for row in close_ranges()] == [
        ("0 to 999", "nobody", False),
        ("1004", "nobody", False),
        ("1016 to 2999", "nobody", False),
        ("3000 to 3999", "either side", True),
        ("4000 to 4999", "either side", True),
        ("5000 to 65535", "nobody", False),
    ]


def test_the_page_has_whole_tables_and_links_that_lead_somewhere() -> None:
    page = reference_page()
    for table in re.findall(r"(?:^\|.*\|\n)+", page, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) == 3
    assert [link for link in links if not (NOTEBOOKS / link).is_file()] == []


def test_the_sheet_is_one_page_with_everything_on_it() -> None:
    figure = cheat_sheet()
    assert figure == cheat_sheet()
    assert_labels_apart(figure)
    root = ElementTree.fromstring(figure.svg)
    assert float(root.attrib["width"]) <= 714, "210 mm less two margins of 0.4 inches"
    assert float(root.attrib["height"]) <= 979, "11 inches less two such margins"
    shown = {text.text for text in texts(figure)}
    assert {str(row.code) for row in close_rows()} <= shown
    assert {row.name for row in opcode_rows()} <= shown
    assert "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in shown
    assert "81 85 37 fa 21 3d 7f 9f 4d 51 58" in shown
    lowest = max(float(text.attrib["y"]) for text in texts(figure))
    assert lowest < float(root.attrib["viewBox"].split()[3])
    assert all(str(row.code) in figure.text for row in close_rows())
