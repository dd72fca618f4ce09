"""Which frames of a long list are shown: what columns tell at once, and what only a look into the payloads tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from wsviz.capture.packets import Array
from wsviz.figures.explorer_rows import FrameList
from wsviz.protocol.fields import Finding, ProtocolError, Severity, Side
from wsviz.widgets.capture_explorer_seeker import Seeker

LONGEST_TEXT = 200  # characters that can be searched for
TYPES = {
    "data": (0, 1, 2),
    "control": tuple(range(8, 16)),
    "text": (1,),
    "binary": (2,),
    "continuation": (0,),
    "ping": (9,),
    "pong": (10,),
    "close": (8,),
    "reserved": (3, 4, 5, 6, 7, *range(11, 16)),
}
_AT_ONCE = 20_000  # frames between two results

Tell = Callable[[int], None]  # how many frames have been looked at; raises where nobody wants to know


SEVERITIES = tuple(severity.value for severity in Severity)


@dataclass(frozen=True, slots=True)
class Filter:
    """What a frame must be: all that is given, and nothing where nothing is given.

    `type` is one of TYPES. `finding` is "any", a severity, or the slug of a rule. `text` occurs in the frame's
    message, inflated, or in the body of a control frame; upper and lower case of A to Z are the same.
    """

    connection: int | None = None
    sender: Side | None = None
    type: str = ""
    finding: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.type and self.type not in TYPES:
            raise ProtocolError(f"the type is {self.type[:20]!r}, expected one of: {', '.join(TYPES)}")
        if len(self.text) > LONGEST_TEXT:
            raise ProtocolError(f"the text has {len(self.text):,} characters, expected at most {LONGEST_TEXT}")

    @property
    def searches(self) -> bool:
        """Whether columns alone do not tell."""
        return bool(self.finding or self.text)

    def candidates(self, frames: FrameList) -> Array:
        """The rows that pass as far as columns tell, in order."""
        rows = frames.rows() if self.connection is None else frames.rows_of(self.connection)
        if self.sender is not None:
            rows = rows[frames.server[rows] == (self.sender is Side.SERVER)]
        if self.type:
            wanted = np.zeros(16, "?")
            wanted[list(TYPES[self.type])] = True
            rows = rows[wanted[frames.opcode[rows]]]
        return rows

    def search(self, frames: FrameList, tell: Tell) -> Iterator[Array]:
        """The candidates that pass, connection by connection, as they are found."""
        rows, looked = self.candidates(frames), 0
        numbers, counts = np.unique(frames.connection[rows], return_counts=True)
        by_connection, ends = rows[np.argsort(frames.connection[rows], kind="stable")], np.cumsum(counts)
        for number, first, end in zip(numbers.tolist(), ends - counts, ends, strict=True):
            mine = by_connection[first:end]
            tell(looked)
            seeker = Seeker(frames.capture.connections[number], self.text, self.has if self.finding else None)
            places = np.searchsorted(frames.rows_of(number), mine)
            for start in range(0, len(mine), _AT_ONCE):
                part = places[start : start + _AT_ONCE]
                yield mine[start : start + _AT_ONCE][seeker.passing(part, looked, tell)]
                looked += len(part)
        tell(looked)

    def has(self, finding: Finding) -> bool:
        """Whether this is a finding that is asked for."""
        return self.finding in ("any", finding.severity.value, finding.rule)
