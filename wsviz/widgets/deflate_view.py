"""`DeflateView`: messages compressed by permessage-deflate, and the window that they share.

Python compresses, and names every bit; the page shows which earlier bytes a message copies.
"""

from __future__ import annotations

from typing import Any

from wsviz.capture.connection import Connection
from wsviz.figures.deflate import draw
from wsviz.figures.deflate_talk import Deflatable, Talk, talk_of
from wsviz.figures.deflate_view import TalkView, view_of
from wsviz.figures.figure import Figure
from wsviz.protocol.fields import Side
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.deflate_view_picture import picture_of

MOST_UNDONE = 50  # changes that undo can take back; each holds at most 32 KiB of data and its symbols
EXAMPLE = (
    '{"op": "notify", "topic": "prices", "EUR": 0.93}',
    '{"op": "notify", "topic": "prices", "USD": 0.79}',
)


class DeflateView(PictureWidget):
    """Compressed messages: texts or bytes, which zlib compresses, frames with RSV1, or a captured connection.

    `at` is the message that is drawn symbol by symbol, the last one without it. `side` is whose messages are taken of
    a connection; `keep` and `bits` are the terms, without which a connection has those of its handshake. What is
    changed is compressed by zlib. `selection` is a symbol: the bytes of the payload that hold it, and its first bit.
    """

    _esm = asset("dom.js", "stage.js", "deflate_parts.js", "deflate_view.js")
    _css = asset("theme.css", "deflate_view.css")

    def __init__(
        self,
        source: Deflatable = EXAMPLE,
        *,
        at: int = -1,
        side: Side | str | None = None,
        keep: bool | None = None,
        bits: int | None = None,
    ) -> None:
        self._talk = self._first = talk_of(source, side=side, keep=keep, bits=bits)
        self._connection = source if isinstance(source, Connection) else None
        self._at, self._past = at, list[tuple[Talk, int]]()
        super().__init__()
        self._show()

    # What Python and the page agree on

    @property
    def talk(self) -> Talk:
        """The messages and the terms. Setting it is a change that undo takes back."""
        return self._talk

    @talk.setter
    def talk(self, talk: Talk) -> None:
        self._change(talk)
        self._show()

    @property
    def view(self) -> TalkView:
        """What is drawn."""
        return view_of(self._talk, self._at)

    @property
    def figure(self) -> Figure:
        return draw(self.view)

    def undo(self) -> None:
        """Take back the last change."""
        if self._past:
            self._talk, self._at = self._past.pop()
            self.selection = []
        self._show()

    def reset(self) -> None:
        """Go back to what was first shown; undo takes this back as well."""
        self.talk = self._first

    # Changes

    def _change(self, talk: Talk, at: int | None = None) -> None:
        if talk == self._talk:
            return
        self._past = [*self._past[1 - MOST_UNDONE :], (self._talk, self._at)]
        self._talk, self._at = talk, self._at if at is None else at
        self.selection = []  # other bits stand at its place

    def _draw(self) -> dict[str, Any]:
        captured = {"sides": [side.value for side in Side] if self._connection else []}
        state = {"undo": bool(self._past), "changed": self._talk != self._first}
        return picture_of(self.view) | captured | state

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        now = self._talk
        match do:
            case "at":
                if not 0 <= int(value) < len(now.said):
                    raise IndexError(f"there is no message {int(value)}")
                self._at, self.selection = int(value), []
            case "keep":
                self._change(now.under(keep=bool(value)))
            case "bits":
                self._change(now.under(bits=int(value)))
            case "add":
                self._change(now.plus(str(value).encode(errors="replace")), -1)
            case "remove" if now.said:
                self._change(now.less(self.view.at), max(self.view.at - 1, 0))
            case "side" if self._connection is not None:
                self._change(talk_of(self._connection, side=str(value)))
            case "undo":
                self.undo()
            case "reset":
                self._change(self._first)
