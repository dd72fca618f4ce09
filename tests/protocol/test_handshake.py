"""The opening handshake: URIs, the accept key, both halves built, checked, and held against two other libraries."""

from __future__ import annotations

import base64
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request as WebsocketsRequest
from websockets.server import ServerProtocol
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection
from wsproto.events import Request as WsprotoRequest
from wsproto.utilities import RemoteProtocolError

from wsviz import Incomplete, ProtocolError, Severity, Side
from wsviz.protocol.handshake import (
    Handshake,
    Uri,
    accept_key,
    build_request,
    build_response,
    check_handshake,
    parse_uri,
)
from wsviz.protocol.handshake_rules import ANSWER, REQUEST
from wsviz.protocol.http1 import dissect_request, dissect_response
from wsviz.protocol.rules import HANDSHAKE_RULES, Rule

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
END = b"\r\n"


def check(request: bytes = b"", response: bytes = b"") -> Handshake:
    """Both halves of RFC 6455 1.3 with header lines added."""
    return check_handshake(REQUEST + request + END, ANSWER + response + END)


def rules(handshake: Handshake) -> list[str]:
    return [finding.rule for finding in handshake.findings]


def failed(handshake: Handshake) -> list[str]:
    return [row.name for row in handshake.checks if not row.passed]


# ---- the accept key ----


@pytest.mark.parametrize(
    ("key", "accept"),
    [
        (KEY, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),  # RFC 6455 1.3
        ("Uc9l9TMkWGbHFD2qnFHltg==", "1qVdfYHU9hPOl4JYYNXF623Gzn0="),  # as two of the seed documents print them
        ("7c0RT+Z1px24ypyYfnPNbw==", "O1a/o0MeFzoDgn+kCKR91UkYDO4="),
    ],
)
def test_accept_key(key: str, accept: str) -> None:
    assert accept_key(key) == accept


def test_accept_key_hashes_the_text_and_not_what_it_encodes() -> None:
    # Both texts encode the same 16 bytes: the last letter before == has four bits that count for nothing.
    assert base64.b64decode("dGhlIHNhbXBsZSBub25jZR==") == base64.b64decode(KEY)
    assert accept_key("dGhlIHNhbXBsZSBub25jZR==") != accept_key(KEY)


def test_accept_key_refuses_what_no_header_holds() -> None:
    with pytest.raises(ProtocolError):
        accept_key("\u20ac")


# ---- URIs ----


