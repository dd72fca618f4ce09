"""What every recording of the protocol keeps to: no faults but those that it means, and the same as tshark sees."""

from __future__ import annotations

import pytest

from captures.scenarios import SCENARIOS
from tests.capture import tshark
from tests.capture.files import OWN
from tests.capture.test_against_tshark import our_frames, port_of
from tests.captures.recordings import recording
from wsviz import Severity, Side

HTTP = ("http_close", "http_keepalive")
WEBSOCKET = (
    "handshake_matrix",
    "lengths",
    "fragments",
    "close_matrix",
    "idle",
    "deflate",
    "subscribe",
    "stomp",
    "broadcast",
    "slow_consumer",
    "duplex",
    "browser",
)
NAMES = (*HTTP, *WEBSOCKET)


@pytest.mark.parametrize("name", NAMES)
def test_the_errors_are_those_that_the_scenario_means(name: str) -> None:
    findings = [finding for _, finding in recording(name).all_findings()]
    assert {f.rule for f in findings if f.severity is Severity.ERROR} == set(SCENARIOS[name].faults)
    assert [f for f in findings if f.severity is Severity.WARNING] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_port_of_the_scenario_and_no_other(name: str) -> None:
    capture = recording(name)
    assert {connection.server.port for connection in capture.connections} == set(SCENARIOS[name].ports)
    assert capture.packets["connection"].notna().all()
    assert {connection.roles for connection in capture.connections} == {"seen"}


@pytest.mark.parametrize("name", HTTP)
def test_plain_requests(name: str) -> None:
    assert {connection.mechanism.name for connection in recording(name).connections} == {"request-response"}


@pytest.mark.parametrize("name", WEBSOCKET)
def test_websocket_where_the_server_said_101(name: str) -> None:
    for connection in recording(name).connections:
        (upgrade,) = connection.exchanges
        accepted = upgrade.response is not None and upgrade.response.status == 101
        assert (connection.mechanism.name == "websocket") == accepted
        assert (len(connection.frames) == 0) or accepted


@pytest.mark.parametrize("name", NAMES)
def test_every_connection_is_whole(name: str) -> None:
    """From its SYN to its end; nothing was lost on the way."""
    capture = recording(name)
    for connection in capture.connections:
        flags = capture.packets.loc[capture.packets["connection"] == connection.index, "flags"]
        assert flags.iloc[:2].tolist() == ["SYN", "SYN,ACK"]
        assert connection.ending.how != "open"


@pytest.mark.parametrize("name", WEBSOCKET)
def test_frames_as_tshark_sees_them(name: str) -> None:
    path = OWN / f"{name}.pcapng"
    assert our_frames(recording(name)) == tshark.frames(path) != {}


def as_printed(text: str) -> str:
    """A text as tshark prints it: line feeds written as in C, and nothing from a zero byte on."""
    return text.partition("\0")[0].replace("\n", "\\n")


@pytest.mark.parametrize("name", WEBSOCKET)
def test_texts_as_tshark_sees_them(name: str) -> None:
    ours = {}
    for connection in recording(name).connections:
        for sender in Side:
            texts = [as_printed(m.text) for m in connection.messages if m.sender is sender and m.text]
            ours[connection.index, port_of(connection, sender)] = texts
    printed = tshark.texts(OWN / f"{name}.pcapng")
    assert without_empty(ours) == without_empty(printed)


def without_empty(texts: dict[tshark.Direction, list[str]]) -> dict[tshark.Direction, list[str]]:
    return {direction: found for direction, found in texts.items() if found}
