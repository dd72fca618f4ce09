"""The page's end of the bargain, without a page: wishes by hand, each with its number."""

from __future__ import annotations

from typing import Any

from wsviz.widgets.base import PictureWidget


class Page:
    """Sends wishes to a widget as its page does."""

    def __init__(self, widget: PictureWidget) -> None:
        self.widget, self.number = widget, 0

    def wish(self, do: str, value: Any = None) -> dict[str, Any]:
        """Send one wish; gives the picture that answers it."""
        self.number += 1
        self.widget._wish(self.widget, {"do": do, "value": value, "number": self.number}, [])
        picture: dict[str, Any] = self.widget.picture
        assert picture["answered"] == self.number
        return picture
