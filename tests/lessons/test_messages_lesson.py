"""Lesson 06's exercises: right answers, each misconception, nothing; and the recordings that its text relies on."""

from __future__ import annotations

from itertools import groupby

from tests.lessons.feed import feed
from wsviz import Connection, Frame, Opcode, Side, StreamDecoder, decode_stream
from wsviz.figures.timeline_stretch import stretch_of
from wsviz.figures.timeline_view import TimelineView, view_of
from wsviz.lessons import recording
from wsviz.lessons.messages_lesson import DOUBTFUL, STORY

KEYS = tuple(bytes([number]) * 4 for number in range(1, 5))


def pieces(*parts: str, first: int = Opcode.TEXT, fins: str = "", others: int = Opcode.CONTINUATION) -> list[Frame]:
    """A client's frames with these payloads; FIN is set on the last, or where `fins` says 1."""
    fins = fins or "0" * (len(parts) - 1) + "1"
    return [
        Frame(others if number else first, part.encode(), fin=fin == "1", masking_key=KEYS[number])
        for number, (part, fin) in enumerate(zip(parts, fins, strict=True))
    ]


def test_exercises() -> None:
    frames = recording("fragments").frames
    pong = int(frames.loc[frames["opcode"] == Opcode.PONG, "packet"].iloc[0])
    paused = frames.loc[frames["connection"] == frames.loc[frames["opcode"] == Opcode.PING, "connection"].iloc[0]]
    first, _, second, *_ = paused.loc[paused["sender"] == "client", "packet"]
    good = pieces("one ", "long ", "story")
    feed(
        "06",
        right={
            "onmessage_count": ["C)"],
            "three_fragments": [
                pieces("o", "", STORY[1:]),
                b"".join(frame.serialize() for frame in good),
                "".join(frame.serialize().hex() for frame in good),
                [*good[:2], Frame.ping(masking_key=KEYS[3]), good[2]],
            ],
        },
        wrong={
            "onmessage_count": [("e", "none of the answers")],
            "when_pong": [("pong", "none of the answers")],
            "interleaved_ping": [
                (pong, "the answer, opcode 10"),
                (first, "the first half of the text"),
                (second, "the second half of the text"),
                (first + 2, "No frame ends in that packet"),
                (frames["packet"].iloc[-1], "a frame of opcode 8, from the"),
                (0, "too small"),
                (10_000, "too large"),
            ],
            "three_fragments": [
                (pieces(STORY), "Data frames: 1. Three are asked for"),
                (pieces("one ", "long story"), "Data frames: 2"),
                (pieces("one ", "long ", "sto", "ry"), "Data frames: 4"),
                (pieces("one ", "long ", "story", fins="111"), "Frame 1: a continuation frame, expected text"),
                (pieces("one ", "long ", "story", fins="000"), "FIN is 0 in the last frame"),
                (pieces("one ", "long ", "story", fins="111", others=Opcode.TEXT), "Data frame 1 has opcode 1, text"),
                (pieces("one ", "long ", "story", others=Opcode.TEXT), "expected the rest of frame 0's message"),
                (pieces("one ", "long ", "story", first=Opcode.BINARY), "The message is binary"),
                (pieces("one", "long", "story"), "b'onelongstory'"),
                ([Frame(Opcode.TEXT, b"one ", fin=False), *good[1:]], "MASK"),
                (b"".join(frame.serialize() for frame in good)[:-1], "is too short for a frame"),
                (STORY, "no run of hex digits"),
            ],
            "first_refusal": [
                (0, "the next frame may complete that"),
                (1, "which may yet be completed"),
                (3, "The last frame brings plain ASCII"),
                (4, "too large"),
                (1007, "too large"),
            ],
        },
    )


def test_the_doubtful_text_is_refused_once_and_early() -> None:
    decoder = StreamDecoder("server")
    found = [decoder.feed(frame.serialize()).findings for frame in DOUBTFUL]
    assert [[finding.close_code for finding in step] for step in found] == [[], [], [1007], []]
    assert [finding.rule for finding in found[2]] == ["text-not-utf8"]


def cut(path: str) -> Connection:
    """The connection of `fragments` with this path."""
    fragments = recording("fragments")
    targets = list(fragments.exchanges["target"])
    assert list(fragments.exchanges["connection"]) == list(range(len(fragments.connections)))  # as the notebook zips
    return fragments.connections[targets.index(path)]


def shown(path: str, side: str) -> TimelineView:
    return view_of(stretch_of(cut(path), side=side))


def test_segments_are_no_messages() -> None:
    one = shown("/one-byte-segments", "client")
    brought = [sum(event.number > 0 for event in segment.events) for segment in one.segments]
    assert brought == [0] * 10 + [1, 0]
    five = shown("/five-in-one-segment", "client")
    assert [sum(event.number > 0 for event in segment.events) for segment in five.segments] == [5, 0]
    lengths = view_of(stretch_of(recording("lengths").connections[0], side="client", first=5))
    assert len(lengths.frames[0].frame.payload) == 65_536
    assert 1000 < max(segment.end - segment.start for segment in lengths.segments) < 1500


def test_a_frame_lies_beside_the_101() -> None:
    beside = cut("/beside-the-101")
    assert beside.frames[0].sender is Side.SERVER
    assert beside.frames[0].packets == (beside.exchanges[0].response_packet,)


def test_the_pong_does_not_wait_for_the_message() -> None:
    frames = [(each.sender, each.frame.opcode) for each in cut("/ping-between-fragments").frames[:5]]
    assert [opcode for sender, opcode in frames if sender is Side.CLIENT] == [
        Opcode.TEXT,
        Opcode.PING,
        Opcode.CONTINUATION,
    ]
    assert [opcode for sender, opcode in frames if sender is Side.SERVER] == [Opcode.PONG, Opcode.TEXT]


def test_no_fragment_is_a_text_and_the_message_is_one() -> None:
    connection = cut("/characters-cut")
    fragments = [each.frame.payload for each in connection.frames[:4]]
    assert all("\N{REPLACEMENT CHARACTER}" in payload.decode(errors="replace") for payload in fragments)
    text = b"".join(fragments).decode()
    assert "😃" in text
    assert "€" in text
    assert not connection.findings


def test_another_message_between_fragments_has_the_two_faults_of_the_text() -> None:
    mixed = (Frame(Opcode.TEXT, b"Good ", fin=False), Frame.text("Hi!"), Frame(Opcode.CONTINUATION, b"day"))
    stream = decode_stream(b"".join(frame.serialize() for frame in mixed), sender="server")
    assert [finding.rule for finding in stream.findings] == ["message-interrupted", "continuation-without-message"]
    assert {finding.close_code for finding in stream.findings} == {1002}


def test_three_frames_come_back_as_one() -> None:
    messages = recording("echo").messages
    fragmented = messages[messages["frames"] == 3]
    assert list(fragmented["sender"]) == ["client"]
    text = fragmented["text"].iloc[0]
    assert list(messages.loc[messages["text"] == text, "frames"]) == [3, 1]


def test_both_sides_write_and_each_keeps_its_order() -> None:
    duplex = recording("duplex")
    runs = [len(list(run)) for _, run in groupby(duplex.messages["sender"])]
    assert len(runs) > 10, "the sides take turns no longer"
    assert max(runs) > 1, "as if one answered the other"
    for _, texts in duplex.messages.groupby("sender")["text"]:
        assert list(texts) == [f"{number} of 20" for number in range(1, 21)]
    assert list(duplex.frames["opcode"]).count(Opcode.CLOSE) == 2
