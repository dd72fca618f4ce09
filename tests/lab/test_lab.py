"""The lab as a notebook starts it: its addresses, its pages, what stands in front of it, and that nothing is left."""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.lab.peers import PATIENCE, eventually
from tests.needs import need
from wsviz import Opcode
from wsviz.lab import Lab
from wsviz.lab.application import GREETING
from wsviz.lab.background import Background, LabError
from wsviz.lab.lab import PAGES


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start(period=3600) as lab:
        yield lab


def join(url: str) -> ClientConnection:
    return connect(url, proxy=None)


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as response:
        return str(response.read().decode())


def sockets() -> list[str]:
    """The sockets that this process has open."""
    links = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(descriptor))
        except FileNotFoundError:  # that of this very listing
            continue
    return sorted(link for link in links if link.startswith("socket:"))


def is_free(port: int) -> bool:
    """Whether a server can have this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is left of closed connections is no server
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def test_it_speaks(lab: Lab) -> None:
    with join(lab.url()) as client:
        assert client.recv(timeout=PATIENCE) == GREETING
        assert repr(lab) == f"<Lab on http://127.0.0.1:{lab.port}: 1 client of /application>"


def test_the_notebook_can_send_to_all(lab: Lab) -> None:
    with join(lab.url()) as one, join(lab.url()) as other:
        assert [client.recv(timeout=PATIENCE) for client in (one, other)] == [GREETING, GREETING]
        assert lab.broadcast("from the notebook") == 2
        assert [client.recv(timeout=PATIENCE) for client in (one, other)] == ["from the notebook"] * 2


def test_addresses_hold_a_token_which_nothing_shows(lab: Lab) -> None:
    token = lab.url("/").split("/")[3]
    assert lab.url("/echo") == lab.url("echo") == f"ws://127.0.0.1:{lab.port}/{token}/echo"
    assert lab.url("/echo", scheme="http") == f"http://127.0.0.1:{lab.port}/{token}/echo"
    assert len(token) == 32
    assert token not in repr(lab) + repr(lab.page())
    with Lab.start() as other:
        assert token not in other.url()
    with pytest.raises(InvalidStatus) as refusal:
        join(f"ws://127.0.0.1:{lab.port}/echo")
    assert refusal.value.response.status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_served_and_framed(lab: Lab, name: str) -> None:
    page = lab.page(name)
    assert fetch(page.url).startswith("<!doctype html>")
    assert f'<iframe src="{page.url}" title=' in page._repr_html_()


def test_an_unknown_page_is_an_error_of_one_line(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"^the lab has no page 'x', expected one of: client, poll, "):
        lab.page("x")


def test_the_mechanisms_and_the_e_mail_change_are_there(lab: Lab) -> None:
    assert json.loads(fetch(lab.url("/email/users", scheme="http")))[1]["name"] == "ada"
    with join(lab.url("/mechanisms/websocket")) as client:
        assert json.loads(client.recv(timeout=PATIENCE))["id"] == 1


def test_a_relay_in_front_records_what_passes_and_keeps_the_token_to_itself() -> None:
    with Lab.start(period=3600) as lab:
        relay = lab.relay()
        with connect(lab.url("/echo", via=relay), origin=f"http://127.0.0.1:{lab.port}", proxy=None) as client:  # type: ignore[arg-type]
            client.send("through the relay")
            assert client.recv(timeout=PATIENCE) == "through the relay"
        eventually(lambda: len(relay.capture().connections[0].frames) == 4, "the relay has seen both Close frames")
        [connection] = relay.capture().connections
        opcodes = [frame.dissection.value.opcode for frame in connection.frames]
        assert opcodes == [Opcode.TEXT, Opcode.TEXT, Opcode.CLOSE, Opcode.CLOSE]
        assert repr(relay) in repr(lab)
        token = lab.url("/").split("/")[3]
        assert token not in relay.capture().exchanges.to_csv()
    assert not relay.running
    assert is_free(relay.port)


def test_nginx_in_front_is_let_in_and_stopped() -> None:
    need("nginx")
    with Lab.start(period=3600) as lab:
        nginx = lab.nginx("right")
        with join(lab.url("/echo", via=nginx)) as client:
            client.send("through nginx")
            assert client.recv(timeout=PATIENCE) == "through nginx"
        with pytest.raises(InvalidStatus):
            join(lab.url("/echo", via=lab.nginx("no-upgrade")))
    assert is_free(nginx.port)


def test_stopping_leaves_no_thread_no_socket_and_no_listener() -> None:
    gc.collect()
    threads, before = set(threading.enumerate()), sockets()
    lab = Lab.start(period=0.05)
    port = lab.port
    with (
        join(lab.url()) as client,
        socket.create_connection(("127.0.0.1", port)),  # a client that says nothing holds nothing up,
        urllib.request.urlopen(lab.url("/mechanisms/stream", scheme="http"), timeout=PATIENCE),  # nor does a stream
    ):
        assert client.recv(timeout=PATIENCE) == GREETING
        assert not is_free(port)
        lab.stop()
        assert repr(lab) == "<Lab, stopped>"
        assert is_free(port)
        with pytest.raises(ConnectionClosedError) as end:
            while True:
                client.recv(timeout=PATIENCE)
    assert end.value.rcvd is not None
    assert end.value.rcvd.code == 1012
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert sockets() == before
    lab.stop()  # once more does no harm
    with pytest.raises(LabError, match="stopped"):
        lab.broadcast("to nobody")


def test_a_stopped_lab_gives_nothing_more() -> None:
    lab = Lab.start(period=3600)
    lab.stop()
    threads = set(threading.enumerate())
    for ask in (lab.url, lab.page, lab.relay, lab.nginx):
        with pytest.raises(LabError, match=r"^this lab has been stopped; Lab\.start\(\) starts a new one$"):
            ask()
    assert set(threading.enumerate()) == threads


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ping_interval": 0}, "the ping interval is 0, expected seconds above 0"),
        ({"ping_interval": -1}, "the ping interval is -1, expected seconds above 0"),
        ({"max_size": 0}, "the length of the longest message is 0, expected a whole number, 1 or more"),
        ({"max_size": "1 MB"}, "the length of the longest message is '1 MB', expected a whole number, 1 or more"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(LabError) as error:
        Lab.start(**settings)
    assert str(error.value) == said


def test_what_cannot_be_shown_or_sent_is_an_error_of_one_line(lab: Lab) -> None:
    with pytest.raises(LabError, match=r"^the message is 5, expected str or bytes$"):
        lab.broadcast(5)  # type: ignore[arg-type]
    with pytest.raises(LabError, match=r"^the height is '10px;', expected a whole number, 1 or more$"):
        lab.page(height="10px;")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("failure", "told"), [(KeyboardInterrupt(), KeyboardInterrupt), (OSError(errno.EMFILE, "whatever"), LabError)]
)
def test_a_start_that_fails_or_is_interrupted_leaves_nothing(
    failure: BaseException, told: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    gc.collect()
    threads, before = set(threading.enumerate()), sockets()

    def fail(_: Background, coroutine: Coroutine[Any, Any, Any]) -> None:
        coroutine.close()
        raise failure

    monkeypatch.setattr(Background, "run", fail)
    with pytest.raises(told, match=r"^the lab cannot start: Too many open files$|^$"):
        Lab.start()
    gc.collect()
    assert set(threading.enumerate()) == threads
    assert sockets() == before


def test_two_labs_at_once_do_not_meet() -> None:
    with Lab.start(period=3600) as one, Lab.start(period=3600) as other:
        assert one.port != other.port
        with join(one.url()) as client:
            assert client.recv(timeout=PATIENCE) == GREETING
            assert other.broadcast("elsewhere") == 0


START = """
from wsviz.lab import Lab
lab = Lab.start()
print(lab.port, flush=True)
{then}
"""


def kernel(then: str) -> tuple[subprocess.Popen[str], int]:
    """Another Python that starts a lab, and the lab's port."""
    command = [sys.executable, "-W", "error", "-c", START.format(then=then)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def test_a_killed_kernel_takes_the_lab_along() -> None:
    process, port = kernel("input()")
    with process:
        assert not is_free(port)
        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        assert is_free(port)


FORK = (
    "import os, sys; os.fork() or sys.exit(); os.wait(); lab.broadcast('still there'); print(lab.running, flush=True)"
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_ends_without_a_word_and_without_the_lab() -> None:
    process, _ = kernel(FORK)
    with process:
        out, error = process.communicate(timeout=PATIENCE)
    assert (out, error, process.returncode) == ("True\n", "", 0)


@pytest.mark.parametrize("then", ["", "1 / 0", "import sys; sys.exit(3)"])
def test_a_kernel_that_ends_stops_its_lab_without_a_word(then: str) -> None:
    process, port = kernel(then)
    with process:
        said = process.communicate(timeout=PATIENCE)[1]
        assert is_free(port)
    assert said.count("Traceback") == (1 if "/" in then else 0)
    assert process.returncode == {"": 0, "1 / 0": 1}.get(then, 3)


def test_importing_the_package_of_the_lab_loads_no_server() -> None:
    code = "import sys, wsviz.lab; print('starlette' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"


def test_without_its_extra_the_lab_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['uvicorn'] = None\ntry: from wsviz.lab import Lab\nexcept Exception as e: print(e)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "the lab needs uvicorn, which is not installed: pip install 'wsviz[lab]'\n"
