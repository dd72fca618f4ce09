"""Exercises of lesson 00: one message end to end."""

from __future__ import annotations

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_number, judge_numbers
from wsviz.lessons.recordings import recording


def _upgrade(column: str) -> int:
    return int(recording("echo").exchanges.iloc[0][column])


def _header_sizes() -> list[float]:
    """Header bytes of "Hello" from the client, and of its echo."""
    return [len(each.dissection.raw) - 5 for each in recording("echo").connections[0].frames[:2]]


EXERCISES = (
    Exercise(
        "00.who_speaks_first",
        Kind.PREDICT,
        "After the 101",
        "The server has answered 101 Switching Protocols. Who may send the first frame?",
        why="There are no requests and no responses any more: each side sends when it likes.",
        code='answer = "c"',
        hints=("Asking and answering belong to HTTP. Which protocol is spoken after the 101?",),
        choices=(
            Choice("a", "the client: it asks, and the server answers", "That is HTTP's rule, and HTTP is over now."),
            Choice("b", "the server: it accepted the connection", "It may, but it has no privilege. Who else may?"),
            Choice("c", "either side, at any moment"),
        ),
    ),
    Exercise(
        "00.packet_of_101",
        Kind.FIND,
        "Find the 101",
        "Which packet of echo.pcapng carries the response 101? The table capture.exchanges knows.",
        why="Before it come TCP's three packets and the request; after it, nothing of HTTP is left.",
        code='from wsviz.lessons import recording\n\nanswer = recording("echo").exchanges["response_packet"][0]',
        hints=(
            "capture.exchanges has one row for each request and its response.",
            'The column packet is the request\'s; you want capture.exchanges["response_packet"].',
        ),
        judge=judge_number(
            lambda: _upgrade("response_packet"),
            slips=lambda: {_upgrade("packet"): "That packet carries the request. Which one carries the response?"},
        ),
    ),
    Exercise(
        "00.header_sizes",
        Kind.COMPUTE,
        "Hello, both ways",
        "How many bytes of header has the frame with Hello from the client, and how many has its echo? "
        "Answer with two numbers: (client, server).",
        why="Two bytes always; the client's frame has a masking key of four bytes besides.",
        code="from wsviz.lessons import recording\n\n"
        'first, second = recording("echo").connections[0].frames[:2]\n'
        "answer = tuple(len(each.dissection.raw) - len(each.frame.payload) for each in (first, second))",
        hints=(
            "len(hello.dissection.raw) counts all bytes of a frame. What has to be taken away?",
            "The header is everything before the payload, the masking key included. Hello has five letters.",
        ),
        judge=judge_numbers(
            _header_sizes,
            names=("header of the client's frame", "header of the server's frame"),
            slips=(
                {
                    11: "that is the whole frame, payload included",
                    7: "that leaves out the masking key and counts the payload; it should be the other way round",
                    2: "that is what stands before the masking key, which belongs to the header too",
                    4: "that is the masking key alone; two bytes stand before it",
                    5: "that is the payload",
                },
                {
                    7: "that is the whole frame, payload included",
                    6: "that would be with a masking key; is MASK 1 in the server's frame?",
                    4: "that would be a masking key; is MASK 1 in the server's frame?",
                    5: "that is the payload",
                },
            ),
        ),
    ),
)