@pytest.mark.parametrize(
    ("uri", "expected", "authority"),
    [
        ("ws://example.com/chat?x=1", Uri(False, "example.com", 80, "/chat?x=1"), "example.com"),
        ("wss://example.com", Uri(True, "example.com", 443, "/"), "example.com"),
        ("WSS://Example.COM:8443?a", Uri(True, "example.com", 8443, "/?a"), "example.com:8443"),
        ("ws://[2001:DB8::1]:81/%C3%A9", Uri(False, "2001:db8::1", 81, "/%C3%A9"), "[2001:db8::1]:81"),
        ("ws://127.0.0.1:/a//b", Uri(False, "127.0.0.1", 80, "/a//b"), "127.0.0.1"),
        ("wss://a:80/", Uri(True, "a", 80, "/"), "a:80"),
    ],
)
def test_parse_uri(uri: str, expected: Uri, authority: str) -> None:
    assert parse_uri(uri) == expected
    assert parse_uri(uri).authority == authority


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://a/", "no WebSocket URI"),
        ("//a/", "no WebSocket URI"),
        ("ws:a", "no WebSocket URI"),
        ("ws://a/#top", "fragment"),
        ("ws://user:pw@a/", "user or password"),
        ("ws:///chat", "neither a host name"),
        ("ws://a b/", "neither a host name"),
        ("ws://a:65536/", "port"),
        ("ws://a:0/", "port"),
        ("ws://a:99999999999/", "port"),
        ("ws://a:x/", "no host"),
        ("ws://[::g]/", "neither a host name"),
        ("ws://[::1%25a]/", "neither a host name"),
        ("ws://[a]/", "no IPv6"),
        ("ws://::1/", "no host"),
        ("ws://a/\u00e9", "percent-encoding"),
        ("ws://a/ b", "percent-encoding"),
        ("ws://a/%zz", "percent-encoding"),
        ("ws://a/\r\nX: y", "percent-encoding"),
    ],
)
def test_what_is_no_websocket_uri(uri: str, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        parse_uri(uri)


@given(st.text(max_size=40) | st.from_regex(r"wss?://[a-z\[\]:0-9@%]{0,12}[/?#]?[a-z%\s]{0,8}", fullmatch=True))
def test_any_text_is_a_uri_or_refused(text: str) -> None:
    try:
        uri = parse_uri(text)
    except ProtocolError:
        return
    scheme = "wss" if uri.secure else "ws"
    assert parse_uri(f"{scheme}://{uri.authority}{uri.resource}") == uri


# ---- building ----


def test_build_request() -> None:
    request = build_request(
        "wss://server.example.com/chat",
        key=KEY,
        origin="http://example.com",
        subprotocols=["chat", "superchat"],
        extensions="permessage-deflate; client_max_window_bits",
        headers=[("Cookie", "a=b")],
    )
    assert request == (
        b"GET /chat HTTP/1.1\r\n"
        b"Host: server.example.com\r\n"
        b"Upgrade: websocket\r\n"
        b"Connection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Origin: http://example.com\r\n"
        b"Sec-WebSocket-Protocol: chat, superchat\r\n"
        b"Sec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
        b"Cookie: a=b\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize(
    "options",
    [
        {"key": "short"},
        {"key": KEY + "\r\nX: y"},
        {"origin": "a\r\nX: y"},
        {"origin": "a\n"},
        {"subprotocols": ["a b"]},
        {"subprotocols": ["a", "a"]},
        {"subprotocols": ["a\r\nX: y"]},
        {"extensions": "a\r\nX: y"},
        {"extensions": ";"},
        {"headers": [("X", "a\r\nY: z")]},
        {"headers": [("X", "\0")]},
        {"headers": [("X", "\u20ac")]},
        {"headers": [("X: y\r\nZ", "a")]},
        {"headers": [("host", "b")]},
    ],
)
def test_build_request_refuses_injection_and_nonsense(options: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        build_request("ws://a/", **{"key": KEY, **options})


def test_a_uri_made_by_hand_injects_nothing() -> None:
    with pytest.raises(ProtocolError):
        Uri(False, "a", 80, "/ HTTP/1.1\r\nX: y")
    with pytest.raises(ProtocolError):
        Uri(False, "a\r\nX: y", 80, "/")


def test_build_response_is_that_of_the_rfc() -> None:
    assert build_response(REQUEST + END) == ANSWER + END


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (REQUEST.replace(b"GET", b"POST"), 405),
        (REQUEST.replace(b"1.1\r", b"1.0\r"), 400),
        (REQUEST.replace(b"Host", b"Hots"), 400),
        (REQUEST + b"Host: b\r\n", 400),
        (REQUEST.replace(b"Upgrade: websocket\r\n", b""), 426),
        (REQUEST.replace(b"Connection: Upgrade", b"Connection: close"), 426),
        (REQUEST.replace(b": 13", b": 8"), 426),
        (REQUEST.replace(b": 13", b": 8, 13"), 426),
        (REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b""), 426),
        (REQUEST.replace(KEY.encode(), b"x"), 400),
        (REQUEST + b"Sec-WebSocket-Extensions: a; =\r\n", 400),
        (REQUEST + b"Origin: http://evil.example\r\n", 403),
        (REQUEST, 403),
        (REQUEST + b"Origin: http://good.example\r\n", 101),
    ],
)
def test_what_a_server_answers(request_bytes: bytes, status: int) -> None:
    response = build_response(request_bytes + END, origins=["http://good.example"])
    value = dissect_response(response).value
    assert value.status == status
    assert (value.header("Sec-WebSocket-Version") == "13") == (status == 426)
    assert dissect_response(response).findings == ()
    handshake = check_handshake(request_bytes + END, response)
    assert handshake.accepted == (status == 101)
    assert not [
        item for item in handshake.findings if item.culprit is Side.SERVER and item.severity is Severity.ERROR
    ]


def test_origins_none_allows_programs() -> None:
    allowed = ["http://good.example", None]
    assert dissect_response(build_response(REQUEST + END, origins=allowed)).value.status == 101
    assert dissect_response(build_response(REQUEST + END)).value.status == 101


