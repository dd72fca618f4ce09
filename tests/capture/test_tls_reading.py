"""Where the plain bytes of TLS stand, and whose its own bytes are: held to an answer byte by byte."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from wsviz.capture.direction import PIECE
from wsviz.capture.ledger import BUCKET, NO_UNIT, spans
from wsviz.capture.tls_reading import RECORD, plain_pieces, wire_spans

# Of each record: bytes of other records before it, of its header, of its data, of its tag.
SIZES = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(0, 9), st.integers(0, 3)), max_size=9)
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=9)


def records_of(sizes: list[tuple[int, int, int, int]], after: int) -> tuple[Any, int]:
    """The records of a stream, and its length."""
    rows, at = [], 0
    for before, head, data, tag in sizes:
        start = at + before
        at = start + head + data + tag
        rows.append((start, at, start + head, data))
    return np.array(rows, RECORD), at + after


@given(sizes=SIZES, after=st.integers(0, 5), cuts=CUTS)
def test_each_plain_byte_has_the_packet_and_the_place_of_its_encrypted_one(
    sizes: list[tuple[int, int, int, int]], after: int, cuts: list[int]
) -> None:
    records, end = records_of(sizes, after)
    brought = [(packet, 100 * packet + byte) for packet in range(end) for byte in range(cuts[packet % len(cuts)])]
    rows, at = [], 0
    for packet in range(end):
        size = min(cuts[packet % len(cuts)], end - at)
        rows += [(at, size, packet, 100 * packet)] if size else []
        at += size
    made = plain_pieces(records, np.array(rows, PIECE))
    expected = [
        brought[at] for start, length in records[["at", "length"]].tolist() for at in range(start, start + length)
    ]
    found = [(packet, source + byte) for _, length, packet, source in made.tolist() for byte in range(length)]
    assert found == expected
    assert made["start"].tolist() == [0, *np.cumsum(made["length"]).tolist()][: len(made)]


@given(sizes=SIZES, after=st.integers(0, 5), lengths=CUTS, gaps=CUTS)
def test_the_spans_over_the_wire_are_those_over_the_plain_bytes_and_tls_around_them(
    sizes: list[tuple[int, int, int, int]], after: int, lengths: list[int], gaps: list[int]
) -> None:
    records, end = records_of(sizes, after)
    total, laid, at = int(records["length"].sum()), [], 0
    for number in range(total):  # spans with gaps between, as far as there are plain bytes
        start = at + gaps[number % len(gaps)] - 1
        at = min(start + lengths[number % len(lengths)], total)
        laid += [(start, at, number % 3, number, -1)] if start < at else []
    plain: list[tuple[int, ...] | None] = [None] * total
    for start, stop, *what in laid:
        plain[start:stop] = [tuple(what)] * (stop - start)
    expected: list[tuple[int, ...] | None] = [(BUCKET["tls"], NO_UNIT, NO_UNIT)] * end
    first = 0
    for start, stop, data, length in records.tolist():
        whose = plain[first][1:] if length and plain[first] else (NO_UNIT, NO_UNIT)  # type: ignore[index]
        expected[start:stop] = [(BUCKET["tls"], *whose)] * (stop - start)
        expected[data : data + length] = plain[first : first + length]
        first += length
    found: list[tuple[int, ...] | None] = [None] * end
    for start, stop, *what in wire_spans(records, spans(laid), end).tolist():
        assert found[start:stop] == [None] * (stop - start), "spans do not overlap"
        found[start:stop] = [tuple(what)] * (stop - start)
    assert found == expected
