"""Exercises of lesson 04: frames, bit by bit."""

from __future__ import annotations

from collections.abc import Callable

from wsviz.lessons.exercise import Exercise, Kind
from wsviz.lessons.judging import judge_frame, judge_number, judge_numbers
from wsviz.lessons.recordings import recording
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import Opcode, apply_mask, count, opcode_name

LENGTHS = (0, 125, 126, 127, 65_535, 65_536)


def _binary_of(length: int) -> Callable[[Frame], list[str]]:
    def wanted(frame: Frame) -> list[str]:
        wrong = []
        if frame.opcode != Opcode.BINARY:
            wrong.append(f"The opcode is {frame.opcode}, {opcode_name(frame.opcode)}; a binary frame is asked for.")
        if not frame.fin:
            wrong.append("FIN is 0, so another frame would have to follow; a whole message is asked for.")
        if len(frame.payload) != length:
            wrong.append(f"The payload has {count(len(frame.payload), 'byte')}, and {length:,} are asked for.")
        return wrong

    return wanted


def _pong(frame: Frame) -> list[str]:
    wrong = []
    if frame.opcode != Opcode.PONG:
        wrong.append(f"The opcode is {frame.opcode}, {opcode_name(frame.opcode)}; a pong is asked for.")
    if apply_mask(frame.payload, frame.masking_key or bytes(4)) == b"ready?" != frame.payload:
        wrong.append("The ping's bytes stand in it as they are. MASK is 1, so the server unmasks them into others.")
    elif frame.payload != b"ready?":
        wrong.append(f"Unmasked, the payload is {frame.payload[:32]!r}, and the ping's is b'ready?'.")
    return wrong


def _header(length: int) -> int:
    """Bytes of header before `length` bytes of payload, without a masking key."""
    return len(Frame.binary(bytes(length)).serialize()) - length


def _slips_at_header(length: int) -> dict[int, str]:
    """What a client's header is taken for, if not for what it is."""
    header = _header(length)
    slips = {
        header + 4 + length: "that is the whole frame, payload included",
        4: "that is the masking key alone",
        header: "that is a server's header: it has no masking key",
    }
    if header == 4:
        slips |= {
            6: "so short is the header where seven bits hold the length, and they count to 125",
            7: "126 is a switch; the length after it takes two bytes, not one",
            14: "that is with 64 bits of length, and 16 hold this one",
        }
    if header == 10:
        slips |= {
            8: "that is with 16 bits of length, which end at 65,535",
            12: "the extended length takes eight bytes, the masking key four, and two bytes stand before both",
        }
    return slips


def _first_longer_than(length: int) -> int:
    """The packet with the first frame of more than `length` bytes of payload."""
    frames = recording("lengths").frames
    return int(frames.loc[frames["payload_length"] > length, "packet"].iloc[0])


def _slips_at_packet() -> dict[int, str]:
    frames = recording("lengths").frames
    long = frames.loc[frames["payload_length"] > 65_535, "packet"]
    return {
        int(long.iloc[-1]): "That frame has a 64-bit length, but another one comes before it.",
        _first_longer_than(125): "That frame has a 16-bit length.",
        _first_longer_than(126): "127 bytes of payload are a 16-bit length: 127 is a switch, not a size.",
        _first_longer_than(127): "That frame has a 16-bit length: 65,535 is the last one that fits.",
        65_536: "That is how long the payload is. Which packet does the frame begin in?",
    }


