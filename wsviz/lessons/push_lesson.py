"""Exercises of lesson 02: push before WebSocket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

from wsviz.figures.figure import plain
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number
from wsviz.lessons.recordings import recording
from wsviz.protocol.event_stream import Event, parse_event_stream

_LINE = "A line is a name in lower case, from its first character on, then a colon, then the value."

PRICE = {"id": 31, "price": 101.25}
"""What the event to be built tells."""


def _polls() -> tuple[int, int]:
    """Answers to the polls: the empty ones, and all."""
    statuses = recording("poll").exchanges["status"]
    return int((statuses == 204).sum()), len(statuses)


def _slips_at_share() -> Mapping[float, str]:
    empty, polls = _polls()
    percent, updates = 100 * empty / polls, polls - empty
    in_percent = "That is a number of percent, and a share lies between 0 and 1."
    return {
        empty: "That is how many are empty. Of how many?",
        updates: "That is how many brought an update. Which share of all answers did not?",
        **{round(percent, digits): in_percent for digits in range(4)},
        empty / updates: "That compares the empty answers with the others. Which share of all of them are empty?",
        updates / polls: "That is the share of answers with an update.",
    }


def _ends() -> tuple[list[int], set[int]]:
    """Where chunks of the first event stream end, and where events do, in bytes of the body."""
    answer = recording("sse").connections[0].exchanges[0]
    chunks = accumulate(end - start for start, end in answer.response_body.pieces)
    return [*chunks], {event.end for event in parse_event_stream(answer.response_body.read())}


def _cut() -> int:
    chunks, events = _ends()
    return next(end for end in chunks if end not in events)


def _slips_at_cut() -> Mapping[float, str]:
    chunks, events = _ends()
    answer = recording("sse").connections[0].exchanges[0]
    number = chunks.index(_cut()) + 1
    slips: dict[float, str] = {
        end: "A chunk ends there, and an event ends with it." for end in chunks if end in events
    }
    slips[number] = "That is the number of a chunk. Count the bytes up to its end."
    in_all = answer.response_body.pieces[number - 1][1]
    slips[in_all] = "That counts header and chunk sizes too. The body is the stream alone."
    return slips


def _price_event(answer: Any) -> list[str]:
    if not isinstance(answer, (str, bytes, bytearray)):
        return [f"This is of type {type(answer).__name__}, and the answer is the text or the bytes of a stream."]
    stream = answer.encode(errors="replace") if isinstance(answer, str) else bytes(answer)
    blocks = parse_event_stream(stream)
    heard = [block for block in blocks if block.dispatched]
    if len(heard) == 1:
        return _faults(heard[0])
    if heard:
        return [f"A browser dispatches {len(heard)} events, and one is asked for: each empty line ends one."]
    if any(block.data for block in blocks):
        return ["No empty line ends the event: the browser waits for more of it."]
    meant = next((line for line in stream.decode(errors="replace").splitlines() if "data" in line.lower()), "")
    begins = f"One begins with {_shown(meant[:8])}. " if meant else ""
    return [f"A browser dispatches nothing: no line gives data. {begins}{_LINE}"]


def _faults(event: Event) -> list[str]:
    wrong = []
    if event.id != str(PRICE["id"]):
        wrong.append(f"Its id is {_shown(event.id)}. A line of its own gives it, and begins with the name id.")
    if event.type != "price":
        wrong.append(f"Its type is {_shown(event.type)}. A line of its own gives it, and begins with the name event.")
    try:
        if json.loads(event.data) != PRICE:
            wrong.append(f"Its data is JSON, but {_shown(event.data)} says something else than asked for.")
    except (ValueError, RecursionError):
        wrong.append(f"Its data is {_shown(event.data)}, which is no JSON.")
    return wrong


def _shown(text: str) -> str:
    return f'"{plain(text)[:60]}"' if text else "empty"


EXERCISES = (
    Exercise(
        "02.empty_share",
        Kind.COMPUTE,
        "Asked in vain",
        "In poll.pcapng, which share of the answers brought no update? Answer with a number between 0 and 1.",
        why="Each of them cost a request and a response with all their header fields.",
        code='statuses = recording("poll").exchanges["status"]\nanswer = (statuses == 204).mean()',
        hints=(
            'poll.exchanges has a row for each request, and its column "status" tells 204 from 200.',
            "Of a column of True and False, mean() is the share of True.",
        ),
        judge=judge_number(lambda: _polls()[0] / _polls()[1], near=0.005, slips=_slips_at_share),
    ),
    Exercise(
        "02.mean_delay",
        Kind.COMPUTE,
        "How stale is the page?",
        "A page polls every 20 seconds. Updates come at any time and have nothing to do with the polls. How many "
        "seconds does an update wait for its poll, on average?",
        why="Anything from no time to a whole period is equally likely, and half a period is the mean.",
        code="period = 20\nanswer = period / 2",
        hints=(
            "How long does an update wait that just missed a poll? How long one that comes right before a poll?",
            "No wait between these two is more likely than another. What is their mean?",
        ),
        judge=judge_number(
            10,
            unit="seconds",
            slips={
                20: "So long waits the update that just missed a poll: nobody waits longer.",
                0: "So long waits the update that comes right before a poll: nobody is luckier.",
                10_000: "That is a number of milliseconds.",
                75: "That would be milliseconds, and for polls every 150 ms.",
            },
        ),
    ),
    Exercise(
        "02.who_begins",
        Kind.PREDICT,
        "Pushed?",
        "Long polling is often said to let the server push. What does the server in longpoll.pcapng send without "
        "having been asked?",
        why="Every update is the response to a request. The server chooses when to answer, but never begins.",
        code='answer = "c"',
        hints=("Go to any response in the ladder. What stands right before it?",),
        choices=(
            Choice(
                "a",
                "every update",
                "Each update came in a response, and a response answers a request. Which one did it answer?",
            ),
            Choice(
                "b",
                "the 204s, when it has waited long enough",
                "A 204 is a response too: it says that there is nothing new for whoever asked.",
            ),
            Choice("c", "nothing at all"),
            Choice(
                "d",
                "updates that it learns of between a response and the next request",
                "It would have no request to answer then. Such an update waits, if only for a moment.",
            ),
        ),
    ),
    Exercise(
        "02.chunk_boundary",
        Kind.FIND,
        "Chunk or event",
        "In the first response of sse.pcapng, a chunk ends where no event does. After how many bytes of the body?",
        why="The server wrote its first line by itself, and its HTTP library made a chunk of each thing written. "
        "Who takes a chunk for an event is wrong here at once.",
        code="from itertools import accumulate\n"
        "from wsviz.protocol.event_stream import parse_event_stream\n"
        'response = recording("sse").connections[0].exchanges[0].response_body\n'
        "chunks = accumulate(end - start for start, end in response.pieces)\n"
        "events = {event.end for event in parse_event_stream(response.read())}\n"
        "answer = next(end for end in chunks if end not in events)",
        hints=(
            "The view numbers the chunks where they begin, and counts the bytes at the left.",
            "An event ends with an empty line. Which chunk begins where the line before is not empty?",
        ),
        judge=judge_number(_cut, unit="bytes", slips=_slips_at_cut),
    ),
    Exercise(
        "02.event_with_id",
        Kind.BUILD,
        "Write an event",
        "Write what a server sends for one event of type price with the id 31, whose data is the JSON "
        '{"id": 31, "price": 101.25}. Answer with text or bytes.',
        why="Three lines in any order, and the empty line that lets the browser dispatch the event.",
        code='answer = b\'id: 31\\nevent: price\\ndata: {"id": 31, "price": 101.25}\\n\\n\'',
        hints=(
            "Each field is a line: its name, a colon, its value. \\n ends a line.",
            "The names are id, event and data. What must follow the last of these lines?",
        ),
        judge=_price_event,
    ),
    Exercise(
        "02.last_event_id",
        Kind.PREDICT,
        "Where were we?",
        "Half of the updates have come when the server ends the response. The page has no code for that. How do the "
        "others reach it?",
        why="EventSource connects again by itself and names the last id that it has seen; what to send after that is "
        "the server's business.",
        code='answer = "b"',
        hints=("Each event carries an id. Who could make use of it?",),
        choices=(
            Choice(
                "a",
                "the browser sends the same request again, and gets everything from the beginning",
                "Then the page would see the first half twice. What do the events carry to prevent that?",
            ),
            Choice("b", "the browser asks again, and says which event it has seen last"),
            Choice(
                "c",
                "the server connects to the browser again, and goes on",
                "Nobody can connect to a browser: it listens on no port.",
            ),
            Choice(
                "d",
                "not at all, unless a script opens a new EventSource",
                "With fetch it would be so. An EventSource is there to spare the script just this.",
            ),
        ),
    ),
)
