"""How wsviz objects show themselves in IPython: evaluating one in a cell draws it.

Loaded by `import wsviz` only where IPython already runs. The types are named, not imported, and what draws them is
imported when the first one is shown: so the import stays light, and the floors below know no picture.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

Bundle = tuple[dict[str, Any], dict[str, Any]]


def _frame(thing: Any, shell: Any, sender: Any = None) -> Bundle | None:
    from wsviz.figures.frame_figure import bit_diagram, is_frame
    from wsviz.protocol.fields import Dissection

    if isinstance(thing, Dissection) and not is_frame(thing):
        return None  # a dissection of something else: its repr will do
    if not hasattr(shell, "kernel"):  # IPython in a terminal
        return {"text/plain": bit_diagram(thing, sender=sender).text}, {}
    from wsviz.widgets.frame_diagram import FrameDiagram

    return FrameDiagram(thing, sender=sender)._repr_mimebundle_()


def _captured_frame(captured: Any, shell: Any) -> Bundle | None:
    from wsviz.figures.masked_frame import without_secrets

    return _frame(without_secrets(captured.dissection)[0], shell, captured.sender)


def _handshake(handshake: Any, _shell: Any) -> Bundle:
    """What follows from a handshake, and its checks as a table; secrets are masked, `.checks` holds them."""
    from wsviz.figures.figure import clip, columns, plain
    from wsviz.protocol.secrets import mask_header, mask_target

    rows = [("", "check", "expected", "found", "section")]
    for check in handshake.checks:
        name = check.name.partition(" ")[2]
        found = mask_target(check.actual) if name == "target" else mask_header(name, check.actual)
        expected = mask_header(name, check.expected)  # of the subprotocol, one of those that were offered
        rows.append(("ok" if check.passed else "FAILS", check.name, plain(expected), plain(found), check.section))
    accepted = "accepted" if handshake.accepted else "not accepted"
    head = [f"Handshake {accepted}.", f"A client {handshake.client_does}.", f"A browser {handshake.browser_does}."]
    clipped = [[clip(cell, 44) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*clipped, strict=True)]
    lines = [
        "  ".join(cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in clipped
    ]
    cells = ["".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in row) for row in rows]
    table = f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>"
    return {"text/plain": "\n".join([*head, *lines]), "text/html": f"<p>{escape(' '.join(head))}</p>{table}"}, {}


def _connection(connection: Any, shell: Any) -> Bundle:
    from wsviz.figures.ladder import ladder

    if not hasattr(shell, "kernel"):
        return {"text/plain": ladder(connection).text}, {}
    from wsviz.widgets.ladder import Ladder

    return Ladder(connection)._repr_mimebundle_()


def _told_connection(connection: Any, _shell: Any) -> Bundle:
    """A connection of a HAR file, which has no packets to draw."""
    words = [repr(connection), str(connection.mechanism), str(connection.ending)]
    return {"text/plain": "\n".join(words)}, {}


def _capture(capture: Any, _shell: Any) -> Bundle:
    from wsviz.figures.summary import summary_lines

    lines = list(summary_lines(capture))
    html = f"<p>{escape(lines[0])}</p><ul>"
    for line in lines[1:]:
        text = escape(line.strip())
        html += f"<br>{text}" if line.startswith("    ") else f"<li>{text}"
    html += "</ul>"
    return {"text/plain": "\n".join(lines), "text/html": html}, {}


# Each type that shows itself: where it lives, and the function that makes its bundle.
SHOWN: list[tuple[str, str, Callable[[Any, Any], Bundle | None]]] = [
    ("wsviz.protocol.frames", "Frame", _frame),
    ("wsviz.protocol.fields", "Dissection", _frame),
    ("wsviz.capture.captured_frames", "CapturedFrame", _captured_frame),
    ("wsviz.protocol.handshake", "Handshake", _handshake),
    ("wsviz.capture.connection", "Connection", _connection),
    ("wsviz.capture.har_capture", "HarConnection", _told_connection),
    ("wsviz.capture.capture", "Capture", _capture),
]


def register(shell: Any) -> None:
    """Teach an IPython shell to draw the types of `SHOWN`."""
    formatter = shell.display_formatter.mimebundle_formatter
    for module, name, bundle_of in SHOWN:

        def show(thing: Any, include: object = None, exclude: object = None, *, draw: Any = bundle_of) -> Any:
            return draw(thing, shell)

        formatter.for_type_by_name(module, name, show)
