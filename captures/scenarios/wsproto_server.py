"""A server of wsproto, which leaves the sockets to its user: what it sends in one call is up to us."""

import socket
import threading
from collections.abc import Iterator

from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

from .scenario import SERVER
from .sides import TIMEOUT


def start_wsproto(port: int, welcome: str = "") -> None:
    """Listen, and serve one connection after the other in the background. `welcome` goes out with each 101."""
    listening = socket.create_server((SERVER, port))
    threading.Thread(target=serve_in_turn, args=(listening, welcome), daemon=True).start()


def serve_in_turn(listening: socket.socket, welcome: str) -> None:
    while True:
        connection, _ = listening.accept()
        connection.settimeout(TIMEOUT)
        with connection:
            converse(connection, welcome)


def converse(connection: socket.socket, welcome: str) -> None:
    protocol = WSConnection(ConnectionType.SERVER)
    while protocol.state in (ConnectionState.CONNECTING, ConnectionState.OPEN):
        data = connection.recv(65536)
        if not data:
            return
        connection.sendall(b"".join(replies(protocol, data, welcome)))


def replies(protocol: WSConnection, data: bytes, welcome: str) -> Iterator[bytes]:
    try:
        protocol.receive_data(data)
    except RemoteProtocolError as error:
        if error.event_hint is not None:  # how wsproto would refuse the handshake
            yield protocol.send(error.event_hint)
        return
    for event in protocol.events():
        if isinstance(event, Request):
            yield protocol.send(AcceptConnection())
            if welcome:
                yield protocol.send(TextMessage(welcome))
        elif isinstance(event, CloseConnection):
            yield protocol.send(event.response())
