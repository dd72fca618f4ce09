"""Every bit of compressed data has a name; what the symbols say is what zlib and the engine's inflater say."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wsviz import ProtocolError
from wsviz.figures.deflate_symbols import Reading, read_symbols
from wsviz.protocol.deflate import STRIPPED, Deflater, Inflater

STRATEGIES = (zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED)
# RFC 7692 7.2.3, its examples of "Hello" and what each is made of.
EXAMPLES = {
    "f248cdc9c90700": "block literal literal literal literal literal end block padding stored",
    "000500faff48656c6c6f00": "block padding stored block padding stored",
    "f348cdc9c9070000": "block literal literal literal literal literal end padding block padding stored",
    "f24805000000ffffcac9c90700": (
        "block literal literal end block padding stored block literal literal literal end block padding stored"
    ),
}

TEXTS = st.lists(
    st.one_of(
        st.binary(max_size=300),
        st.text("ab {}:", max_size=400).map(str.encode),
        st.tuples(st.binary(min_size=1, max_size=20), st.integers(1, 200)).map(lambda parts: parts[0] * parts[1]),
    ),
    min_size=1,
    max_size=5,
)


def assert_whole(payload: bytes, reading: Reading) -> None:
    """The symbols partition the bits, the tail's included, and their parts the data."""
    bit = place = 0
    for symbol in reading.symbols:
        assert (symbol.start, symbol.at) == (bit, place)
        assert symbol.size > 0
        bit, place = symbol.end, symbol.at + symbol.length
    assert bit == 8 * len(payload + STRIPPED)
    assert place == len(reading.data)
    assert not reading.error


@pytest.mark.parametrize(("payload", "kinds"), EXAMPLES.items())
def test_the_examples_of_the_rfc(payload: str, kinds: str) -> None:
    data = bytes.fromhex(payload)
    reading = read_symbols(data)
    assert_whole(data, reading)
    assert reading.data == b"Hello"
    assert " ".join(symbol.kind for symbol in reading.symbols) == kinds


def test_a_match_says_how_far_and_how_long() -> None:
    reading = read_symbols(bytes.fromhex("f200110000"), b"Hello")
    assert reading.data == b"Hello"
    match = reading.symbols[2]
    assert (match.kind, match.start, match.size, match.at, match.length, match.distance) == ("match", 11, 13, 1, 4, 5)
    assert [*match.pieces] == [("0000010", "length 4"), ("00100", "distance 5 to 6"), ("0", "distance 5")]


@given(texts=TEXTS, level=st.integers(0, 9), bits=st.integers(9, 15), keep=st.booleans(), final=st.booleans())
@settings(deadline=None, max_examples=60)
def test_what_zlib_compresses_is_read_back(
    texts: list[bytes], level: int, bits: int, keep: bool, final: bool
) -> None:
    deflater, window = Deflater(window_bits=bits, keep_context=keep, level=level), b""
    for text in texts:
        payload = deflater.compress(text, final_block=final)
        reading = read_symbols(payload, window)
        assert_whole(payload, reading)
        assert reading.data == text
        assert all(each.distance <= 1 << bits for each in reading.symbols)
        window = window + text if keep else b""


@given(
    text=st.binary(max_size=600),
    strategy=st.sampled_from(STRATEGIES),
)
@settings(deadline=None, max_examples=40)
def test_each_strategy_of_zlib_is_read_back(text: bytes, strategy: int) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
    payload = (deflater.compress(text + text) + deflater.flush(zlib.Z_SYNC_FLUSH)).removesuffix(STRIPPED) or b"\0"
    reading = read_symbols(payload)
    assert_whole(payload, reading)
    assert reading.data == text + text


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Compressed data with some bits flipped and perhaps its end cut off, or no such data at all."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=20))
    data = bytearray(Deflater(level=draw(st.integers(0, 9))).compress(draw(st.binary(max_size=60)) * 3))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] ^= 1 << draw(st.integers(0, 7))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(payload=damaged())
@example(payload=b"\x71")  # a last block that ends in the bytes that the receiver adds
@example(payload=bytes.fromhex("000c00f3ff0000000000000000"))  # a stored block that ends in them
@settings(deadline=None, max_examples=400)
def test_damage_is_what_the_inflater_takes_for_damage(payload: bytes) -> None:
    reading = read_symbols(payload)
    try:
        data = Inflater().inflate(payload)
    except ProtocolError:
        assert reading.error
    else:
        assert (reading.data, reading.error) == (data, "")
        assert_whole(payload, reading)


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"", "RSV1 and no byte"),
        (b"\x06", "a block of type 3"),
        (bytes.fromhex("000900f6ff4865"), "ends too early, after 7 bytes"),
        (bytes.fromhex("000500ffff"), "does not fit its complement"),
        (bytes.fromhex("f200110000"), "goes back 5 bytes, and only 1 came before it"),
        (bytes.fromhex("f248cdc9c9"), "ends too early"),
        (b"\xfc" + bytes(10), "more codes than there are lengths"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(payload: bytes, words: str) -> None:
    reading = read_symbols(payload)
    assert words in reading.error
    assert "\n" not in reading.error


def test_a_bomb_is_not_read_to_its_end() -> None:
    reading = read_symbols(Deflater().compress(bytes(20_000_000)), most=10_000)
    assert 10_000 < len(reading.data) < 10_300
    assert "more than 10,000 bytes" in reading.error
