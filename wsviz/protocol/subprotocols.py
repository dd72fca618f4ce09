"""What a payload says: JSON, STOMP, Socket.IO and GraphQL envelopes, recognised and told in one line.

Recognising is a guess unless the handshake named the subprotocol. Nothing here raises because of a payload but
`parse_stomp`, which says what is wrong with a frame.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import NamedTuple

from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.wire import count, preview

MAX_JSON = 4 << 20  # characters; parsed JSON takes many times the memory of its text


class Reading(NamedTuple):
    """What a payload says. `kind`: "JSON", "STOMP", "Socket.IO", "GraphQL", "text" or "binary".

    `summary` is one line. Where the payload looks like its kind and breaks its rules, `error` says how, and
    `position` where, in characters for JSON.
    """

    kind: str
    summary: str
    error: str | None = None
    position: int | None = None


def read_payload(payload: bytes | str, subprotocol: str | None = None) -> Reading:
    """Say what a payload is. `subprotocol` is the negotiated one, or "socket.io" where the URI shows it."""
    data = payload if isinstance(payload, bytes) else payload.encode(errors="replace")
    protocol = (subprotocol or "").lower()
    if protocol in STOMP_VERSIONS or _STOMP_START.match(data):
        return read_stomp(data, STOMP_VERSIONS.get(protocol, "1.2"))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return Reading("binary", f"{count(len(data), 'byte')}: {preview(data, as_text=False)}")
    return (
        read_socket_io(text, certain=protocol == "socket.io")
        or read_graphql(text, certain=protocol in GRAPHQL_PROTOCOLS)
        or read_json(text)
        or Reading("text", f"{count(len(text), 'character')}: {_line(text)}")
    )


def _line(text: str) -> str:
    """A piece of text in quotes, on one line and without control characters."""
    return preview(text.encode(errors="replace"))


# ---- JSON (RFC 8259) ----


class Json(NamedTuple):
    """A parsed text: its value, or what is wrong with it and at which character."""

    value: object
    error: str | None = None
    position: int | None = None


def parse_json(text: str) -> Json:
    """Parse JSON as RFC 8259 has it; never raises. NaN, which Python reads, is none."""
    if len(text) > MAX_JSON:
        return Json(None, f"{len(text):,} characters are not parsed, expected at most {MAX_JSON:,}")
    try:
        return Json(json.loads(text, parse_constant=_no_constant, parse_int=_integer))
    except json.JSONDecodeError as error:
        return Json(None, f"{error.msg} at character {error.pos}", error.pos)
    except RecursionError:
        return Json(None, "nested too deeply to be parsed")
    except ProtocolError as error:
        return Json(None, str(error))


def _no_constant(name: str) -> object:
    raise ProtocolError(f"{name} is no JSON")


def _integer(digits: str) -> int | float:
    # int() refuses thousands of digits; other receivers read such numbers as floats too.
    return int(digits) if len(digits) < 4000 else float(digits)


def read_json(text: str) -> Reading | None:
    """The reading of a text that is JSON or begins like it; None for others."""
    start = text.lstrip(" \t\r\n")[:1]
    if not start or start not in '{["-0123456789tfn':
        return None
    if len(text) > MAX_JSON:
        return Reading("JSON", f"begins like JSON; {len(text):,} characters are not parsed")
    parsed = parse_json(text)
    if parsed.error is None:
        return Reading("JSON", f"JSON {_outline(parsed.value)}")
    if start not in "{[":
        return None
    return Reading("JSON", f"no valid JSON: {parsed.error}", parsed.error, parsed.position)


def _outline(value: object) -> str:
    if isinstance(value, dict):
        names = ", ".join(_line(name) for name in list(value)[:5])
        more = ", ..." if len(value) > 5 else ""
        return f"object with {count(len(value), 'member')}" + (f": {names}{more}" if value else "")
    if isinstance(value, list):
        return f"array of {count(len(value), 'element')}"
    return f"string {_line(value)}" if isinstance(value, str) else json.dumps(value)[:40]


# ---- STOMP 1.0, 1.1, 1.2 ----

STOMP_VERSIONS = {"v10.stomp": "1.0", "v11.stomp": "1.1", "v12.stomp": "1.2"}
STOMP_CLIENT = frozenset(
    ["CONNECT", "STOMP", "SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "DISCONNECT"]
)
STOMP_SERVER = frozenset(["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"])
_STOMP_START = re.compile(rf"(?:{'|'.join(sorted(STOMP_CLIENT | STOMP_SERVER))})\r?\n".encode())
_NO_HEADER_TEXT = re.compile(r"[\r\n\0]")
_HEADERS_END = re.compile(rb"\r?\n\r?\n")
_LINE_ENDS = re.compile(rb"[\r\n]*")
_ESCAPES = {"1.0": {}, "1.1": {"\\n": "\n", "\\c": ":", "\\\\": "\\"}}
_ESCAPES["1.2"] = {**_ESCAPES["1.1"], "\\r": "\r"}
# What a summary shows of a frame; login and passcode stay out of it.
_TOLD = ("destination", "id", "subscription", "receipt", "receipt-id", "version", "heart-beat", "message")


@dataclass(frozen=True, slots=True)
class StompFrame:
    """A STOMP frame; headers unescaped, in wire order. Of a repeated header the first counts."""

    command: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def serialize(self, version: str = "1.2") -> bytes:
        """The frame's bytes; raises ProtocolError for what the version cannot say."""
        escapes = {char: escape for escape, char in _escapes(self.command, version).items()}
        lines = [self.command]
        for name, value in self.headers:
            escaped = ["".join(escapes.get(char, char) for char in part) for part in (name, value)]
            line = ":".join(escaped)
            if ":" in escaped[0] or _NO_HEADER_TEXT.search(line):
                raise ProtocolError(f"{name!r} and its value do not fit a {self.command} frame of STOMP {version}")
            lines.append(line)
        if b"\0" in self.body and self.header("content-length") is None:
            raise ProtocolError("a body that holds NUL needs the header content-length")
        return "\n".join([*lines, "", ""]).encode() + self.body + b"\0"