@pytest.mark.parametrize(
    ("offer", "supported", "answer"),
    [
        ("permessage-deflate", "permessage-deflate", "permessage-deflate"),
        ("", "permessage-deflate", ""),
        ("x-other", "permessage-deflate", ""),
        ("x-other; a=1", "x-other; b=2", "x-other; b=2"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate",
         "permessage-deflate; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=10", "permessage-deflate; server_max_window_bits=9",
         "permessage-deflate; server_max_window_bits=9"),
        ("permessage-deflate; server_no_context_takeover", "permessage-deflate",
         "permessage-deflate; server_no_context_takeover"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits=12",
         "permessage-deflate; client_max_window_bits=12"),
        ("permessage-deflate; client_max_window_bits=9", "permessage-deflate; client_max_window_bits=12",
         "permessage-deflate; client_max_window_bits=9"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate; client_max_window_bits",
         "permessage-deflate"),
        ("permessage-deflate", "permessage-deflate; client_max_window_bits=12", ""),
        ("permessage-deflate, permessage-deflate; client_max_window_bits",
         "permessage-deflate; client_max_window_bits=12", "permessage-deflate; client_max_window_bits=12"),
        ("permessage-deflate; server_max_window_bits=7", "permessage-deflate", ""),
        ("permessage-deflate; foo, permessage-deflate", "permessage-deflate", "permessage-deflate"),
    ],
)  # fmt: skip
def test_extension_negotiation(offer: str, supported: str, answer: str) -> None:
    request = build_request("ws://a/", key=KEY, extensions=offer)
    response = build_response(request, extensions=supported)
    handshake = check_handshake(request, response)
    assert handshake.accepted
    assert handshake.extensions == answer


def test_a_server_with_invalid_parameters_is_told() -> None:
    request = build_request("ws://a/", key=KEY, extensions="permessage-deflate; server_max_window_bits=9")
    with pytest.raises(ProtocolError):
        build_response(request, extensions="permessage-deflate; server_max_window_bits=abc")


TOKENS = st.from_regex(r"[a-z0-9.]{1,6}", fullmatch=True)


@given(
    st.binary(min_size=16, max_size=16),
    st.lists(TOKENS, unique=True, max_size=4),
    st.lists(TOKENS, unique=True, max_size=4),
    st.sampled_from(
        ["", "permessage-deflate", "permessage-deflate; client_max_window_bits; server_max_window_bits=9"]
    ),
    st.sampled_from(["", "permessage-deflate", "permessage-deflate; client_max_window_bits=10"]),
    st.sampled_from([None, "null", "https://example.com:8443"]),
)
def test_built_halves_pass_every_check(
    key: bytes, offered: list[str], supported: list[str], offer: str, support: str, origin: str | None
) -> None:
    text = base64.b64encode(key).decode()
    request = build_request("ws://a/b?c", key=text, subprotocols=offered, extensions=offer, origin=origin)
    handshake = check_handshake(request, build_response(request, subprotocols=supported, extensions=support))
    common = [name for name in offered if name in supported]
    assert handshake.accepted
    assert failed(handshake) == []
    assert handshake.subprotocol == (common[0] if common else None)
    assert set(rules(handshake)) <= {"subprotocol-none"}


# ---- checking ----


def test_the_example_of_the_rfc() -> None:
    handshake = check(
        b"Origin: http://example.com\r\nSec-WebSocket-Protocol: chat, superchat\r\n",
        b"Sec-WebSocket-Protocol: chat\r\n",
    )
    assert handshake.accepted
    assert handshake.findings == ()
    assert failed(handshake) == []
    assert handshake.subprotocol == "chat"
    assert handshake.client_does.startswith("opens")
    assert handshake.browser_does.startswith("opens")


@pytest.mark.parametrize("rule", HANDSHAKE_RULES.values(), ids=HANDSHAKE_RULES)
def test_each_rule_has_an_example_that_breaks_it(rule: Rule) -> None:
    handshake = check_handshake(rule.example, rule.answer)
    found = {finding.rule: finding for finding in handshake.findings}
    assert found[rule.slug].culprit is rule.sender
    # A refused version is the client's, the refusal and its silence the server's.
    assert len(found) == (3 if rule.slug == "version-not-told" else 1)
    # The client judges the response; a server that overlooks a bad request is taken at its word.
    lost = rule.slug in ("upgrade-refused", "key-missing", "key-repeated")
    assert handshake.accepted == (not lost and (rule.severity is Severity.NOTE or rule.sender is Side.CLIENT))
    half = handshake.request.raw if rule.sender is Side.CLIENT else handshake.response.raw
    assert 0 <= found[rule.slug].offset < len(half)


