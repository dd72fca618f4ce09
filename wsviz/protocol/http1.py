"""HTTP/1.1 messages (RFC 9112): what each says, and a name for every byte.

Reading has two steps, so that a capture with thousands of messages pays for names only where somebody looks:

    read_request, read_response   one linear pass from an offset over the bytes of a direction -> Layout
    dissect                       Layout -> Dissection; dissect_request and dissect_response do both steps

Fields have fixed names, those of FIELDS: a header line is "Field name", "Colon" (with the white space around it),
"Field value", "Line end".
"""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.protocol.fields import Dissection, Field, Incomplete, Side
from wsviz.protocol.http_message import (
    BODY,
    FRAMING,
    HEADER,
    BodyKind,
    Chunk,
    Layout,
    M,
    Request,
    Response,
    Span,
)
from wsviz.protocol.http_read import (
    CHUNK_LINE,
    EMPTY_LINES,
    STATUS_LINE,
    looks_like_request,
    looks_like_response,
    read_request,
    read_response,
    split_request_line,
)
from wsviz.protocol.wire import Bytes, count, preview

__all__ = [
    "FIELDS",
    "BodyKind",
    "Chunk",
    "Layout",
    "Request",
    "Response",
    "Span",
    "dissect",
    "dissect_request",
    "dissect_response",
    "http_bucket",
    "looks_like_request",
    "looks_like_response",
    "read_request",
    "read_response",
]

# Every field of a dissection: the ledger's bucket that it counts in, and the section of RFC 9112 that defines it.
FIELDS = {
    "Empty line": (HEADER, "2.2"),
    "Method": (HEADER, "3.1"),
    "Request target": (HEADER, "3.2"),
    "HTTP version": (HEADER, "2.3"),
    "Status code": (HEADER, "4"),
    "Reason phrase": (HEADER, "4"),
    "Space": (HEADER, "3"),
    "Line end": (HEADER, "2.2"),
    "Field name": (HEADER, "5"),
    "Colon": (HEADER, "5"),
    "Field value": (HEADER, "5"),
    "Line fold": (HEADER, "5.2"),
    "Invalid line": (HEADER, "5"),
    "Cut line": (HEADER, "8"),
    "Lines not read": (HEADER, "5"),
    "Body": (BODY, "6"),
    "Chunk size": (FRAMING, "7.1"),
    "Chunk extensions": (FRAMING, "7.1.1"),
    "Chunk line end": (FRAMING, "7.1"),
    "Chunk data": (BODY, "7.1"),
    "Chunk end": (FRAMING, "7.1"),
    "Cut chunk line": (FRAMING, "8"),
    "Trailers": (FRAMING, "7.1.2"),
    "Unreadable body": (BODY, "7.1"),
}


def http_bucket(field: Field) -> str:
    """The ledger's bucket of a field: "http_header", "http_framing" or "http_body"."""
    return FIELDS[field.name][0]


def dissect_request(data: Bytes) -> Dissection[Request]:
    """Dissect the request that `data` begins with; bytes after it belong to the next one.

    Raises Incomplete where the bytes end before the request does, ProtocolError where no request begins there.
    """
    data = bytes(data)
    return dissect(data, read_request(data))


def dissect_response(
    data: Bytes, *, request_method: str | Request | None = None, ended: bool = False
) -> Dissection[Response]:
    """Dissect the response that `data` begins with; interim ones (1xx) are messages of their own.

    `request_method` is what it answers, None where that is not known; `ended` says that the stream ends where the
    data does, which completes a body that lasts until the connection closes. Raises Incomplete where the bytes end
    before the response does, ProtocolError where no response begins there.
    """
    data = bytes(data)
    method = request_method.method if isinstance(request_method, Request) else request_method
    return dissect(data, read_response(data, request_method=method, ended=ended))


def dissect(data: bytes, layout: Layout[M]) -> Dissection[M]:
    """Name every byte of a message that was read from `data`. Raises Incomplete where it is cut.

    The offsets of findings count from the message's first byte.
    """
    raw, message = data[layout.start : layout.end], layout.message(data)
    fields = tuple(_fields(data, layout))
    findings = tuple(layout.findings_from(layout.start))
    if layout.complete and message is not None:
        return Dissection(message, raw, fields, findings)
    what = "request" if layout.sender is Side.CLIENT else "response"
    where = {None: "the header is cut", BodyKind.UNTIL_CLOSE: "its body lasts until the connection closes"}
    raise Incomplete(
        f"the {what} does not end within {count(len(raw), 'byte')}: {where.get(layout.kind, 'the body is cut')}",
        Dissection(None, raw, fields, findings),
        layout.needed,
    )


class _Namer:
    """Gives names to the bytes of one message, from the first to the last."""

    def __init__(self, data: bytes, start: int) -> None:
        self.data, self.start, self.at = data, start, start

    def name(self, name: str, end: int, meaning: str = "", value: int | None = None) -> Iterator[Field]:
        """One field up to byte `end`; none where that would be empty."""
        if end > self.at:
            content = self.data[self.at : end]
            first, size = 8 * (self.at - self.start), 8 * (end - self.at)
            self.at = end
            section = f"RFC 9112 {FIELDS[name][1]}"
            yield Field(name, first, size, content if value is None else value, meaning or preview(content), section)


