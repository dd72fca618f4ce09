"""Reading HTTP/1.1: one linear pass that finds where a message begins and ends and what its header says (RFC 9112).

Reading is lenient: what a peer should refuse is read as most peers would read it, and becomes a finding. Where even
that fails (a chunk size that is no number) the framing is lost and the rest of the bytes is "Unreadable body". Bytes
that do not begin like HTTP raise ProtocolError.

How a body ends, in the order of RFC 9112 6.3: no body (HEAD, 1xx, 204, 304, 2xx to CONNECT); chunked; Content-Length;
no body for requests; until the connection closes for responses.
"""

from __future__ import annotations

import re
from dataclasses import replace

from wsviz.protocol.fields import Finding, ProtocolError, Side
from wsviz.protocol.grammar import TOKEN, split_list
from wsviz.protocol.http_message import BodyKind, Chunk, Layout, M, Request, Response
from wsviz.protocol.http_rules import HTTP_RULES as RULES
from wsviz.protocol.wire import Bytes, count, preview

MAX_HEADERS = 1000  # header lines, and bytes of header lines, beyond which they are not taken apart
MAX_SECTION = 1 << 20
LONG_LINE = 8000  # what RFC 9112 3 recommends that everybody supports; also the longest chunk line

# RFC 9112 2.3: HTTP-version = HTTP-name "/" DIGIT "." DIGIT; the name in capitals, which leniency does not ask
_VERSION = re.compile(rb"(?i:HTTP)/[0-9]\.[0-9]")
# RFC 9112 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]
STATUS_LINE = re.compile(rb"((?i:HTTP)/[0-9]\.[0-9])([ \t]+)([0-9]{3})(?:([ \t])(.*))?", re.DOTALL)
_TOKEN = re.compile(TOKEN.encode())
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TARGET = re.compile(rb"[\x21-\x7e]+")
# RFC 9112 7.1: chunk-size = 1*HEXDIG; more than 64 bits of it are refused
CHUNK_LINE = re.compile(rb"(0*[0-9A-Fa-f]{1,16})([ \t]*)(;.*)?", re.DOTALL)
# RFC 9110 7.2: Host = uri-host [ ":" port ]
_HOST = re.compile(r"(\[[0-9A-Za-z:.%~_-]+\]|[^\s/?#@\[\]:,\\]*)(:[0-9]*)?")
EMPTY_LINES = re.compile(rb"(?:\r?\n)+")
_REPEATED = {
    "bare-lf": "a line ends with LF alone, expected CRLF",
    "chunk-size-padded": "white space follows a chunk size, expected none",
}
_SECTION_END = re.compile(rb"\n\r?\n")
# Header lines of which nothing is to be told, and so few bytes of them that no limit is passed: read at once.
_USUAL_SECTION = re.compile(rb"((?:%b:[^\x00-\x08\x0a-\x1f\x7f]*\r\n)*)\r\n" % TOKEN.encode())
_SHORT_SECTION = 4 * MAX_HEADERS


def looks_like_request(data: Bytes, start: int = 0) -> bool:
    """Whether the bytes begin with a method and a space, and with a whole request line where the line is whole."""
    line, whole = _first_line(data, start)
    method = _TOKEN.match(line)
    if method is None or line[method.end() : method.end() + 1] != b" ":
        return False
    return not whole or split_request_line(line) is not None


def looks_like_response(data: Bytes, start: int = 0) -> bool:
    """Whether the bytes begin with "HTTP/" and, where the line is whole, a whole status line."""
    line, whole = _first_line(data, start)
    return line[:5] == b"HTTP/" and (not whole or STATUS_LINE.fullmatch(line) is not None)


def _first_line(data: Bytes, start: int) -> tuple[bytes, bool]:
    """The first line that is not empty, as far as it lies in the next 16 kB, and whether its end does."""
    head = bytes(data[start : start + 2 * LONG_LINE]).lstrip(b"\r\n")
    line, end, _ = head.partition(b"\n")
    return line.removesuffix(b"\r"), bool(end)


