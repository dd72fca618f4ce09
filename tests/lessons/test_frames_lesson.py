"""Lesson 04's exercises: right answers, each misconception, nothing."""

from __future__ import annotations

from tests.lessons.feed import feed
from wsviz import Frame, Opcode
from wsviz.lessons import recording

KEY = bytes.fromhex("37 fa 21 3d")


def test_exercises() -> None:
    frames = recording("lengths").frames
    first_16 = int(frames.loc[frames["payload_length"] == 126, "packet"].iloc[0])
    long = [int(packet) for packet in frames.loc[frames["payload_length"] == 65_536, "packet"]]
    feed(
        "04",
        right={
            "header_sizes": [(6, 6, 8, 8, 8, 14)],
            "build_126": [
                Frame.binary(b"x" * 126, masking_key=KEY),
                "82fe007e" + "00" * 130,
                "0x82, 0xfe," + "00:7e:" + "00" * 130,
            ],
            "build_65536": [Frame.binary(b"y" * 65_536).serialize()],
            "build_pong": [
                Frame.pong(b"ready?", masking_key=b"\0\0\0\0"),
                [*Frame.pong(b"ready?", masking_key=KEY).serialize()],
            ],
        },
        wrong={
            "header_sizes": [
                ((2, 2, 4, 4, 4, 10), "0 bytes of payload: that is a server's header"),
                ((6, 6, 7, 8, 8, 14), "126 bytes of payload: 126 is a switch"),
                ((6, 6, 14, 8, 8, 14), "126 bytes of payload: that is with 64 bits of length"),
                ((4, 6, 8, 8, 8, 14), "0 bytes of payload: that is the masking key alone"),
                ((6, 6, 8, 8, 8, 8), "65,536 bytes of payload: that is with 16 bits of length"),
                ((6, 131, 8, 8, 8, 14), "125 bytes of payload: that is the whole frame"),
                ((6, 6, 8, 8, 8, 12), "65,536 bytes of payload: the extended length takes eight bytes"),
                (6, "a tuple of 6"),
            ],
            "build_126": [
                (Frame.binary(bytes(126)), "MASK"),
                (Frame.text("x" * 126, masking_key=KEY), "The opcode is 1, text"),
                (Frame(Opcode.BINARY, bytes(126), masking_key=KEY, fin=False), "FIN is 0"),
                (Frame.binary(bytes(125), masking_key=KEY), "125 bytes"),
                (Frame(Opcode.BINARY, bytes(126), masking_key=KEY, length_bits=64), "expected the 16-bit form"),
                ("82 fe 00 7e", "not whole"),
                (Frame.binary(bytes(126), masking_key=KEY).serialize() + b"!", "by its own length"),
                ("no hex", "no run of hex digits"),
                ("8 2", "no run of hex digits"),
                (b"82 fe 00 7e", "the characters of hex digits"),
            ],
            "build_65536": [
                (Frame.binary(bytes(65_536), masking_key=KEY), "MASK"),
                (Frame.binary(bytes(65_535)), "65,535 bytes"),
                (bytes.fromhex("82 7e 00 00") + bytes(65_536), "expected the 7-bit form"),
                ("82 7f 00 01 00 00 00 00 00 00", "281,474,976,710,656 more bytes are missing"),
            ],
            "first_64_bit": [
                (first_16, "16-bit length"),
                (long[-1], "another one comes before it"),
                (0, "too small"),
            ],
            "wrong_row": [(1, "that row is right"), (2, "that row is right"), (4, "too large")],
            "build_pong": [
                (Frame.pong(b"ready?"), "MASK"),
                (Frame.ping(b"ready?", masking_key=KEY), "The opcode is 9, ping"),
                ("8a 86 37 fa 21 3d 72 65 61 64 79 3f", "stand in it as they are"),
                (Frame.pong(masking_key=KEY), "the ping's is b'ready?'"),
                (Frame(Opcode.PONG, b"ready?", fin=False, masking_key=KEY), "FIN"),
            ],
        },
    )
