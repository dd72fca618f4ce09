"""One direction of a connection: frames, messages, and what shows only across frames."""

from __future__ import annotations

import random
import time
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.streams import Outcome, cut, feed, single_bytes
from wsviz import Frame, Opcode, Severity, Side
from wsviz.protocol.rules import DEFLATE_RULES, FRAME_RULES, STREAM_RULES, Rule
from wsviz.protocol.stream import MAX_MESSAGE_SIZE, Message, StreamDecoder, decode_stream

DEFLATE = "permessage-deflate"
KEY = bytes.fromhex("37fa213d")
RULES = [*FRAME_RULES.values(), *STREAM_RULES.values(), *DEFLATE_RULES.values()]


def outcome(data: bytes, extensions: str | None = "", sender: str = "server") -> Outcome:
    return feed([data], StreamDecoder(sender, extensions))


def texts(messages: Sequence[Message]) -> list[str | None]:
    return [message.text for message in messages]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
def test_the_example_of_each_rule_breaks_that_rule_and_no_other(rule: Rule) -> None:
    limit = MAX_MESSAGE_SIZE if rule.max_message_size is None else rule.max_message_size
    result = feed([rule.example], StreamDecoder(rule.sender, rule.extensions, max_message_size=limit))
    # A frame with the top bit of its length set never ends, so it is cut as well.
    assert result.rules == [rule.slug, *(["frame-cut"] if rule.slug == "length-top-bit-set" else [])]
    found = result.findings[0]
    assert (found.severity, found.section, found.close_code) == (rule.severity, rule.section, rule.close_code)
    assert found.culprit in (rule.sender, None)
    assert rule.meaning.endswith(".")


def test_a_stream_of_everything() -> None:
    data = b"\x81\x05Hello\x01\x03Hel\x89\x02hi\x80\x02lo\x02\x00\x80\x00\x88\x02\x03\xe8\x81"
    stream = decode_stream(data, sender="server")
    assert [dissection.value.opcode for dissection in stream.frames] == [1, 1, 9, 0, 2, 0, 8]
    assert stream.frames.offsets == [0, 7, 12, 16, 20, 22, 24]
    assert [header.end for header in stream.frames.headers] == [7, 5, 4, 4, 2, 2, 4]
    assert not stream.findings
    assert stream.rest == b"\x81"
    assert stream.messages == (
        Message(Side.SERVER, Opcode.TEXT, b"Hello", (0,), False, wire_length=5, length=5),
        Message(Side.SERVER, Opcode.TEXT, b"Hello", (1, 3), False, wire_length=5, length=5),
        Message(Side.SERVER, Opcode.BINARY, b"", (4, 5), False, wire_length=0, length=0),
    )
    assert texts(stream.messages) == ["Hello", "Hello", None]


def test_client_frames_are_unmasked_each_with_its_own_key() -> None:
    frames = [Frame.text("Hello", masking_key=KEY), Frame.text("Hello", masking_key=b"\1\2\3\4")]
    result = outcome(b"".join(frame.serialize() for frame in frames), sender="client")
    assert texts(result.messages) == ["Hello", "Hello"]
    assert [dissection.value for dissection in result.frames] == frames
    assert not result.findings


def test_frames_are_a_sequence() -> None:
    frames = decode_stream(b"\x81\x01a\x81\x01b\x81\x01c", sender=Side.SERVER).frames
    assert len(frames) == 3
    assert frames[-1].value.payload == b"c"
    assert [dissection.value.payload for dissection in frames[1:]] == [b"b", b"c"]
    assert frames.payload(0) == b"a"
    assert frames[0] in frames
    with pytest.raises(IndexError):
        frames[3]


def test_bytes_like_arguments_are_copied() -> None:
    data = bytearray(b"\x81\x05Hello\x81\x05Hel")
    decoder = StreamDecoder("server")
    stream = decoder.feed(memoryview(data))
    data[:] = bytes(len(data))
    assert stream.frames[0].raw == b"\x81\x05Hello"
    assert decoder.rest == b"\x81\x05Hel"
    assert texts(decoder.feed(bytearray(b"lo")).messages) == ["Hello"]


def test_a_sender_is_client_or_server() -> None:
    with pytest.raises(ValueError, match="proxy"):
        StreamDecoder("proxy")


