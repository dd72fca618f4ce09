"""The benchmark: its captures hold what it says they hold, and its report says what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from benchmarks import SHAPES
from benchmarks.generate import generate
from benchmarks.jobs import frames, messages, scapy_walk
from benchmarks.measure import BenchmarkError, Run, measure
from benchmarks.report import Export, Measured, Measurement, verdicts
from benchmarks.tools import (
    SCAPY_WALK,
    TSHARK_FRAMES,
    TSHARK_TEXTS,
    WSVIZ_FRAMES,
    WSVIZ_MESSAGES,
    Found,
    tools_for,
    wrong,
)
from tests.jupyter import REPOSITORY
from tests.needs import need


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("captures")


def made(shape: str, packets: int, folder: Path) -> tuple[Path, Found]:
    """A capture and its truth as the file beside it says it; made once."""
    path = folder / f"{shape}-{packets}.pcap"
    if not path.exists():
        generate(shape, packets, path)
    return path, json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize("shape", SHAPES)
def test_wsviz_finds_what_the_generator_says(shape: str, folder: Path) -> None:
    path, truth = made(shape, 600, folder)
    found = frames(str(path), True) | messages(str(path), True)
    assert set(found) < set(truth)
    assert wrong(found, truth) == []
    assert truth["packets"] >= 600
    assert truth["file_bytes"] == path.stat().st_size


def test_scapy_finds_the_same_packets(folder: Path) -> None:
    path, truth = made("mixed", 600, folder)
    found = scapy_walk(str(path), False)
    assert found == {name: truth[name] for name in found}


def test_checksums_are_right_and_packets_in_order(folder: Path) -> None:
    path, _ = made("mixed", 600, folder)
    times = []
    with RawPcapReader(str(path)) as reader:
        for raw, metadata in reader:
            times.append((metadata.sec, metadata.usec))
            packet = Ether(raw)
            del packet[IP].chksum, packet[TCP].chksum
            assert bytes(packet) == raw
    assert times == sorted(times)


def test_mixed_traffic_has_everything(folder: Path) -> None:
    _, truth = made("mixed", 10_000, folder)
    for name in ("compressed_messages", "fragmented_messages", "retransmitted", "reordered"):
        assert truth[name] > 0, name
    assert set(truth["opcodes"]) == {"0", "1", "2", "8", "9", "10"}
    assert truth["exchanges"] > truth["connections"]  # polling is more than the upgrades
    assert 190 < truth["file_bytes"] / truth["packets"] < 260
    assert 0.25 < truth["frames"] / truth["packets"] < 0.55


def test_the_same_seed_gives_the_same_capture(tmp_path: Path) -> None:
    paths = [tmp_path / f"{name}.pcap" for name in ("once", "again", "other")]
    for path, seed in zip(paths, (1, 1, 2), strict=True):
        generate("mixed", 300, path, seed)
    once, again, other = (path.read_bytes() for path in paths)
    assert once == again
    assert once != other


def test_no_two_connections_share_their_ports(folder: Path) -> None:
    from wsviz import read_capture

    path, truth = made("mixed", 10_000, folder)
    ends = {frozenset((one.client, one.server)) for one in read_capture(path).connections}
    assert len(ends) == truth["connections"]


def test_a_wrong_result_is_told(folder: Path) -> None:
    _, truth = made("mixed", 600, folder)
    frames_there = truth["frames"]
    assert wrong({"frames": frames_there - 1}, truth) == [f"frames {frames_there - 1}, expected {frames_there}"]


def test_a_command_is_measured_or_its_complaint_told(tmp_path: Path) -> None:
    output = tmp_path / "output"
    run = measure([sys.executable, "-c", "x = b'1' * (64 << 20); print(len(x))"], output)
    assert output.read_text() == f"{64 << 20}\n"
    assert run.peak > 64 << 20
    assert run.processor > 0
    assert run.seconds > 0
    with pytest.raises(BenchmarkError, match="status 3: it broke"):
        measure([sys.executable, "-c", "import sys; print('it broke', file=sys.stderr); sys.exit(3)"], output)
    with pytest.raises(BenchmarkError, match="MemoryError"):
        measure([sys.executable, "-c", "x = bytes(8 << 30)"], output, 2 << 30)
    with pytest.raises(BenchmarkError, match="nowhere: No such file"):
        measure(["/nowhere"], output)


def test_large_captures_are_not_walked_by_what_is_slow() -> None:
    assert {tool.job for tool in tools_for(10_000)} == {"frames", "messages", "walk"}
    assert {tool.job for tool in tools_for(1_000_000)} == {"frames", "messages"}


def measured(packets: int, tshark: list[float], wsviz: list[float]) -> Measurement:
    """A mixed capture that tshark and wsviz read in these times, a round each; both jobs alike."""
    truth: Found = {"shape": "mixed", "packets": packets, "file_bytes": 200 * packets}
    times = {TSHARK_FRAMES: tshark, WSVIZ_FRAMES: wsviz, TSHARK_TEXTS: tshark, WSVIZ_MESSAGES: wsviz}
    runs = [
        Measured(tool, [Run(seconds, seconds / 2, 100 * packets) for seconds in rounds])
        for tool, rounds in times.items()
    ]
    return Measurement(Path("mixed.pcap"), truth, runs)


def test_goals_are_judged_by_the_median_of_the_ratios() -> None:
    # Round by round 40, 10 and 20: the median is 20, though the ratio of the medians is 10.
    large, small = measured(1_000_000, [40, 10, 100], [1, 1, 5]), measured(200_000, [5, 5, 5], [1, 1, 1])
    judged = {verdict.goal: verdict for verdict in verdicts([small, large], None)}
    at_least_30, at_least_15 = (
        next(verdict for goal, verdict in judged.items() if f"at least {least} x" in goal) for least in (30, 15)
    )
    assert (at_least_30.reached, at_least_30.met) == ("20.0 x", False)
    assert (at_least_15.reached, at_least_15.met) == ("20.0 x", True)
    assert [verdict.reached for goal, verdict in judged.items() if "at least 3 x" in goal] == ["5.0 x", "5.0 x"]
    assert [verdict.reached for goal, verdict in judged.items() if "of the file's size" in goal] == ["0.50", "0.50"]
    linear = [verdict for goal, verdict in judged.items() if "as long a packet" in goal]
    assert [(verdict.reached, verdict.met) for verdict in linear] == [("0.20 x", True)] * 2


def test_scapy_is_compared_by_the_packet() -> None:
    large, small = measured(1_000_000, [40], [2]), measured(200_000, [5], [1])
    small.tools.append(Measured(SCAPY_WALK, [Run(60, 60, 1)]))
    (verdict,) = (one for one in verdicts([small, large], None) if "scapy" in one.goal)
    assert (verdict.reached, verdict.met) == ("150.0 x", True)


@pytest.mark.parametrize(
    ("peak", "reached", "met"), [(100 << 20, "100 MiB, 0.05 of the file", True), (600 << 20, "600 MiB", False)]
)
def test_the_export_is_judged_by_its_peak(peak: int, reached: str, met: bool) -> None:
    export = Export({"file_bytes": 2_000_000_000}, Run(1, 1, peak), 512 << 20, [])
    (verdict,) = verdicts([], export)
    assert verdict.goal == "a capture of 2 GB written as a table within 512 MiB"
    assert verdict.reached.startswith(reached)
    assert verdict.met is met


def test_the_benchmark_runs(tmp_path: Path) -> None:
    need("tshark")
    report, options = tmp_path / "report.md", ["--shapes", "mixed", "--packets", "1000", "--runs", "1"]
    command = [sys.executable, "-m", "benchmarks", *options, "--export", "0.0002"]
    command += ["--output", str(report), "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    text = report.read_text()
    assert done.stdout.strip() == text.strip()
    assert "every result of wsviz is right" in text
    assert "The large capture: every count is right." in text
    for part in ("## Goals", "## Measurements", "## Where the time goes: wsviz, frame_columns()", "tshark, frames:"):
        assert part in text
    assert list(tmp_path.iterdir()) == [report]
