"""What a scenario is, and the addresses that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass

# Addresses for documentation (RFC 5737). Chromium counts them as public; to private ones such as 10.0.0.2 it
# refuses the requests of a page that was not downloaded from a private address (Local Network Access).
CLIENT = "192.0.2.1"
SERVER = "192.0.2.2"
PORT = 8080

READY = "ready"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One recording: two programs that talk over the wire, and the words that describe their conversation."""

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
    """Calls `ready()` once it listens on SERVER:PORT, then serves until it is terminated."""
    client: Callable[[], None]
    """Holds the whole conversation, then returns. Raises if the conversation did not go as described."""
    tools: tuple[str, ...] = ()
    """Programs that must be installed, beside those that every recording needs."""


def ready() -> None:
    """Tell record.py that the server listens; a trial connection would be part of the recording."""
    print(READY, flush=True)
