"""The recordings are those that their index names, and their page says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "record.py", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_recordings_are_those_of_the_index() -> None:
    run = check(REPOSITORY / "captures")
    assert run.returncode == 0, run.stdout + run.stderr


def test_a_changed_recording_is_noticed(tmp_path: Path) -> None:
    for path in (REPOSITORY / "captures").rglob("*"):
        target = tmp_path / path.relative_to(REPOSITORY / "captures")
        if path.is_file() and "__pycache__" not in path.parts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    with (tmp_path / "echo.pcapng").open("ab") as recording:
        recording.write(b"\0")
    run = check(tmp_path)
    assert run.returncode == 1
    assert "echo.pcapng" in run.stdout + run.stderr


def test_small_enough_to_carry_along() -> None:
    sizes = [path.stat().st_size for path in (REPOSITORY / "captures").glob("*.pcapng")]
    assert max(sizes) < 300_000
    assert sum(sizes) < 4_000_000
