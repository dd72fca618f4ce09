"""The fuzz targets pass on what they begin with, and on what fuzzing once found."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

FINDS: list[tuple[str, bytes]] = []


@pytest.mark.parametrize("name", TARGETS)
def test_the_examples_of_all_rules_break_no_law(name: str) -> None:
    dice = random.Random(name)
    for seed in seeds():
        TARGETS[name](seed)
        changed = bytearray(seed)
        for _ in range(10 * bool(seed)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
            TARGETS[name](bytes(changed))


def test_finds_stay_mended() -> None:
    for name, data in FINDS:
        TARGETS[name](data)
