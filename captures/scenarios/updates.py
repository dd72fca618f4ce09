"""The 30 updates that every mechanism delivers: the same texts at the same times, so that costs compare."""

import random
import time
from dataclasses import dataclass

COUNT = 30
SEED = 6455
GAPS = (0.16, 0.17, 0.18, 0.19, 0.21, 0.32)
"""Seconds between two updates: irregular, and independent of the period of any poll."""


@dataclass(frozen=True, slots=True)
class Update:
    """One price tick: `text` becomes known to the server `at` seconds after the client turned up."""

    id: int
    at: float
    text: str


def make_updates() -> tuple[Update, ...]:
    """A random walk of a price, always the same one."""
    rng = random.Random(SEED)
    updates = []
    # Polls come at multiples of 10 ms, updates halfway between: no update races with a poll.
    at, price = 0.005, 100.0
    for number in range(1, COUNT + 1):
        at += rng.choice(GAPS)
        price += rng.randint(-100, 100) / 100
        updates.append(Update(number, at, f'{{"id": {number}, "price": {price:.2f}}}'))
    return tuple(updates)


UPDATES = make_updates()
TEXTS = [update.text for update in UPDATES]


class Feed:
    """The updates as a server gets to know them. Time starts when the feed is made."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def next_after(self, last_id: int) -> Update | None:
        """The oldest update that is newer than `last_id`, if its time has come. Ids start at 1."""
        if last_id >= COUNT:
            return None
        update = UPDATES[last_id]
        return update if self.seconds_until(update) <= 0 else None

    def wait_for(self, update: Update) -> None:
        time.sleep(max(0.0, self.seconds_until(update)))

    def seconds_until(self, update: Update) -> float:
        return self.start + update.at - time.monotonic()


def expect_all(received: list[str]) -> None:
    """A recording is only worth keeping if it delivered each update exactly once, in order."""
    if received != TEXTS:
        raise ValueError(f"the page received {received}, expected {TEXTS}")
