"""permessage-deflate: what was negotiated, damage noticed, bombs bounded, every way to compress read back."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.protocol.streams import Outcome, feed
from wsviz import Frame, ProtocolError, Side
from wsviz.protocol.deflate import DeflateParameters, Deflater, InflateError, Inflater, negotiated
from wsviz.protocol.grammar import parse_extensions
from wsviz.protocol.stream import StreamDecoder, decode_stream

DEFLATE = "permessage-deflate"
HELLO = bytes.fromhex("f248cdc9c90700")
DAMAGE = b"\x00\x00\xff\xff\x06"  # the end of a stored block, then a block of type 3, which there is not


def outcome(*frames: Frame, extensions: str = DEFLATE, sender: str = "server") -> Outcome:
    return feed([b"".join(frame.serialize() for frame in frames)], StreamDecoder(sender, extensions))


def compressed(payload: bytes, *, opcode: int = 2, fin: bool = True) -> Frame:
    return Frame(opcode, payload, rsv1=True, fin=fin)


def words(rng: random.Random, size: int) -> bytes:
    """Bytes that deflate shortens, and that are never the same twice."""
    return b" ".join(rng.choice([b"tick", b"trade", b"price", b"%d" % rng.randrange(10**6)]) for _ in range(size))


# RFC 7692 7.2.3, its examples; each says "Hello".
EXAMPLES = {
    "7.2.3.1 fixed block": ["f248cdc9c90700"],
    "7.2.3.2 context kept": ["f248cdc9c90700", "f200110000"],
    "7.2.3.3 stored block": ["000500faff48656c6c6f00"],
    "7.2.3.4 BFINAL": ["f348cdc9c9070000"],
    "7.2.3.5 two blocks": ["f24805000000ffffcac9c90700"],
    "context kept over BFINAL": ["f348cdc9c9070000", "f200110000"],
}


@pytest.mark.parametrize("payloads", EXAMPLES.values(), ids=EXAMPLES)
def test_the_examples_of_the_rfc(payloads: list[str]) -> None:
    frames = [compressed(bytes.fromhex(payload), opcode=1) for payload in payloads]
    result = outcome(*frames)
    assert [message.text for message in result.messages] == ["Hello"] * len(frames)
    assert all(finding.rule == "deflate-final-block" for finding in result.findings)
    for message, frame in zip(result.messages, frames, strict=True):
        assert (message.compressed, message.wire_length, message.length) == (True, len(frame.payload), 5)


def test_the_example_in_two_fragments() -> None:
    # RFC 7692 7.2.3.1: 41 03 f2 48 cd 80 04 c9 c9 07 00
    stream = decode_stream(b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00", sender="server", extensions=DEFLATE)
    assert [message.text for message in stream.messages] == ["Hello"]
    assert not stream.findings


@pytest.mark.parametrize("payload", [b"\x00", b"\x02\x00", b"\x03\x00\x00", b"\x00\x00\x00\xff\xff\x00"])
def test_the_ways_to_say_nothing(payload: bytes) -> None:
    result = outcome(compressed(payload, opcode=1), compressed(HELLO, opcode=1), compressed(b"\xf2\x00\x11\x00\x00"))
    assert [message.data for message in result.messages] == [b"", b"Hello", b"Hello"]
    assert set(result.rules) <= {"deflate-final-block"}


def test_an_uncompressed_message_leaves_the_window_untouched() -> None:
    result = outcome(
        compressed(HELLO), Frame.text("uncompressed"), Frame.text(""), compressed(b"\xf2\x00\x11\x00\x00")
    )
    assert [message.data for message in result.messages] == [b"Hello", b"uncompressed", b"", b"Hello"]
    assert [message.compressed for message in result.messages] == [True, False, False, True]
    assert not result.findings


def test_control_frames_between_fragments_are_not_compressed() -> None:
    result = outcome(compressed(HELLO[:3], fin=False), Frame.ping(b"hi"), Frame(0, HELLO[3:]))
    assert [message.data for message in result.messages] == [b"Hello"]
    assert result.frames[1].value.payload == b"hi"
    assert not result.findings


def test_text_is_judged_after_inflation_wherever_frames_cut() -> None:
    payload = Deflater().compress("κόσμε".encode() * 100)
    frames = [compressed(payload[:1], opcode=1, fin=False)]
    frames += [Frame(0, payload[i : i + 1], fin=i == len(payload) - 1) for i in range(1, len(payload))]
    result = outcome(*frames)
    assert [message.text for message in result.messages] == ["κόσμε" * 100]
    assert not result.findings
    (finding,) = outcome(compressed(Deflater().compress(b"a" * 70_000 + b"\xff"), opcode=1)).findings
    assert (finding.rule, finding.close_code) == ("text-not-utf8", 1007)
    assert " at byte 70000 " in finding.explanation


# One side's parameter governs what that side sends. (Wireshark 4.4 has them swapped.)
@pytest.mark.parametrize("sender", ["client", "server"])
@pytest.mark.parametrize("whose", ["client", "server"])
def test_parameters_govern_their_own_direction(sender: str, whose: str) -> None:
    deflater = Deflater()
    frames = [compressed(deflater.compress(b"Hello, Hello")) for _ in range(3)]
    if sender == "client":
        frames = [Frame(f.opcode, f.payload, rsv1=True, masking_key=bytes([i] * 4)) for i, f in enumerate(frames, 1)]
    result = outcome(*frames, sender=sender, extensions=f"{DEFLATE}; {whose}_no_context_takeover")
    if sender == whose:
        assert result.rules == ["deflate-data-broken"] * 2
        assert "too far back" in result.findings[0].explanation
        assert "not kept between messages" in result.findings[0].explanation
    else:
        assert not result.findings
        assert [message.data for message in result.messages] == [b"Hello, Hello"] * 3


@pytest.mark.parametrize("bits", range(8, 16))
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("level", [0, 1, 6, 9])
@pytest.mark.parametrize("final", [False, True])
def test_what_the_deflater_writes_the_inflater_reads(bits: int, keep: bool, level: int, final: bool) -> None:
    rng = random.Random(bits)
    deflater = Deflater(window_bits=bits, keep_context=keep, level=level)
    inflater = Inflater(window_bits=bits, keep_context=keep)
    for size in (0, 1, 5, 100, 0, 5000, 20_000, 3, 3):
        data = words(rng, size)
        payload = deflater.compress(data, final_block=final)
        assert payload
        assert inflater.inflate(payload) == data


@pytest.mark.parametrize("bits", range(8, 16))
def test_kept_context_shortens_what_repeats(bits: int) -> None:
    data = bytes(random.Random(bits).sample(range(256), 200))
    kept, dropped = Deflater(window_bits=bits), Deflater(window_bits=bits, keep_context=False)
    assert len(dropped.compress(data)) == len(dropped.compress(data)) >= 200
    kept.compress(data)
    assert len(kept.compress(data)) < 20
    kept.compress(data, final_block=True)
    assert len(kept.compress(data)) < 20


@pytest.mark.parametrize("bits", range(8, 15))
def test_a_reference_beyond_the_negotiated_window_is_noticed(bits: int) -> None:
    rng = random.Random(bits)
    first, between = rng.randbytes(100), rng.randbytes(4 << bits)
    deflater = Deflater(window_bits=15)
    frames = [compressed(deflater.compress(data)) for data in (first, between[:25_000], first)]
    assert not outcome(*frames).findings
    (finding,) = outcome(*frames, extensions=f"{DEFLATE}; server_max_window_bits={bits}").findings
    assert (finding.rule, finding.frame) == ("deflate-data-broken", 2)


def test_window_bits_outside_the_range_are_refused() -> None:
    for bits in (7, 16):
        with pytest.raises(ProtocolError, match="expected 8 to 15"):
            Deflater(window_bits=bits)


def test_every_cut_of_hello_is_noticed() -> None:
    for payload in ("f248cdc9c90700", "000500faff48656c6c6f00", "f348cdc9c9070000", "f24805000000ffffcac9c90700"):
        raw = bytes.fromhex(payload)
        for end in range(1, len(raw)):
            rules = outcome(compressed(raw[:end])).rules
            if raw[:end] in (b"\x00", b"\xf2\x48\x05\x00"):
                assert not rules  # an empty message, and "He": these cuts are whole messages
            else:
                assert "deflate-data-cut" in rules, (payload, end)


@pytest.mark.parametrize("keep", [True, False])
def test_400_random_cuts_are_noticed_and_poison_nothing(keep: bool) -> None:
    rng = random.Random(7692)
    extensions = DEFLATE if keep else f"{DEFLATE}; server_no_context_takeover"
    for _ in range(400):
        payload = Deflater(level=rng.randrange(10)).compress(words(rng, rng.randrange(1, 300)))
        after = Deflater(keep_context=False).compress(b"after")
        result = outcome(
            compressed(payload[: rng.randrange(1, len(payload))]), compressed(after), extensions=extensions
        )
        assert result.rules == ["deflate-data-cut"]
        assert result.findings[0].close_code == 1007
        assert result.messages[1].data == b"after"


def test_damage_shows_what_came_before_it_and_poisons_nothing() -> None:
    payload = Deflater(level=0).compress(b"before") + DAMAGE
    result = outcome(compressed(payload, opcode=1), compressed(b"\xf2\x00\x11\x00\x00"), compressed(HELLO))
    assert result.rules[0] == "deflate-data-broken"
    assert "invalid block type" in result.findings[0].explanation
    assert [result.messages[0].text, result.messages[2].data] == ["before", b"Hello"]


def test_after_damage_the_window_goes_on_as_far_as_it_was_filled() -> None:
    deflater = Deflater()
    first, broken, third = (deflater.compress(data) for data in (b"Hello, Hello", b"", b"Hello, Hello"))
    result = outcome(compressed(first), compressed(broken + DAMAGE), compressed(third))
    assert result.rules == ["deflate-data-broken"]
    assert result.messages[2].data == b"Hello, Hello"


def test_rsv1_with_no_byte_is_an_error_that_poisons_nothing() -> None:
    empty = [compressed(b""), compressed(b"", fin=False), Frame(0, b"")]
    result = outcome(compressed(HELLO), *empty, compressed(b"\xf2\x00\x11\x00\x00"))
    assert result.rules == ["deflate-no-data"] * 2
    assert [finding.frame for finding in result.findings] == [1, 3]
    assert [message.data for message in result.messages] == [b"Hello", b"", b"", b"Hello"]


def test_an_unfinished_message_poisons_nothing() -> None:
    result = outcome(compressed(HELLO[:4], fin=False), compressed(HELLO))
    assert result.rules == ["message-interrupted"]
    assert [message.data for message in result.messages] == [b"Hello"]


def test_damage_in_one_fragment_leaves_the_others_unread() -> None:
    result = outcome(compressed(b"\x06", opcode=1, fin=False), Frame(0, HELLO, fin=False), Frame(0, b"\xff"))
    assert result.rules == ["deflate-data-broken"]
    assert (result.messages[0].data, result.messages[0].wire_length) == (b"", 9)


def peak(data: bytes, limit: int) -> tuple[int, Outcome]:
    tracemalloc.start()
    try:
        result = feed([data], StreamDecoder("server", DEFLATE, max_message_size=limit))
        return tracemalloc.get_traced_memory()[1], result
    finally:
        tracemalloc.stop()


def test_bombs_are_bounded_and_their_size_is_said() -> None:
    bomb = Deflater(level=9).compress(bytes(50_000_000))
    assert len(bomb) < 50_000
    memory, result = peak((compressed(bomb).serialize() + compressed(HELLO).serialize()), 1 << 20)
    assert result.rules == ["message-over-limit"]
    big, after = result.messages
    assert (len(big.data), big.length, big.wire_length) == (1 << 20, 50_000_000, len(bomb))
    assert after.data == b"Hello"
    assert memory < 5 << 20  # the message twice while it is joined, the window, the frame
    with pytest.raises(ProtocolError, match="more than 1,048,576 bytes"):
        Inflater().inflate(bomb, max_size=1 << 20)


def test_a_bomb_of_final_blocks_is_read_in_linear_time() -> None:
    payload = (
        Deflater().compress(words(random.Random(1), 9000), final_block=True)[:-1] + b"\x03\x00" * 50_000 + b"\x00"
    )
    result = outcome(compressed(payload))
    assert result.rules == ["deflate-final-block"]
    assert "50,001 blocks" in result.findings[0].explanation


NEGOTIATED = [
    ("", None),
    ("x-other", None),
    ("x-other, permessage-deflate", DeflateParameters()),
    ("permessage-deflate; server_no_context_takeover", DeflateParameters(server_no_context_takeover=True)),
    ("PERMESSAGE-DEFLATE ;client_max_window_bits = 9", DeflateParameters(client_max_window_bits=9)),
    ('permessage-deflate; server_max_window_bits="10"', DeflateParameters(server_max_window_bits=10)),
    # What the client must refuse is the handshake's fault; the data is read as well as it can be.
    ("permessage-deflate; server_max_window_bits=16", DeflateParameters()),
    (None, None),
    ("no; grammar == here", None),
]


@pytest.mark.parametrize(("extensions", "parameters"), NEGOTIATED)
def test_what_was_negotiated(extensions: str | None, parameters: DeflateParameters | None) -> None:
    assert negotiated(extensions) == parameters


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ("server_max_window_bits=7", "is '7', expected 8 to 15"),
        ("server_max_window_bits=16", "is '16'"),
        ("server_max_window_bits=08", "is '08'"),
        ("client_max_window_bits", "is None"),  # for offers only
        ("server_no_context_takeover=1", "has the value '1', expected none"),
        ("client_no_context_takeover; client_no_context_takeover", "twice"),
        ("level=9", "no parameter 'level'"),
    ],
)
def test_parameters_that_the_client_refuses(parameters: str, says: str) -> None:
    (extension,) = parse_extensions(f"{DEFLATE}; {parameters}")
    with pytest.raises(ProtocolError, match=says):
        DeflateParameters.of(extension)


def test_sides() -> None:
    parameters = DeflateParameters(True, False, 9, 10)
    assert (parameters.keeps_context(Side.SERVER), parameters.window_bits(Side.SERVER)) == (False, 9)
    assert (parameters.keeps_context(Side.CLIENT), parameters.window_bits(Side.CLIENT)) == (True, 10)


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=400), st.booleans())), st.integers(8, 15), st.booleans())
def test_law_round_trip(messages: Sequence[tuple[bytes, bool]], bits: int, keep: bool) -> None:
    deflater, inflater = (
        Deflater(window_bits=bits, keep_context=keep),
        Inflater(window_bits=bits, keep_context=keep),
    )
    for data, final in messages:
        assert inflater.inflate(deflater.compress(data, final_block=final)) == data


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40)))
def test_any_bytes_are_a_message_or_a_named_error(payloads: list[bytes]) -> None:
    inflater = Inflater()
    for payload in payloads:
        try:
            inflater.inflate(payload)
        except InflateError as error:
            assert error.close_code == 1007
            assert error.rule in ("deflate-no-data", "deflate-data-broken", "deflate-data-cut")
        # Nothing is poisoned.
        assert inflater.inflate(Deflater(keep_context=False).compress(b"after")) == b"after"
