"""`explorer`: what is in a capture, as a picture and as text: its connections, and the first of its frames."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.capture.capture import Capture
from wsviz.figures.explorer_rows import FrameList
from wsviz.figures.explorer_view import ExplorerView, FrameLine, view_of
from wsviz.figures.figure import CHAR, INK, MUTED, Canvas, Figure, clip, columns, id_of, tint
from wsviz.protocol.fields import Side

EDGE, WIDTH, ROW = 24.0, 800.0, 25.0
TEXT = 100  # columns of the text
LEAST, GAP = 24, 3  # columns that remarks leave to the words of a frame; between them
KINDS = {False: "#009e73", True: "#cc79a7"}  # data and control frames
_LIMIT = int((WIDTH - 2 * EDGE) / (CHAR * 11))


def explorer(capture: Capture) -> Figure:
    """Draw a capture: how much there is, its first connections, its first frames in a line each.

    Secrets are masked unless the capture was read with `reveal=True`.
    """
    frames = FrameList(capture)
    return draw(view_of(frames, frames.rows(), reveal=capture.reveal))


def draw(view: ExplorerView) -> Figure:
    """The figure of a view."""
    return Figure(_svg(view), "\n".join(line.rstrip() for line in _lines(view)))


def nothing_open() -> Figure:
    """The figure of an explorer that has no capture."""
    canvas = Canvas()
    canvas.text(EDGE, 44, "No capture is open", 20, font_weight="bold")
    canvas.text(EDGE, 68, "Open a pcap or pcapng file to see its frames.", 12, MUTED)
    svg = canvas.document(
        WIDTH, 92, title="No capture is open", description="Open a pcap or pcapng file.", name="explorer"
    )
    return Figure(svg, "no capture is open")


def _svg(view: ExplorerView) -> str:
    canvas = Canvas()
    canvas.text(EDGE, 44, clip(view.title, 52), 20, font_weight="bold")
    canvas.text(EDGE, 66, clip(view.about, _LIMIT), 11, MUTED)
    y = 92.0
    for words in filter(None, [*view.connections, view.more_connections]):
        canvas.text(EDGE, y, clip(words, _LIMIT), 11)
        y += 18
    y = _table(canvas, view, y + 12)
    if view.more:
        canvas.text(EDGE, y + 8, view.more, 11, MUTED, font_style="italic")
        y += 20
    name = id_of("e", view)
    return canvas.document(WIDTH, y + 10, title=view.title, description=" ".join(_words(view)), name=name)


def _table(canvas: Canvas, view: ExplorerView, y: float) -> float:
    """The frames, a row each. Returns where they end."""
    heads = [(66, "seconds", "end"), (80, "sender", "start"), (172, "frame", "start")]
    heads += [(334, "payload", "end"), (348, "what it says", "start")]
    for x, words, anchor in heads if view.frames else ():
        canvas.text(EDGE + x, y, words, 10, MUTED, text_anchor=anchor)
    y += 8
    for at, line in enumerate(view.frames):
        if at % 2 == 0:
            canvas.rect(EDGE - 6, y, WIDTH - 2 * EDGE + 12, ROW, fill="#f6f7f9")
        _row(canvas, view, line, y)
        y += ROW
    return y + 8


def _row(canvas: Canvas, view: ExplorerView, line: FrameLine, y: float) -> None:
    base, colour = y + 16.5, KINDS[line.control]
    canvas.text(EDGE + 66, base, clip(line.clock, 11), 10.5, MUTED, text_anchor="end")
    _arrow(canvas, EDGE + 80, y + ROW / 2, line.sender)
    who = f"{line.connection} {line.sender}" if view.several and line.connection < 1000 else str(line.sender)
    canvas.text(EDGE + 108, base, who, 10.5)
    width = columns(line.chip) * CHAR * 10.5 + 12
    canvas.rect(EDGE + 172, y + 5, width, 15, fill=tint(colour), stroke=colour, stroke_width=1, rx=3)
    canvas.text(EDGE + 178, base - 0.5, line.chip, 10.5)
    canvas.text(EDGE + 334, base, f"{line.size:,} B", 10.5, MUTED, text_anchor="end")
    room = int((WIDTH - EDGE - (EDGE + 348)) / (CHAR * 11))
    words, remarks = _said(line, room)
    x = canvas.text(EDGE + 348, base, words, 11)
    if remarks:
        canvas.text(x + 12, base, remarks, 10, MUTED)


def _said(line: FrameLine, room: int) -> tuple[str, str]:
    """The words of a frame and its remarks, together in so many columns: the words give way first, up to a point."""
    remarks = " · ".join(line.remarks)
    most = max(room - columns(remarks) - GAP, LEAST) if remarks else room
    words = line.words
    if columns(words) > most:
        words = clip(words[:-1], most - 1) + '"' if words.endswith('"') else clip(words, most)
    left = room - columns(words) - GAP
    return words, clip(remarks, left) if left > 8 else ""


def _arrow(canvas: Canvas, x: float, y: float, sender: Side) -> None:
    """To the right from the client, to the left and dashed from the server."""
    dashes = {} if sender is Side.CLIENT else {"stroke_dasharray": "4 2"}
    canvas.line(x, y, x + 22, y, stroke=INK, stroke_width=1.4, **dashes)
    tip, back = (x + 22, x + 16) if sender is Side.CLIENT else (x, x + 6)
    canvas.add("path", d=f"M{back} {y - 3.5}L{tip} {y}L{back} {y + 3.5}Z", fill=INK)


def _lines(view: ExplorerView) -> Iterator[str]:
    yield clip(f"{view.title}: {view.about}", TEXT)
    yield from (clip(f"  {words}", TEXT) for words in filter(None, [*view.connections, view.more_connections]))
    if view.frames:
        yield ""
        yield f"{'seconds':>12}  {'conn.':>5}  {'':<6}  {'frame':<12}  {'payload':>9}  what it says"
    for line in view.frames:
        arrow = "--->" if line.sender is Side.CLIENT else "<..."
        head = f"{line.clock:>12}  {line.connection:>5}  {arrow:<6}  {line.chip:<12}  {line.size:>9,}  "
        yield head + " · ".join(filter(None, _said(line, TEXT - columns(head))))
    if view.more:
        yield f"  {view.more}"


def _words(view: ExplorerView) -> Iterator[str]:
    """The picture for those who cannot see it."""
    yield f"{view.about}."
    yield from (f"Connection {words}." for words in view.connections)
    for line in view.frames:
        said = ", ".join([f"{line.chip} frame", f"{line.size:,} bytes", line.words, *line.remarks])
        yield f"At {line.clock} s from the {line.sender}: {said}."
    yield view.more
