"""Exercises of lesson 05: masking."""

from __future__ import annotations

import re
from typing import Any

from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import judge_frame, judge_number, octets
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import Opcode, apply_mask, count, opcode_name

RFC_KEY = bytes.fromhex("37 fa 21 3d")
KNOWN_KEY = bytes.fromhex("1d 9e 53 a8")
WISH = b"GET /menu.js HTTP/1.1"

_WORD, _WORD_KEY = b"twice", bytes.fromhex("5a c3 0f 96")
_WORD_FRAME = Frame.text(_WORD.decode(), masking_key=_WORD_KEY).serialize()

_KEYS = tuple(bytes.fromhex(key) for key in ("5d20a1f4", "0877c31e", "914b2e60", "e419853a", "d26f900b", "3ac85e97"))
# Frame 4 has frame 0's key at the front of its payload, where somebody may take it for a key.
_SENT = (
    Frame.text("red", masking_key=_KEYS[0]),
    Frame.text("green", masking_key=_KEYS[1]),
    Frame.ping(b"ready?", masking_key=_KEYS[2]),
    Frame.text("green", masking_key=_KEYS[3]),
    Frame.binary(apply_mask(_KEYS[0] + b"\x16\x07", _KEYS[4]), masking_key=_KEYS[4]),
    Frame.text("blue", masking_key=_KEYS[2]),
    Frame.close(1000, masking_key=_KEYS[5]),
)
CARELESS_CLIENT = b"".join(frame.serialize() for frame in _SENT)
"""What a client sent that does not draw each of its keys afresh."""


def _judge_word(answer: Any) -> list[str]:
    is_word = isinstance(answer, str) and not re.fullmatch(r"[0-9A-Fa-f\s]{10,}", answer)
    given = answer.strip().encode(errors="replace") if is_word else octets(answer)
    if len(given) != len(_WORD):
        return [
            f"This is {count(len(given), 'byte')} long, and the payload has {len(_WORD)}: unmasking keeps the length."
        ]
    masked = _WORD_FRAME[6:]
    return [
        _said(at, *bytes_)
        for at, bytes_ in enumerate(zip(given, _WORD, masked, strict=True))
        if bytes_[0] != bytes_[1]
    ][:1]


def _said(at: int, given: int, right: int, masked: int) -> str:
    """What was done to the byte at `at` that gave a wrong one."""
    used = given ^ masked
    if not used:
        return f"Byte {at} is 0x{given:02x}, as on the wire: it is still masked."
    if used in _WORD_KEY:
        return (
            f"Byte {at} is 0x{given:02x}: it met byte {_WORD_KEY.index(used)} of the key, 0x{used:02x}. "
            f"Which one is byte {at} mod 4?"
        )
    if given ^ right == 0x20:
        return f"Byte {at} is {chr(given)!r}, the same letter in the other case, which is another byte."
    return (
        f"Byte {at} is 0x{given:02x}, and 0x{masked:02x} on the wire: their XOR, 0x{used:02x}, is no byte of the key."
    )


def _hello(frame: Frame) -> list[str]:
    wrong = []
    if frame.opcode != Opcode.BINARY:
        wrong.append(f"The opcode is {frame.opcode}, {opcode_name(frame.opcode)}; a binary frame is asked for.")
    if not frame.fin:
        wrong.append("FIN is 0, so another frame would have to follow; a whole message is asked for.")
    if frame.masking_key != RFC_KEY:
        key = (frame.masking_key or b"").hex(" ")
        wrong.append(f"The key in it is {key}, and {RFC_KEY.hex(' ')} is asked for.")
    elif apply_mask(frame.payload, RFC_KEY) == b"Hello!":
        wrong.append(
            "Hello! stands in it as it is. MASK is 1, so the receiver unmasks that, and gets something else."
        )
    elif frame.payload != b"Hello!":
        wrong.append(f"Unmasked, the payload is {frame.payload[:32]!r}, and b'Hello!' is asked for.")
    return wrong


def _judge_forgery(answer: Any) -> list[str]:
    given = octets(answer)
    if WISH in apply_mask(given, KNOWN_KEY):
        return []
    if given == WISH:  # masked, it would be the answer
        return ["That is what the proxy should see. But the client masks it, and the proxy sees something else."]
    return [f"The client masks this payload, and on the wire stands {apply_mask(given[:32], KNOWN_KEY)!r}."]


