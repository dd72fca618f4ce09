"""Who imports whom: floors, scapy's three doors, a floor 0 of the standard library alone, a light first import."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wsviz

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "wsviz"
SCAPYS_DOORS = {f"wsviz/capture/{name}.py" for name in ("scapy_bridge", "scapy_layer", "scapy_unread")}
WORLDLY = {"asyncio", "datetime", "os", "pathlib", "random", "secrets", "select", "selectors", "socket", "ssl"} | {
    *("subprocess", "tempfile", "threading", "time", "uuid")
}
"""Modules of the standard library with input, output, clocks or dice in them."""


def imports(file: Path) -> Iterator[str]:
    """Give the full names of what the file imports, inside functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are absolute"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def roots(file: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(file)}


def below(floor: str) -> list[Path]:
    return sorted((PACKAGE / floor).rglob("*.py"))


def fresh(code: str) -> set[str]:
    """Give the modules that a fresh interpreter loads for `code`."""
    code = f"import sys; before = set(sys.modules); {code}; print(*(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("code", ["import wsviz", "import wsviz; wsviz.Frame"])
def test_the_first_import_loads_the_standard_library_only(code: str) -> None:
    loaded = {name.split(".")[0] for name in fresh(code)}
    assert "wsviz" in loaded
    assert loaded - set(sys.stdlib_module_names) == {"wsviz"}


def test_the_frames_of_a_sound_capture_are_found_without_what_decodes_connections() -> None:
    """With few packets the time goes into imports."""
    capture = REPOSITORY / "captures" / "echo.pcapng"
    loaded = fresh(f"import wsviz; assert len(wsviz.read_capture({str(capture)!r}).frame_columns()['time'])")
    assert "wsviz.capture.volume" in loaded
    needless = {"wsviz.capture.connection", "wsviz.capture.har_capture", "pandas", "scapy", "statistics", "numpy.ma"}
    assert not (loaded - fresh("import numpy")) & needless


def test_floor_0_knows_the_standard_library_only_and_nothing_of_the_world() -> None:
    for file in below("protocol"):
        names = roots(file) - {"wsviz"}
        assert names <= set(sys.stdlib_module_names), file
        assert not names & WORLDLY, file


def test_scapy_comes_in_by_three_doors_and_never_whole() -> None:
    users = {str(file.relative_to(REPOSITORY)) for file in below(".") if "scapy" in roots(file)}
    assert users <= SCAPYS_DOORS
    assert not [file for file in below(".") if any(name.startswith("scapy.all") for name in imports(file))]


def test_only_floor_3_knows_widgets() -> None:
    users = {file for file in below(".") if roots(file) & {"ipywidgets", "anywidget"}}
    assert users <= set(below("widgets"))


@pytest.mark.parametrize("floor", ["protocol", "capture", "figures", "widgets"])
def test_no_floor_imports_the_public_names(floor: str) -> None:
    """The package's front leads to every floor, so an import from it could go up unseen."""
    for file in below(floor):
        fronts = [
            name for name in imports(file) if name == "wsviz" or (name.startswith("wsviz.") and name.count(".") == 1)
        ]
        assert [name for name in fronts if not (PACKAGE / name.removeprefix("wsviz.")).is_dir()] == [], file


def test_the_floors_stand_on_each_other() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_type_checkers_see_the_public_names_and_their_homes() -> None:
    tree = ast.parse(Path(wsviz.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    seen = {name.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for name in node.names}
    assert seen == wsviz._HOME
    assert all(getattr(wsviz, name).__name__ == name for name in wsviz.__all__)
