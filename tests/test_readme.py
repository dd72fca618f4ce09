"""What the README shows is what the commands print and the snippets give."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wsviz.cli import main

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_the_summary_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    (shown,) = (block for block in blocks("console") if "$ wsviz captures/echo.pcapng\n" in block)
    promised = shown.split("$ wsviz captures/echo.pcapng\n")[1].split("\n$ ")[0]
    assert main(["captures/echo.pcapng"]) == 0
    assert capsys.readouterr().out.split() == promised.split(), "run: make notebooks"


def test_every_command_of_ours_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    commands = re.findall(r"^\$ wsviz (.*?) *(?:#.*)?$", "\n".join(blocks("console")), re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        assert main(command.split()) == 0, command


def test_the_snippets_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    snippets = blocks("python")
    assert len(snippets) == 2
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})


def test_links_and_pictures_are_there() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(targets) >= 6
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []
