"""What any bytes may do to each decoder: give an answer that keeps the laws, or raise a documented error.

Each target takes bytes and raises AssertionError, or whatever slipped out, where a law is broken. tests/fuzz/run.py
feeds them with what atheris finds, test_targets.py with the examples of all rules.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tests.laws import assert_partition
from wsviz.protocol.deflate import InflateError, Inflater
from wsviz.protocol.event_stream import parse_event_stream
from wsviz.protocol.fields import Dissection, Incomplete, ProtocolError, Side
from wsviz.protocol.frames import dissect_frame
from wsviz.protocol.handshake import build_response, check_handshake, parse_uri
from wsviz.protocol.http1 import dissect_request, dissect_response, http_bucket
from wsviz.protocol.stream import Stream, StreamDecoder, decode_stream
from wsviz.protocol.subprotocols import parse_stomp, read_payload

DEFLATE = "permessage-deflate"
EXTENSIONS = ("", DEFLATE, f"{DEFLATE}; server_no_context_takeover; client_max_window_bits=9", "x-other", None)


def frame(data: bytes) -> None:
    sender = (None, Side.CLIENT, Side.SERVER)[data[0] % 3] if data else None
    try:
        dissection = dissect_frame(data[1:], sender=sender)
    except Incomplete as cut:
        assert cut.needed > 0
        assert_partition(cut.partial)
        return
    assert_partition(dissection)
    assert dissection.value.serialize() == dissection.raw or _has_top_bit(dissection)


def _has_top_bit(dissection: Dissection[Any]) -> bool:
    return any(finding.rule == "length-top-bit-set" for finding in dissection.findings)


def stream(data: bytes) -> None:
    """Law 3: whole and in pieces, the same."""
    if len(data) < 2:
        return
    sender, extensions, body = (Side.CLIENT, Side.SERVER)[data[0] & 1], EXTENSIONS[data[0] % 5], data[2:]
    limit = 1000 if data[0] & 64 else 1 << 20
    whole = StreamDecoder(sender, extensions, max_message_size=limit)
    pieces = StreamDecoder(sender, extensions, max_message_size=limit)
    expected = [whole.feed(body), whole.finish()]
    cuts, got, at = random.Random(data[1]), [], 0
    while at < len(body):
        step = cuts.choice((1, 2, 3, 50))
        got.append(pieces.feed(body[at : at + step]))
        at += step
    got.append(pieces.finish())
    for name in ("frames", "messages", "findings"):
        assert _joined(expected, name) == _joined(got, name)
    for message in expected[0].messages:
        assert len(message.data) <= limit
    for dissection in expected[0].frames:
        assert_partition(dissection)
    assert decode_stream(body, sender=sender, extensions=extensions, max_message_size=limit).rest == pieces.rest


def _joined(parts: list[Stream], name: str) -> list[Any]:
    return [thing for part in parts for thing in getattr(part, name)]


def deflate(data: bytes) -> None:
    if not data:
        return
    inflater = Inflater(window_bits=8 + data[0] % 8, keep_context=bool(data[0] & 8))
    for payload in data[1:].split(b"\x00\xff\x00"):
        inflater.start()
        size = 0
        try:
            for piece in inflater.pieces(payload):
                size += len(piece)
                if size > 1 << 22:
                    return
            inflater.end()
        except InflateError:
            pass


def request(data: bytes) -> None:
    _dissect(dissect_request, data)


def response(data: bytes) -> None:
    if data:
        method = (None, "GET", "HEAD", "CONNECT")[data[0] & 3]
        _dissect(lambda raw: dissect_response(raw, request_method=method, ended=bool(data[0] & 4)), data[1:])


def _dissect(dissect: Callable[[bytes], Dissection[Any]], data: bytes) -> None:
    try:
        dissection = dissect(data)
    except Incomplete as cut:
        assert_partition(cut.partial)
    except ProtocolError:
        pass
    else:
        assert_partition(dissection)
        assert dissection.raw == data[: len(dissection.raw)]
        assert {http_bucket(field) for field in dissection.fields} <= {"http_header", "http_framing", "http_body"}


def handshake(data: bytes) -> None:
    request_bytes, _, response_bytes = data.partition(b"\x00")
    for judge in (check_handshake, lambda first, _second: build_response(first)):
        with suppress(Incomplete, ProtocolError):
            judge(request_bytes, response_bytes)
    with suppress(ProtocolError):
        parse_uri(data.decode("latin-1"))


def events(data: bytes) -> None:
    at = 0
    for event in parse_event_stream(data):
        assert event.start == at
        at = event.end
    assert at == len(data)


def payload(data: bytes) -> None:
    with suppress(ProtocolError):
        parse_stomp(data)
    for subprotocol in (None, "v12.stomp", "graphql-transport-ws", "json"):
        reading = read_payload(data, subprotocol)
        assert "\n" not in str(reading)


TARGETS = {f.__name__: f for f in (frame, stream, deflate, request, response, handshake, events, payload)}
