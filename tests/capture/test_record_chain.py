"""The chain of records, walked in lanes, against the chain walked plainly."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

from wsviz.capture.octets import distinct
from wsviz.capture.record_chain import record_starts


def plainly(data: bytes, at: int, order: str) -> tuple[list[int], int]:
    starts = []
    while at <= len(data) - 16:
        starts.append(at)
        at += 16 + struct.unpack_from(f"{order}I", data, at + 8)[0]
    return starts, at


def chain(seed: int, order: str) -> bytes:
    """Records of all sizes, some of which hold what looks like records, with a few lies about their lengths."""
    dice, parts = random.Random(seed), [bytes(24)]
    pattern = struct.pack(f"{order}4I", 1_700_000_000, 0, 40, 40) + bytes(40)
    while sum(map(len, parts)) < 400_000:
        size = dice.choice((0, 1, 40, 54, 66, 1500, dice.randrange(3000), dice.randrange(70_000)))
        body = dice.choice(
            (dice.randbytes(size), bytes(size), (pattern * (size // len(pattern) + 1))[dice.randrange(9) :][:size])
        )
        lie = dice.choice((0,) * 400 + (1, -1, 70_000)) if body else 0
        parts.append(
            struct.pack(f"{order}4I", 1_700_000_000 + len(parts), 0, max(len(body) + lie, 0), len(body)) + body
        )
    return b"".join(parts)[: -dice.randrange(1, 3000)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("seed", range(40))
def test_lanes_find_what_the_plain_walk_finds(seed: int, order: str) -> None:
    data = chain(seed, order)
    starts, end = record_starts(data, 24, order)
    assert (starts.tolist(), end) == plainly(data, 24, order)


@pytest.mark.parametrize("data", [random.Random(5).randbytes(300_000), bytes(300_000), b"\xff" * 300_000])
def test_bytes_that_are_no_records_are_walked_all_the_same(data: bytes) -> None:
    starts, end = record_starts(data, 24, "<")
    assert (starts.tolist(), end) == plainly(data, 24, "<")


@pytest.mark.parametrize("number", [1, 3, 5000, 200_000])
def test_distinct_keys_are_told_in_the_order_of_their_appearance(number: int) -> None:
    keys = np.random.default_rng(number).integers(-(1 << 62), 1 << 62, number)
    rows = np.random.default_rng(1).choice(keys, 100_000)
    first, which = distinct(rows)
    assert np.array_equal(rows[first][which], rows)
    assert np.array_equal(first, np.sort(np.unique(rows, return_index=True)[1]))
