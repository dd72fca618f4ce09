"""What the learner has done, in one local file: read at need, written whole and at once, so a crash loses nothing.

The file is `.wsviz-progress.json` in the course's folder, or what the environment variable WSVIZ_PROGRESS names. It
holds counts by exercise and nothing else; it goes nowhere.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from wsviz.lessons.recordings import course_folder

NAME = ".wsviz-progress.json"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Record:
    """What was done with one exercise."""

    attempts: int = 0
    solved: bool = False
    hints: int = 0
    solution_seen: bool = False


class Progress:
    """The file, and what could not be written to it, which lives as long as the kernel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.notice = ""
        """Why progress is not kept, in one line; empty where it is."""
        self._unwritten: dict[str, Record] = {}

    def records(self) -> Mapping[str, Record]:
        """Every record by the exercise's name. A file that cannot be read counts as empty, and is never lost."""
        return (self._read() or {}) | self._unwritten

    def change(self, exercise: str, **changes: int | bool) -> None:
        """Change one record; the others, which another notebook may have written meanwhile, stay.

        What could not be written last time, say because the disk was full, is tried again.
        """
        self.notice = ""
        kept = self._read(put_aside=True)  # read again: this notebook is not the only one
        record = self._unwritten.get(exercise) or (kept or {}).get(exercise) or Record()
        self._unwritten[exercise] = replace(record, **changes)  # type: ignore[arg-type]
        if kept is not None:
            self._write(kept | self._unwritten)

    def reset(self) -> None:
        """Forget everything."""
        self._unwritten, self.notice = {}, ""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            self.notice = f"The progress file {self.path} cannot be removed: {error.strerror}."

    def _read(self, *, put_aside: bool = False) -> dict[str, Record] | None:
        """The records of the file; None where it must stay as it is, and the notice says why."""
        try:
            stored = json.loads(self.path.read_bytes())
            if stored["version"] != VERSION:
                self.notice = f"Progress is not kept: another version of wsviz wrote {self.path}."
                return None
            return {name: _record(entry) for name, entry in stored["exercises"].items()}
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.notice = f"Progress is not kept: {self.path} cannot be read ({error.strerror})."
            return None
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return self._put_aside() if put_aside else {}

    def _put_aside(self) -> dict[str, Record] | None:
        """A broken file makes room, so that whoever wants to can look into it."""
        broken = self.path.with_suffix(".broken")
        try:
            os.replace(self.path, broken)
        except OSError as error:
            self.notice = f"Progress is not kept: {self.path} is broken and cannot be moved ({error.strerror})."
            return None
        self.notice = f"The progress file was broken. It is {broken} now, and the count begins anew."
        return {}

    def _write(self, records: Mapping[str, Record]) -> None:
        """Write all records into a new file and put it in the place of the old one, in one step."""
        content = {"version": VERSION, "exercises": {name: asdict(records[name]) for name in sorted(records)}}
        written = None
        try:
            with tempfile.NamedTemporaryFile("w", dir=self.path.parent, prefix=NAME, delete=False) as file:
                written = file.name
                json.dump(content, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(written, self.path)
            self._unwritten = {}
        except OSError as error:
            if written:
                with suppress(OSError):
                    os.unlink(written)
            self.notice = (
                f"Progress is kept until the kernel stops: {self.path} cannot be written ({error.strerror})."
            )


def _record(entry: Mapping[str, object]) -> Record:
    """One entry of the file; what it says of other things, or in other types, is refused as broken."""
    record = Record(**entry)  # type: ignore[arg-type]
    if any(type(getattr(record, field.name)) is not type(field.default) for field in fields(Record)):
        raise TypeError("a count is no number, or a fact is no truth value")
    return record


_open: dict[Path, Progress] = {}


def progress() -> Progress:
    """The learner's progress: the file that WSVIZ_PROGRESS names, else the one in the course's folder."""
    named = os.environ.get("WSVIZ_PROGRESS")
    path = Path(named) if named else course_folder() / NAME
    return _open.setdefault(path, Progress(path))
