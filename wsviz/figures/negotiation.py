"""`handshake_lanes`: the opening handshake as five negotiations side by side, as a picture."""

from __future__ import annotations

from wsviz.figures.figure import Figure
from wsviz.figures.negotiation_svg import draw_svg
from wsviz.figures.negotiation_text import draw_text, in_words
from wsviz.figures.negotiation_view import EXAMPLE, Negotiable, Negotiation, Policy, negotiation_of
from wsviz.protocol.wire import Bytes


def handshake_lanes(
    handshake: Negotiable = EXAMPLE,
    response: Bytes | None = None,
    *,
    policy: Policy | None = None,
    reveal: bool = False,
) -> Figure:
    """Draw an opening handshake: a Handshake, a captured connection, or the bytes of a request and its response.

    A request alone is answered by a server of that `policy`. Secrets are drawn as asterisks unless `reveal` is True
    or the capture was read with it.
    """
    return draw(negotiation_of(handshake, response, policy=policy, reveal=reveal))


def draw(negotiation: Negotiation) -> Figure:
    """The figure of a negotiation."""
    return Figure(draw_svg(negotiation, in_words(negotiation)), draw_text(negotiation))
