"""HTTP/1.1 messages as values, and where each of their bytes lies (RFC 9112)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Generic, NamedTuple, TypeVar

from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.wire import Bytes

# The ledger's buckets.
HEADER, FRAMING, BODY = "http_header", "http_framing", "http_body"


class _Message:
    """What requests and responses share: their header fields, in wire order, decoded as Latin-1."""

    __slots__ = ()
    headers: tuple[tuple[str, str], ...]

    def header_values(self, name: str) -> list[str]:
        """The value of each header line of that name, compared without case."""
        wanted, size = name.lower(), len(name)
        return [value for key, value in self.headers if len(key) == size and key.lower() == wanted]

    def header(self, name: str) -> str | None:
        """The values of that name joined with ", " (RFC 9110 5.3); None where there is no such line."""
        values = self.header_values(name)
        return ", ".join(values) if values else None


@dataclass(frozen=True, slots=True)
class Request(_Message):
    """A request; `body` without its chunk framing, content codings left as they are."""

    method: str
    target: str
    version: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Response(_Message):
    """A response, final or interim; `body` without its chunk framing, content codings left as they are."""

    version: str
    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    trailers: tuple[tuple[str, str], ...] = ()


M = TypeVar("M", Request, Response)


class BodyKind(StrEnum):
    """How the end of a body is told (RFC 9112 6.3)."""

    NONE = "none"
    LENGTH = "length"
    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


class Span(NamedTuple):
    """Bytes `start` to `end` of a direction that count in one bucket of the ledger."""

    start: int
    end: int
    bucket: str


class Chunk(NamedTuple):
    """Where one chunk lies: its line, from `data` its data, from `data_end` its line end; all cut where bytes end."""

    start: int
    data: int
    data_end: int
    end: int


@dataclass(frozen=True, slots=True)
class Layout(Generic[M]):
    """Where one message lies. All offsets count bytes in the data that was read.

    `head` is the message without its body, None where the start line is cut; `kind` is None where the header is.
    `tail` is where the last chunk with its trailers begins, `lost` where chunk framing became unreadable; both are
    `end` where there is none. `needed` counts the bytes known to be missing.
    """

    sender: Side
    head: M | None
    kind: BodyKind | None
    start: int
    unread: int  # where the header lines beyond the limits begin; header_end where there are none
    header_end: int
    chunks: tuple[Chunk, ...]
    tail: int
    lost: int
    end: int
    complete: bool
    needed: int
    findings: tuple[Finding, ...]

    @property
    def spans(self) -> list[Span]:
        """The message in the ledger's buckets, in order, without gap or overlap."""
        bounds = [(self.header_end, HEADER)]
        if self.kind is BodyKind.CHUNKED:
            for chunk in self.chunks:
                bounds += [(chunk.data, FRAMING), (chunk.data_end, BODY), (chunk.end, FRAMING)]
            bounds += [(self.lost, FRAMING)]
        bounds += [(self.end, BODY)]
        spans: list[Span] = []
        at = self.start
        for end, bucket in bounds:
            if end > at:
                if spans and spans[-1].bucket == bucket:
                    spans[-1] = spans[-1]._replace(end=end)
                else:
                    spans.append(Span(at, end, bucket))
                at = end
        return spans

    @property
    def pieces(self) -> list[tuple[int, int]]:
        """(start, end) of each piece of the body, one a chunk; empty ones left out."""
        if self.kind is BodyKind.CHUNKED:
            return [(chunk.data, chunk.data_end) for chunk in self.chunks if chunk.data_end > chunk.data]
        return [(self.header_end, self.end)] if self.end > self.header_end else []

    def findings_from(self, origin: int) -> list[Finding]:
        """The findings, their offsets counted from `origin`."""
        return [replace(finding, offset=finding.offset - origin) for finding in self.findings]

    def message(self, data: Bytes) -> M | None:
        """The message with its body, as far as it is there; `data` is what was read."""
        if self.head is None:
            return None
        return replace(self.head, body=b"".join([bytes(data[start:end]) for start, end in self.pieces]))
