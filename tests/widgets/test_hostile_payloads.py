"""Ten hostile megabytes in every widget that takes bytes: a small picture of harmless text, soon."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk
from wsviz import Frame, Opcode
from wsviz.capture.connection import Connection
from wsviz.widgets import (
    CloseExplorer,
    EventStreamView,
    FragmentTimeline,
    FrameDiagram,
    HandshakeNegotiator,
    Ladder,
    MaskStepper,
)
from wsviz.widgets.base import PictureWidget

EVIL = '</script><img src=x onerror="document.title = 1 / 0">\u202e\x1b[31m\x00 '.encode()
SIZE = 10_000_000
BIG = (EVIL * (SIZE // len(EVIL) + 1))[:SIZE].decode(errors="ignore").encode()
KEY = bytes.fromhex("37fa213d")
SEGMENT = 60_000

LARGEST = 400_000  # characters of a picture as JSON, and of its figure
SECONDS = 10  # of processor time; most widgets take a tenth of one


@cache
def captured(sent: bytes) -> Connection:
    """A WebSocket whose server sends these bytes."""
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE, 0)
    for start in range(0, len(sent), SEGMENT):
        talk.server(sent[start : start + SEGMENT], len(RESPONSE) + start)
    return talk.capture().connections[0]


MESSAGE = Frame.text(BIG.decode()).serialize()
PINGS = Frame.ping(EVIL[:100]).serialize() * 20_000
MADE: dict[str, Callable[[], PictureWidget]] = {
    "FrameDiagram": lambda: FrameDiagram(Frame(Opcode.TEXT, BIG, masking_key=KEY), sender="client"),
    "FrameDiagram: Close": lambda: FrameDiagram(Frame(Opcode.CLOSE, b"\x03\xe8" + BIG)),
    "FrameDiagram: more bytes": lambda: FrameDiagram(b"\x81\x00" + BIG),
    "MaskStepper": lambda: MaskStepper(BIG),
    "MaskStepper: unmasking": lambda: MaskStepper(BIG, KEY, unmask=True),
    "FragmentTimeline": lambda: FragmentTimeline([Frame(Opcode.TEXT, BIG, masking_key=KEY)]),
    "FragmentTimeline: captured": lambda: FragmentTimeline(captured(MESSAGE), side="server"),
    "FragmentTimeline: pings": lambda: FragmentTimeline(captured(PINGS), side="server"),
    "EventStreamView": lambda: EventStreamView(b"data: " + BIG),
    "EventStreamView: empty lines": lambda: EventStreamView(b"\n" * SIZE),
    "EventStreamView: events": lambda: EventStreamView(b"data: " + BIG.replace(b" ", b"\n\ndata: ")),
    "HandshakeNegotiator: a header": lambda: HandshakeNegotiator(
        REQUEST[:-2] + b"X: " + EVIL[:-10] * 190_000 + b"\r\n\r\n"
    ),
    "HandshakeNegotiator: a target": lambda: HandshakeNegotiator(REQUEST.replace(b"/chat", b"/chat" * 1_000_000)),
    "HandshakeNegotiator: a body": lambda: HandshakeNegotiator(REQUEST + BIG),
    "HandshakeNegotiator: an answer": lambda: HandshakeNegotiator(
        REQUEST, b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BIG) + BIG
    ),
    "CloseExplorer": lambda: CloseExplorer(Frame(Opcode.CLOSE, b"\x03\xe8" + BIG)),
    "CloseExplorer: captured": lambda: CloseExplorer(captured(Frame(Opcode.CLOSE, b"\x03\xe8" + BIG).serialize())),
    "Ladder": lambda: Ladder(captured(MESSAGE)),
    "Ladder: pings": lambda: Ladder(captured(PINGS)),
}


def texts(value: Any) -> Iterator[str]:
    """Every text in a picture, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from texts([*value.keys(), *value.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)


@pytest.mark.parametrize("name", MADE)
def test_ten_megabytes_make_a_small_and_harmless_picture(name: str) -> None:
    make = MADE[name]
    if "captured" in make.__code__.co_names:
        make()  # reading the capture is the engine's time
    begun = time.process_time()
    widget = make()
    figure = widget.figure
    spent = time.process_time() - begun
    assert len(json.dumps(widget.picture)) < LARGEST
    assert len(figure.svg + figure.text) < LARGEST
    for text in (figure.svg, figure.text, *texts(widget.picture)):
        assert all(char.isprintable() or char in "\n\t" for char in text)
    assert spent < SECONDS


def test_bytes_with_too_many_frames_are_refused_before_they_are_decoded() -> None:
    begun = time.process_time()
    with pytest.raises(ValueError, match="more frames than expected: at most 2,000"):
        FragmentTimeline(b"\x89\x00" * (SIZE // 2))
    assert time.process_time() - begun < SECONDS
