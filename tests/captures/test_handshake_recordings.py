"""HTTP's connections, and what servers make of opening handshakes."""

from __future__ import annotations

import json

import pytest

from captures.scenarios.gets import COUNT
from captures.scenarios.handshakes import AIOHTTP, FOREIGN, OPEN, STRICT, SUBPROTOCOLS, WINDOW_BITS, WSPROTO
from tests.captures.recordings import CLIENT, SERVER, answered, asked, at, only, only_connection, recording
from wsviz.capture.connection import Connection
from wsviz.protocol.negotiation import extension_list

CHROMIUM = "Chrome/"


def test_ten_gets_on_ten_connections() -> None:
    capture = recording("http_close")
    assert len(capture.connections) == COUNT
    assert (capture.packets["flags"] == "SYN").sum() == COUNT
    assert len({connection.client.port for connection in capture.connections}) == COUNT
    for connection in capture.connections:
        assert len(connection.exchanges) == 1
        assert asked(connection).header("Connection") == answered(connection).header("Connection") == "close"
        fins = capture.packets.loc[capture.packets["flags"].str.contains("FIN"), ["connection", "sender"]]
        assert sorted(fins[fins["connection"] == connection.index]["sender"]) == ["client", "server"]


def test_ten_gets_on_one_connection() -> None:
    capture, connection = recording("http_keepalive"), only_connection("http_keepalive")
    assert (capture.packets["flags"] == "SYN").sum() == 1
    assert len(connection.exchanges) == COUNT
    for exchange in connection.exchanges:
        assert exchange.response is not None
        assert exchange.request.header("Connection") is exchange.response.header("Connection") is None
    assert (connection.ending.by, connection.ending.how) == (CLIENT, "fin")


def test_the_same_gets_with_fewer_packets() -> None:
    closing, keeping = recording("http_close"), recording("http_keepalive")
    said = []
    for capture in (closing, keeping):
        exchanges = [exchange for connection in capture.connections for exchange in connection.exchanges]
        said.append([(e.request.method, e.request.target, e.response.body) for e in exchanges if e.response])
    assert said[0] == said[1]
    assert [json.loads(body)["id"] for _, _, body in said[0]] == list(range(1, COUNT + 1))
    assert keeping.packet_count < closing.packet_count / 3
    assert keeping.wire_bytes < closing.wire_bytes


def is_chromium(connection: Connection) -> bool:
    return CHROMIUM in (asked(connection).header("User-Agent") or "")


@pytest.mark.parametrize(
    ("path", "port", "statuses"),
    [
        ("/accepted", None, [101, 101, 101]),
        ("/no-key", OPEN, [400]),
        ("/no-upgrade", OPEN, [426]),
        ("/own-origin", STRICT, [101]),
        ("/foreign-origin", STRICT, [403]),
        ("/version-8", OPEN, [400]),
        ("/version-8", WSPROTO, [426]),
        ("/server-chooses", STRICT, [101]),
        ("/client-chooses", AIOHTTP, [101]),
        ("/none-in-common", AIOHTTP, [101, 101]),
        ("/none-in-common", STRICT, [400]),
        ("/deflate-accepted", None, [101]),
        ("/deflate-declined", None, [101]),
        ("/moved", OPEN, [302, 302]),
    ],
)
def test_statuses(path: str, port: int | None, statuses: list[int]) -> None:
    connections = [c for c in at(recording("handshake_matrix"), path) if port in (None, c.server.port)]
    assert [answered(connection).status for connection in connections] == statuses
    for connection in connections:
        refused = answered(connection).status != 101
        assert (connection.protocol == "http") == refused
        # Without an Upgrade header there is no handshake that could be refused.
        assert (connection.ending.how == "refused") == (refused and asked(connection).header("Upgrade") is not None)


def test_eighteen_requests_of_two_clients() -> None:
    connections = recording("handshake_matrix").connections
    assert len(connections) == 18
    assert [is_chromium(connection) for connection in connections] == [False] * 15 + [True] * 3


