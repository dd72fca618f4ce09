"""What the picture of a capture says: the file, its first connections, and the first of its frames."""

from __future__ import annotations

from dataclasses import dataclass

from wsviz.capture.capture import Capture
from wsviz.capture.packets import Array
from wsviz.figures.explorer_rows import FrameList, RowReader, RowWords
from wsviz.figures.figure import plain
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import count, opcode_name

CONNECTIONS, FRAMES = 4, 12  # drawn; what is beyond is counted
BYTES = 64  # of a frame that are put into words: a line of the picture holds no more characters


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One frame: `time` in seconds since the capture's first frame."""

    time: float
    connection: int
    sender: Side
    opcode: int
    size: int
    words: str
    remarks: tuple[str, ...]

    @property
    def chip(self) -> str:
        return opcode_name(self.opcode)

    @property
    def control(self) -> bool:
        return self.opcode >= 8

    @property
    def clock(self) -> str:
        return f"{self.time:.6f}"


@dataclass(frozen=True, slots=True)
class ExplorerView:
    """A capture, ready to be drawn; `more` says what is not drawn."""

    title: str
    about: str
    connections: tuple[str, ...]
    more_connections: str
    frames: tuple[FrameLine, ...]
    more: str
    several: bool  # whether frames of more than one connection can be among them


def about(frames: FrameList) -> str:
    """How much there is."""
    capture = frames.capture
    parts = (capture.packet_count, "packet"), (len(capture.connections), "connection"), (len(frames), "frame")
    size = count(capture.wire_bytes, "byte")
    return " · ".join([size, *(count(number, noun) for number, noun in parts)])


def view_of(frames: FrameList, rows: Array, *, reveal: bool) -> ExplorerView:
    """The view of these rows of a list: as many as are drawn are put into words, and no others.

    Of connections that take seconds to decode, there are numbers only.
    """
    capture, number = frames.capture, len(frames.capture.connections)
    left = number - CONNECTIONS
    return ExplorerView(
        title=file_name(capture),
        about=about(frames),
        connections=tuple(connection_line(frames, each) for each in range(min(number, CONNECTIONS))),
        more_connections=f"… {count(left, 'more connection')}" if left > 0 else "",
        frames=tuple(frame_line(frames, int(row), reveal=reveal) for row in rows[:FRAMES]),
        more=_more(len(frames), len(rows)),
        several=number > 1,
    )


def _more(number: int, passing: int) -> str:
    """What there is beside the frames that are drawn."""
    if not number:
        return "no WebSocket frame was found in it"
    words = [f"… {count(passing - FRAMES, 'more frame')}"] if passing > FRAMES else []
    if passing < number:
        words.append(f"{passing:,} of {count(number, 'frame')} pass the filter")
    return "; ".join(words)


def file_name(capture: Capture) -> str:
    """The name of the file without its folders."""
    return plain(capture.name.replace("\\", "/").rpartition("/")[2])


def connection_line(frames: FrameList, number: int) -> str:
    """A connection in a line: who, what, how much."""
    if frames.is_long(number):
        return f"{number}: {count(len(frames.rows_of(number)), 'frame')}"
    connection = frames.capture.connections[number]
    parts = [plain(f"{connection.client} → {connection.server}"), connection.protocol]
    counts = (len(connection.frame_table), "frame"), (len(connection.findings), "finding")
    parts += [count(amount, noun) for amount, noun in counts if amount]
    return f"{number}: {', '.join(parts)}"


def frame_line(frames: FrameList, row: int, *, reveal: bool) -> FrameLine:
    """One row in words."""
    number, index = frames.place(row)
    said = RowWords("", (), ())
    if not frames.is_long(number):
        said = RowReader(frames.capture.connections[number], reveal=reveal, most=BYTES).words(index)
    remarks = (*(f"{finding.severity}: {finding.rule}" for finding in said.findings[:3]), *said.remarks)
    return FrameLine(
        time=(int(frames.time[row]) - frames.start) / 1e9,
        connection=number,
        sender=Side.SERVER if frames.server[row] else Side.CLIENT,
        opcode=int(frames.opcode[row]),
        size=int(frames.payload_length[row]),
        words=plain(said.words),
        remarks=remarks,
    )
