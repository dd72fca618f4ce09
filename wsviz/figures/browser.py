"""`api_timeline`: what a script in a browser sees of its WebSocket, step by step, and where the bytes are."""

from __future__ import annotations

from wsviz.figures.browser_svg import draw_svg
from wsviz.figures.browser_text import draw_text
from wsviz.figures.browser_view import Played, played
from wsviz.figures.figure import Figure


def api_timeline(script: str) -> Figure:
    """Draw a script of the browser's API, or one of `STORIES` by its name.

    A row a step, with calls, events and exceptions, between readyState and bufferedAmount; below, the gauge of the
    bytes on their way. `wsviz.figures.browser_steps` has the language of scripts.
    """
    return draw(played(script))


def draw(view: Played) -> Figure:
    """The figure of a script that has been played."""
    return Figure(draw_svg(view), draw_text(view))
