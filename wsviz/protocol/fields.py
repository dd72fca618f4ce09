"""The vocabulary of every decoder: named bit fields, findings, dissections, and the errors a user can meet.

A decoder takes bytes and returns a `Dissection`: the decoded value together with its evidence. The evidence obeys
the partition law: the fields, in order, cover every bit of the raw bytes exactly once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import total_ordering
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


class WsvizError(Exception):
    """Base of every error that wsviz raises on purpose."""


class CaptureError(WsvizError):
    """A file cannot be read as a capture at all."""


class ProtocolError(WsvizError, ValueError):
    """A value breaks the protocol, or cannot be expressed in it.

    `close_code` is the code with which RFC 6455 has a receiver fail the connection (section 7.1.7), or None.
    """

    def __init__(self, explanation: str, close_code: int | None = None) -> None:
        super().__init__(explanation)
        self.close_code = close_code


class Incomplete(WsvizError):
    """The bytes end before the unit does.

    `partial` is a dissection of the bytes present, its value None; `needed` counts the bytes missing, as far as the
    bytes present tell: where even the length is cut, it counts up to the end of the header.
    """

    def __init__(self, explanation: str, partial: Dissection[None], needed: int) -> None:
        super().__init__(explanation)
        self.partial = partial
        self.needed = needed


class Side(StrEnum):
    """One end of a connection, named by its part in the opening handshake."""

    CLIENT = "client"
    SERVER = "server"

    @classmethod
    def _missing_(cls, value: object) -> Side:
        raise ProtocolError(f"the sender is {value!r}, expected 'client' or 'server'")

    @property
    def other(self) -> Side:
        return Side.SERVER if self is Side.CLIENT else Side.CLIENT


SIDES = (Side.CLIENT, Side.SERVER)  # as tables number them


class Severity(StrEnum):
    """How bad a finding is, in the words of RFC 2119."""

    ERROR = "error"  # a MUST is broken
    WARNING = "warning"  # a SHOULD is not followed
    NOTE = "note"  # legal, and worth knowing

    @property
    def rank(self) -> int:
        """2 for an error, 1 for a warning, 0 for a note."""
        return {"error": 2, "warning": 1, "note": 0}[self.value]


@dataclass(frozen=True, slots=True)
class Field:
    """One named run of bits.

    `start` and `size` count bits from the first bit of the unit. `value` is an int for numbers and flags, bytes for
    everything else; payload bytes stand here unmasked. `meaning` says the value in words, `section` where it is
    defined, such as "RFC 6455 5.2".
    """

    name: str
    start: int
    size: int
    value: int | bytes
    meaning: str
    section: str

    @property
    def end(self) -> int:
        """The first bit after the field."""
        return self.start + self.size


@total_ordering
@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth saying about bytes: a broken rule, or a legal thing that surprises.

    `rule` is a stable slug from the table in `wsviz.protocol.rules`. `close_code` is the code with which the RFC has
    the receiver fail the connection, None where it asks for none. `field` names the field at fault, `frame` counts
    frames in their direction from 0, `offset` is a byte offset in that direction. Findings sort by offset, then rule.
    """

    rule: str
    severity: Severity
    section: str
    explanation: str
    culprit: Side | None = None
    close_code: int | None = None
    field: str | None = None
    frame: int | None = None
    offset: int = 0

    def __lt__(self, other: Finding) -> bool:
        return (self.offset, self.rule) < (other.offset, other.rule)

    def __str__(self) -> str:
        code = f", close code {self.close_code}" if self.close_code is not None else ""
        return f"{self.severity} {self.rule}: {self.explanation} ({self.section}{code})"


@dataclass(frozen=True, slots=True)
class Dissection(Generic[T_co]):
    """A decoded unit with its evidence: the raw bytes, the fields that partition them, and the findings."""

    value: T_co
    raw: bytes
    fields: tuple[Field, ...]
    findings: tuple[Finding, ...] = ()

    def field(self, name: str) -> Field | None:
        """The first field of that name, or None where the unit has none."""
        return next((field for field in self.fields if field.name == name), None)
