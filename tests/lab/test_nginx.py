"""nginx as the lab starts it: each configuration does what its file says, and nothing of it is left."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.lab.relays import echo_server
from tests.needs import need
from wsviz.lab import nginx
from wsviz.lab.background import LabError
from wsviz.lab.nginx import CONFIGURATIONS, FOLDER, Nginx

TIMEOUT = 30.0  # seconds, for what takes milliseconds on an idle machine


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; a test fails if one is left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def talk(port: int, **options: float | None) -> ClientConnection:
    defaults: dict[str, float | None] = {"ping_interval": None, "open_timeout": TIMEOUT}
    return connect(f"ws://127.0.0.1:{port}/websocket", proxy=None, compression=None, **(defaults | options))  # type: ignore[arg-type]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@contextmanager
def streaming_server(go_on: threading.Event) -> Iterator[int]:
    """A server that sends a piece of a response at once, and the rest when it may."""

    class Pieces(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(b"data: 1\n\n")
            go_on.wait(TIMEOUT)
            self.wfile.write(b"data: 2\n\n")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pieces) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_file_for_each_configuration() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {"nginx", *CONFIGURATIONS}


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_nginx_accepts_the_configuration(configuration: str, folder: Path) -> None:
    need("nginx")
    with Nginx.start(configuration, 8001) as proxy:
        (own,) = folder.iterdir()
        check = ["nginx", "-t", "-p", f"{own}/", "-c", "nginx.conf", "-e", "stderr"]
        run = subprocess.run(check, capture_output=True, text=True, check=True)
        assert "test is successful" in run.stderr
        assert "[warn]" not in run.stderr
        assert (own / "site.conf").read_text() == proxy.config
        assert f"listen 127.0.0.1:{proxy.port};" in proxy.config
        assert "proxy_pass http://127.0.0.1:8001;" in proxy.config
        # The version is set, not left to nginx, whose default has changed.
        assert proxy.config.count("proxy_pass") == proxy.config.count("proxy_http_version 1.")


@pytest.mark.parametrize("configuration", ["right", "short-timeout", "buffered"])
def test_websocket_passes(configuration: str) -> None:
    need("nginx")
    with echo_server() as port, Nginx.start(configuration, port) as proxy, talk(proxy.port) as connection:
        connection.send("Hello")
        assert connection.recv(timeout=TIMEOUT) == "Hello"


def test_without_the_upgrade_the_server_refuses() -> None:
    need("nginx")
    with echo_server() as port, Nginx.start("no-upgrade", port) as proxy:
        with pytest.raises(InvalidStatus) as refused:
            talk(proxy.port)
        assert refused.value.response.status_code == 426


def test_a_silent_connection_is_cut_and_a_pinging_one_is_not() -> None:
    need("nginx")
    with (
        echo_server() as port,
        Nginx.start("short-timeout", port) as proxy,
        talk(proxy.port, ping_interval=0.2) as pinging,
        talk(proxy.port) as silent,
    ):
        with pytest.raises(ConnectionClosedError) as cut:
            silent.recv(timeout=TIMEOUT)
        assert cut.value.rcvd is None  # no Close frame: this is 1006
        pinging.send("still here")
        assert pinging.recv(timeout=TIMEOUT) == "still here"


def test_right_passes_on_what_comes_when_it_comes() -> None:
    need("nginx")
    go_on = threading.Event()
    with streaming_server(go_on) as port, Nginx.start("right", port) as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=TIMEOUT)
        client.request("GET", "/")
        response = client.getresponse()
        assert response.readline() == b"data: 1\n"
        go_on.set()
        assert response.read() == b"\ndata: 2\n\n"
        client.close()


def test_buffered_keeps_all_until_the_end() -> None:
    need("nginx")
    go_on = threading.Event()
    with streaming_server(go_on) as port, Nginx.start("buffered", port) as proxy:
        client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=1)
        client.request("GET", "/")
        assert client.sock is not None
        with pytest.raises(TimeoutError):
            client.sock.recv(1, socket.MSG_PEEK)
        go_on.set()
        client.sock.settimeout(TIMEOUT)
        assert client.getresponse().read() == b"data: 1\n\ndata: 2\n\n"
        client.close()


def test_stop_ends_all_and_may_be_called_again() -> None:
    need("nginx")
    proxy = Nginx.start("right", 8001)
    assert is_open(proxy.port)
    assert repr(proxy) == f"<Nginx 'right' on 127.0.0.1:{proxy.port}, in front of 127.0.0.1:8001>"
    proxy.stop()
    proxy.stop()
    assert not is_open(proxy.port)
    assert repr(proxy) == "<Nginx 'right' stopped, in front of 127.0.0.1:8001>"


KERNEL = """
import os, select, sys
from wsviz.lab.nginx import Nginx
proxy = Nginx.start("right", 8001)
if os.fork() == 0:  # as multiprocessing does
    end = select.poll()
    end.register(0, 0)
    end.poll()  # for the end of stdin, without reading from it what the parent waits for
    os._exit(0)
