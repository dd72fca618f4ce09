"""Entries of a HAR file, as far as they hold what they should: one HTTP exchange each, a WebSocket with its messages.

HAR 1.2 is JSON that browsers write and anyone can edit, so nothing is taken for granted: each value is looked at
before it is used, and an entry without an address or a time is no entry. For WebSockets there is no standard;
Chromium's developer tools and Playwright write the same names, with times of their own:

                        developer tools                         Playwright
    message's time      seconds since the epoch                 milliseconds since the epoch
    timings.wait        until the latest message or error,      -1
                        the 101 where there was none
    timings.receive     from there until the end, 0 before it   -1
    not connected       1969-12-31T23:59:59.000Z, messages on   status -1
                        a clock of their own
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from wsviz.protocol.fields import Side
from wsviz.protocol.http_message import Request, Response
from wsviz.protocol.message import Message
from wsviz.protocol.wire import Opcode

PORTS = {"ws": 80, "wss": 443, "http": 80, "https": 443}
_WEBSOCKET = ("ws", "wss")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = 2**59  # ns since the epoch, in 1988: before there was a browser
_SECONDS = 1e11  # a message's time is in seconds below this, in the year 5138, and in milliseconds from there on
_LARGEST = 2**62  # ns since the epoch, or bytes; sums of two still fit into a column
_SENDERS = {"send": Side.CLIENT, "receive": Side.SERVER}
_BEFORE = ("blocked", "dns", "connect")  # what is timed before a request is sent; ssl is part of connect


class Unreadable(Exception):
    """A part of the file that is not what it should be."""


class NeverConnected(Exception):
    """An entry of a WebSocket that found no server; its text says where, and what the browser noted, but no time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Times are ns since the epoch, lengths are bytes and 0 where the file does not tell.

    `connection` is what the browser called the TCP connection, "" where it did not. `end_time` is when the response
    or the WebSocket was over, None where the file does not tell. `messages` is None where the entry is no WebSocket,
    or one whose messages were not exported; `errors` are the browser's own words, and `unreadable` counts messages
    that are none.
    """

    scheme: str
    address: str
    port: int
    connection: str
    request: Request
    response: Response | None
    request_time: int
    response_time: int | None
    end_time: int | None
    request_length: int
    response_length: int
    body: bytes
    body_length: int
    messages: tuple[Message, ...] | None
    errors: tuple[str, ...]
    unreadable: int

    @property
    def is_websocket(self) -> bool:
        return self.scheme in _WEBSOCKET or self.messages is not None


def read_entry(value: Any) -> Entry | None:
    """An entry, or None where it is of something that never was on a network, such as a data URL.

    Raises Unreadable, and NeverConnected where a WebSocket has no time because it never had a connection.
    """
    entry, request, response = _object(value), _object(_get(value, "request")), _object(_get(value, "response"))
    scheme, host, port, target = _address(_text(request.get("url")))
    if scheme not in PORTS or entry.get("_fromCache"):
        return None
    messages, errors, unreadable = _messages(entry.get("_webSocketMessages"))
    failure = _text(response.get("_error")) or _text(response.get("_failureText"))
    errors += (failure,) if failure else ()
    start = _moment(_text(entry.get("startedDateTime")))
    if scheme in _WEBSOCKET and start < _EARLIEST:
        raise NeverConnected(": ".join((f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}", *errors[:1])))
    status = response.get("status")
    known = isinstance(status, int) and 100 <= status <= 999
    sent, answered, end = _times(entry, _in_range(start))
    body, size = _content(_object(response.get("content")))
    version = _text(request.get("httpVersion")) or "HTTP/1.1"
    return Entry(
        scheme,
        _text(entry.get("serverIPAddress")).strip("[]") or host,
        port,
        _connection(entry, port),
        Request(_text(request.get("method")) or "GET", target, version, _headers(request.get("headers"))),
        Response(version, int(status), _text(response.get("statusText")), _headers(response.get("headers")))
        if known and status is not None
        else None,
        sent,
        answered if known else None,
        end,
        _sizes(request),
        _sizes(response) if known else 0,
        body,
        size,
        messages,
        errors,
        unreadable,
    )


def _times(entry: dict[str, Any], start: int) -> tuple[int, int | None, int | None]:
    """When the request was sent, when the answer began, and when all was over."""
    timings = _object(entry.get("timings"))
    sent = start + sum(_milliseconds(timings.get(name)) for name in _BEFORE)
    answered = sent + sum(_milliseconds(timings.get(name)) for name in ("send", "wait"))
    if "_webSocketMessages" not in entry:
        whole = _milliseconds(entry.get("time"))
    elif "_blocked_queueing" in timings:  # only Chromium's developer tools write that
        over = _milliseconds(timings.get("receive"))
        return sent, None if entry["_webSocketMessages"] else answered, answered + over if over else None
    else:
        whole = 0  # what it stands for, nobody knows
    wait = timings.get("wait")
    told = isinstance(wait, (int, float)) and wait >= 0
    return sent, answered if told else None, start + whole if whole else None


def _connection(entry: dict[str, Any], port: int) -> str:
    """What tells one TCP connection from another: Chromium and Firefox write the server's port as `connection`."""
    name = _text(entry.get("connection"))
    return _text(entry.get("_connectionId")) or (name if name != str(port) else "")


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _get(value: Any, name: str) -> Any:
    return _object(value).get(name)


