"""`CaptureExplorer`: a whole capture to look through, filter, follow and export; a million frames are no matter.

The page holds the columns of the rows around those in view, and words for the latter only; Python has the rest. Work
that may take long (reading, searching, decoding a long connection) is done in threads of its own, so that the kernel
goes on answering.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from wsviz.capture.capture import Capture
from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.export import STYLES, write_tables
from wsviz.capture.packets import Array
from wsviz.figures.explorer import draw, nothing_open
from wsviz.figures.explorer_rows import FrameList
from wsviz.figures.explorer_view import about, file_name, view_of
from wsviz.figures.figure import Figure, plain
from wsviz.protocol.fields import ProtocolError, Side, WsvizError
from wsviz.protocol.wire import count
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.capture_explorer_export import CONTENTS, tables_of
from wsviz.widgets.capture_explorer_filter import Filter
from wsviz.widgets.capture_explorer_overhead import Overhead, overhead_of
from wsviz.widgets.capture_explorer_picture import DESCRIBED, choices
from wsviz.widgets.capture_explorer_session import SOON, Session
from wsviz.widgets.capture_explorer_transfer import LARGEST_UPLOAD, PART, Upload, block_of

if TYPE_CHECKING:
    import pandas as pd

OPENING = 3.0  # seconds that Python waits for a file to be read
PathLike = str | os.PathLike[str]


class CaptureExplorer(PictureWidget):
    """A Capture to look through, or the path of one, or nothing: the page then asks for a file.

    `keylog` and `extensions` are what `read_capture` takes. A file that takes longer than a few seconds to read goes
    on being read when the cell is done: `wait()` waits for it. Secrets are masked until `reveal` is True.
    `selection` counts the bytes of the selected frame's layers: its packet's headers, then the frame.
    """

    _esm = asset(
        *("dom.js", "stage.js", "frame_parts.js", "explorer_list.js", "explorer_detail.js", "explorer_panels.js"),
        *("explorer_files.js", "explorer_main.js"),
    )
    _css = asset("theme.css", "frame_diagram.css", "explorer_main.css", "explorer_detail.css")

    progress = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    def __init__(
        self,
        source: Capture | PathLike | None = None,
        *,
        keylog: PathLike | None = None,
        extensions: str | None = None,
    ) -> None:
        self._session = Session(self._told)
        self._upload: Upload | None = None
        super().__init__()
        if isinstance(source, Capture):
            self._session.take(FrameList(source), reveal=source.reveal)
        elif source is not None:
            self.read(source, keylog=keylog, extensions=extensions)
        self._show()

    # What Python and the page agree on

    @property
    def capture(self) -> Capture | None:
        """The capture that is open."""
        return None if self._session.frames is None else self._session.frames.capture

    def read(self, path: PathLike, *, keylog: PathLike | None = None, extensions: str | None = None) -> None:
        """Open a file of packets. Raises WsvizError where it cannot be read, if that shows within a few seconds."""
        keys = None if keylog is None else os.fspath(keylog)
        job = self._session.open(os.fspath(path), os.fspath(path), keylog=keys, extensions=extensions, wait=OPENING)
        if job.failed:
            raise WsvizError(job.failed)

    def wait(self, seconds: float = 600) -> CaptureExplorer:
        """Wait until nothing is being read, searched or counted; the explorer itself is returned."""
        if not self._session.jobs.wait(seconds):
            raise WsvizError(f"there is still work going on after {seconds:g} seconds")
        return self

    def where(
        self,
        *,
        connection: int | None = None,
        sender: Side | str | None = None,
        type: str = "",
        finding: str = "",
        text: str = "",
    ) -> None:
        """Show the frames that are all of this; without an argument, all frames.

        `type` is "data", "control", or a frame's own: "text", "binary", "continuation", "ping", "pong", "close",
        "reserved". `finding` is "any", a severity, or the slug of a rule. `text` occurs in the message or the body.
        """
        side = None if sender is None else Side(sender)
        self._session.apply(Filter(connection=connection, sender=side, type=type, finding=finding, text=text))
        self._show()

    @property
    def rows(self) -> Array:
        """The frames that are shown, as indices into `capture.frame_columns()`."""
        return self._session.rows

    @property
    def frames(self) -> pd.DataFrame:
        """The rows of `capture.frames` that are shown."""
        return self._opened().capture.frames.iloc[self.rows]

    def select(self, row: int | None, packet: int = 0) -> None:
        """Select a frame by its row among all frames of the capture, or none; `packet` is one that carried it."""
        self._select(row, packet)
        self._show()

    @property
    def frame(self) -> CapturedFrame | None:
        """The selected frame."""
        frames, selected = self._session.frames, self._session.selected
        if frames is None or selected < 0:
            return None
        number, index = frames.place(selected)
        return frames.capture.connections[number].frames[index]

    @property
    def reveal(self) -> bool:
        """Whether secrets are shown."""
        return self._session.reveal

    @reveal.setter
    def reveal(self, reveal: bool) -> None:
        self._session.show_secrets(reveal)
        self._show()

    @property
    def overhead(self) -> Overhead:
        """What the frames that are shown cost on the wire, by bucket, and what else their connections cost."""
        return overhead_of(self._opened(), self.rows, lambda done: None)

    def export(self, path: PathLike, content: str = "frames") -> None:
        """Write the "frames" that are shown, or their "messages", as .csv, .jsonl or .parquet by the path's end."""
        tables = tables_of(self._opened(), self.rows, content, reveal=self.reveal, tell=lambda done: None)
        write_tables(tables, path, Path(path).suffix.removeprefix(".") or "not told by the path's end")

    def _opened(self) -> FrameList:
        if self._session.frames is None:
            raise WsvizError("no capture is open; read() opens one")
        return self._session.frames

    @property
    def figure(self) -> Figure:
        frames = self._session.frames
        return nothing_open() if frames is None else draw(view_of(frames, self.rows, reveal=self.reveal))

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        session = self._session
        match do:
            case "open":
                path, keys = (
                    str(Path(word).expanduser()) if word else None for word in (value["path"], value["keylog"])
                )
                if path is None:
                    raise ProtocolError("there is no path, expected that of a pcap or pcapng file")
                session.open(path, str(value["path"]), keylog=keys, wait=SOON)
            case "stop":
                session.jobs.stop(str(value))
                self._notice = f"{value}: stopped"
            case "filter":
                side, number = str(value["sender"]), int(value["connection"])
                given = {name: str(value[name]) for name in ("type", "finding", "text")}
                chosen = None if number < 0 else number
                session.apply(Filter(connection=chosen, sender=Side(side) if side else None, **given))
            case "select" if value is None:
                self._select(None)
            case "select":
                self._select(int(value["row"]), int(value["packet"]))
            case "reveal":
                session.show_secrets(bool(value))
            case "overhead":
                session.count(bool(value))
            case "export":
                session.prepare(str(value["content"]), str(value["style"]))

    def _select(self, row: int | None, packet: int = 0) -> None:
        if row != self._session.selected:
            self.selection = []
        self._session.select(row, packet)

    def _wish(self, widget: object, wish: Mapping[str, Any], buffers: Any) -> None:
        """Answer what needs no new picture with bytes or words of its own; all else as every widget does."""
        value = wish["value"]
        match wish["do"]:
            case "rows":
                self._send_rows(int(value["start"]), int(value["count"]))
            case "words":
                self._session.say(int(value["start"]), int(value["count"]), self.send)
            case "upload":
                self._receive(value, buffers)
            case "download" if (download := self._session.download) is not None:
                self.send({"kind": "download", "at": int(value)}, [download.part(int(value))])
            case "download":
                pass  # it was replaced by another one
            case _:
                super()._wish(widget, wish, buffers)

    def _send_rows(self, start: int, number: int) -> None:
        session = self._session
        with session.lock:
            frames, rows, generation = session.frames, session.rows, session.generation
        if frames is not None:
            columns, buffers = block_of(frames, rows, start, number)
            self.send({"kind": "rows", "generation": generation, "start": start, "columns": columns}, buffers)

    def _receive(self, value: Mapping[str, Any], buffers: Any) -> None:
        """Take a part of a file; the last one opens it."""
        try:
            if value["at"] == 0:
                self._drop_upload()
                self._upload = Upload(str(value["name"]), int(value["size"]))
            if self._upload is None:
                return  # a part on its way when the file was dropped
            self._upload.add(int(value["at"]), buffers[0])
        except (ProtocolError, OSError) as error:
            self._drop_upload()
            self._told(plain(str(error)))
            return
        upload = self._upload
        self.send({"kind": "uploaded", "at": upload.received})
        if upload.complete:
            self._upload = None
            self._session.open(str(upload.path), upload.name, wait=SOON, after=upload.discard)

    def _drop_upload(self) -> None:
        if self._upload is not None:
            self._upload.discard()
        self._upload = None

    # The picture

    def _told(self, said: str) -> None:
        """News of the work: what went wrong, if anything."""
        with self._session.lock:
            self._notice = said or self._notice
            self._show()

    def _show(self) -> None:
        with self._session.lock:
            self.set_trait("progress", self._session.jobs.progress)
            super()._show()

    def _draw(self) -> dict[str, Any]:
        session, frames = self._session, self._session.frames
        common = {"limit": LARGEST_UPLOAD, "part": PART, "styles": [*STYLES], "contents": [*CONTENTS]}
        if frames is None:
            return common | {"open": False, "title": "No capture is open", "about": "", "generation": 0, "total": 0}
        selected, number = session.selected, len(frames.capture.connections)
        at = int(np.searchsorted(session.rows, selected))
        shown = at < len(session.rows) and int(session.rows[at]) == selected
        more = f"… {count(number - DESCRIBED, 'more connection')}: follow one by its number"
        download, made = session.download, session.downloads
        return common | {
            "open": True,
            "title": file_name(frames.capture),
            "about": about(frames),
            "generation": session.generation,
            "total": len(frames),
            "shown": len(session.rows),
            "connections": session.described,
            "number": number,
            "more": more if number > DESCRIBED else "",
            "reveal": session.reveal,
            "selected": {"row": selected, "position": at if shown else -1},
            "detail": session.detail or None,
            "counting": session.counting,
            "overhead": session.overhead,
            "download": None if download is None else {"name": download.name, "size": download.size, "number": made},
            **choices(session.filter, session.rules),
        }
