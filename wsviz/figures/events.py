"""`event_stream`: the lines of a text/event-stream beside the events that a browser dispatches."""

from __future__ import annotations

from wsviz.capture.arrivals import is_event_stream
from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.figures.events_svg import draw_svg
from wsviz.figures.events_text import draw_text, in_words
from wsviz.figures.events_view import Stream, StreamView, view_of
from wsviz.figures.figure import Figure
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.http1 import looks_like_response, read_response
from wsviz.protocol.secrets import mask_bytes, mask_target

Source = Connection | Exchange | Stream | bytes | str


def event_stream(source: Source, *, limit: int = 60, reveal: bool = False) -> Figure:
    """Draw an event stream: its bytes or text, an HTTP response with one, or a captured exchange or connection.

    At most `limit` lines are drawn. Secrets of captured streams are masked unless `reveal`, or the capture's own.
    """
    if limit < 1:
        raise WsvizError(f"limit is {limit}, expected 1 or more")
    return draw(view_of(stream_of(source, reveal=reveal)), limit)


def draw(view: StreamView, limit: int = 60) -> Figure:
    """The figure of a view."""
    return Figure(draw_svg(view, limit, in_words(view)), draw_text(view, limit))


def stream_of(source: Source, *, reveal: bool = False) -> Stream:
    """The stream in anything that has one; raises WsvizError for the rest."""
    if isinstance(source, Stream):
        return source
    if isinstance(source, Connection):
        found = next(filter(is_event_stream, source.exchanges), None)
        if found is None:
            raise WsvizError(f"connection {source.index} has no answer of type text/event-stream")
        return _captured(found, reveal=reveal or source.reveal)
    if isinstance(source, Exchange):
        if not is_event_stream(source):
            raise WsvizError(f"the answer of exchange {source.index} is not of type text/event-stream")
        return _captured(source, reveal=reveal)
    if isinstance(source, str):
        return Stream(source.encode(errors="replace"))
    if not isinstance(source, bytes | bytearray | memoryview):
        raise WsvizError(
            f"got {type(source).__name__}, expected the bytes or the text of an event stream, or a capture"
        )
    data = bytes(source)
    return _response(data) if looks_like_response(data) else Stream(data)


def _captured(exchange: Exchange, *, reveal: bool) -> Stream:
    data = exchange.response_body.read()
    head = exchange.request_head
    origin = f"{head.method} {head.target if reveal else mask_target(head.target)}"
    return Stream(data if reveal else mask_bytes(data, same_size=True), _sizes(exchange.response_body.pieces), origin)


def _response(data: bytes) -> Stream:
    """The stream in the body of an HTTP response, however its type is called."""
    layout = read_response(data, ended=True)
    body = b"".join(data[start:end] for start, end in layout.pieces)
    return Stream(body, _sizes(layout.pieces), "the body of an HTTP response")


def _sizes(pieces: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """The sizes of a body's pieces; one piece is a body that was not sent in chunks."""
    return tuple(end - start for start, end in pieces) if len(pieces) > 1 else ()
