"""Exercises of lesson 12: what each mechanism costs, and which one to choose; and what the lesson counts with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from math import floor
from typing import TYPE_CHECKING, Any

from wsviz.capture.arrivals import piece_times
from wsviz.capture.capture import Capture
from wsviz.capture.comparison import compare
from wsviz.figures.decision import Need, decide
from wsviz.figures.overhead_view import view_of
from wsviz.lab.updates import UPDATES
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number, several
from wsviz.lessons.recordings import recording
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.http1 import Request, Response

if TYPE_CHECKING:
    import pandas as pd

POLLS, SOCKET = "short polling", "WebSocket"
RECORDINGS = {
    POLLS: "poll",
    "long polling": "longpoll",
    "streaming": "stream",
    "server-sent events": "sse",
    SOCKET: "websocket",
}


def race() -> dict[str, Capture]:
    """The recordings of the same 30 updates, by their mechanisms."""
    return {mechanism: recording(name) for mechanism, name in RECORDINGS.items()}


# ---- What the lesson counts with ----

STEPS = (
    ("HTTP and frame headers", ("HTTP header", "WebSocket header")),
    ("+ payload", ("payload",)),
    ("+ opening, closing, pings", ("handshake", "WebSocket control")),
    ("+ TLS", ("TLS",)),
    ("+ TCP/IP", ("TCP/IP",)),
    ("+ bare ACKs", ("bare ACKs",)),
    ("+ anything else", ("other",)),
)


def recount(rows: Mapping[str, Mapping[str, float]], more: str = POLLS, less: str = SOCKET) -> pd.DataFrame:
    """Bytes per update of two mechanisms, counting more in each row, and what that makes of their ratio.

    `rows` as `OverheadBars.rows` gives them. Steps that add nothing to either are left out.

    Raises WsvizError where one of the two has no row.
    """
    import pandas as pd

    if missing := {more, less} - set(rows):
        raise WsvizError(f"there is no row {min(missing)!r}; there are {', '.join(rows)}: choose it in the widget")
    view = view_of({name: rows[name] for name in (more, less)})
    sums, counted = [0.0, 0.0], {}
    for step, names in STEPS:
        added = [
            sum(part for category, part in zip(view.categories, bar.parts, strict=True) if category.name in names)
            for bar in view.bars
        ]
        if any(added):
            sums = [before + part for before, part in zip(sums, added, strict=True)]
            counted[step] = [*sums, sums[0] / sums[1]]
    return pd.DataFrame.from_dict(counted, orient="index", columns=[more, less, "ratio"]).round(1)


def delays(mechanism: str) -> list[float]:
    """How long each update was on its way from the server's knowing to the page, in milliseconds.

    A client's clock starts when the server begins to serve it: at its first request, by WebSocket at the 101.
    """
    connection = recording(RECORDINGS[mechanism]).connections[0]
    exchanges = connection.exchanges
    start = exchanges[0].end_time if mechanism == SOCKET else exchanges[0].request_time
    arrivals: list[Any]
    if mechanism == SOCKET:
        arrivals = [message.time for message in connection.messages]
    elif mechanism == "streaming":
        arrivals = [*piece_times(exchanges[0])]
    elif mechanism == "server-sent events":
        arrivals = [time for exchange in exchanges for time in _event_times(exchange.response_body)]
    else:
        arrivals = [exchange.end_time for exchange in exchanges if exchange.response_body.length]
    assert start is not None, "the recordings are whole"
    return [(time - start) / 1e6 - update.at * 1e3 for time, update in zip(arrivals, UPDATES, strict=True)]


def _event_times(body: Any) -> list[int]:
    """When the chunk that ends each dispatched event came: by the bytes of the body that the event ends after."""
    times, read = [], 0
    ends = [event.end for event in parse_event_stream(body.read()) if event.dispatched]
    for start, end in body.pieces:
        read += end - start
        while ends and ends[0] <= read:
            del ends[0]
            times.append(body.direction.time_at(end - 1))
    return times


def pair_delays() -> pd.DataFrame:
    """How long each update of `latency` was on its way, in milliseconds: a row for each pair, each mechanism's two.

    An update says in `at` when the server knew it, in seconds of a clock that starts as for `delays`, on the server's
    wire. It arrives with its last byte on the client's wire.
    """
    import pandas as pd

    # In the order of their first packets: each mechanism's on the client's wire, and then on the server's.
    asking, asked, listening, told = recording("latency").connections
    bodies: list[Any] = [(exchange.end_time, exchange.response_body.read()) for exchange in asking.exchanges]
    messages: list[Any] = [(message.time, message.data) for message in listening.messages]
    columns: dict[tuple[str, str], list[float]] = {}
    for mechanism, start, arrivals in (
        ("long polling", asked.exchanges[0].request_time, bodies),
        (SOCKET, told.exchanges[0].end_time, messages),
    ):
        assert start is not None, "the recording is whole"
        taken = [(time - start) / 1e6 - json.loads(data)["at"] * 1e3 for time, data in arrivals]
        columns |= {(mechanism, "first"): taken[::2], (mechanism, "second"): taken[1::2]}
    pairs = pd.DataFrame(columns)
    return pairs.set_axis(pairs.index + 1).rename_axis("pair")


FRAME = 9  # bytes before each frame of HTTP/2 (RFC 9113, section 4.1)
HOPS = ("connection", "keep-alive", "upgrade", "transfer-encoding")  # HTTP/2 has none of them (8.2.2)


def header_frame(head: Request | Response, known: Iterable[Request | Response]) -> int:
    """Bytes, at most, of the HTTP/2 frame with these header fields, where `known` heads were sent before.

    By HPACK (RFC 7541) a field that was sent before is one byte, its place in a table. Of another one the value is
    sent, and the name if that is new; both as they are, though Huffman's code would make them shorter.
    """
    before = {field for other in known for field in _fields(other)}
    names = {name for name, _ in before}
    size = FRAME
    for name, value in _fields(head):
        new_name = 0 if name in names else len(name)
        size += 1 if (name, value) in before else 3 + new_name + len(value)
    return size


def _fields(head: Request | Response) -> set[tuple[str, str]]:
    """A head as HTTP/2 has it: its first line in fields of its own, names in lower case."""
    fields = {(name.lower(), value) for name, value in head.headers if name.lower() not in HOPS}
    if isinstance(head, Response):
        return fields | {(":status", str(head.status))}
    host = head.header("Host") or ""
    first = {(":method", head.method), (":scheme", "http"), (":authority", host), (":path", head.target)}
    return {field for field in fields if field[0] != "host"} | first


def http2_bytes() -> float:
    """Bytes of HTTP/2 frames, without payload, that an update of `poll` would cost over HTTP/2."""
    exchanges, total = recording("poll").connections[0].exchanges, 0
    requests: list[Request] = []
    responses: list[Response] = []
    for exchange in exchanges:
        request, response = exchange.request_head, exchange.response_head
        assert response is not None, "the recording has an answer to each poll"
        total += header_frame(request, requests) + header_frame(response, responses)
        total += FRAME if exchange.response_body.length else 0
        requests.append(request)
        responses.append(response)
    return total / len(UPDATES)


# ---- The own ratio ----


def _row(mechanism: str) -> dict[str, Any]:
    """The mechanism's row of `compare`."""
    table = compare({mechanism: recording(RECORDINGS[mechanism])})
    return {str(name): value for name, value in table.loc[mechanism].items()}


