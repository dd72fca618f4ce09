"""Event streams: every line named, every block with its event, chunks drawn where they begin."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import assert_labels_apart
from wsviz import WsvizError, read_capture
from wsviz.figures.events import event_stream, stream_of
from wsviz.figures.events_view import READ, Stream, StreamView, view_of
from wsviz.figures.figure import columns
from wsviz.protocol.event_stream import parse_event_stream

CAPTURES = Path(__file__).parents[2] / "captures"
EXAMPLE = (
    b": hello\n\nretry: 3000\nid: 7\nevent: price\ndata: 1\ndata: 2\n\ndata: Gr\xc3\xbc\xc3\x9fe\n\n"
    b"id: 8\n\nfoo: bar\ndata\n\nid: 9\nretry: 5\ndata: cut"
)
HTTP = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"9\r\ndata: one\r\n2\r\n\n\n\r\n6\r\ndata: \r\n5\r\ntwo\n\n\r\n"
)


def view(data: bytes, *pieces: int) -> StreamView:
    return view_of(Stream(data, pieces))


def test_every_line_is_named() -> None:
    kinds = [[line.kind for line in block.lines] for block in view(EXAMPLE).blocks]
    assert kinds == [
        ["comment", "blank"],
        ["retry", "id", "event", "data", "data", "blank"],
        ["data", "blank"],
        ["id", "blank"],
        ["unknown", "data", "blank"],
        ["id", "retry", "cut"],
    ]


def test_what_a_script_hears() -> None:
    seen = view(EXAMPLE)
    outcomes = [(block.outcome, block.data if block.outcome == "dispatched" else []) for block in seen.blocks]
    assert outcomes == [
        ("empty", []),
        ("dispatched", ["1", "2"]),
        ("dispatched", ["Grüße"]),
        ("empty", []),
        ("dispatched", [""]),
        ("unfinished", []),
    ]
    assert [block.last for block in seen.blocks] == ["", "7", "7", "8", "8", "8"]
    assert (seen.last_id, seen.retry, seen.dispatched) == ("8", 5, 3)
    assert seen.reconnect == ("after 5 ms", "Last-Event-ID: 8")


@pytest.mark.parametrize("line", [b"retry: 5x\n", b"retry: 5", b"retry:\n", b"retry: \xd9\xa3\n"])
def test_a_retry_that_does_not_count(line: bytes) -> None:
    assert view(b"retry: 20\n\n" + line).retry == 20


def test_an_id_counts_when_its_block_ends() -> None:
    assert view(b"id: 1\n\nid: 2\ndata: x\n").last_id == "1"
    assert view(b"id: 1\n\nid: 2\ndata: x\n\n").last_id == "2"
    assert view(b"id: 1\n\nid: 2\0\n\n").last_id == "1"
    assert view(b"id: 1\n\nid\n\n").reconnect[1].startswith("no Last-Event-ID")


@given(st.lists(st.sampled_from([b"data: x", b"id: 1", b":", b"\n", b"\r", b"\r\n", b"\xef\xbb\xbf", b"\xff"])))
@settings(max_examples=150, deadline=None)
def test_lines_cover_the_stream_and_agree_with_the_engine(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    seen = view(data, *(1 for _ in data))
    lines = [line for block in seen.blocks for line in block.lines]
    assert b"".join(data[line.start : line.end] for line in lines) == data
    assert [line.start for line in lines] == [0, *(line.end for line in lines)][: len(lines)]
    events = parse_event_stream(data)
    assert [block.event for block in seen.blocks] == events
    assert seen.dispatched == sum(event.dispatched for event in events)


def test_chunks_are_no_borders() -> None:
    seen = view_of(stream_of(HTTP))
    assert (seen.chunks, seen.dispatched) == (4, 2)
    assert [part for line in seen.blocks[0].lines for part in line.parts] == [(1, "data: one"), (2, ""), (0, "")]
    assert [line.parts for line in seen.blocks[1].lines] == [((3, "data: "), (4, "two")), ((0, ""),)]
    text = event_stream(HTTP).text
    assert "{3}data: {4}two\\n" in text
    assert "in 4 chunks, 2 events dispatched" in text


def test_the_picture() -> None:
    figure = event_stream(Stream(EXAMPLE, (10, 25, 40, 17, 100)))
    assert figure == event_stream(Stream(EXAMPLE, (10, 25, 40, 17, 100)))
    assert_labels_apart(figure)
    assert float(ElementTree.fromstring(figure.svg).attrib["width"]) <= 800
    assert max(map(columns, figure.text.split("\n"))) <= 100
    assert 'lastEventId "7"' in figure.text
    assert ">Grüße</text>" in figure.svg


def test_long_streams_are_drawn_in_part() -> None:
    figure = event_stream(b"data: x\n\n" * 10_000, limit=10)
    assert figure.text.count("data    ") == 5
    assert "… 9,995 more blocks" in figure.text
    line = event_stream(b"data: " + b"x" * 10_000_000)
    assert len(line.svg) < 10_000
    assert f"{10_000_006 - READ:,} bytes are not read" in line.text
    text = event_stream(b"data: " + b"y" * 500 + b"\n\n").text
    assert "… 474 more bytes" in text
    assert "436 more characters" in text


def test_hostile_streams_are_only_text() -> None:
    figure = event_stream("data: </script><img onerror=x>\x1b[31m\u202e\nevent: \u202e<b>\nid: \x07\n\n")
    tags = {element.tag.split("}")[-1] for element in ElementTree.fromstring(figure.svg).iter()}
    assert not tags & {"img", "script", "b"}
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)


def test_what_is_no_event_stream() -> None:
    polls = read_capture(CAPTURES / "poll.pcapng").connections[0]
    for wrong, words in ((polls, "no answer of type"), (polls.exchanges[0], "not of type"), (5, "got int")):
        with pytest.raises(WsvizError, match=words):
            event_stream(wrong)  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="limit is 0"):
        event_stream(b"", limit=0)
    assert "0 bytes, 0 events" in event_stream(b"").text
