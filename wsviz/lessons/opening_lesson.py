"""Exercises of lesson 03: the opening handshake."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import Any

from wsviz.figures.figure import plain
from wsviz.lessons.exercise import Choice, Exercise, Kind
from wsviz.lessons.judging import octets, several
from wsviz.lessons.recordings import recording
from wsviz.protocol.fields import Incomplete, Severity, Side
from wsviz.protocol.handshake import GUID, Uri, accept_key, build_response, check_handshake, parse_uri
from wsviz.protocol.http1 import Request
from wsviz.protocol.wire import count

ADDRESS = "wss://chat.example.org/rooms/7?since=42"
WANTED = "ws://example.org:8080/live"
KEYS = ("Uc9l9TMkWGbHFD2qnFHltg==", "7c0RT+Z1px24ypyYfnPNbw==")
"""Keys of two published handshakes."""

ASKED = b"""\
GET ws://feed.example:8181/prices HTTP/1.1
Host: feed.example:8181
Connection: keep-alive, Upgrade
Pragma: no-cache
Cache-Control: no-cache
Upgrade: websocket
Origin: https://shop.example
Sec-WebSocket-Version: 8, 13
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Protocol: prices.v2, prices.v1
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits

""".replace(b"\n", b"\r\n")
ANSWERED = b"""\
HTTP/1.1 101 Switching Protocols
Upgrade: websocket
Connection: upgrade
Access-Control-Allow-Origin: https://shop.example
Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
Sec-WebSocket-Protocol: prices.v1
Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15

