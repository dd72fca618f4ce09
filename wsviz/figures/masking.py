"""`mask_steps`: a masking key at work, byte by byte, and why each frame has a fresh one, as a picture."""

from __future__ import annotations

from wsviz.figures.figure import Figure
from wsviz.figures.masking_svg import draw_svg
from wsviz.figures.masking_text import draw_text, in_words
from wsviz.figures.masking_view import Maskable, Masking, masking_of


def mask_steps(thing: Maskable = "Hello", key: bytes | None = None, *, unmask: bool = False) -> Figure:
    """Draw how a payload is masked: text, bytes, a Frame, a captured frame, or a connection's client frames.

    `key` has 4 bytes; without it the frame's own is used, or that of the RFC's example. With `unmask` the picture
    goes the other way, and bytes are masked ones. At most 32 bytes are drawn, the rest is counted. Of what was
    captured, secrets are drawn as asterisks unless the capture was read with `reveal=True`.
    """
    return draw(masking_of(thing, key, unmask=unmask))


def draw(masking: Masking) -> Figure:
    """The figure of a masking."""
    return Figure(draw_svg(masking, in_words(masking)), draw_text(masking))
