"""Exercises of lesson 07: control frames and closing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_frame, judge_number, octets
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import CloseCode, Opcode, opcode_name

BRACES = b"{}"
"""The body of the Close frame that a document prints."""


def _packets_with(opcode: Opcode, *, answered: bool | None = None) -> list[int]:
    """The packets of idle.pcapng that carry such frames; `answered` chooses among the pings."""
    frames = recording("idle").frames
    wanted = frames[frames["opcode"] == opcode]
    if answered is not None:
        wanted = wanted[wanted["round_trip"].notna() == answered]
    return [int(packet) for packet in wanted["packet"]]


def _not_the_ping() -> Mapping[float, str]:
    """What else may be taken for the ping without an answer."""
    said = dict.fromkeys(recording("idle").packets["packet"].astype(int), "No ping is in that packet.")
    said |= dict.fromkeys(_packets_with(Opcode.PING, answered=True), "That ping has its pong, with the same bytes.")
    said |= dict.fromkeys(_packets_with(Opcode.PONG), "That packet carries a pong: an answer, and no question.")
    said |= dict.fromkeys(_packets_with(Opcode.CLOSE), "That is a Close. Which question had nobody answered by then?")
    return {float(packet): words for packet, words in said.items()}


def _close_1000(frame: Frame) -> list[str]:
    if frame.opcode != Opcode.CLOSE:
        return [f"The opcode is {frame.opcode}, {opcode_name(frame.opcode)}; a Close is asked for."]
    if frame.close_code is None:
        return ["The body is empty. That is legal, but the client learns no code from it."]
    if frame.close_code != CloseCode.NORMAL_CLOSURE:
        return [f"The code in it is {frame.close_code}, and another one is asked for."]
    return []


_judge_frame = judge_frame(Side.SERVER, _close_1000)
_BODIES = {
    b"\xe8\x03": "Bytes 2 and 3 are e8 03, and that is 59,395: the more significant byte of a code comes first.",
    b"10": "Bytes 2 and 3 are 31 30, the digits 1 and 0 as text, and that is 12,592: a code is a number.",
}


def _judge_close(answer: Any) -> list[str]:
    data = octets(answer)
    if data[:2] == CloseCode.NORMAL_CLOSURE.to_bytes(2, "big"):
        return ["So a body may begin. A frame begins with two bytes of header: FIN and opcode, MASK and length."]
    return [_BODIES[data[2:4]]] if data[2:4] in _BODIES else _judge_frame(data)


def _closes_with(code: int) -> int:
    """How many Close frames of close_matrix.pcapng carry this code."""
    frames = (each.frame for one in recording("close_matrix").connections for each in one.frames)
    return sum(frame.opcode == Opcode.CLOSE and frame.close_code == code for frame in frames)


def _reported() -> Mapping[float, str]:
    """How many clients are told 1006, which is another question."""
    told = [each.ending.reports[Side.CLIENT] for each in recording("close_matrix").connections]
    clients = told.count(CloseCode.ABNORMAL_CLOSURE)
    return {clients: "So many clients report 1006: that is what their programs are told. What do the frames say?"}


EXERCISES = (
    Exercise(
        "07.missing_pong",
        Kind.FIND,
        "The missing pong",
        "In idle.pcapng, the server of /watched asks whether the client is still there, until nothing comes back. "
        "Which packet carries the ping that has no pong?",
        why="A pong repeats the bytes of its ping, so each answer finds its question, and this question has none.",
        code='frames = recording("idle").frames\n'
        'pings = frames[frames["opcode"] == Opcode.PING]\n'
        'answer = pings.loc[pings["round_trip"].isna(), "packet"].iloc[0]',
        hints=(
            "Walk down the ladder, and pair each ping with the pong that has the same bytes.",
            'recording("idle").frames has a column round_trip: how long a ping waited for its pong.',
        ),
        judge=judge_number(lambda: _packets_with(Opcode.PING, answered=False)[0], slips=_not_the_ping),
    ),
    Exercise(
        "07.build_close",
        Kind.BUILD,
        "Say that all is done",
        "Build the bytes of the Close frame with which a server ends a connection that has done its work. "
        "A reason is up to you.",
        why="FIN and opcode 8, the length, two bytes of code: 1000 says that the purpose is fulfilled.",
        code='answer = bytes.fromhex("88 02 03 e8")',
        hints=(
            "First byte: FIN and opcode 8. Second byte: MASK, and the length of the body.",
            "The code for a normal end is 1000. Written in hexadecimal, with two bytes: (1000).to_bytes(2).",
        ),
        judge=_judge_close,
    ),
    Exercise(
        "07.ladders",
        Kind.PREDICT,
        "Three ends",
        "Ladders A, B and C end in three ways. Which code does the program of the client get to see, each time?",
        why="A code that was sent, a word for a Close without a code, and a word for no Close at all.",
        code='answer = "c"',
        hints=(
            "Look for the Close of the server in each ladder. Has it a body? Is there one?",
            "An API reports a code in any case. Two numbers are set aside for what was not said.",
        ),
        choices=(
            Choice(
                "a",
                "A 1000, B 1000, C 1000",
                "In B nobody said 1000, and in C nobody said anything. An API does not invent what the peer said.",
            ),
            Choice(
                "b",
                "A 1000, B 1000, C 1006",
                "An end without a code may be a normal one, but nobody said so. The API does not guess.",
            ),
            Choice("c", "A 1000, B 1005, C 1006"),
            Choice(
                "d",
                "A 1000, B 1006, C 1005",
                "In B a Close came, and kept its reason to itself. In C none came. "
                "Which of the two deserves the word for an abnormal end?",
            ),
            Choice(
                "e",
                "A 1000, B nothing, C nothing",
                "The close event of an API has a number in any case. Where do numbers come from that nobody sends?",
            ),
        ),
    ),
    Exercise(
        "07.count_1006",
        Kind.FIND,
        "Who says 1006?",
        "How many Close frames of close_matrix.pcapng carry the code 1006?",
        why="Nobody sent it, and nobody may (RFC 6455, section 7.4.1): "
        "1006 is an API's own word for a Close that did not come.",
        code='frames = [each.frame for one in recording("close_matrix").connections for each in one.frames]\n'
        "closes = [frame for frame in frames if frame.opcode == Opcode.CLOSE]\n"
        "answer = sum(frame.close_code == 1006 for frame in closes)",
        hints=(
            "Each connection has its frames, and frame.close_code is None for those without a code.",
            "Count frames, not reports: what would have to arrive for the bytes 03 ee to be there?",
        ),
        judge=judge_number(lambda: _closes_with(1006), unit="frames", slips=_reported),
    ),
    Exercise(
        "07.right_code",
        Kind.PREDICT,
        "A picture for a text server",
        "A chat server takes text only. A client sends a picture: a binary message, each byte of its frames as it "
        "should be. With which code does the server close?",
        why="1003 is about the type of a message, 1007 about bytes that are not what their type promises.",
        code='answer = "b"',
        hints=("Was a rule of the protocol broken? Are the bytes wrong? Or is it the type that the server minds?",),
        choices=(
            Choice(
                "a",
                "1002, protocol error",
                "Binary messages are as legal as text. The client broke no rule of WebSocket.",
            ),
            Choice("b", "1003, unsupported data"),
            Choice(
                "c",
                "1007, invalid payload data",
                "Any bytes are valid as binary. That code is for a text, say, which is no UTF-8.",
            ),
            Choice(
                "d",
                "none: it skips the message",
                "It could do that, but the client would never learn. Which code tells it what is wrong?",
            ),
        ),
    ),
    Exercise(
        "07.braces",
        Kind.COMPUTE,
        "Two braces",
        "A document prints a Close frame with the payload {}. Which status code does a receiver read?",
        why="The first two bytes of a body are the code, whatever they were meant to be. "
        "7b 7d is in no range that WebSocket knows, so receivers answer 1002.",
        code='answer = int.from_bytes(b"{}", "big")',
        hints=(
            'Which bytes are the two braces? b"{}".hex(" ") tells.',
            "Take both bytes as one number of 16 bits, the first one being the more significant.",
        ),
        judge=judge_number(
            int.from_bytes(BRACES, "big"),
            slips={
                int.from_bytes(BRACES, "little"): "That reads the two bytes from the back.",
                sum(BRACES): "That adds the two bytes. The first one counts 256 times as much.",
                BRACES[0]: "That is the first byte alone. A code has two.",
                BRACES[1]: "That is the second byte alone. A code has two.",
                1000: "So it may have been meant, but those are other bytes.",
                1002: "So a receiver may answer. Which number does it read?",
                1005: "That is reported where the body is empty. This one has two bytes.",
                1006: "That is reported where no Close came. This one came.",
            },
        ),
    ),
)
