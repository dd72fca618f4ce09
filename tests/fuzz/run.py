"""Fuzz targets in turn, guided by coverage: python -m tests.fuzz.run [all|protocol|captures|TARGET] [SECONDS]

Stops at the first find, whose bytes libFuzzer then writes to a file crash-...; a find becomes a test in
test_targets.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

LONGEST = {"protocol": 4096, "captures": 16384}  # bytes of input, by group


def main(arguments: list[str]) -> int:
    """Fuzz the named target here, or each target of a group in a process of its own."""
    name, seconds = (arguments[0] if arguments else "all"), (arguments[1] if len(arguments) > 1 else "60")
    if name not in ("all", *LONGEST):
        return fuzz(name, int(seconds))
    from tests.fuzz.groups import GROUPS  # not before fuzz(), which instruments what it imports

    targets = [target for group in GROUPS if name in ("all", group) for target in GROUPS[group]]
    runs = {target: subprocess.call([sys.executable, "-m", "tests.fuzz.run", target, seconds]) for target in targets}
    print(", ".join(f"{target} {'found something' if status else 'passed'}" for target, status in runs.items()))
    return int(any(runs.values()))


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target for some seconds; never returns, as libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["wsviz"]):  # so nothing of it is imported before
        from tests.fuzz.groups import GROUPS
    group = next(group for group in GROUPS if name in GROUPS[group])
    target, seeds = GROUPS[group][name]
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST[group]}", "-timeout=30", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, "-verbosity=0", corpus], target)
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
