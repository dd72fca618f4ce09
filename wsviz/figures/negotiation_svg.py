"""The opening handshake as SVG: outcome, five lanes, the accept key in steps, request and response, findings."""

from __future__ import annotations

from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, RULE, WIDEST, clip, id_of, tint, wrap
from wsviz.figures.frame_pen import EDGE, Pen
from wsviz.figures.frame_svg import draw_findings
from wsviz.figures.negotiation_view import KINDS, NOTHING, SIGNS, Lane, Line, Negotiation

RIGHT = WIDEST - EDGE
STATES = {"agreed": "payload", "failed": "fin", "refused": "fin", "none": "rsv", "unsettled": "rsv"}
COLUMNS = (  # where the columns of the lanes begin, and how many characters fit them
    (EDGE + 134, 25, "client offers"),
    (EDGE + 306, 21, "server would take"),
    (EDGE + 452, 20, "server answers"),
    (EDGE + 614, 21, "what comes of it"),
)
SMALL, MOST = 10.5, 5  # size of a lane's text, and the lines that it may take
HALF = (RIGHT - EDGE - 20) / 2  # width of request and of response
STEP = EDGE + 250  # where the values of the accept key's steps begin


def draw_svg(negotiation: Negotiation, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(negotiation).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, negotiation: Negotiation) -> None:
        self.negotiation = negotiation
        self.pen, self.y = Pen(id_of("n", negotiation)), 0.0

    def draw(self, text: str) -> str:
        pen, title = self.pen, "The opening handshake"
        pen.text(EDGE, 44, title, 20, font_weight="bold")
        pen.text(EDGE, 66, clip(self.negotiation.about, int((RIGHT - EDGE) / (CHAR * 12))), 12, MUTED)
        self._outcomes(82)
        self._lanes()
        self._accept()
        self._messages()
        if self.negotiation.findings:
            self._section("Findings")
            self.y = draw_findings(pen, self.negotiation.findings, RIGHT, self.y)
        return pen.document(WIDEST, self.y + 16, title=title, description=text, name=pen.name, defs=pen.defs())

    def _section(self, words: str) -> None:
        self.y += 30
        self.pen.text(EDGE, self.y, words, 13, font_weight="bold")
        self.y += 12

    def _outcomes(self, y: float) -> None:
        """Three cards: what the server says, what browsers and others do."""
        width = (RIGHT - EDGE - 24) / 3
        limit = int((width - 24) / (CHAR * 11))
        wrapped = [wrap(what, limit) for _, what, _ in self.negotiation.outcomes]
        height = 34 + 15 * max(map(len, wrapped))
        for at, (who, _, good) in enumerate(self.negotiation.outcomes):
            x, colour = EDGE + at * (width + 12), COLOURS["payload" if good else "fin"]
            self.pen.rect(x, y, width, height, fill=tint(colour, 0.12), rx=4)
            self.pen.rect(x, y, 5, height, fill=colour)
            self.pen.text(x + 16, y + 19, f"{'✓' if good else '✕'} {who}", 11, MUTED)
            for index, line in enumerate(wrapped[at]):
                self.pen.text(x + 16, y + 37 + 15 * index, line, 11, font_weight="bold")
        self.y = y + height

    def _lanes(self) -> None:
        self._section("Five negotiations")
        for x, _, name in COLUMNS:
            self.pen.text(x, self.y + 8, name, 10, MUTED)
        self.y += 16
        for at, lane in enumerate(self.negotiation.lanes):
            self._lane(at, lane)
        self.pen.line(EDGE, self.y, RIGHT, self.y, stroke=RULE)

    def _lane(self, at: int, lane: Lane) -> None:
        values = (lane.offered, lane.policy, lane.answered, f"{SIGNS[lane.state]} {lane.state}: {lane.verdict}")
        cells = [_lines(value, limit) for value, (_, limit, _) in zip(values, COLUMNS, strict=True)]
        about = wrap(lane.about, 16)
        height = 14 + 14 * max(*map(len, cells), 1 + len(about))
        self.pen.line(EDGE, self.y, RIGHT, self.y, stroke=RULE)
        x = COLUMNS[3][0] - 8
        self.pen.rect(x, self.y + 1, RIGHT - x, height - 2, fill=tint(COLOURS[STATES[lane.state]], 0.2))
        self._number(at, EDGE + 11, self.y + 17)
        self.pen.text(EDGE + 28, self.y + 18, lane.name, 11, font_weight="bold")
        for index, line in enumerate(about):
            self.pen.text(EDGE + 28, self.y + 32 + 14 * index, line, 10, MUTED)
        for (x, _, _), lines in zip(COLUMNS, cells, strict=True):
            for index, line in enumerate(lines):
                ink = FAINT if lines == [NOTHING] else INK
                self.pen.text(x, self.y + 18 + 14 * index, line, SMALL, ink)
        self.y += height

    def _number(self, at: int, x: float, y: float) -> None:
        """The number of a lane, in its colour and pattern."""
        kind = KINDS[at]
        self.pen.fill(kind, x - 9, y - 9, 18, 18)
        self.pen.rect(x - 9, y - 9, 18, 18, fill="none", stroke=COLOURS[kind], stroke_width=1.5, rx=2)
        self.pen.text(x, y + 4, str(at + 1), 11, INK, text_anchor="middle", font_weight="bold", **self.pen.halo(kind))

    def _accept(self) -> None:
        steps = self.negotiation.accept_steps
        if not steps:
            return
        self._section("The accept key, step by step")
        limit = int((RIGHT - STEP) / (CHAR * 11))
        for index, (what, value) in enumerate(steps):
            self.pen.text(EDGE, self.y + 14, f"{'↓ ' if index else '  '}{what}", 11, MUTED)
            weight = {"font_weight": "bold"} if index == len(steps) - 1 else {}
            for line in wrap(value, limit)[:2]:
                self.pen.text(STEP, self.y + 14, line, 11, INK, **weight)
                self.y += 15
            self.y += 4
        right, words = self.negotiation.accept_verdict
        sign = "✓" if right else "✕"
        self.pen.text(STEP, self.y + 14, clip(f"{sign} {words}", limit), 11, INK if right else MUTED)
        self.y += 16

    def _messages(self) -> None:
        """Request and response, each line with the number of its lane."""
        self._section("What goes over the wire")
        top = self.y + 4
        ends = [
            self._message(EDGE, top, "client → server", self.negotiation.request_lines),
            self._message(EDGE + HALF + 20, top, "server → client", self.negotiation.response_lines),
        ]
        self.y = max(ends)

    def _message(self, x: float, y: float, way: str, lines: tuple[Line, ...]) -> float:
        self.pen.text(x, y + 10, way, 11, MUTED)
        y += 18
        limit = int((HALF - 34) / (CHAR * 10.5))
        for line in lines:
            if line.lane >= 0:
                self._number(line.lane, x + 10, y + 10)
            for part in wrap(line.text, limit)[:3]:
                self.pen.text(x + 28, y + 14, part, 10.5)
                y += 14
            y += 7
        return y


def _lines(text: str, limit: int) -> list[str]:
    """The text in at most MOST lines; what is lost is shown by an ellipsis."""
    lines = wrap(text, limit)
    return lines if len(lines) <= MOST else [*lines[: MOST - 1], clip(lines[MOST - 1] + " …", limit)]
