"""The guard: who is turned away, how, and that nothing behind it is reached before."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tests.lab.peers import KEY, PATIENCE, running
from wsviz.lab.guard import Guard

TOKEN = "0123456789abcdef"
SEEN: list[str] = []
"""Paths that the application behind the guard was asked for."""


async def say(request: Request) -> PlainTextResponse:
    SEEN.append(request.url.path + request.scope["raw_path"].decode())
    return PlainTextResponse("inside")


async def welcome(websocket: WebSocket) -> None:
    SEEN.append(websocket.url.path)
    await websocket.accept()
    await websocket.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = Starlette(routes=[Route("/a b", say), Route("/", say), WebSocketRoute("/socket", welcome)])
    guard = Guard(app, token=TOKEN)
    with running(guard) as server:
        guard.admit(server.port)
        yield server.port


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    SEEN.clear()


def ask(port: int, path: str, host: str | None = None, *lines: str, websocket: bool = False) -> str:
    """Send a request as bytes and give all that comes back. `PORT` in a line is the server's."""
    hosts = [f"Host: {host or '127.0.0.1:PORT'}"] if host != "" else []
    upgrade = ["Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13"]
    request = [f"GET {path} HTTP/1.1", *hosts, *lines, *(upgrade if websocket else ["Connection: close"]), "", ""]
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall("\r\n".join(request).replace("PORT", str(port)).encode())
        answer = b""
        # A server that accepts the handshake here closes by a Close frame, and then waits for ours.
        while b"\x88\x02\x03\xe8" not in answer and (chunk := connection.recv(65536)):
            answer += chunk
    return answer.decode("latin-1")


GOOD_HOSTS = (None, "localhost:PORT")
GOOD_LINES = ((), ("Origin: http://127.0.0.1:PORT",), ("Origin: http://localhost:PORT",))


@pytest.mark.parametrize("host", GOOD_HOSTS)
@pytest.mark.parametrize("lines", GOOD_LINES)
def test_the_owner_comes_in(port: int, host: str | None, lines: tuple[str, ...]) -> None:
    assert ask(port, f"/{TOKEN}/a%20b", host, *lines).endswith("\r\n\r\ninside")
    assert ask(port, f"/{TOKEN}/socket", host, *lines, websocket=True).startswith("HTTP/1.1 101 ")
    assert SEEN == ["/a b/a%20b", "/socket"], "the application does not see the token"


BAD_HOSTS = (
    "evil.example",
    "evil.example:PORT",
    "127.0.0.1",
    "127.0.0.1:1",
    "127.0.0.1.evil.example:PORT",
    "[::1]:PORT",
)


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_foreign_host_is_told_so(port: int, host: str, websocket: bool) -> None:
    """As in DNS rebinding: the token may even be right."""
    answer = ask(port, f"/{TOKEN}/socket", host, websocket=websocket)
    assert answer.startswith("HTTP/1.1 421 ")
    assert answer.endswith("\r\n\r\nthe lab has no such host name\n")
    assert not SEEN


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize(
    "lines",
    [
        ("Origin: http://evil.example",),
        ("Origin: https://127.0.0.1:PORT",),
        ("Origin: http://127.0.0.1:8888",),  # JupyterLab frames our pages, but does not speak for them
        ("Origin: null",),
    ],
)
def test_a_page_of_a_foreign_origin_is_turned_away(port: int, lines: tuple[str, ...], websocket: bool) -> None:
    answer = ask(port, f"/{TOKEN}/socket", None, *lines, websocket=websocket)
    assert answer.startswith("HTTP/1.1 403 ")
    assert answer.endswith("\r\n\r\npages of this origin may not use the lab\n")
    assert not SEEN


@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize(
    "path",
    ["/", "/socket", f"/{TOKEN[:-1]}/socket", f"/{TOKEN}0/socket", f"//{TOKEN}/socket", "/%ff%00/", "//", "/é/"],
)
def test_without_the_token_nobody_comes_in(port: int, path: str, websocket: bool) -> None:
    answer = ask(port, path.replace("é", "%C3%A9"), websocket=websocket)
    assert answer.startswith("HTTP/1.1 403 ")
    assert answer.endswith("\nthe address lacks the lab's token: lab.url() has it, or what the server printed\n")
    assert not SEEN


def test_a_request_without_a_path_is_no_fault_of_the_server(port: int) -> None:
    assert ask(port, "*").startswith("HTTP/1.1 403 ")
    assert ask(port, f"http://127.0.0.1:{port}/{TOKEN}/").startswith("HTTP/1.1 403 ")


def test_a_port_is_known_once_it_is_admitted() -> None:
    guard = Guard(Starlette(routes=[Route("/", say)]), token=TOKEN)
    with running(guard) as server:
        assert ask(server.port, f"/{TOKEN}/").startswith("HTTP/1.1 421 ")
        guard.admit(server.port)
        guard.admit(7)
        assert ask(server.port, f"/{TOKEN}/").endswith("inside")
        assert ask(server.port, f"/{TOKEN}/", "127.0.0.1:7", "Origin: http://localhost:PORT").endswith("inside")


def test_browsers_are_told_to_whom_pages_may_talk(port: int) -> None:
    head = ask(port, f"/{TOKEN}/").lower()
    assert "\r\nreferrer-policy: no-referrer\r\n" in head
    assert f"connect-src 'self' http://127.0.0.1:{port} http://localhost:{port} ws://127.0.0.1:{port}" in head
    assert "frame-ancestors 'self' http://127.0.0.1:* http://localhost:*;" in head
