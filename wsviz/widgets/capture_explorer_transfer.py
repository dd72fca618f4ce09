"""What goes between Python and the page beside the picture: columns as bytes, words of rows, files both ways."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any
from weakref import finalize

from wsviz.capture.packets import Array
from wsviz.figures.explorer_rows import FrameList, RowReader
from wsviz.figures.figure import clip, plain
from wsviz.protocol.fields import ProtocolError

LARGEST_UPLOAD = 512 << 20  # bytes
PART = 1 << 20  # bytes of a file that one message carries: servers refuse much larger ones
MOST_ROWS, MOST_WORDS = 4096, 200  # rows that one answer may hold
SERVER, FIN, RSV1, MASKED = 1, 2, 4, 8  # bits of the column `flags`


def block_of(frames: FrameList, rows: Array, start: int, number: int) -> tuple[list[tuple[str, str]], list[bytes]]:
    """Some rows as columns: name and numpy type of each, and its bytes (little-endian).

    `row` is the place among all frames; `time` is in seconds since the first of them.
    """
    part = rows[max(start, 0) : max(start, 0) + min(max(number, 0), MOST_ROWS)]
    flags = frames.server[part] * SERVER + frames.fin[part] * FIN + frames.rsv1[part] * RSV1
    columns = {
        "row": part.astype("<u4"),
        "time": ((frames.time[part] - frames.start) / 1e9).astype("<f8"),
        "connection": frames.connection[part].astype("<u4"),
        "packet": frames.packet[part].astype("<u4"),
        "length": frames.payload_length[part].astype("<f8"),  # a frame may claim more than 32 bits hold
        "opcode": frames.opcode[part].astype("u1"),
        "flags": (flags + frames.masked[part] * MASKED).astype("u1"),
    }
    return [(name, values.dtype.str.lstrip("<|")) for name, values in columns.items()], [
        values.tobytes() for values in columns.values()
    ]


def words_of(
    frames: FrameList,
    rows: Array,
    start: int,
    number: int,
    reader: Callable[[int], RowReader],
    tell: Callable[[], None],
) -> list[dict[str, Any]]:
    """What the frames of some rows say; `tell` is called before each."""
    said = []
    for row in rows[max(start, 0) : max(start, 0) + min(max(number, 0), MOST_WORDS)].tolist():
        tell()
        connection, index = frames.place(row)
        words = reader(connection).words(index)
        marks = [[finding.severity.value, finding.rule] for finding in words.findings[:3]]
        said.append({"words": plain(words.words), "remarks": words.remarks, "marks": marks})
    return said


class Upload:
    """A file that comes from the page, part by part, into a folder that vanishes with it."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size = clip(plain(Path(name).name), 80) or "upload", size
        if not 0 < size <= LARGEST_UPLOAD:
            raise ProtocolError(f"{self.name}: {size:,} bytes, expected 1 to {LARGEST_UPLOAD:,}; open it by its path")
        folder = tempfile.mkdtemp(prefix="wsviz-")
        self.path, self._remove = Path(folder) / "capture", finalize(self, rmtree, folder, ignore_errors=True)
        self.received = 0

    def add(self, at: int, data: bytes | memoryview) -> None:
        """Take the part that begins at this byte."""
        if at != self.received or at + len(data) > self.size or not data:
            raise ProtocolError(f"{self.name}: part at byte {at:,}, expected one at {self.received:,}")
        with self.path.open("ab") as file:
            file.write(data)
        self.received += len(data)

    @property
    def complete(self) -> bool:
        return self.received == self.size

    def discard(self) -> None:
        """Remove the file."""
        self._remove()


class Download:
    """A file that the page fetches part by part; it is removed with the folder that it is made in."""

    def __init__(self, name: str) -> None:
        self.name, folder = name, tempfile.mkdtemp(prefix="wsviz-")
        self.path, self._remove = Path(folder) / "export", finalize(self, rmtree, folder, ignore_errors=True)

    @property
    def size(self) -> int:
        return self.path.stat().st_size

    def part(self, at: int) -> bytes:
        """The bytes from there on, as many as one message carries."""
        with self.path.open("rb") as file:
            file.seek(at)
            return file.read(PART)

    def discard(self) -> None:
        """Remove the file."""
        self._remove()