EXERCISES = (
    Exercise(
        "05.unmask",
        Kind.COMPUTE,
        "Unmask five bytes",
        f"A client sends the frame {_WORD_FRAME.hex(' ')}. Which word does it carry?",
        why="XOR with the same key gives back what was there. The fifth byte meets the first byte of the key again.",
        code=f'frame = bytes.fromhex("{_WORD_FRAME.hex(" ")}")\nanswer = apply_mask(frame[6:], frame[2:6]).decode()',
        hints=(
            "Two bytes of header, then four of key. What comes after them is the payload, masked.",
            "apply_mask(payload, key) does the XOR for all bytes; a slice such as frame[2:6] cuts four bytes out.",
        ),
        judge=_judge_word,
    ),
    Exercise(
        "05.who_can_read",
        Kind.PREDICT,
        "Who can read it?",
        "Somebody between client and server has recorded this frame, and nothing else. What else do they need "
        "to read its text?",
        why="The key stands in the frame, before the payload: masking hides nothing from anybody.",
        code='answer = "c"',
        hints=("Look at the frame again. Which four bytes does the server use to unmask it?",),
        choices=(
            Choice(
                "a",
                "the Sec-WebSocket-Key of the opening handshake",
                "The two keys have nothing to do with each other. Where does the server find the key of a frame?",
            ),
            Choice(
                "b",
                "the private key of the server",
                "That belongs to TLS, which hides all of a frame. This one travelled without TLS.",
            ),
            Choice("c", "nothing else"),
            Choice(
                "d",
                "luck: they must guess one of 4,294,967,296 keys",
                "So many keys there are. But how does the server know which one it was?",
            ),
        ),
    ),
    Exercise(
        "05.reaction",
        Kind.PREDICT,
        "Hello, not masked",
        "The opening handshake is done, and the client sends 81 05 48 65 6c 6c 6f: a text frame that is not masked. "
        "What does the server do?",
        why="RFC 6455, section 5.1: a server closes the connection when it receives a frame that is not masked. "
        "It may say why, with code 1002, protocol error.",
        code='answer = "c"',
        hints=("Is the fault in the text, or in the header? And may a server overlook it?",),
        choices=(
            Choice(
                "a",
                "it reads the text: MASK is 0, so there is nothing to unmask",
                "It could read it, and must not take it: a rule that servers overlook would bind no client.",
            ),
            Choice(
                "b",
                "it drops this frame and waits for the next",
                "WebSocket has no way to skip a frame: one that breaks a rule ends the connection.",
            ),
            Choice("c", "it closes the connection, with code 1002, protocol error"),
            Choice(
                "d",
                "it closes the connection, with code 1007, invalid payload data",
                "1007 is for a payload that is not what it should be, such as bad UTF-8. This payload is fine.",
            ),
        ),
    ),
    Exercise(
        "05.build_hello",
        Kind.BUILD,
        "Mask a greeting",
        "Build the frame of a client with Hello! as a whole binary message, masked with the key 37 fa 21 3d.",
        why="Six bytes of header, key included, and six of payload. The length counts the payload alone.",
        code='key = bytes.fromhex("37 fa 21 3d")\nanswer = bytes.fromhex("82 86") + key + apply_mask(b"Hello!", key)',
        hints=(
            "First byte: FIN and the opcode for binary. Second byte: MASK and the length of the payload.",
            "Then the four bytes of the key, in this order, then each byte of the text XORed with one of the key.",
        ),
        judge=judge_frame("client", _hello),
    ),
    Exercise(
        "05.forge",
        Kind.BUILD,
        "Get past the mask",
        f"A client masks every frame with {KNOWN_KEY.hex(' ')}, and your script knows it. Which payload do you send, "
        f"so that the bytes of {WISH.decode()} stand on the wire? Answer with bytes.",
        why="Masked twice with one key, bytes are what they were. So a key protects only where nobody who knows it "
        "chooses the payload.",
        code=f'answer = apply_mask({WISH!r}, bytes.fromhex("{KNOWN_KEY.hex(" ")}"))',
        hints=(
            "wire = payload XOR key. You know the wire that you want, and the key.",
            "What does apply_mask make of the request and the key? And what will the client make of that?",
        ),
        judge=_judge_forgery,
    ),
    Exercise(
        "05.key_reuse",
        Kind.FIND,
        "A key used again",
        f"The {len(_SENT)} frames of a careless client are printed above, numbered from 0. Which one is masked with "
        "a key that an earlier one has used?",
        why="A ping and a text with one key. Control frames count too: every frame gets a key of its own.",
        code="from wsviz.lessons.masking_lesson import CARELESS_CLIENT\n\n"
        'frames = decode_stream(CARELESS_CLIENT, sender="client").frames\n'
        "keys = [frame.value.masking_key for frame in frames]\n"
        "answer = next(number for number, key in enumerate(keys) if key in keys[:number])",
        hints=(
            "The key is bytes 2 to 5 of each of these frames. Look at nothing else.",
            "decode_stream(...).frames[0].value.masking_key is the key of the first frame.",
        ),
        judge=judge_number(
            next(at for at, frame in enumerate(_SENT) if frame.masking_key in _KEYS[:at]),
            slips={
                0: "That one is the first: none is earlier.",
                1: "That key comes once, in this frame.",
                6: "That key comes once, in this frame.",
                2: "That one has the key for the first time. Which one has it again?",
                3: "It says the same as frame 1, under another key. That is as it should be.",
                4: "The key of frame 0 is there, but in the payload. Bytes 2 to 5 are its own key.",
            },
        ),
    ),
)
