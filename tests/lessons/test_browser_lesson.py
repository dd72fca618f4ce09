"""Lesson 09's exercises: right answers, what people get wrong, and that the recordings hold what is asked for."""

from __future__ import annotations

from tests.lessons.feed import feed
from wsviz import Opcode, Side
from wsviz.figures.browser_model import play
from wsviz.lessons import lesson, recording

OPENED = "new /chat\naccept\nrun\n"


def test_exercises() -> None:
    slow = recording("slow_consumer").packets
    zero = [int(packet) for packet in slow.query("sender == 'client' and window == 0")["packet"]]
    talk = recording("browser").connections[0]
    sent = [each for each in talk.frames if each.sender == Side.CLIENT and each.frame.opcode in (1, 2)]
    text = sent[0].frame.payload.decode()
    rest = sum(len(each.frame.payload) for each in sent[1:])
    feed(
        "09",
        right={"buffered_amount": [float(len(text.encode()) + rest)], "zero_window": [float(zero[0])]},
        wrong={
            "event_order": [("OPEN", "none of the answers")],
            "can_scripts": [("ping", "none of the answers")],
            "buffered_amount": [
                (sum(len(each.dissection.raw) for each in sent), "with their headers"),
                (len(text) + rest, "the characters of the text"),
                (len(text) + 1 + rest, "as JavaScript counts it"),
                (2 * (len(text) + 1) + rest, "the text in UTF-16"),
                (2 * (len(text.encode()) + rest), "the echoes as well"),
                (rest, "And the text?"),
                (len(text.encode()), "the text alone"),
                (0, "nothing has left yet"),
                (10_000, "too large"),
                (text, "the answer is a number"),
            ],
            "zero_window": [
                *((packet, "Was it the first") for packet in zero[1:]),
                (zero[0] - 1, "the number of a row"),
                (1, "there is room left"),
                (2, "is the server's"),
                (int(slow.query("sender == 'client'")["packet"].iloc[-1]), "for a while"),
                (10_000, "too large"),
                ("the last", "the answer is a number"),
            ],
            "close_code": [(1001, "none of the answers")],
        },
    )


def test_the_predictions_are_what_the_object_does() -> None:
    busy = play(f"{OPENED}text one\ntext two\nbye 1001\nrun all\nwait 4\nrun all")
    assert busy[5].state == "OPEN"
    assert [event.name for moment in busy[6:] for event in moment.events] == ["message", "message", "close"]
    close = play(f"{OPENED}close 1001 going away")[-1]
    assert (close.thrown, close.state) == ("InvalidAccessError", "OPEN")


def test_three_calls_in_a_row_are_counted_as_the_exercise_says() -> None:
    text, blob, buffer = (
        each.data for each in recording("browser").connections[0].messages if each.sender == Side.CLIENT
    )
    assert blob == buffer
    moment = play(f"{OPENED}send {text.decode()}\nblob {len(blob)}\nbuffer {len(buffer)}")[-1]
    assert lesson("09").buffered_amount.check(moment.buffered)


def test_the_recordings_hold_what_the_lesson_shows() -> None:
    """A ping of the server with a pong of the browser's; subprotocols in the script's order; a window that opens."""
    browser = recording("browser").connections[0]
    assert browser.handshake is not None
    assert browser.handshake.subprotocol == "v1.chat"
    opcodes = [(each.sender, each.frame.opcode) for each in browser.frames]
    assert (Side.SERVER, Opcode.PING) in opcodes
    assert (Side.CLIENT, Opcode.PONG) in opcodes
    packets = recording("slow_consumer").packets
    client = packets[packets["sender"] == "client"]
    assert client["window"].iloc[-1] > 0
