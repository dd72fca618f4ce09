"""Exercises of lesson 10: build the application. Three answers are functions; the judge calls them."""

from __future__ import annotations

import base64
import hashlib
import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from wsviz.figures.figure import plain
from wsviz.lessons.build_crowd import raised, try_broadcast
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import several
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import Incomplete, Severity
from wsviz.protocol.frames import Frame
from wsviz.protocol.handshake import GUID, accept_key, build_request, check_handshake
from wsviz.protocol.wire import Opcode, apply_mask, count

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("dGhlIHNhbXBsZSBub25jZQ==", "x3JJHMbDL1EzLkh9GBhXDw==")


def _no_function(answer: Any, name: str) -> list[str]:
    """What is to say of an answer that cannot be called, or has to be awaited where nothing waits."""
    if inspect.iscoroutinefunction(answer) and name != "broadcast":
        return ["Your function is async, and this one has nothing to wait for: def alone will do."]
    if callable(answer) and not inspect.isclass(answer):
        return []
    return [f"This is {type(answer).__name__}, and the answer is your function: its name, {name}, without brackets."]


# ---- accept(request) ----


def _requests() -> Iterator[tuple[str, bytes]]:
    """Requests that all are to be accepted, and what is special about each."""
    for key in KEYS:
        yield f"the key {key}", build_request("ws://127.0.0.1/application", key=key)
    offer = build_request("ws://127.0.0.1/application", key=KEYS[0], subprotocols=["other", "wsviz.demo"])
    yield "a request with subprotocols", offer
    other = offer.replace(b"Sec-WebSocket-Key", b"sec-websocket-key").replace(b"Key: ", b"Key:")
    yield "a request whose header names are in small letters", other.replace(b"Upgrade: ", b"UPGRADE:")


def _judge_accept(answer: Any) -> list[str]:
    if wrong := _no_function(answer, "accept"):
        return wrong
    for what, request in _requests():
        try:
            response = answer(request)
        except Exception as error:  # the learner's own
            return [f"For {what}, your function raised {raised(error)}."]
        if not isinstance(response, (bytes, bytearray)):
            return [f"For {what}, your function gives {type(response).__name__}, and a socket takes bytes."]
        if wrong := _response_faults(request, bytes(response)):
            return [f"For {what}: {wrong[0]}"]
    return []


def _response_faults(request: bytes, response: bytes) -> list[str]:
    try:
        handshake = check_handshake(request, response)
    except Incomplete:
        return ["the header does not end: after its last line comes an empty one, with CR and LF."]
    head, blank, rest = response.partition(b"\r\n\r\n")
    if b"\n" in head.replace(b"\r\n", b"") or not blank:
        return ["lines end with CR and LF, \\r\\n, and some of yours with LF alone."]
    if rest:
        return [f"{count(len(rest), 'byte')} come after the empty line, and the client takes them for a frame."]
    wrong = []
    for check in handshake.checks:
        if check.name == "response Sec-WebSocket-Accept" and not check.passed:
            sent = handshake.request.value.header("Sec-WebSocket-Key") or ""
            given = handshake.response.value.header("Sec-WebSocket-Accept")
            wrong.append("there is no accept key." if given is None else _key_fault(given, sent))
        elif check.name.startswith("response") and not check.passed:
            given = "missing" if check.actual == "nothing" else repr(plain(check.actual))
            wrong.append(f"{check.name} is {given}, which a client does not accept ({check.section}).")
    wrong += [f"{each.explanation}." for each in handshake.response.findings if each.severity is Severity.ERROR]
    return wrong


def _key_fault(given: str, key: str) -> str:
    if given.startswith(("b'", 'b"')):
        return "the accept key begins with b and a quotation mark: Python shows bytes like that. Decode them first."
    if given in map(accept_key, KEYS):
        return "the accept key answers another key: each client brings one of its own."
    if given == base64.b64encode(_sha1(base64.b64decode(key) + GUID.encode())).decode():
        return "you hashed the 16 bytes that the key stands for. What is hashed is the text, as it was sent."
    if given == key:
        return "that is the client's own key; the server has to do something with it."
    return "this accept key does not answer the key. Lesson 03 computes it; accept_key(key) does, too."


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