EXERCISES = (
    Exercise(
        "04.header_sizes",
        Kind.COMPUTE,
        "Headers of a client",
        "A client sends binary frames with 0, 125, 126, 127, 65,535 and 65,536 bytes of payload. "
        "How long is each header, in bytes, masking key included? Answer with six numbers.",
        why="Two bytes, then 0, 2 or 8 of extended length, then 4 of key.",
        code=f"key = bytes(4)\nlengths = {LENGTHS}\n"
        "answer = [len(Frame.binary(bytes(n), masking_key=key).serialize()) - n for n in lengths]",
        hints=(
            "Take the header of an unmasked frame of that length. What does a client add to it?",
            "125 is the last length that fits into seven bits, 65,535 the last that fits into sixteen.",
        ),
        judge=judge_numbers(
            [_header(length) + 4 for length in LENGTHS],
            names=tuple(f"{length:,} bytes of payload" for length in LENGTHS),
            slips=[_slips_at_header(length) for length in LENGTHS],
        ),
    ),
    Exercise(
        "04.build_126",
        Kind.BUILD,
        "A frame of 126 bytes",
        "Build the bytes of a whole binary message with 126 bytes of payload, as a client sends it. "
        "Write the header by hand, as hex; what the payload is and which key masks it are up to you.",
        why="126 no longer fits as itself: the seven bits say 126, and so do the next sixteen.",
        code='header = bytes.fromhex("82 fe 00 7e 00 00 00 00")\nanswer = header + bytes(126)',
        hints=(
            "First byte: FIN and the opcode for binary. Second byte: MASK, and the seven bits of length.",
            "With 126 in the seven bits, two bytes of length follow, the more significant one first; then the key.",
            "bytes(126) are 126 zero bytes, and + puts them behind the header.",
        ),
        judge=judge_frame("client", _binary_of(126)),
    ),
    Exercise(
        "04.build_65536",
        Kind.BUILD,
        "A frame of 65,536 bytes",
        "Now the same from the server, with 65,536 bytes of payload.",
        why="Sixteen bits end at 65,535. The switch 127 announces 64 bits, of which the first is always 0.",
        code='header = bytes.fromhex("82 7f 00 00 00 00 00 01 00 00")\nanswer = header + bytes(65_536)',
        hints=(
            "A server masks nothing, so there is no key, and MASK is 0.",
            "65,536 is 0x10000. Written in eight bytes, most of them are zero.",
        ),
        judge=judge_frame("server", _binary_of(65_536)),
    ),
    Exercise(
        "04.first_64_bit",
        Kind.FIND,
        "The first 64-bit length",
        "In lengths.pcapng, which packet begins the first frame whose length takes 64 bits?",
        why="Its seven bits say 127, and eight bytes of length follow.",
        code="from wsviz.lessons import recording\n\n"
        'frames = recording("lengths").frames\n'
        'answer = frames.loc[frames["payload_length"] > 65_535, "packet"].iloc[0]',
        hints=(
            "read_capture(...).frames has the columns payload_length and packet.",
            "Which lengths do not fit into sixteen bits?",
        ),
        judge=judge_number(
            lambda: _first_longer_than(65_535),
            slips=_slips_at_packet,
        ),
    ),
    Exercise(
        "04.wrong_row",
        Kind.FIND,
        "A published table",
        "An article prints these header sizes, from server / from client. Row 1: up to 125 bytes of payload, 2 / 6. "
        "Row 2: up to 65,535 bytes, 4 / 8. Row 3: more, 8 / 12. Which row is wrong?",
        why="The 64-bit length adds eight bytes to the first two: 10 and 14.",
        code="answer = 3",
        hints=("Build a frame of each size and count, or add up: 2 bytes, the extended length, the key.",),
        judge=judge_number(
            3,
            slips={
                1: "Two bytes hold FIN to length, and the key adds four: that row is right.",
                2: "Two bytes of 16-bit length come on top, and the key adds four: that row is right.",
            },
        ),
    ),
    Exercise(
        "04.build_pong",
        Kind.BUILD,
        "Answer a ping",
        "A server sends the ping 89 06 72 65 61 64 79 3f. Build the pong with which the client answers.",
        why="A pong echoes the ping's payload, and a client masks it like every frame.",
        code='answer = Frame.pong(b"ready?", masking_key=bytes.fromhex("37 fa 21 3d")).serialize()',
        hints=(
            "dissect_frame shows what the ping carries. A pong has opcode 10.",
            "Frame.pong(payload, masking_key=...) builds one; who sends it?",
        ),
        judge=judge_frame("client", _pong),
    ),
)
