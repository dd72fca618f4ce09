"""The connections of a capture: decoded when they are asked for, and never too many of them in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Lock
from typing import overload
from weakref import WeakValueDictionary

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.packets import Array

MOST_KEPT = 1 << 16  # connections that stay decoded; a flood has millions, of some kilobytes each


class Connections(Sequence[Connection]):
    """The connections of a capture, each decoded when it is asked for.

    It stays decoded while somebody holds it, and after that until `MOST_KEPT` others were decoded. Threads that ask
    for the same one at the same time have it decoded once; other ones are not held up by that. `silent` tells of each
    connection whether its packets bring no byte of payload.
    """

    def __init__(self, number: int, decode: Callable[[int], Connection], silent: Array | None = None) -> None:
        self._number, self._decode = number, decode
        self._silent = np.zeros(number, "?") if silent is None else silent
        self._decoded: WeakValueDictionary[int, Connection] = WeakValueDictionary()
        self._kept = deque[Connection](maxlen=MOST_KEPT)
        self._guard, self._locks = Lock(), WeakValueDictionary[int, Lock]()  # a lock lives while a thread uses it

    @property
    def silent(self) -> int:
        """How many connections carry nothing: they are "tcp", and need not be decoded to be known as that."""
        return int(self._silent.sum())

    def speaking(self) -> Iterator[Connection]:
        """The others, one after the other."""
        return (self[index] for index in np.flatnonzero(~self._silent).tolist())

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, index: int) -> Connection: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Connection, ...]: ...
    def __getitem__(self, index: int | slice) -> Connection | tuple[Connection, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        index = range(len(self))[index]  # negative ones; raises IndexError
        if (connection := self._decoded.get(index)) is None:
            with self._guard:
                lock = self._locks.setdefault(index, Lock())
            with lock:
                if (connection := self._decoded.get(index)) is None:
                    connection = self._decoded[index] = self._decode(index)
                    self._kept.append(connection)
        return connection

    def __repr__(self) -> str:
        return f"<{len(self)} connections>"
