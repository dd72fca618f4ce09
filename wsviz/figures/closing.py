"""`close_ladder`: how a WebSocket ends, who says what, and what each side's API reports of it."""

from __future__ import annotations

from wsviz.capture.connection import Connection
from wsviz.figures.closing_captured import captured_story
from wsviz.figures.closing_scenarios import play, scenario_of
from wsviz.figures.closing_story import CloseStory
from wsviz.figures.closing_svg import draw_svg
from wsviz.figures.closing_text import draw_text, in_words
from wsviz.figures.figure import Figure
from wsviz.protocol.fields import WsvizError


def close_ladder(ending: str | Connection | CloseStory) -> Figure:
    """Draw an ending: one of `SCENARIOS` by its name, that of a captured WebSocket, or any story.

    Below the steps stand what both APIs report, what the rules ask for, and the first Close frame byte by byte.
    """
    return draw(story_of(ending))


def draw(story: CloseStory) -> Figure:
    """The figure of a story."""
    return Figure(draw_svg(story, in_words(story)), draw_text(story))


def story_of(ending: str | Connection | CloseStory) -> CloseStory:
    """The story of anything that ends; raises WsvizError for the rest."""
    if isinstance(ending, CloseStory):
        return ending
    if isinstance(ending, Connection):
        return captured_story(ending)
    if not isinstance(ending, str):
        raise WsvizError(f"got {type(ending).__name__}, expected a captured connection or the name of a scenario")
    scenario = scenario_of(ending)
    return play(ending, code=scenario.code, reason=scenario.reason)
