"""Endings: what each scenario leads to, by the rules, and as a picture."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.laws import assert_labels_apart
from wsviz import Frame, Side, WsvizError, read_capture
from wsviz.capture.connection import Connection
from wsviz.figures.closing import close_ladder, story_of
from wsviz.figures.closing_scenarios import SCENARIOS, play
from wsviz.figures.closing_story import CloseStory, judged
from wsviz.figures.figure import columns

CAPTURES = Path(__file__).parents[2] / "captures"


def codes(story: CloseStory) -> list[int | None]:
    return [report.code for report in story.reports]


def clean(story: CloseStory) -> list[bool | None]:
    return [report.clean for report in story.reports]


@pytest.fixture(scope="module")
def echo() -> Connection:
    return read_capture(CAPTURES / "echo.pcapng").connections[0]


# What client and server report; a side that fails the connection says 1006 whatever it sent (RFC 6455 7.1.7)
OUTCOMES = {
    "client": ([1000, 1000], [True, True]),
    "server": ([1000, 1000], [True, True]),
    "going away": ([1001, 1001], [True, True]),
    "no code": ([1005, 1005], [True, True]),
    "not allowed": ([1006, 1002], [False, True]),
    "bad reason": ([1006, 1007], [False, True]),
    "protocol error": ([1002, 1006], [True, False]),
    "bad text": ([1006, 1007], [False, True]),
    "too big": ([1009, 1006], [True, False]),
    "fin": ([1006, 1006], [False, False]),
    "rst": ([1006, 1006], [False, False]),
    "both": ([1001, 1000], [True, True]),
    "ping": ([None, 1006], [None, False]),
}


def test_every_scenario_has_its_outcome() -> None:
    assert {name: (codes(story_of(name)), clean(story_of(name))) for name in SCENARIOS} == OUTCOMES


@pytest.mark.parametrize("name", SCENARIOS)
def test_pictures_are_whole_and_deterministic(name: str) -> None:
    figure = close_ladder(name)
    assert figure == close_ladder(name)
    root = ElementTree.fromstring(figure.svg)
    assert float(root.attrib["width"]) <= 800
    assert_labels_apart(figure)
    assert max(map(columns, figure.text.split("\n"))) <= 100
    for report in story_of(name).reports:
        assert f"{report.side} reports {report.code or 'nothing yet'}" in figure.text
        assert f">{report.code or '—'}</text>" in figure.svg


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
@pytest.mark.parametrize("by", [*Side])
def test_codes_that_must_not_be_sent_fail_the_connection(code: int, by: Side) -> None:
    story = play("client", code=code, by=by)
    reports = {report.side: report.code for report in story.reports}
    assert reports == {by: 1002, by.other: 1006}
    assert f"the {by.other} must fail the connection" in story.duties[0].words


@pytest.mark.parametrize("code", [1000, 1003, 1008, 1012, 1014, 3000, 4999])
def test_codes_that_may_be_sent_are_answered_alike(code: int) -> None:
    assert codes(play("server", code=code)) == [code, code]


def test_scripts_may_send_few_codes() -> None:
    said = {code: play("client", code=code).duties[-1].words for code in (None, 1000, 1001, 1008, 3000, 4999)}
    assert {code for code, words in said.items() if "cannot send this" in words} == {1001, 1008}
    assert "throws SyntaxError" in play("client", code=1000, reason=b"x" * 124).duties[-1].words
    assert "must answer" in play("client", code=1000, reason=b"x" * 123).duties[0].words


def test_a_reason_beyond_a_control_frame_breaks_a_rule() -> None:
    story = play("server", code=1000, reason=b"x" * 124)
    assert codes(story) == [1006, 1002]
    assert "126 bytes, expected at most 125" in story.duties[0].words


def test_ready_states_over_time() -> None:
    states = [step.states for step in story_of("client").steps]
    assert states == [("CLOSING", "CLOSING")] * 3 + [("CLOSED", "CLOSED")]
    assert [step.states for step in story_of("fin").steps] == [("OPEN", "OPEN"), ("CLOSED", "CLOSED")]
    assert story_of("ping").steps[-1].states == ("OPEN", "CLOSED")


def test_a_captured_ending(echo: Connection) -> None:
    story = story_of(echo)
    assert (codes(story), clean(story)) == ([1000, 1000], [True, True])
    close = story.steps[story.first_close or 0]
    assert (close.sender, close.note) == (Side.CLIENT, "packet 33")
    assert judged(close.raw, close.sender, story.extensions).value == echo.frames[14].frame
    figure = close_ladder(echo)
    assert "server sent FIN (packet 36)" in figure.text.replace("\n", " ")
    assert_labels_apart(figure)


def test_captured_reports_are_those_of_the_evidence() -> None:
    for connection in read_capture(CAPTURES / "close_matrix.pcapng").connections:
        story, reports = story_of(connection), connection.ending.reports
        assert codes(story) == [reports.get(side) for side in Side]
        closes = {step.sender for step in story.steps if step.kind == "close"}
        assert all(report.clean is not True for report in story.reports if closes != {*Side})
        assert_labels_apart(close_ladder(story))


def test_what_has_no_ending() -> None:
    polls = read_capture(CAPTURES / "poll.pcapng").connections[0]
    for wrong, words in ((polls, "is http, expected a WebSocket"), ("x", "no scenario 'x'"), (5, "got int")):
        with pytest.raises(WsvizError, match=words):
            close_ladder(wrong)  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="needs a status code"):
        play("client", code=None, reason=b"why")
    with pytest.raises(WsvizError, match="does not fit 16 bits"):
        play("client", code=65536)


def test_hostile_reasons_are_only_text() -> None:
    reason = '</script><img onerror="x">\x1b[31m\u202e'.encode()
    figure = close_ladder(play("server", code=1000, reason=reason))
    assert "img" not in {element.tag.split("}")[-1] for element in ElementTree.fromstring(figure.svg).iter()}
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)
    assert Frame.close(1000, "x").serialize() == play("server", code=1000, reason=b"x").steps[0].raw
