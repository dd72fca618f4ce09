"""Lesson 01's exercises: right answers, each misconception, nothing."""

from __future__ import annotations

import json
from pathlib import Path

from notebooks.execute import read
from tests.lessons.feed import feed
from wsviz.lessons import recording
from wsviz.protocol.http1 import dissect_request


def test_exercises() -> None:
    close, keepalive = recording("http_close"), recording("http_keepalive")
    flags = close.packets["flags"]
    ten = len(close.exchanges)
    assert ten == len(keepalive.exchanges) == 10, "the lesson speaks of ten GETs"
    feed(
        "01",
        right={
            "syns": [len(close.connections)],
            "round_trips": [[2 * ten, ten + 1]],
            "wrong_host": [2.0],
        },
        wrong={
            "syns": [
                (int(flags.str.contains("SYN").sum()), "the server's SYN-ACKs too"),
                (len(close.packets), "all packets"),
                (1, "the first"),
                (7, "too small"),
                ("ten", "the answer is a number of connections"),
            ],
            "ports": [("e", "none of the answers")],
            "round_trips": [
                ((ten, ten), "close: those are the exchanges alone"),
                ((3 * ten, ten + 1), "nobody waits for a FIN"),
                ((2 * ten, 2 * ten), "keep-alive: that is a handshake for each request"),
                ((ten + 1, ten + 1), "close: that is one handshake for all requests"),
                ((2, ten + 1), "that is for one GET"),
                ((len(close.packets), ten + 1), "close: those are packets"),
                ((2 * ten, len(keepalive.packets)), "keep-alive: those are packets"),
                ((2 * ten, 1), "cannot share a round trip"),
                ((2 * ten, ten + 2), "for which nobody waits"),
                (2 * ten, "a tuple of 2: close, keep-alive"),
            ],
            "wrong_host": [
                (1, "A target of / is legal"),
                (3, "the body has that format"),
                (4, "the length is right"),
                (5, "ends the header"),
                (6, "The body is JSON"),
                (7, "too large"),
            ],
            "send_again": [],
            "who_learns": [("at once", "none of the answers")],
        },
    )


def test_the_printed_request_has_one_fault() -> None:
    """The request of the exercise, as the notebook prints it: the decoder finds the Host, and nothing else."""
    notebook = read(Path(__file__).parents[2] / "notebooks" / "01-http.ipynb")
    text = next(cell.source for cell in notebook.cells if "## Find the fault" in cell.source)
    lines = [line[3:] for line in text.partition("```text\n")[2].partition("\n```")[0].splitlines()]
    assert [lines.index(line) + 1 for line in lines if line.startswith("Host")] == [2]
    raw = "\r\n".join(lines).encode()
    found = dissect_request(raw)
    assert [each.rule for each in found.findings] == ["host-invalid"]
    assert found.raw == raw
    assert json.loads(found.value.body)