# ---- parse_frame(data) ----


def _frames() -> Iterator[tuple[str, Frame]]:
    """Frames of a client."""
    key = bytes.fromhex("37fa213d")
    yield "a text of 5 bytes", Frame.text("Hello", masking_key=key)
    yield "an empty ping", Frame.ping(masking_key=key)
    yield "a compressed text, RSV1=1", Frame(Opcode.TEXT, bytes.fromhex("f248cdc9c90700"), rsv1=True, masking_key=key)
    yield "a fragment, FIN=0", Frame(Opcode.TEXT, b"two parts", fin=False, masking_key=key)
    yield "125 bytes", Frame.binary(bytes(range(125)), masking_key=key)
    yield "300 bytes, with 16 bits of length", Frame.binary(bytes(range(100)) * 3, masking_key=key)
    yield "66,000 bytes, with 64 bits of length", Frame.binary(bytes(range(100)) * 660, masking_key=key)


def _judge_parse(answer: Any) -> list[str]:
    if wrong := _no_function(answer, "parse_frame"):
        return wrong
    for what, frame in _frames():
        raw = frame.serialize()
        more = Frame.text("the next one", masking_key=b"abcd").serialize()
        for name, data in ((what, raw), (f"{what}, with another frame behind it", raw + more)):
            if said := _parse_fault(answer, data, frame):
                return [f"Of {name}: {said}"]
        for size in {0, 1, 2, 3, 5, 7, 9, len(raw) // 2, len(raw) - 1}:
            if size < len(raw) and (said := _cut_fault(answer, raw[:size])):
                return [f"Of the first {count(size, 'byte')} of {what}: {said}"]
    return []


def _parse_fault(parse: Callable[[bytes], Any], data: bytes, frame: Frame) -> str:
    try:
        given = parse(data)
    except Exception as error:  # the learner's own
        return f"your function raised {raised(error)}."
    values = several(given)
    if values is None or len(values) != 3:
        kind = "None" if given is None else type(given).__name__
        return f"your function gives {kind}, expected three things: opcode, payload, bytes used."
    opcode, payload, used = values
    if not isinstance(payload, (bytes, bytearray)):
        return f"the payload is of type {type(payload).__name__}, expected bytes."
    return _opcode_fault(opcode, frame) or _payload_fault(bytes(payload), frame) or _used_fault(used, data, frame)


def _opcode_fault(opcode: Any, frame: Frame) -> str:
    if not hasattr(opcode, "__index__"):
        return f"the opcode is of type {type(opcode).__name__}, expected a number."
    if opcode == frame.opcode:
        return ""
    if opcode & 0b1111 == frame.opcode:
        return "what you give as the opcode has more than its four bits: FIN or the reserved bits are in it."
    return f"the opcode is not {plain(repr(opcode))[:40]}."


def _payload_fault(payload: bytes, frame: Frame) -> str:
    if payload == frame.payload:
        return ""
    key = frame.masking_key or b""
    if payload == apply_mask(frame.payload, key):
        return "the payload is still masked."
    if payload.startswith(frame.payload):
        return "the payload goes on into the next frame. How long it is, the header says."
    if payload.startswith(key):
        return "the payload begins with the masking key, four bytes that belong to the header."
    if len(payload) != len(frame.payload):
        return f"you give {count(len(payload), 'byte')} of payload, which is not the length that the header says."
    return "the payload has the right length and wrong bytes. Byte i takes byte i mod 4 of the key."


def _used_fault(used: Any, data: bytes, frame: Frame) -> str:
    size = len(frame.serialize())
    if not hasattr(used, "__index__"):
        return f"what you give as used is of type {type(used).__name__}, expected a number of bytes."
    if used == size:
        return ""
    if used == len(frame.payload):
        return "what you give as used is the payload alone; the header was used, too."
    if used == len(data) - size:
        return "what you give as used is what is left."
    if used == len(data):
        return "you used up the next frame as well."
    return f"{plain(repr(used))[:40]} is not the number of bytes that the frame takes, header and payload."


def _cut_fault(parse: Callable[[bytes], Any], data: bytes) -> str:
    try:
        given = parse(data)
    except Exception as error:  # the learner's own
        return f"your function raised {raised(error)}. The frame is not whole yet, so give None."
    if given is None:
        return ""
    return f"your function gives {plain(repr(given))[:40]}, and the frame is not whole yet: give None."


# ---- broadcast(clients, text) ----


def _judge_broadcast(answer: Any) -> list[str]:
    return _no_function(answer, "broadcast") or try_broadcast(answer)


# ---- The copies of one text ----


def _copies() -> pd.DataFrame:
    """The messages of `broadcast` with the first text that one client missed."""
    messages = recording("broadcast").messages
    copies = messages.groupby("text", sort=False)["packet"].transform("size")
    missed = messages.loc[copies < messages["connection"].nunique(), "text"].iloc[0]
    found: pd.DataFrame = messages[messages["text"] == missed]
    return found


def _judge_copies(answer: Any) -> list[str]:
    given = several(sorted(answer) if isinstance(answer, (set, frozenset)) else answer)
    if given is None:
        given = [answer]
    given = [int(each) if isinstance(each, float) and each.is_integer() else each for each in given]
    if not all(hasattr(each, "__index__") and not isinstance(each, bool) for each in given) or not given:
        return ["The answer is the numbers of packets, such as (7, 8)."]
    messages = recording("broadcast").messages
    texts = dict(zip(messages["packet"], messages["text"], strict=True))
    right = {*_copies()["packet"]}
    wrong = [_not_a_copy(each, texts) for each in given if each not in right]
    if not wrong and len({*given}) < len(right):
        wrong.append("That is a copy of it, and not the only one: look at every connection.")
    return wrong


def _not_a_copy(packet: int, texts: dict[int, str]) -> str:
    if packet in texts:
        return f"Packet {packet} brings {texts[packet]!r}, which is another text."
    return f"No message ends in packet {packet}."


EXERCISES = (
    Exercise(
        "10.accept",
        Kind.BUILD,
        "Accept a client",
        "Write a function accept(request): it takes the bytes of a client's request and gives the bytes of the 101 "
        "that accepts it, with no subprotocol. The request is one to accept. Answer with the function.",
        why="Two lines that say to what the connection changes, a key that proves it was understood, an empty line.",
        code="from wsviz import accept_key\n\n\n"
        "def accept(request):\n"
        '    lines = request.decode("latin-1").split("\\r\\n")[1:]\n'
        '    fields = [line.partition(":") for line in lines]\n'
        '    [key] = [value.strip() for name, _, value in fields if name.lower() == "sec-websocket-key"]\n'
        '    head = "HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade"\n'
        '    return f"{head}\\r\\nSec-WebSocket-Accept: {accept_key(key)}\\r\\n\\r\\n".encode()\n\n\n'
        "answer = accept",
        hints=(
            "Find the line with Sec-WebSocket-Key; its name may stand in small letters.",
            "accept_key(key), from wsviz, is the computation of lesson 03.",
            "A status line, then Upgrade, Connection and Sec-WebSocket-Accept; each line ends with \\r\\n.",
        ),
        judge=_judge_accept,
    ),
    Exercise(
        "10.parse_frame",
        Kind.BUILD,
        "Read a frame",
        "Write a function parse_frame(data): data begins with a frame of a client. It gives the opcode, the payload "
        "without the mask, and how many bytes the frame takes; or None while the frame is not whole. Answer with the "
        "function.",
        why="What is left after these bytes is the beginning of the next frame: a loop around this reads them all.",
        code="from wsviz import apply_mask\n\n\n"
        "def parse_frame(data):\n"
        "    if len(data) < 2:\n"
        "        return None\n"
        "    length, start = data[1] & 0b0111_1111, 2\n"
        "    if length > 125:\n"
        "        start = 4 if length == 126 else 10\n"
        '        length = int.from_bytes(data[2:start], "big")\n'
        "    end = start + 4 + length\n"
        "    if len(data) < end:\n"
        "        return None\n"
        "    return data[0] & 0b0000_1111, apply_mask(data[start + 4 : end], data[start : start + 4]), end\n\n\n"
        "answer = parse_frame",
        hints=(
            "data[0] & 0b1111 is the opcode, data[1] & 0b111_1111 the seven bits of length.",
            "With 126 or 127 there, the length stands in the next 2 or 8 bytes. Are they there already?",
            "The key is the four bytes after the length; apply_mask(payload, key) takes the mask off.",
        ),
        judge=_judge_parse,
    ),
    Exercise(
        "10.copies",
        Kind.FIND,
        "One broadcast, in packets",
        "In broadcast.pcapng a server sends texts to all clients, and one client is gone before the end. Take the "
        "first text that this client missed: which packets bring it to the others? Answer with their numbers.",
        why="One frame for each client that is there, on its own connection. Nothing in a frame says broadcast.",
        code='messages = recording("broadcast").messages\n'
        'copies = messages.groupby("text", sort=False)["packet"].agg(list)\n'
        "answer = next(packets for packets in copies if len(packets) < len(copies.iloc[0]))",
        hints=(
            'recording("broadcast").messages has the columns connection, packet and text.',
            "Count how often each text is there.",
        ),
        judge=_judge_copies,
    ),
    Exercise(
        "10.broadcast",
        Kind.BUILD,
        "A broadcast that survives",
        "Write an async function broadcast(clients, text). clients is a set; await client.send(text) sends to one. "
        "A dead client raises ConnectionResetError: remove it from the set. A slow one must not hold up the others, "
        "and somebody may connect meanwhile. Answer with the function.",
        why="Nobody's death or slowness is the others' business.",
        code="import asyncio\n\n\n"
        "async def broadcast(clients, text):\n"
        "    async def send(client):\n"
        "        try:\n"
        "            await client.send(text)\n"
        "        except ConnectionResetError:\n"
        "            clients.discard(client)\n\n"
        "    await asyncio.gather(*map(send, tuple(clients)))\n\n\n"
        "answer = broadcast",
        hints=(
            "tuple(clients) is a copy, which stays as it is when the set changes.",
            "asyncio.gather(...) awaits many things at the same time.",
            "Write an inner function that sends to one client and catches its error; gather it for each client.",
        ),
        judge=_judge_broadcast,
    ),
    Exercise(
        "10.workers",
        Kind.PREDICT,
        "Two workers",
        "The application is a success, so two processes of it run behind one address. Each has a set of its clients. "
        "Ada and Ben are connected to the first, Eve to the second. The first broadcasts. Who hears it?",
        why="A set in the memory of one process is not there in another. All have one address, and no common list.",
        code='answer = "b"',
        hints=(
            "Which connections can a process write to?",
            "Look at what the loop of the broadcast goes through.",
        ),
        choices=(
            Choice(
                "a",
                "all three: they are connected to one address",
                "The address is that of both; a connection ends in one process.",
            ),
            Choice("b", "Ada and Ben"),
            Choice(
                "c",
                "all three: the second process passes it on",
                "Only if somebody tells it to, and who would? Nothing in WebSocket does.",
            ),
            Choice(
                "d", "nobody: a broadcast needs one process", "It reaches those whose connections the process has."
            ),
        ),
    ),
)
