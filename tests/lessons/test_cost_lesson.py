"""Lesson 12's exercises: right answers, each misconception, nothing; and what its text and its counting rely on."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean

import pytest
from scapy.contrib.http2 import HPackHdrTable

from tests.lessons.feed import feed
from wsviz import WsvizError, compare
from wsviz.capture.comparison import break_even
from wsviz.figures.decision import Need, decide
from wsviz.figures.overhead_measured import measure
from wsviz.figures.overhead_model import Assumptions, model
from wsviz.lab.updates import COUNT
from wsviz.lessons import recording
from wsviz.lessons.cost_lesson import (
    RECORDINGS,
    SCENARIOS,
    delays,
    header_frame,
    http2_bytes,
    pair_delays,
    race,
    recount,
)
from wsviz.protocol.http1 import Request, Response

ARTICLE = Assumptions(size=20, request=716, response=193, poll=1, messages=3600)


def test_exercises() -> None:
    table = compare(race())
    polls, stream, socket = (table.loc[name] for name in ("short polling", "streaming", "WebSocket"))
    headers, wire = polls["http_header"] / socket["ws_header"], polls["bytes"] / socket["bytes"]
    with_body = (polls["http_header"] + polls["http_body"]) / (socket["ws_header"] + socket["ws_payload"])
    poll = next(each for each in recording("poll").exchanges.itertuples() if each.body_length)
    heads = poll.request_length + poll.response_length - poll.body_length
    opening = socket["fixed_bytes"] - stream["fixed_bytes"]
    saved = stream["marginal_bytes"] - socket["marginal_bytes"]
    crossing = int(table.loc["streaming", "break_even"])
    feed(
        "12",
        right={
            "own_ratio": [(round(headers), round(wire, 2)), [headers, wire]],
            "large_messages": ["C"],
            "break_even": [crossing, float(crossing)],
            "header_compression": ["b)"],
            "winners": ["p, e, l, e, w", ["P", "E", "L", "E", "W"], "P E L E W\n"],
        },
        wrong={
            "own_ratio": [
                ((heads / socket["ws_header"], wire), "By headers: That is one poll that brought something"),
                ((polls["http_header"] / socket["http_header"], wire), "divides by the opening handshake"),
                ((with_body, wire), "That counts the payload too"),
                ((wire, headers), "By headers: That is the second number"),
                ((wire, headers), "On the wire: That is the first number"),
                ((1 / headers, 1 / wire), "the other way round"),
                ((headers, with_body), "leaves out TCP/IP"),
                ((headers, polls["packets"] / socket["packets"]), "a ratio of packets"),
                ((500, 3), "By headers: 500 is too large"),
                ((435.5, wire), "By headers: That is the article's"),
                (headers, "a pair of numbers"),
            ],
            "large_messages": [("1", "none of the answers")],
            "break_even": [
                (opening / saved, "make both cost the same"),
                (round(opening / round(saved, 1), 2), "make both cost the same"),
                (crossing - 1, "does not cost less yet"),
                (opening / socket["marginal_bytes"], "how many frames the dearer opening is worth"),
                (round(socket["fixed_bytes"] / saved), "A stream has to be opened too"),
                (opening, "how many bytes more the opening costs"),
                (COUNT, "So many updates were recorded"),
                (10**6, "too large"),
            ],
            "header_compression": [("HPACK", "none of the answers")],
            "winners": [
                ("WWWWW", "mail: WebSocket costs"),
                ("PELWW", "ticker: WebSocket saves less than a quarter"),
                ("PEEEW", "alarms behind a proxy: event stream will not do. The proxy holds it back."),
                ("PEWEW", "The proxy passes no upgrade"),
                ("PPLEW", "alarms: short polling costs"),
                ("PEPEW", "alarms behind a proxy: short polling costs"),
                ("PELEE", "game: event stream costs"),
                ("PELE", "a text of 5 letters"),
                ("mail", "a text of 5 letters"),
            ],
        },
    )


def test_what_the_text_says_of_the_recordings() -> None:
    """A new recording may change every number, and the text stands as long as these do."""
    captures = race()
    table, rows = compare(captures), {name: each.row for name, each in measure(captures).items()}
    assert (table["updates"] == COUNT).all()
    assert table["fixed_bytes"].idxmax() == table["marginal_bytes"].idxmin() == "WebSocket"
    assert (table["fixed_bytes"] + table["marginal_bytes"]).idxmax() == "WebSocket", "dearest for a single update"
    assert 1 < float(table.loc["streaming", "break_even"]) <= 100, "the lines cross within the picture"
    assert 0.9 < recount(rows, more="streaming")["ratio"].iloc[-1] < 1.15, "hardly a difference"
    polls, socket = table.loc["short polling"], table.loc["WebSocket"]
    before = polls["bytes_per_update"] / socket["bytes_per_update"]
    after = (polls["bytes_per_update"] - polls["http_header"] + http2_bytes()) / socket["bytes_per_update"]
    assert 0.35 < after / before < 0.65, "about a half"
    assert after > 1.2, "polling still costs more"
    first, second = [
        each for each in captures["short polling"].connections[0].exchanges if each.response_body.length
    ][:2]
    assert first.request_head.headers == second.request_head.headers
    assert first.request_head.target != second.request_head.target


def test_delays_are_those_of_the_wire() -> None:
    waited = {name: delays(name) for name in RECORDINGS}
    assert all(len(each) == COUNT and min(each) > 0 for each in waited.values())
    assert 50 < mean(waited["short polling"]) < 120, "near half a period of 150 ms, or a little more"
    for name in ("long polling", "streaming", "WebSocket"):
        assert mean(waited[name]) < 20, name
    assert max(waited["server-sent events"]) > 50, "some came up while the stream was broken"


def test_three_ways_to_one_in_the_worst_case_alone() -> None:
    """Ways of 50 ms, the second update 5 ms after the first; the rest is what programs on a busy machine took."""
    pairs = pair_delays()
    asked, told = pairs["long polling"], pairs["WebSocket"]
    assert list(pairs.index) == [1, 2, 3, 4, 5]
    for one_way in (asked["first"], told["first"], told["second"]):
        assert one_way.between(48, 75).all(), "the clock is told to some ms by the answer that starts it"
    assert asked["second"].between(145, 175).all()
    ratios = asked.mean() / told.mean()
    assert ratios["first"] == pytest.approx(1, abs=0.1)
    assert ratios["second"] == pytest.approx(3, abs=0.25)


def test_a_recount_ends_at_every_byte() -> None:
    captures = race()
    measured = recount({name: each.row for name, each in measure(captures).items()})
    table = compare(captures)
    for name in ("short polling", "WebSocket"):
        assert measured[name].iloc[-1] == pytest.approx(table.loc[name, "bytes_per_update"], abs=0.05)
        assert measured[name].is_monotonic_increasing
    assert list(measured.index[:2]) == ["HTTP and frame headers", "+ payload"]


def test_the_article_recounted_by_hand() -> None:
    rows = {name: each.row(ARTICLE.messages) for name, each in model(ARTICLE).items()}
    counted = recount(rows)["ratio"]
    assert counted["HTTP and frame headers"] == round(909 / 2, 1)
    assert counted["+ payload"] == round(929 / 22, 1)
    # An hour long, opening and closing are next to nothing; then a packet each way, and each frame's, and the ACKs.
    assert counted["+ bare ACKs"] == pytest.approx((929 + 3 * 66) / (22 + 2 * 66), abs=0.05)
    tls = replace(ARTICLE, tls=1)
    with pytest.raises(WsvizError, match="there is no row 'streaming'; there are short polling"):
        recount(rows, more="streaming")
    assert "+ TLS" in recount({name: each.row(tls.messages) for name, each in model(tls).items()}).index


def test_larger_messages_level_the_ways() -> None:
    ways = model(Assumptions(size=100_000, poll=1))
    assert 1 < ways["short polling"].cost.marginal / ways["WebSocket"].cost.marginal < 1.05


def test_header_frames_are_no_shorter_than_scapys() -> None:
    """Written by scapy, the same heads have Huffman's code too: the estimate is an upper bound, and a near one."""
    exchanges = recording("poll").connections[0].exchanges
    heads = [each.request_head for each in exchanges]
    table = HPackHdrTable()
    for at, head in enumerate(heads[:20]):
        ours = header_frame(head, heads[:at])
        theirs = len(bytes(table.parse_txt_hdrs(_as_text(head), stream_id=2 * at + 1, should_index=lambda _: True)))
        assert theirs <= ours, f"request {at}"
        assert ours <= theirs + 20 or not at, f"request {at}: {ours} bytes, and scapy needs {theirs}"


