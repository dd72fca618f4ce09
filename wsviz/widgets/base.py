"""What every widget is: Python decodes and decides, the page draws a plain `picture` and sends wishes.

A wish is `{"do": what, "value": ..., "number": n}`; the next picture carries the number of the wish that it answers,
so the page notices when nobody answers. Without a kernel, the mimebundle's SVG and text stand for the widget.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from wsviz.figures.figure import Figure
from wsviz.protocol.fields import ProtocolError

if TYPE_CHECKING:  # anywidget and ipywidgets tell their types to nobody, so the checker sees the traits only

    class AnyWidget(traitlets.HasTraits):
        """What this module uses of anywidget.AnyWidget."""

        def on_msg(self, callback: Callable[[object, Mapping[str, Any], object], None]) -> None: ...
        def send(self, content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None: ...
        def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]: ...
else:
    from anywidget import AnyWidget


class PictureWidget(AnyWidget):
    """A widget that gives its page a picture, and grants its wishes.

    A subclass has `_esm` and `_css` (`asset("dom.js", "stage.js", ...)`, `asset("theme.css", ...)`), says what it
    shows in `_draw` and `figure`, and does what the page asks for in `_grant`. It calls `_show` when there is
    something new.
    `selection` is what is pinned, `[byte_start, byte_end, bit]` with -1 for no bit, or empty.
    """

    selection = traitlets.List(traitlets.Int(), maxlen=3).tag(sync=True)
    picture = traitlets.Dict(read_only=True).tag(sync=True)

    def __init__(self) -> None:
        self._answered = 0
        self._notice = ""
        super().__init__()
        self.on_msg(self._wish)

    @property
    def figure(self) -> Figure:
        """What the widget shows now, as a figure: deterministic SVG and text."""
        raise NotImplementedError

    def _draw(self) -> dict[str, Any]:
        """What the page draws, as plain JSON; every text harmless, nothing longer than a page can bear."""
        raise NotImplementedError

    def _grant(self, do: str, value: Any) -> None:
        """Do what the page asks for; a ValueError or IndexError says in one line why not."""
        raise NotImplementedError

    def _show(self) -> None:
        self.set_trait("picture", self._draw() | {"answered": self._answered, "notice": self._notice})

    def _wish(self, _widget: object, wish: Mapping[str, Any], _buffers: object) -> None:
        """Do what the page asks for, and answer in any case: with the picture, or with what is wrong."""
        self._notice, self._answered = "", int(wish["number"])
        try:
            self._grant(str(wish["do"]), wish["value"])
        except (ValueError, IndexError) as error:
            self._notice = str(error)
        self._show()

    def _repr_mimebundle_(self, **kwargs: object) -> tuple[dict[str, Any], dict[str, Any]]:
        bundle, metadata = super()._repr_mimebundle_(**kwargs)
        figure = self.figure
        return {**bundle, "image/svg+xml": figure.svg, "text/plain": figure.text}, metadata


def from_hex(text: str) -> bytes:
    """Hex digits as people write them: spaces, colons, commas and 0x between them do no harm."""
    digits = "".join(text.replace("0x", " ").replace("\\x", " ").replace(":", " ").replace(",", " ").split())
    try:
        return bytes.fromhex(digits)
    except ValueError:
        wrong = next((char for char in digits if char not in "0123456789abcdefABCDEF"), None)
        said = f"{wrong!r} is no hex digit" if wrong else f"{len(digits)} hex digits, expected an even number"
        raise ProtocolError(said) from None
