"""Lesson 02's exercises: right answers, each misconception, nothing."""

from __future__ import annotations

from itertools import accumulate

from tests.lessons.feed import feed
from wsviz.lab.updates import COUNT
from wsviz.lessons import recording
from wsviz.protocol.event_stream import parse_event_stream

DATA = '{"id": 31, "price": 101.25}'


def test_exercises() -> None:
    polls = len(recording("poll").exchanges)
    empty = polls - COUNT  # every update came with an answer of its own
    first = recording("sse").connections[0].exchanges[0].response_body
    chunk_ends = [*accumulate(end - start for start, end in first.pieces)]
    feed(
        "02",
        right={
            "empty_share": [empty / polls, round(empty / polls, 2)],
            "mean_delay": [10, 10.0],
            "event_with_id": [
                f"event:price\rid:31\rdata:{DATA}\r\r",
                ': a comment\r\nid: 31\r\nevent: price\r\ndata: {"price": 101.25,\r\ndata: "id": 31}\r\n\r\n',
                f"\N{BOM}id: 31\n\nevent: price\ndata: {DATA}\n\n",
                f"id: 31\nevent: price\ndata: {DATA}\n\n: the next one is not whole\ndata: 1".encode(),
            ],
        },
        wrong={
            "empty_share": [
                (empty, "how many are empty"),
                (COUNT, "how many brought an update"),
                (100 * empty / polls, "number of percent"),
                (round(100 * empty / polls), "number of percent"),
                (round(100 * empty / polls, 1), "number of percent"),
                (empty / COUNT, "compares the empty answers"),
                (COUNT / polls, "share of answers with an update"),
                (0, "too small"),
                ("a third", "the answer is a number"),
            ],
            "mean_delay": [
                (20, "just missed a poll"),
                (0, "right before a poll"),
                (75, "milliseconds"),
                (10_000, "milliseconds"),
                (5, "too small"),
            ],
            "who_begins": [("e", "none of the answers")],
            "chunk_boundary": [
                (chunk_ends[1], "an event ends with it"),
                (chunk_ends[-1], "an event ends with it"),
                (1, "the number of a chunk"),
                (first.pieces[0][1], "counts header and chunk sizes"),
                (2, "too small"),
            ],
            "event_with_id": [
                (f"id: 31\nevent: price\ndata: {DATA}\n", "No empty line ends the event"),
                (f"id: 31\nevent: price\ndata: {DATA}", "No empty line ends the event"),
                (f"id: 31\nevent: price\n{DATA}\n\n", "no line gives data"),
                (f"Id: 31\nEvent: price\nData: {DATA}\n\n", 'One begins with "Data: {"'),
                (f"    id: 31\n    data: {DATA}\n\n", 'One begins with "    data"'),
                ("id: 31\n\nevent: price\n\n", "no line gives data"),
                (f"id: 31\nevent: price\ndata: {DATA}\n\ndata: 2\n\n", "dispatches 2 events"),
                (f"event: price\ndata: {DATA}\n\n", "Its id is empty"),
                (f"Id: 31\nevent: price\ndata: {DATA}\n\n", "begins with the name id"),
                (f"id: 30\nevent: price\ndata: {DATA}\n\n", 'Its id is "30"'),
                (f"id: 31\ntype: price\ndata: {DATA}\n\n", 'Its type is "message"'),
                (f"  id: 31\n  event: price\ndata: {DATA}\n\n", "begins with the name event"),
                ("id: 31\nevent: price\ndata: {'id': 31, 'price': 101.25}\n\n", "which is no JSON"),
                ("id: 31\nevent: price\ndata: " + "[" * 100_000 + "\n\n", "which is no JSON"),
                ('id: 31\nevent: price\ndata: {"id": 31}\n\n', "something else than asked for"),
                ("id: 31\nevent: price\ndata: <b>\x1b[1m\n\n", "which is no JSON"),
                (31, "of type int, and the answer is the text or the bytes"),
            ],
            "last_event_id": [("again", "none of the answers")],
        },
    )


def test_one_chunk_is_cut_within_an_event() -> None:
    """The exercise asks for the one place; of a recording with more of them it would have to take any."""
    for exchange in recording("sse").connections[0].exchanges:
        body = exchange.response_body
        events = {event.end for event in parse_event_stream(body.read())}
        chunk_ends = accumulate(end - start for start, end in body.pieces)
        assert len([end for end in chunk_ends if end not in events]) == 1
