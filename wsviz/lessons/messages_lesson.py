"""Exercises of lesson 06: messages, frames, segments."""

from __future__ import annotations

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_frames, judge_number
from wsviz.lessons.recordings import recording
from wsviz.protocol.frames import Frame
from wsviz.protocol.stream import StreamDecoder
from wsviz.protocol.wire import Opcode, opcode_name

STORY = "one long story"

DOUBTFUL = (
    Frame(Opcode.TEXT, b"2 \xe2\x82", fin=False),
    Frame(Opcode.CONTINUATION, b"\xac: caf\xc3", fin=False),
    Frame(Opcode.CONTINUATION, b"(, tea", fin=False),
    Frame(Opcode.CONTINUATION, b" or milk"),
)
"""What a server sends as one text. It is no UTF-8, and does not show that at once."""


def _story(frames: list[Frame]) -> list[str]:
    data = [frame for frame in frames if not frame.is_control]
    if len(data) != 3:
        return [f"Data frames: {len(data)}. Three are asked for."]
    wrong = []
    for number, frame in enumerate(data[1:], 1):
        if frame.opcode != Opcode.CONTINUATION:
            name = opcode_name(frame.opcode)
            wrong.append(f"Data frame {number} has opcode {frame.opcode}, {name}: it begins a message of its own.")
    if wrong:
        return wrong
    if data[0].opcode != Opcode.TEXT:
        wrong.append(f"The message is {opcode_name(data[0].opcode)}, as its first frame says; a text is asked for.")
    if not data[-1].fin:
        wrong.append("FIN is 0 in the last frame: the receiver waits for more, and delivers nothing.")
    payload = b"".join(frame.payload for frame in data)
    if payload != STORY.encode():
        wrong.append(f"Put together, the payloads are {payload[:40]!r}, and {STORY.encode()!r} is asked for.")
    return wrong


def _first_refusal() -> int:
    """The first of the doubtful frames after which a decoder has something to say."""
    decoder = StreamDecoder("server")
    return next(number for number, frame in enumerate(DOUBTFUL) if decoder.feed(frame.serialize()).findings)


def _around_the_ping() -> dict[str, int]:
    """The packets of the connection with a ping between two fragments."""
    frames = recording("fragments").frames
    pings = frames[frames["opcode"] == Opcode.PING]
    there = frames[frames["connection"] == pings["connection"].iloc[0]]
    halves = there[(there["sender"] == "client") & (there["opcode"] <= Opcode.BINARY)]
    return {
        "ping": int(pings["packet"].iloc[0]),
        "pong": int(there.loc[there["opcode"] == Opcode.PONG, "packet"].iloc[0]),
        "first": int(halves["packet"].iloc[0]),
        "last": int(halves["packet"].iloc[-1]),
    }


def _not_the_ping() -> dict[float, str]:
    """Every other packet of the recording, and what it brings."""
    capture = recording("fragments")
    said = dict.fromkeys(capture.packets["packet"].astype(float), "No frame ends in that packet.")
    for _, frame in capture.frames.iterrows():
        said[float(frame["packet"])] = (
            f"That packet brings a frame of opcode {frame['opcode']}, from the {frame['sender']}."
        )
    packet = _around_the_ping()
    return said | {
        packet["pong"]: "That packet brings the pong, from the server: the answer, opcode 10.",
        packet["first"]: "That packet brings the first half of the text: its FIN is 0, so more is to come.",
        packet["last"]: "That packet brings the second half of the text. What came between the halves?",
    }


