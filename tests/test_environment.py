"""pyproject.toml, constraints.txt, environment.yml and what is installed agree; no file names a registry."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PINS = (REPOSITORY / "constraints.txt").read_text().splitlines()
PINNED = dict(line.split("==") for line in PINS)
NOT_ON_CONDA = {"axe-playwright-python", "kosoku"}
CONDA_NAMES = {"duckdb": "python-duckdb", "playwright": "playwright-python"}
TOOLS = {"pip", "setuptools", "uv", "wheel", "wsviz"}  # what makes the environment, and ourselves


def requirements() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    lines = [line for lines in (PROJECT["dependencies"], *extras) for line in lines]
    return [Requirement(line) for line in dict.fromkeys(lines)]  # several extras may need the same


def test_environment_yml_says_what_pyproject_says() -> None:
    *conda, pip = yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]
    ours = {True: [], False: []}
    for item in requirements():
        ours[item.name in NOT_ON_CONDA].append(f"{CONDA_NAMES.get(item.name, item.name)}{item.specifier}")
    assert conda == [f"python{PROJECT['requires-python']}", "make", "pip", *ours[False]]
    assert pip == {"pip": [*ours[True], "-e ."]}


def test_a_constraint_is_a_name_and_a_version() -> None:
    wrong = [line for line in PINS if not re.fullmatch(r"[a-z0-9-]+==[0-9][0-9a-z.]*", line)]
    assert not wrong
    assert len(PINNED) == len(PINS), "a name stands there twice"


@pytest.mark.parametrize("requirement", requirements(), ids=lambda requirement: requirement.name)
def test_a_requirement_is_pinned_to_a_version_that_it_allows(requirement: Requirement) -> None:
    assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)])


def test_what_is_installed_is_what_is_pinned() -> None:
    if not Path(sys.prefix, ".set-up").exists():
        pytest.skip("this environment was not made by `make setup`")
    installed = {
        canonicalize_name(distribution.name): distribution.version
        for distribution in importlib.metadata.distributions()
        if Path(str(distribution.locate_file(""))).is_relative_to(sys.prefix)
    }
    assert {
        name: version for name, version in installed.items() if name not in TOOLS and PINNED.get(name) != version
    } == {}


def test_no_file_names_the_host_of_a_registry() -> None:
    hosts = ["pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "anaconda" + ".org", "anaconda" + ".com"]
    listing = subprocess.run(
        # CI's clone may belong to another user, which git minds.
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    if listing.returncode:
        pytest.skip("needs a git checkout")
    files = [REPOSITORY / name for name in listing.stdout.decode().split("\0") if name]
    assert len(files) > 20
    texts = {file: file.read_bytes() for file in files if file.is_file()}
    assert [f"{file}: {host}" for file, text in texts.items() for host in hosts if host.encode() in text] == []
