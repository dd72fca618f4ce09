"""`EventStreamView`: the lines of an event stream beside the events that a browser dispatches. Edit the stream."""

from __future__ import annotations

from typing import Any

from wsviz.figures.events import Source, draw, stream_of
from wsviz.figures.events_text import event_words, in_words, shown_blocks
from wsviz.figures.events_view import LINE_ENDS, Block, Line, Stream, StreamView, line_end_of, view_of
from wsviz.figures.figure import Figure, plain
from wsviz.protocol.fields import ProtocolError
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget

EDITED = 20_000  # bytes of a stream that can be edited as text
KEPT, KEPT_BYTES = 100, 4_000_000  # changes that undo takes back, and bytes of earlier streams that it may hold
MOST_CHUNKS = 100_000
LIMIT = 120  # lines that the page draws
EXAMPLE = (
    ": the stream is open\n\nretry: 3000\nid: 7\nevent: price\ndata: 101.5\n\n"
    "data: two lines\ndata: of one event\n\nid: 8\ndata: no blank line yet\n"
)
# What a press of a button adds at the end
PIECES = {
    "event": "data: new\n\n",
    "comment": ": still there\n\n",
    "id": "id: 9\n",
    "retry": "retry: 10000\n",
    "blank line": "\n",
}


class EventStreamView(PictureWidget):
    """An event stream to look at and to change: bytes, text, an HTTP response, a captured exchange or connection.

    `reveal` shows the secrets of a captured stream. Once the stream is changed, its chunks are cut anew, all of one
    size, or not drawn.
    """

    _esm = asset("dom.js", "stage.js", "event_stream_view.js")
    _css = asset("theme.css", "event_stream_view.css")

    def __init__(self, source: Source = EXAMPLE, *, reveal: bool = False) -> None:
        self._stream = self._first = stream_of(source, reveal=reveal)
        self._past: list[Stream] = []
        self._typing = ""
        self._decode()
        super().__init__()
        self._show()

    @property
    def data(self) -> bytes:
        """The bytes of the stream. Setting them is a change that undo takes back."""
        return self._stream.data

    @data.setter
    def data(self, data: bytes) -> None:
        self._change(self._cut(data))
        self._show()

    @property
    def view(self) -> StreamView:
        """What is drawn: the blocks of lines, each with its event."""
        return self._view

    @property
    def figure(self) -> Figure:
        return draw(self._view)

    # Changes

    def _decode(self) -> None:
        self._view = view_of(self._stream)

    def _cut(self, data: bytes, size: int | None = None) -> Stream:
        """A changed stream in chunks of `size` bytes, or of the size that they had where they were of one size."""
        pieces = self._stream.pieces
        if size is None:
            size = pieces[0] if len(set(pieces[:-1])) == 1 else 0
        whole, rest = divmod(len(data), size) if size else (0, 0)
        if whole > MOST_CHUNKS:
            raise ProtocolError(f"that makes {whole:,} chunks, expected {MOST_CHUNKS:,} at most")
        return Stream(data, (size,) * whole + ((rest,) if rest else ()), self._stream.origin)

    def _change(self, stream: Stream, *, typing: str = "") -> None:
        """Take another stream; a run of `typing` is one change."""
        if stream == self._stream:
            return
        if not typing or typing != self._typing:
            self._past = [*self._past[1 - KEPT :], self._stream]
            while len(self._past) > 1 and sum(len(past.data) for past in self._past) > KEPT_BYTES:
                del self._past[0]
        self._typing, self._stream = typing, stream
        self._decode()

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "text":
                data = str(value).replace("\n", line_end_of(self.data).decode()).encode(errors="replace")
                if len(data) > EDITED:
                    raise ProtocolError(f"{len(data):,} bytes are too many to edit here, expected {EDITED:,} at most")
                self._change(self._cut(data), typing=do)
            case "line_end" if value in LINE_ENDS.values():
                end = next(end for end, name in LINE_ENDS.items() if name == value)
                lines = self.data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
                self._change(self._cut(lines.replace(b"\n", end)))
            case "chunk":
                self._change(self._cut(self.data, _size(str(value))), typing=do)
            case "add" if value in PIECES:
                piece = PIECES[value].encode().replace(b"\n", line_end_of(self.data))
                self._change(self._cut(self.data + piece))
            case "undo" if self._past:
                self._stream, self._typing = self._past.pop(), ""
                self._decode()
            case "reset":
                self._change(self._first)

    # The picture

    def _draw(self) -> dict[str, Any]:
        view, stream = self._view, self._stream
        after, sent = view.reconnect
        shown = shown_blocks(view, LIMIT)
        size = stream.pieces[0] if stream.pieces and len(set(stream.pieces[:-1])) <= 1 else 0
        return {
            "facts": plain("; ".join(filter(None, [view.facts, stream.origin]))),
            "blocks": [_block(block) for block in shown],
            "hidden": len(view.blocks) - len(shown),
            "after": after,
            "sent": plain(sent),
            "chunked": bool(stream.pieces),
            "text": _text(self.data),
            "line_end": LINE_ENDS[line_end_of(self.data)],
            "line_ends": [*LINE_ENDS.values()],
            "chunk": str(size) if size else "",
            "chunk_hint": "as captured" if stream.pieces else "none",
            "pieces": [*PIECES],
            "undo": bool(self._past),
            "changed": stream != self._first,
            "words": in_words(view),
        }


def _block(block: Block) -> dict[str, Any]:
    event = block.event
    return {
        "start": event.start,
        "end": event.end,
        "outcome": block.outcome,
        "type": plain(event.type)[:200],
        "data": [plain(line) for line in block.data[:LIMIT]],
        "last": plain(block.last)[:200],
        "chunks": block.chunks,
        "words": plain(event_words(block))[:2000],
        "lines": [_line(line) for line in block.lines[:LIMIT]],
        "hidden": max(len(block.lines) - LIMIT, 0),
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "start": line.start,
        "end": line.end,
        "kind": line.kind,
        "says": line.says,
        "parts": [[number, plain(text)] for number, text in line.parts[:80]],
        "sign": line.sign,
        "hex": line.hex,
    }


def _text(data: bytes) -> str | None:
    """The stream as a text to edit, its line ends all LF; None where it is too long or holds what cannot be typed."""
    if len(data) > EDITED:
        return None
    try:
        text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        return None
    return text if text.replace("\n", "").replace("\t", "").isprintable() else None


def _size(text: str) -> int:
    """The size of a chunk as it is typed; nothing and 0 stand for no chunks."""
    text = text.strip()
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise ProtocolError(f"{plain(text)[:20]!r} is no size of a chunk, expected a number of bytes, or nothing")
    return int(text)
