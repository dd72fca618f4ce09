"""The messages of a connection; their data is read from the packets when it is asked for, and not held twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import overload

from wsviz.protocol.message import Message


class CapturedMessages(Sequence[Message]):
    """Messages in the order of their last bytes.

    `heads` are the messages without the data that the packets hold as it is; what was inflated, or is damaged, stands
    in them.
    """

    def __init__(self, heads: Sequence[Message], read: Callable[[Message], bytes]) -> None:
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
        head = self.heads[index]
        return head if head.data or not head.length else replace(head, data=self._read(head))

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"
