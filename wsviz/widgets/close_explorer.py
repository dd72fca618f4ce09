"""`CloseExplorer`: how a WebSocket ends. Choose a way, change the Close frame, see what each side's API reports."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from wsviz.capture.connection import Connection
from wsviz.figures.closing import draw
from wsviz.figures.closing_captured import captured_story
from wsviz.figures.closing_scenarios import SCENARIOS, play, scenario_of
from wsviz.figures.closing_story import CloseStory, Report, Step
from wsviz.figures.closing_text import clean_words, in_words
from wsviz.figures.figure import Figure, plain
from wsviz.figures.frame_figure import frame_view
from wsviz.protocol.fields import ProtocolError, Side, WsvizError
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.wire import Opcode, preview
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.frame_picture import picture_of

CAPTURED = "captured"
LONGEST = 2000  # bytes of a reason that stand in its field, and that may be typed; 123 are legal
KEPT = 200  # changes that undo takes back
_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})")


class _Setting(NamedTuple):
    """What the learner has chosen: `scenario` is a key of SCENARIOS, or CAPTURED."""

    scenario: str
    code: int | None = None
    reason: bytes = b""
    by: Side | None = None


class CloseExplorer(PictureWidget):
    """An ending to look at and to change: the name of one of `SCENARIOS`, a captured WebSocket, or a Close frame.

    A Close frame (a Frame, or its bytes) is sent by the side that its mask tells.
    """

    _esm = asset("dom.js", "stage.js", "frame_parts.js", "close_explorer_parts.js", "close_explorer.js")
    _css = asset("theme.css", "frame_diagram.css", "close_explorer.css")

    def __init__(self, ending: str | Connection | Frame | bytes = "client") -> None:
        self._connection = ending if isinstance(ending, Connection) else None
        self._first = _setting_of(ending)
        self._past: list[_Setting] = []
        self._typing = ""
        self._set(self._first)
        super().__init__()
        self._show()

    # What Python knows of it

    @property
    def story(self) -> CloseStory:
        """The steps, the reports and what the rules say."""
        return self._story

    @property
    def scenario(self) -> str:
        """The name of the scenario; "captured" while the captured connection is shown."""
        return self._setting.scenario

    @property
    def reports(self) -> dict[Side, int | None]:
        """The close code that each side's API reports; None where it has learned of no end."""
        return {report.side: report.code for report in self._story.reports}

    def choose(self, scenario: str) -> None:
        """Show another scenario, with its own code and reason; "captured" goes back to the captured connection."""
        self._change(self._scenario(scenario))
        self._show()

    @property
    def figure(self) -> Figure:
        return draw(self._story)

    # Changes

    def _scenario(self, name: str) -> _Setting:
        if name == CAPTURED and self._connection is not None:
            return _Setting(CAPTURED)
        return _setting_of(name)

    def _change(self, setting: _Setting, *, typing: str = "") -> None:
        """Take another setting; a run of `typing` in the same field is one change."""
        before = self._setting
        if setting == before:
            return
        self._set(setting)  # raises where it cannot be, and then nothing has changed
        if not typing or typing != self._typing:
            self._past = [*self._past[1 - KEPT :], before]
        self._typing = typing

    def _set(self, setting: _Setting) -> None:
        if setting.scenario == CAPTURED and self._connection is not None:
            self._story = captured_story(self._connection)
        else:
            self._story = play(setting.scenario, code=setting.code, reason=setting.reason, by=setting.by)
        self._setting = setting
        self._chosen = self._story.first_close

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "scenario" if value in SCENARIOS or (value == CAPTURED and self._connection is not None):
                self._change(self._scenario(value))
            case "code":
                code = _code(str(value))
                reason = b"" if code is None else self._setting.reason
                self._change(self._setting._replace(code=code, reason=reason), typing=do)
            case "reason":
                self._change(self._setting._replace(reason=_reason(str(value))), typing=do)
            case "by":
                self._change(self._setting._replace(by=Side(value)))
            case "step":
                if not self._story.steps[int(value)].raw:
                    raise IndexError("this step sends no frame")
                self._chosen = int(value)
                self.selection = []
            case "undo" if self._past:
                self._set(self._past.pop())
                self._typing = ""
            case "reset":
                self._change(self._first)

    # The picture

    def _draw(self) -> dict[str, Any]:
        story, setting = self._story, self._setting
        names = [[name, scenario.title] for name, scenario in SCENARIOS.items()]
        if self._connection is not None:
            names.insert(0, [CAPTURED, "as captured"])
        played = SCENARIOS.get(setting.scenario)
        first = story.steps[story.first_close] if story.first_close is not None else None
        return {
            "title": plain(story.title),
            "about": plain(story.about),
            "scenario": setting.scenario,
            "scenarios": names,
            "steps": [_step(step) for step in story.steps],
            "chosen": -1 if self._chosen is None else self._chosen,
            "reports": [_report(report) for report in story.reports],
            "duties": [[plain(duty.words), duty.section] for duty in story.duties],
            "frame": self._frame(),
            "editable": played is not None and played.has_close,
            "code": "" if setting.code is None else str(setting.code),
            "reason": plain(setting.reason[:LONGEST].decode(errors="backslashreplace")),
            "turnable": played is not None and played.how in ("close", "FIN", "RST"),
            "by": setting.by or (played.by if played else (first.sender if first else None)) or Side.CLIENT,
            "undo": bool(self._past),
            "changed": setting != self._first,
            "words": in_words(story),
        }

    def _frame(self) -> dict[str, Any] | None:
        """The chosen step's frame, as the frame diagram has it."""
        if self._chosen is None:
            return None
        step = self._story.steps[self._chosen]
        view = frame_view(step.raw, sender=step.sender, extensions=self._story.extensions)
        return picture_of(view, 16, step.raw, b"")