def _escapes(command: str, version: str) -> dict[str, str]:
    """The escapes of header text; CONNECT and CONNECTED have none, for the sake of STOMP 1.0."""
    return {} if command in ("CONNECT", "CONNECTED") else _ESCAPES.get(version, _ESCAPES["1.2"])


def parse_stomp(data: bytes, version: str = "1.2") -> list[StompFrame]:
    """Every STOMP frame in a message, none where it is a heart-beat; raises ProtocolError for anything else."""
    frames: list[StompFrame] = []
    at = _skip_line_ends(data, 0)
    while at < len(data):
        end = _HEADERS_END.search(data, at)
        if end is None:
            raise ProtocolError(f"no empty line ends the headers of the STOMP frame at byte {at}")
        try:
            command, *lines = data[at : end.start()].decode().replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError:
            raise ProtocolError(f"the headers of the STOMP frame at byte {at} are no UTF-8") from None
        if command not in STOMP_CLIENT | STOMP_SERVER:
            raise ProtocolError(f"{command[:20]!r} at byte {at} is no STOMP command")
        headers = tuple(_stomp_header(line, _escapes(command, version)) for line in lines)
        stop = _body_end(data, end.end(), dict(reversed(headers)).get("content-length"))
        frames.append(StompFrame(command, headers, data[end.end() : stop]))
        at = _skip_line_ends(data, stop + 1)
    return frames


def _skip_line_ends(data: bytes, at: int) -> int:
    match = _LINE_ENDS.match(data, at)
    return match.end() if match else at


def _stomp_header(line: str, escapes: dict[str, str]) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise ProtocolError(f"{line[:40]!r} is no STOMP header, expected name:value")
    return _unescape(name, escapes), _unescape(value, escapes)


