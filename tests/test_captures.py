"""The recordings are those of their index, and their page says so; each breaks the rules that it is to break."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from captures.scenarios import SCENARIOS
from tests.capture.files import capture_of

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the folder with the recordings."""
    return shutil.copytree(
        REPOSITORY / "captures", tmp_path / "captures", ignore=shutil.ignore_patterns("__pycache__")
    )


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "record.py", "--check"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_recordings_are_those_of_the_index() -> None:
    run = check(REPOSITORY / "captures")
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", ["echo.pcapng", "wss13.keys"])
def test_a_changed_file_is_noticed(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as file:
        file.write(b"\0")
    run = check(copy)
    assert run.returncode == 1
    assert f"{name}: sha256 is" in run.stdout + run.stderr


@pytest.mark.parametrize("name", ["echo.pcapng", "wss13.keys"])
def test_a_missing_file_is_noticed(copy: Path, name: str) -> None:
    (copy / name).unlink()
    run = check(copy)
    assert run.returncode == 1
    assert f"{name}: missing" in run.stdout + run.stderr


@pytest.mark.parametrize("name", ["other.pcapng", "other.keys"])
def test_a_file_that_no_entry_names_is_noticed(copy: Path, name: str) -> None:
    (copy / name).touch()
    run = check(copy)
    assert run.returncode == 1
    assert f"{name}: not in index.json" in run.stdout + run.stderr


def test_recordings_side_by_side_lose_no_entry(copy: Path) -> None:
    names = ["echo", "nginx_ok", "wss12"]
    code = """
import sys, catalogue
from dataclasses import replace
name = sys.argv[1]
entry = catalogue.read_index()[name]
for packets in range(40):
    catalogue.add(name, replace(entry, packets=packets))
"""
    running = [subprocess.Popen([sys.executable, "-c", code, name], cwd=copy) for name in names]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    index = json.loads((copy / "index.json").read_text())
    assert [index[name]["packets"] for name in names] == [39, 39, 39]
    before = json.loads((REPOSITORY / "captures" / "index.json").read_text())
    assert list(index) == list(before)
    assert check(copy).returncode == 0  # the page was made from the last state


@pytest.mark.parametrize("name", SCENARIOS)
def test_errors_are_those_that_the_scenario_is_to_show(name: str) -> None:
    findings = capture_of(REPOSITORY / "captures" / f"{name}.pcapng").findings
    errors = findings[findings["severity"] == "error"]
    assert set(errors["rule"]) == set(SCENARIOS[name].faults)


def test_small_enough_to_carry_along() -> None:
    sizes = [path.stat().st_size for path in (REPOSITORY / "captures").glob("*.pcapng")]
    assert max(sizes) < 300_000
    assert sum(sizes) < 4_000_000
