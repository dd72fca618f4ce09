"""The relay's memory is bounded: what it records, and what it holds for a side that does not read."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import tracemalloc
from pathlib import Path

import pytest

from tests.capture.build import assert_conserved
from tests.lab.relays import TIMEOUT, connected, echo_server, plain_ends, receive, until
from wsviz import read_capture
from wsviz.lab import relay_link
from wsviz.lab.relay import Relay
from wsviz.lab.relay_recording import EVENT_COST

MIB = 1024 * 1024


def test_at_its_limit_it_goes_on_relaying_and_says_that_it_does_not_record(tmp_path: Path) -> None:
    with echo_server() as port, Relay("127.0.0.1", port, limit=20_000) as relay:
        with connected(relay) as client:
            client.send("recorded")
            assert client.recv() == "recorded"
            assert relay.recording
            client.send("x" * 30_000)
            assert client.recv() == "x" * 30_000
            assert not relay.recording
            client.send("not any more")  # though there were room for it
            assert client.recv() == "not any more"
        with connected(relay) as client:
            client.send("nor another connection")
            assert client.recv() == "nor another connection"
        relay.save(tmp_path / "relay.pcapng")
        assert repr(relay) == (
            f"<Relay 127.0.0.1:{relay.port} -> 127.0.0.1:{port}: 1 connection; "
            "recording stopped at its limit of 20,000 bytes of memory>"
        )
    capture = relay.capture()
    assert [message.text for message in capture.connections[0].messages] == ["recorded", "recorded"]
    assert capture.name.endswith(", stopped at its limit")
    assert b"Recording stopped at its limit of 20,000 bytes" in (tmp_path / "relay.pcapng").read_bytes()
    assert read_capture(tmp_path / "relay.pcapng").packets.equals(capture.packets)
    assert_conserved(capture)


def test_connections_without_a_byte_count_as_well() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Relay("127.0.0.1", listener.getsockname()[1], limit=50 * EVENT_COST) as relay,
    ):
        for _ in range(20):
            with socket.create_connection((relay.host, relay.port), timeout=TIMEOUT):
                listener.accept()[0].close()
        assert not relay.recording
        assert len(relay.capture().connections) < 7


def test_a_side_that_does_not_read_stops_the_other() -> None:
    with plain_ends(limit=MIB) as ends:
        ends.server.setblocking(False)
        sent, part = 0, bytes(65536)
        while select.select([], [ends.server], [], 1.0)[1]:  # nobody takes any of it for a second
            sent += ends.server.send(part)
            assert sent < 64 * MIB, "somebody holds it all"
        assert len(receive(ends.client, sent)) == sent
        ends.server.setblocking(True)
        ends.server.sendall(b"on we go")
        assert receive(ends.client, 8) == b"on we go"


def test_a_flood_takes_little_memory() -> None:
    flood = 48 * MIB
    with plain_ends(limit=MIB) as ends:
        until(lambda: ends.relay._links)
        tracemalloc.start()
        try:
            part, received = bytes(MIB), 0
            ends.client.setblocking(False)
            sent = 0
            while received < flood:
                readable, writable, _ = select.select([ends.server], [ends.client] * (sent < flood), [], TIMEOUT)
                assert readable or writable
                if writable:
                    sent += ends.client.send(part[: flood - sent])
                if readable:
                    received += len(ends.server.recv(MIB))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert received == flood
        assert peak < 8 * MIB
        assert not ends.relay.recording
        assert ends.relay._recording.size <= MIB


def test_a_flood_of_single_bytes_takes_little_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held back by a delay, each of them counts as an object that Python makes of it."""
    monkeypatch.setattr(relay_link, "READ", 1)
    with plain_ends(delay=60, limit=MIB) as ends:
        ends.client.sendall(bytes(4 * relay_link.UNDER_WAY // relay_link.ITEM))
        (link,) = ends.relay._links.values()
        pipe = next(iter(link._pipes.values()))
        until(lambda: pipe._size >= relay_link.UNDER_WAY)
        assert len(pipe._chunks) <= relay_link.UNDER_WAY // relay_link.ITEM + 1


def test_a_flood_does_not_keep_the_others_waiting_nor_a_drop() -> None:
    with (
        plain_ends() as ends,
        echo_server() as port,
        Relay("127.0.0.1", port, background=ends.relay._background) as relay,
        connected(relay) as client,
    ):
        flood = threading.Thread(target=send_for_ever, args=(ends.client,))
        swallow = threading.Thread(target=receive_for_ever, args=(ends.server,))
        flood.start()
        swallow.start()
        for number in range(20):
            client.send(f"{number}")
            assert client.recv(timeout=TIMEOUT) == f"{number}"
        assert ends.relay.drop() == 1
        flood.join(TIMEOUT)
        swallow.join(TIMEOUT)
        assert not flood.is_alive()
        assert not swallow.is_alive()


def send_for_ever(sock: socket.socket) -> None:
    """Send until that fails; FIN from the other side does not stop it."""
    with contextlib.suppress(ConnectionError):
        while True:
            sock.sendall(bytes(65536))


def receive_for_ever(sock: socket.socket) -> None:
    """Receive until there is no more."""
    with contextlib.suppress(ConnectionError):
        while sock.recv(65536):
            pass
