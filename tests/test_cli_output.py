"""The command line's output: where it cannot be written, where it is narrow, and what it says of nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import wsviz
from tests.capture.build import pcap
from wsviz.cli import main

ROOT = Path(__file__).parents[1]
ECHO = str(ROOT / "captures" / "echo.pcapng")
COMMAND = str(Path(sys.executable).parent / "wsviz")
Out = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "words", [[ECHO], ["frames", ECHO], ["lint", ECHO], ["frame", "8100"], ["rules"], ["--version"]]
)
def test_output_that_cannot_be_written(words: list[str]) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("this system has no /dev/full")
    with open("/dev/full", "w") as full:
        run = subprocess.run([COMMAND, *words], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (run.returncode, run.stderr) == (2, "wsviz: cannot write the output: No space left on device\n")


@pytest.mark.parametrize("words", [["frames", ECHO], ["lint", ECHO], ["frame", "8100"]])
def test_output_that_is_closed(words: list[str]) -> None:
    run = subprocess.run(
        ["sh", "-c", '"$@" >&-', "sh", COMMAND, *words], stderr=subprocess.PIPE, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (2, "wsviz: cannot write the output: standard output is closed\n")


def test_errors_never_go_to_stdout() -> None:
    run = subprocess.run(
        ["sh", "-c", '"$@" 2>&-', "sh", COMMAND, "nosuch.pcap"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (2, "")


def test_where_nothing_could_be_checked(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "unknown.pcap"
    path.write_bytes(pcap([bytes(40)], link=189))
    assert main(["lint", str(path)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for words in ("nothing-decoded", "packets-not-decoded", "1 packet of link type 189", "2 notes"):
        assert words in printed.out
    assert main(["lint", str(path), "--fail-on", "note"]) == 1
    capsys.readouterr()
    assert main([str(path)]) == 0
    assert "found in the file: 2 notes (packets-not-decoded, nothing-decoded)\n" in capsys.readouterr().out


def test_the_summary_says_what_lint_finds_in_the_file(tmp_path: Path, capsys: Out) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(Path(ECHO).read_bytes()[:-200])
    main([str(path)])
    assert "\nfound in the file: 1 error (file-cut)\n" in capsys.readouterr().out


def test_a_word_that_is_neither_a_file_nor_a_command(
    tmp_path: Path, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["nosuchcmd"]) == 2
    line = capsys.readouterr().err
    assert line.startswith("wsviz: nosuchcmd: neither a file nor a command; the commands are summary, frames, ")
    (tmp_path / "echo").write_bytes(Path(ECHO).read_bytes())
    assert main(["echo"]) == 0


def test_the_version(capsys: Out) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert (stop.value.code, capsys.readouterr().out) == (0, f"wsviz {wsviz.__version__}\n")


@pytest.mark.parametrize("words", [["frames"], ["messages"], ["overhead"], ["overhead", "--by", "message"]])
@pytest.mark.parametrize("columns", [20, 60, 80])
def test_a_narrow_terminal_loses_no_digit(
    words: list[str], columns: int, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    def numbers() -> list[str]:
        assert main([*words, ECHO]) == 0
        out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
        return sorted(re.findall(r"(?<= )[0-9][0-9,.]*(?= )", out.replace("\n", " \n ")))

    wide = numbers()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    narrow = numbers()
    assert len(wide) >= 10
    assert [number for number in wide if wide.count(number) > narrow.count(number)] == []


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_narrow_terminal_wraps_explanations(
    term: str, capsys: Out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "none.pcap"
    path.write_bytes(pcap([]))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", term)
    assert main(["lint", str(path)]) == 0
    out = capsys.readouterr().out
    assert "nothing-decoded" in out
    assert re.search(r"RFC 6455 +\n.* 1\.3 +\n", out), "the section stands in two lines"
    assert "…" not in out


def test_a_notebook_shows_what_was_found_whole(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, str]] = []
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda output: shown.append(output._repr_mimebundle_((), ())))
    assert main(["lint", "captures/close_matrix.pcapng"]) == 1
    assert len(shown) == 2, "the table, and how many"
    for kind in ("text/plain", "text/html"):
        text = re.sub(r"\x1b\[[0-9;]*m|<[^>]*>", "", shown[0][kind])
        assert max(map(len, text.split("\n"))) <= 100
        assert "…" not in text
        head = next(line for line in text.split("\n") if "severity" in line)
        start, end = head.index("what"), head.index("code")
        words = " ".join(line[start:end].strip() for line in text.split("\n"))
        assert "the text is no UTF-8: invalid continuation byte at byte 3 (e9 20 61 75)" in words
        assert "connection 11, packet 146" in " ".join(
            line[: head.index("severity")].strip() for line in text.split("\n")
        )
