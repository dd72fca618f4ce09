"""What the recordings with something in between hold, on both sides of it, and the answer to the mystery."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
import pytest

from captures.scenarios import SCENARIOS
from captures.scenarios.mystery import NO_JSON
from captures.scenarios.nginx import FEW, TEXTS
from captures.scenarios.scenario import BEHIND, CLIENT, SERVER, UPSTREAM
from tests.capture import tshark
from tests.capture.files import OWN
from tests.capture.test_against_tshark import our_frames
from tests.captures.recordings import answered, asked, path_of, recording
from wsviz import Opcode, Side
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection

NAMES = ("nginx_ok", "nginx_bad", "nginx_idle", "nginx_buffered", "mystery", "latency")
BOTH_NORMAL = {Side.CLIENT: 1000, Side.SERVER: 1000}
BOTH_ABNORMAL = {Side.CLIENT: 1006, Side.SERVER: 1006}
READ_TIMEOUT = (1.9, 2.5)
"""Seconds between which nginx gives up under short-timeout.conf. Its clock stands still while it works, and it counts
from when it read a byte, so this holds of the wire behind it; in front, a busy nginx sends that byte late."""


class Sides(NamedTuple):
    """The two connections that carry one conversation through the proxy."""

    front: Connection
    back: Connection


def key_of(connection: Connection) -> str | None:
    return asked(connection).header("Sec-WebSocket-Key")


def conversations(capture: Capture) -> list[Sides]:
    """The pairs of connections. The proxy passes on Sec-WebSocket-Key, and plain requests with their target."""
    front = [connection for connection in capture.connections if connection.client.address == CLIENT]
    back = {(key_of(c), path_of(c)): c for c in capture.connections if c not in front}
    return [Sides(c, back[key_of(c), path_of(c)]) for c in front]


def only_conversation(name: str) -> Sides:
    (sides,) = conversations(recording(name))
    return sides


def said(connection: Connection) -> list[tuple[Side, int, bytes, bytes | None]]:
    frames = connection.frames
    return sorted((f.sender, f.frame.opcode, f.frame.payload, f.frame.masking_key) for f in frames)


def silences(capture: Capture, connection: Connection) -> list[float]:
    """Seconds between two packets with new bytes, or the first FIN, of a connection."""
    packets = capture.packets[capture.packets["connection"] == connection.index]
    ends = packets[packets["flags"].str.contains("FIN")].head(1)
    moments = pd.concat([packets[packets["new_bytes"] > 0], ends])["time"].sort_values()
    return [gap.total_seconds() for gap in moments.diff().dropna()]


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_of_the_proxy_in_one_file(name: str) -> None:
    capture = recording(name)
    assert capture.packets["time"].is_monotonic_increasing
    ends = {(c.client.address, c.server.address, c.server.port) for c in capture.connections}
    assert ends == {(CLIENT, SERVER, 8080), (BEHIND, UPSTREAM, 8001)}
    assert len(conversations(capture)) == len(capture.connections) / 2


@pytest.mark.parametrize("name", NAMES)
def test_each_wire_is_an_interface(name: str) -> None:
    found = {}
    for interface, source, target in tshark.fields(
        OWN / f"{name}.pcapng", "tcp", "frame.interface_name", "ip.src", "ip.dst"
    ):
        found.setdefault(interface[0], set()).update([source[0], target[0]])
    assert found == {"front": {CLIENT, SERVER}, "back": {BEHIND, UPSTREAM}}


@pytest.mark.parametrize("name", NAMES)
def test_frames_as_tshark_sees_them(name: str) -> None:
    frames = tshark.frames(OWN / f"{name}.pcapng")
    assert our_frames(recording(name)) == frames
    assert (frames == {}) == (name == "nginx_bad")


def test_right_passes_on_the_upgrade_and_then_every_byte() -> None:
    front, back = only_conversation("nginx_ok")
    passed_on = asked(back)
    assert passed_on.version == "HTTP/1.1"
    assert (passed_on.header("Upgrade"), passed_on.header("Connection")) == ("websocket", "upgrade")
    assert key_of(front) == key_of(back) is not None
    accepts = [answered(side).header("Sec-WebSocket-Accept") for side in (front, back)]
    assert accepts[0] == accepts[1] is not None
    assert passed_on.header("Host") == asked(front).header("Host")
    assert said(front) == said(back)
    for side in (front, back):
        assert [m.text for m in side.messages] == [text for text in TEXTS for _ in Side]
        assert side.ending.reports == BOTH_NORMAL
        assert side.ending.by is Side.CLIENT


def test_right_bears_a_silence_that_is_too_long_for_others() -> None:
    capture = recording("nginx_ok")
    assert all(max(silences(capture, connection)) > READ_TIMEOUT[1] for connection in capture.connections)


def test_no_upgrade_is_asked_of_the_server() -> None:
    front, back = only_conversation("nginx_bad")
    request, passed_on = asked(front), asked(back)
    assert (request.header("Upgrade"), request.header("Connection")) == ("websocket", "Upgrade")
    assert (passed_on.header("Upgrade"), passed_on.header("Connection")) == (None, "close")
    assert passed_on.version == "HTTP/1.1"
    hop_by_hop = ("Upgrade", "Connection")
    others = [{field for field in each.headers if field[0] not in hop_by_hop} for each in (request, passed_on)]
    assert others[0] == others[1] and "Sec-WebSocket-Key" in dict(others[0])
    for side in (front, back):
        assert answered(side).status == 426
        assert side.protocol == "http"
    assert front.ending.how == "refused"


def test_idle_is_cut_by_the_proxy_on_both_sides() -> None:
    capture = recording("nginx_idle")
    ((front, back),) = conversations(capture)
    assert (front.ending.by, back.ending.by) == (Side.SERVER, Side.CLIENT)  # on both wires that is nginx
    for side in (front, back):
        assert side.ending.how == "fin"
        assert side.ending.reports == BOTH_ABNORMAL
        assert [m.text for m in side.messages] == [TEXTS[0], TEXTS[0]]
    assert READ_TIMEOUT[0] < silences(capture, back)[-1] < READ_TIMEOUT[1]
    assert said(front) == said(back)


def test_buffered_events_arrive_late_and_together() -> None:
    events = [pair for pair in conversations(recording("nginx_buffered")) if pair.front.protocol == "http"]
    ((front, back),) = events
    assert (asked(front).version, asked(back).version) == ("HTTP/1.1", "HTTP/1.0")
    arrived, left = answered(front), answered(back)
    assert (arrived.header("Transfer-Encoding"), left.header("Transfer-Encoding")) == ("chunked", None)
    assert arrived.body == left.body
    assert all(f"data: {update.text}\n".encode() in arrived.body for update in FEW)
    (sent,), (passed_on,) = back.exchanges, front.exchanges
    assert sent.response_time is not None and sent.end_time is not None
    assert sent.end_time - sent.response_time > 1.5e9  # ns
    assert passed_on.response_time is not None and passed_on.end_time is not None
    assert passed_on.response_time >= sent.end_time
    assert passed_on.end_time - passed_on.response_time < 100e6


def test_messages_pass_the_buffering_proxy_at_once() -> None:
    talks = [pair for pair in conversations(recording("nginx_buffered")) if pair.front.protocol == "websocket"]
    ((front, back),) = talks
    assert [m.text for m in front.messages] == [m.text for m in back.messages] == [update.text for update in FEW]
    for arrived, left in zip(front.messages, back.messages, strict=True):
        assert arrived.time is not None and left.time is not None
        assert 0 <= arrived.time - left.time < 100e6


def test_the_mystery_has_one_answer() -> None:
    """Only the page was silent for as long as the proxy waits; who watches the same and pings was not."""
    capture = recording("mystery")
    pairs = conversations(capture)
    lost = [pair for pair in pairs if pair.front.ending.how != "close"]
    ((front, back),) = lost
    assert front.ending.reports == BOTH_ABNORMAL
    assert (front.ending.by, back.ending.by) == (Side.SERVER, Side.CLIENT)  # the proxy, on both wires
    assert READ_TIMEOUT[0] < silences(capture, back)[-1] < READ_TIMEOUT[1]
    healthy = [pair.front for pair in pairs if pair.front is not front]
    assert len(healthy) == 5
    assert all(max(silences(capture, pair.back)) < READ_TIMEOUT[0] for pair in pairs if pair.back is not back)
    (twin,) = [connection for connection in healthy if path_of(connection) == path_of(front)]
    assert [f.frame.opcode for f in front.frames] == [Opcode.TEXT]
    assert sum(f.frame.opcode == Opcode.PING and f.sender is Side.CLIENT for f in twin.frames) >= 3
    assert len(twin.messages) == 2


def test_the_page_of_the_recordings_does_not_tell_the_answer() -> None:
    mystery = SCENARIOS["mystery"]
    told = " ".join([mystery.title, mystery.what, *mystery.look_at]).lower()
    assert [
        word for word in ("ping", "idle", "silen", "timeout", "time-out", "short", "ferries ") if word in told
    ] == []


def test_the_mystery_has_false_tracks() -> None:
    fronts = [pair.front for pair in conversations(recording("mystery"))]
    assert sorted(code for c in fronts for code in set(c.ending.reports.values())) == [1000] * 4 + [1001, 1006]
    assert [c.ending.by for c in fronts if c.ending.how == "close"] == [Side.CLIENT] * 5
    (spoken,) = [m.text for c in fronts for m in c.messages if m.sender is Side.CLIENT]
    assert spoken == NO_JSON
