"""Fuzz one target, or all of them in turn, guided by coverage: python -m tests.fuzz.run [TARGET] [SECONDS]

Stops at the first find, whose bytes libFuzzer then writes to a file crash-...; a find becomes a test in
test_targets.py.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str]) -> int:
    """Fuzz the named target here, or each target in a process of its own."""
    name, seconds = (arguments[0] if arguments else "all"), (arguments[1] if len(arguments) > 1 else "60")
    if name != "all":
        return fuzz(name, int(seconds))
    from tests.fuzz.targets import TARGETS  # not before fuzz(), which instruments what it imports

    runs = {target: subprocess.call([sys.executable, "-m", "tests.fuzz.run", target, seconds]) for target in TARGETS}
    print(", ".join(f"{target} {'found something' if status else 'passed'}" for target, status in runs.items()))
    return int(any(runs.values()))


def fuzz(name: str, seconds: int) -> int:
    """Fuzz one target for some seconds; never returns, as libFuzzer ends the process."""
    import atheris

    with atheris.instrument_imports(include=["wsviz"]):  # so nothing of it is imported before
        from tests.fuzz.seeds import seeds
        from tests.fuzz.targets import TARGETS
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds()):
            Path(corpus, str(number)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, corpus], TARGETS[name])
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
