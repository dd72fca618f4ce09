"""A command as a whole process: how long it took, and its peak memory as the kernel counts it."""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


class BenchmarkError(Exception):
    """A command of the benchmark failed; the text says which, and what it complained of."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: seconds on the clock and on the processors, and the most memory it had, in bytes."""

    seconds: float
    processor: float
    peak: int


def measure(command: Sequence[str], output: Path, most: int | None = None) -> Run:
    """Run a command with its output in a file. Raises BenchmarkError where it fails.

    `most` is how many bytes it may allocate, so that one that takes too much does not take the machine.

    Python runs as it does by default, whatever this shell sets: it keeps what it compiled, and buffers its output.
    The kernel counts as the child's what this process holds while it starts it, so this process must stay small:
    nothing here, nor in what imports it, loads numpy.
    """
    with output.open("wb") as file, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=errors,
                cwd=REPOSITORY,
                env=_environment(output.parent),
            )
        except OSError as error:
            raise BenchmarkError(f"{command[0]}: {error.strerror or error}") from error
        if most is not None:
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (most, most))
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
            raise BenchmarkError(
                f"{' '.join(command)}: status {process.returncode}: {said[-1] if said else 'silent'}"
            )
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def _environment(folder: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return plain | {"PYTHONPYCACHEPREFIX": str(folder / "compiled")}