def _step(step: Step) -> dict[str, Any]:
    return {
        "sender": step.sender or "",
        "kind": step.kind,
        "words": plain(step.words),
        "note": step.note,
        "lost": not step.heeded and "ignores" not in step.note,
        "states": [*step.states],
        "frame": bool(step.raw),
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "side": report.side,
        "code": "—" if report.code is None else str(report.code),
        "name": report.name,
        "reason": plain(f"reason {preview(report.reason)}") if report.reason else "no reason",
        "clean": clean_words(report) if report.code is not None else f"readyState {report.state}",
        "tone": {True: "good", False: "bad", None: "open"}[report.clean],
        "why": plain(report.why),
        "section": report.section,
    }


def _setting_of(ending: object) -> _Setting:
    """What to begin with; raises WsvizError for what does not end a WebSocket."""
    if isinstance(ending, Connection):
        return _Setting(CAPTURED)
    if isinstance(ending, str):
        scenario = scenario_of(ending)
        return _Setting(ending, scenario.code, scenario.reason)
    frame = dissect_frame(ending).value if isinstance(ending, bytes | bytearray | memoryview) else ending
    if not isinstance(frame, Frame):
        raise WsvizError(f"got {type(ending).__name__}, expected a captured connection, a Close frame or a scenario")
    if frame.opcode != Opcode.CLOSE or len(frame.payload) == 1:
        raise WsvizError(f"this is {frame!r:.80}, expected a Close frame without a body or with a code")
    by = Side.CLIENT if frame.masked else Side.SERVER
    return _Setting(str(by), frame.close_code, frame.payload[2:])


def _code(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ProtocolError(f"{plain(text)[:20]!r} is no status code, expected a number such as 1000, or nothing")
    return int(text)


def _reason(text: str) -> bytes:
    r"""A reason as it is typed: \xe9 stands for that byte, so that a reason that is no UTF-8 can be had."""
    data = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), text.encode(errors="replace"))
    if len(data) > LONGEST:
        raise ProtocolError(f"the reason has {len(data):,} bytes; more than {LONGEST:,} are not taken, 123 are legal")
    return data
