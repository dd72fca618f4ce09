"""What a Ladder needs to grow: it looks at a relay again and again, in the event loop of the notebook. No thread.

A look is cheap while nothing passes. It stops for good when the relay was stopped or has seen more than can be drawn
while it grows, and pauses where no page has shown a sign of life for a while: a page that comes back wakes it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable
from typing import Protocol, runtime_checkable

from wsviz.capture.capture import Capture
from wsviz.figures.figure import clip, plain
from wsviz.figures.ladder_steps import Step
from wsviz.figures.ladder_view import LadderView, Lane
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import count

EVERY = 0.25  # seconds from one look to the next, at least
SHARE = 4  # a look that took long is followed by a pause of so many times its length
UNSEEN = 150  # seconds without a page; browsers let hidden ones act once a minute
PACKETS = 1000  # about a second's work, at each look
NOTHING_YET = LadderView(
    "No connection yet",
    (Lane("client", ""), Lane("server", "")),
    packets=0,
    size=0,
    steps=(Step((0, 0, 0), "note", "nothing has passed through the relay so far"),),
    duration=0,
    undrawn=0,
    total=1,
)
"""What is drawn before the first client comes."""


@runtime_checkable
class Watchable(Protocol):
    """What a live ladder asks of a relay, such as `wsviz.lab.relay.Relay`."""

    @property
    def running(self) -> bool:
        """Whether more can come."""

    @property
    def recording(self) -> bool:
        """Whether there is memory left for it."""

    @property
    def progress(self) -> Hashable:
        """What changes when more is recorded, or when no more can be; asked for several times a second."""

    def capture(self) -> Capture:
        """All so far."""


class Live:
    """Follows a relay, and calls `grown` when there is something new: in `capture`, or in `words`."""

    def __init__(self, relay: Watchable, grown: Callable[[], None]) -> None:
        self._relay, self._grown = relay, grown
        self._task: asyncio.Task[None] | None = None
        self._seen = relay.progress
        self._beat = 0.0
        self.over = False
        self.capture, self.words = relay.capture(), "live: grows as bytes pass"
        self._judge()

    def wake(self) -> None:
        """Somebody is there: follow, if there is an event loop to do it in and more can come."""
        self._beat = time.monotonic()
        if self.over or (self._task is not None and not self._task.done()):
            return
        try:
            self._task = asyncio.get_running_loop().create_task(self._follow())
        except RuntimeError:
            self.words = "as of now: only in a notebook does it grow"

    def stop(self, words: str = "no longer followed") -> None:
        """Follow no more; what was seen stays."""
        if not self.over:
            self.over, self.words = True, words
            if self._task is not None:
                self._task.cancel()
            self._grown()

    def look(self) -> None:
        """See whether there is something new."""
        if self.over or (progress := self._relay.progress) == self._seen:
            return
        try:
            self.capture, self._seen = self._relay.capture(), progress
        except WsvizError as error:
            self.over, self.words = True, clip(f"the relay does not answer: {plain(str(error))}", 100)
        else:
            self._judge()
        self._grown()

    async def _follow(self) -> None:
        wait = EVERY
        while not self.over and time.monotonic() - self._beat < UNSEEN:
            await asyncio.sleep(wait)
            start = time.monotonic()
            self.look()
            wait = max(EVERY, SHARE * (time.monotonic() - start))

    def _judge(self) -> None:
        """Whether this is the end of it."""
        limit = count(PACKETS, "packet")
        for over, words in (
            (not self._relay.running, "the relay has been stopped: this is all that it saw"),
            (not self._relay.recording, "the relay's recording is full: this is all that it saw"),
            (self.capture.packet_count > PACKETS, f"no longer live after {limit}: relay.capture() has them all"),
        ):
            if over:
                self.over, self.words = True, words
                return
