"""nginx as a reverse proxy in front of one of the lab's servers, configured right and wrong.

The configurations are the files of the folder `nginx` beside this module; `nginx.conf` there is the frame around
each of them. nginx runs as one process of the caller's own user, on the loopback unless told otherwise, and keeps its
files in a folder of its own, which goes with it.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import string
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from wsviz.lab.background import LabError, Stoppable, cause

FOLDER = Path(__file__).parent / "nginx"
FRAME = FOLDER / "nginx.conf"
CONFIGURATIONS = ("right", "no-upgrade", "short-timeout", "buffered")
KEEPER = Path(__file__).parent / "keeper.py"
LOOPBACK = "127.0.0.1"
START_TIMEOUT = 15.0
"""Seconds that nginx may take until it listens; milliseconds where nothing else keeps the machine busy."""
STOP_TIMEOUT = 15.0
ATTEMPTS = 5
"""A free port can be taken by another program before nginx has it; then another one is tried."""


class Template(string.Template):
    """`@listen` and `@upstream` are places to fill in: `$` marks the variables of nginx."""

    delimiter = "@"


class PortTaken(LabError):
    """Another program listens on this port."""


class Nginx(Stoppable):
    """A running nginx. Ended by `stop()`, by leaving a `with` block, and when this process ends in whatever way."""

    def __init__(self, configuration: str, listen: tuple[str, int], upstream: tuple[str, int]) -> None:
        """Start it, and return when it listens; `start()` is the usual way in."""
        program = _program()
        self.configuration, self.host, self.port = configuration, *listen
        addresses = {"listen": "{}:{}".format(*listen), "upstream": "{}:{}".format(*upstream)}
        self.config = Template((FOLDER / f"{configuration}.conf").read_text()).substitute(addresses)
        """The text of the configuration, as nginx reads it."""
        self._upstream = addresses["upstream"]
        self._folder = Path(tempfile.mkdtemp(prefix="wsviz-nginx-"))
        try:
            shutil.copy(FRAME, self._folder)
            (self._folder / "site.conf").write_text(self.config)
            self._keeper = _keep(self._folder, program)
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        try:
            _wait_until_listening(self._folder)
        except BaseException:
            self.stop()
            raise

    @classmethod
    def start(
        cls,
        configuration: str,
        upstream: int,
        *,
        upstream_host: str = LOOPBACK,
        host: str = LOOPBACK,
        port: int | None = None,
    ) -> Self:
        """Start nginx in front of a server that listens on the port `upstream`.

        `configuration` is one of CONFIGURATIONS. Without `port`, nginx gets a free one. Raises LabError where nginx
        is not installed, refuses the configuration, cannot have the port, or the system has no room for it.
        """
        if configuration not in CONFIGURATIONS:
            raise LabError(f"no configuration {configuration!r}, expected one of: {', '.join(CONFIGURATIONS)}")
        attempts = ATTEMPTS if port is None else 1
        while True:
            try:
                return cls(configuration, (host, port or _free_port(host)), (upstream_host, upstream))
            except PortTaken:
                attempts -= 1
                if not attempts:
                    raise
            except OSError as error:
                raise LabError(f"nginx cannot be started: {cause(error)}") from None

    def stop(self) -> None:
        """End nginx and remove its folder. May be called again."""
        pipe = self._keeper.stdin
        assert pipe is not None
        if not pipe.closed:
            with suppress(BrokenPipeError):  # the keeper has ended already
                pipe.write(b"stop")
                pipe.close()
        self._keeper.wait(STOP_TIMEOUT)

    def __repr__(self) -> str:
        state = "stopped" if self._keeper.returncode is not None else f"on {self.host}:{self.port}"
        return f"<Nginx {self.configuration!r} {state}, in front of {self._upstream}>"


def _program() -> str:
    # Debian keeps nginx where only root's PATH leads.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("nginx", path=path)
    if found is None:
        raise LabError("nginx is not installed; on Debian and Ubuntu: sudo apt install nginx")
    return found


def _free_port(host: str) -> int:
    with socket.socket() as free:
        free.bind((host, 0))
        port: int = free.getsockname()[1]
        return port


def _keep(folder: Path, program: str) -> subprocess.Popen[bytes]:
    nginx = [program, "-p", f"{folder}/", "-c", "nginx.conf", "-e", "error.log"]
    # A session of its own: Ctrl-C in a terminal, and a kernel's interrupt, are not meant for nginx.
    return subprocess.Popen(
        [sys.executable, "-I", str(KEEPER), str(folder), *nginx],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_until_listening(folder: Path) -> None:
    """Wait for the file with nginx's process id: nginx writes it when it listens."""
    deadline = time.monotonic() + START_TIMEOUT
    while not (folder / "nginx.pid").exists():
        if refusal := _refusal(folder):
            raise refusal
        if time.monotonic() > deadline:
            raise LabError(f"nginx does not listen after {START_TIMEOUT:.0f} seconds")
        time.sleep(0.01)


def _refusal(folder: Path) -> LabError | None:
    """What nginx has to say against its configuration, in one line."""
    log = folder / "error.log"
    text = log.read_text(errors="replace") if log.exists() else ""
    # 2026/11/22 00:02:14 [emerg] 1234#1234: unknown directive "prxy_pass" in /tmp/wsviz-nginx-x/site.conf:4
    found = re.search(r"\[emerg\] \d+#\d+: (.+)\n", text)
    if found is None:
        return None
    message = found[1].replace(f"{folder}/", "")
    if "Address already in use" in message:
        return PortTaken(f"nginx cannot listen: {message}")
    return LabError(f"nginx refuses its configuration: {message}")
