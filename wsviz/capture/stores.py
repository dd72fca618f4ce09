"""What is too much for memory, and where the data of messages is kept: in memory, or on disk where there is much."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import IO, Protocol

import numpy as np

from wsviz.capture.octets import Array
from wsviz.protocol.fields import WsvizError

IN_MEMORY = 64 << 20  # bytes that are held before they are written to disk
_GAP = 512  # bytes between two messages on disk that are read along with them


@contextmanager
def spilling() -> Iterator[None]:
    """Say in a sentence that the disk is full, where what does not fit into memory is written or read.

    Raises WsvizError in place of OSError.
    """
    try:
        yield
    except OSError as error:
        import tempfile

        words = f"{tempfile.gettempdir()}: {error.strerror or error}, while it takes what is too much for memory"
        raise WsvizError(f"{words}; TMPDIR names another folder") from error


class Store(Protocol):
    """Where the data of messages is kept."""

    def put(self, data: Sequence[bytes]) -> Array:
        """Keep the data of messages; the place of each."""

    def get(self, places: Array, sizes: Array) -> list[bytes]:
        """What was put at each of these places, of these sizes in bytes."""


class InMemory:
    """Keeps the data of messages as it is."""

    def __init__(self) -> None:
        self._kept: list[bytes] = []

    def put(self, data: Sequence[bytes]) -> Array:
        self._kept += data
        return np.arange(len(self._kept) - len(data), len(self._kept))

    def get(self, places: Array, sizes: Array) -> list[bytes]:
        return list(map(self._kept.__getitem__, places.tolist()))


class OnDisk:
    """Keeps the data of messages in a file, once it has more than so many bytes."""

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        import tempfile

        self._file = tempfile.SpooledTemporaryFile(in_memory)  # noqa: SIM115  closed when nobody holds the store
        self._end, self._lock = 0, Lock()
        self.close = weakref.finalize(self, _close, self._file)

    def put(self, data: Sequence[bytes]) -> Array:
        with self._lock, spilling():
            ends = self._end + np.cumsum(np.array([0, *map(len, data)]))
            self._file.seek(self._end)
            self._file.writelines(data)
            self._end = int(ends[-1])
        return ends[:-1]

    def get(self, places: Array, sizes: Array) -> list[bytes]:
        found, order = [b""] * len(places), np.argsort(places)
        gaps = places[order][1:] - (places + sizes)[order][:-1]
        for part in np.split(order, np.flatnonzero(gaps > _GAP) + 1):
            if len(part):
                low, high = int(places[part[0]]), int((places + sizes)[part].max())
                with self._lock, spilling():
                    self._file.seek(low)
                    data = self._file.read(high - low)
                for at, place, size in zip(
                    *(c.tolist() for c in (part, places[part] - low, sizes[part])), strict=True
                ):
                    found[at] = data[place : place + size]
        return found


def _close(file: IO[bytes]) -> None:
    with suppress(OSError):  # that the disk is full was told before
        file.close()