def read_request(data: Bytes, start: int = 0, *, ended: bool = False) -> Layout[Request]:
    """Find one request that begins at `start`. Pass bytes: any other type is copied at each call.

    `ended` says that the stream ends where the data does. Raises ProtocolError where no request begins there.
    """
    reader = _Reader(bytes(data), start, Side.CLIENT)
    head: Request | None = None
    if (line := reader.start_line()) is not None:
        head = reader.request(line)
    if head is None or reader.cut:
        return reader.layout(head, None, ended)
    reader.judge_host(head)
    kind, length = reader.body_kind(head, has_body=True)
    return reader.layout(reader.read_body(head, kind, length), kind, ended)


def read_response(
    data: Bytes, start: int = 0, *, request_method: str | None = None, ended: bool = False
) -> Layout[Response]:
    """Find one response that begins at `start`; interim ones (1xx) are messages of their own.

    `request_method` is the method that it answers, None where that is not known; `ended` says that the stream ends
    where the data does, which completes a body that lasts until the connection closes. Pass bytes: any other type is
    copied at each call. Raises ProtocolError where no response begins there.
    """
    reader = _Reader(bytes(data), start, Side.SERVER)
    head: Response | None = None
    if (line := reader.start_line()) is not None:
        head = reader.response(line)
    if head is None or reader.cut:
        return reader.layout(head, None, ended)
    tunnel = request_method == "CONNECT" and 200 <= head.status <= 299
    has_body = not (request_method == "HEAD" or head.status < 200 or head.status in (204, 304) or tunnel)
    if (head.status < 200 or head.status == 204 or tunnel) and (
        head.header("Content-Length") is not None or head.header("Transfer-Encoding") is not None
    ):
        reader.find(
            "length-not-allowed",
            f"a response with status {head.status} has Content-Length or Transfer-Encoding, expected neither",
        )
    kind, length = reader.body_kind(head, has_body=has_body)
    return reader.layout(reader.read_body(head, kind, length), kind, ended)


