"""The picture of an ending as SVG: the steps between two lanes, each side's readyState outside, then the reports."""

from __future__ import annotations

from wsviz.figures.closing_story import CLOSED, CLOSING, OPEN, CloseStory, Duty, Report, Step
from wsviz.figures.closing_text import clean_words
from wsviz.figures.figure import CHAR, FAINT, INK, MUTED, RULE, clip, columns, id_of, plain, tint, wrap
from wsviz.figures.frame_figure import frame_view
from wsviz.figures.frame_pen import EDGE, Pen
from wsviz.figures.frame_svg import draw_boxes, draw_fields, draw_findings
from wsviz.protocol.fields import Side
from wsviz.protocol.wire import preview

WIDTH, CLIENT, SERVER, BAR = 800.0, 132.0, 668.0, 92.0  # the picture; the lanes; a bar of readyStates
ROW, ARROW = 40.0, 29.0  # the height of a step; how far below its row's top an arrow lies
KINDS = {"close": "#cc79a7", "frame": "#009e73", "FIN": "#6b7280", "RST": "#d55e00", "wait": "#6b7280"}
STATES = {OPEN: "#56b4e9", CLOSING: "#d55e00", CLOSED: "#8a8a8a"}


def draw_svg(story: CloseStory, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(story).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, story: CloseStory) -> None:
        self.story, self.canvas, self.y = story, Pen(id_of("c", story)), 44.0

    def draw(self, text: str) -> str:
        self._heading()
        self._ladder()
        self._reports()
        self._duties()
        self._frame()
        title = f"How a WebSocket ends: {self.story.title}"
        return self.canvas.document(
            WIDTH, self.y + EDGE, title=title, description=text, name=self.canvas.name, defs=self.canvas.defs()
        )

    def _heading(self) -> None:
        self.canvas.text(EDGE, self.y, clip(self.story.title, 60), 20, font_weight="bold")
        for line in wrap(plain(self.story.about), int((WIDTH - 2 * EDGE) / (CHAR * 12)))[:6]:
            self.y += 18
            self.canvas.text(EDGE, self.y, line, 12, MUTED)
        self.y += 26

    # The ladder

    def _ladder(self) -> None:
        top = self.y + 22
        bottom = top + ROW * len(self.story.steps) + 12
        for x, side in ((CLIENT, "client"), (SERVER, "server")):
            self.canvas.text(x, self.y + 8, side, 13, INK, text_anchor="middle", font_weight="bold")
            self.canvas.line(x, top - 6, x, bottom, stroke=INK, stroke_width=2)
        for x, anchor in ((EDGE, "start"), (WIDTH - EDGE, "end")):
            self.canvas.text(x, self.y + 8, "readyState", 10, MUTED, text_anchor=anchor)
        for at, step in enumerate(self.story.steps):
            self._step(step, top + ROW * at)
        for number, x in ((0, EDGE), (1, WIDTH - EDGE - BAR)):
            self._states([step.states[number] for step in self.story.steps], x, top, bottom)
        self.y = bottom + 22

    def _states(self, states: list[str], x: float, top: float, bottom: float) -> None:
        """A state begins at the arrow that brings it."""
        spans = [(OPEN, top - 6)]
        for at, state in enumerate(states):
            if state != spans[-1][0]:
                spans.append((state, top + ROW * at + ARROW))
        for at, (state, start) in enumerate(spans):
            end = spans[at + 1][1] if at + 1 < len(spans) else bottom
            self.canvas.rect(x, start, BAR, end - start, fill=tint(STATES[state], 0.22))
            self.canvas.rect(x, start, 4, end - start, fill=STATES[state])
            y = (start + end) / 2 + 4
            self.canvas.text(x + BAR / 2 + 2, y, state, 11, INK, text_anchor="middle", font_weight="bold")

    def _step(self, step: Step, top: float) -> None:
        y, colour = top + ARROW, KINDS[step.kind]
        note = int(len(step.note) * CHAR * 10.5) + 14 if step.note else 0
        words = clip(plain(step.words), int((SERVER - CLIENT - 34 - note) / (CHAR * 12)))
        if step.sender is None:
            middle = (CLIENT + SERVER) / 2
            box: dict[str, str | float] = {"fill": "none", "stroke": colour, "stroke_dasharray": "4 3", "rx": 4}
            self.canvas.rect(CLIENT + 10, top + 8, SERVER - CLIENT - 20, ROW - 14, **box)
            self.canvas.text(middle, top + 26, words, 12, INK, text_anchor="middle", font_style="italic")
            return
        from_client = step.sender is Side.CLIENT
        near, forth, anchor = (CLIENT, 1, "start") if from_client else (SERVER, -1, "end")
        bold = {"font_weight": "bold"} if step.kind == "close" else {}
        self.canvas.text(near + 12 * forth, y - 8, words, 12, INK, text_anchor=anchor, **bold)
        if step.note:
            far, other = (SERVER - 12, "end") if from_client else (CLIENT + 12, "start")
            self.canvas.text(far, y - 8, step.note, 10.5, MUTED, text_anchor=other)
        end = near + forth * (SERVER - CLIENT) * (1 if step.heeded or "ignores" in step.note else 0.72)
        dashes = {} if from_client else {"stroke_dasharray": "6 4"}
        width = 3 if step.kind == "close" else 1.8
        self.canvas.line(near + forth, y, end - forth * 9, y, stroke=colour, stroke_width=width, **dashes)
        if end in (CLIENT, SERVER):
            self.canvas.add("path", d=f"M{end - forth:.2f} {y:.2f}l{-10 * forth} -5v10z", fill=colour)
        else:  # lost on its way
            self.canvas.add("path", d=f"M{end - 6:.2f} {y - 6:.2f}l12 12m0 -12l-12 12", stroke=INK, stroke_width=2)

    # What stands below

    def _section(self, words: str) -> None:
        self.canvas.text(EDGE, self.y, words, 12, INK, font_weight="bold")
        self.y += 12

    def _reports(self) -> None:
        self._section("What each side's API reports")
        width = (WIDTH - 2 * EDGE - 16) / 2
        limit = int((width - 32) / (CHAR * 11))
        lines = [
            wrap(f"{each.why}{f' ({each.section})' if each.section else ''}", limit) for each in self.story.reports
        ]
        height = 78 + 15 * max(map(len, lines))
        for at, each in enumerate(self.story.reports):
            self._report(each, lines[at], EDGE + at * (width + 16), width, height)
        self.y += height + 32

    def _report(self, report: Report, lines: list[str], x: float, width: float, height: float) -> None:
        clean = {True: "#009e73", False: "#d55e00", None: FAINT}[report.clean]
        self.canvas.rect(x, self.y, width, height, fill=tint(clean, 0.1), rx=4)
        self.canvas.rect(x, self.y, 5, height, fill=clean)
        self.canvas.text(x + 18, self.y + 20, report.side, 11, MUTED)
        words = clean_words(report) if report.code is not None else f"readyState {report.state}"
        self.canvas.text(x + width - 12, self.y + 20, words, 11, INK, text_anchor="end")
        code = "—" if report.code is None else str(report.code)
        end = self.canvas.text(x + 18, self.y + 46, code, 22, INK, font_weight="bold") + 10
        self.canvas.text(end, self.y + 46, report.name, 13, INK)
        reason = f"reason {preview(report.reason)}" if report.reason else "no reason"
        room = int((width - 32) / (CHAR * 11))
        self.canvas.text(x + 18, self.y + 65, clip(plain(reason), room), 11, INK if report.reason else MUTED)
        for line in lines:
            self.canvas.text(x + 18, self.y + 82, line, 11, MUTED)
            self.y += 15
        self.y -= 15 * len(lines)

    def _duties(self) -> None:
        self._section("What the rules say")
        for duty in self.story.duties:
            self._duty(duty)
        self.y += 20

    def _duty(self, duty: Duty) -> None:
        room = WIDTH - 2 * EDGE - columns(duty.section) * CHAR * 10.5 - 40
        self.y += 8
        for at, line in enumerate(wrap(duty.words, int(room / (CHAR * 11.5)))):
            self.canvas.text(EDGE + 16, self.y + 8, line, 11.5, INK)
            if not at:
                self.canvas.text(EDGE, self.y + 8, "•", 11.5, MUTED)
                self.canvas.text(WIDTH - EDGE, self.y + 8, duty.section, 10.5, MUTED, text_anchor="end")
            self.y += 16

    def _frame(self) -> None:
        """The first Close frame, byte by byte."""
        at = self.story.first_close
        if at is None:
            self.y -= 14
            return
        step = self.story.steps[at]
        view = frame_view(step.raw, sender=step.sender, extensions=self.story.extensions)
        self.canvas.line(EDGE, self.y - 14, WIDTH - EDGE, self.y - 14, stroke=RULE)
        self.y += 8
        self._section(f"The {step.sender}'s Close frame: {view.sum}")
        right = WIDTH - EDGE
        self.y = draw_boxes(self.canvas, view.boxes, right, self.y) + 14
        self.y = draw_findings(self.canvas, view.findings, right, self.y)
        self._bytes(view.raw, [view.part_at(8 * place).kind for place in range(len(view.raw))])
        for kind, words in view.remarks(len(view.raw)):
            if kind == "more":
                self.canvas.text(EDGE, self.y + 6, words, 11, MUTED)
                self.y += 20
        self.y = draw_fields(self.canvas, view.parts, right, self.y + 8)

    def _bytes(self, raw: bytes, kinds: list[str]) -> None:
        wide = (WIDTH - 2 * EDGE) / 20
        for at, (value, kind) in enumerate(zip(raw, kinds, strict=True)):
            x, y = EDGE + at % 20 * wide, self.y + at // 20 * 30
            self.canvas.fill(kind, x + 1, y, wide - 2, 26)
            look = {"text_anchor": "middle", "font_weight": "bold"} | self.canvas.halo(kind)
            self.canvas.text(x + wide / 2, y + 18, f"{value:02x}", 13, INK, **look)
        self.y += -(-len(raw) // 20) * 30 + 6
