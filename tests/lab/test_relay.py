"""The recording relay: what passes is passed on unchanged, and what was seen reads as any capture does."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.capture.build import assert_conserved
from tests.lab.relays import connected, data_packets, echo_server, plain_ends, receive, until
from wsviz import Frame, Opcode, Side, read_capture
from wsviz.lab.background import Background, LabError
from wsviz.lab.relay import Relay

NOW = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)  # SO_LINGER: close() sends RST
MESSAGES: list[str | bytes] = ["Hello", "", b"\x00\xff", "é" * 63, b"long" * 17_500, "the last"]


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay in front of a WebSocket server that echoes."""
    with echo_server() as port, Relay("127.0.0.1", port) as relay:
        yield relay


@pytest.mark.parametrize("at", ["client", "server"])
def test_a_saved_recording_gives_the_frames_that_were_sent(relay: Relay, tmp_path: Path, at: str) -> None:
    with connected(relay) as client:
        sent: list[bytes] = []
        data_to_send = client.protocol.data_to_send

        def note() -> list[bytes]:
            sent.extend(data := data_to_send())
            return data

        client.protocol.data_to_send = note  # type: ignore[method-assign]
        for message in MESSAGES:
            client.send(message)
            assert client.recv() == message
        client.send(["in ", "pieces"])
        assert client.recv() == "in pieces"
        assert client.ping("there?").wait(30)
    relay.stop()
    relay.save(tmp_path / "relay.pcapng", at)
    capture = read_capture(tmp_path / "relay.pcapng")
    (connection,) = capture.connections
    frames = {side: [frame for frame in connection.frames if frame.sender is side] for side in Side}
    assert b"".join(frame.dissection.raw for frame in frames[Side.CLIENT]) == b"".join(sent)
    assert [frame.frame for frame in frames[Side.SERVER]] == [
        *(Frame.text(message) if isinstance(message, str) else Frame.binary(message) for message in MESSAGES),
        Frame.text("in pieces"),
        Frame.pong(b"there?"),
        Frame.close(1000),
    ]
    opcodes = [frame.frame.opcode for frame in connection.frames]
    assert opcodes[-4:] == [Opcode.PING, Opcode.PONG, Opcode.CLOSE, Opcode.CLOSE]
    assert (connection.ending.by, connection.ending.how) == (Side.CLIENT, "close")
    assert connection.ending.reports == {Side.CLIENT: 1000, Side.SERVER: 1000}
    assert not list(capture.all_findings())
    assert_conserved(capture)


def test_what_is_captured_and_what_is_saved_are_the_same(relay: Relay, tmp_path: Path) -> None:
    with connected(relay) as client:
        client.send("Hello")
        assert client.recv() == "Hello"
    relay.stop()
    relay.save(tmp_path / "relay.pcapng")
    assert relay.capture().packets.equals(read_capture(tmp_path / "relay.pcapng").packets)
    assert relay.capture().name == f"relay 127.0.0.1:{relay.port}"


def test_it_can_be_looked_at_while_traffic_flows(relay: Relay) -> None:
    assert not len(relay.capture().connections)
    with connected(relay) as client:
        for number in range(1, 4):
            client.send(f"message {number}")
            client.recv()
            (connection,) = relay.capture().connections
            texts = [message.text for message in connection.messages]
            assert texts == [f"message {k}" for k in range(1, number + 1) for _ in Side]
            assert connection.ending.how == "open"
            assert "message" in str(relay.capture().messages)


def test_each_side_has_the_ports_that_it_sees(relay: Relay) -> None:
    with connected(relay) as client:
        (beside_client,), (beside_server,) = relay.capture().connections, relay.capture("server").connections
        assert tuple(beside_client.client) == client.local_address
        assert tuple(beside_client.server) == client.remote_address == ("127.0.0.1", relay.port)
        assert tuple(beside_server.server) == relay.target
        assert beside_server.client.port not in (relay.port, relay.target[1], client.local_address[1])


