"""HandshakeNegotiator on the Python side: wishes in, handshakes and pictures out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.widgets.page import Page
from wsviz import ProtocolError, WsvizError, read_capture
from wsviz.figures.negotiation import handshake_lanes
from wsviz.figures.negotiation_view import EXAMPLE, EXAMPLE_POLICY, Policy
from wsviz.protocol.handshake_rules import ANSWER, HANDSHAKE_RULES, REQUEST
from wsviz.widgets import HandshakeNegotiator
from wsviz.widgets.handshake_negotiator_state import FAULTS, SCENES, State, with_header, with_method

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def negotiator() -> HandshakeNegotiator:
    return HandshakeNegotiator()


@pytest.fixture
def page(negotiator: HandshakeNegotiator) -> Page:
    return Page(negotiator)


def says(picture: dict[str, Any]) -> str:
    return str(picture["outcomes"][0]["what"])


def test_it_takes_bytes_handshakes_and_connections() -> None:
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    assert connection.handshake is not None
    for thing in (connection, connection.handshake):
        assert HandshakeNegotiator(thing).handshake == connection.handshake
    request, response = REQUEST + b"\r\n", ANSWER + b"\r\n"
    given = HandshakeNegotiator(request, response)
    assert (given.request, given.response, given.policy) == (request, response, None)
    assert HandshakeNegotiator(request).handshake.response.value.status == 403, "EXAMPLE_POLICY wants an Origin"
    assert HandshakeNegotiator(request, policy=Policy()).handshake.accepted
    with pytest.raises(TypeError, match="got int"):
        HandshakeNegotiator(5)  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="the request does not end"):
        HandshakeNegotiator(b"GET / HTTP/1.1\r\n")


def test_the_client_s_side_can_be_changed_header_by_header(negotiator: HandshakeNegotiator, page: Page) -> None:
    assert says(page.wish("offer", ["Sec-WebSocket-Version", "8"])) == "426 Upgrade Required"
    assert says(page.wish("offer", ["Sec-WebSocket-Version", "13"])) == "101 Switching Protocols"
    assert negotiator.request == EXAMPLE
    assert says(page.wish("offer", ["method", "PUT"])) == "405 Method Not Allowed"
    page.wish("offer", ["method", "GET"])
    assert says(page.wish("offer", ["Origin", "https://evil.example"])) == "403 Forbidden"
    assert says(page.wish("offer", ["Origin", ""])) == "403 Forbidden"
    assert negotiator.handshake.request.value.header("Origin") is None
    page.wish("policy", ["origins", "none, https://shop.example"])
    assert negotiator.handshake.accepted
    picture = page.wish("offer", ["Sec-WebSocket-Key", "aGVsbG8="])
    assert (says(picture), picture["lanes"][1]["state"]) == ("400 Bad Request", "failed")


def test_the_server_s_side_can_be_changed(negotiator: HandshakeNegotiator, page: Page) -> None:
    picture = page.wish("policy", ["subprotocols", "chat.v2, chat.v1"])
    assert negotiator.handshake.subprotocol == "chat.v2", "the client's order decides"
    picture = page.wish("policy", ["subprotocols", ""])
    assert (picture["lanes"][3]["state"], picture["outcomes"][1]["good"]) == ("none", False)
    page.wish("policy", ["extensions", "permessage-deflate; server_max_window_bits=10"])
    assert negotiator.handshake.extensions == "permessage-deflate; server_max_window_bits=10"
    assert page.wish("policy", ["extensions", "permessage-deflate; x"])["notice"].endswith("no parameter 'x'")
    assert negotiator.policy == Policy(EXAMPLE_POLICY.origins, (), "permessage-deflate; server_max_window_bits=10"), (
        "a policy that no server can have changes nothing"
    )


@pytest.mark.parametrize("fault", list(FAULTS)[1:])
def test_every_fault_keeps_a_browser_out(negotiator: HandshakeNegotiator, page: Page, fault: str) -> None:
    picture = page.wish("fault", fault)
    assert not picture["outcomes"][1]["good"]
    assert picture["findings"]
    page.wish("offer", ["Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="])
    assert not negotiator.handshake.accepted, "a fault outlives a change of the offer"


def test_a_response_can_be_typed(negotiator: HandshakeNegotiator, page: Page) -> None:
    picture = page.wish("response", "HTTP/1.1 101 Switching Protocols\nUpgrade: websocket")
    assert (picture["lanes"][0]["state"], picture["controls"]["fault"]) == ("failed", -1)
    assert negotiator.response == b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert page.wish("response", "hello")["notice"]
    assert page.wish("response", "HTTP/1.1 200 OK\nX: \u20ac")["notice"].endswith("no header can hold")
    page.wish("offer", ["Host", "shop.example:8080"])
    assert negotiator.handshake.accepted, "the server answers anew"


def test_a_change_to_a_captured_handshake_is_answered_as_that_server_would() -> None:
    request = with_header(EXAMPLE, "Sec-WebSocket-Protocol", "a, b")
    response = ANSWER + b"Sec-WebSocket-Protocol: b\r\n\r\n"
    negotiator = HandshakeNegotiator(request, response)
    picture = Page(negotiator).wish("offer", ["Sec-WebSocket-Protocol", "b, c"])
    assert picture["lanes"][3]["cells"] == ["b, c", "b", "b"]
    assert negotiator.handshake.subprotocol == "b"


@pytest.mark.parametrize("scene", list(SCENES))
def test_every_scene_is_a_handshake_and_knows_itself(page: Page, scene: str) -> None:
    at = list(SCENES).index(scene)
    picture = page.wish("scene", at)
    assert picture["controls"]["scene"] == at
    assert (picture["outcomes"][1]["good"]) == (at in (0, 1, 8, 9))


def test_undo_and_reset(negotiator: HandshakeNegotiator, page: Page) -> None:
    for version in ("1", "12", "128"):
        page.wish("offer", ["Sec-WebSocket-Version", version])
    page.wish("offer", ["Upgrade", ""])
    page.wish("undo")
    assert negotiator.handshake.request.value.header("Sec-WebSocket-Version") == "128"
    assert page.wish("undo")["undo"] is False
    assert negotiator.request == EXAMPLE
    page.wish("fault", list(FAULTS)[1])
    assert page.wish("reset")["changed"] is False
    page.wish("undo")
    assert not negotiator.handshake.accepted
    negotiator.policy = EXAMPLE_POLICY
    negotiator.request = EXAMPLE.replace(b"13", b"8")
    assert says(negotiator.picture) == "426 Upgrade Required"
    negotiator.response = ANSWER + b"\r\n"
    assert (negotiator.handshake.response.value.status, negotiator.picture["undo"]) == (101, True)
    with pytest.raises(ProtocolError):
        negotiator.response = b"nothing"
    assert negotiator.response == ANSWER + b"\r\n"


def test_no_change_can_add_lines(negotiator: HandshakeNegotiator, page: Page) -> None:
    for value in ("x\r\nCookie: y", "x\n", "x\x00"):
        assert page.wish("offer", ["Origin", f"a{value}b"])["notice"].endswith("no header can hold")
    assert "expected a token" in page.wish("offer", ["method", "GET /x"])["notice"]
    assert "there is no field" in page.wish("offer", ["Cookie", "x"])["notice"]
    assert negotiator.request == EXAMPLE


def test_header_lines_stay_in_their_place() -> None:
    message = b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\n\r\nbody"
    assert with_header(message, "A", "x") == b"GET / HTTP/1.1\r\nA: x\r\nB: 2\r\n\r\nbody"
    assert with_header(message, "B", None) == b"GET / HTTP/1.1\r\nA: 1\r\na: 3\r\n\r\nbody"
    assert with_header(message, "C", "4") == b"GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\na: 3\r\nC: 4\r\n\r\nbody"
    assert with_header(b"GET / HTTP/1.1\nA: 1\n\n", "A", None) == b"GET / HTTP/1.1\r\n\r\n"
    assert with_method(message, "POST").startswith(b"POST / HTTP/1.1\r\n")


@pytest.mark.parametrize("rule", sorted(HANDSHAKE_RULES))
def test_every_broken_rule_can_be_shown_and_changed(rule: str) -> None:
    entry = HANDSHAKE_RULES[rule]
    negotiator = HandshakeNegotiator(entry.example, entry.answer)
    assert rule in [each["rule"] for each in negotiator.picture["findings"]]
    assert negotiator.picture["controls"]["scenes"][0] == "as it was given"
    assert Page(negotiator).wish("offer", ["Origin", "https://a.example"])["notice"] == ""


def test_the_figure_is_of_what_is_shown(negotiator: HandshakeNegotiator, page: Page) -> None:
    assert negotiator.figure == handshake_lanes(EXAMPLE, policy=EXAMPLE_POLICY)
    page.wish("offer", ["Sec-WebSocket-Version", "8"])
    bundle, _ = negotiator._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert "the server says: 426" in bundle["text/plain"]


def test_secrets_are_asterisks_until_they_are_revealed() -> None:
    request = REQUEST + b"Cookie: sid=topsecret\r\nSec-WebSocket-Protocol: token.abcdefgh12345678\r\n\r\n"
    hidden, shown = HandshakeNegotiator(request), HandshakeNegotiator(request, reveal=True)
    for secret in ("topsecret", "abcdefgh12345678"):
        assert secret not in json.dumps(hidden.picture) + str(hidden.figure)
        assert secret in json.dumps(shown.picture)
    assert len(hidden.request) == len(request)


def test_hostile_headers_reach_the_page_as_text_only() -> None:
    request = REQUEST + b'X: "><img src=x onerror=alert(1)>\x1b[31m\r\nY: ' + b"a" * 100_000 + b"\r\n\r\n"
    negotiator = HandshakeNegotiator(request, ANSWER + b"X: </script>\xe2\x80\xae\r\n\r\n")
    words = json.dumps(negotiator.picture, ensure_ascii=False)
    assert words.isprintable()
    assert len(words) < 60_000


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ProtocolError, match="there is no fault 'x'"):
        State(EXAMPLE).with_fault("x")
