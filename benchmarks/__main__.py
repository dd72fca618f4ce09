"""Measure wsviz beside tshark, scapy and dpkt: python -m benchmarks, or make bench. Linux.

Makes its captures, runs the tools on them in turn, checks every result against what the generator knows, and prints
ratios, goals, a profile of what remains and the machine. Exit status 1 says that a result of wsviz was wrong; a goal
that was missed is reported, and no failure.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import SHAPES, positive
from benchmarks.measure import BenchmarkError, measure
from benchmarks.report import Export, Measured, Measurement, as_markdown
from benchmarks.tools import (
    CHECKS,
    COMMANDS,
    EXPLORER,
    RIGHT_TEXTS,
    TSHARK_TEXTS,
    WALKED_AT_MOST,
    WSVIZ_FRAMES,
    WSVIZ_MESSAGES,
    Found,
    tools_for,
    wrong,
)

_EXPORT_BOUND = 512 << 20  # bytes
_EXPORT_LIMIT = 4 << 30  # where it is stopped
_EXPORT_MOST = 100  # GB
_BYTES_A_PACKET = 229  # of mixed captures, with the record's header


def main() -> int:
    """Read the arguments, measure, and write the report; returns the exit status."""
    parser = _parser()
    options = parser.parse_args()
    if not 0 <= options.export <= _EXPORT_MOST:
        parser.error(f"argument --export: {options.export}, expected 0 to {_EXPORT_MOST} GB")
    try:
        with tempfile.TemporaryDirectory(prefix="wsviz-bench-", dir=options.folder) as folder:
            return _run(options, Path(folder))
    except BenchmarkError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
    except OSError as error:
        print(f"benchmarks: {error.filename}: {error.strerror or error}", file=sys.stderr)
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure wsviz beside other tools.")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument(
        "--packets",
        nargs="+",
        type=positive,
        default=(10_000, 200_000, 1_000_000),
        metavar="N",
        help=f"sizes of the mixed captures; those of other shapes have the largest, at most {WALKED_AT_MOST:,}",
    )
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="rounds that are counted (default: 3)")
    parser.add_argument(
        "--export", type=float, default=2, metavar="GB", help="the capture for the export; 0 for none (default: 2)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE.md", help="write the report there as well")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where the captures are made, for a while")
    return parser


def _run(options: argparse.Namespace, folder: Path) -> int:
    if shutil.which("tshark") is None:
        raise BenchmarkError("tshark is not installed, and everything here is measured against it")
    sizes = sorted(set(options.packets))
    plans = [("mixed", size) for size in sizes] + [(shape, _others(sizes)) for shape in SHAPES[1:]]
    measurements, profiles, explored = list[Measurement](), dict[str, str](), list[Found]()
    for shape, packets in plans:
        if shape in options.shapes:
            capture, truth = _generated(shape, packets, folder)
            measurements.append(_measured(capture, truth, options.runs, folder, warm_up=not measurements))
            if (shape, packets) == ("mixed", sizes[-1]):
                profiles = _profiles(capture, folder)
            if (shape, packets) == ("mixed", sizes[-1]) or shape == "coalesced":
                explored.append({"name": measurements[-1].name} | _explored(capture, folder))
            capture.unlink()
    export = _export(int(options.export * 1e9 / _BYTES_A_PACKET), folder) if options.export else None
    report = as_markdown(measurements, export, profiles, explored)
    print(report)
    if options.output:
        options.output.write_text(report)
    return int(any(one.faults for one in measurements) or (export is not None and bool(export.wrong)))


def _others(sizes: list[int]) -> int:
    return max((size for size in sizes if size <= WALKED_AT_MOST), default=WALKED_AT_MOST)


def _generated(shape: str, packets: int, folder: Path) -> tuple[Path, Found]:
    """A capture and its truth, made by a process of its own, so that this one stays small."""
    _say(f"making {shape}, {packets:,} packets")
    capture = folder / f"{shape}-{packets}.pcap"
    measure([sys.executable, "-m", "benchmarks.generate", shape, str(packets), str(capture)], folder / "made")
    return capture, json.loads(capture.with_suffix(".json").read_text())


def _measured(capture: Path, truth: Found, runs: int, folder: Path, *, warm_up: bool) -> Measurement:
    tools, output = [Measured(tool) for tool in tools_for(truth["packets"])], folder / "output"
    result = Measurement(capture, truth, tools)
    for check in CHECKS:  # the closer look, which also brings the file into the system's cache
        measure(check.on(capture), output)
        result.wrong += wrong(check.find(output), truth)
    for measured in tools if warm_up else ():  # Python compiles what it imports
        _say(f"{result.name}: warming up {measured.tool.name}")
        measure(measured.tool.on(capture), output)
    for number in range(runs):
        for measured in tools:
            _say(f"{result.name}: round {number + 1} of {runs}, {measured.tool.name}")
            measured.runs.append(measure(measured.tool.on(capture), output))
            measured.found |= measured.tool.find(output)
            measured.wrong = measured.wrong or wrong(measured.found, truth)
            if measured.tool is TSHARK_TEXTS and not number:
                measured.found |= _right_texts(capture, output)
    return result


def _right_texts(capture: Path, output: Path) -> Found:
    found = output.with_name("right")
    measure([*RIGHT_TEXTS, str(capture), str(output)], found)
    return dict(json.loads(found.read_text()))


def _profiles(capture: Path, folder: Path) -> dict[str, str]:
    output, profiles = folder / "output", {}
    for tool in (WSVIZ_FRAMES, WSVIZ_MESSAGES):
        _say(f"profile of {tool.name}")
        measure([*tool.command, "--profile", str(capture)], output)
        profiles[tool.name] = output.read_text().strip()
    return profiles


def _explored(capture: Path, folder: Path) -> Found:
    _say("opening the explorer")
    measure([*EXPLORER, str(capture)], folder / "output")
    return dict(json.loads((folder / "output").read_text()))


def _export(packets: int, folder: Path) -> Export:
    capture, truth = _generated("mixed", packets, folder)
    _say(f"writing the frames of {truth['file_bytes'] / 1e9:.1f} GB as a table")
    output = folder / "output"
    try:
        run = measure(COMMANDS[0].on(capture), output, _EXPORT_LIMIT)
    except BenchmarkError as error:
        return Export(truth, None, _EXPORT_BOUND, [str(error)])
    return Export(truth, run, _EXPORT_BOUND, wrong(COMMANDS[0].find(output), truth))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