def test_a_finding_points_at_its_header() -> None:
    handshake = check_handshake(REQUEST + END, ANSWER.replace(b"s3pP", b"S3pP") + END)
    (finding,) = handshake.findings
    assert handshake.response.raw[finding.offset :].startswith(b"Sec-WebSocket-Accept")
    assert (finding.rule, finding.field) == ("accept-wrong", "Field value")
    assert failed(handshake) == ["response Sec-WebSocket-Accept"]
    assert handshake.client_does == "fails the connection because of the response Sec-WebSocket-Accept"
    assert "1006" in handshake.browser_does


@pytest.mark.parametrize(
    ("change", "to", "half"),
    [
        (b"Connection: Upgrade", b"Connection: keep-alive, Upgrade", 0),
        (b"Connection: Upgrade", b"connection:uPGRADE", 0),
        (b"Connection: Upgrade", b"Connection: keep-alive\r\nConnection: upgrade", 0),
        (b"Upgrade: websocket", b"Upgrade: h2c, WebSocket", 0),
        (b"/chat", b"http://server.example.com/chat", 0),
        (b"/chat", b"/", 0),
        (b"Connection: Upgrade", b"Connection: close, upgrade", 1),
        (b"Upgrade: websocket", b"Upgrade: WebSocket", 1),
        (b" Switching Protocols", b" Web Socket Protocol Handshake", 1),
        (b" Switching Protocols", b" ", 1),
    ],
)
def test_forms_that_are_right(change: bytes, to: bytes, half: int) -> None:
    halves = [REQUEST + END, ANSWER + END]
    halves[half] = halves[half].replace(change, to)
    handshake = check_handshake(halves[0], halves[1])
    assert handshake.accepted
    assert handshake.findings == ()


def test_only_the_response_wants_upgrade_alone() -> None:
    response = ANSWER.replace(b"Upgrade: websocket", b"Upgrade: h2c, websocket")
    assert rules(check_handshake(REQUEST + END, response + END)) == ["upgrade-missing"]


def test_slips_of_the_seed_documents() -> None:
    path_in_host = REQUEST.replace(b"server.example.com", b"www.site.org/user")
    assert rules(check_handshake(path_in_host + END, ANSWER + END)) == ["host-invalid"]
    bare = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    assert rules(check_handshake(bare, ANSWER + END)) == ["key-missing", "version-missing"]
    absolute = REQUEST.replace(b"/chat", b"ws://echo.example.org/")
    assert rules(check_handshake(absolute + END, ANSWER + END)) == ["handshake-target"]
    # CORS headers play no part: neither a finding nor a check.
    assert rules(check(b"", b"Access-Control-Allow-Origin: http://a\r\n")) == []