EXERCISES = (
    Exercise(
        "06.onmessage_count",
        Kind.PREDICT,
        "How many messages?",
        "/one-byte-segments brings one text frame in eleven segments, /five-in-one-segment five text frames in one "
        "segment. How often is the server's application told of a message, on the one and on the other?",
        why="A message is there when its last frame is whole. How many segments brought it does not matter.",
        code='answer = "c"',
        hints=(
            "The server puts the bytes together again before it looks for frames.",
            "Every one of these frames has FIN 1. What does that say?",
        ),
        choices=(
            Choice("a", "11 times, and once", "That counts segments, which know nothing of frames."),
            Choice(
                "b",
                "never, and once",
                "A byte alone is no frame, true, but the receiver keeps it until the others are there.",
            ),
            Choice("c", "once, and 5 times"),
            Choice("d", "once, and once", "Sent together is not one message: each of the five frames has FIN 1."),
        ),
    ),
    Exercise(
        "06.when_pong",
        Kind.PREDICT,
        "A ping in between",
        "A client sends the first half of a text, FIN 0, and then a ping. The second half is still to come. "
        "What does the server do?",
        why="RFC 6455, section 5.4: control frames may come between the frames of a message. They are dealt with "
        "when they come, and the message stays open.",
        code='answer = "a"',
        hints=("What would a ping be good for if it had to wait for the end of a message that takes a minute?",),
        choices=(
            Choice("a", "it sends a pong at once"),
            Choice(
                "b",
                "it sends a pong when the message is complete",
                "The message may take its time. A ping asks whether somebody is there now.",
            ),
            Choice(
                "c",
                "it fails the connection: a message is open",
                "A new text would be an error here. But is a ping a piece of any message?",
            ),
            Choice(
                "d",
                "it adds the ping's bytes to the text",
                "Only continuation frames, opcode 0, add to a message. A ping says opcode 9.",
            ),
        ),
    ),
    Exercise(
        "06.interleaved_ping",
        Kind.FIND,
        "Find that ping",
        "In fragments.pcapng, which packet brings the ping that stands between two fragments?",
        why="Opcode 9, FIN 1, and a payload of its own: the text around it is not touched.",
        code='frames = recording("fragments").frames\n'
        'answer = frames.loc[frames["opcode"] == Opcode.PING, "packet"].iloc[0]',
        hints=(
            "fragments.frames has the columns sender, opcode, fin and packet. A ping has opcode 9.",
            'fragments.frames.query("opcode == 9") leaves the pings.',
        ),
        judge=judge_number(lambda: _around_the_ping()["ping"], slips=_not_the_ping),
    ),
    Exercise(
        "06.three_fragments",
        Kind.BUILD,
        "A message in three frames",
        f"Build the text {STORY!r} as a client sends it in three frames. Where you cut it is up to you. "
        "Answer with a list of Frames, or with bytes.",
        why="The first frame says what it is, text; the others say continuation; the last one has FIN 1.",
        code="first, second, third = (bytes.fromhex(key) for key in ('5d20a1f4', '0877c31e', '914b2e60'))\n"
        "answer = [\n"
        '    Frame(Opcode.TEXT, b"one ", fin=False, masking_key=first),\n'
        '    Frame(Opcode.CONTINUATION, b"long ", fin=False, masking_key=second),\n'
        '    Frame(Opcode.CONTINUATION, b"story", masking_key=third),\n'
        "]",
        hints=(
            "Opcodes: text, continuation, continuation. FIN: 0, 0, 1. And who must mask?",
            'Frame(Opcode.TEXT, b"one ", fin=False, masking_key=bytes.fromhex("5d20a1f4")) is a first frame.',
        ),
        judge=judge_frames("client", _story),
    ),
    Exercise(
        "06.first_refusal",
        Kind.COMPUTE,
        "When is it too late?",
        f"The {len(DOUBTFUL)} frames above are one text from a server, and no UTF-8. After which frame, counted "
        "from 0, can a receiver know that?",
        why="c3 begins a character of two bytes, and 28 cannot be its second: whatever follows, this is no UTF-8. "
        "The receiver fails the connection with 1007.",
        code="from wsviz.lessons.messages_lesson import DOUBTFUL\n\n"
        'decoder = StreamDecoder("server")\n'
        "found = [decoder.feed(frame.serialize()).findings for frame in DOUBTFUL]\n"
        "answer = next(number for number, findings in enumerate(found) if findings)",
        hints=(
            "A character that is cut is no fault yet. At which byte could no next byte make it right any more?",
            "Feed a StreamDecoder one frame after the other, and look at the findings of each step.",
        ),
        judge=judge_number(
            _first_refusal,
            slips={
                0: "It ends within a character, e2 82, and the next frame may complete that.",
                1: "It begins with ac, which completes e2 82, and ends with c3, which may yet be completed.",
                3: "The last frame brings plain ASCII. Was the fault not visible before?",
            },
        ),
    ),
)
