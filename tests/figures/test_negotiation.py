"""The picture of a handshake says what `check_handshake` says, lane by lane and line by line."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.laws import assert_labels_apart
from wsviz import ProtocolError, Severity, accept_key, check_handshake, read_capture
from wsviz.figures.figure import columns
from wsviz.figures.negotiation import draw, handshake_lanes
from wsviz.figures.negotiation_view import (
    EXAMPLE,
    EXAMPLE_POLICY,
    LANES,
    Negotiation,
    Policy,
    answer,
    judge,
    negotiation_of,
)
from wsviz.protocol.handshake_rules import ANSWER, HANDSHAKE_RULES, REQUEST

CAPTURES = Path(__file__).parents[2] / "captures"
RULES = sorted(HANDSHAKE_RULES)


def states(negotiation: Negotiation) -> dict[str, str]:
    return {lane.name: lane.state for lane in negotiation.lanes}


def example(rule: str) -> tuple[bytes, bytes]:
    entry = HANDSHAKE_RULES[rule]
    assert entry.answer is not None
    return entry.example, entry.answer


def test_all_five_are_agreed() -> None:
    negotiation = negotiation_of(EXAMPLE, policy=EXAMPLE_POLICY)
    assert states(negotiation) == dict.fromkeys([name for name, _, _ in LANES], "agreed")
    text = draw(negotiation).text
    assert "the server says: 101 Switching Protocols" in text
    assert "4 ✓ subprotocol" in text
    assert "    server takes    chat.v1\n" in text


@pytest.mark.parametrize(
    ("old", "new", "status", "failed"),
    [
        (b"GET", b"POST", "405 Method Not Allowed", "upgrade"),
        (b"Upgrade: websocket", b"Upgrade: h2c", "426 Upgrade Required", "upgrade"),
        (b"Version: 13", b"Version: 8", "426 Upgrade Required", "version and key"),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"aGVsbG8=", "400 Bad Request", "version and key"),
        (b"Origin: https://shop.example", b"Origin: https://shop.example/x", "400 Bad Request", "origin"),
        (b"chat.v2, chat.v1", b"chat.v1, chat.v1", "400 Bad Request", "subprotocol"),
        (b"permessage-deflate;", b"permessage-deflate; =1", "400 Bad Request", "extensions"),
    ],
)
def test_what_is_wrong_fails_in_its_lane(old: bytes, new: bytes, status: str, failed: str) -> None:
    negotiation = negotiation_of(EXAMPLE.replace(old, new, 1), policy=EXAMPLE_POLICY)
    assert negotiation.status == status
    assert [name for name, state in states(negotiation).items() if state == "failed"] == [failed]
    worst = next(finding for finding in negotiation.findings if finding.severity is Severity.ERROR)
    if worst.field:
        assert LANES[negotiation.lane_of_finding(worst)][0] == failed


def test_a_foreign_origin_is_refused() -> None:
    negotiation = negotiation_of(EXAMPLE, policy=Policy(origins=("https://other.example", None)))
    assert (negotiation.status, states(negotiation)["origin"]) == ("403 Forbidden", "refused")
    assert negotiation.lanes[2].policy == "https://other.example, none"


def test_nothing_in_common_is_no_error_but_a_browser_fails() -> None:
    negotiation = negotiation_of(EXAMPLE)
    assert states(negotiation) | {"subprotocol": "none", "extensions": "none"} == states(negotiation)
    assert negotiation.handshake.accepted
    assert [good for _, _, good in negotiation.outcomes] == [True, False, True]


def test_the_accept_key_in_steps_ends_in_the_accept_key() -> None:
    negotiation = judge(REQUEST + b"\r\n", ANSWER + b"\r\n")
    key, with_guid, digest, accept = (value for _, value in negotiation.accept_steps)
    assert with_guid == f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    assert accept == accept_key(key) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert digest == "b3 7a 4f 2c c0 62 4f 16 90 f6 46 06 cf 38 59 45 b2 be c4 ea"
    assert negotiation.accept_verdict[0]
    assert judge(*example("accept-wrong")).accept_verdict == (False, "the response says S3PplMBiTxaQ9kYGzzhZRbK+xOo=")
    assert judge(*example("key-repeated")).accept_steps == ()


@pytest.mark.parametrize("rule", RULES)
def test_every_broken_rule_is_drawn_as_it_is_judged(rule: str) -> None:
    request, response = example(rule)
    figure, handshake = handshake_lanes(request, response), check_handshake(request, response)
    negotiation = negotiation_of(request, response)
    assert_labels_apart(figure)
    assert f": {rule}" in figure.text
    assert max(map(columns, figure.text.split("\n"))) <= 80
    rows = [check for lane in negotiation.lanes for check in lane.checks]
    assert sorted(rows) == sorted(handshake.checks), "every check is of one lane"
    broken = {lane.name for lane in negotiation.lanes if lane.state == "failed"}
    assert bool(broken) == any(not check.passed and check.name != "response status" for check in rows)


@pytest.mark.parametrize("rule", RULES)
def test_the_lines_are_the_bytes(rule: str) -> None:
    request, response = example(rule)
    negotiation = negotiation_of(request, response)
    at = 0
    for line in negotiation.request_lines + negotiation.response_lines:
        assert line.start == at < line.end
        at = line.end
    assert at == len(request) + len(response)
    joined = request + response
    for line in negotiation.request_lines + negotiation.response_lines:
        if line.name:
            assert joined[line.start : line.end].decode().rstrip() == line.text
            assert (line.lane >= 0) == any(line.name.lower() in headers for _, _, headers in LANES)


def test_a_captured_handshake_has_no_known_policy() -> None:
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    assert connection.handshake is not None
    negotiation = negotiation_of(connection)
    assert negotiation == negotiation_of(connection.handshake)
    assert [lane.policy for lane in negotiation.lanes[2:]] == ["not known"] * 3
    assert handshake_lanes(connection) == handshake_lanes(connection.handshake)


SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2VjcmV0c2VjcmV0"


def test_secrets_are_asterisks_until_they_are_revealed() -> None:
    request = (
        REQUEST.replace(b"/chat", b"/chat?access_token=abc123def&room=5")
        + f"Cookie: sid=topsecret\r\nAuthorization: Bearer {SECRET}\r\n".encode()
        + f"Sec-WebSocket-Protocol: bearer, {SECRET}\r\n\r\n".encode()
    )
    response = ANSWER + b"Sec-WebSocket-Protocol: bearer\r\nSet-Cookie: sid=othersecret\r\n\r\n"
    hidden, shown = handshake_lanes(request, response), handshake_lanes(request, response, reveal=True)
    for secret in ("abc123def", "topsecret", "othersecret", SECRET[:20]):
        assert secret not in hidden.text + hidden.svg
        assert secret in shown.text
    assert "room=5" in hidden.text
    assert states(negotiation_of(request, response))["subprotocol"] == "agreed"


def test_hostile_headers_are_text() -> None:
    request = REQUEST + b'X-Note: "><img src=x onerror=alert(1)></script>\x1b[31m\xe2\x80\xae\r\n' + b"X: y\r\n" * 900
    figure = handshake_lanes(request + b"X-Long: " + b"a" * 100_000 + b"\r\n\r\n", ANSWER + b"\r\n")
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(figure.svg).iter()}
    assert not tags & {"img", "script"}
    assert all(char.isprintable() or char == "\n" for char in figure.svg + figure.text)
    assert len(figure.svg) < 200_000
    assert_labels_apart(figure)


def test_what_holds_no_handshake_is_refused() -> None:
    with pytest.raises(ProtocolError, match="the request does not end"):
        handshake_lanes(REQUEST)
    with pytest.raises(ProtocolError):
        handshake_lanes(b"\x81\x05Hello")
    with pytest.raises(ProtocolError, match="the response does not end"):
        handshake_lanes(EXAMPLE, ANSWER)
    with pytest.raises(TypeError, match="got int, expected a Handshake"):
        handshake_lanes(5)  # type: ignore[arg-type]
    polling = read_capture(CAPTURES / "poll.pcapng").connections[0]
    with pytest.raises(ProtocolError, match="has no whole handshake, it is http"):
        handshake_lanes(polling)
    with pytest.raises(ProtocolError, match="no parameter 'x'"):
        answer(EXAMPLE, Policy(extensions="permessage-deflate; x"))
