"""`FrameDiagram`: one frame, bit by bit, to take hold of. Flip a bit and see what it does.

The page holds no decoder. It sends what the learner wants ("flip bit 8", "the payload is now 'Hi'"), and Python
decodes the bytes anew.
"""

from __future__ import annotations

from typing import Any

import traitlets

from wsviz.figures.figure import Figure
from wsviz.figures.frame_figure import draw, is_frame, missing_bytes
from wsviz.figures.frame_view import FrameView, body_of, sender_of, view_of
from wsviz.protocol.fields import Dissection, Incomplete, Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.wire import FIN, OPCODE, RSV1, RSV2, RSV3, Opcode
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget, from_hex
from wsviz.widgets.frame_picture import picture_of

RFC_KEY = bytes.fromhex("37fa213d")  # of the example in RFC 6455 5.7; nothing here is random
HELLO = Frame.text("Hello", masking_key=RFC_KEY)
KEPT = 4_000_000  # bytes of earlier frames that undo may hold
FLAGS = {"fin": FIN, "rsv1": RSV1, "rsv2": RSV2, "rsv3": RSV3}


class FrameDiagram(PictureWidget):
    """One frame to look at and to change: a Frame, bytes, hex digits, or the dissection of a frame.

    `data` are the bytes, with what follows the frame; `sender` and `extensions` are what `dissect_frame` takes.
    """

    _esm = asset("dom.js", "stage.js", "frame_parts.js", "frame_controls.js", "frame_diagram.js")
    _css = asset("theme.css", "frame_diagram.css")

    data = traitlets.Bytes()
    sender = traitlets.Enum([*Side], default_value=None, allow_none=True)
    extensions = traitlets.Unicode("", allow_none=True)
    bits_per_row = traitlets.Enum([16, 32], default_value=16)

    def __init__(
        self,
        frame: Frame | bytes | str | Dissection[Frame] | Dissection[None] = HELLO,
        *,
        sender: Side | str | None = None,
        extensions: str | None = "",
        bits_per_row: int = 16,
    ) -> None:
        self._past: list[bytes] = []
        self._typing = ""
        self._given: Dissection[Frame] | Dissection[None] | None = None
        data = _bytes_of(frame)
        if isinstance(frame, Dissection):
            self._given = frame
            sender, extensions = sender or sender_of(frame), extensions or _extensions_of(frame)
        self._first = data
        self._judged = (sender, extensions)
        super().__init__()
        with self.hold_trait_notifications():
            self.sender = None if sender is None else Side(sender)
            self.extensions, self.bits_per_row, self.data = extensions, bits_per_row, data
        self._decode()
        self.observe(self._decode, ["data", "sender", "extensions", "bits_per_row"])

    # What Python and the page agree on

    @property
    def _side(self) -> Side | None:
        return None if self.sender is None else Side(self.sender)

    @property
    def dissection(self) -> Dissection[Frame] | Dissection[None]:
        """The dissection of the bytes; partial, its value None, where they end before the frame does."""
        return self._dissection

    @property
    def frame(self) -> Frame | None:
        """The frame, or None where the bytes end before it does. Setting it is a change that undo takes back."""
        return self._dissection.value

    @frame.setter
    def frame(self, frame: Frame) -> None:
        self._change(frame.serialize())

    @property
    def view(self) -> FrameView:
        """What is drawn."""
        rest = self.data[len(self._dissection.raw) :]
        return view_of(self._dissection, sender=self._side, missing=self._missing, rest=rest)

    def flip(self, bit: int) -> None:
        """Flip one bit of the bytes, counted from the first; everything is decoded anew."""
        if not 0 <= bit < 8 * len(self.data):
            raise IndexError(f"bit {bit}, expected 0 to {8 * len(self.data) - 1}")
        changed = bytearray(self.data)
        changed[bit // 8] ^= 0b1000_0000 >> bit % 8
        self._change(bytes(changed))

    def undo(self) -> None:
        """Take back the last change."""
        if self._past:
            self.data = self._past.pop()
        self._typing = ""

    def reset(self) -> None:
        """Go back to the first bytes; undo takes this back as well."""
        self._change(self._first)

    @property
    def figure(self) -> Figure:
        return draw(self.view, self.bits_per_row)

    # Decoding

    def _decode(self, _change: object = None) -> None:
        self._missing = 0
        if self._given is not None and (self.data, self.sender, self.extensions) == (self._first, *self._judged):
            # A dissection that was handed in knows more than its bytes: it stays until something changes.
            self._dissection, self._missing = self._given, missing_bytes(self._given)
        else:
            try:
                self._dissection = dissect_frame(self.data, sender=self._side, extensions=self.extensions)
            except Incomplete as error:
                self._dissection, self._missing = error.partial, error.needed
        self._show()

    def _draw(self) -> dict[str, Any]:
        state = {"undo": bool(self._past), "changed": self.data != self._first}
        payload = body_of(self._dissection)
        return picture_of(self.view, self.bits_per_row, self.data, payload) | state

    def _change(self, data: bytes, *, typing: str = "") -> None:
        """Take new bytes; a run of `typing` in the same field is one change."""
        if data == self.data:
            return
        if not typing or typing != self._typing:
            self._past.append(self.data)
            while len(self._past) > 1 and sum(map(len, self._past)) > KEPT:
                del self._past[0]
        self._typing, self.data = typing, data

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "flip":
                self.flip(int(value))
            case "undo":
                self.undo()
            case "reset":
                self.reset()
            case "text":
                self._change(self._with_text(str(value)).serialize(), typing=do)
            case "hex":
                self._change(from_hex(str(value)), typing=do)
            case "fin" | "rsv1" | "rsv2" | "rsv3" if self.data:
                self._first_byte(FLAGS[do], FLAGS[do] if value else 0)
            case "opcode" if self.data:
                self._first_byte(OPCODE, int(value) & OPCODE)
            case "mask":
                key = (self._parts().get("masking_key") or RFC_KEY) if value else None
                self._change(self._rebuilt(masking_key=key).serialize())
            case "key":
                self._change(self._rebuilt(masking_key=from_hex(str(value))).serialize(), typing=do)
            case "sender":
                self.sender = Side(value) if value else None
            case "bits_per_row":
                self.bits_per_row = int(value)

    def _first_byte(self, mask: int, bits: int) -> None:
        self._change(bytes([self.data[0] & ~mask | bits]) + self.data[1:])

    def _parts(self) -> dict[str, Any]:
        """What there is of the frame, also where it is cut: what a Frame is made from, but for its length form."""
        view, raw = self.view, self._dissection.raw
        first = raw[0] if raw else FIN | Opcode.TEXT
        flags = {name: bool(first & bit) for name, bit in FLAGS.items()}
        payload = body_of(self._dissection)
        key = view.key if len(view.key) == 4 else None
        return {"opcode": first & OPCODE, "payload": payload, "masking_key": key, **flags}

    def _rebuilt(self, **changes: Any) -> Frame:
        """The frame encoded anew, its length counted anew."""
        return Frame(**(self._parts() | changes))

    def _with_text(self, text: str) -> Frame:
        """The frame with another text; a Close frame keeps its status code, and the text is the reason."""
        body = text.encode(errors="replace")
        parts = self._parts()
        if parts["opcode"] == Opcode.CLOSE and body:
            body = (parts["payload"][:2] if len(parts["payload"]) >= 2 else b"\x03\xe8") + body
        elif parts["opcode"] == Opcode.CLOSE:
            body = parts["payload"][:2]
        return self._rebuilt(payload=body)


def _bytes_of(frame: Frame | bytes | str | Dissection[Frame] | Dissection[None]) -> bytes:
    if isinstance(frame, Dissection):
        if not is_frame(frame):
            raise TypeError(f"this is a dissection of {type(frame.value).__name__}, expected one of a frame")
        return frame.raw
    if isinstance(frame, Frame):
        return frame.serialize()
    return from_hex(frame) if isinstance(frame, str) else bytes(frame)


def _extensions_of(dissection: Dissection[Any]) -> str:
    """RSV1 without a complaint was negotiated."""
    rsv1 = dissection.field("RSV1")
    complaint = any(finding.field == "RSV1" for finding in dissection.findings)
    return "permessage-deflate" if rsv1 and rsv1.value and not complaint else ""