""".replace(b"\n", b"\r\n")
"""A handshake as somebody might print it: two of its lines break a rule, and one does nothing."""
WRONG_LINES = (1, 8)
_HEX = re.compile(r"[0-9A-Fa-f\s]*")

_INNOCENT = {
    2: "One host with its port, the one of the address: Host is right.",
    3: "A list of names may hold more than the one that is looked for, and keep-alive does no harm.",
    4: "An old way to say no-cache: not needed, and allowed.",
    5: "It keeps caches from answering: not needed, and allowed.",
    6: "Without this line there would be nothing to upgrade to.",
    7: "A scheme and a host: that is an origin.",
    9: "16 bytes in Base64: that is a key.",
    10: "The client offers two subprotocols, and begins with the one that it likes better.",
    11: "A parameter without a value is legal in an offer: any window will do.",
    12: "The empty line ends the header; it has to be there.",
    13: "The status of a handshake that worked.",
    14: "The new protocol, and nothing else: that is right.",
    15: "Names of this kind are compared without case.",
    16: "It breaks no rule: it belongs to CORS, and nobody reads it here. The check of an origin is the status.",
    17: "Compute it: this accept key answers that key.",
    18: "One of those that were offered, and the server need not take the first.",
    19: "The client has offered this parameter, so the server may set it.",
    20: "The empty line ends the header; it has to be there.",
}


def _judge_address(answer: Any) -> list[str]:
    right = parse_uri(ADDRESS)
    given = (answer.host, answer.port, answer.resource) if isinstance(answer, Uri) else answer
    if not isinstance(given, (tuple, list)) or len(given) != 3:
        return ["The answer is a tuple of three: host, port, resource."]
    host, port, resource = given
    return [*_host_faults(host, right), *_port_faults(port, right), *_resource_faults(resource, right)]


def _host_faults(host: Any, right: Uri) -> list[str]:
    if not isinstance(host, str):
        return ["The host is a text."]
    if host.lower() == right.host:
        return []
    if "/" in host:
        return ["The host stands between // and the next /; neither scheme nor path belongs to it."]
    if ":" in host:
        return ["A port is no part of the host: it has a place of its own in the answer."]
    return [f"The host is not {host[:60]!r}."]


def _port_faults(port: Any, right: Uri) -> list[str]:
    if port is None or port == "":
        return ["Every TCP connection has a port. Where the address names none, its scheme does."]
    if isinstance(port, str):
        return ["The port is a number, not a text."]
    if port == right.port:
        return []
    if port == 80:
        return ["80 is the port of ws:. This address begins with wss:."]
    return [f"The port is not {str(port)[:20]}: the address names none, so its scheme decides."]


def _resource_faults(resource: Any, right: Uri) -> list[str]:
    if not isinstance(resource, str):
        return ["The resource is a text."]
    if resource == right.resource:
        return []
    if resource == right.resource.partition("?")[0]:
        return ["That is the path alone. The query belongs to the resource too: it reaches the server in line 1."]
    if not resource.startswith("/"):
        return ["The resource is what stands after GET, and there it begins with a slash."]
    return [f"The resource is not {resource[:60]!r}."]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _sha1(data: bytes) -> bytes:
    return hashlib.sha1(data, usedforsecurity=False).digest()


def _accept_slips(key: str) -> dict[str | bytes, str]:
    """What comes of the usual mistakes with a key, and what to say of each."""
    guid, digest = GUID.encode(), _sha1((key + GUID).encode())
    lacks = "What SHA-1 gives still has to be written in Base64"
    return {
        _text(_sha1(base64.b64decode(key) + guid)): "you hashed the 16 bytes that the key stands for. "
        "What is hashed is the text, as it was sent.",
        _text(_sha1(key.rstrip("=").encode() + guid)): "the two = at its end belong to the text of the key.",
        _text(_sha1(key.encode())): "you hashed the key alone; the GUID has to stand after it.",
        _text(_sha1(guid + key.encode())): "the GUID stands after the key, not before it.",
        _text(_sha1((key + GUID.lower()).encode())): "the GUID is a text, too, and in capitals.",
        _text(digest.hex().encode()): "you put hex digits into Base64: it takes the 20 bytes themselves.",
        digest.hex(): f"these are hex digits. {lacks}.",
        digest: f"these are the bytes of the hash. {lacks}.",
        key + GUID: "that is what has to be hashed.",
        key: "that is the key itself; the server has to do something with it.",
    }


def _judge_accept_keys(answer: Any) -> list[str]:
    given = several(answer)
    if given is None or len(given) != len(KEYS):
        return ["The answer is a tuple of two texts, one accept key for each key."]
    pairs = zip(given, KEYS, strict=True)
    return [f"Key {number}: {said}" for number, pair in enumerate(pairs, 1) if (said := _accept_fault(*pair))]


def _accept_fault(given: Any, key: str) -> str:
    if isinstance(given, bytes) and given.isascii():  # what base64.b64encode gives
        given = given.decode()
    if not isinstance(given, (str, bytes)):
        return "an accept key is a text."
    given = given.strip() if isinstance(given, str) else given
    if given == accept_key(key):
        return ""
    if known := _accept_slips(key).get(given):
        return known
    if isinstance(given, bytes):
        return "this is a bytes object, and an accept key is a text in Base64."
    if given in map(accept_key, KEYS):
        return "that answers the other key."
    return _not_sha1(given)


def _not_sha1(given: str) -> str:
    try:
        size = len(base64.b64decode(given, validate=True))
    except (binascii.Error, ValueError):
        return f"{given[:40]!r} is no Base64."
    return f"that is Base64 of {count(size, 'byte')}, and SHA-1 gives 20." if size != 20 else "that is another hash."


def _status(path: str, at: int) -> int:
    exchanges = recording("handshake_matrix").exchanges
    return int(exchanges.loc[exchanges["target"] == path, "status"].iloc[at])


# The six requests: path in handshake_matrix, which of the requests there, and what to say of a wrong status.
_SIX: tuple[tuple[str, int, dict[int, str]], ...] = (
    (
        "/no-key",
        0,
        {
            101: "a 101 has to hold an accept key. What would it be made of?",
            403: "403 is for a request that is whole and not wanted. This one lacks something.",
            426: "426 asks for another protocol or version, and both are right here.",
        },
    ),
    (
        "/version-8",
        1,
        {
            101: "the server does not speak version 8, so it cannot switch to it.",
            400: "400 is allowed. This server says more exactly what the client has to change.",
            403: "nobody is kept out here: with another version the client would be welcome.",
        },
    ),
    (
        "/foreign-origin",
        0,
        {
            101: "this server looks at the origin, and this is none of its own.",
            400: "nothing is wrong with the request; it comes from the wrong page.",
            426: "protocol and version are right.",
        },
    ),
    ("/client-chooses", 0, {}),
    (
        "/none-in-common",
        0,
        {
            400: "some servers do that. The RFC does not ask for it, and this server does not insist.",
        },
    ),
    ("/deflate-declined", 0, {400: "an offer is no condition: who does not know an extension leaves it out."}),
)
_POSSIBLE = (101, 400, 403, 426)


def _judge_six(answer: Any) -> list[str]:
    codes = several(answer)
    if codes is None or len(codes) != len(_SIX):
        return ["The answer is a tuple of six status codes, one for each request."]
    wrong = []
    for number, (given, (path, at, slips)) in enumerate(zip(codes, _SIX, strict=True), 1):
        if isinstance(given, str):
            wrong.append(f"Request {number}: {given[:40]!r} is a text, and a status is a number.")
        elif given not in _POSSIBLE:
            wrong.append(f"Request {number}: choose among 101, 400, 403 and 426.")
        elif given != _status(path, at):
            said = slips.get(given, "what keeps these two from speaking WebSocket with each other?")
            wrong.append(f"Request {number}: {said}")
    return wrong


def _judge_lines(answer: Any) -> list[str]:
    given = several(sorted(answer) if isinstance(answer, (set, frozenset)) else answer)
    if given is None or len(set(given)) != len(WRONG_LINES):
        return ["The answer is the numbers of two lines."]
    return [
        f"Line {number}: {_INNOCENT[number]}" if number in _INNOCENT else f"{number!r} is no number of a line."
        for number in given
        if isinstance(number, bool) or number not in WRONG_LINES
    ]


def _judge_request(answer: Any) -> list[str]:
    """By the rules of a handshake first, then by the address, then by what could be left out."""
    is_text = isinstance(answer, str) and not _HEX.fullmatch(answer)
    data = answer.encode("latin-1", "replace") if is_text else octets(answer)
    try:
        handshake = check_handshake(data, build_response(data))
    except Incomplete:
        return ["The header does not end: after its last line comes an empty one."]
    wrong = [
        f"{each.explanation[:1].upper()}{each.explanation[1:]} ({each.section})."
        for each in handshake.findings
        if each.culprit is Side.CLIENT and each.severity is Severity.ERROR
    ]
    if more := len(data) - len(handshake.request.raw):
        extra = f"{count(more, 'byte')} too many after the empty line"
        wrong.append(f"{extra}: a client sends nothing more before the 101 has come.")
    return wrong or _unasked(handshake.request.value)


def _unasked(request: Request) -> list[str]:
    place, wrong = parse_uri(WANTED), []
    if request.target.removeprefix(f"http://{place.authority}") != place.resource:
        wrong.append(f"It asks for {request.target[:60]!r}: which part of the address belongs there?")
    host = (request.header("Host") or "").lower()
    if host == place.host:
        wrong.append("Host names no port, and the address has one that is not the port of ws:.")
    elif host != place.authority:
        wrong.append(f"Host is {host[:60]!r}, and the address names another one.")
    needed = {"host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"}
    names = [name for name, _ in request.headers]
    wrong += [f"A server accepts it without {plain(name)}, too." for name in names if name.lower() not in needed]
    if not wrong and len(names) > len(needed):
        wrong.append(f"{len(names)} header lines, and {len(needed)} names: one name stands in several lines.")
    return wrong


_KEY_CHOICES = (
    Choice(
        "a",
        "it is the server that the address names, and no other",
        "The key travels in the open, and the GUID is printed in the RFC: anybody in between can answer it.",
    ),
    Choice(
        "b",
        "nobody else can read the conversation",
        "Nothing is encrypted with the key. Only TLS does that, so wss:.",
    ),
    Choice(
        "c",
        "this client is allowed to connect",
        "Every client draws its own key, so it tells the server nothing about who that is.",
    ),
    Choice("d", "somebody who knows WebSocket has read this very request"),
)

_SIX_CODE = """\
exchanges = recording("handshake_matrix").exchanges
rows = ("/no-key", 0), ("/version-8", 1), ("/foreign-origin", 0)
rows += ("/client-chooses", 0), ("/none-in-common", 0), ("/deflate-declined", 0)
answer = [exchanges.loc[exchanges["target"] == path, "status"].iloc[at] for path, at in rows]"""


EXERCISES = (
    Exercise(
        "03.address",
        Kind.COMPUTE,
        "Take an address apart",
        f"A page opens {ADDRESS}. Which host and which port does the client connect to, and which resource does it "
        "ask for? Answer with a tuple of three: (host, port, resource).",
        why="Host and port say where TCP goes, the resource is line 1 of the request. The scheme says whether TLS "
        "comes first, and which port is meant where none is named.",
        code=f'uri = parse_uri("{ADDRESS}")\nanswer = (uri.host, uri.port, uri.resource)',
        hints=(
            "The host stands after //. Is there a colon with a number after it?",
            "Path and query together are the resource. The port of wss: is that of https:.",
        ),
        judge=_judge_address,
    ),
    Exercise(
        "03.accept_keys",
        Kind.COMPUTE,
        "Two published keys",
        f"Two articles on WebSocket print a handshake each. The client sends the key {KEYS[0]} in the first, and "
        f"{KEYS[1]} in the second. Which accept key has the server to send? Answer with two texts.",
        why="Both articles print these very values: so far, they are right.",
        code=f"from wsviz import accept_key\n\nanswer = tuple(accept_key(key) for key in {KEYS})",
        hints=(
            "Take the cell above, and another key. Which of its two lines was the right one?",
            "The text of the key, the GUID after it, SHA-1 of both, and the 20 bytes of that in Base64.",
        ),
        judge=_judge_accept_keys,
    ),
    Exercise(
        "03.what_it_proves",
        Kind.PREDICT,
        "What does it prove?",
        "The client has received a 101 with the right accept key. What does it know now?",
        why="A web server that knows nothing of WebSocket, or a cache with an old answer, could not have said it.",
        code='answer = "d"',
        hints=("Everything that goes into the accept key is in the request or in the RFC. Who could compute it?",),
        choices=_KEY_CHOICES,
    ),
    Exercise(
        "03.six_requests",
        Kind.COMPUTE,
        "Six requests, six answers",
        "With which status does the server answer each of the six requests in the table above: 101, 400, 403 or "
        "426? Answer with six numbers.",
        why="What is missing or not allowed is refused; what is only offered and not wanted is passed over.",
        code=_SIX_CODE,
        hints=(
            "For each row: does something required lack, or was something offered that the server may leave?",
            "400: something is missing. 403: nothing is, and yet no. 426: not by this version or this protocol.",
        ),
        judge=_judge_six,
    ),
    Exercise(
        "03.wrong_lines",
        Kind.FIND,
        "Two wrong lines",
        "Which two lines of the handshake printed above break a rule? Answer with their numbers.",
        why="The target is the resource alone, or else a whole http: address. A client names one version; only a "
        "server lists several, when it refuses.",
        code=f"answer = {WRONG_LINES}",
        hints=(
            "Not all that is unusual is wrong. Compare with the request of Chromium, line by line.",
            "Look at line 1, and at whatever is a list: is it one that may have several members?",
        ),
        judge=_judge_lines,
    ),
    Exercise(
        "03.shortest_request",
        Kind.BUILD,
        "The shortest request",
        f"Write the bytes of a request for {WANTED} that opens a WebSocket connection, with as few lines as "
        "possible. The key is up to you.",
        why="A start line, five header lines, an empty line. A browser adds Origin, and must.",
        code=f'answer = build_request("{WANTED}", key="{KEYS[0]}")',
        hints=(
            "Which five header lines does the tiny example have? Each line ends in \\r\\n, and so does an empty one.",
            "Host names the port, too, where it is not the usual one of the scheme.",
        ),
        judge=_judge_request,
    ),
)
