"""CloseExplorer on the Python side: wishes in, endings out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.page import Page
from wsviz import Frame, Side, WsvizError, read_capture
from wsviz.figures.closing import close_ladder
from wsviz.widgets import CloseExplorer

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def explorer() -> CloseExplorer:
    return CloseExplorer()


@pytest.fixture
def page(explorer: CloseExplorer) -> Page:
    return Page(explorer)


def codes(explorer: CloseExplorer) -> list[int | None]:
    return [explorer.reports[side] for side in Side]


def test_a_code_that_must_not_be_sent_changes_the_end(explorer: CloseExplorer, page: Page) -> None:
    assert codes(explorer) == [1000, 1000]
    picture = page.wish("code", "1005")
    assert codes(explorer) == [1002, 1006]
    assert picture["frame"]["findings"][0]["rule"] == "close-code-not-for-the-wire"
    assert [report["code"] for report in picture["reports"]] == ["1002", "1006"]
    page.wish("undo")
    assert codes(explorer) == [1000, 1000]


def test_scenarios_bring_their_own_code(explorer: CloseExplorer, page: Page) -> None:
    picture = page.wish("scenario", "going away")
    assert (picture["code"], picture["reason"], explorer.scenario) == ("1001", "restarting", "going away")
    picture = page.wish("scenario", "fin")
    assert (picture["editable"], picture["frame"], codes(explorer)) == (False, None, [1006, 1006])
    page.wish("reset")
    assert explorer.scenario == "client"
    page.wish("undo")
    assert explorer.scenario == "fin"
    explorer.choose("rst")
    assert explorer.picture["scenario"] == "rst"
    page.wish("scenario", "captured")
    assert explorer.scenario == "rst", "there is no captured connection"


def test_typing_is_one_change(explorer: CloseExplorer, page: Page) -> None:
    for text in ("1", "10", "100", "1001"):
        page.wish("code", text)
    assert page.wish("reason", "bye")["frame"]["bytes"][:2] == [0x88, 0x85]
    page.wish("undo")
    page.wish("undo")
    assert (codes(explorer), explorer.picture["undo"]) == ([1000, 1000], False)


def test_what_cannot_be_is_said_and_changes_nothing(explorer: CloseExplorer, page: Page) -> None:
    assert page.wish("code", "70000")["notice"] == "status code 70000 does not fit 16 bits"
    assert page.wish("code", "<b>")["notice"] == "'<b>' is no status code, expected a number such as 1000, or nothing"
    assert "2,000 are not taken" in page.wish("reason", "x" * 3000)["notice"]
    assert codes(explorer) == [1000, 1000]
    page.wish("code", "")
    assert codes(explorer) == [1005, 1005]
    assert "needs a status code" in page.wish("reason", "why")["notice"]
    assert "no frame" in page.wish("step", 2)["notice"]


def test_bytes_can_be_typed_in_a_reason(explorer: CloseExplorer, page: Page) -> None:
    picture = page.wish("reason", r"caf\xe9")
    assert (codes(explorer), picture["reason"]) == ([1007, 1006], r"caf\xe9")
    page.wish("reason", "Grüße\ud800")
    assert explorer.story.reports[1].reason == "Grüße?".encode()


def test_who_begins_and_whose_bytes(explorer: CloseExplorer, page: Page) -> None:
    picture = page.wish("by", "server")
    assert (picture["by"], picture["steps"][0]["sender"], picture["frame"]["bytes"][1] >> 7) == (
        "server",
        "server",
        0,
    )
    picture = page.wish("step", 1)
    assert (picture["chosen"], picture["frame"]["bytes"][1] >> 7) == (1, 1)


def test_takes_frames_bytes_and_captures() -> None:
    explorer = CloseExplorer(Frame.close(4000, "mine", masking_key=b"abcd"))
    assert (codes(explorer), explorer.scenario) == ([4000, 4000], "client")
    assert CloseExplorer(b"\x88\x02\x03\xe9").scenario == "server"
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    explorer = CloseExplorer(connection)
    assert explorer.picture["scenarios"][0] == ["captured", "as captured"]
    assert explorer.figure == close_ladder(connection)
    page = Page(explorer)
    page.wish("code", "1001")  # a capture stays what it is
    assert codes(explorer) == [1000, 1000]
    page.wish("scenario", "rst")
    page.wish("scenario", "captured")
    assert explorer.figure == close_ladder(connection)


@pytest.mark.parametrize("wrong", [Frame.text("Hi"), b"\x88\x01\x03", b"\x88", 5, "nothing"])
def test_what_is_no_ending_gets_one_line(wrong: Any) -> None:
    with pytest.raises(WsvizError) as caught:
        CloseExplorer(wrong)
    assert "\n" not in str(caught.value)


def test_hostile_reasons_reach_the_page_as_text_only(explorer: CloseExplorer, page: Page) -> None:
    page.wish("reason", '</script>"><img onerror=x>\u202e\x1b[31m')
    assert json.dumps(explorer.picture, ensure_ascii=False).isprintable()
    assert explorer._repr_mimebundle_()[0]["text/plain"] == explorer.figure.text
