"""Frames: the three forms of their lengths, and how messages, frames and segments are cut."""

import random
import time
from itertools import pairwise

from websockets.frames import Opcode
from websockets.sync.server import ServerConnection, serve

from .scenario import PORT, SERVER, Scenario
from .sides import PAUSE, PLAIN, PlainClient, expect, frame, open_plainly, send_back, serve_all
from .wsproto_server import start_wsproto

STEP = 0.02
"""Seconds between two pieces that shall be segments of their own."""

LENGTHS = (0, 125, 126, 127, 65535, 65536)
NOT_RETURNED = 65535
"""All of them both ways would take more than the 300 kB that a recording may."""
SEED = 5


def serve_lengths() -> None:
    serve_all(serve(return_most, SERVER, PORT, **PLAIN))


def return_most(connection: ServerConnection) -> None:
    for message in connection:
        if len(message) != NOT_RETURNED:
            connection.send(message)


def send_lengths() -> None:
    rng = random.Random(SEED)
    with open_plainly("/lengths") as connection:
        for length in LENGTHS:
            message = rng.randbytes(length)
            connection.send(message)
            if length != NOT_RETURNED:
                expect(connection.recv(timeout=5), message)
            time.sleep(PAUSE)


SIX_LENGTHS = Scenario(
    name="lengths",
    title="Six lengths, at the limits of their three forms",
    what=(
        "A client sends six binary messages, a frame each, of 0, 125, 126, 127, 65,535 and 65,536 bytes; the bytes "
        "are random ones. The server, also of the websockets library, sends them back, but for the fifth: the file "
        "shall stay small."
    ),
    look_at=(
        "0 and 125: the seven bits hold the length itself.",
        "126, 127 and 65,535: the seven bits hold 126, and the next 16 bits the length. 126 bytes take the longer "
        "form, though seven bits could hold the number: 126 and 127 are the signs for the longer forms.",
        "65,536: the seven bits hold 127, and the next 64 bits the length.",
        "The frames of the client have headers of 6, 8 and 14 bytes, those of the server of 2, 4 and 10: the masking "
        "key makes the difference.",
        "The longest frame takes more than 40 segments. A segment does not begin with a header because a frame did.",
    ),
    software=("websockets",),
    server=serve_lengths,
    client=send_lengths,
)


GLUED_PORT = PORT + 1
WELCOME = "Welcome! This frame came together with the 101."
FIVE = ("one", "two", "three", "four", "five")
CUT_TEXT = "a smile \N{SMILING FACE WITH OPEN MOUTH} costs 0 \N{EURO SIGN}"
CUTS = (9, 11, 22)
"""In bytes of its UTF-8: two lie within the four bytes of the face, one within the three of the euro sign."""
PING = b"still there?"


def serve_fragments() -> None:
    start_wsproto(GLUED_PORT, WELCOME)
    serve_all(serve(send_back, SERVER, PORT, **PLAIN))


def send_fragments() -> None:
    hello = frame(Opcode.TEXT, b"Hello")
    for path, segments, answers in (
        ("/one-byte-segments", [hello[i : i + 1] for i in range(len(hello))], [b"Hello"]),
        ("/five-in-one-segment", [b"".join(frame(Opcode.TEXT, word.encode()) for word in FIVE)], words(*FIVE)),
        ("/ping-between-fragments", ping_between(), [PING, b"first half, second half"]),
        ("/characters-cut", cut_characters(), [CUT_TEXT.encode()]),
    ):
        with PlainClient(path) as client:
            for segment in segments:
                time.sleep(STEP)
                client.send(segment)
            finish(client, answers)
    with PlainClient("/beside-the-101", GLUED_PORT) as client:
        finish(client, [WELCOME.encode()])


def words(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]


def ping_between() -> list[bytes]:
    return [
        frame(Opcode.TEXT, b"first half, ", fin=False),
        frame(Opcode.PING, PING),
        frame(Opcode.CONT, b"second half"),
    ]


def cut_characters() -> list[bytes]:
    data, places = CUT_TEXT.encode(), pairwise((0, *CUTS, len(CUT_TEXT.encode())))
    return [
        frame(Opcode.CONT if start else Opcode.TEXT, data[start:end], fin=end == len(data)) for start, end in places
    ]


def finish(client: PlainClient, answers: list[bytes]) -> None:
    """Take the answers, then close."""
    for answer in answers:
        expect(client.next_frame().data, answer)
    time.sleep(PAUSE)
    client.close()


FRAGMENTS = Scenario(
    name="fragments",
    title="Messages, frames and segments, cut in five ways",
    what=(
        "Five connections, each with a path that names its cut. The client is a plain socket that sends each of its "
        "pieces at a time of its own; on the first four the server is one of websockets, which sends each message "
        f"back, on the last one, at port {GLUED_PORT}, one of wsproto, which sends a welcome."
    ),
    look_at=(
        "/one-byte-segments: one frame of 11 bytes in eleven segments.",
        "/five-in-one-segment: five messages in one segment; the server sends back five messages.",
        "/ping-between-fragments: a ping after the first of two fragments. The pong comes before the echo.",
        "/characters-cut: a text in four frames, cut twice within a character of four bytes and once within one of "
        "three. The frames are no valid UTF-8, the message is, and comes back as a single frame.",
        "/beside-the-101: the first frame of the server lies in the segment of the 101, behind its empty line.",
    ),
    software=("websockets", "wsproto"),
    server=serve_fragments,
    client=send_fragments,
    ports=(PORT, GLUED_PORT),
)

ALL = (SIX_LENGTHS, FRAGMENTS)
