"""The messages of a connection; their data is read when it is asked for, and not held meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import overload

from wsviz.protocol.message import Message


class CapturedMessages(Sequence[Message]):
    """Messages in the order of their last bytes.

    `heads` are the messages without their data, which `read` gives by their numbers.
    """

    def __init__(self, heads: Sequence[Message], read: Callable[[int], bytes]) -> None:
        self.heads, self._read = tuple(heads), read

    def __len__(self) -> int:
        return len(self.heads)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Message, ...]: ...
    def __getitem__(self, index: int | slice) -> Message | tuple[Message, ...]:
        if isinstance(index, slice):
            return tuple(self[i] for i in range(*index.indices(len(self))))
        index = range(len(self.heads))[index]  # negative ones; raises IndexError
        return replace(self.heads[index], data=self._read(index))

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"
