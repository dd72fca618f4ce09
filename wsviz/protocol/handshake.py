"""The opening handshake: WebSocket URIs, the accept key, both halves built and checked (RFC 6455 3 and 4).

The handshake is one HTTP/1.1 exchange with five negotiations: the upgrade, version and key, origin, subprotocol,
extensions. What is offered is not yet negotiated: the response decides.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from wsviz.protocol.fields import Dissection, Finding, ProtocolError, Severity
from wsviz.protocol.grammar import TOKEN, split_list
from wsviz.protocol.handshake_checks import (
    Check,
    check_accept,
    chosen_subprotocol,
    is_key,
    judge_request,
    judge_response,
)
from wsviz.protocol.http1 import Request, Response, dissect, dissect_request, read_response
from wsviz.protocol.negotiation import answer_to, extension_list, extension_text
from wsviz.protocol.wire import Bytes

__all__ = [
    "Check",
    "Handshake",
    "Uri",
    "accept_key",
    "build_request",
    "build_response",
    "check_handshake",
    "parse_uri",
]

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# RFC 3986: pchar and the characters that part a path and a query; reg-name
_RESOURCE = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/?]|%[0-9A-Fa-f]{2})*")
_HOST_NAME = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
_VALUE = re.compile(r"(?:[\x21-\x7e\x80-\xff](?:[\x20-\x7e\x80-\xff\t]*[\x21-\x7e\x80-\xff])?)?")


@dataclass(frozen=True, slots=True)
class Uri:
    """A WebSocket URI taken apart (RFC 6455 3). `host` without brackets; `resource` is the path with the query."""

    secure: bool
    host: str
    port: int
    resource: str

    def __post_init__(self) -> None:
        if not self.resource.startswith("/") or not _RESOURCE.fullmatch(self.resource):
            raise ProtocolError("path and query hold a character that a URI writes in percent-encoding")
        if not 1 <= self.port <= 65535:
            raise ProtocolError(f"port {self.port} lies outside 1 to 65535")
        try:
            # A zone (%eth0) has a meaning on one machine only, and ipaddress would let any character into it.
            known = ":" in self.host and "%" not in self.host and ipaddress.IPv6Address(self.host)
        except ValueError:
            known = False
        if not known and not _HOST_NAME.fullmatch(self.host):
            raise ProtocolError(f"{self.host[:80]!r} is neither a host name nor an IP address")

    @property
    def authority(self) -> str:
        """Host and port as the Host header says them: the default port is left out, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


def parse_uri(uri: str) -> Uri:
    """Take a ws: or wss: URI apart; raises ProtocolError for anything else."""
    match = _SCHEME.fullmatch(uri)
    if match is None or match[1].lower() not in ("ws", "wss"):
        raise ProtocolError(f"{uri[:80]!r} is no WebSocket URI, expected ws://host/path or wss://host/path")
    secure, authority, resource = match[1].lower() == "wss", match[2], match[3]
    if "#" in resource:
        raise ProtocolError("a WebSocket URI has no fragment; as a character of the path # is written %23")
    if "@" in authority:
        raise ProtocolError("a WebSocket URI has no user or password; send them in a header or a cookie")
    parts = re.fullmatch(r"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]*))?", authority)
    if parts is None:
        raise ProtocolError(f"{authority[:80]!r} is no host with an optional port")
    literal, name, port = parts.groups()
    if literal is not None and ":" not in literal:
        raise ProtocolError(f"{literal[:80]!r} is no IPv6 address")
    number = int(port[:6]) if port else (443 if secure else 80)
    path = resource if resource.startswith("/") else f"/{resource}"
    return Uri(secure, (literal or name).lower(), number, path)


