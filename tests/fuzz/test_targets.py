"""The fuzz targets pass on what they begin with, and on what fuzzing once found."""

from __future__ import annotations

import random

import pytest

from tests.fuzz.capture_targets import LINKS
from tests.fuzz.groups import GROUPS

TARGETS = {name: target for group in GROUPS.values() for name, target in group.items()}
IN_A_TUNNEL = (
    bytes.fromhex("45000055000000004029 000000000000 00000000 60000000 0019 3a40") + bytes(32) + b"\x87" + bytes(24)
)
FINDS: list[tuple[str, bytes]] = [
    ("packet", bytes([LINKS.index(101), 0, len(IN_A_TUNNEL)]) + IN_A_TUNNEL),  # where scapy expects no layer at all
]


@pytest.mark.parametrize("name", TARGETS)
def test_what_it_begins_with_breaks_no_law(name: str) -> None:
    dice, (target, seeds) = random.Random(name), TARGETS[name]
    for seed in seeds():
        target(seed)
        changed = bytearray(seed)
        for _ in range((3 if name in GROUPS["captures"] else 10) * bool(seed)):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
            target(bytes(changed))


def test_finds_stay_mended() -> None:
    for name, data in FINDS:
        TARGETS[name][0](data)
