"""The forms of lengths, how messages, frames and segments are cut, and compression."""

from __future__ import annotations

import pytest

from captures.scenarios.deflate import LIKE_MESSAGES, RANDOM, WINDOW_BITS
from captures.scenarios.frames import CUT_TEXT, FIVE, LENGTHS, NOT_RETURNED, PING, WELCOME
from tests.captures.recordings import (
    CLIENT,
    SERVER,
    answered,
    asked,
    only,
    only_connection,
    opcodes,
    recording,
    texts,
)
from wsviz import Opcode, Side
from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.protocol.negotiation import extension_list

FORMS = {0: 7, 125: 7, 126: 16, 127: 16, 65535: 16, 65536: 64}
"""Bits in which each length is written."""


def sent(connection: Connection, sender: Side) -> list[CapturedFrame]:
    """The frames of one side, its Close left out."""
    return [f for f in connection.frames if f.sender is sender and f.frame.opcode is not Opcode.CLOSE]


def payload_sizes(connection: Connection, path: str) -> list[int]:
    """The bytes of TCP payload in each packet of the client that has any."""
    packets = recording(path).packets
    own = packets[(packets["connection"] == connection.index) & (packets["sender"] == "client")]
    return [int(size) for size in own["payload_length"] if size]


# ---- lengths ----


def test_six_lengths_and_five_of_them_back() -> None:
    connection = only_connection("lengths")
    there, back = ([len(f.frame.payload) for f in sent(connection, side)] for side in (CLIENT, SERVER))
    assert tuple(there) == LENGTHS == tuple(FORMS)
    assert back == [length for length in there if length != NOT_RETURNED]
    returned = [m.data for m in connection.messages if m.sender is SERVER]
    assert returned == [m.data for m in connection.messages if m.sender is CLIENT and len(m.data) != NOT_RETURNED]


def test_each_length_in_the_form_that_it_needs() -> None:
    connection = only_connection("lengths")
    for captured in connection.frames:
        if captured.frame.opcode is Opcode.BINARY:
            bits = FORMS[len(captured.frame.payload)]
            header = 2 + (0 if bits == 7 else bits // 8) + (4 if captured.sender is CLIENT else 0)
            assert len(captured.dissection.raw) - len(captured.frame.payload) == header
            assert captured.dissection.value.length_bits is None  # the shortest form


def test_the_longest_frame_takes_many_segments() -> None:
    connection = only_connection("lengths")
    longest = max(connection.frames, key=lambda captured: len(captured.frame.payload))
    assert len(longest.packets) > 40


# ---- fragments ----


def test_one_frame_in_segments_of_one_byte() -> None:
    connection = only(recording("fragments"), "/one-byte-segments")
    (hello,) = sent(connection, CLIENT)
    assert (hello.frame.payload, len(hello.packets)) == (b"Hello", len(hello.dissection.raw))
    assert payload_sizes(connection, "fragments")[1:-1] == [1] * 11
    assert texts(connection, SERVER) == ["Hello"]


def test_five_frames_in_one_segment() -> None:
    connection = only(recording("fragments"), "/five-in-one-segment")
    assert len({captured.packets for captured in sent(connection, CLIENT)}) == 1
    assert texts(connection, CLIENT) == texts(connection, SERVER) == list(FIVE)


def test_a_ping_between_fragments() -> None:
    connection = only(recording("fragments"), "/ping-between-fragments")
    first, ping, last = sent(connection, CLIENT)
    assert (first.frame.opcode, first.frame.fin) == (Opcode.TEXT, False)
    assert (ping.frame.opcode, ping.frame.payload) == (Opcode.PING, PING)
    assert (last.frame.opcode, last.frame.fin) == (Opcode.CONTINUATION, True)
    pong, echo = sent(connection, SERVER)
    assert (pong.frame.opcode, pong.frame.payload) == (Opcode.PONG, PING)
    assert echo.frame.payload == first.frame.payload + last.frame.payload
    (message, _) = connection.messages
    assert message.frames == (0, 2)


def test_characters_cut_between_frames() -> None:
    connection = only(recording("fragments"), "/characters-cut")
    pieces = [captured.frame.payload for captured in sent(connection, CLIENT)]
    assert len(pieces) == 4 and b"".join(pieces).decode() == CUT_TEXT
    for piece in pieces:
        with pytest.raises(UnicodeDecodeError):
            piece.decode()
    assert texts(connection, CLIENT) == texts(connection, SERVER) == [CUT_TEXT]
    assert opcodes(connection, SERVER) == [Opcode.TEXT, Opcode.CLOSE]


def test_a_frame_in_the_segment_of_the_101() -> None:
    connection = only(recording("fragments"), "/beside-the-101")
    (welcome,) = sent(connection, SERVER)
    assert welcome.packets == (connection.exchanges[0].response_packet,)
    assert texts(connection, SERVER) == [WELCOME]


# ---- deflate ----


def sizes(path: str, sender: Side) -> list[int]:
    """The bytes of each message on the wire."""
    return [m.wire_length for m in only(recording("deflate"), path).messages if m.sender is sender]


@pytest.mark.parametrize("prefix", ["", "/chromium"])
def test_a_window_that_is_kept_saves(prefix: str) -> None:
    for sender in Side:
        first, *later = sizes(f"{prefix}/kept", sender)
        assert first < len(LIKE_MESSAGES[0])
        assert max(later) < first / 3


@pytest.mark.parametrize("prefix", ["", "/chromium"])
def test_a_window_that_is_forgotten_saves_nothing_from_message_to_message(prefix: str) -> None:
    for sender in Side:
        first, *later = sizes(f"{prefix}/forgotten", sender)
        assert all(abs(size - first) <= 3 for size in later)


def test_random_bytes_get_longer() -> None:
    connection = only(recording("deflate"), "/incompressible")
    for message in connection.messages:
        assert message.data == RANDOM
        assert message.wire_length > len(RANDOM)


def test_every_message_is_compressed_and_inflates_to_what_was_sent() -> None:
    for connection in recording("deflate").connections:
        for captured in connection.frames:
            assert captured.frame.rsv1 == (captured.frame.opcode is not Opcode.CLOSE)
        if asked(connection).target != "/incompressible":
            assert tuple(texts(connection, CLIENT)) == tuple(texts(connection, SERVER)) == LIKE_MESSAGES


def test_the_same_offer_and_two_answers() -> None:
    connections = recording("deflate").connections
    assert {asked(c).header("Sec-WebSocket-Extensions") for c in connections} == {
        "permessage-deflate; client_max_window_bits"
    }
    for connection in connections:
        ((_, parameters),) = extension_list(answered(connection).header("Sec-WebSocket-Extensions") or "")
        forgets = asked(connection).target.endswith("/forgotten")
        names = {"client_no_context_takeover", "server_no_context_takeover"} & dict(parameters).keys()
        assert len(names) == (2 if forgets else 0)
        assert dict(parameters)["server_max_window_bits"] == str(WINDOW_BITS)
