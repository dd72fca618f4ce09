"""What was measured, as Markdown: ratios, verdicts, what remains, and the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.measure import Run
from benchmarks.tools import SCAPY_WALK, TSHARK_FRAMES, TSHARK_TEXTS, WSVIZ_FRAMES, WSVIZ_MESSAGES, Found, Tool

FULL_SIZE = 1_000_000  # packets, for which the goals are set
_LINEAR = 1.2  # how much longer a packet may take in a larger capture
_PEERS = {"frames": TSHARK_FRAMES, "messages": TSHARK_TEXTS, "walk": WSVIZ_FRAMES}


@dataclass(slots=True)
class Measured:
    """One tool on one capture: its runs, in the order of the rounds, and what it found."""

    tool: Tool
    runs: list[Run] = field(default_factory=list)
    found: Found = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def middle(self, value: Callable[[Run], float]) -> float:
        """The median of a value of the runs."""
        return median(map(value, self.runs))


@dataclass(slots=True)
class Measurement:
    """All tools on one capture. `truth` is what the generator wrote."""

    capture: Path
    truth: Found
    tools: list[Measured]
    wrong: list[str] = field(default_factory=list)  # what the closer look at wsviz's results found

    @property
    def name(self) -> str:
        """What the capture is called in tables."""
        return f"{self.truth['shape']}, {self.truth['packets']:,} packets"

    @property
    def faults(self) -> list[str]:
        """What is wrong in the results of the tools that have to be right: a sentence each."""
        exact = (one for one in self.tools if one.tool.exact)
        return self.wrong + [f"{one.tool.name}: {fault}" for one in exact for fault in one.wrong]

    def of(self, tool: Tool) -> Measured:
        """The measurements of a tool. Raises StopIteration where it did not run."""
        return next(one for one in self.tools if one.tool is tool)

    def ran(self, tool: Tool) -> bool:
        """Whether the tool ran on this capture."""
        return any(one.tool is tool for one in self.tools)


@dataclass(frozen=True, slots=True)
class Export:
    """A large capture, written as a table; `bound` is how much memory that may take, in bytes.

    `run` is None where it failed.
    """

    truth: Found
    run: Run | None
    bound: int
    wrong: list[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A goal, and what was reached."""

    goal: str
    reached: str
    met: bool


def ratios(slow: Measured, quick: Measured, value: Callable[[Run], float]) -> list[float]:
    """How many times as long the one took as the other, round by round."""
    return [value(one) / max(value(other), 1e-9) for one, other in zip(slow.runs, quick.runs, strict=True)]


def seconds(run: Run) -> float:
    """The run's time on the clock."""
    return run.seconds


def processor(run: Run) -> float:
    """The run's time on the processors."""
    return run.processor


def verdicts(measurements: Sequence[Measurement], export: Export | None) -> list[Verdict]:
    """Each goal with what was reached: those of the largest mixed capture first."""
    mixed = sorted(
        (one for one in measurements if one.truth["shape"] == "mixed"), key=lambda one: one.truth["packets"]
    )
    found = list[Verdict]()
    if mixed:
        found += _on_the_largest(mixed[-1])
        found += [_than_scapy(walked, mixed[-1]) for walked in [one for one in mixed if one.ran(SCAPY_WALK)][-1:]]
    for one in measurements:
        if not mixed or one is not mixed[-1]:
            found += [_at_least(3, one, *pair) for pair in _AGAINST_TSHARK]
    for small, large in pairwise(mixed):
        found += [_linear(small, large, tool) for tool in (WSVIZ_FRAMES, WSVIZ_MESSAGES)]
    if export is not None:
        found.append(_bounded(export))
    return found


_AGAINST_TSHARK = ((TSHARK_FRAMES, WSVIZ_FRAMES), (TSHARK_TEXTS, WSVIZ_MESSAGES))


def _on_the_largest(one: Measurement) -> Iterator[Verdict]:
    for least, pair in zip((30, 15), _AGAINST_TSHARK, strict=True):
        yield _at_least(least, one, *pair)
    for tool in (WSVIZ_FRAMES, WSVIZ_MESSAGES):
        share = one.of(tool).middle(lambda run: run.peak) / one.truth["file_bytes"]
        yield Verdict(f"{one.name}: {tool.name} within 0.8 of the file's size", f"{share:.2f}", share <= 0.8)


def _at_least(least: float, one: Measurement, slow: Tool, quick: Tool) -> Verdict:
    ratio = median(ratios(one.of(slow), one.of(quick), seconds))
    peer = slow.name.partition(",")[0]
    return Verdict(
        f"{one.name}: {quick.name} at least {least} x as quick as {peer}", f"{ratio:.1f} x", ratio >= least
    )


def _than_scapy(walked: Measurement, largest: Measurement) -> Verdict:
    """Scapy is linear, so its time for a packet is taken from the largest capture that it walked."""
    slow = walked.of(SCAPY_WALK).middle(seconds) / walked.truth["packets"]
    ratio = slow / (largest.of(WSVIZ_FRAMES).middle(seconds) / largest.truth["packets"])
    goal = (
        f"{largest.name}: {WSVIZ_FRAMES.name} at least 150 x as quick, a packet, as scapy's reader with "
        f"{walked.truth['packets']:,}"
    )
    return Verdict(goal, f"{ratio:.1f} x", ratio >= 150)