def _fields(data: bytes, layout: Layout[M]) -> Iterator[Field]:
    """The fields of a message, whole or cut: together they cover its bytes exactly."""
    namer = _Namer(data, layout.start)
    yield from _head_fields(namer, layout)
    if layout.kind is BodyKind.CHUNKED:
        for chunk in layout.chunks:
            yield from _chunk_line(namer, chunk.data)
            yield from namer.name("Chunk data", chunk.data_end)
            yield from namer.name("Chunk end", chunk.end, "end of the chunk")
        if layout.lost == layout.end:
            yield from _tail_fields(namer, layout)
        yield from namer.name("Unreadable body", layout.end)
    yield from namer.name("Body", layout.end)


def _line_end(data: bytes, start: int, limit: int) -> tuple[int, int] | None:
    """Where the content of a line ends and the next line begins; None where its end lies beyond the limit."""
    end = data.find(b"\n", start, limit)
    if end < 0:
        return None
    return (end - 1 if end > start and data[end - 1] == 0x0D else end), end + 1


def _head_fields(namer: _Namer, layout: Layout[M]) -> Iterator[Field]:
    if blank := EMPTY_LINES.match(namer.data, namer.at, layout.unread):
        yield from namer.name("Empty line", blank.end(), "ignored")
    start_line = namer.at
    while line := _line_end(namer.data, namer.at, layout.unread):
        end, following = line
        if namer.at == start_line:
            yield from _start_line(namer, end, layout.sender)
        elif end > namer.at:
            yield from _header_line(namer, end)
        else:
            yield from namer.name("Empty line", following, "end of the header")
        yield from namer.name("Line end", following, "end of the line")
    # A chunk or body never begins here: what is left of the header was cut, or passes the limits.
    yield from namer.name("Cut line" if layout.unread == layout.header_end else "Lines not read", layout.header_end)


def _start_line(namer: _Namer, end: int, sender: Side) -> Iterator[Field]:
    start, line = namer.at, namer.data[namer.at : end]
    if sender is Side.SERVER:
        if match := STATUS_LINE.fullmatch(line):
            yield from namer.name("HTTP version", start + match.end(1))
            yield from namer.name("Space", start + match.end(2), "separator")
            status = int(match[3])
            yield from namer.name("Status code", start + match.end(3), _status_class(status), status)
            yield from namer.name("Space", start + max(match.end(4), match.end(3)), "separator")
            yield from namer.name("Reason phrase", end)
    elif cuts := split_request_line(line):
        names = ("Method", "Space", "Request target", "Space", "HTTP version")
        for name, cut in zip(names, cuts, strict=True):
            yield from namer.name(name, start + cut, "separator" if name == "Space" else "")
        yield from namer.name("Space", end, "separator")


def _status_class(status: int) -> str:
    """RFC 9110 15: the first digit says the class."""
    names = {1: "interim", 2: "successful", 3: "redirection", 4: "client error", 5: "server error"}
    return "switching protocols" if status == 101 else names.get(status // 100, "undefined")


def _header_line(namer: _Namer, end: int) -> Iterator[Field]:
    start, line = namer.at, namer.data[namer.at : end]
    content = start + len(line.rstrip(b" \t"))
    if line[0] in b" \t":
        yield from namer.name("Line fold", end - len(line.lstrip(b" \t")), "the value before goes on")
        yield from namer.name("Field value", content)
    elif b":" not in line:
        yield from namer.name("Invalid line", end, "no header field")
    else:
        name, _, value = line.partition(b":")
        yield from namer.name("Field name", start + len(name.rstrip(b" \t")))
        yield from namer.name("Colon", end - len(value.lstrip(b" \t")), "separator")
        yield from namer.name("Field value", content)


def _chunk_line(namer: _Namer, line_end: int) -> Iterator[Field]:
    """A chunk's line, its end at `line_end`; the size in hex digits, extensions after it."""
    start, line = namer.at, namer.data[namer.at : line_end].rstrip(b"\r\n")
    if match := CHUNK_LINE.fullmatch(line):
        size = int(match[1], 16)
        yield from namer.name("Chunk size", start + match.end(1), count(size, "byte") if size else "last chunk", size)
        yield from namer.name("Chunk extensions", start + len(line))
    yield from namer.name("Chunk line end", line_end, "end of the line")


def _tail_fields(namer: _Namer, layout: Layout[M]) -> Iterator[Field]:
    """The last chunk's line and the trailers, or what there is of a cut chunk line."""
    line = _line_end(namer.data, namer.at, layout.end)
    if line is None:
        yield from namer.name("Cut chunk line", layout.end)
        return
    yield from _chunk_line(namer, line[1])
    yield from namer.name("Trailers", layout.end, "no trailers" if layout.end - line[1] <= 2 else "")
