"""EventStreamView on the Python side: wishes in, events out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.capture.build import Talk
from tests.widgets.page import Page
from wsviz import Connection, WsvizError, read_capture
from wsviz.figures.events import event_stream
from wsviz.widgets import EventStreamView
from wsviz.widgets.event_stream_view import EXAMPLE

CAPTURES = Path(__file__).parents[2] / "captures"


ASKED = b"GET /news?token=abcdef0123456789abcdef HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
BODY = b"12\r\ndata: password=swo\r\nc\r\nrdfish\n\nid: \r\n4\r\n1\n\n\n\r\n"


def captured() -> Connection:
    """A captured stream: its three chunks hold a secret that one of their borders cuts."""
    talk = Talk().open().client(ASKED, 0).server(HEAD + BODY, 0)
    return talk.capture().connections[0]


@pytest.fixture
def view() -> EventStreamView:
    return EventStreamView()


@pytest.fixture
def page(view: EventStreamView) -> Page:
    return Page(view)


def heard(view: EventStreamView) -> list[str]:
    return [block.event.data for block in view.view.blocks if block.outcome == "dispatched"]


def test_a_blank_line_dispatches(view: EventStreamView, page: Page) -> None:
    assert (heard(view), view.view.last_id) == (["101.5", "two lines\nof one event"], "7")
    picture = page.wish("add", "blank line")
    assert (heard(view)[2:], view.view.last_id) == (["no blank line yet"], "8")
    assert (picture["blocks"][-1]["outcome"], picture["sent"]) == ("dispatched", "Last-Event-ID: 8")
    page.wish("undo")
    assert view.data == EXAMPLE.encode()


def test_typing_is_one_change(view: EventStreamView, page: Page) -> None:
    for text in ("data: a", "data: a\n", "data: a\n\n"):
        page.wish("text", text)
    assert heard(view) == ["a"]
    page.wish("undo")
    assert view.data == EXAMPLE.encode()
    assert view.picture["undo"] is False


def test_line_ends_change_bytes_and_no_event(view: EventStreamView, page: Page) -> None:
    before = heard(view)
    for name, end in (("CR LF", b"\r\n"), ("CR", b"\r"), ("LF", b"\n")):
        picture = page.wish("line_end", name)
        assert (heard(view), picture["line_end"]) == (before, name)
        assert view.data == EXAMPLE.encode().replace(b"\n", end)
    page.wish("line_end", "CR LF")
    page.wish("text", "data: x\n\n")
    assert view.data == b"data: x\r\n\r\n"
    page.wish("add", "comment")
    assert view.data.endswith(b": still there\r\n\r\n")


def test_chunks_are_cut_and_kept(view: EventStreamView, page: Page) -> None:
    picture = page.wish("chunk", "50")
    assert (view.view.chunks, picture["chunked"]) == (-(-len(EXAMPLE) // 50), True)
    page.wish("text", "data: " + "x" * 94 + "\n\n")
    assert view.view.chunks == 3
    assert page.wish("chunk", "")["chunked"] is False
    assert page.wish("chunk", "-1")["notice"] == "'-1' is no size of a chunk, expected a number of bytes, or nothing"


def test_a_captured_stream() -> None:
    connection = captured()
    view = EventStreamView(connection)
    assert view.view.chunks == 3
    assert heard(view) == ["password=*********"]
    assert "token=[masked]" in view.picture["facts"]
    assert (view.picture["chunk"], view.picture["chunk_hint"]) == ("", "as captured")
    assert view.figure == event_stream(connection)
    assert heard(EventStreamView(connection.exchanges[0], reveal=True)) == ["password=swordfish"]
    page = Page(view)
    page.wish("add", "event")
    assert view.view.chunks == 0, "nobody knows in which chunks a changed stream comes"
    page.wish("reset")
    assert view.view.chunks == 3


def test_what_cannot_be_edited() -> None:
    view = EventStreamView(b"data: x\n\n" * 5000)
    page = Page(view)
    assert view.picture["text"] is None
    assert "20,000 at most" in page.wish("text", "y" * 30_000)["notice"]
    assert len(json.dumps(view.picture)) < 100_000
    assert view.picture["hidden"] == 5000 - 60
    view.data = b"data: \xff\n\n"
    assert (view.picture["text"], heard(view)) == (None, ["\ufffd"])
    with pytest.raises(WsvizError, match="got int"):
        EventStreamView(5)  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="no answer of type"):
        EventStreamView(read_capture(CAPTURES / "poll.pcapng").connections[0])


def test_a_long_stream_takes_no_more_memory_with_each_change() -> None:
    view = EventStreamView(b"data: " + b"x" * 2_500_000)
    page = Page(view)
    for _ in range(5):
        page.wish("add", "comment")
    assert sum(len(past.data) for past in view._past) <= 4_000_000
    assert "that makes 2,500," in page.wish("chunk", "1")["notice"]
    assert view.view.chunks == 0


def test_hostile_streams_reach_the_page_as_text_only(view: EventStreamView, page: Page) -> None:
    page.wish("text", "event: \u202e\ndata: </script><img onerror=x>\x1b\nid: \u202e\n\n")
    shown = {name: value for name, value in view.picture.items() if name != "text"}
    assert json.dumps(shown, ensure_ascii=False).isprintable()
    assert view.picture["text"] is None
    assert view._repr_mimebundle_()[0]["text/plain"] == view.figure.text
