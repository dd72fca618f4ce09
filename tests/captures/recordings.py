"""The recordings, and their connections by the paths that name them."""

from __future__ import annotations

from tests.capture.files import OWN, capture_of
from wsviz import Side
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.protocol.http_message import Request, Response

CLIENT, SERVER = Side.CLIENT, Side.SERVER


def recording(name: str) -> Capture:
    return capture_of(OWN / f"{name}.pcapng")


def path_of(connection: Connection) -> str:
    return connection.exchanges[0].request.target


def at(capture: Capture, path: str) -> list[Connection]:
    """The connections whose first request names this path, in the order of the capture."""
    return [connection for connection in capture.connections if path_of(connection) == path]


def only(capture: Capture, path: str) -> Connection:
    (connection,) = at(capture, path)
    return connection


def only_connection(name: str) -> Connection:
    (connection,) = recording(name).connections
    return connection


def asked(connection: Connection) -> Request:
    return connection.exchanges[0].request


def answered(connection: Connection) -> Response:
    response = connection.exchanges[0].response
    assert response is not None
    return response


def texts(connection: Connection, sender: Side) -> list[str | None]:
    return [message.text for message in connection.messages if message.sender is sender]


def opcodes(connection: Connection, sender: Side) -> list[int]:
    return [captured.frame.opcode for captured in connection.frames if captured.sender is sender]