def test_several_connections_are_kept_apart(relay: Relay) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(relay)) for _ in range(5)]
        for number, client in enumerate(clients):
            client.send(f"I am {number}")
        for number, client in reversed(list(enumerate(clients))):
            assert client.recv() == f"I am {number}"
    relay.stop()
    for side in Side:
        capture = relay.capture(side)
        assert sorted([message.text for message in c.messages] for c in capture.connections) == [
            [f"I am {number}"] * 2 for number in range(5)
        ]
        assert {connection.ending.how for connection in capture.connections} == {"close"}
        assert_conserved(capture)
    assert repr(relay).endswith(f"{relay.port} -> 127.0.0.1:{relay.target[1]}, stopped: 5 connections, about "
                                f"{relay._recording.size:,} bytes of memory>")  # fmt: skip


def test_a_half_closed_connection_is_passed_on() -> None:
    with plain_ends() as ends:
        ends.client.sendall(b"all I have to say")
        ends.client.shutdown(socket.SHUT_WR)
        assert receive(ends.server, 100) == b"all I have to say"
        ends.server.sendall(b"and still I answer")
        ends.server.close()
        assert receive(ends.client, 100) == b"and still I answer"
        until(lambda: not ends.relay._links)  # both ended: so did the relay
        for side in Side:
            packets = ends.relay.capture(side).packets
            ended = packets[packets["flags"] == "FIN,ACK"]
            assert ended["sender"].to_list() == ["client", "server"]
            assert packets.groupby("sender")["new_bytes"].sum().to_dict() == {"client": 17, "server": 18}


@pytest.mark.parametrize("resetter", Side)
def test_a_reset_is_passed_on_after_the_bytes_before_it(resetter: Side) -> None:
    with plain_ends() as ends:
        one, other = (ends.client, ends.server) if resetter is Side.CLIENT else (ends.server, ends.client)
        ends.upgrade()
        ends.relay.change(delay=0.2)
        one.sendall(b"the end")
        until(lambda: len(data_packets(ends.relay.capture(resetter), resetter)) == 2)  # the relay has read it
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
        one.close()
        assert receive(other, 7) == b"the end"
        with pytest.raises(ConnectionResetError):
            other.recv(1)
        until(lambda: not ends.relay._links)
        for side in Side:
            ending = ends.relay.capture(side).connections[0].ending
            assert (ending.by, ending.how) == (resetter, "rst")


def ask(relay: Relay) -> bytes:
    """Connect and wait for a byte."""
    with socket.create_connection((relay.host, relay.port), timeout=30) as client:
        return client.recv(1)


def test_a_refused_connection_is_a_reset_and_said_to_be_the_servers() -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        with Relay("127.0.0.1", nobody_listens.getsockname()[1]) as relay:
            with pytest.raises(ConnectionResetError):
                ask(relay)
            until(lambda: not relay._links)
            for side in Side:
                packets = relay.capture(side).packets
                assert packets[["sender", "flags"]].to_numpy().tolist() == [["client", "SYN"], ["server", "RST,ACK"]]


def test_a_target_that_speaks_ipv6_only(tmp_path: Path) -> None:
    try:
        listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener, Relay("::1", listener.getsockname()[1]) as relay:
        with socket.create_connection((relay.host, relay.port), timeout=30) as client:
            server, _ = listener.accept()
            with server:
                client.sendall(b"over six")
                assert receive(server, 8) == b"over six"
        (connection,) = relay.capture("server").connections
        assert (connection.client.address, connection.server.address) == ("::1", "::1")
        listener.close()
        with pytest.raises(ConnectionResetError):
            ask(relay)
        until(lambda: not relay._links)
        assert [str(c.server) for c in relay.capture("server").connections] == [f"[::1]:{relay.target[1]}"] * 2


def test_on_change_is_called_for_what_was_seen() -> None:
    changed = threading.Event()
    with plain_ends(on_change=changed.set) as ends:
        ends.upgrade()
        until(lambda: ends.relay.capture().connections[0].handshake)
        changed.clear()
        ends.server.sendall(b"\x81\x05Hello")
        assert changed.wait(30)
        until(lambda: len(ends.relay.capture().connections[0].messages) == 1)


