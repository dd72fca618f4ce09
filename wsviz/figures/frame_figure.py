"""`bit_diagram`: one frame, or one packet of scapy's, bit by bit, as a picture."""

from __future__ import annotations

from typing import Any

from wsviz.figures.figure import Figure
from wsviz.figures.frame_svg import draw_svg
from wsviz.figures.frame_text import draw_text, in_words
from wsviz.figures.frame_view import FrameView, view_of
from wsviz.protocol.fields import Dissection, Incomplete, Side
from wsviz.protocol.frames import Frame, dissect_frame


def bit_diagram(
    frame: Any,
    *,
    bits_per_row: int | None = None,
    sender: Side | str | None = None,
    extensions: str | None = "",
) -> Figure:
    """Draw one frame bit by bit: a Frame, the bytes of one, cut or followed by others, or its dissection.

    A packet of scapy's is drawn layer by layer, with `wsviz.capture.scapy_layer.WebSocket` drawn as the frame it is.
    `bits_per_row` is 16, or 32 as in the RFCs; without it a frame has 16 and a packet 32. `sender` and `extensions`
    are used where there are bytes to dissect, as in `dissect_frame`; for packets they are not.
    """
    if bits_per_row not in (None, 16, 32):
        raise ValueError(f"bits_per_row is {bits_per_row}, expected 16 or 32")
    if hasattr(type(frame), "fields_desc"):  # scapy is loaded only for those who bring a packet of its
        from wsviz.figures.packet_figure import packet_diagram

        return packet_diagram(frame, bits_per_row or 32)
    return draw(frame_view(frame, sender=sender, extensions=extensions), bits_per_row or 16)


def draw(view: FrameView, bits_per_row: int = 16) -> Figure:
    """The figure of a view."""
    return Figure(draw_svg(view, bits_per_row, in_words(view)), draw_text(view, bits_per_row))


def frame_view(
    frame: Frame | bytes | Dissection[Frame] | Dissection[None],
    *,
    sender: Side | str | None = None,
    extensions: str | None = "",
) -> FrameView:
    """The view of anything that is a frame; raises TypeError for the rest."""
    side = None if sender is None else Side(sender)
    if isinstance(frame, Dissection):
        if not is_frame(frame):
            raise TypeError(f"this is a dissection of {type(frame.value).__name__}, expected one of a frame")
        return view_of(frame, sender=side, missing=missing_bytes(frame))
    if isinstance(frame, Frame):
        return view_of(dissect_frame(frame.serialize(), sender=side, extensions=extensions), sender=side)
    if not isinstance(frame, bytes | bytearray | memoryview):
        raise TypeError(f"got {type(frame).__name__}, expected a Frame, bytes or a Dissection of a frame")
    data = bytes(frame)
    try:
        dissection = dissect_frame(data, sender=side, extensions=extensions)
    except Incomplete as error:
        return view_of(error.partial, sender=side, missing=error.needed)
    return view_of(dissection, sender=side, rest=data[len(dissection.raw) :])


def is_frame(dissection: Dissection[Any]) -> bool:
    """Whether a dissection is that of a frame, whole or cut."""
    if dissection.value is not None:
        return isinstance(dissection.value, Frame)
    return not dissection.fields or dissection.fields[0].name == "FIN"


def missing_bytes(dissection: Dissection[Frame] | Dissection[None]) -> int:
    """Bytes that a partial dissection lacks."""
    if dissection.value is not None:
        return 0
    try:
        dissect_frame(dissection.raw)
    except Incomplete as error:
        return error.needed
    return 0