def _text(value: Any) -> str:
    """Text that UTF-8 can hold: JSON can have half of a pair of surrogates."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _address(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and request target of a URL."""
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme.lower(), parts.hostname or "", parts.port
    except ValueError:
        raise Unreadable from None
    if not scheme or (scheme in PORTS and not host):
        raise Unreadable
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return scheme, host, port or PORTS.get(scheme, 0), target


def _moment(text: str) -> int:
    """An ISO 8601 time as ns since the epoch, before it too."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable from None
    passed = (time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH
    return passed // timedelta(microseconds=1) * 1000


def _in_range(time: int) -> int:
    if not 0 <= time <= _LARGEST:
        raise Unreadable
    return time


def _milliseconds(value: Any) -> int:
    """A duration in ms as ns; HAR says -1 where a step does not apply."""
    if not isinstance(value, (int, float)) or not 0 <= value < 1e11:
        return 0
    return round(value * 1e6)


def _sizes(message: dict[str, Any]) -> int:
    """Bytes of header and body; -1 stands for what is not known."""
    sizes = [message.get("headersSize"), message.get("bodySize")]
    return sum(size for size in sizes if isinstance(size, int) and 0 < size <= _LARGEST)


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    """The header lines; Chromium joins lines of one name with LF."""
    pairs = (
        [(_text(_get(line, "name")), _text(_get(line, "value"))) for line in value] if isinstance(value, list) else []
    )
    return tuple((name, part) for name, joined in pairs if name for part in joined.split("\n"))


def _content(content: dict[str, Any]) -> tuple[bytes, int]:
    """A response's body, as far as the file has it, and its length."""
    text, size = _text(content.get("text")), content.get("size")
    body = text.encode(errors="replace")
    if content.get("encoding") == "base64":
        try:
            body = b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            body = b""
    return body, size if isinstance(size, int) and 0 <= size <= _LARGEST else len(body)


def _messages(value: Any) -> tuple[tuple[Message, ...] | None, tuple[str, ...], int]:
    """The messages, the errors among them, and how many are neither."""
    if not isinstance(value, list):
        return None, (), 0
    messages, errors, unreadable = list[Message](), list[str](), 0
    for each in value:
        if not isinstance(each, dict) or "data" not in each:  # at once, since there can be millions
            unreadable += 1
            continue
        if each.get("type") == "error":
            errors.append(_text(each.get("data")))
            continue
        try:
            messages.append(_message(each))
        except Unreadable:
            unreadable += 1
    return tuple(messages), tuple(errors), unreadable


def _message(value: dict[str, Any]) -> Message:
    """A text message as it is, a binary one out of Base64."""
    sender, opcode, data, time = (value.get(name) for name in ("type", "opcode", "data", "time"))
    if not isinstance(sender, str) or sender not in _SENDERS or not isinstance(data, str):
        raise Unreadable
    if opcode not in (Opcode.TEXT, Opcode.BINARY) or not isinstance(time, (int, float)) or not 0 <= time < 1e14:
        raise Unreadable
    microseconds = time * 1e6 if time < _SECONDS else time * 1e3  # a float of this size tells no nanoseconds
    try:
        raw = data.encode(errors="replace") if opcode == Opcode.TEXT else b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable from None
    return Message(
        _SENDERS[sender],
        Opcode(opcode),
        raw,
        (),
        compressed=False,
        time=_in_range(round(microseconds) * 1000),
        length=len(raw),
    )
