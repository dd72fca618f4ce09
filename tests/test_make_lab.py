"""`make lab`: the course at an address that is printed whole, for this machine and those who know the token."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
NOT_WANTED = {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in NOT_WANTED}
ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/lab/tree/notebooks/00-start-here\.ipynb\?token=([0-9a-f]{48})\s")


@contextmanager
def make_lab() -> Iterator[tuple[int, str]]:
    """Run `make lab` and give the port and token that it prints."""
    with subprocess.Popen(
        ["make", "lab"],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as make:
        try:
            assert make.stdout
            printed = ""
            while not (found := ADDRESS.search(printed)):
                line = make.stdout.readline()
                assert line, f"`make lab` ended without an address:\n{printed}"
                printed += line
            port = int(found[1])
            wait_for(port)
            yield port, found[2]
        finally:
            os.killpg(make.pid, signal.SIGTERM)  # a session of its own: make and Jupyter
            make.communicate(timeout=30)


def wait_for(port: int) -> None:
    """Wait till somebody listens at the port: Jupyter prints its address a moment before it does."""
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 30).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < end, f"nobody listens at port {port}"
            time.sleep(0.05)


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_course_is_served_to_those_with_the_token_and_a_taken_port_is_no_failure() -> None:
    if subprocess.run(["make", "-q", "setup"], cwd=REPOSITORY, env=ENVIRONMENT, check=False).returncode:
        pytest.skip("`make setup` has something to do, which may need the network")
    with socket.socket() as taken:
        with suppress(OSError):  # somebody else has it: as good
            taken.bind(("127.0.0.1", 8888))
            taken.listen()
        with make_lab() as (port, token):
            assert port != 8888
            assert status(port, f"lab?token={token}") == 200
            assert status(port, f"api/contents/captures?token={token}") == 200
            assert status(port, "api/contents/captures") == 403
    with make_lab() as (_, again):
        assert again == token, "a bookmark goes on working"
    assert Path(REPOSITORY, ".venv/lab-token").stat().st_mode & 0o777 == 0o600