def _ratios(answer: Any) -> list[str]:
    """Judge the two ratios of `own_ratio`."""
    given = several(answer)
    if given is None or len(given) != 2:
        return ["The answer is a pair of numbers: by the headers only, and on the wire."]
    polls, socket = _row(POLLS), _row(SOCKET)
    headers, wire = polls["http_header"] / socket["ws_header"], polls["bytes"] / socket["bytes"]
    with_body = (polls["http_header"] + polls["http_body"]) / (socket["ws_header"] + socket["ws_payload"])
    exchange = next(each for each in recording("poll").connections[0].exchanges if each.response_body.length)
    heads = exchange.request_length + exchange.response_length - exchange.response_body.length
    turned = "That is how much of the polls' bytes WebSocket takes. Divide the other way round."
    article = "That is the article's. Take the bytes of the table."
    slips = (
        {
            heads
            / socket["ws_header"]: "That is one poll that brought something. The polls in vain have headers too.",
            polls["http_header"] / socket["http_header"]: "That divides by the opening handshake. A message's own "
            "header is in ws_header.",
            with_body: "That counts the payload too.",
            wire: "That is the second number.",
            871 / 2: article,
            909 / 2: article,
            1 / headers: turned,
        },
        {
            headers: "That is the first number.",
            with_body: "That leaves out TCP/IP, the bare ACKs and the opening handshake.",
            polls["packets"] / socket["packets"]: "That is a ratio of packets, which are of different sizes.",
            1 / wire: turned,
        },
    )
    wrong = [f"By headers: {said}" for said in judge_number(headers, near=0.5, slips=slips[0])(given[0])]
    return wrong + [f"On the wire: {said}" for said in judge_number(wire, near=0.05, slips=slips[1])(given[1])]


