"""Scripts that tell something: each is played by the rules, so that what comes of it stands nowhere but there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Story(NamedTuple):
    title: str
    about: str
    script: str


_URL = "ws://192.0.2.2/chat"

STORIES: Mapping[str, Story] = {
    "conversation": Story(
        "a conversation",
        "From the constructor to the close event: what the object says at each step.",
        f"new {_URL} v2.chat v1.chat\nsend too early\naccept v1.chat\nrun\nsend Grüße\nwait\nwait 3\n"
        "text Hello yourself\nrun\ntype arraybuffer\nbinary 16\nrun\nping\nclose 4000 enough\nwait 4\nrun\n"
        "send too late",
    ),
    "slow server": Story(
        "a server that stops reading",
        "send() takes whatever it is given. The bytes pile up from the far end to the near one.",
        f"new {_URL}\naccept\nrun\nstop\nbuffer 60000\nwait\nwait\nwait\nwait\nwait 10\nsend one more\nclose 1000\n"
        "read\nwait 6\nwait 10\nrun",
    ),
    "lost": Story(
        "a connection that is lost",
        "What had not left the browser never will. Who had called send() is told nothing of it.",
        f"new {_URL}\naccept\nrun\nstop\nbuffer 60000\nwait 10\nlose\nsend is anybody there?\nrun\nsend hello?",
    ),
    "busy page": Story(
        "a page that is busy",
        "Messages and a Close arrive while a script runs. The object hears of them one by one, afterwards.",
        f"new {_URL}\naccept\nrun\ntext one\ntext two\nbye 1001 restarting\nrun\nsend too late?\nrun\nwait 4\n"
        "run all",
    ),
    "refused": Story(
        "a handshake that fails",
        "The server says 403. The script learns that something went wrong, and no more.",
        f"new {_URL}\nrefuse 403\nrun",
    ),
    "wrong arguments": Story(
        "what the object throws for",
        "Wrong addresses, subprotocols and codes are refused at once, by an exception and without a byte.",
        "new ftp://192.0.2.2/chat\nnew ws://192.0.2.2/chat#top\nnew ws://192.0.2.2/chat v1 v1\nnew /chat\naccept\n"
        f"run\nclose 1001\nclose 1000 {'x' * 124}\nclose 3000",
    ),
}
"""The stories by their names."""
