"""What a picture of a compressed conversation says: for each message what it takes and where its bytes come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from wsviz.figures.deflate_symbols import Symbol
from wsviz.figures.deflate_talk import BITS, Said, Talk, memory
from wsviz.figures.masking_view import readable
from wsviz.protocol.wire import count

CELLS = 600  # symbols of a message that are drawn
EARLIER = 3000  # bytes of earlier messages that are drawn
HEX = 64  # bytes of a payload that are drawn


class Row(NamedTuple):
    """One message in bytes, `before` and `after`: literals, what it copies of itself, and of `earlier` messages.

    `error` says why its data ends early, if it does.
    """

    number: int
    text: str
    before: int
    after: int
    literals: int
    inner: int
    earlier: int
    compressed: bool
    error: str

    @property
    def ratio(self) -> str:
        return f"{100 * self.after / self.before:.0f} %" if self.before else "-"


class Cell(NamedTuple):
    """A symbol to look at: `text` is what it gives. `kind` is the symbol's, a match's "inner" or "earlier".

    `at` is its place in the message's data, `start` its first bit, `first` to `last` the bytes of the payload that
    hold it. `source` is the place where a match begins to copy, negative in earlier messages.
    """

    kind: str
    text: str
    at: int
    length: int
    start: int
    first: int
    last: int
    source: int
    label: str
    bits: tuple[tuple[str, str], ...]


class Segment(NamedTuple):
    """A piece of an earlier message, all of it copied by the same cells; `lost` to the window, or not yet."""

    text: str
    users: tuple[int, ...]
    lost: bool


class Past(NamedTuple):
    """An earlier message as far as it is drawn."""

    number: int
    segments: tuple[Segment, ...]
    hidden: int


class Term(NamedTuple):
    """One way to compress the same messages: bytes in all with the window kept, and forgotten each time."""

    bits: int
    kept: int
    forgotten: int
    sender: int
    receiver: int


@dataclass(frozen=True, slots=True)
class TalkView:
    """A talk, ready to be drawn, at one of its messages; no `terms` where one of them cannot be read."""

    talk: Talk
    at: int
    rows: tuple[Row, ...]
    cells: tuple[Cell, ...]
    hidden: int  # symbols that are not drawn
    past: tuple[Past, ...]
    hex: tuple[str, ...]
    more_hex: int
    terms: tuple[Term, ...]

    @property
    def said(self) -> Said:
        return self.talk.said[self.at]

    @property
    def facts(self) -> str:
        """What it is, in a line."""
        talk = self.talk
        made = "as sent" if talk.sent else "compressed by zlib, level 6"
        words = [talk.origin, made, f"window {1 << talk.bits:,} bytes, {'kept' if talk.keep else 'forgotten'}"]
        words[-1] += " between messages" if talk.keep else " after each message"
        words.append(f"only the first {count(len(talk.said), 'message')}" if talk.more else "")
        return "; ".join(filter(None, words))

    @property
    def total(self) -> str:
        before, after = (sum(getattr(row, name) for row in self.rows) for name in ("before", "after"))
        whole = before and not any(row.error for row in self.rows)
        part = f", {100 * after / before:.0f} %" if whole else ""
        return f"{count(before, 'byte')} before, {after:,} after{part}"

    @property
    def headline(self) -> str:
        """What the chosen message is made of."""
        row = self.rows[self.at]
        if not row.compressed:
            return f"Message {self.at}: {count(row.before, 'byte')}, not compressed (RSV1 is 0)"
        came = [
            (row.literals, "literal"),
            (row.inner, "copied within it"),
            (row.earlier, "copied from earlier messages"),
        ]
        words = ", ".join(f"{number:,} {name}" for number, name in came if number) or "none"
        return f"Message {self.at}: {count(row.before, 'byte')} in {row.after:,}: {words}"


@lru_cache(maxsize=16)
def view_of(talk: Talk, at: int = -1) -> TalkView:
    """The view of a talk at a message, the last one without a number."""
    if not talk.said:
        return TalkView(talk, 0, (), (), 0, (), (), 0, _terms(talk))
    at = max(0, min(at if at >= 0 else len(talk.said) - 1, len(talk.said) - 1))
    said = talk.said[at]
    symbols = said.reading.symbols
    starts = _starts(talk, at)
    cells = tuple(_cell(symbol, said, starts) for symbol in symbols[:CELLS])
    hex_ = () if said.masked else tuple(f"{byte:02x}" for byte in said.payload[:HEX])
    rows = tuple(_row(number, each) for number, each in enumerate(talk.said))
    past = tuple(reversed([*_past(talk, starts, cells)])) if said.compressed else ()
    more = 0 if said.masked else max(len(said.payload) - HEX, 0)
    return TalkView(talk, at, rows, cells, len(symbols) - len(cells), past, hex_, more, _terms(talk))


def _row(number: int, said: Said) -> Row:
    symbols, size = said.reading.symbols, len(said.data)
    matches = [each for each in symbols if each.kind == "match"]
    earlier = sum(min(each.length, max(each.distance - each.at, 0)) for each in matches)
    inner = sum(each.length for each in matches) - earlier
    return Row(
        number, readable(said.shown[:120]), size, len(said.payload), size - inner - earlier, inner, earlier,
        said.compressed, said.reading.error,
    )  # fmt: skip


def _starts(talk: Talk, at: int) -> list[tuple[int, int]]:
    """Where the earlier messages that went into the window begin, seen from message `at`: (place, number)."""
    starts, place = [], 0
    for number in range(at - 1, -1, -1):
        if talk.said[number].compressed:
            place -= len(talk.said[number].data)
            starts.append((place, number))
    return starts


def _cell(symbol: Symbol, said: Said, starts: Sequence[tuple[int, int]]) -> Cell:
    kind, source = symbol.kind, symbol.at - symbol.distance
    if kind == "match":
        kind = "inner" if source >= 0 else "earlier"
    elif symbol.start >= 8 * len(said.payload):
        kind = "tail"
    data = slice(symbol.at, symbol.at + symbol.length)
    shown = said.shown[data]
    pieces = () if said.masked else tuple((piece.bits, piece.says) for piece in symbol.pieces)
    first, last = symbol.start // 8, -(-symbol.end // 8)
    quoted = f'"{readable(shown)}"' if shown == said.data[data] else "a secret byte"
    label = _label(symbol, kind, quoted, _place(source, starts))
    return Cell(kind, readable(shown), symbol.at, symbol.length, symbol.start, first, last, source, label, pieces)


def _place(source: int, starts: Sequence[tuple[int, int]]) -> str:
    for start, number in starts:
        if source >= start and source < 0:
            return f"byte {source - start:,} of message {number}"
    return f"byte {source:,} of this message"


def _label(symbol: Symbol, kind: str, quoted: str, place: str) -> str:
    """A symbol in words."""
    bits = count(symbol.size, "bit")
    copied = f"copy {count(symbol.length, 'byte')} from {symbol.distance:,} back, {place}"
    return {
        "literal": f"literal {quoted}: {bits}",
        "inner": f"{copied}: {bits} instead of {8 * symbol.length:,}",
        "earlier": f"{copied}: {bits} instead of {8 * symbol.length:,}",
        "stored": f"{count(symbol.length, 'byte')} as they are, after their length: {bits}",
        "block": f"a block begins: {bits}",
        "end": f"the block ends: {bits}",
        "padding": f"filled up to the next byte: {bits}",
        "tail": "00 00 ff ff, the rest of an empty block: the sender strips it, the receiver puts it back",
    }[kind]


def _past(talk: Talk, starts: Sequence[tuple[int, int]], cells: Sequence[Cell]) -> Iterator[Past]:
    """The earlier messages, the last one first, cut where a cell begins or ends to copy."""
    room = EARLIER
    for start, number in starts:
        said = talk.said[number]
        shown = said.shown[max(len(said.shown) - room, 0) :]
        hidden = len(said.shown) - len(shown)
        yield Past(number, tuple(_segments(shown, start + hidden, cells, talk)), hidden)
        room -= len(shown)
        if not room:
            return


def _segments(shown: bytes, start: int, cells: Sequence[Cell], talk: Talk) -> Iterator[Segment]:
    """The pieces of an earlier message that stands at `start`, a negative place seen from the chosen one."""
    end, edge = start + len(shown), -(1 << talk.bits) if talk.keep else 0
    copies = [
        (cell.source, min(cell.source + cell.length, 0), index)
        for index, cell in enumerate(cells)
        if cell.kind == "earlier" and cell.source < end and cell.source + cell.length > start
    ]
    cuts = sorted({start, end, edge, *(place for first, last, _ in copies for place in (first, last))})
    inside = [place for place in cuts if start <= place <= end]
    for first, last in pairwise(inside):
        users = tuple(index for begin, stop, index in copies if begin <= first and last <= stop)
        yield Segment(readable(shown[first - start : last - start]), users, last <= edge)


def _terms(talk: Talk) -> tuple[Term, ...]:
    if any(each.reading.error for each in talk.said):
        return ()  # of a damaged message only a part is known: whatever zlib makes of it is no comparison
    return tuple(
        Term(bits, talk.cost(keep=True, bits=bits), talk.cost(keep=False, bits=bits), *memory(bits)) for bits in BITS
    )