# ---- Where the lines cross ----


def _crossing() -> tuple[float, float]:
    """How many bytes more WebSocket's opening takes than streaming's, and how many it saves by the update."""
    stream, socket = _row("streaming"), _row(SOCKET)
    return socket["fixed_bytes"] - stream["fixed_bytes"], stream["marginal_bytes"] - socket["marginal_bytes"]


def _break_even() -> int:
    opening, saved = _crossing()
    return floor(opening / saved) + 1


def _crossed_wrongly() -> Mapping[float, str]:
    """Numbers of updates that a known mistake gives."""
    (opening, saved), socket = _crossing(), _row(SOCKET)
    same = "So many updates make both cost the same. From the next whole number on, one costs less."
    said = {
        opening / saved: same,
        opening / round(saved, 1): same,  # as the notebook prints them
        float(_break_even() - 1): "At so many, WebSocket does not cost less yet.",
        opening / socket["marginal_bytes"]: "That asks how many frames the dearer opening is worth. A streamed "
        "update costs something as well: what counts is the difference.",
        socket["fixed_bytes"] / saved: "A stream has to be opened too: take the difference of the fixed bytes.",
        opening: "That is how many bytes more the opening costs. After how many updates are they saved?",
        float(socket["updates"]): "So many updates were recorded. Which of the two took fewer bytes for them?",
    }
    return {
        near: words
        for slip, words in said.items()
        for near in (slip, floor(slip), floor(slip) + 1, *(round(slip, digits) for digits in (1, 2, 3)))
        if near != _break_even()
    }


# ---- Five applications ----

SCENARIOS = {
    "mail": Need(updates=6, within=300),
    "alarms": Need(updates=0.1, within=10),
    "alarms behind a proxy": Need(updates=0.1, within=10, blocked=True),
    "ticker": Need(updates=3600, within=0.2),
    "game": Need(updates=10 * 3600, within=0.05, sent=10 * 3600),
}
"""The applications of the exercise `winners`."""
LETTERS = {"P": POLLS, "L": "long polling", "E": "event stream", "W": SOCKET}


def _judge_winners(answer: Any) -> list[str]:
    given = [each for each in re.split(r"[\s,;]*", answer) if each] if isinstance(answer, str) else several(answer)
    letters = [each.strip().upper() if isinstance(each, str) else "" for each in given or ()]
    if len(letters) != len(SCENARIOS) or not set(letters) <= set(LETTERS):
        return [f"The answer is a text of {len(SCENARIOS)} letters, each of them one of {', '.join(LETTERS)}."]
    pairs = zip(SCENARIOS.items(), letters, strict=True)
    return [said for (name, need), letter in pairs for said in _not_that(name, need, LETTERS[letter])]


def _not_that(name: str, need: Need, taken: str) -> list[str]:
    """What speaks against a mechanism, of the numbers."""
    decided = decide(need)
    if taken == decided.choice:
        return []
    ways = {way.name: way for way in decided.ways}
    way, best = ways[taken], ways[decided.choice]
    if way.cannot:
        return [f"{name}: {taken} will not do. {way.cannot.removeprefix('no: ').capitalize()}."]
    if way.hourly <= best.hourly:
        return [f"{name}: {taken} saves less than a quarter of the bytes, and there is something simpler."]
    times = f"{way.hourly / best.hourly:,.1f} times the bytes of something else that will do"
    return [f"{name}: {taken} costs {times}."]


