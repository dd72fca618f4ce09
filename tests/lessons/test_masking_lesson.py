"""Lesson 05's exercises: right answers, each misconception, nothing; and the recordings that its text relies on."""

from __future__ import annotations

from tests.lessons.feed import feed
from wsviz import CloseCode, Frame, Opcode, Side, apply_mask, decode_stream
from wsviz.lessons import lesson, recording
from wsviz.lessons.masking_lesson import CARELESS_CLIENT, KNOWN_KEY, RFC_KEY, WISH

OTHER_KEY = bytes.fromhex("01 02 03 04")


def test_exercises() -> None:
    hello = Frame.binary(b"Hello!", masking_key=RFC_KEY)
    feed(
        "05",
        right={
            "unmask": [b"twice", " twice\n", "74 77 69 63 65", list(b"twice")],
            "who_can_read": ["C)"],
            "build_hello": [hello, "82 86 37fa213d 7f9f4d5158db"],
            "forge": [apply_mask(b"...." + WISH + b"\r\nHost: a\r\n", KNOWN_KEY), apply_mask(WISH, KNOWN_KEY).hex()],
        },
        wrong={
            "unmask": [
                (bytes.fromhex("2eb466f53f"), "Byte 0 is 0x2e, as on the wire"),
                (b"twic\x3f", "Byte 4 is 0x3f, as on the wire"),
                (b"twic" + bytes([0x3F ^ 0xC3]), "it met byte 1 of the key, 0xc3"),
                (apply_mask(b"twice", RFC_KEY), "is no byte of the key"),
                ("Twice", "Byte 0 is 'T', the same letter in the other case"),
                (b"\x5a\xc3\x0f\x96twice", "9 bytes long, and the payload has 5"),
                ("2e b4 66 f5 3f", "Byte 0 is 0x2e, as on the wire"),
                ("transport", "9 bytes long"),
                (5, "the answer is bytes"),
            ],
            "who_can_read": [("e", "none of the answers")],
            "reaction": [(1002, "none of the answers")],
            "build_hello": [
                (Frame.binary(b"Hello!"), "MASK"),
                (Frame.text("Hello!", masking_key=RFC_KEY), "The opcode is 1, text"),
                (Frame(Opcode.BINARY, b"Hello!", fin=False, masking_key=RFC_KEY), "FIN is 0"),
                (Frame.binary(b"Hello!", masking_key=OTHER_KEY), "The key in it is 01 02 03 04"),
                (Frame.binary(b"Hello!", masking_key=RFC_KEY[::-1]), "The key in it is 3d 21 fa 37"),
                ("82 86 37fa213d" + b"Hello!".hex(), "Hello! stands in it as it is"),
                ("82 86 37fa213d 7f9f4d516f21", "Unmasked, the payload is b'HellX"),
                (Frame.binary(b"Hello", masking_key=RFC_KEY), "b'Hello!' is asked for"),
                ("82 8a 37fa213d 7f9f4d5158db", "4 more bytes are missing"),
                ("82 86 7f9f4d5158db", "4 more bytes are missing"),
            ],
            "forge": [
                (WISH, "That is what the proxy should see"),
                (Frame.text(WISH.decode(), masking_key=KNOWN_KEY), "on the wire stands"),
                (apply_mask(WISH, OTHER_KEY), "on the wire stands"),
                (apply_mask(WISH, RFC_KEY), "on the wire stands"),
                (apply_mask(WISH, KNOWN_KEY)[1:], "on the wire stands"),
                (WISH.decode(), "no run of hex digits"),
            ],
            "key_reuse": [
                (2, "for the first time"),
                (3, "under another key"),
                (4, "in the payload"),
                (0, "none is earlier"),
                (6, "comes once"),
                (7, "too large"),
            ],
        },
    )


def test_the_forgery_is_not_given_away_to_who_sends_the_request_itself() -> None:
    said = str(lesson("05").forge.check(WISH))
    assert repr(apply_mask(WISH, KNOWN_KEY))[2:-1] not in said
    assert "the proxy sees something else" in said


def test_the_unmasked_frame_was_answered_as_the_lesson_says() -> None:
    closing = recording("close_matrix")
    row = closing.exchanges.query("target == '/unmasked'").iloc[0]
    first, answer, last = (each.frame for each in closing.connections[row["connection"]].frames)
    assert first.serialize() == bytes.fromhex("81 05 48 65 6c 6c 6f")
    assert (answer.close_code, answer.masked) == (CloseCode.PROTOCOL_ERROR, False)
    assert (last.close_code, last.masked) == (CloseCode.PROTOCOL_ERROR, True)


def test_recorded_keys_are_fresh_and_pass_the_proxy() -> None:
    connection = recording("echo").connections[0]
    keys = [each.frame.masking_key for each in connection.frames if each.sender is Side.CLIENT]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    first, second = (
        [each.frame.masking_key for each in connection.frames if each.frame.masked]
        for connection in recording("nginx_ok").connections
    )
    assert first == second


def test_the_careless_client_breaks_no_rule_but_that_of_fresh_keys() -> None:
    stream = decode_stream(CARELESS_CLIENT, sender="client")
    assert not stream.findings  # the same key twice in a row would be one
    assert not stream.rest
    frames = [each.value for each in stream.frames]
    assert len({frame.masking_key for frame in frames}) == len(frames) - 1
    assert all(len(frame.payload) <= 125 for frame in frames), "bytes 2 to 5 are to be the key"
    assert stream.frames[4].raw[6:10] == frames[0].masking_key
