"""What a learner has the relay do to the bytes: delay, cut, merge, drop."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.capture.build import assert_conserved
from tests.lab.relays import connected, data_packets, echo_server, plain_ends, receive, until
from wsviz import Frame, Side
from wsviz.lab.background import LabError
from wsviz.lab.relay import Relay
from wsviz.lab.relay_link import Faults

DELAY = 0.2  # seconds
EARLY = 0.01  # seconds by which the clock of the day and the one that counts waiting may differ


def test_delay_holds_each_chunk_on_each_way() -> None:
    with echo_server() as port, Relay("127.0.0.1", port, delay=DELAY) as relay:
        with connected(relay) as client:
            client.send("Hello")
            assert client.recv() == "Hello"
        seen = {}
        for side in Side:
            frames = relay.capture(side).connections[0].frames
            seen[side] = {frame.sender: frame.time / 1e9 for frame in frames if frame.frame.payload == b"Hello"}
    there = seen[Side.SERVER][Side.CLIENT] - seen[Side.CLIENT][Side.CLIENT]
    back = seen[Side.CLIENT][Side.SERVER] - seen[Side.SERVER][Side.SERVER]
    round_trip = seen[Side.CLIENT][Side.SERVER] - seen[Side.CLIENT][Side.CLIENT]
    assert there >= DELAY - EARLY
    assert back >= DELAY - EARLY
    assert round_trip >= 2 * DELAY - EARLY
    assert round_trip - there - back < 10  # what the server took, however busy the machine


def test_cut_writes_so_many_bytes_at_once() -> None:
    with echo_server() as port, Relay("127.0.0.1", port, cut=1) as relay:
        with connected(relay) as client:
            client.send("Grüße")
            assert client.recv() == "Grüße"
        for side in Side:
            capture = relay.capture(side)
            assert set(data_packets(capture, side.other)["payload_length"]) == {1}
            assert [message.text for message in capture.connections[0].messages] == ["Grüße", "Grüße"]
            assert len(capture.connections[0].frames) == 4
            assert_conserved(capture)


def test_cut_in_other_sizes() -> None:
    with plain_ends(cut=4) as ends:
        ends.client.sendall(b"0123456789")
        assert receive(ends.server, 10) == b"0123456789"
        assert data_packets(ends.relay.capture("server"), "client")["payload_length"].to_list() == [4, 4, 2]


def test_merge_writes_several_frames_as_one_segment() -> None:
    frames = [Frame.text(f"update {number}") for number in range(3)]
    with plain_ends() as ends:
        ends.upgrade()
        ends.relay.change(merge=2.0)
        wire = ends.relay._recording.conversations[0][Side.SERVER]
        for frame in frames:  # each of them is a chunk of its own when it gets to the relay
            seen = len(wire.events)
            ends.server.sendall(frame.serialize())
            until(lambda seen=seen: len(wire.events) > seen)
        length = sum(len(frame.serialize()) for frame in frames)
        assert len(receive(ends.client, length)) == length
        assert len(data_packets(ends.relay.capture("server"), "server")) == 4
        capture = ends.relay.capture()
        (connection,) = capture.connections
        assert data_packets(capture, "server")["payload_length"].to_list()[1:] == [length]
        assert [frame.frame for frame in connection.frames] == frames
        assert len({frame.packets for frame in connection.frames}) == 1


def test_merge_keeps_the_end_behind_the_bytes() -> None:
    with plain_ends(merge=0.2) as ends:
        ends.client.sendall(b"one")
        ends.client.sendall(b"two")
        ends.client.shutdown(socket.SHUT_WR)
        assert receive(ends.server, 100) == b"onetwo"


@pytest.mark.parametrize("reset", [False, True])
def test_drop_ends_both_connections(reset: bool) -> None:
    with echo_server() as port, Relay("127.0.0.1", port) as relay:
        with connected(relay) as client, connected(relay) as other:
            client.send("Hello")
            assert client.recv() == "Hello"
            assert relay.drop(reset=reset) == 2
            for one in (client, other):
                with pytest.raises(ConnectionClosedError):
                    one.recv(timeout=30)
                assert one.close_code == 1006
        for side in Side:  # the relay stands for the other side
            for connection in relay.capture(side).connections:
                ending = connection.ending
                assert (ending.by, ending.how) == (side.other, "rst" if reset else "fin")
                assert ending.reports == {Side.CLIENT: 1006, Side.SERVER: 1006}
        with connected(relay) as client:  # and others may come
            client.send("again")
            assert client.recv() == "again"
            assert relay.drop() == 1
        assert relay.drop() == 0


def test_a_drop_need_not_wait_for_sides_that_do_not_end() -> None:
    with plain_ends(delay=60) as ends:
        ends.client.sendall(b"under way, and lost")
        until(lambda: len(data_packets(ends.relay.capture(), "client")) == 1)
        assert ends.relay.drop() == 1
        assert receive(ends.server, 100) == receive(ends.client, 100) == b""
        for side in Side:
            ending = ends.relay.capture(side).connections[0].ending
            assert (ending.by, ending.how) == (side.other, "fin")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"delay": -1}, "delay is -1, expected seconds from 0 to 60"),
        ({"delay": float("nan")}, "delay is nan, expected"),
        ({"delay": "1"}, "delay is '1', expected"),
        ({"merge": 61}, "merge is 61, expected"),
        ({"cut": 0}, "cut is 0, expected a number of bytes, 1 or more, or None"),
        ({"cut": 1.5}, "cut is 1.5, expected"),
    ],
)
def test_faults_that_make_no_sense(faults: dict[str, Any], words: str) -> None:
    with pytest.raises(LabError, match=words):
        Relay("127.0.0.1", 80, **faults)


def test_change_while_it_runs() -> None:
    with plain_ends(delay=0.1) as ends:
        ends.relay.change(delay=0, cut=2)
        assert ends.relay.faults == Faults(delay=0, cut=2)
        ends.client.sendall(b"Hello")
        assert receive(ends.server, 5) == b"Hello"
        with pytest.raises(LabError, match="delay is -1"):
            ends.relay.change(delay=-1)
        with pytest.raises(LabError, match="jitter: expected some of delay, cut and merge"):
            ends.relay.change(jitter=1)
        assert ends.relay.faults == Faults(delay=0, cut=2)
