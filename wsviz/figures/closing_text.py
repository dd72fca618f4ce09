"""An ending as text, in at most 100 columns, and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.closing_story import CloseStory, Report
from wsviz.figures.figure import clip, columns, plain, wrap
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import preview

WIDTH, STATE = 100, 10


def draw_text(story: CloseStory) -> str:
    """The steps between both sides' readyStates, the reports, and who must do what."""
    return "\n".join(line.rstrip() for line in _lines(story))


def in_words(story: CloseStory) -> str:
    """The picture for those who cannot see it."""
    said = [f"{story.title}. {story.about}"]
    for step in story.steps:
        who = f"{step.sender} to {step.sender.other}: " if step.sender else ""
        note = f" ({step.note})" if step.note else ""
        said.append(f"{who}{step.words}{note}; then the client is {step.states[0]}, the server {step.states[1]}")
    said += [f"The {each.side} reports {report_words(each)}: {each.why}" for each in story.reports]
    return " ".join(f"{words.rstrip('.')}." for words in [*said, *(duty.words for duty in story.duties)])


def report_words(report: Report) -> str:
    """What a side's API says, in a line."""
    if report.code is None:
        return f"nothing yet, readyState {report.state}"
    reason = f" {preview(report.reason)}" if report.reason else ""
    return f"{report.code} {report.name}{reason}, {clean_words(report)}"


def clean_words(report: Report) -> str:
    """`wasClean`, as far as it is known."""
    return "wasClean unknown" if report.clean is None else f"wasClean {str(report.clean).lower()}"


def _lines(story: CloseStory) -> Iterator[str]:
    yield story.title
    yield from wrap(plain(story.about), WIDTH)
    yield ""
    yield f"{'client':<{STATE}}{'server':>{WIDTH - STATE}}"
    lane = WIDTH - 2 * STATE - 2
    for step in story.steps:
        note = f"  ({step.note})" if step.note else ""
        words = clip(plain(step.words + note), lane - 8)
        fill = lane - 3 - columns(words)
        if step.sender is None:
            arrow = f"{words:^{lane}}"
        elif step.sender is Side.CLIENT:
            arrow = f" {words} {'-' * fill}>" if step.heeded else f" {words} {'-' * (fill - 4)}x    "
        else:
            arrow = f"<{'.' * fill} {words} " if step.heeded else f"    x{'.' * (fill - 4)} {words} "
        yield f"{step.states[0]:<{STATE}}|{arrow}|{step.states[1]:>{STATE}}"
    yield ""
    for report in story.reports:
        yield from wrap(plain(f"{report.side} reports {report_words(report)}: {report.why}"), WIDTH)
    yield ""
    for duty in story.duties:
        yield from wrap(f"- {duty.words}{f' ({duty.section})' if duty.section else ''}", WIDTH)