class _Reader:
    """One pass over one message: `at` moves forward only, `cut` is set where the bytes end first."""

    def __init__(self, data: bytes, start: int, sender: Side) -> None:
        self.data, self.start, self.at, self.sender = data, start, start, sender
        self.cut, self.needed = False, 0
        self.unread = self.header_end = self.tail = self.lost = -1
        self.chunks: list[Chunk] = []
        self.findings: list[Finding] = []
        self.repeated: dict[str, tuple[int, int]] = {}  # rule -> first offset, times: told once, however often it is

    def find(self, rule: str, explanation: str, at: int | None = None, field: str | None = None) -> None:
        offset = self.start if at is None else at
        self.findings.append(RULES[rule].finding(explanation, culprit=self.sender, field=field, offset=offset))

    def line(self, limit: int | None = None) -> int | None:
        """Step over one line; the end of its content, or None (and `cut`) where its end is not there."""
        start, end = self.at, self.data.find(b"\n", self.at, limit)
        if end < 0:
            self.cut, self.needed = True, 1
            return None
        self.at = end + 1
        if end > start and self.data[end - 1] == 0x0D:
            return end - 1
        self.repeat("bare-lf", end)
        return end

    def repeat(self, rule: str, at: int) -> None:
        first, times = self.repeated.get(rule, (at, 0))
        self.repeated[rule] = first, times + 1

    def start_line(self) -> bytes | None:
        """The start line, empty lines before it stepped over."""
        data = self.data
        if blank := EMPTY_LINES.match(data, self.at):
            self.at = blank.end()
            empty = count(data.count(b"\n", self.start, self.at), "empty line")
            self.find("empty-line-first", f"{empty} before the start line, expected none", field="Empty line")
        start, stop = self.at, self.line()
        if stop is None:
            self.needed = 4
            rest = data[start : start + LONG_LINE]
            if rest != b"\r" and not _may_begin(rest, self.sender):
                raise self.no_http(rest)
            return None
        if stop - start > LONG_LINE:
            self.find("http-line-too-long", f"the start line has {stop - start:,} bytes, expected at most 8,000")
        return data[start:stop]

    def no_http(self, line: bytes) -> ProtocolError:
        what, such = ("request", "GET / HTTP/1.1") if self.sender is Side.CLIENT else ("response", "HTTP/1.1 200 OK")
        where = f"no HTTP/1.1 {what} begins at byte {self.start}"
        return ProtocolError(f"{where}: got {preview(line)}, expected a line such as {such!r}")

    def request(self, line: bytes) -> Request:
        """The request that begins with this line, and its header."""
        cuts = split_request_line(line)
        if cuts is None or line.startswith(b"PRI * HTTP/2"):
            raise self.no_http(line)
        method, target, version = line[: cuts[0]], line[cuts[1] : cuts[2]], line[cuts[3] : cuts[4]]
        well = line == b" ".join((method, target, version)) and _TARGET.fullmatch(target)
        if not well or not version.startswith(b"HTTP/1."):
            self.find("start-line-invalid", f"got {preview(line)}, expected METHOD target HTTP/1.1 and single spaces")
        method_name, path, protocol = (word.decode("latin-1") for word in (method, target, version))
        return Request(method_name, path, protocol, tuple(self.fields()))

    def response(self, line: bytes) -> Response:
        """The response that begins with this line, and its header."""
        match = STATUS_LINE.fullmatch(line)
        if match is None:
            raise self.no_http(line)
        version, space, status, separator, reason = match.groups()
        well = space == separator == b" " and version.startswith(b"HTTP/1.") and b"1" <= status[:1] <= b"5"
        if not well or _CONTROL.search(reason or b""):
            self.find("start-line-invalid", f"got {preview(line)}, expected HTTP/1.1, a status and single spaces")
        phrase = (reason or b"").decode("latin-1")
        return Response(version.decode("latin-1"), int(status), phrase, tuple(self.fields()))

    def fields(self) -> list[tuple[str, str]]:
        """Header or trailer lines, up to and with the empty line that ends them."""
        if usual := _USUAL_SECTION.match(self.data, self.at, self.at + _SHORT_SECTION):
            self.at = usual.end()
            split = (line.partition(":") for line in usual[1].decode("latin-1").split("\r\n")[:-1])
            return [(name, value.strip(" \t")) for name, _, value in split]
        lines: list[tuple[str, list[str]]] = []
        first, number = self.at, 0
        while True:
            start, stop = self.at, self.line()
            if stop is None or stop == start:
                break
            number += 1
            if number > MAX_HEADERS or self.at - first > MAX_SECTION:
                self.skip_lines(start)
                break
            self.field_line(start, stop, lines)
        return [(name, " ".join(parts)) for name, parts in lines]

    def skip_lines(self, start: int) -> None:
        """Step over the rest of the header section, which passes the limits."""
        if self.unread < 0:
            self.unread = start
        end = _SECTION_END.search(self.data, self.at - 1)
        self.find(
            "header-section-too-large",
            f"the header lines from byte {start} on are not read: expected at most {MAX_HEADERS} lines and 1 MiB",
            start,
            "Lines not read",
        )
        self.at = len(self.data) if end is None else end.end()
        self.cut, self.needed = end is None, int(end is None)

    def field_line(self, start: int, stop: int, lines: list[tuple[str, list[str]]]) -> None:
        line = self.data[start:stop]
        if len(line) > LONG_LINE:
            self.find("http-line-too-long", f"a header line has {len(line):,} bytes, expected at most 8,000", start)
        if control := _CONTROL.search(line):
            rule = "bare-cr" if control[0] == b"\r" else "header-value-invalid"
            at = start + control.start()
            self.find(rule, f"a header line holds the byte {control[0][0]:#04x}", at, "Field value")
        name, colon, value = line.partition(b":")
        text = value.strip(b" \t").decode("latin-1")
        if line[0] in b" \t" and lines:
            self.find("obs-fold", f"a header value goes on in a second line: {preview(line)}", start, "Line fold")
            lines[-1][1].append(line.strip(b" \t").decode("latin-1"))
        elif not colon or line[0] in b" \t":
            self.find("header-line-invalid", f"got {preview(line)}, expected name: value", start, "Invalid line")
        else:
            plain = name.rstrip(b" \t")
            if plain != name:
                self.find("space-before-colon", f"got {preview(name + colon)}, expected no space", start, "Colon")
            if not _TOKEN.fullmatch(plain):
                self.find("header-name-invalid", f"{preview(plain)} is no token", start, "Field name")
            lines.append((plain.decode("latin-1"), [text]))

    def judge_host(self, head: Request) -> None:
        hosts = head.header_values("Host")
        if not hosts and head.version != "HTTP/1.0":
            self.find("host-missing", "no Host header, expected one")
        if len(hosts) > 1:
            self.find("host-repeated", f"{len(hosts)} Host headers, expected one")
        for host in hosts[:1]:
            if not _HOST.fullmatch(host):
                self.find("host-invalid", f"Host is {preview(host.encode())}, expected a host and perhaps a port")

    def body_kind(self, head: Request | Response, *, has_body: bool) -> tuple[BodyKind, int]:
        """How the body ends, and its length in bytes where that is by length (RFC 9112 6.3)."""
        lengths, codings = head.header_values("Content-Length"), head.header_values("Transfer-Encoding")
        length = self.content_length(lengths) if lengths else None
        if codings:
            names = [coding.lower() for coding in split_list(", ".join(codings))]
            if lengths:
                self.find("length-and-chunked", "both Content-Length and Transfer-Encoding, expected one of them")
            if head.version == "HTTP/1.0":
                self.find("transfer-encoding-in-http10", "Transfer-Encoding in an HTTP/1.0 message")
            if names[-1:] != ["chunked"] or "chunked" in names[:-1]:
                got = preview(", ".join(codings).encode())
                self.find("transfer-encoding-invalid", f"Transfer-Encoding is {got}, expected chunked once and last")
            if has_body:
                return (BodyKind.CHUNKED if names[-1:] == ["chunked"] else BodyKind.UNTIL_CLOSE), 0
        if not has_body:
            return BodyKind.NONE, 0
        if length is not None:
            return BodyKind.LENGTH, length
        return (BodyKind.NONE if isinstance(head, Request) else BodyKind.UNTIL_CLOSE), 0

    def content_length(self, values: list[str]) -> int | None:
        elements = split_list(", ".join(values))
        for element in elements or [""]:
            # 18 digits are an exabyte; what is longer is no length but an attempt at an overflow.
            if not (element.isascii() and element.isdigit() and len(element) <= 18):
                got = preview(element.encode())
                self.find("content-length-invalid", f"Content-Length is {got}, expected a decimal number")
                return None
        if len({int(element) for element in elements}) > 1:
            got = " and ".join(elements[:3])
            self.find("content-length-conflict", f"Content-Length says {got}, expected one number")
        elif len(elements) > 1:
            self.find("content-length-repeated", f"{len(elements)} times the same Content-Length, expected one")
        return int(elements[0])

    def read_body(self, head: M, kind: BodyKind, length: int) -> M:
        """Step over the body; the head again, with its trailers."""
        self.header_end = self.at
        if self.unread < 0:
            self.unread = self.at
        if kind is BodyKind.CHUNKED:
            self.read_chunks()
            if not self.cut and self.lost < 0:
                trailers = tuple(self.fields())
                return replace(head, trailers=trailers)
        elif kind is BodyKind.LENGTH:
            self.at = min(self.at + length, len(self.data))
            self.needed = self.header_end + length - self.at
            self.cut = self.needed > 0
        elif kind is BodyKind.UNTIL_CLOSE:
            self.at, self.cut = len(self.data), True  # layout() takes that back where the stream has ended
        return head

    def read_chunks(self) -> None:
        """Step over the chunks, the last one's line included."""
        data, total = self.data, len(self.data)
        while True:
            self.tail = start = self.at
            stop = self.line(start + LONG_LINE)
            if stop is None and total - start < LONG_LINE:
                self.needed = 5 if start == total else 1
                return
            match = None if stop is None else CHUNK_LINE.fullmatch(data, start, stop)
            if match is None:
                line = data[start : start + LONG_LINE if stop is None else stop]
                self.lose(start, f"got the chunk line {preview(line)}, expected a size in hex digits")
                return
            if match[2]:
                self.repeat("chunk-size-padded", start)
            if (size := int(match[1], 16)) == 0:
                return
            if not self.chunk_data(start, size):
                return

    def chunk_data(self, start: int, size: int) -> bool:
        """Step over a chunk's data and its line end; whether another chunk may follow. Its line began at `start`."""
        data, data_start, total = self.data, self.at, len(self.data)
        data_end = data_start + size
        line_end = 2 if data.startswith(b"\r\n", data_end) else int(data.startswith(b"\n", data_end))
        if not line_end and (data_end > total or data[data_end : data_end + 2] in (b"", b"\r")):
            self.chunks.append(Chunk(start, data_start, min(data_end, total), total))
            self.at = self.tail = total
            self.cut, self.needed = True, data_end - total + 7  # CRLF, then 0 CRLF CRLF
            return False
        if line_end == 1:
            self.repeat("bare-lf", data_end)
        self.at = data_end + line_end
        self.chunks.append(Chunk(start, data_start, data_end, self.at))
        if not line_end:
            got = preview(data[data_end : data_end + 8])
            self.lose(data_end, f"got {got} after a chunk, expected a line end")
        return line_end > 0

    def lose(self, at: int, explanation: str) -> None:
        """The framing is lost at `at`: no later byte can be placed, so all of them count to this body."""
        self.find("chunk-invalid", explanation, at, "Unreadable body")
        self.tail, self.lost, self.at = at, at, len(self.data)
        self.cut, self.needed = False, 0

    def layout(self, head: M | None, kind: BodyKind | None, ended: bool) -> Layout[M]:
        for rule, (first, times) in self.repeated.items():
            self.find(rule, f"{_REPEATED[rule]}, {count(times, 'time')} in this message", first)
        end = len(self.data) if self.cut else self.at
        if ended and kind is BodyKind.UNTIL_CLOSE:
            self.cut = False
        if ended and self.cut and (head is not None or self.at < end):  # empty lines alone are no message
            cut = f"the stream ends within the message, after {count(end - self.start, 'byte')}"
            self.findings.append(RULES["http-message-cut"].finding(cut, offset=self.start))  # no telling who gave up
        header_end = end if self.header_end < 0 else self.header_end
        unread = header_end if self.unread < 0 else self.unread
        return Layout(
            self.sender,
            head,
            kind,
            self.start,
            unread,
            header_end,
            tuple(self.chunks),
            end if self.tail < 0 else self.tail,
            end if self.lost < 0 else self.lost,
            end,
            not self.cut,
            self.needed,
            tuple(sorted(self.findings)),
        )


def _may_begin(cut: bytes, sender: Side) -> bool:
    """Whether a cut first line can still become a start line."""
    if sender is Side.SERVER:
        return cut[:5].upper() == b"HTTP/"[: len(cut)]
    method = _TOKEN.match(cut)
    return not cut or (method is not None and cut[method.end() : method.end() + 1] in (b"", b" ", b"\t"))


def split_request_line(line: bytes) -> tuple[int, int, int, int, int] | None:
    """Where method, space, target, space and version end; None where it is no request line.

    By searching from both ends and not by one regular expression, which white space could make quadratic.
    """
    method = _TOKEN.match(line)
    stripped = line.rstrip(b" \t")
    version = max(stripped.rfind(b" "), stripped.rfind(b"\t")) + 1
    if method is None or not _VERSION.fullmatch(stripped, version):
        return None
    target = len(line) - len(line[method.end() :].lstrip(b" \t"))
    if not method.end() < target <= version:
        return None
    return method.end(), target, max(target, len(line[:version].rstrip(b" \t"))), version, len(stripped)