EXERCISES = (
    Exercise(
        "12.own_ratio",
        Kind.COMPUTE,
        "A ratio of your own",
        "How many bytes does short polling take for each byte of WebSocket, in the table above? Answer with "
        "a pair: by the headers only (HTTP's to the frame's), and on the wire, every byte counted.",
        why="The same recordings give both numbers. A ratio without what was counted says nothing.",
        code="from wsviz.lessons.cost_lesson import race\n\n"
        "table = compare(race())\n"
        'polls, socket = table.loc["short polling"], table.loc["WebSocket"]\n'
        'headers = polls["http_header"] / socket["ws_header"]\n'
        'answer = headers, polls["bytes_per_update"] / socket["bytes_per_update"]',
        hints=(
            "The header of a frame is in ws_header. WebSocket's own http_header is the opening handshake.",
            'table.loc["short polling", "bytes_per_update"] is one of the four numbers that you need.',
        ),
        judge=_ratios,
    ),
    Exercise(
        "12.large_messages",
        Kind.PREDICT,
        "Larger messages",
        "Take messages of 100,000 bytes instead of 25, and all else as it was. What becomes of the ratio of short "
        "polling to WebSocket on the wire?",
        why="Headers are the same for any message. What is large pays for itself, by any mechanism.",
        code='answer = "c"',
        hints=("Which bytes grow with the message, and for whom?",),
        choices=(
            Choice(
                "a",
                "it stays: the mechanisms are the same",
                "Their headers are the same, and count for less where the payload is large.",
            ),
            Choice(
                "b",
                "it grows: more bytes, more to save",
                "What WebSocket saves are headers, and there are no more of them.",
            ),
            Choice("c", "it falls to nearly 1"),
            Choice(
                "d",
                "it falls below 1: HTTP was made for large things",
                "A large frame has at most 14 bytes of header. An exchange has more.",
            ),
        ),
    ),
    Exercise(
        "12.break_even",
        Kind.COMPUTE,
        "From how many on?",
        "From how many updates on does WebSocket take fewer bytes in all than streaming, by the numbers above?",
        why="The dearer opening is paid back by what each update saves. Up to then, streaming is cheaper.",
        code="from math import floor\n\n"
        "from wsviz.lessons.cost_lesson import race\n\n"
        "table = compare(race())\n"
        'stream, socket = table.loc["streaming"], table.loc["WebSocket"]\n'
        'opening = socket["fixed_bytes"] - stream["fixed_bytes"]\n'
        'saved = stream["marginal_bytes"] - socket["marginal_bytes"]\n'
        "answer = floor(opening / saved) + 1",
        hints=(
            "How many bytes does WebSocket take more before the first update? How many does it save at each?",
            "Both cost the same where the one is the other, times the updates.",
        ),
        judge=judge_number(_break_even, unit="updates", slips=_crossed_wrongly),
    ),
    Exercise(
        "12.header_compression",
        Kind.PREDICT,
        "The same polls by HTTP/2",
        "HTTP/2 compresses header fields. What becomes of the ratio of short polling to WebSocket on the wire, for "
        "our 30 updates?",
        why="A field that was sent before takes a byte. The polls in vain are still there, and so are their packets.",
        code='answer = "b"',
        hints=("Which fields of a request are the same as in the one before?", "What is not a header field?"),
        choices=(
            Choice(
                "a",
                "it stays: the fields must come with each request",
                "They do, but each side remembers a table of them. A place in it is enough.",
            ),
            Choice("b", "it falls by about a half, and polling still costs more"),
            Choice(
                "c",
                "it falls below 1: nothing is left of the headers",
                "Of the headers little is left. Packets, their ACKs and the polls in vain are left.",
            ),
            Choice(
                "d",
                "there are no polls any more: HTTP/2 can push",
                "What HTTP/2 calls push was for files that a page would ask for. No script hears of it, and browsers "
                "gave it up.",
            ),
        ),
    ),
    Exercise(
        "12.winners",
        Kind.COMPUTE,
        "Five applications",
        "What would you take for each of the five: P short polling, L long polling, E an event stream, W WebSocket? "
        'Answer with five letters, such as "WWWWW".',
        why="Four of them need no WebSocket. Where both sides say much, and at once, nothing else comes near it.",
        code='answer = "PELEW"',
        hints=(
            "How many polls an hour would be in vain? Does the page say anything? What stands in between?",
            'decision(SCENARIOS["mail"]) counts for you.',
        ),
        judge=_judge_winners,
    ),
)
