"""Lesson 07's exercises: right answers, each misconception, nothing; and what the recordings say to them."""

from __future__ import annotations

from tests.lessons.feed import feed
from wsviz import Connection, Frame, Opcode, Side
from wsviz.lessons import lesson, recording

KEY = bytes.fromhex("37 fa 21 3d")


def ends() -> dict[str, Connection]:
    """The connections of close_matrix.pcapng by their paths."""
    found = {}
    for each in recording("close_matrix").connections:
        assert each.handshake is not None
        found[each.handshake.request.value.target] = each
    return found


def test_exercises() -> None:
    frames = recording("idle").frames
    pings = frames[frames["opcode"] == Opcode.PING]
    answered = [int(packet) for packet in pings.loc[pings["round_trip"].notna(), "packet"]]
    pongs = [int(packet) for packet in frames.loc[frames["opcode"] == Opcode.PONG, "packet"]]
    close = int(frames.loc[frames["opcode"] == Opcode.CLOSE, "packet"].iloc[-1])
    clients = sum(each.ending.reports[Side.CLIENT] == 1006 for each in ends().values())
    feed(
        "07",
        right={
            "missing_pong": [float(max(int(packet) for packet in pings["packet"]))],
            "build_close": [
                Frame.close(1000),
                "88 02 03e8",
                Frame.close(1000, "all sold").serialize(),
            ],
            "count_1006": [0.0],
            "braces": [0x7B7D],
        },
        wrong={
            "missing_pong": [
                *((packet, "has its pong") for packet in answered),
                (pongs[0], "carries a pong"),
                (close, "That is a Close"),
                (pongs[0] + 1, "No ping is in that packet"),
                (0, "too small"),
                ("the last", "the answer is a number"),
            ],
            "build_close": [
                (Frame.close(1000, masking_key=KEY), "MASK is 1"),
                (Frame.close(), "The body is empty"),
                (Frame.close(1001), "The code in it is 1001"),
                (Frame.ping(b"\x03\xe8"), "The opcode is 9, ping"),
                ("88 02 e8 03", "the more significant byte"),
                (b"\x88\x041000", "the digits 1 and 0 as text"),
                ("88 01 03", "the body has 1 byte"),
                ("88 02 03 ee", "1006 (abnormal closure) stands in a Close frame"),
                ("08 02 03 e8", "FIN"),
                ("88 02 03", "not whole: 1 more byte"),
                ("88 02 03 e8 00", "by its own length"),
                (b"\x03\xe8", "two bytes of header"),
                (1000, "This is an int, and the answer is bytes"),
            ],
            "ladders": [("1006", "none of the answers")],
            "count_1006": [
                (clients, "So many clients report 1006"),
                (1006, "too large"),
            ],
            "right_code": [(1003, "none of the answers")],
            "braces": [
                (int.from_bytes(b"{}", "little"), "from the back"),
                (ord("{") + ord("}"), "adds the two bytes"),
                (ord("{"), "the first byte alone"),
                (ord("}"), "the second byte alone"),
                (1000, "other bytes"),
                (1002, "So a receiver may answer"),
                (1005, "This one has two bytes"),
                (1006, "no Close came"),
                ("{}", "the answer is a number"),
            ],
        },
    )


def test_the_three_ladders_end_as_the_right_answer_says() -> None:
    """What "c" claims of A, B and C is what the recording gives."""
    [right] = [each for each in lesson("07").ladders.choices if not each.wrong]
    told = [ends()[path].ending.reports[Side.CLIENT] for path in ("/client", "/no-code", "/server-fin")]
    assert right.text == "A {}, B {}, C {}".format(*told)


def test_servers_close_as_the_exercises_say() -> None:
    """A server that takes text only says 1003, and one that is sent the braces says 1002."""
    for path, code in (("/text-only", 1003), ("/braces", 1002)):
        closes = [each.frame for each in ends()[path].frames if each.sender == Side.SERVER]
        assert closes[-1].close_code == code
    [braces] = [each.frame for each in ends()["/braces"].frames if each.sender == Side.CLIENT]
    assert braces.payload == b"{}"
    assert lesson("07").braces.check(braces.close_code)
