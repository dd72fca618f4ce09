"""The wheel: the whole package, what it shows in a browser included, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Hatchling by itself, not through a build front end, which would fetch it anew: tests run offline.
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    [wheel] = folder.iterdir()
    return wheel


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    files = [file for file in (REPOSITORY / "wsviz").rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == {str(file.relative_to(REPOSITORY)) for file in files}
    assert "wsviz/py.typed" in held
    static = {str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "wsviz/widgets/static").glob("*")}
    assert static <= held


def test_the_wheel_brings_the_command_and_the_licence(wheel: Path) -> None:
    files = zipfile.ZipFile(wheel)
    [entry_points] = [name for name in files.namelist() if name.endswith(".dist-info/entry_points.txt")]
    assert "wsviz = wsviz.cli:main" in files.read(entry_points).decode()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in files.namelist())
