"""`MaskStepper`: a masking key at work, byte by byte, to step through; and why each frame has a key of its own.

The page holds no XOR: Python masks, the page shows one step after the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from wsviz.capture.connection import Connection
from wsviz.figures.figure import Figure
from wsviz.figures.masking import draw
from wsviz.figures.masking_view import FRESH, KEPT, Maskable, Masked, Masking, masking_of, sources_of
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.wire import apply_mask
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget, from_hex
from wsviz.widgets.mask_stepper_picture import picture_of

MOST_UNDONE = 200  # changes that undo can take back; each holds a payload of at most KEPT bytes


class MaskStepper(PictureWidget):
    """A payload and its key: text, bytes, a Frame, a captured frame, or a connection's client frames.

    `key` has 4 bytes; without it the frame's own is used, or that of the RFC's example. With `unmask` it goes the
    other way, and bytes are masked ones. `fresh` are the keys that stand for freshly drawn ones: nothing is random.
    `selection` is the byte at which the learner stands.
    """

    _esm = asset("dom.js", "stage.js", "mask_stepper_parts.js", "mask_stepper.js")
    _css = asset("theme.css", "mask_stepper.css")

    def __init__(
        self,
        thing: Maskable = "Hello",
        key: bytes | None = None,
        *,
        unmask: bool = False,
        fresh: Iterable[bytes] = FRESH,
    ) -> None:
        self._past: list[Masking] = []
        self._typing = ""
        self._frames = tuple(sources_of(thing, key, unmask=unmask)) if isinstance(thing, Connection) else ()
        self._masking = self._first = replace(masking_of(thing, key, unmask=unmask), fresh=tuple(fresh))
        super().__init__()
        self._show()

    # What Python and the page agree on

    @property
    def masking(self) -> Masking:
        """What is shown, at the byte that is pinned."""
        at = self.selection[0] if self.selection else 0
        return replace(self._masking, at=max(0, min(at, self._masking.drawn - 1)))

    @property
    def payload(self) -> bytes:
        """The payload, unmasked: its first 2,000 bytes. Setting it is a change that undo takes back."""
        return self._masking.source.payload

    @payload.setter
    def payload(self, payload: bytes | str) -> None:
        self._set_payload(payload.encode() if isinstance(payload, str) else bytes(payload))

    @property
    def key(self) -> bytes:
        """The masking key. Setting it is a change that undo takes back."""
        return self._masking.key

    @key.setter
    def key(self, key: bytes) -> None:
        self._change(source=self._masking.source._replace(key=key))

    @property
    def wire(self) -> bytes:
        """The payload as the wire carries it."""
        return apply_mask(self.payload, self.key)

    @property
    def figure(self) -> Figure:
        return draw(self.masking)

    def turn(self) -> None:
        """Feed the result back in: mask what was unmasked, or unmask what was masked."""
        self._change(unmask=not self._masking.unmask)

    def undo(self) -> None:
        """Take back the last change."""
        if self._past:
            self._masking = self._past.pop()
        self._typing = ""
        self._show()

    def reset(self) -> None:
        """Go back to what was first shown; undo takes this back as well."""
        self._typing = ""
        self._replace(self._first)

    # Changes

    def _set_payload(self, payload: bytes, typing: str = "") -> None:
        if len(payload) > KEPT:
            raise ProtocolError(f"the payload has {len(payload):,} bytes, expected at most {KEPT:,}")
        self._change(typing, source=Masked(payload, self.key, len(payload), words="changed here"))

    def _change(self, typing: str = "", **parts: Any) -> None:
        """Take other parts; a run of `typing` in the same field is one change."""
        self._replace(replace(self._masking, **parts), typing)

    def _replace(self, masking: Masking, typing: str = "") -> None:
        if masking == self._masking:
            return
        if not typing or typing != self._typing:
            self._past = [*self._past[-MOST_UNDONE + 1 :], self._masking]
        self._typing, self._masking = typing, masking
        self._show()

    def _draw(self) -> dict[str, Any]:
        state = {"undo": bool(self._past), "changed": self._masking != self._first}
        return picture_of(self._masking, self._frames) | state

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "text" | "hex":
                data = str(value).encode(errors="replace") if do == "text" else from_hex(str(value))
                self._set_payload(apply_mask(data, self.key) if self._masking.unmask else data, do)
            case "key":
                self._change(do, source=self._masking.source._replace(key=from_hex(str(value))))
            case "wanted":
                self._change(do, wanted=str(value).encode(errors="replace")[:KEPT])
            case "frame":
                self._change(source=self._frames[int(value)])
            case "turn":
                self.turn()
            case "undo":
                self.undo()
            case "reset":
                self.reset()