def _linear(small: Measurement, large: Measurement, tool: Tool) -> Verdict:
    before, after = (one.of(tool).middle(seconds) / one.truth["packets"] for one in (small, large))
    goal = f"{large.name}: {tool.name} takes at most {_LINEAR} x as long a packet as with {small.truth['packets']:,}"
    return Verdict(goal, f"{after / before:.2f} x", after / before <= _LINEAR)


def _bounded(export: Export) -> Verdict:
    size = export.truth["file_bytes"]
    goal = f"a capture of {size / 1e9:.3g} GB written as a table within {export.bound >> 20} MiB"
    if export.run is None:
        return Verdict(goal, "it failed", False)
    peak = export.run.peak
    return Verdict(goal, f"{peak / 2**20:.0f} MiB, {peak / size:.2f} of the file", peak <= export.bound)


def as_markdown(
    measurements: Sequence[Measurement],
    export: Export | None,
    profiles: dict[str, str],
    explored: Sequence[Found] = (),
) -> str:
    """The whole report."""
    judged = verdicts(measurements, export)
    largest = max((one.truth["packets"] for one in measurements if one.truth["shape"] == "mixed"), default=0)
    parts = ["# wsviz beside tshark, scapy and dpkt", _machine(), "## Goals"]
    if largest < FULL_SIZE:
        parts.append(f"The goals are set for a mixed capture of {FULL_SIZE:,} packets; the largest here is smaller.")
    parts.append(
        _table(("goal", "reached", "met"), [(v.goal, v.reached, "yes" if v.met else "**no**") for v in judged])
    )
    parts += ["## Measurements", _HOW, _measurements(measurements)]
    parts += ["## Results against the truth", _results(measurements, export)]
    if explored:
        parts += ["## The explorer", _EXPLORER, _explored(explored)]
    for title, text in profiles.items():
        parts += [f"## Where the time goes: {title}", f"```text\n{text}\n```"]
    return "\n\n".join(parts) + "\n"


_HOW = (
    "Whole processes, the tools in turn within each round; each ratio is of two runs in one round, and given are the "
    "median, the smallest and the largest of them. Speed is tshark's time divided by the tool's; for the tools that "
    "only walk the packets, the time of `frame_columns()` divided by the tool's. They are linear and slow, so they "
    "are left out for large captures. tshark prints the texts alone; wsviz reads binary messages as well."
)


_EXPLORER = (
    "`CaptureExplorer` without its page: from a path to the first 1,024 rows, once; what those rows and the picture "
    "around them send; and the time that the last rows take, as after a jump to the end."
)


def _explored(explored: Sequence[Found]) -> str:
    rows = [
        (
            one["name"],
            f"{one['frames']:,}",
            f"{one['first']:.2f}",
            f"{one['rows_bytes'] / 1024:.0f} + {one['picture_bytes'] / 1024:.0f}",
            f"{1000 * one['last']:.1f}",
        )
        for one in explored
    ]
    return _table(("capture", "frames", "first rows, s", "sent, KiB: rows + picture", "last rows, ms"), rows)


def _measurements(measurements: Sequence[Measurement]) -> str:
    rows = []
    for one in measurements:
        for measured in one.tools:
            speed = ratios(one.of(_PEERS[measured.tool.job]), measured, seconds)
            of_processor = median(ratios(one.of(_PEERS[measured.tool.job]), measured, processor))
            rows.append(
                (
                    one.name,
                    measured.tool.job,
                    measured.tool.name,
                    f"{median(speed):.3g} x ({min(speed):.3g} to {max(speed):.3g})",
                    f"{of_processor:.3g} x",
                    f"{measured.middle(lambda run: run.peak) / one.truth['file_bytes']:.2f}",
                    f"{measured.middle(seconds):.2f}",
                )
            )
    return _table(("capture", "job", "tool", "speed", "by processor time", "peak memory / file", "median s"), rows)


def _results(measurements: Sequence[Measurement], export: Export | None) -> str:
    lines = []
    for one in measurements:
        told = (
            "; ".join(one.faults) or "every result of wsviz is right: counts, lengths, and SHA-256 over all messages"
        )
        lines.append(f"- {one.name}: {told}.")
        for measured in one.tools:
            if not measured.tool.exact:
                lines.append(f"    - tshark, {measured.tool.job}: {_tshark_in_words(measured, one.truth)}.")
    if export is not None:
        lines.append(f"- The large capture: {'; '.join(export.wrong) or 'every count is right'}.")
    return "\n".join(lines)


def _tshark_in_words(measured: Measured, truth: Found) -> str:
    parts = [
        f"{value:,} of {truth[name]:,} {name.replace('_', ' ')}"
        for name, value in measured.found.items()
        if name in truth
    ]
    if "right_texts" in measured.found:
        parts.append(f"{measured.found['right_texts']:,} of them right")
    return ", ".join(parts)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _machine() -> str:
    info = Path("/proc/cpuinfo")
    models = [
        line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")
    ]
    version = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[
        0
    ]
    cores = len(os.sched_getaffinity(0))
    return (
        f"{models[0] if models else platform.machine()}, {cores} cores; Python {platform.python_version()}; {version}"
    )