def test_offered_is_not_negotiated() -> None:
    handshake = check(b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: chat\r\n")
    assert handshake.accepted
    assert (handshake.extensions, handshake.subprotocol) == ("", None)
    assert rules(handshake) == ["subprotocol-none"]
    assert handshake.client_does.startswith("opens")
    assert handshake.browser_does.startswith("fails")
    assert "subprotocols" in handshake.browser_does


def test_subprotocols_compare_with_case() -> None:
    offer, answer = b"Sec-WebSocket-Protocol: chat\r\n", b"Sec-WebSocket-Protocol: Chat\r\n"
    assert rules(check(offer, answer)) == ["subprotocol-not-offered"]
    assert check(offer, answer).subprotocol is None
    assert check(offer + b"Sec-WebSocket-Protocol: Chat\r\n", answer).subprotocol == "Chat"


DEFLATE = "permessage-deflate"


@pytest.mark.parametrize(
    ("offer", "answer", "rule"),
    [
        ("", "; server_no_context_takeover; client_no_context_takeover", None),
        ("", "; server_max_window_bits=8", None),
        ("; client_max_window_bits", "; client_max_window_bits=8", None),
        ("; client_max_window_bits", '; client_max_window_bits="8"', None),
        ("; client_max_window_bits", "", None),
        ("; server_max_window_bits=10", "; server_max_window_bits=9", None),
        (", permessage-deflate; client_max_window_bits", "; client_max_window_bits=8", None),
        ("", "; client_max_window_bits=10", "deflate-answer-invalid"),
        ("; client_max_window_bits=9", "; client_max_window_bits=10", "deflate-answer-invalid"),
        ("; client_max_window_bits", "; client_max_window_bits", "deflate-answer-invalid"),
        ("; server_max_window_bits=10", "; server_max_window_bits=11", "deflate-answer-invalid"),
        ("; server_max_window_bits=10", "", "deflate-answer-invalid"),
        ("; server_no_context_takeover", "", "deflate-answer-invalid"),
        ("", "; server_max_window_bits=7", "deflate-answer-invalid"),
        ("", "; server_max_window_bits=16", "deflate-answer-invalid"),
        ("", "; server_max_window_bits=08", "deflate-answer-invalid"),
        ("", "; server_max_window_bits", "deflate-answer-invalid"),
        ("", "; server_no_context_takeover=1", "deflate-answer-invalid"),
        ("", "; server_no_context_takeover; server_no_context_takeover", "deflate-answer-invalid"),
        ("", "; unknown", "deflate-answer-invalid"),
        ("", ", permessage-deflate", "deflate-answer-invalid"),
        ("", ", x-other", "extension-not-offered"),
        ("", "; a b", "extensions-invalid"),
    ],
)
def test_deflate_parameters(offer: str, answer: str, rule: str | None) -> None:
    handshake = check(
        f"Sec-WebSocket-Extensions: {DEFLATE}{offer}\r\n".encode(),
        f"Sec-WebSocket-Extensions: {DEFLATE}{answer}\r\n".encode(),
    )
    assert rules(handshake) == ([rule] if rule else [])
    assert handshake.accepted == (rule is None)
    assert handshake.extensions == DEFLATE + answer


@pytest.mark.parametrize(
    ("answer", "client", "extra"),
    [
        (b"HTTP/1.1 301 Moved Permanently\r\nLocation: wss://b/\r\n", "may follow the redirect", "no redirect"),
        (b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\n", "may try again with credentials", ""),
        (b"HTTP/1.1 403 Forbidden\r\n", "gives up", ""),
        (b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8, 7\r\n", "may try again with a version", ""),
        (b"HTTP/1.1 502 Bad Gateway\r\n", "gives up", ""),
        (b"HTTP/1.1 200 OK\r\n", "gives up", ""),
    ],
)
def test_a_refused_upgrade_is_ordinary_http(answer: bytes, client: str, extra: str) -> None:
    handshake = check_handshake(REQUEST + END, answer + b"Content-Length: 3\r\n\r\nno\n")
    assert not handshake.accepted
    assert rules(handshake) == ["upgrade-refused"]
    assert failed(handshake) == ["response status"]
    assert handshake.response.value.body == b"no\n"
    assert handshake.client_does.startswith(client)
    assert "1006" in handshake.browser_does
    assert extra in handshake.browser_does


def test_a_refused_version_is_told_whatever_the_status() -> None:
    request = REQUEST.replace(b": 13", b": 8") + END
    refusal = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
    assert rules(check_handshake(request, refusal + END)) == ["version-not-13", "upgrade-refused", "version-not-told"]
    told = refusal + b"Sec-WebSocket-Version: 13\r\n\r\n"
    assert rules(check_handshake(request, told)) == ["version-not-13", "upgrade-refused"]
    # A bad request may be bad for other reasons: who names 13 is owed no list.
    assert rules(check_handshake(REQUEST + END, refusal + END)) == ["upgrade-refused"]


def test_interim_responses_are_stepped_over() -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
    handshake = check_handshake(REQUEST + END, 1000 * interim + ANSWER + END + b"\x81\x05Hello")
    assert handshake.accepted
    assert handshake.response.raw == ANSWER + END


def test_many_interim_responses_take_linear_time() -> None:
    began = time.perf_counter()
    with pytest.raises(Incomplete):
        check_handshake(REQUEST + END, 50_000 * b"HTTP/1.1 100 Continue\r\n\r\n")
    assert time.perf_counter() - began < 20


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 200), st.integers(0, 200))
def test_any_bytes_are_judged_or_refused(noise: bytes, more: bytes, at: int, place: int) -> None:
    request, response = REQUEST + END, ANSWER + END
    try:
        handshake = check_handshake(
            request[:at] + noise + request[at + len(noise) :],
            response[:place] + more + response[place + len(more) :],
        )
    except (Incomplete, ProtocolError):
        return
    assert handshake.client_does
    assert handshake.browser_does
    assert handshake.accepted <= (handshake.response.value.status == 101)


# ---- second opinions ----

PARAMETERS = st.lists(
    st.sampled_from(
        [
            "server_no_context_takeover",
            "client_no_context_takeover",
            "server_max_window_bits=9",
            "server_max_window_bits=15",
            "server_max_window_bits=16",
            "client_max_window_bits",
            "client_max_window_bits=10",
            "unknown",
        ]
    ),
    max_size=3,
)


@given(PARAMETERS)
def test_websockets_answers_fit_the_offer(parameters: list[str]) -> None:
    """What the websockets library answers to an offer passes our checks; what it declines, we find fault with."""
    offer = "; ".join([DEFLATE, *parameters])
    headers = Headers(
        [tuple(line.split(": ", 1)) for line in REQUEST.decode().split("\r\n")[1:-1]]
        + [("Sec-WebSocket-Extensions", offer)]
    )
    server = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()])
    response = server.accept(WebsocketsRequest("/chat", headers))
    assert response.status_code == 101
    handshake = check_handshake(REQUEST + f"Sec-WebSocket-Extensions: {offer}\r\n\r\n".encode(), response.serialize())
    assert handshake.accepted
    bad_offer = "deflate-offer-invalid" in rules(handshake)
    assert bad_offer == (handshake.extensions == "")