def test_who_opens_a_connection_sends_a_message_and_gets_it_back() -> None:
    for connection in recording("handshake_matrix").connections:
        opened = connection.protocol == "websocket" and connection.ending.how == "close"
        assert [message.text for message in connection.messages] == (["Hello", "Hello"] if opened else [])


def test_the_origin_alone_makes_the_difference() -> None:
    capture = recording("handshake_matrix")
    own, foreign = (dict(asked(only(capture, path)).headers) for path in ("/own-origin", "/foreign-origin"))
    assert {name for name in own if own[name] != foreign[name]} == {"Origin", "Sec-WebSocket-Key"}
    assert own.keys() == foreign.keys()
    assert foreign["Origin"] == FOREIGN
    browsers = [connection for connection in capture.connections if is_chromium(connection)]
    assert {asked(connection).header("Origin") for connection in browsers} == {own["Origin"]}


def test_a_version_refused_in_two_ways() -> None:
    websockets, wsproto = at(recording("handshake_matrix"), "/version-8")
    assert asked(websockets).header("Sec-WebSocket-Version") == asked(wsproto).header("Sec-WebSocket-Version") == "8"
    assert answered(websockets).header("Sec-WebSocket-Version") is None
    assert answered(wsproto).header("Sec-WebSocket-Version") == "13"


def test_one_offer_and_two_choices() -> None:
    capture = recording("handshake_matrix")
    by_server, by_client = only(capture, "/server-chooses"), only(capture, "/client-chooses")
    assert by_server.handshake is not None and by_client.handshake is not None
    offer = ", ".join(SUBPROTOCOLS[::-1])
    assert asked(by_server).header("Sec-WebSocket-Protocol") == offer
    assert asked(by_client).header("Sec-WebSocket-Protocol") == offer
    assert (by_server.handshake.subprotocol, by_client.handshake.subprotocol) == SUBPROTOCOLS


def test_no_subprotocol_in_common() -> None:
    going_on, refused, chromium = at(recording("handshake_matrix"), "/none-in-common")
    assert not is_chromium(going_on) and not is_chromium(refused) and is_chromium(chromium)
    assert {asked(c).header("Sec-WebSocket-Protocol") for c in (going_on, refused, chromium)} == {"soap"}
    for connection in (going_on, chromium):
        assert answered(connection).header("Sec-WebSocket-Protocol") is None
    assert going_on.ending.reports == {CLIENT: 1000, SERVER: 1000}
    assert (chromium.ending.by, chromium.ending.how) == (CLIENT, "fin")
    assert chromium.ending.reports[CLIENT] == 1006


def test_offered_is_not_negotiated() -> None:
    capture = recording("handshake_matrix")
    accepted, declined = only(capture, "/deflate-accepted"), only(capture, "/deflate-declined")
    assert asked(accepted).header("Sec-WebSocket-Extensions") == asked(declined).header("Sec-WebSocket-Extensions")
    assert answered(declined).header("Sec-WebSocket-Extensions") is None
    ((name, parameters),) = extension_list(answered(accepted).header("Sec-WebSocket-Extensions") or "")
    assert name == "permessage-deflate"
    assert dict(parameters) == {
        "server_no_context_takeover": None,
        "server_max_window_bits": str(WINDOW_BITS),
        "client_max_window_bits": str(WINDOW_BITS),
    }
    assert {message.compressed for message in accepted.messages} == {True}
    assert {message.compressed for message in declined.messages} == {False}


def test_a_redirect_is_followed_by_one_client_only() -> None:
    capture = recording("handshake_matrix")
    followed, left = at(capture, "/moved")
    assert answered(followed).header("Location") == answered(left).header("Location") == "/accepted"
    assert is_chromium(left) and left.ending.reports == {CLIENT: 1006}
    assert left.index == len(capture.connections) - 1
    again = capture.connections[followed.index + 1]
    assert asked(again).target == "/accepted" and not is_chromium(again)