def accept_key(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a key: Base64 of SHA-1 over the key as sent and the GUID (4.2.2).

    The key's text is hashed, not the 16 bytes that it encodes.
    """
    try:
        text = (key + GUID).encode("latin-1")
    except UnicodeEncodeError:
        raise ProtocolError("the key holds a character that no header can hold") from None
    return base64.b64encode(hashlib.sha1(text, usedforsecurity=False).digest()).decode("ascii")


def build_request(
    uri: str | Uri,
    *,
    key: str,
    origin: str | None = None,
    subprotocols: Iterable[str] = (),
    extensions: str = "",
    headers: Iterable[tuple[str, str]] = (),
) -> bytes:
    """The client's half (RFC 6455 4.1). `key` is 16 random bytes in Base64, fresh for each connection.

    Raises ProtocolError for what a client may not send, and for values that would add lines of their own.
    """
    place, offered = parse_uri(uri) if isinstance(uri, str) else uri, tuple(subprotocols)
    if not is_key(key):
        raise ProtocolError(f"the key is {key[:80]!r}, expected 16 bytes in Base64")
    if len(set(offered)) < len(offered) or not all(re.fullmatch(TOKEN, name) for name in offered):
        raise ProtocolError(f"the subprotocols are {list(offered)!r}, expected tokens, each once")
    extension_list(extensions)
    lines = [
        ("Host", place.authority),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", key),
    ]
    lines += [("Origin", origin)] if origin is not None else []
    lines += [("Sec-WebSocket-Protocol", ", ".join(offered))] if offered else []
    lines += [("Sec-WebSocket-Version", "13")]
    lines += [("Sec-WebSocket-Extensions", extensions)] if extensions else []
    taken = {name.lower() for name, _ in lines}
    for name, value in headers:
        if name.lower() in taken:
            raise ProtocolError(f"{name} is written by build_request itself")
        lines.append((name, value))
    return _message(f"GET {place.resource} HTTP/1.1", lines)


def _message(start: str, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
    """Start line, headers and body as bytes; refuses header names and values that HTTP could not carry."""
    for name, value in headers:
        if not re.fullmatch(TOKEN, name):
            raise ProtocolError(f"{name[:80]!r} is no header name")
        if not _VALUE.fullmatch(value):
            raise ProtocolError(f"the value of {name} is {value[:80]!r}, expected Latin-1 without control characters")
    lines = [start, *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


# The rules whose breaking has a status of its own; any other is answered with 400 Bad Request.
_STATUS = {
    "handshake-method": "405 Method Not Allowed",
    "upgrade-missing": "426 Upgrade Required",
    "connection-upgrade-missing": "426 Upgrade Required",
    "version-missing": "426 Upgrade Required",
    "version-not-13": "426 Upgrade Required",
}
# What servers read over (RFC 9112 2.2, 5.2; RFC 9110 8.6) or decline (RFC 7692 7.1) rather than refuse.
_TOLERATED = {"bare-lf", "empty-line-first", "obs-fold", "content-length-repeated", "deflate-offer-invalid"}


def build_response(
    request: Bytes,
    *,
    subprotocols: Iterable[str] = (),
    origins: Iterable[str | None] | None = None,
    extensions: str = "",
) -> bytes:
    """What a server answers to a request: 101, or a refusal that says why (RFC 6455 4.2.2).

    `subprotocols` and `extensions` are what the server supports: of the subprotocols it takes the client's first,
    of the extensions those that were offered. `origins` are the allowed ones, None among them allows requests without
    Origin, None alone allows all. Raises Incomplete where the request is cut, ProtocolError where it is no HTTP.
    """
    dissection = dissect_request(request)
    asked, found = dissection.value, [*dissection.findings, *judge_request(dissection).findings]
    errors = [item for item in found if item.severity is Severity.ERROR and item.rule not in _TOLERATED]
    if errors:
        # What 400 answers goes before 426: the client is to mend the request, not to try another version.
        worst = min(errors, key=lambda item: item.rule in _STATUS)
        return _refusal(_STATUS.get(worst.rule, "400 Bad Request"), worst.explanation)
    if origins is not None and asked.header("Origin") not in set(origins):
        return _refusal("403 Forbidden", "this origin is not allowed")
    supported, offered = set(subprotocols), split_list(asked.header("Sec-WebSocket-Protocol") or "")
    offers = extension_list(asked.header("Sec-WebSocket-Extensions") or "")
    answers = [answer for own in extension_list(extensions) if (answer := answer_to(offers, own)) is not None]
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
    lines += [("Sec-WebSocket-Accept", accept_key(asked.header("Sec-WebSocket-Key") or ""))]
    lines += [("Sec-WebSocket-Protocol", name) for name in [name for name in offered if name in supported][:1]]
    lines += [("Sec-WebSocket-Extensions", extension_text(answers))] if answers else []
    return _message("HTTP/1.1 101 Switching Protocols", lines)


def _refusal(status: str, reason: str) -> bytes:
    body = reason.encode() + b"\n"
    lines = {"405": [("Allow", "GET")]}.get(status[:3], [])
    if status.startswith("426"):
        lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13")]
    lines = [*lines, ("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    return _message(f"HTTP/1.1 {status}", lines, body)


@dataclass(frozen=True, slots=True)
class Handshake:
    """Both halves of an opening handshake, judged.

    `accepted` says whether a client that follows RFC 6455 takes the connection as open: the response is 101 and all
    its checks pass. `subprotocol` and `extensions` are what was negotiated: None and "" where nothing was.
    `client_does` and `browser_does` say what follows, in a sentence each.
    """

    request: Dissection[Request]
    response: Dissection[Response]
    accepted: bool
    checks: tuple[Check, ...]
    subprotocol: str | None
    extensions: str
    findings: tuple[Finding, ...]

    @property
    def client_does(self) -> str:
        """What a client that follows RFC 6455 4.1 does with the response."""
        response, failed = self.response.value, [check.name for check in self.checks if not check.passed]
        if self.accepted:
            return "opens the connection; frames may follow"
        if response.status == 101:
            failed = [name for name in failed if name.startswith("response")]
            return f"fails the connection because of the {failed[0]}"
        if 300 <= response.status <= 399:
            return "may follow the redirect, or gives up"
        if response.status in (401, 407):
            return "may try again with credentials, or gives up"
        if response.status == 426 and response.header("Sec-WebSocket-Version") is not None:
            return "may try again with a version that the server names, or gives up"
        return "gives up; the status and the body say why"

    @property
    def browser_does(self) -> str:
        """What a browser does, and tells the script (WHATWG WebSockets, stricter than the RFC)."""
        if self.accepted and self.subprotocol is None and self.request.value.header("Sec-WebSocket-Protocol"):
            why = "none of the subprotocols was chosen"
            return f"fails the connection, since {why}; the script hears error, then close 1006"
        if self.accepted:
            return "opens the connection; the script hears open"
        extra = "follows no redirect; " if 300 <= self.response.value.status <= 399 else ""
        return f"fails the connection; {extra}the script hears error, then close 1006, and no reason"


def check_handshake(request: Bytes, response: Bytes) -> Handshake:
    """Judge both halves of an opening handshake; what follows either of them in the bytes is ignored.

    Interim responses (1xx) before the final one are stepped over. Raises Incomplete where a half is cut,
    ProtocolError where it is no HTTP.
    """
    asked = dissect_request(request)
    answered, interim = _final_response(bytes(response), asked.value.method)
    client, server = judge_request(asked), judge_response(answered, asked.value)
    upgraded, keys = answered.value.status == 101, asked.value.header_values("Sec-WebSocket-Key")
    if upgraded:
        check_accept(server, answered.value, accept_key(keys[0]) if len(keys) == 1 else None)
    return Handshake(
        asked,
        answered,
        upgraded and all(check.passed for check in server.checks),
        tuple(client.checks + server.checks),
        chosen_subprotocol(asked.value, answered.value) if upgraded else None,
        (answered.value.header("Sec-WebSocket-Extensions") or "") if upgraded else "",
        (
            *sorted([*asked.findings, *client.findings]),
            *interim,
            *sorted([*answered.findings, *server.findings]),
        ),
    )


def _final_response(data: bytes, method: str) -> tuple[Dissection[Response], list[Finding]]:
    """The response after the interim ones (1xx but 101), and the findings of those."""
    at, interim = 0, list[Finding]()
    while True:
        layout = read_response(data, at, request_method=method, ended=True)
        response = dissect(data, layout)
        if response.value.status >= 200 or response.value.status == 101:
            return response, interim
        interim += response.findings
        at = layout.end
