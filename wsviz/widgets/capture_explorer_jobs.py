"""Work beside the kernel's own thread: it says how far it is, can be stopped, and ends in one line where it fails."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from wsviz.capture.packets import open_capture
from wsviz.figures.figure import plain
from wsviz.protocol.fields import CaptureError, WsvizError

EVERY = 0.25  # seconds between two words of progress
LARGEST_FILE = 4 << 30  # bytes: a capture is held in memory
_AT_ONCE = 1 << 22  # bytes read between two looks at whether anybody still wants them


class Stopped(Exception):
    """Somebody does not want the result any more, or the time for it is up."""


class Job(threading.Thread):
    """One piece of work; it calls `tell` often, which is where it can be stopped.

    `limit` is how many seconds it may take.
    """

    def __init__(self, name: str, work: Callable[[Job], None], jobs: Jobs, limit: float | None = None) -> None:
        super().__init__(name=f"wsviz {name}", daemon=True)
        self.slot, self.words, self.done, self.total = name, "", 0, 0
        self._work, self._jobs, self._unwanted = work, jobs, threading.Event()
        self.failed = ""  # why, in one line
        self._last = time.monotonic()
        self._end = None if limit is None else self._last + limit

    def tell(self, words: str, done: int = 0, total: int = 0) -> None:
        """Say how far it is. Raises Stopped where nobody wants to know."""
        now = time.monotonic()
        if self._unwanted.is_set():
            raise Stopped("stopped")
        if self._end is not None and now > self._end:
            raise Stopped("the time is up")
        self.words, self.done, self.total = words, done, total
        if now - self._last >= EVERY:
            self._last = now
            self._jobs.changed()

    def drop(self) -> None:
        """Want it no more: it ends where it tells the next time."""
        self._unwanted.set()

    @property
    def wanted(self) -> bool:
        """Whether its result is still asked for."""
        return not self._unwanted.is_set()

    def run(self) -> None:
        """Do the work; what goes wrong is told in one line."""
        said = ""
        try:
            self._work(self)
        except Stopped as stopped:
            said = f"{self.slot}: {stopped}" if self.wanted else ""
        except (WsvizError, OSError, MemoryError) as error:
            said = self.failed = plain(str(error) or type(error).__name__)
        finally:
            self._jobs.ended(self, said)


class Jobs:
    """The jobs at work, one of a name: a new one takes the place of the last.

    `told` is called, in the thread of a job, when there is news; what went wrong is its argument, else "".
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._running: dict[str, Job] = {}

    def start(self, name: str, work: Callable[[Job], None], *, wait: float, limit: float | None = None) -> Job:
        """Start some work, and wait for it for up to so many seconds."""
        self.stop(name)
        job = self._running[name] = Job(name, work, self, limit)
        job.start()
        job.join(wait)
        return job

    def stop(self, name: str) -> None:
        """Drop the job of this name, if there is one."""
        if job := self._running.pop(name, None):
            job.drop()

    def wait(self, seconds: float) -> bool:
        """Wait until all work is done; False where it took longer."""
        end = time.monotonic() + seconds
        while running := list(self._running.values()):
            running[0].join(max(0.0, end - time.monotonic()))
            if running[0].is_alive():
                return False
        return True

    @property
    def progress(self) -> list[dict[str, Any]]:
        """What is at work: its name, words, how much is done, and of how much (0 where nobody knows)."""
        return [
            {"name": job.slot, "words": job.words, "done": job.done, "total": job.total}
            for job in list(self._running.values())
            if job.words
        ]

    def changed(self) -> None:
        """A job has come further."""
        self._told("")

    def ended(self, job: Job, said: str) -> None:
        """A job is over."""
        if self._running.get(job.slot) is job:
            del self._running[job.slot]
        if job.wanted:
            self._told(said)


class _Watched(io.FileIO):
    """A file that tells how far it is read."""

    def __init__(self, path: str, told: Callable[[int], None]) -> None:
        super().__init__(path)
        self._told_at = told

    def readinto(self, buffer: Any) -> int | None:
        self._told_at(self.tell())
        return super().readinto(buffer)

    def readall(self) -> bytes:
        data = bytearray()
        while some := self.read(_AT_ONCE):
            self._told_at(self.tell())
            data += some
        return bytes(data)


@contextmanager
def watched(path: str, name: str, job: Job) -> Iterator[IO[bytes]]:
    """The file to read a capture from; reading it tells the job. Raises CaptureError where it is no plain file."""
    with open_capture(path):  # what there is to be said against the path
        if not Path(path).is_file():
            raise CaptureError(f"{name}: not a regular file, expected a pcap or pcapng file")
        size = Path(path).stat().st_size
        if size > LARGEST_FILE:
            raise CaptureError(f"{name}: {size:,} bytes, expected at most {LARGEST_FILE:,}")
        with io.BufferedReader(_Watched(path, lambda at: job.tell("reading", at, size))) as file:
            yield file