# What a continuation may do: bytes, rules, texts.
FRAGMENTS = [
    (b"\x01\x03Hel\x00\x00\x80\x02lo", [], ["Hello"]),
    (b"\x01\x00\x00\x00\x80\x00", [], [""]),
    (b"\x01\x03Hel\x8a\x00\x80\x02lo", [], ["Hello"]),
    (b"\x80\x02lo\x81\x02hi", ["continuation-without-message"], ["hi"]),
    (b"\x00\x02lo\x80\x02lo\x81\x02hi", ["continuation-without-message"] * 2, ["hi"]),
    (b"\x01\x03Hel\x81\x02hi\x81\x02ho", ["message-interrupted"], ["hi", "ho"]),
    (b"\x01\x03Hel\x01\x01h\x80\x01i", ["message-interrupted"], ["hi"]),
    # The interrupted message is given up: its continuation has none to continue.
    (b"\x01\x03Hel\x81\x02hi\x80\x02lo", ["message-interrupted", "continuation-without-message"], ["hi"]),
    (b"\x01\x03Hel\x83\x02??\x80\x02lo", ["reserved-opcode"], ["Hello"]),
    (b"\x01\x03Hel\x09\x00\x80\x02lo", ["fragmented-control-frame"], ["Hello"]),
    (b"\x01\x03Hel", ["message-unfinished"], []),
    (b"\x01\x03Hel\x88\x00", ["message-unfinished"], []),
    (b"\x01\x03Hel\x80\x02l", ["frame-cut", "message-unfinished"], []),
]


@pytest.mark.parametrize(("data", "rules", "expected"), FRAGMENTS)
def test_fragments(data: bytes, rules: list[str], expected: list[str]) -> None:
    result = outcome(data)
    assert result.rules == rules
    assert texts(result.messages) == expected


# Text: the frame where it shows that it is no UTF-8, or None; and where the fault lies, in bytes of the message.
UTF8 = [
    (b"\x81\x05\xce\xba\xe1\xbd\xb9", None, None),
    (b"\x01\x01\xce\x80\x01\xba", None, None),  # a character is cut between two frames
    (b"\x01\x01\xf0\x00\x01\x9f\x00\x01\x91\x80\x01\x8b", None, None),
    (b"\x81\x04\xf4\x8f\xbf\xbf", None, None),  # U+10FFFF
    (b"\x81\x03\xef\xbf\xbf", None, None),  # a noncharacter is a character
    (b"\x81\x01\x00", None, None),
    (b"\x81\x01\xff", 0, 0),
    (b"\x81\x02a\xce", 0, 1),
    (b"\x81\x02\xc0\xaf", 0, 0),  # overlong
    (b"\x81\x03\xe0\x80\xaf", 0, 0),
    (b"\x81\x04\xf4\x90\x80\x80", 0, 0),  # beyond U+10FFFF
    (b"\x81\x03\xed\xa0\x80", 0, 0),  # a surrogate
    (b"\x01\x02ab\x00\x01\xff\x80\x01c", 1, 2),
    (b"\x01\x01\xf4\x00\x01\x90\x80\x02\x80\x80", 1, 0),  # F4 90 tells, before the character is whole
    (b"\x01\x01\xed\x00\x01\xa0\x80\x01\x80", 1, 0),  # so does ED A0
    (b"\x01\x02a\xed\x00\x01\xbf\x80\x01\xbf", 1, 1),
    (b"\x01\x02a\xce\x00\x00\x80\x00", 2, 1),  # the end of the message tells
    (b"\x01\x01\xff\x00\x01\xff\x80\x01\xff", 0, 0),  # once a message
]


@pytest.mark.parametrize(("data", "frame", "place"), UTF8)
def test_text_is_judged_per_message_and_as_early_as_possible(
    data: bytes, frame: int | None, place: int | None
) -> None:
    result = outcome(data)
    if place is None:
        assert not result.findings
        return
    (finding,) = result.findings
    assert (finding.rule, finding.close_code, finding.frame) == ("text-not-utf8", 1007, frame)
    assert f" at byte {place} " in finding.explanation
    (message,) = result.messages
    assert message.data == b"".join(dissection.value.payload for dissection in result.frames)
    assert "\ufffd" in str(message.text)


def test_only_text_is_judged_as_text() -> None:
    assert not outcome(b"\x82\x01\xff\x89\x01\xff\x8a\x01\xff").findings


def test_a_long_text_is_judged_in_parts() -> None:
    text = "é" * (1 << 20)
    data = (b"a" + text.encode(), b"a" + text.encode() + b"\xff")
    assert not outcome(Frame(Opcode.TEXT, data[0]).serialize()).findings
    (finding,) = outcome(Frame(Opcode.TEXT, data[1]).serialize()).findings
    assert f" at byte {(1 << 21) + 1} (ff)" in finding.explanation


