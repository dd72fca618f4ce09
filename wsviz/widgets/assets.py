"""The JavaScript and CSS of the widgets: plain files in the package, never fetched from anywhere."""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).parent / "static"


def asset(*names: str) -> str:
    """The text of these files, one after the other: what several widgets share stands in a file of its own."""
    return "\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)
