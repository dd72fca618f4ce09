"""The progress file: written at once and whole, shared by notebooks, never lost, and no need."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from wsviz.lessons import course, forget_progress, lesson
from wsviz.lessons.progress import NAME, Progress, Record, progress
from wsviz.lessons.recordings import course_folder


def test_what_is_written_is_read_by_the_next_kernel(own_progress: Path) -> None:
    progress().change("04.wrong_row", attempts=2, solved=True)
    assert Progress(own_progress).records() == {"04.wrong_row": Record(attempts=2, solved=True)}
    assert [each.name for each in own_progress.parent.iterdir()] == [own_progress.name], "no temporary file stays"


def test_two_notebooks_keep_each_other_s_records(own_progress: Path) -> None:
    one, other = Progress(own_progress), Progress(own_progress)
    one.change("00.a", solved=True)
    other.change("01.b", attempts=1)
    one.change("00.a", hints=1)
    assert Progress(own_progress).records() == {"00.a": Record(solved=True, hints=1), "01.b": Record(attempts=1)}


def test_a_crash_while_writing_leaves_the_old_file(own_progress: Path) -> None:
    progress().change("00.a", solved=True)
    code = (
        "import os\nfrom pathlib import Path\nfrom wsviz.lessons import progress\n"
        "progress.os.fsync = lambda number: os._exit(9)\n"  # the power fails before the new file is in place
        f"progress.Progress(Path({str(own_progress)!r})).change('00.b', solved=True)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 9
    assert Progress(own_progress).records() == {"00.a": Record(solved=True)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 1, "exercises": {"00.a": {"solved": "yes"}}}',
        b'{"version": 1, "exercises": {"00.a": {"points": 3}}}',
        b"[" * 100_000,
    ],
)
def test_a_broken_file_is_put_aside_and_kept(own_progress: Path, content: bytes) -> None:
    own_progress.write_bytes(content)
    assert progress().records() == {}
    said = lesson("00").who_speaks_first.check("c")
    assert "was broken" in str(said)
    assert Progress(own_progress).records() == {"00.who_speaks_first": Record(attempts=1, solved=True)}
    assert own_progress.with_suffix(".broken").read_bytes() == content


def test_a_later_version_s_file_stays_as_it_is(own_progress: Path) -> None:
    own_progress.write_text('{"version": 2, "stars": 5}')
    first = lesson("00").who_speaks_first.check("c")
    assert first
    assert "another version of wsviz" in str(first)
    assert own_progress.read_text() == '{"version": 2, "stars": 5}'


def test_where_nothing_can_be_written_the_kernel_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "no such folder"
    monkeypatch.setenv("WSVIZ_PROGRESS", str(folder / "progress.json"))
    q = lesson("00")
    feedback = q.who_speaks_first.check("c")
    assert "Progress is kept until the kernel stops" in str(feedback)
    assert q.who_speaks_first.record == Record(attempts=1, solved=True)
    assert "●" in str(course()).splitlines()[0]
    assert not folder.exists()


def test_what_could_not_be_written_is_written_with_the_next_change(
    own_progress: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, a file that somebody reads at this moment cannot be replaced."""
    q = lesson("00")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", _in_use)
        said = str(q.who_speaks_first.check("a")).replace("\n  ", " ")
        assert "cannot be written (in use)" in said
    assert [*own_progress.parent.iterdir()] == [], "no temporary file stays"
    assert "Progress" not in str(q.who_speaks_first.check("c"))
    assert Progress(own_progress).records() == {"00.who_speaks_first": Record(attempts=2, solved=True)}


def _in_use(*_: object) -> None:
    raise PermissionError(errno.EACCES, "in use")


def test_a_full_disk_leaves_the_old_file(own_progress: Path) -> None:
    progress().change("00.a", solved=True)
    code = (
        "import resource\nfrom pathlib import Path\nfrom wsviz.lessons.progress import Progress\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        f"kept = Progress(Path({str(own_progress)!r}))\n"
        "kept.change('00.b', solved=True)\nprint(kept.notice, *kept.records())"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60)
    assert "Progress is kept until the kernel stops" in run.stdout, run.stderr
    assert "00.a 00.b" in run.stdout
    assert Progress(own_progress).records() == {"00.a": Record(solved=True)}
    assert [each.name for each in own_progress.parent.iterdir()] == [own_progress.name]


def test_a_file_deleted_meanwhile_begins_anew(own_progress: Path) -> None:
    progress().change("00.a", solved=True)
    own_progress.unlink()
    assert progress().records() == {}
    progress().change("00.b", hints=1)
    assert Progress(own_progress).records() == {"00.b": Record(hints=1)}


def test_a_broken_file_that_cannot_be_moved_stays(own_progress: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_progress.write_bytes(b"{")
    monkeypatch.setattr(os, "replace", _in_use)
    said = lesson("00").who_speaks_first.check("c")
    assert said
    assert "is broken and cannot be moved (in use)" in str(said).replace("\n  ", " ")
    assert own_progress.read_bytes() == b"{"
    assert lesson("00").who_speaks_first.record.solved


def test_reset(own_progress: Path) -> None:
    lesson("00").who_speaks_first.check("c")
    assert forget_progress() == "No exercise is solved any more."
    assert not own_progress.exists()
    assert lesson("00").who_speaks_first.record == Record()
    forget_progress()


def test_a_reset_that_fails_says_why(own_progress: Path) -> None:
    own_progress.mkdir()
    assert "cannot be removed" in forget_progress()


def test_the_file_stands_in_the_course_s_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WSVIZ_PROGRESS")
    assert progress().path == course_folder() / NAME
    root = Path(__file__).parents[2]
    assert course_folder() == root
    monkeypatch.chdir(root / "notebooks")
    assert course_folder() == root
    ignored = subprocess.run(["git", "check-ignore", "-q", NAME], cwd=root, check=False)
    assert ignored.returncode == 0, "the learner's progress is nobody else's"


def test_the_file_holds_counts_and_nothing_else(own_progress: Path) -> None:
    lesson("00").who_speaks_first.check("a")
    lesson("00").who_speaks_first.hint()
    stored = json.loads(own_progress.read_text())
    record = {"attempts": 1, "solved": False, "hints": 1, "solution_seen": False}
    assert stored == {"version": 1, "exercises": {"00.who_speaks_first": record}}
    assert os.stat(own_progress).st_size < 1000
