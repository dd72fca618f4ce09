"""What a learner changes in a handshake: header lines of the request, the server's policy, the server's faults."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from wsviz.figures.negotiation_view import EXAMPLE, EXAMPLE_POLICY, Negotiation, Policy, answer, judge
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.grammar import TOKEN, split_list
from wsviz.protocol.handshake import accept_key

OFFERS = (  # the parts of the request that have a field of their own; "method" is in the start line
    "method",
    "Host",
    "Upgrade",
    "Connection",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Key",
    "Origin",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
)
NO_ORIGIN = "none"  # stands for requests without Origin in a list of origins
MOST = 4000  # bytes of a message, or characters of a field, that can be edited
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def with_header(message: bytes, name: str, value: str | None) -> bytes:
    """The message with one header line of that name, in the place of the first there was; None removes them all.

    Raises ProtocolError for a value that would add lines of its own.
    """
    start, lines, body = _parts(message)
    wanted = [line.partition(b":")[0].strip().lower() == name.lower().encode() for line in lines]
    place = wanted.index(True) if True in wanted else len(lines)
    kept = [b"" if other else line for line, other in zip(lines, wanted, strict=True)]
    if value is not None:
        kept[place : place + 1] = [f"{name}: {_value(value, name)}".encode("latin-1")]
    return b"\r\n".join([start, *filter(None, kept), b"", b""]) + body


def with_method(request: bytes, method: str) -> bytes:
    """The request with another method. Raises ProtocolError for what is no method."""
    if not re.fullmatch(TOKEN, method):
        raise ProtocolError(f"the method is {method[:80]!r}, expected a token such as GET")
    return method.encode() + b" " + request.partition(b" ")[2]


def _parts(message: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Start line, header lines and body."""
    head, body = message, b""
    if match := _HEAD_END.search(message):
        head, body = message[: match.start()], message[match.end() :]
    start, *lines = re.split(rb"\r?\n", head)
    return start, lines, body


def _value(value: str, name: str) -> str:
    if any(ord(char) > 0xFF or (ord(char) < 0x20 and char != "\t") or char == "\x7f" for char in value):
        raise ProtocolError(f"the value of {name} holds a character that no header can hold")
    return value.strip()


# What a broken server makes of the right answer.
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
_MOVED = b"HTTP/1.1 302 Found\r\nLocation: https://shop.example/login\r\nContent-Length: 0\r\n\r\n"
FAULTS: dict[str, Callable[[bytes], bytes]] = {
    "answers by its policy": lambda response: response,
    "forgets the key in the accept key": lambda response: with_header(
        response, "Sec-WebSocket-Accept", accept_key("")
    ),
    "sends no accept key": lambda response: with_header(response, "Sec-WebSocket-Accept", None),
    "sends no Upgrade": lambda response: with_header(response, "Upgrade", None),
    "chooses a subprotocol that nobody offered": lambda response: with_header(
        response, "Sec-WebSocket-Protocol", "surprise"
    ),
    "uses an extension that nobody offered": lambda response: with_header(
        response, "Sec-WebSocket-Extensions", "x-surprise"
    ),
    "knows no WebSocket: 200": lambda _: _OK,
    "redirects to a login: 302": lambda _: _MOVED,
}
AS_IT_SHOULD, *_ = FAULTS


@dataclass(frozen=True, slots=True)
class State:
    """A request, and where its answer comes from.

    `given` is a response as captured or as typed; where it is None, a server of that `policy` answers, and `fault`
    breaks its answer. A policy of None is not known.
    """

    request: bytes
    policy: Policy | None = EXAMPLE_POLICY
    fault: str = AS_IT_SHOULD
    given: bytes | None = None

    @property
    def response(self) -> bytes:
        if self.given is not None:
            return self.given
        return FAULTS[self.fault](answer(self.request, self.policy or Policy()))

    @property
    def negotiation(self) -> Negotiation:
        """Both halves, judged. Raises ProtocolError where one is no HTTP."""
        return judge(self.request, self.response, self.policy)

    @property
    def likely_policy(self) -> Policy:
        """The policy; where it is not known, one that takes what the server has taken."""
        if self.policy is not None:
            return self.policy
        handshake = self.negotiation.handshake
        return Policy(None, (handshake.subprotocol,) if handshake.subprotocol else (), handshake.extensions)

    def answered_anew(self) -> State:
        """The same, with a server that answers by its policy instead of with what was given."""
        return replace(self, policy=self.likely_policy, given=None)

    def with_offer(self, name: str, value: str) -> State:
        """Another value in the request; "" leaves the header out."""
        if name == "method":
            request = with_method(self.request, value.strip())
        elif name in OFFERS:
            request = with_header(self.request, name, value.strip() or None)
        else:
            raise ProtocolError(f"there is no field {name[:80]!r}, expected one of {', '.join(OFFERS)}")
        return replace(self.answered_anew(), request=request)

    def with_policy(self, name: str, value: str) -> State:
        """Another policy: lists with commas between; origins "" allows all, "none" those without Origin."""
        words, anew = tuple(split_list(value)), self.answered_anew()
        policy = anew.likely_policy
        if name == "origins":
            origins = tuple(None if word.lower() == NO_ORIGIN else word for word in words)
            policy = replace(policy, origins=origins or None)
        elif name == "subprotocols":
            policy = replace(policy, subprotocols=words)
        else:
            policy = replace(policy, extensions=value.strip())
        return replace(anew, policy=policy)

    def with_fault(self, fault: str) -> State:
        """Another behaviour of the server."""
        if fault not in FAULTS:
            raise ProtocolError(f"there is no fault {fault[:80]!r}, expected one of {', '.join(FAULTS)}")
        return replace(self.answered_anew(), fault=fault)

    def with_response(self, text: str) -> State:
        """Another response, as it is typed: each line ends in CRLF, and an empty one ends the header."""
        lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
        try:
            data = "\r\n".join(lines).encode("latin-1")
        except UnicodeEncodeError:
            raise ProtocolError("the response holds a character that no header can hold") from None
        return replace(self, given=data if _HEAD_END.search(data) else data + b"\r\n\r\n")


def _scene(policy: Policy = EXAMPLE_POLICY, fault: str = AS_IT_SHOULD, /, **offers: str) -> State:
    state = State(EXAMPLE, policy, fault)
    for name, value in offers.items():
        known = {offer.lower().replace("-", "_"): offer for offer in OFFERS}[name]
        state = state.with_offer(known, value)
    return state


# What the learner can try: each shows one thing.
SCENES: dict[str, State] = {
    "a browser, and a server that suits it": _scene(),
    "a program: no Origin, nothing offered": _scene(
        replace(EXAMPLE_POLICY, origins=None), origin="", sec_websocket_protocol="", sec_websocket_extensions=""
    ),
    "POST instead of GET": _scene(method="POST"),
    "no Upgrade": _scene(upgrade=""),
    "version 8": _scene(sec_websocket_version="8"),
    "a key of 5 bytes": _scene(sec_websocket_key="aGVsbG8="),
    "a page from elsewhere": _scene(origin="https://evil.example"),
    "no subprotocol in common": _scene(sec_websocket_protocol="chat.v3"),
    "a server without compression": _scene(replace(EXAMPLE_POLICY, extensions="")),
    "a server with a smaller window": _scene(
        replace(EXAMPLE_POLICY, extensions="permessage-deflate; server_max_window_bits=10; client_max_window_bits=10")
    ),
} | {f"a server that {fault}": _scene(EXAMPLE_POLICY, fault) for fault in FAULTS if fault != AS_IT_SHOULD}
