"""The console client and the server of `python -m wsviz.lab`, as processes that a terminal would run."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.sync.client import connect

from tests.lab.peers import PATIENCE, Running, running
from wsviz.lab.application import application

COMMAND = (sys.executable, "-W", "error", "-m", "wsviz.lab")


async def attack(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("\x1b]0;title\x07\x1b[31mred\r\n\u202eforged")
    await websocket.send_bytes(bytes(range(8)))
    await websocket.send_text("long" * 10_000)
    await websocket.close(4000, "\x1b[2Jbye")


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    routes = [WebSocketRoute("/attack", attack)]
    with running(application(period=3600, origins=[], routes=routes)) as server:
        yield server


@contextmanager
def client(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, "connect", *arguments], text=True, encoding="utf-8", **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def run(*arguments: str, typed: str = "") -> tuple[int, list[str], str]:
    """Run the client; its status, its lines without the times, and its errors."""
    with client(*arguments) as process:
        out, errors = process.communicate(typed, timeout=PATIENCE)
    lines = out.splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d\.\d\d\d [→←·] ", line) for line in lines)
    return process.returncode, [line[13:] for line in lines], errors


def read_until(process: subprocess.Popen[str], sign: str) -> str:
    """Read lines until one holds `sign`."""
    assert process.stdout is not None
    for line in process.stdout:
        if sign in line:
            return line
    raise AssertionError(f"the client ends without {sign!r}")


def test_what_is_typed_is_sent_and_what_comes_is_printed(server: Running) -> None:
    with client(server.url("/application")) as process:
        assert process.stdin is not None
        assert "· open, subprotocol wsviz.demo" in read_until(process, "open")
        assert "→ one-time message from the client" in read_until(process, "→")
        process.stdin.write("Hello, Wörld\n")
        process.stdin.flush()
        read_until(process, "→ Hello, Wörld")
        read_until(process, "← Hello, Wörld")
        process.stdin.close()  # as Ctrl-D does
        assert "· closed, code 1000" in read_until(process, "closed")
        assert process.wait(PATIENCE) == 0


def test_ctrl_c_closes_with_1000_too(server: Running) -> None:
    with client(server.url("/application")) as process:
        read_until(process, "← one-time message from the client")
        process.send_signal(signal.SIGINT)
        assert "· closed, code 1000" in read_until(process, "closed")
        assert process.wait(PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_the_greeting_and_the_subprotocols_are_options(server: Running) -> None:
    status, lines, errors = run(
        server.url("/echo"), "--greeting=", "--subprotocol=other", typed="last, without its end"
    )
    assert (status, errors) == (0, "")
    assert lines[:2] == ["· open, no subprotocol", "→ last, without its end"]
    assert lines[-1] == "· closed, code 1000"


def test_what_the_server_says_does_nothing_to_the_terminal(server: Running) -> None:
    # The input stays open, so it is the server's Close that ends it.
    with client(server.url("/attack"), "--greeting=") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = [line[13:].removesuffix("\n") for line in process.stdout]
        errors = process.stderr.read()
        status = process.wait(PATIENCE)
    assert lines[1] == r"← \x1b]0;title\x07\x1b[31mred\x0d\x0a\u202eforged"
    assert lines[2] == "← 8 bytes: 00 01 02 03 04 05 06 07"
    assert lines[3].endswith("longlon…")
    assert len(lines[3]) < 2100
    assert errors == 'wsviz.lab: the connection ended badly: code 4000, reason "\\x1b[2Jbye"\n'
    assert status == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ws://127.0.0.1:{free}/echo"], "cannot connect: Connection refused"),
        (["ws://127.0.0.1:{port}/nowhere"], "the server answers 404, expected 101: there is nothing at this address"),
        (["http://127.0.0.1:{port}/echo"], "this is no WebSocket address; one looks like ws://127.0.0.1:8000/echo"),
        (["ws://:{port}"], "this is no WebSocket address; one looks like ws://127.0.0.1:8000/echo"),
        (["ws://127.0.0.1:{port}/echo", "--subprotocol", "a, b"], '"a, b" cannot name a subprotocol'),
    ],
)
def test_errors_are_one_line_and_status_1(server: Running, arguments: list[str], said: str) -> None:
    with socket.socket() as taken:  # bound, but nobody listens
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
        status, lines, errors = run(*(argument.format(port=server.port, free=free) for argument in arguments))
    assert (status, lines) == (1, [])
    assert errors.startswith(f"wsviz.lab: {said}")
    assert errors.count("\n") == 1


def test_a_server_that_is_none_is_an_error_of_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with client(f"ws://127.0.0.1:{listening.getsockname()[1]}/") as process:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"220 mail.example ESMTP\r\n")
            _, errors = process.communicate("", PATIENCE)
        assert process.returncode == 1
        assert errors.startswith("wsviz.lab: cannot connect: ")
        assert errors.count("\n") == 1


@contextmanager
def serving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the server; the process and the address of its page."""
    command = [*COMMAND, "serve", "--port=0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def test_the_server_runs_until_ctrl_c_and_logs_what_happens() -> None:
    with serving("--period=3600") as (process, address):
        place = address.replace("http:", "ws:").replace("client.html", "echo")
        own, foreign = address.removesuffix("/client.html"), "http://evil.example"
        with connect(place, origin=own, proxy=None) as one:  # type: ignore[arg-type]
            one.send("Hello")
            assert one.recv(timeout=PATIENCE) == "Hello"
        assert run(place, typed="")[0] == 0
        with pytest.raises(Exception, match="403"), connect(place, origin=foreign, proxy=None):  # type: ignore[arg-type]
            pass
        process.send_signal(signal.SIGINT)
        _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert 'connects to "/echo"' in log
    assert 'says "Hello"' in log
    assert 'a page from "http://evil.example" is refused' in log
    assert "Traceback" not in log


def test_the_server_is_guarded_when_asked() -> None:
    with serving("--guard") as (_, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[0-9a-f]{32}/client\.html", address)
        place = address.replace("http:", "ws:").replace("client.html", "echo")
        assert run(place, typed="")[0] == 0
        bare = re.sub(r"/[0-9a-f]{32}", "", place)
        assert run(bare)[2].startswith("wsviz.lab: the server answers 403, expected 101: the address lacks")


@pytest.mark.parametrize(
    ("option", "status", "said"),
    [
        ("--port=65536", 2, "65536 is no port"),
        ("--port=x", 2, "x is no port"),
        ("--room=0", 2, "0 is no count"),
        ("--period=0", 1, "the period is 0.0, expected seconds above 0"),
        ("--host=no.such.host.invalid", 1, "cannot listen on no.such.host.invalid"),
    ],
)
def test_options_that_make_no_sense_are_refused(option: str, status: int, said: str) -> None:
    command = [*COMMAND, "serve", "--port=0", option]
    process = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert process.returncode == status
    assert said in process.stderr
    assert "Traceback" not in process.stderr


def test_a_port_that_is_taken_is_an_error_of_one_line(server: Running) -> None:
    command = [*COMMAND, "serve", f"--port={server.port}"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert process.returncode == 1
    said = f"wsviz.lab: cannot listen on 127.0.0.1, port {server.port}: Address already in use\n"
    assert process.stderr == said
