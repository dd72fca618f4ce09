"""Servers and sockets on both sides of a relay."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pandas as pd
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.sync.server import ServerConnection, serve

from tests.capture.build import REQUEST, RESPONSE
from wsviz.capture.capture import Capture
from wsviz.lab.relay import Relay

TIMEOUT = 30.0  # seconds, for what takes milliseconds on an idle machine


def echo(connection: ServerConnection) -> None:
    """Send every message back."""
    with suppress(ConnectionClosed):
        for message in connection:
            connection.send(message)


@contextmanager
def echo_server() -> Iterator[int]:
    """A WebSocket server that echoes, and its port; it has no extension, and sends no pings."""
    with serve(echo, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.socket.getsockname()[1]
        finally:
            server.shutdown()
            thread.join()


def connected(relay: Relay, **options: Any) -> ClientConnection:
    """A WebSocket client, connected through the relay."""
    url = f"ws://{relay.host}:{relay.port}/chat"
    return connect(url, compression=None, ping_interval=None, proxy=None, open_timeout=TIMEOUT, **options)


@dataclass(slots=True)
class Ends:
    """A relay with a plain socket on either side of it, connected through it."""

    relay: Relay
    client: socket.socket
    server: socket.socket

    def upgrade(self) -> None:
        """The opening handshake of WebSocket."""
        self.client.sendall(REQUEST)
        assert receive(self.server, len(REQUEST)) == REQUEST
        self.server.sendall(RESPONSE)
        assert receive(self.client, len(RESPONSE)) == RESPONSE


@contextmanager
def plain_ends(**options: Any) -> Iterator[Ends]:
    """A relay, made with these options, and both ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(TIMEOUT)
        with (
            Relay("127.0.0.1", listener.getsockname()[1], **options) as relay,
            socket.create_connection((relay.host, relay.port), timeout=TIMEOUT) as client,
            listener.accept()[0] as server,
        ):
            server.settimeout(TIMEOUT)
            yield Ends(relay, client, server)


def receive(sock: socket.socket, size: int) -> bytes:
    """So many bytes, or those up to the end of the stream."""
    data = b""
    while len(data) < size and (part := sock.recv(size - len(data))):
        data += part
    return data


def data_packets(capture: Capture, sender: str) -> pd.DataFrame:
    """The packets with data from one side."""
    table = capture.packets
    return table[(table["sender"] == sender) & (table["payload_length"] > 0)]


def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.01)