# After Close: what is legal, and what is ignored.
CLOSED = [
    (b"\x88\x00\x8a\x00", []),  # a pong may be due
    (b"\x88\x00\x89\x00", []),
    (b"\x88\x00\x81\x02hi", ["data-after-close"]),
    (b"\x88\x00\x01\x02hi\x80\x00", ["data-after-close"] * 2),
    (b"\x88\x00\x88\x00", ["second-close"]),
    (b"\x88\x00\x88\x01\x03", ["close-body-one-byte", "second-close"]),
    (b"\x88\x00\xf3\x00", ["reserved-bit-set"] * 3 + ["reserved-opcode"]),
    (b"\x88\x00\x81\x01\xff", ["data-after-close", "text-not-utf8"]),
    (b"\x88\x00\x82\x7f" + b"\xff" * 8, ["length-top-bit-set", "frame-cut"]),
    (b"\x08\x00\x81\x00", ["fragmented-control-frame", "data-after-close"]),
]


@pytest.mark.parametrize(("data", "rules"), CLOSED)
def test_what_comes_after_close_asks_for_no_close_code(data: bytes, rules: list[str]) -> None:
    result = outcome(data)
    assert result.rules == rules
    assert all(finding.close_code is None for finding in result.findings if finding.offset)


def test_messages_after_close_are_there_to_be_seen() -> None:
    assert texts(outcome(b"\x88\x00\x81\x02hi").messages) == ["hi"]


def test_a_forgotten_fin_before_close_is_the_senders_fault() -> None:
    assert outcome(b"\x01\x00\x88\x00").findings[0].culprit == Side.SERVER
    assert outcome(b"\x01\x00").findings[0].culprit is None  # or the connection broke, or the capture ended


def test_keys_are_fresh_for_each_frame() -> None:
    text, empty = Frame.text("Hello", masking_key=KEY), Frame.pong(masking_key=KEY)
    other = Frame.ping(b"?", masking_key=b"\1\2\3\4")

    def rules(*frames: Frame) -> list[str]:
        return outcome(b"".join(frame.serialize() for frame in frames), sender="client").rules

    assert rules(text, text, text) == ["masking-key-reused"] * 2
    assert rules(text, empty, text) == ["masking-key-reused"]
    assert not rules(text, other, text)
    assert not rules(empty, text, empty)
    assert rules(*[Frame.text("Hello", masking_key=bytes(4))] * 2) == ["zero-masking-key"] * 2


def test_the_handshake_was_not_seen() -> None:
    data = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x81\x02hi"
    result = outcome(data, None)
    assert result.rules == ["extensions-unknown"]
    assert result.findings[0].severity is Severity.NOTE
    compressed, plain = result.messages
    assert (compressed.compressed, compressed.data, compressed.length, compressed.text) == (
        True,
        data[2:9],
        None,
        None,
    )
    assert (plain.compressed, plain.length, plain.text) == (False, 2, "hi")


def test_reserved_bits_that_nobody_explains_leave_the_data_unjudged() -> None:
    unasked = outcome(b"\xc1\x01\xff")
    assert unasked.rules == ["reserved-bit-set"]
    assert not unasked.messages[0].compressed
    strange = outcome(b"\xc1\x01\xff", "x-unknown")
    assert strange.rules == ["extensions-unknown"]
    assert strange.messages[0].compressed
    assert outcome(b"\xc1\x01\xff", "this is; no = , grammar==").rules == ["extensions-unknown"]


@pytest.mark.parametrize("parts", [[b"Hello"], [b"Hel", b"lo"], [b"Hell", b"", b"o"]])
def test_a_message_is_kept_up_to_the_limit(parts: list[bytes]) -> None:
    frames = [Frame(0 if i else 2, part, fin=i == len(parts) - 1) for i, part in enumerate(parts)]
    data = b"".join(frame.serialize() for frame in frames)
    (message,) = feed([data], StreamDecoder("server", max_message_size=5)).messages
    assert message.data == b"Hello"
    result = feed([data + b"\x82\x01!"], StreamDecoder("server", max_message_size=4))
    assert result.rules == ["message-over-limit"]
    assert result.findings[0].close_code is None
    assert [(message.data, message.length) for message in result.messages] == [(b"Hell", 5), (b"!", 1)]


