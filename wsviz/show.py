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
    return _frame(captured.dissection, shell, captured.sender)


def _connection(connection: Any, _shell: Any) -> Bundle:
    from wsviz.figures.ladder import ladder

    return ladder(connection)._repr_mimebundle_(), {}


def _capture(capture: Any, _shell: Any) -> Bundle:
    from wsviz.figures.summary import summary_lines

    lines = summary_lines(capture)
    html = "".join(f"<br>{escape(line)}" if line.startswith("    ") else f"<p>{escape(line)}" for line in lines)
    return {"text/plain": "\n".join(lines), "text/html": html}, {}


# Each type that shows itself: where it lives, and the function that makes its bundle.
SHOWN: list[tuple[str, str, Callable[[Any, Any], Bundle | None]]] = [
    ("wsviz.protocol.frames", "Frame", _frame),
    ("wsviz.protocol.fields", "Dissection", _frame),
    ("wsviz.capture.captured_frames", "CapturedFrame", _captured_frame),
    ("wsviz.capture.connection", "Connection", _connection),
    ("wsviz.capture.capture", "Capture", _capture),
]


def register(shell: Any) -> None:
    """Teach an IPython shell to draw the types of `SHOWN`."""
    formatter = shell.display_formatter.mimebundle_formatter
    for module, name, bundle_of in SHOWN:

        def show(thing: Any, include: object = None, exclude: object = None, *, draw: Any = bundle_of) -> Any:
            return draw(thing, shell)

        formatter.for_type_by_name(module, name, show)
