"""Where the course stands on this machine, and its recordings."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wsviz.protocol.fields import CaptureError

if TYPE_CHECKING:
    from wsviz.capture.capture import Capture


def course_folder() -> Path:
    """The folder with `captures/` and `notebooks/`: above the working directory, else around the package.

    Where there is none, as after an installation without the course, the home folder.
    """
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).parents[2]):
        if (folder / "captures").is_dir() and (folder / "notebooks").is_dir():
            return folder
    return Path.home()


def recording(name: str) -> Capture:
    """One of the course's own recordings, by the name that `captures/README.md` gives it: `recording("echo")`."""
    path = course_folder() / "captures" / f"{name}.pcapng"
    if not path.is_file():
        there = sorted(each.stem for each in path.parent.glob("*.pcapng"))
        said = f"there are {', '.join(there)}" if there else "the course's recordings are not on this machine"
        raise CaptureError(f"no recording {name!r}: {said}")
    # Seen from the notebook, so that a stored one does not say where the course stands on somebody's machine.
    shown = os.path.relpath(path) if Path.cwd().is_relative_to(course_folder()) else str(path)
    return _read(shown, path.stat().st_mtime_ns)


@cache
def _read(path: str, _changed: int) -> Capture:
    from wsviz.capture.capture import read_capture

    return read_capture(path)