print(proxy.port, flush=True)
sys.stdin.readline()
proxy.stop()
print("stopped", flush=True)
sys.stdin.read()
"""


@contextmanager
def forked_kernel(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another Python that has started nginx and then forked, and nginx's port; the child lives till the end."""
    command, env = [sys.executable, "-c", KERNEL], os.environ | {"TMPDIR": str(folder)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as kernel:
        assert kernel.stdout is not None
        yield kernel, int(kernel.stdout.readline())


def test_nothing_is_left_when_the_kernel_is_killed(folder: Path) -> None:
    need("nginx")
    with forked_kernel(folder) as (kernel, port):
        (own,) = folder.iterdir()
        pid = int((own / "nginx.pid").read_text())
        assert is_open(port)
        kernel.kill()
        wait_until(lambda: not own.exists())
        assert not is_open(port)
        assert not Path(f"/proc/{pid}").exists()


def test_stop_does_not_wait_for_processes_that_were_forked(folder: Path) -> None:
    need("nginx")
    with forked_kernel(folder) as (kernel, port):
        assert kernel.stdin is not None and kernel.stdout is not None
        print(file=kernel.stdin, flush=True)
        assert kernel.stdout.readline() == "stopped\n"
        assert not is_open(port)


def test_a_system_without_room_for_it_is_told_of_and_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    need("nginx")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "whatever")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(LabError, match=r"^nginx cannot be started: Too many open files$"):
        Nginx.start("right", 8001)


def one_line(error: pytest.ExceptionInfo[LabError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_where_nginx_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx.shutil, "which", lambda name, path: None)
    with pytest.raises(LabError) as error:
        Nginx.start("right", 8001)
    assert one_line(error).startswith("nginx is not installed")


def test_a_configuration_that_does_not_exist() -> None:
    with pytest.raises(LabError) as error:
        Nginx.start("wrong", 8001)
    assert one_line(error) == f"no configuration 'wrong', expected one of: {', '.join(CONFIGURATIONS)}"


def test_a_configuration_that_nginx_refuses() -> None:
    need("nginx")
    with pytest.raises(LabError) as error:
        Nginx.start("right", 8001, upstream_host="not a host")
    assert one_line(error).startswith("nginx refuses its configuration: invalid number of arguments")
    assert "site.conf:" in one_line(error)


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    need("nginx")
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(LabError) as error:
            Nginx.start("right", 8001, port=taken)
        assert f"bind() to 127.0.0.1:{taken} failed" in one_line(error)
        free = nginx._free_port("127.0.0.1")
        ports = iter([taken, free])
        monkeypatch.setattr(nginx, "_free_port", lambda host: next(ports))
        with Nginx.start("right", 8001) as proxy:
            assert proxy.port == free