def test_progress_changes_with_what_is_recorded_and_at_the_end(relay: Relay) -> None:
    assert (nothing := relay.progress) == (True, True, 0, 0)
    with connected(relay) as client:
        until(lambda: relay.capture().connections[0].handshake)
        opened = relay.progress
        assert opened[:2] == (True, True)
        assert opened[2] > nothing[2]
        assert opened[3] == 1
        relay.capture()
        assert relay.progress == opened, "to look at it changes nothing"
        client.send("Hello")
        assert client.recv() == "Hello"
        until(lambda: relay.progress[2] > opened[2])
    relay.stop()
    assert not relay.progress[0]


def test_on_change_that_fails_is_logged_and_hinders_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("the learner's slip")

    with caplog.at_level(logging.ERROR), plain_ends(on_change=fail) as ends:
        ends.upgrade()
    assert "the relay's on_change failed" in caplog.text
    assert "the learner's slip" in caplog.text


def in_use() -> set[object]:
    """The threads that run, and, on Linux, what is open."""
    files = Path("/proc/self/fd")
    names = [file.name for file in files.iterdir() if file.is_symlink()] if files.is_dir() else []
    return {*threading.enumerate(), *(os.readlink(files / name) for name in names if (files / name).is_symlink())}


def test_stop_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        before = in_use()
        relay = Relay("127.0.0.1", listener.getsockname()[1])
        with socket.create_connection((relay.host, relay.port), timeout=30) as client, listener.accept()[0] as server:
            client.sendall(b"Hello")
            assert receive(server, 5) == b"Hello"
            assert len(in_use() - before) > 4
            relay.stop()
            relay.stop()
            assert client.recv(1) == server.recv(1) == b""
        assert in_use() - before == set()
        assert not relay.running
        socket.create_server((relay.host, relay.port)).close()  # the port is free
        assert data_packets(relay.capture(), "client")["payload_length"].to_list() == [5]


def test_it_can_work_in_a_thread_of_the_labs() -> None:
    with echo_server() as port, Background() as background:
        with Relay("127.0.0.1", port, background=background) as relay:
            assert relay._background is background
            with connected(relay) as client:
                client.send("Hello")
                assert client.recv() == "Hello"
        assert background.running
        other = Relay("127.0.0.1", port, background=background)
        with connected(other):
            background.stop()
            assert not other.running
            other.stop()


@pytest.mark.parametrize(
    ("host", "port", "words"),
    [
        ("127.0.0.1", 0, "the target's port is 0, expected a number from 1 to 65535"),
        ("127.0.0.1", 65536, "the target's port is 65536, expected"),
        ("127.0.0.1", "80", "the target's port is '80', expected"),
        ("no such host", 80, "the target 'no such host' has no address: "),
        ("a" * 64 + ".example", 80, "has no address: "),
    ],
)
def test_a_target_that_makes_no_sense(host: str, port: int, words: str) -> None:
    with pytest.raises(LabError, match=words):
        Relay(host, port)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"limit": "16 MB"}, "the limit is '16 MB', expected a whole number, 1 or more"),
        ({"limit": 0}, "the limit is 0, expected"),
        ({"on_change": 5}, "on_change is 5, expected something to call"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(LabError, match=words):
        Relay("127.0.0.1", 80, **settings)


def test_without_a_port_to_listen_on_it_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(address: tuple[str, int]) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    before = set(threading.enumerate())
    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(LabError, match=r"no port of 127\.0\.0\.1 to listen on: Too many open files"):
        Relay("127.0.0.1", 80)
    assert set(threading.enumerate()) <= before


def test_a_side_or_a_path_that_makes_no_sense(relay: Relay, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected 'client' or 'server'"):
        relay.capture("proxy")
    with pytest.raises(LabError, match="No such file or directory"):
        relay.save(tmp_path / "missing" / "relay.pcapng")