def _unescape(text: str, escapes: dict[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        if match[0] not in escapes:
            raise ProtocolError(f"{match[0]!r} is no escape in a STOMP header")
        return escapes[match[0]]

    return re.sub(r"(?s)\\.?", replace, text) if escapes else text


def _body_end(data: bytes, start: int, length: str | None) -> int:
    """Where the NUL after a body stands: after content-length bytes, else the first one."""
    if length is None:
        end = data.find(b"\0", start)
        if end < 0:
            raise ProtocolError("no NUL ends the STOMP frame")
        return end
    if not re.fullmatch(r"[0-9]{1,18}", length):
        raise ProtocolError(f"content-length is {length[:40]!r}, expected a decimal number")
    end = start + int(length)
    if data[end : end + 1] != b"\0":
        raise ProtocolError(f"no NUL stands after the {length} bytes of body that content-length says")
    return end


def read_stomp(data: bytes, version: str = "1.2") -> Reading:
    """The reading of a payload known to be STOMP."""
    try:
        frames = parse_stomp(data, version)
    except ProtocolError as error:
        return Reading("STOMP", f"no valid STOMP: {error}", str(error))
    if not frames:
        return Reading("STOMP", "STOMP heart-beat")
    frame = frames[0]
    told = [f"{name} {_line(value)}" for name in _TOLD if (value := frame.header(name)) is not None]
    body = [f"body of {count(len(frame.body), 'byte')}"] if frame.body else []
    more = [f"and {count(len(frames) - 1, 'more frame')}"] if len(frames) > 1 else []
    return Reading("STOMP", ", ".join([f"STOMP {frame.command}", *told, *body, *more]))


# ---- Socket.IO over Engine.IO (protocol revisions 5 and 4) ----

_ENGINE = ("open", "close", "ping", "pong", "message", "upgrade", "noop")
_SOCKET = ("CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK")
# <packet type>[<# of attachments>-][<namespace>,][<acknowledgment id>][JSON]
_SOCKET_IO = re.compile(r"4([0-6])(?:([0-9]{1,9})-)?(?:(/[^,]*),?)?([0-9]{0,18})(.*)", re.DOTALL)


def read_socket_io(text: str, *, certain: bool = False) -> Reading | None:
    """The reading of a Socket.IO or Engine.IO packet; None for others.

    Unless `certain`, a packet that could be a JSON number, such as the ping "2", is none.
    """
    if text[:1] not in tuple("0123456"):
        return None
    match = _SOCKET_IO.fullmatch(text)
    rest = match[5] if match else text[1:]
    envelope = rest[:1] in ("{", "[") or text in ("2probe", "3probe") or (match and match[3] and not rest)
    if not (certain or envelope) or (text[0] == "0" and rest[:1] != "{"):
        return None
    name = _ENGINE[int(text[0])]
    if match is None:
        return Reading("Socket.IO", f"Engine.IO {name}" + (f" {_line(rest)}" if rest else ""))
    parts = [f"Socket.IO {_SOCKET[int(match[1])]}"]
    parts += [f"namespace {_line(match[3])}"] if match[3] else []
    parsed = parse_json(rest) if rest else Json(None)
    if isinstance(parsed.value, list) and parsed.value and match[1] in "25":
        first, arguments = parsed.value[0], count(len(parsed.value) - 1, "argument")
        parts.append(f"{_line(first) if isinstance(first, str) else 'no name'} with {arguments}")
    parts += [f"acknowledgement {match[4]}"] if match[4] else []
    parts += [count(int(match[2]), "attachment")] if match[2] else []
    if parsed.error is not None:
        return Reading("Socket.IO", f"{', '.join(parts)}: {parsed.error}", parsed.error, parsed.position)
    return Reading("Socket.IO", ", ".join(parts))


# ---- GraphQL over WebSocket ----

GRAPHQL_PROTOCOLS = frozenset({"graphql-transport-ws", "graphql-ws"})
_GRAPHQL_TYPES = frozenset(
    [
        "connection_init",
        "connection_ack",
        "connection_error",
        "connection_terminate",
        "ping",
        "pong",
        "ka",
        "subscribe",
        "start",
        "next",
        "data",
        "error",
        "complete",
        "stop",
    ]
)


def read_graphql(text: str, *, certain: bool = False) -> Reading | None:
    """The reading of an envelope of graphql-transport-ws, or of the older graphql-ws; None for others."""
    if not text.lstrip().startswith("{") or '"type"' not in text:
        return None
    value = parse_json(text).value
    if not isinstance(value, dict) or not set(value) <= {"type", "id", "payload"}:
        return None
    kind, payload = value.get("type"), value.get("payload")
    if not isinstance(kind, str) or kind not in _GRAPHQL_TYPES:
        return None
    if not (certain or kind.startswith("connection_") or ("id" in value and kind != "error")):
        return None
    parts = [f"GraphQL {kind}"]
    parts += [f"id {_line(value['id'])}"] if isinstance(value.get("id"), str) else []
    if isinstance(payload, dict):
        told = payload.get("operationName") or payload.get("query")
        parts += [_line(told)] if isinstance(told, str) else [_outline(payload)]
    return Reading("GraphQL", ", ".join(parts))
