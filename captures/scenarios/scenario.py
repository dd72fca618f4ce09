"""What a scenario is, and the addresses that all of them share."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Addresses for documentation (RFC 5737). Chromium counts them as public; to private ones such as 10.0.0.2 it
# refuses the requests of a page that was not downloaded from a private address (Local Network Access).
CLIENT = "192.0.2.1"
SERVER = "192.0.2.2"
PORT = 8080

# Where a proxy stands between, clients talk to it at SERVER:PORT, and it talks from BEHIND to UPSTREAM.
BEHIND = "198.51.100.1"
UPSTREAM = "198.51.100.2"
UPSTREAM_PORT = 8001

READY = "ready"
RESULTS = "RECORDING_RESULTS"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One recording: programs that talk over the wire, and the words that describe their conversation."""

    name: str
    """The stem of the capture file: `echo` is recorded to `echo.pcapng`."""
    title: str
    what: str
    """One paragraph: who talks to whom, and what they say."""
    look_at: tuple[str, ...]
    """What a reader should find in the capture, one sentence each."""
    software: tuple[str, ...]
    """Keys of `catalogue.VERSIONS`: the software whose behaviour the capture shows."""
    server: Callable[[], None]
    """Calls `ready()` once it listens on SERVER and `ports` (behind a proxy: on UPSTREAM:UPSTREAM_PORT), then
    serves until it is terminated."""
    client: Callable[[], None]
    """Holds the whole conversation, then returns. Raises if the conversation did not go as described."""
    tools: tuple[str, ...] = ()
    """Programs that must be installed, beside those that every recording needs."""
    ports: tuple[int, ...] = (PORT,)
    """The TCP ports whose traffic is recorded."""
    faults: tuple[str, ...] = ()
    """Slugs of the rules that this conversation breaks on purpose: wsviz finds these errors in it, and no others."""
    proxy: Callable[[], None] | None = None
    """Calls `ready()` once it listens on SERVER:PORT in front of UPSTREAM:UPSTREAM_PORT. Both wires are recorded."""
    extra: tuple[str, ...] = ()
    """Files beside the capture, such as `NAME.keys`, which the programs leave in `results()`."""
    timeout: float = 60.0
    """Seconds that the conversation may take."""


def ready() -> None:
    """Tell record.py that this program listens; a trial connection would be part of the recording."""
    print(READY, flush=True)


def results() -> Path:
    """The folder where a scenario's programs leave what is kept beside the capture."""
    return Path(os.environ[RESULTS])
