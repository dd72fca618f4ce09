"""What numpy lacks for captures: numbers at any byte of a buffer, rows moved whole, which of many keys are equal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)


def anywhere(data: bytes | bytearray, kind: str) -> Array:
    """The number of this type at every byte of the data: a view, of which the wanted ones are then picked."""
    return np.ndarray((max(len(data) - np.dtype(kind).itemsize + 1, 0),), kind, buffer=data, strides=(1,))


def picked(rows: Array, which: Array) -> Array:
    """The same as rows[which] of a structured array, which numpy copies field by field: ten times as slowly."""
    return rows.view(f"V{rows.dtype.itemsize}")[which].view(rows.dtype)


def joined(parts: Sequence[Array]) -> Array:
    """The same as np.concatenate of structured arrays of one type, for the same reason; at least one of them."""
    dtype = parts[0].dtype
    return np.concatenate([part.view(f"V{dtype.itemsize}") for part in parts]).view(dtype)


# np.unique, and np.isin with it, import numpy.ma first, which takes as long as reading a small capture.


def different(numbers: Array) -> list[int]:
    """The different ones of these numbers, which are small, in order."""
    found: list[int] = np.flatnonzero(np.bincount(numbers)).tolist()
    return found


def one_of(numbers: Array, wanted: Iterable[int]) -> Array:
    """Which numbers are one of these, which are few."""
    found = np.zeros(numbers.shape, "?")
    for number in wanted:
        found |= numbers == number
    return found


def distinct(keys: Array) -> tuple[Array, Array]:
    """Of these int64 or uint64 numbers: where each one stands first, in that order, and of each row which one it is.

    np.unique sorts them, which takes several times as long where they are few.
    """
    # Keys are told apart by 16 bits of their product with a large odd number.
    slots = (keys.astype("u8") * _SPREAD >> np.uint64(48)).astype("u2")
    seen = np.zeros(1 << 16, "i8")
    seen[slots[::-1]] = np.arange(len(keys) - 1, -1, -1)  # of several the last one stays, which is the first row
    same = seen[slots]
    others = np.flatnonzero(keys[same] != keys)
    if len(others):
        _, first, which = np.unique(keys[others], return_index=True, return_inverse=True)
        same[others] = others[first][which]
    begins = np.flatnonzero(same == np.arange(len(keys)))
    number = np.empty(len(keys), "i8")
    number[begins] = np.arange(len(begins))
    return begins, number[same]
