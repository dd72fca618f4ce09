"""The 30 updates that every mechanism delivers: the same texts at the same times, so that costs compare."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

COUNT = 30
SEED = 6455
GAPS = (0.16, 0.17, 0.18, 0.19, 0.21, 0.32)
"""Seconds between two updates: irregular, and independent of the period of any poll."""


@dataclass(frozen=True, slots=True)
class Update:
    """One price tick: `text` becomes known to the server `at` seconds after the client turned up."""

    id: int
    """Counted from 1."""
    at: float
    text: str


def make_updates() -> tuple[Update, ...]:
    """A random walk of a price, always the same one."""
    rng = random.Random(SEED)
    updates = []
    # Polls come at multiples of 10 ms, updates halfway between: on a machine at rest none of them race.
    at, price = 0.005, 100.0
    for number in range(1, COUNT + 1):
        at += rng.choice(GAPS)
        price += rng.randint(-100, 100) / 100
        updates.append(Update(number, at, f'{{"id": {number}, "price": {price:.2f}}}'))
    return tuple(updates)


UPDATES = make_updates()


class Feed:
    """The updates as a server gets to know them. Time starts when the feed is made."""

    def __init__(self, updates: Sequence[Update] = UPDATES) -> None:
        self.updates = updates
        self._start = time.monotonic()

    async def next_within(self, last_id: int, seconds: float) -> Update | None:
        """The update that follows `last_id`, as soon as it is known; None where that takes more than `seconds`.

        With 0 seconds: is it known by now? After the last update there is none to wait for, and this waits in vain.
        """
        update = self.updates[last_id] if last_id < len(self.updates) else None
        until = self._start + update.at - time.monotonic() if update else math.inf
        await asyncio.sleep(max(0.0, min(until, seconds)))
        return update if until <= seconds else None

    async def all(self) -> AsyncIterator[Update]:
        """Every update from the first on, each when it is known."""
        for number in range(len(self.updates)):
            if update := await self.next_within(number, math.inf):
                yield update