def _as_text(head: Request) -> bytes:
    lines = [f":method {head.method}", ":scheme http", f":authority {head.header('Host')}", f":path {head.target}"]
    lines += [f"{name.lower()}: {value}" for name, value in head.headers if name not in ("Host", "Connection")]
    return "\n".join([*lines, ""]).encode()


def test_header_frames_by_hand() -> None:
    head = Request("GET", "/a", "HTTP/1.1", (("Host", "h"), ("Connection", "keep-alive"), ("X", "1")), b"", ())
    # :method GET, :scheme http, :authority h, :path /a, x 1; each with three bytes around
    assert header_frame(head, []) == 9 + (3 + 10) + (3 + 11) + (3 + 11) + (3 + 7) + (3 + 2)
    assert header_frame(head, [head]) == 9 + 5
    assert header_frame(replace(head, target="/abc"), [head]) == 9 + 4 + 3 + 4
    answer = Response("HTTP/1.1", 204, "No Content", (("date", "now"),), b"", ())
    assert header_frame(answer, [answer]) == 9 + 2


def test_the_scenarios_are_decided_by_numbers() -> None:
    assert [decide(need).choice for need in SCENARIOS.values()] == [
        "short polling", "event stream", "long polling", "event stream", "WebSocket",
    ]  # fmt: skip
    assert decide(Need(updates=1, within=3600)).choice == "short polling", "the weather report"
    assert decide(Need(updates=300, within=1, sent=60)).choice == "WebSocket", "the chat"
    orders = [decide(replace(SCENARIOS["ticker"], sent=sent)).choice for sent in (0, 60, 600, 6000)]
    assert orders[0] == "event stream"
    assert orders[-1] == "WebSocket", "the text asks from where on"


def test_the_crossing_is_that_of_compare() -> None:
    costs = {name: each.cost for name, each in measure(race()).items()}
    crossing = break_even(costs["WebSocket"], costs["streaming"])
    assert crossing == compare(race()).loc["streaming", "break_even"]
