"""What an explorer has open, and the work on it: reading, filtering, searching, counting, exporting."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from wsviz.capture.capture import Capture
from wsviz.capture.export import STYLES, write_tables
from wsviz.capture.har import read_har
from wsviz.capture.packets import Array, read_packets_from
from wsviz.capture.tls_keylog import read_key_log
from wsviz.figures.explorer_rows import FrameList, RowReader
from wsviz.figures.explorer_view import file_name
from wsviz.protocol.fields import ProtocolError
from wsviz.widgets.capture_explorer_detail import detail_of
from wsviz.widgets.capture_explorer_export import CONTENTS, tables_of
from wsviz.widgets.capture_explorer_filter import Filter
from wsviz.widgets.capture_explorer_jobs import EVERY, Job, Jobs, Stopped, watched
from wsviz.widgets.capture_explorer_overhead import overhead_of
from wsviz.widgets.capture_explorer_picture import DESCRIBED, describe, overhead_picture
from wsviz.widgets.capture_explorer_transfer import Download, words_of

SOON = 0.4  # seconds that an answer waits for work, so that short work needs no second answer
LONGEST_SEARCH = 120.0  # seconds


class Session:
    """A capture, the rows of it that are shown, the frame that is selected, and jobs that change them.

    `told` is called whenever something changed, with what went wrong or "", also by the threads of jobs. A change
    holds `lock`. `generation` counts the changes of what rows there are and of their words.
    """

    def __init__(self, told: Callable[[str], None]) -> None:
        self.lock, self.jobs, self._told = RLock(), Jobs(told), told
        self.frames: FrameList | None = None
        self.rows: Array = np.zeros(0, "i8")
        self.filter, self.generation, self.reveal = Filter(), 0, False
        self.selected, self.detail = -1, dict[str, Any]()
        self.described: list[dict[str, Any]] = []
        self.rules: Counter[str] = Counter()
        self.counting = False
        self.overhead: dict[str, Any] | None = None
        self.download: Download | None = None
        self.downloads = 0  # made so far, which tells one from the next

    def _publish(self, job: Job, change: Callable[[], None]) -> None:
        """Change what is shown, in the name of a job, unless nobody wants its result any more."""
        with self.lock:
            if not job.wanted:
                raise Stopped("stopped")
            change()
            self._told("")

    # Opening

    def open(
        self,
        path: str,
        name: str,
        *,
        wait: float,
        keylog: str | None = None,
        extensions: str | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> Job:
        """Read a file; `name` is what it is called. When it is read, or is not, `after` is called."""

        def read(job: Job) -> None:
            try:
                job.tell("reading")
                keys = None if keylog is None else read_key_log(keylog)
                with watched(path, name, job) as file:
                    capture: Capture | None = read_har(file, name)
                    if capture is None:
                        packets = read_packets_from(file, name)
                        capture = Capture(name, packets, keys=keys, extensions=extensions)
            finally:
                after()
            job.tell("decoding")
            frames = FrameList(capture)
            self._publish(job, lambda: self.take(frames))

        return self.jobs.start("open", read, wait=wait)

    def take(self, frames: FrameList, *, reveal: bool = False) -> None:
        """Show another capture, from its beginning."""
        for name in ("search", "words", "detail", "overhead", "describe", "export"):
            self.jobs.stop(name)
        self.frames, self.filter, self.described, self.rules = frames, Filter(), [], Counter()
        self.selected, self.detail, self.counting, self.overhead = -1, {}, False, None
        self.show_secrets(reveal)
        self._put_rows(frames.rows())
        self.jobs.start("describe", lambda job: self._describe(job, frames), wait=0)

    def _describe(self, job: Job, frames: FrameList) -> None:
        """List the first connections, whose findings also tell which rules there are to choose from."""
        number, last = min(len(frames.capture.connections), DESCRIBED), time.monotonic()
        for index in range(number):
            job.tell("looking at the connections", index, number)
            said = describe(frames.capture.connections[index])
            with self.lock:
                self.described = [*self.described, said.picture]
                self.rules = self.rules + said.rules
            if time.monotonic() - last > EVERY:
                last = time.monotonic()
                self._told("")

    # Rows

    def _put_rows(self, rows: Array) -> None:
        self.rows = rows
        self.generation += 1

    def apply(self, wanted: Filter) -> None:
        """Filter anew: at once where columns tell, else in a job that shows what it finds on its way."""
        frames = self.frames
        if frames is None:
            raise ProtocolError("no capture is open, so there is nothing to filter")
        number = len(frames.capture.connections)
        if wanted.connection is not None and not 0 <= wanted.connection < number:
            raise ProtocolError(f"connection is {wanted.connection}, expected 0 to {number - 1}")
        self.jobs.stop("search")
        self.filter = wanted
        if wanted.searches:
            self._put_rows(np.zeros(0, "i8"))
            self.jobs.start("search", lambda job: self._search(job, frames, wanted), wait=SOON, limit=LONGEST_SEARCH)
        else:
            self._put_rows(wanted.candidates(frames))
            self._recount()

    def _search(self, job: Job, frames: FrameList, wanted: Filter) -> None:
        parts, last, total, fresh = [np.zeros(0, "i8")], time.monotonic(), len(wanted.candidates(frames)), False

        def put() -> None:
            self._put_rows(np.sort(np.concatenate(parts)))

        try:
            for found in wanted.search(frames, lambda done: job.tell("searching", done, total)):
                parts.append(found)
                fresh = fresh or len(found) > 0
                if fresh and time.monotonic() - last > EVERY:  # the page asks anew for all that it shows
                    last, fresh = time.monotonic(), False
                    self._publish(job, put)
        finally:  # also where the time is up: what was found is shown
            if job.wanted:
                self._publish(job, put)
        self._recount()

    def show_secrets(self, reveal: bool) -> None:
        """Show secrets, or mask them."""
        frames, self.reveal = self.frames, reveal
        self.generation += 1
        if frames is None:
            return
        self._reader = lru_cache(64)(lambda number: RowReader(frames.capture.connections[number], reveal=reveal))
        if self.selected >= 0:
            self.select(self.selected, self.detail.get("packet", 0))

    def say(self, start: int, number: int, send: Callable[[dict[str, Any]], None]) -> None:
        """Put some of the rows into words and send them."""
        with self.lock:
            frames, rows, generation = self.frames, self.rows, self.generation
            if frames is None:
                return
            reader = self._reader

        def work(job: Job) -> None:
            said = words_of(frames, rows, start, number, reader, lambda: job.tell(""))
            send({"kind": "words", "generation": generation, "start": start, "words": said})

        self.jobs.start("words", work, wait=0)

    # One frame, or all that are shown

    def select(self, row: int | None, packet: int = 0) -> None:
        """Look into a frame, by its row among all frames; `packet` is one that carried it."""
        frames, reveal = self.frames, self.reveal
        if row is None or frames is None:
            self.jobs.stop("detail")
            self.selected, self.detail = -1, {}
            return
        if not 0 <= row < len(frames):
            raise IndexError(f"row {row}, expected 0 to {len(frames) - 1}")
        self.selected = row

        def look(job: Job) -> None:
            job.tell("decoding the connection")
            number, index = frames.place(row)
            detail = detail_of(frames.capture.connections[number], index, packet, reveal=reveal)
            self._publish(job, lambda: setattr(self, "detail", detail | {"row": row, "connection": number}))

        self.jobs.start("detail", look, wait=SOON)

    def count(self, on: bool) -> None:
        """Count the bytes of what is shown, now and whenever that changes, or stop it."""
        self.counting = on
        self._recount()

    def _recount(self) -> None:
        frames, rows = self.frames, self.rows
        self.overhead = None
        self.jobs.stop("overhead")
        if frames is None or not self.counting:
            return

        def work(job: Job) -> None:
            counted = overhead_of(frames, rows, lambda done: job.tell("counting bytes", done, len(rows)))
            self._publish(job, lambda: setattr(self, "overhead", overhead_picture(counted, len(rows))))

        self.jobs.start("overhead", work, wait=SOON)

    def prepare(self, content: str, style: str) -> None:
        """Write what is shown into a file that the page can fetch."""
        frames, rows, reveal = self.frames, self.rows, self.reveal
        if frames is None or content not in CONTENTS or style not in STYLES:
            raise ProtocolError("there is nothing of that kind to export")
        download = Download(f"{Path(file_name(frames.capture)).stem or 'capture'}-{content}.{style}")

        def work(job: Job) -> None:
            def tell(done: int) -> None:
                job.tell("writing", done, len(rows))

            write_tables(tables_of(frames, rows, content, reveal=reveal, tell=tell), download.path, style)
            self._publish(job, lambda: self.offer(download))

        self.jobs.start("export", work, wait=SOON)

    def offer(self, download: Download | None) -> None:
        """Hold a file ready in place of the last one."""
        if self.download is not None:
            self.download.discard()
        self.download = download
        self.downloads += 1