def test_a_limit_of_nothing_keeps_nothing_and_judges_all() -> None:
    result = feed([b"\x81\x02a\xff"], StreamDecoder("server", max_message_size=0))
    assert result.rules == ["message-over-limit", "text-not-utf8"]
    assert result.messages[0].data == b""


def test_what_is_new_comes_once() -> None:
    decoder = StreamDecoder("server")
    assert not decoder.feed(b"").frames
    assert not decoder.feed(b"\x01").frames
    first = decoder.feed(b"\x01a\x80")
    assert (len(first.frames), first.messages, first.rest, decoder.rest) == (1, (), b"", b"\x80")
    second = decoder.feed(b"\x00")
    assert (second.frames.first, second.frames.offsets, texts(second.messages)) == (1, [3], ["a"])
    end = decoder.finish()
    assert (len(end.frames), end.messages, end.findings, end.rest) == (0, (), (), b"")


def test_finish_says_what_is_cut() -> None:
    result = outcome(b"\x81\x00\x81\x7e\x00")
    (finding,) = result.findings
    assert (finding.rule, finding.frame, finding.offset) == ("frame-cut", 1, 5)
    assert "after 3 bytes, expected at least 4" in finding.explanation
    assert result.rest == b"\x81\x7e\x00"


def test_the_greatest_length_allocates_nothing() -> None:
    data = b"\x82\x7f" + b"\xff" * 8 + bytes(1000)
    tracemalloc.start()
    stream = decode_stream(data, sender="server")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert stream.rest == data
    assert peak < 100_000


# Pieces of streams for law 3: legal ones, broken ones, noise.
PIECES = [rule.example for rule in RULES if not rule.slug.startswith("length-top-bit")] + [
    b"\x81\x05Hello",
    b"\x01\x02\xce\xba",
    b"\x00\x01\xe1",
    b"\x80\x02\xbd\xb9",
    b"\x89\x00",
    b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
    b"\x41\x03\xf2\x48\xcd",
    b"\x80\x04\xc9\xc9\x07\x00",
    b"\xc2\x05\xf2\x00\x11\x00\x00",
    b"\x82\x7e\x01\x00" + bytes(range(256)),
]
settings_of_streams = st.tuples(
    st.sampled_from(["client", "server"]),
    st.sampled_from(["", None, DEFLATE, DEFLATE + "; server_no_context_takeover; client_max_window_bits=8"]),
    st.sampled_from([3, MAX_MESSAGE_SIZE]),
)


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8))),
    settings_of_streams,
    st.lists(st.integers(0, 10_000), max_size=20),
)
def test_law_feeding(parts: list[bytes], setting: tuple[str, str | None, int], places: list[int]) -> None:
    sender, extensions, limit = setting
    data = b"".join(parts)
    outcomes = [
        feed(pieces, StreamDecoder(sender, extensions, max_message_size=limit))
        for pieces in ([data], single_bytes(data), cut(data, places))
    ]
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert b"".join(dissection.raw for dissection in outcomes[0].frames) + outcomes[0].rest == data
    assert outcomes[0].offsets == [
        sum(len(dissection.raw) for dissection in outcomes[0].frames[:i]) for i in range(len(outcomes[0].frames))
    ]
    whole = decode_stream(data, sender=sender, extensions=extensions, max_message_size=limit)
    assert whole.rest == outcomes[0].rest
    assert list(whole.messages) == outcomes[0].messages


def seconds(data: bytes, piece: int = 1 << 30) -> float:
    decoder, start = StreamDecoder("server"), time.process_time()
    for at in range(0, len(data), piece):
        decoder.feed(data[at : at + piece])
    return time.process_time() - start


def test_time_is_linear() -> None:
    """Generous bounds: a quadratic step would take minutes."""
    rng = random.Random(6455)
    assert seconds(Frame.binary(rng.randbytes(10_000_000)).serialize()) < 2
    assert seconds(Frame.text("é" * 5_000_000).serialize()) < 2
    assert seconds(b"\x81\x05Hello" * 100_000) < 10
    assert seconds(b"\x01\x00" + b"\x00\x00" * 1_000_000 + b"\x80\x00") < 40
    assert seconds(Frame.binary(bytes(300_000)).serialize(), 1) < 10  # a long tail, fed byte by byte
    assert seconds(b"\x81\x05Hello" * 30_000, 1) < 10
    assert seconds(b"\x82\x7f" + b"\x7f" * 8 + bytes(10_000_000), 1000) < 2  # never a frame