REQUESTS = [
    REQUEST,
    REQUEST.replace(b"GET", b"POST"),
    REQUEST.replace(b"Connection: Upgrade", b"Connection: keep-alive, upgrade"),
    REQUEST.replace(b"Upgrade: websocket\r\n", b""),
    REQUEST.replace(b"Connection: Upgrade\r\n", b""),
    REQUEST.replace(b"Sec-WebSocket-Key", b"X-Key"),
    REQUEST.replace(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8"),
    REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b""),
]


@pytest.mark.parametrize("half", REQUESTS)
def test_wsproto_accepts_and_refuses_the_same_requests(half: bytes) -> None:
    ours = dissect_response(build_response(half + END)).value.status
    connection = WSConnection(ConnectionType.SERVER)
    try:
        connection.receive_data(half + END)
        (event,) = connection.events()
        assert isinstance(event, WsprotoRequest)
        theirs = 101
        answer = connection.send(AcceptConnection())
    except RemoteProtocolError as error:
        theirs = error.event_hint.status_code if error.event_hint else 400
        answer = b""
    assert (ours == 101) == (theirs == 101)
    if answer:
        assert check_handshake(half + END, answer).accepted


def test_an_unknown_version_gets_426_from_us_and_wsproto_and_400_from_websockets() -> None:
    half = REQUEST.replace(b": 13", b": 8") + END
    connection = WSConnection(ConnectionType.SERVER)
    with pytest.raises(RemoteProtocolError) as caught:
        connection.receive_data(half)
    assert caught.value.event_hint.status_code == dissect_response(build_response(half)).value.status == 426
    headers = Headers(list(dissect_request(half).value.headers))
    theirs = ServerProtocol().accept(WebsocketsRequest("/chat", headers))
    assert theirs.status_code == 400
    assert "version-not-told" in rules(check_handshake(half, theirs.serialize()))


def test_websockets_takes_our_request_and_our_answer() -> None:
    request = build_request("ws://a/b?c=d", key=KEY, subprotocols=["chat"], origin="http://a")
    value = dissect_request(request).value
    server = ServerProtocol(subprotocols=["chat"])
    response = server.accept(WebsocketsRequest(value.target, Headers(list(value.headers))))
    handshake = check_handshake(request, response.serialize())
    assert handshake.accepted
    assert handshake.subprotocol == "chat"
    assert re.search(rb"Sec-WebSocket-Accept: (\S+)", build_response(request))[1].decode() == accept_key(KEY)
