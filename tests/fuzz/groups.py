"""All fuzz targets by group, each with what gives the bytes that it begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from tests.fuzz.capture_targets import CAPTURE_TARGETS, capture_seeds
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

Target = tuple[Callable[[bytes], None], Callable[[], Iterable[bytes]]]
GROUPS: dict[str, dict[str, Target]] = {
    "protocol": {name: (target, seeds) for name, target in TARGETS.items()},
    "captures": {name: (target, partial(capture_seeds, name)) for name, target in CAPTURE_TARGETS.items()},
}
