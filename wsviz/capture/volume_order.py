"""Rows in capture order, however many: sorted in memory where they are few, else in runs on disk that are merged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

import numpy as np

from wsviz.capture.octets import Array, joined, picked
from wsviz.capture.stores import IN_MEMORY, spilling

AT_ONCE = 1 << 16  # rows given together


class Sorter:
    """Takes rows with the fields `packet` and `index`, u4 each, and gives all of them back ordered by these."""

    def __init__(self, dtype: np.dtype[np.void], *, in_memory: int = IN_MEMORY) -> None:
        self._dtype, self._in_memory = dtype, in_memory
        self._held: list[Array] = [np.zeros(0, dtype)]
        self._size = 0  # bytes of what is held
        self._runs: list[tuple[int, int]] = []  # on disk: first row and number of rows
        self._file: IO[bytes] | None = None

    def add(self, rows: Array) -> None:
        """Take these rows."""
        self._held.append(picked(rows, in_order(rows)))
        self._size += rows.nbytes
        if self._size > self._in_memory:
            self._write(self._sorted())

    def _sorted(self) -> Array:
        rows = joined(self._held)
        self._held, self._size = [np.zeros(0, self._dtype)], 0
        return picked(rows, np.argsort(_keys(rows), kind="stable"))  # fast where sorted rows follow one another

    def _write(self, rows: Array) -> None:
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by __iter__
        first = sum(number for _, number in self._runs)
        self._runs.append((first, len(rows)))
        with spilling():
            self._file.write(rows.tobytes())
            self._file.flush()  # or it fails when it is closed

    def __iter__(self) -> Iterator[Array]:
        """All rows in order, some at a time; once."""
        rest = self._sorted()
        if self._file is None:
            for at in range(0, len(rest), AT_ONCE):
                yield rest[at : at + AT_ONCE]
            return
        with self._file as file:
            self._write(rest)
            yield from self._merged(file)

    def _merged(self, file: IO[bytes]) -> Iterator[Array]:
        """From each run the rows up to a key that lies in what was read of all of them, again and again."""
        size, ahead = self._dtype.itemsize, max(AT_ONCE // len(self._runs), 1)
        left = [(first, first + number) for first, number in self._runs]
        read = [np.zeros(0, self._dtype) for _ in left]
        while True:
            for number, (first, end) in enumerate(left):
                if not len(read[number]) and first < end:
                    file.seek(first * size)
                    rows = min(ahead, end - first)
                    read[number] = np.frombuffer(file.read(rows * size), self._dtype)
                    left[number] = first + rows, end
            bounds = [_keys(rows[-1:])[0] for rows in read if len(rows)]
            if not bounds:
                return
            stops = [int(np.searchsorted(_keys(rows), min(bounds), "right")) for rows in read]
            taken = joined([rows[:stop] for rows, stop in zip(read, stops, strict=True)])
            read = [rows[stop:] for rows, stop in zip(read, stops, strict=True)]
            yield picked(taken, in_order(taken))


def in_order(rows: Array) -> Array:
    """The indices that put rows in capture order."""
    return np.argsort(_keys(rows))


def _keys(rows: Array) -> Array:
    keys: Array = rows["packet"].astype("u8") << np.uint64(32) | rows["index"]
    return keys
