"""A played script as SVG: time down, readyState at the left, bufferedAmount as a curve at the right."""

from __future__ import annotations

from collections.abc import Sequence

from wsviz.figures.browser_model import CLOSED, CLOSING, CONNECTING, OPEN, Moment
from wsviz.figures.browser_view import DRAWN, ZERO_WINDOW, Place, Played, in_words, outcome, peak, places
from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, RULE, Canvas, clip, id_of, plain, tint, wrap

WIDTH, EDGE = 800.0, 24.0
BAR, WHO, STEP, HEARD, CURVE = 92.0, 126.0, 182.0, 474.0, 676.0  # width of a state's bar; where the columns begin
LINE, NOTE, PAD = 18.0, 14.0, 8.0
STATES = {CONNECTING: "#e69f00", OPEN: "#56b4e9", CLOSING: "#d55e00", CLOSED: "#8a8a8a", "": "#d5d9de"}
SIDES = {"page": "#0072b2", "server": "#009e73", "network": "#8a8a8a", "loop": "#cc79a7"}
BYTES = COLOURS["length"]


def draw_svg(view: Played) -> str:
    """The whole picture."""
    return _Drawing(view).draw()


def _fits(width: float, size: float) -> int:
    """Characters of that size in a width."""
    return int(width / (CHAR * size))


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, view: Played) -> None:
        self.view, self.canvas, self.y = view, Canvas(), 44.0
        self.most = peak(view.moments)

    def draw(self) -> str:
        name = id_of("b", self.view)
        self._heading()
        self._rows()
        self._gauge()
        title = f"The browser's WebSocket object: {self.view.title}"
        return self.canvas.document(WIDTH, self.y, title=title, description=in_words(self.view), name=name)

    def _heading(self) -> None:
        self.canvas.text(EDGE, self.y, clip(self.view.title, 60), 20, font_weight="bold")
        for line in wrap(plain(self.view.about), _fits(WIDTH - 2 * EDGE, 12)) if self.view.about else ():
            self.y += 18
            self.canvas.text(EDGE, self.y, line, 12, MUTED)
        self.y += 28
        names = ((EDGE, "readyState"), (WHO, "who"), (STEP, "step"), (HEARD, "what the page hears"))
        for x, words in (*names, (CURVE, "bufferedAmount")):
            self.canvas.text(x, self.y, words, 10.5, MUTED)
        self.y += 8

    # The steps

    def _rows(self) -> None:
        before = len(self.view.moments) - DRAWN
        if before > 0:
            self.canvas.text(STEP, self.y + 14, f"{before} steps before", 11, MUTED)
            self.y += 22
        shown = self.view.moments[-DRAWN:]
        tops = []
        for moment in shown:
            tops.append(self.y)
            self._row(moment)
        self._states(shown, [*tops, self.y])
        self._to_come()

    def _row(self, moment: Moment) -> None:
        top = self.y
        fits = _fits(CURVE - HEARD - 8, 11)
        heard = [(kind, line) for kind, words in outcome(moment) for line in wrap(words, fits, 2)]
        call = wrap(moment.step.shown(200), _fits(HEARD - STEP - 12, 12), 2)
        notes = [line for note in moment.notes for line in wrap(note, _fits(HEARD - STEP - 12, 10))]
        height = max(LINE * len(call) + NOTE * len(notes), LINE * len(heard)) + PAD
        if moment.state:
            self._level(moment.buffered, top, height)
        self.canvas.line(WHO - 6, top, WIDTH - EDGE, top, stroke=RULE, stroke_width=0.7)
        y = top + LINE
        self.canvas.rect(WHO - 6, top + 5, 3, height - 9, fill=SIDES[moment.step.who])
        self.canvas.text(WHO + 2, y, moment.step.who, 10.5, MUTED)
        for at, line in enumerate(call):
            self.canvas.text(STEP, y + LINE * at, line, 12, INK)
        for at, note in enumerate(notes):
            self.canvas.text(STEP, y + LINE * (len(call) - 1) + NOTE * (at + 1), note, 10, MUTED)
        for at, (kind, words) in enumerate(heard):
            colour = "#a33c00" if kind == "thrown" else INK
            self.canvas.text(HEARD, y + LINE * at, words, 11, colour, font_weight="bold")
        if moment.state:
            self.canvas.text(CURVE + 5, y, f"{moment.buffered:,}", 11, INK)
        self.y += height

    def _level(self, buffered: int, top: float, height: float) -> None:
        """The curve's piece in this row: as wide as bufferedAmount is large."""
        width = (WIDTH - EDGE - CURVE) * buffered / self.most
        self.canvas.line(CURVE, top, CURVE, top + height, stroke=MUTED)
        if buffered:
            self.canvas.rect(CURVE, top, max(width, 1.5), height, fill=tint(BYTES, 0.4))
            self.canvas.rect(CURVE + max(width, 1.5) - 1.5, top, 1.5, height, fill=BYTES)

    def _states(self, shown: Sequence[Moment], tops: Sequence[float]) -> None:
        """A state's bar spans the rows after whose steps the script would read it."""
        start = 0
        for at in range(1, len(shown) + 1):
            if at < len(shown) and shown[at].state == shown[start].state:
                continue
            state, top, height = shown[start].state, tops[start], tops[at] - tops[start]
            self.canvas.rect(EDGE, top, BAR, height, fill=tint(STATES[state], 0.22))
            self.canvas.rect(EDGE, top, 4, height, fill=STATES[state])
            self.canvas.text(EDGE + 12, top + LINE, state or "no object", 11, INK, font_weight="bold")
            start = at

    def _to_come(self) -> None:
        if not self.view.ahead:
            return
        self.y += 14
        for at, step in enumerate(self.view.ahead):
            self.canvas.text(EDGE, self.y + 12, "" if at else "to come", 11, MUTED)
            self.canvas.text(WHO + 2, self.y + 12, step.who, 10.5, FAINT)
            self.canvas.text(STEP, self.y + 12, step.shown(_fits(WIDTH - EDGE - STEP, 12)), 12, MUTED)
            self.y += 19

    # Where the bytes are

    def _gauge(self) -> None:
        self.y += 26
        if not self.view.moments or not self.view.moments[-1].gauge.total:
            return
        self.canvas.text(EDGE, self.y, "Where the bytes are now, frames with their headers", 12, font_weight="bold")
        self.y += 14
        wide = (WIDTH - 2 * EDGE - 4 * 16) / 5
        found = places(self.view.moments[-1].gauge)
        for at, place in enumerate(found):
            x = EDGE + at * (wide + 16)
            self._tank(place, x, wide)
            if at:
                self.canvas.add("path", d=f"M{x - 13:.1f} {self.y + 32:.1f}h6v-4l6 6l-6 6v-4h-6z", fill=MUTED)
        self.y += 96 + EDGE

    def _tank(self, place: Place, x: float, wide: float) -> None:
        full = ZERO_WINDOW in place.words
        level = min(place.size / (place.room or max(self.most, place.size)), 1) if place.size else 0
        edge = COLOURS["error"] if full else RULE
        self.canvas.rect(x, self.y + 66 * (1 - level), wide, 66 * level, fill=tint(BYTES, 0.4))
        self.canvas.rect(x, self.y, wide, 66, fill="none", stroke=edge, stroke_width=2 if full else 1.2, rx=3)
        self.canvas.text(x + 8, self.y + 18, place.name, 11, INK, font_weight="bold")
        self.canvas.text(x + 8, self.y + 36, f"{place.size:,}", 14, INK)
        self.canvas.text(x + 8, self.y + 54, place.about, 10, INK)
        for at, line in enumerate(place.words.split(", ")):
            colour = "#a33c00" if line == ZERO_WINDOW else MUTED
            self.canvas.text(x + 2, self.y + 80 + 14 * at, line, 10.5, colour)
