"""What a picture of the opening handshake says: five lanes, the outcome, the accept key in steps, both texts.

Nothing is judged here: `check_handshake` judges and `build_response` answers. This module sorts their rows into the
five negotiations and ties each to its header lines.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wsviz.capture.connection import Connection
from wsviz.figures.figure import plain
from wsviz.protocol.fields import Dissection, Finding, Incomplete, ProtocolError
from wsviz.protocol.handshake import (
    GUID,
    Check,
    Handshake,
    accept_key,
    build_request,
    build_response,
    check_handshake,
)
from wsviz.protocol.http1 import Request, Response, http_bucket
from wsviz.protocol.http_message import HEADER
from wsviz.protocol.secrets import MARK, mask_bytes, mask_target
from wsviz.protocol.wire import Bytes, as_bytes

NOTHING = "nothing"
LONGEST = 400  # characters of a header's value that are drawn
MOST_LINES = 60  # lines of a header that are drawn

# The five negotiations: name, what it settles, the start line and the header lines that it rests on, in lower case.
LANES = (
    ("upgrade", "HTTP becomes WebSocket", ("start", "host", "upgrade", "connection", "allow")),
    (
        "version and key",
        "both sides speak RFC 6455",
        ("sec-websocket-version", "sec-websocket-key", "sec-websocket-accept"),
    ),
    ("origin", "which page asks", ("origin",)),
    ("subprotocol", "what messages mean", ("sec-websocket-protocol",)),
    ("extensions", "what frames mean", ("sec-websocket-extensions",)),
)
KINDS = ("opcode", "key", "length", "payload", "rsv")  # the colours and patterns of the lanes
AGREED = {
    "upgrade": "the connection changes its protocol",
    "version and key": "the accept key answers the key",
    "origin": "the server lets it in",
}
START_CHECKS = ("method", "HTTP version", "target", "status")  # the rows of the checks that are on the start line


@dataclass(frozen=True, slots=True)
class Policy:
    """What a server supports. `origins` None allows all, None among them allows requests without Origin."""

    origins: tuple[str | None, ...] | None = None
    subprotocols: tuple[str, ...] = ()
    extensions: str = ""


class Line(NamedTuple):
    """One line of a message: its bytes in request and response laid end to end, its text, the lane that it is of."""

    start: int
    end: int
    name: str  # "" for a start line, a body and the empty line
    text: str
    lane: int  # index into LANES; -1 for none


class Lane(NamedTuple):
    """One negotiation: what the client offers, what the server would take, what it answers, and what comes of it.

    `state` is "agreed", "failed", "refused" (by the server), "none" (nothing was agreed on, legally) or "unsettled"
    (the server refused before it came to this). `checks` are its rows of the handshake.
    """

    name: str
    about: str
    offered: str
    policy: str
    answered: str
    state: str
    verdict: str
    checks: tuple[Check, ...]


SIGNS = {"agreed": "✓", "failed": "✕", "refused": "✕", "none": "-", "unsettled": "…"}


@dataclass(frozen=True)
class Negotiation:
    """A judged handshake with the server's policy, None where that is not known."""

    handshake: Handshake
    policy: Policy | None = None

    @property
    def request(self) -> Request:
        return self.handshake.request.value

    @property
    def response(self) -> Response:
        return self.handshake.response.value

    @property
    def status(self) -> str:
        """The status line without its version: "101 Switching Protocols"."""
        return _short(f"{self.response.status} {self.response.reason}".strip())

    @property
    def about(self) -> str:
        return f"{_short(self.request.method)} {_short(self.request.target)} → {self.status}"

    @property
    def browser_opens(self) -> bool:
        return self.handshake.browser_does.startswith("opens")

    @property
    def outcomes(self) -> tuple[tuple[str, str, bool], ...]:
        """Who says or does what, and whether it is good news."""
        handshake = self.handshake
        return (
            ("the server says", self.status, self.response.status == 101),
            ("a browser", handshake.browser_does, self.browser_opens),
            ("any other client", handshake.client_does, handshake.accepted),
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.handshake.findings

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(self._lane(at) for at in range(len(LANES)))

    def _lane(self, at: int) -> Lane:
        name, about, headers = LANES[at]
        checks = tuple(check for check in self.handshake.checks if _lane_of_check(check) == at)
        state, verdict = self._verdict(name, checks)
        offered, answered = self._said(self.request, headers), self._said(self.response, headers)
        return Lane(name, about, offered, self._wanted(name), answered, state, verdict, checks)

    def _said(self, message: Request | Response, headers: tuple[str, ...]) -> str:
        """What the headers of a lane say, in a few words."""
        start = f"{message.method} {message.version}" if isinstance(message, Request) else f"{message.status}"
        said = [start] if headers[0] == "start" else []
        for header in headers:
            value = message.header(header)
            if value is not None and header != "host":
                label = header.removeprefix("sec-websocket-")
                alone = label in ("origin", "protocol", "extensions")
                said.append(value if alone else f"{label.capitalize()}: {value}")
        return _short(", ".join(said)) or NOTHING

    def _wanted(self, name: str) -> str:
        policy = self.policy
        if name == "upgrade":
            return "GET, HTTP/1.1, Upgrade: websocket, Connection: Upgrade"
        if name == "version and key":
            return "version 13, a key of 16 bytes in Base64"
        if policy is None:
            return "not known"
        if name == "origin":
            origins = policy.origins
            return "any" if origins is None else _list("none" if each is None else each for each in origins)
        return _list(policy.subprotocols) if name == "subprotocol" else _short(policy.extensions) or NOTHING

    def _verdict(self, name: str, checks: tuple[Check, ...]) -> tuple[str, str]:
        """The state of a lane, and why, by the rows that failed and what was negotiated."""
        failed = [check for check in checks if not check.passed and check.name != "response status"]
        if failed:
            return (
                "failed",
                f"{failed[0].name} is {_short(failed[0].actual)}, expected {_short(failed[0].expected)}",
            )
        status = self.response.status
        if status != 101:
            refused = {"upgrade": f"the server answers {status}: it stays HTTP"}
            if status == 403:  # ours says so of nothing else; of a captured server nobody knows
                refused["origin"] = "403: not this origin" if self.policy else "403: the origin may be why"
            return ("refused", refused[name]) if name in refused else ("unsettled", "it stays HTTP")
        if name == "subprotocol":
            return self._chosen("Sec-WebSocket-Protocol", self.handshake.subprotocol)
        if name == "extensions":
            return self._chosen("Sec-WebSocket-Extensions", self.handshake.extensions)
        if name == "origin" and self.request.header("Origin") is None:
            return "none", "none is sent: the client is no browser"
        return "agreed", AGREED[name]

    def _chosen(self, header: str, chosen: str | None) -> tuple[str, str]:
        if chosen:
            return "agreed", _short(chosen)
        if self.request.header(header) is None:
            return "none", "nothing was offered"
        if header == "Sec-WebSocket-Protocol":
            return "none", "none is chosen: browsers fail the connection"
        return "none", "declined: frames stay as they are"

    @property
    def accept_steps(self) -> tuple[tuple[str, str], ...]:
        """From the key to the accept key: what is done, and what comes of it; () where there is no single key."""
        keys = self.request.header_values("Sec-WebSocket-Key")
        if len(keys) != 1:
            return ()
        accept = accept_key(keys[0])
        digest = base64.b64decode(accept)
        return (
            ("the key as sent, a text", _short(keys[0])),
            ("with the GUID of RFC 6455 after it", _short(keys[0] + GUID)),
            (f"SHA-1: {len(digest)} bytes", digest.hex(" ")),
            ("in Base64: the accept key", accept),
        )

    @property
    def accept_verdict(self) -> tuple[bool, str]:
        """Whether the response holds that accept key, in words."""
        if self.response.status != 101:
            return False, "not answered: the server refuses"
        said = self.response.header("Sec-WebSocket-Accept")
        if said is None:
            return False, "the response holds no accept key"
        right = bool(self.accept_steps) and said == self.accept_steps[-1][1]
        return right, "the response says the same" if right else f"the response says {_short(said)}"

    @cached_property
    def request_lines(self) -> tuple[Line, ...]:
        return _lines(self.handshake.request, 0)

    @cached_property
    def response_lines(self) -> tuple[Line, ...]:
        return _lines(self.handshake.response, len(self.handshake.request.raw))

    def lane_of_finding(self, finding: Finding) -> int:
        """The lane that a finding belongs to, by the header line at fault; -1 where it names none."""
        half = self.request_lines if finding.culprit == "client" else self.response_lines
        at = finding.offset + half[0].start
        return next((line.lane for line in half if line.start <= at < line.end), -1) if finding.field else -1


def _lane_of_check(check: Check) -> int:
    header = check.name.partition(" ")[2]
    return _lane_of("start" if header in START_CHECKS else header)


def _lines(half: Dissection[Request] | Dissection[Response], origin: int) -> tuple[Line, ...]:
    """The lines of a message's header as its fields part them, and its body as one; a long rest too."""
    lines, start = list[Line](), 0
    for field in half.fields:
        if http_bucket(field) != HEADER:
            break
        end = field.end // 8
        if field.name == "Line end" and len(lines) < MOST_LINES:
            lines.append(_line(half.raw[start : field.start // 8], origin + start, origin + end, first=not lines))
            start = end
        elif field.name == "Empty line" and lines and len(lines) < MOST_LINES:
            lines.append(Line(origin + start, origin + end, "", "(empty line: the header ends)", -1))
            start = end
    if rest := half.raw[start:]:
        text = _short(rest[: 2 * LONGEST].decode("latin-1").rstrip("\r\n"))
        lines.append(Line(origin + start, origin + len(half.raw), "", text, -1))
    return tuple(lines)


def _line(content: bytes, start: int, end: int, *, first: bool) -> Line:
    text = _short(content[: 2 * LONGEST].decode("latin-1"))
    name = text.partition(":")[0].strip() if not first and ":" in text else ""
    return Line(start, end, name, text, _lane_of("start" if first else name))


def _lane_of(header: str) -> int:
    """The lane that a header, or "start" for the start line, is of; -1 for none."""
    return next((at for at, (_, _, headers) in enumerate(LANES) if header.lower() in headers), -1)


def _list(words: Iterable[str]) -> str:
    return _short(", ".join(words)) or NOTHING


def _short(text: str) -> str:
    """A text as it may be drawn: harmless, and not longer than a picture bears."""
    text = plain(text)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … ({len(text):,} characters)"


# What comes in

RFC_NONCE = "dGhlIHNhbXBsZSBub25jZQ=="  # the key of the example in RFC 6455 1.3; nothing here is random
EXAMPLE = build_request(
    "wss://shop.example/chat",
    key=RFC_NONCE,
    origin="https://shop.example",
    subprotocols=("chat.v2", "chat.v1"),
    extensions="permessage-deflate; client_max_window_bits",
)
EXAMPLE_POLICY = Policy(("https://shop.example",), ("chat.v1",), "permessage-deflate")

Negotiable = Handshake | Connection | bytes | bytearray | memoryview


def answer(request: bytes, policy: Policy) -> bytes:
    """What a server of that policy answers. Raises ProtocolError where the request is cut or no HTTP."""
    try:
        return build_response(
            request, subprotocols=policy.subprotocols, origins=policy.origins, extensions=policy.extensions
        )
    except Incomplete as error:
        raise ProtocolError(str(error)) from None


def halves_of(
    thing: Negotiable, response: Bytes | None = None, *, reveal: bool = False
) -> tuple[bytes, bytes | None]:
    """Request and response as bytes, the response None where there is none yet.

    Secrets are drawn as asterisks unless `reveal` is True or the capture was read with it. Raises ProtocolError for a
    connection without a handshake, TypeError for what holds none.
    """
    if isinstance(thing, Connection):
        reveal = reveal or thing.reveal
        if thing.handshake is None:
            raise ProtocolError(f"connection {thing.index} has no whole handshake, it is {thing.protocol}")
        thing = thing.handshake
    if isinstance(thing, Handshake):
        request, response = thing.request.raw, thing.response.raw
    elif isinstance(thing, bytes | bytearray | memoryview):
        request = bytes(thing)
    else:
        raise TypeError(f"got {type(thing).__name__}, expected a Handshake, a captured connection or bytes")
    answered = None if response is None else as_bytes(response, "the response")
    if reveal:
        return request, answered
    return _hidden_target(hidden(request)), None if answered is None else hidden(answered)


def hidden(data: bytes) -> bytes:
    """A message with asterisks in place of its secrets, so that it stays as long and as legal as it is."""
    return mask_bytes(data, same_size=True)


def _hidden_target(request: bytes) -> bytes:
    line, end, rest = request.partition(b"\n")
    words = line.split(b" ")
    if len(words) > 2:
        words[1] = mask_target(words[1].decode("latin-1")).replace(MARK, "********").encode("latin-1")
    return b" ".join(words) + end + rest


def judge(request: bytes, response: bytes, policy: Policy | None = None) -> Negotiation:
    """Judge both halves. Raises ProtocolError where one is cut or no HTTP."""
    try:
        return Negotiation(check_handshake(request, response), policy)
    except Incomplete as error:
        raise ProtocolError(str(error)) from None


def negotiation_of(
    thing: Negotiable, response: Bytes | None = None, *, policy: Policy | None = None, reveal: bool = False
) -> Negotiation:
    """The negotiation of anything that holds one; a request alone is answered by the policy."""
    request, answered = halves_of(thing, response, reveal=reveal)
    if answered is None:
        policy = policy or Policy()
        answered = answer(request, policy)
    return judge(request, answered, policy)
