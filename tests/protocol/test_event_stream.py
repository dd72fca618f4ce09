"""Event streams as the WHATWG standard reads them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsviz.protocol.event_stream import Event, parse_event_stream


def dispatched(data: bytes) -> list[tuple[str, str, str]]:
    return [(event.type, event.data, event.id) for event in parse_event_stream(data) if event.dispatched]


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
         [("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")]),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", []),
        (b"data: a\rdata: b\r\rdata: c\r\n\r\n", [("message", "a\nb", ""), ("message", "c", "")]),
        (b"event: x\ndata: a\n\ndata: b\n\n", [("x", "a", ""), ("message", "b", "")]),
        (b"event: x\n\n", []),
        (b"id: 7\n\ndata: a\n\n", [("message", "a", "7")]),
        (b"id: 7\nid: 8\x00\ndata: a\n\n", [("message", "a", "7")]),
        (b"data: a\n", []),
        (b"Data: a\nunknown: b\n\n", []),
        (b"data: \xff\n\n", [("message", "\ufffd", "")]),
        (b"", []),
    ],
)  # fmt: skip
def test_what_a_script_hears(stream: bytes, expected: list[tuple[str, str, str]]) -> None:
    assert dispatched(stream) == expected


def test_spans_follow_one_another() -> None:
    stream = b"retry: 3000\n\n: ping\n\nid: 1\ndata: a\n\ndata: cut"
    assert parse_event_stream(stream) == [
        Event("", "message", "", 3000, (), 0, 13, False),
        Event("", "message", "", None, ("ping",), 13, 21, False),
        Event("1", "message", "a", None, (), 21, 36, True),
        Event("1", "message", "cut", None, (), 36, 45, False),
    ]


@pytest.mark.parametrize(
    ("line", "retry"),
    [(b"retry: 10", 10), (b"retry:010", 10), (b"retry: -1", None), (b"retry: 1.5", None), (b"retry", None)],
)
def test_retry_takes_digits_only(line: bytes, retry: int | None) -> None:
    assert parse_event_stream(line + b"\n\n")[0].retry == retry


def test_long_numbers_do_not_raise() -> None:
    assert parse_event_stream(b"retry: " + 5000 * b"9" + b"\n\n")[0].retry is None


@given(st.binary() | st.lists(st.sampled_from([b"data: a", b"id: 1", b":", b"\n", b"\r", b"\r\n"])).map(b"".join))
def test_spans_cover_any_bytes(stream: bytes) -> None:
    events = parse_event_stream(stream)
    at = 0
    for event in events:
        assert event.start == at < event.end
        at = event.end
    # A BOM alone is no line, yet its bytes belong to the block that never came.
    assert at == len(stream)


def test_linear() -> None:
    began = time.process_time()
    assert len(parse_event_stream(200_000 * b"\n")) == 200_000
    assert len(parse_event_stream(200_000 * b"data: a\n" + b"\n")) == 1
    assert time.process_time() - began < 10
