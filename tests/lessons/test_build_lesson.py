"""Lesson 10's exercises: functions that are right, each misconception, nothing; and what its text relies on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.lessons.feed import feed
from wsviz import Frame, accept_key, apply_mask, build_response
from wsviz.lessons import build_crowd, build_lesson, lesson, recording


def key_of(request: bytes) -> str:
    lines = [line.partition(":") for line in request.decode().split("\r\n")[1:]]
    return next(value.strip() for name, _, value in lines if name.lower() == "sec-websocket-key")


def response(key: str, *, end: str = "\r\n", more: str = "", status: str = "101 Switching Protocols") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {key}"]
    return (end.join(lines) + end + end + more).encode()


def answers(**changes: str) -> Any:
    return lambda request: response(accept_key(key_of(request)), **changes)


async def waiting(data: bytes) -> bytes:
    return response(accept_key(key_of(data)))


ACCEPT_WRONG = [
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "the answer is your function: its name, accept"),
    (waiting, "def alone will do"),
    (lambda request: None, "gives NoneType, and a socket takes bytes"),
    (lambda request: response(accept_key(key_of(request))).decode(), "gives str"),
    (lambda request: request["key"], "your function raised TypeError"),
    (
        lambda request: response("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        "For the key x3JJHMbDL1EzLkh9GBhXDw==: the accept key answers another key",
    ),
    (lambda request: response(str(accept_key(key_of(request)).encode())), "Decode them first"),
    (lambda request: response(key_of(request)), "the client's own key"),
    (lambda request: response("A" * 27 + "="), "does not answer the key"),
    (
        lambda request: response(build_lesson.base64.b64encode(build_lesson._sha1(b"the sample nonce")).decode()),
        "does not answer the key",
    ),
    (answers(end="\n"), "some of yours with LF alone"),
    (answers(more="hello"), "5 bytes come after the empty line"),
    (answers(status="200 OK"), "response status is '200 OK'"),
    (lambda request: response(accept_key(key_of(request)))[:-2], "the header does not end"),
    (
        lambda request: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        "response Connection is missing",
    ),
    (
        lambda request: response(accept_key(key_of(request)), more="").replace(
            b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: wsviz.demo\r\n\r\n"
        ),
        "response Sec-WebSocket-Protocol",
    ),
    (
        lambda request: response(accept_key(request.decode().partition("Sec-WebSocket-Key: ")[2][:24])),
        "whose header names are in small letters",
    ),
]


def parse(data: bytes, *, unmask: bool = True, whole: bool = True, opcode: int = 15, short: bool = False) -> Any:
    """A parser of a learner, right unless told otherwise."""
    if whole and len(data) < 2:
        return None
    length, start = data[1] & 127, 2
    if length == 126 and not short:
        length, start = int.from_bytes(data[2:4], "big"), 4
    elif length == 127 and not short:
        length, start = int.from_bytes(data[2:10], "big"), 10
    end = start + 4 + length
    if whole and len(data) < max(end, start + 4, 4 if data[1] & 127 == 126 else 10 if data[1] & 127 == 127 else 0):
        return None
    payload = data[start + 4 : end]
    return data[0] & opcode, apply_mask(payload, data[start : start + 4]) if unmask else payload, end


def with_used(change: Any) -> Any:
    """A parser that gives another number of bytes used."""

    def changed(data: bytes) -> Any:
        if (found := parse(data)) is None:
            return None
        return found[0], found[1], change(data, found)

    return changed


PARSE_WRONG = [
    ((1, b"Hello", 11), "the answer is your function: its name, parse_frame"),
    (lambda data: None, "Of a text of 5 bytes: your function gives None"),
    (lambda data: (1, b"Hello"), "gives tuple, expected three things"),
    (waiting, "def alone will do"),
    (lambda data: parse(data, opcode=255), "more than its four bits"),
    (lambda data: parse(data, opcode=127), "Of a compressed text, RSV1=1: what you give as the opcode has more"),
    (lambda data: ("1", b"Hello", 11), "the opcode is of type str"),
    (lambda data: parse(data, unmask=False), "the payload is still masked"),
    (
        lambda data: parse(data, whole=False),
        "your function raised IndexError: index out of range. The frame is not whole yet",
    ),
    (lambda data: parse(data + bytes(70_000)), "the frame is not whole yet: give None"),
    (lambda data: parse(data) or False, "your function gives False, and the frame is not whole yet"),
    (lambda data: parse(data, short=True), "300 bytes, with 16 bits of length"),
    (lambda data: (9, b"", 6), "the opcode is not 9"),
    (lambda data: (1, "Hello", 11), "the payload is of type str"),
    (lambda data: (1, b"Hellx", 11), "right length and wrong bytes"),
    (lambda data: (1, data[2:], len(data)), "begins with the masking key"),
    (lambda data: (1, b"Hello" + bytes(len(data) - 11), 11), "goes on into the next frame"),
    (with_used(lambda data, found: len(found[1])), "you give as used is the payload alone"),
    (with_used(lambda data, found: len(data) - found[2]), "is what is left"),
    (with_used(lambda data, found: data[found[2] :]), "as used is of type bytes"),
    (with_used(lambda data, found: len(data)), "you used up the next frame as well"),
    (with_used(lambda data, found: found[2] + 1), "is not the number of bytes that the frame takes"),
]


async def one_by_one(clients: set[Any], text: str) -> None:
    for client in clients:
        await client.send(text)


async def careful_one_by_one(clients: set[Any], text: str) -> None:
    for client in tuple(clients):
        try:
            await client.send(text)
        except ConnectionResetError:
            clients.discard(client)


async def changing(clients: set[Any], text: str) -> None:
    for client in clients:
        try:
            await client.send(text)
        except ConnectionResetError:
            clients.discard(client)


async def gathered(clients: set[Any], text: str) -> None:
    await asyncio.gather(*(client.send(text) for client in clients), return_exceptions=True)


async def grouped(clients: set[Any], text: str) -> None:
    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(client.send(text))


async def forgetful(clients: set[Any], text: str) -> None:
    for client in clients:
        client.send(text)


async def thorough(clients: set[Any], text: str) -> None:
    await gathered(clients, text)
    clients.clear()


async def twice(clients: set[Any], text: str) -> None:
    await gathered(clients, text)
    await gathered(clients, text)


async def endless(clients: set[Any], text: str) -> None:
    while True:
        await asyncio.sleep(1)


async def broken(clients: set[Any], text: str) -> None:
    raise LookupError("no such room.")


BROADCAST_WRONG = [
    ("broadcast", "the answer is your function: its name, broadcast"),
    (lambda clients, text: None, "it must be async def"),
    (one_by_one, "The dead client's ConnectionResetError comes out"),
    (careful_one_by_one, "One client that reads slowly holds up the others"),
    (changing, "The set changed while your function went through it"),
    (gathered, "The dead client is still in clients"),
    (grouped, "A TaskGroup cancels all its tasks"),
    (forgetful, "heard nothing. Was send awaited?"),
    (thorough, "lives, and is no longer in clients"),
    (twice, "was to hear the text, once"),
    (broken, "Your function raised LookupError: no such room."),
]


def in_tasks(clients: set[Any], text: str) -> Any:
    """Right as well: it leaves the sending to tasks of their own."""

    async def send(client: Any) -> None:
        try:
            await client.send(text)
        except ConnectionResetError:
            clients.discard(client)

    async def broadcast() -> None:
        for client in tuple(clients):
            asyncio.create_task(send(client))  # noqa: RUF006

    return broadcast()


def packets() -> list[int]:
    return [int(each) for each in build_lesson._copies()["packet"]]


def test_exercises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_crowd, "PATIENCE", 1.0)
    copies, texts = packets(), recording("broadcast").messages
    feed(
        "10",
        right={
            "accept": [build_response, answers(), lambda request: bytearray(build_response(request))],
            "parse_frame": [parse, lambda data: None if (found := parse(data)) is None else list(found)],
            "copies": [copies[::-1], set(copies), [float(each) for each in copies], build_lesson._copies()["packet"]],
            "broadcast": [in_tasks],
            "workers": ["B)"],
        },
        wrong={
            "accept": ACCEPT_WRONG,
            "parse_frame": PARSE_WRONG,
            "copies": [
                (copies[0], "and not the only one"),
                ((*copies, int(texts["packet"][0])), "brings 'news 1', which is another text"),
                ((*copies, 1), "No message ends in packet 1"),
                ("news 4", "the numbers of packets"),
            ],
            "broadcast": BROADCAST_WRONG,
            "workers": [("Ada", "none of the answers")],
        },
    )


def test_a_function_that_waits_forever_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build_crowd, "PATIENCE", 0.1)
    assert "holds up the others" in str(lesson("10").broadcast.check(endless))


def test_the_recording_of_a_broadcast() -> None:
    news = recording("broadcast")
    heard = news.messages.groupby("text", sort=False)["connection"].agg(sorted)
    assert heard.tolist()[:3] == [[0, 1, 2]] * 3
    assert heard.tolist()[3:] == [[0, 2]] * 3
    frames = {frame.dissection.raw for each in news.connections for frame in each.frames if frame.index == 0}
    assert len({raw for raw in frames if raw[0] == Frame.text("").serialize()[0]}) == 1
