"""Compressed data, symbol by symbol: an inflater that names what each bit says (RFC 1951, RFC 7692).

Deflate says bytes in two ways: a literal is one byte as it is, a match is "go back so far, and copy so many". Bits
are counted as the format reads them: from the least significant bit of a byte on. The engine's `Inflater` is the
authority on what a message says; this one is held to it by tests, and says how.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from wsviz.protocol.deflate import STRIPPED
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.wire import count

WINDOW = 32_768  # bytes that a distance can reach back at most
_LONGEST = 15  # bits of a Huffman code
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)  # RFC 1951, 3.2.7
_REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}  # code -> extra bits, the least count
_END = 256


def _bases(extra_bits: Sequence[int], first: int) -> tuple[tuple[int, int], ...]:
    """For each code its extra bits and the least value that it stands for."""
    made = []
    for extra in extra_bits:
        made.append((extra, first))
        first += 1 << extra
    return tuple(made)


# RFC 1951, 3.2.5: the length codes 257 to 285, of which the last is a special case, and the 30 distance codes.
_LENGTHS = (*_bases([0] * 8 + [bits for bits in range(1, 6) for _ in range(4)], 3)[:28], (0, 258))
_DISTANCES = _bases([0] * 4 + [bits for bits in range(1, 14) for _ in range(2)], 1)


class Piece(NamedTuple):
    """A run of bits within a symbol, in the order in which they are read, and what they say."""

    bits: str
    says: str


class Symbol(NamedTuple):
    """A run of bits with a name. The symbols of a message partition its bits, those of the stripped tail included.

    `kind`: "block" (the start of a block, with its tables), "literal", "match", "stored" (bytes as they are), "end"
    (of a block) or "padding". `start` and `size` count bits of the message; `at` is the place in its data of the
    first of `length` bytes that it gives. Only a match has a `distance`.
    """

    kind: str
    start: int
    size: int
    at: int
    length: int
    distance: int
    pieces: tuple[Piece, ...]

    @property
    def end(self) -> int:
        return self.start + self.size


class Reading(NamedTuple):
    """The symbols of a message, its data, and what is wrong with it: empty where nothing is."""

    symbols: tuple[Symbol, ...]
    data: bytes
    error: str = ""


def read_symbols(payload: bytes, window: bytes = b"", *, most: int = 1 << 16) -> Reading:
    """Name every bit of a compressed message; `window` is what the sender said before, and may be referred to.

    What comes before damage is given, with the reason. Reading stops after `most` bytes of data.
    """
    reader = _Reader(payload, window, most)
    try:
        reader.read()
    except ProtocolError as error:
        return Reading(tuple(reader.symbols), bytes(reader.data), str(error))
    return Reading(tuple(reader.symbols), bytes(reader.data))


class _Reader:
    """Reads bits, and puts down what each run of them says."""

    def __init__(self, payload: bytes, window: bytes, most: int) -> None:
        self._bytes = payload + STRIPPED
        self._at, self._end = 0, 8 * len(self._bytes)
        self._window, self._most = window[-WINDOW:], most
        self._begun, self._pieces = 0, list[Piece]()
        self.symbols, self.data = list[Symbol](), bytearray()

    # Bits

    def _bit(self) -> int:
        if self._at >= self._end:
            raise self._cut()
        bit = self._bytes[self._at >> 3] >> (self._at & 7) & 1
        self._at += 1
        return bit

    def _number(self, size: int) -> tuple[int, str]:
        """A number, least significant bit first, and its bits as they were read."""
        bits = [self._bit() for _ in range(size)]
        return sum(bit << place for place, bit in enumerate(bits)), "".join(map(str, bits))

    def _take(self, size: int, says: str) -> int:
        """A number that is a piece of its own; `says` may hold a place for it."""
        value, bits = self._number(size)
        self._pieces.append(Piece(bits, says.format(value)))
        return value

    def _code(self, codes: dict[str, int]) -> tuple[int, str]:
        """A Huffman code, most significant bit first: what it stands for, and its bits."""
        bits = ""
        while len(bits) < _LONGEST:
            bits += "1" if self._bit() else "0"
            if bits in codes:
                return codes[bits], bits
        raise ProtocolError(f"{bits} is no code of this block")

    def _put(self, kind: str, data: bytes = b"", distance: int = 0) -> None:
        if data and self._at > self._end - 8 * len(STRIPPED):
            raise self._cut()  # what the receiver adds ends a block, and is no data
        symbol = Symbol(
            kind, self._begun, self._at - self._begun, len(self.data), len(data), distance, tuple(self._pieces)
        )
        self.symbols.append(symbol)
        self.data += data
        self._begun, self._pieces = self._at, []
        if len(self.data) > self._most:
            raise ProtocolError(f"more than {count(self._most, 'byte')} of data are not read here")

    def _cut(self) -> ProtocolError:
        return ProtocolError(f"the data ends too early, after {count(len(self._bytes) - len(STRIPPED), 'byte')}")

    # Blocks (RFC 1951, 3.2.3)

    def read(self) -> None:
        if len(self._bytes) == len(STRIPPED):
            raise ProtocolError("the message has RSV1 and no byte, expected 00 for an empty one")
        while self._at < self._end:
            final = self._take(1, "BFINAL {}")
            match self._take(2, "block type {}"):
                case 0:
                    self._stored()
                case 1:
                    self._pieces[-1] = self._pieces[-1]._replace(says="block type 1, fixed codes")
                    self._put("block")
                    self._coded(*_fixed())
                case 2:
                    self._pieces[-1] = self._pieces[-1]._replace(says="block type 2, codes of its own")
                    tables = self._tables()
                    self._put("block")
                    self._coded(*tables)
                case _:
                    raise ProtocolError("a block of type 3, which there is not")
            if final:  # RFC 7692, 7.2.3.4: padded to the end of its byte, and the message goes on
                self._pad()
                if self._at == self._end:
                    raise self._cut()

    def _pad(self) -> None:
        if self._at % 8:
            self._take(8 - self._at % 8, "up to the next byte")
            self._put("padding")

    def _stored(self) -> None:
        self._pieces[-1] = self._pieces[-1]._replace(says="block type 0, stored")
        self._put("block")
        self._pad()
        size = self._take(16, "LEN {}")
        if self._take(16, "NLEN") ^ size != 0xFFFF:
            raise ProtocolError("the length of a stored block does not fit its complement")
        start = self._at >> 3
        data = self._bytes[start : start + size]
        if len(data) < size:
            raise self._cut()
        self._at += 8 * size
        self._put("stored", data)

    def _coded(self, lengths: dict[str, int], distances: dict[str, int]) -> None:
        while True:
            code, bits = self._code(lengths)
            if code < _END:
                self._pieces.append(Piece(bits, f"literal {code:02x}"))
                self._put("literal", bytes([code]))
            elif code == _END:
                self._pieces.append(Piece(bits, "end of the block"))
                self._put("end")
                return
            else:
                self._match(code, bits, distances)

    def _match(self, code: int, bits: str, distances: dict[str, int]) -> None:
        if code - 257 >= len(_LENGTHS):
            raise ProtocolError(f"{code} is no code of a length")
        length = self._value(code, bits, _LENGTHS[code - 257], "length")
        code, bits = self._code(distances)
        if code >= len(_DISTANCES):
            raise ProtocolError(f"{code} is no code of a distance")
        distance = self._value(code, bits, _DISTANCES[code], "distance")
        if distance > len(self._window) + len(self.data):
            came = len(self._window) + len(self.data)
            raise ProtocolError(f"a match goes back {count(distance, 'byte')}, and only {came:,} came before it")
        self._put("match", self._copied(distance, length), distance)

    def _value(self, code: int, bits: str, base: tuple[int, int], name: str) -> int:
        """A length or a distance: a code, and the extra bits that tell apart the values it stands for."""
        extra, least = base
        if not extra:
            self._pieces.append(Piece(bits, f"{name} {least:,}"))
            return least
        more, read = self._number(extra)
        self._pieces.append(Piece(bits, f"{name} {least:,} to {least + (1 << extra) - 1:,}"))
        self._pieces.append(Piece(read, f"{name} {least + more:,}"))
        return least + more

    def _copied(self, distance: int, length: int) -> bytes:
        """The bytes of a match, which may overlap itself: what it copies may be what it has just made."""
        back = distance - len(self.data)  # how far it reaches into the window
        source = (self._window[-back:] if back > 0 else b"") + self.data[max(-back, 0) :]
        whole, rest = divmod(length, len(source[:distance]))
        return bytes(source[:distance] * whole + source[:rest])

    def _tables(self) -> tuple[dict[str, int], dict[str, int]]:
        """The codes of a block that brings its own (RFC 1951, 3.2.7)."""
        literals = self._take(5, "{} + 257 codes of literals and lengths") + 257
        distances = self._take(5, "{} + 1 codes of distances") + 1
        sizes = self._take(4, "{} + 4 code lengths of code lengths") + 4
        if literals > 286 or distances > 30:
            raise ProtocolError("a block has more codes than there are lengths and distances")
        start = self._at
        found = dict(zip(_ORDER, (self._number(3)[0] for _ in range(sizes)), strict=False))
        codes = _codes([found.get(code, 0) for code in range(19)], whole=True)
        lengths = list[int]()
        while len(lengths) < literals + distances:
            lengths += self._lengths(codes, lengths)
        if len(lengths) > literals + distances:
            raise ProtocolError("a block repeats a code length too often")
        if not lengths[_END]:
            raise ProtocolError("a block has no code for its end")
        self._pieces.append(Piece("", f"{count(self._at - start, 'bit')} of code lengths"))
        return _codes(lengths[:literals]), _codes(lengths[literals:])

    def _lengths(self, codes: dict[str, int], before: Sequence[int]) -> Sequence[int]:
        code, _ = self._code(codes)
        if code not in _REPEATS:
            return [code]
        if code == 16 and not before:
            raise ProtocolError("a block repeats a code length before there is one")
        extra, least = _REPEATS[code]
        return [before[-1] if code == 16 else 0] * (least + self._number(extra)[0])


def _codes(lengths: Sequence[int], *, whole: bool = False) -> dict[str, int]:
    """Huffman codes from their lengths in bits: bits -> what they stand for (RFC 1951, 3.2.2).

    Like zlib it refuses a set of codes that is too large, or too small: a lone code of one bit may stand alone,
    unless the set must be `whole`.
    """
    left, used = 1, max(lengths, default=0)
    for size in range(1, _LONGEST + 1):
        left = 2 * left - sum(length == size for length in lengths)
        if left < 0:
            raise ProtocolError("a block has more codes than its bits can tell apart")
    if left and (whole or used > 1):
        raise ProtocolError("a block has fewer codes than its bits can tell apart")
    return dict(_assigned(lengths))


def _assigned(lengths: Sequence[int]) -> Iterator[tuple[str, int]]:
    code = 0
    for size in range(1, _LONGEST + 1):
        for symbol, length in enumerate(lengths):
            if length == size:
                yield f"{code:0{size}b}", symbol
                code += 1
        code <<= 1


@cache
def _fixed() -> tuple[dict[str, int], dict[str, int]]:
    """The codes that need no tables (RFC 1951, 3.2.6)."""
    return _codes([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), _codes([5] * 32)
