"""The picture of a ladder as SVG: a lane an endpoint, an arrow a step, the client's state along its lane."""

from __future__ import annotations

from wsviz.figures.figure import CHAR, FAINT, INK, MUTED, PAPER, Canvas, clip, columns, id_of, tint
from wsviz.figures.ladder_steps import Step
from wsviz.figures.ladder_view import LadderView, duration_in_words
from wsviz.protocol.fields import Side

EDGE, ROW, PAUSE = 24.0, 34.0, 26.0  # the outer margin; the heights of a step and of a pause before it
GAPS = {1: 560.0, 2: 440.0}  # from lane to lane, by the number of connections
TIME, PACKET, BAR = 78.0, 62.0, 96.0  # widths of the columns to the left of the client's lane
TOP, ARROW = 122.0, 25.0  # where the steps begin; how far below its row's top an arrow lies
NAMES = 32  # columns that an endpoint's name can have
KINDS = {"tcp": "#6b7280", "tls": "#e69f00", "http": "#0072b2", "data": "#009e73", "control": "#cc79a7"}
STATES = {"CONNECTING": "#e69f00", "OPEN": "#56b4e9", "CLOSING": "#d55e00", "CLOSED": "#8a8a8a"}


def draw_svg(view: LadderView, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view).draw(text)


class _Drawing:
    """One picture in the making."""

    def __init__(self, view: LadderView) -> None:
        self.view, self.canvas = view, Canvas()
        legs = len(view.lanes) - 1
        self.gap = GAPS[legs]
        self.client = EDGE + TIME + PACKET + (BAR if view.has_states else 20)
        self.lanes = [self.client + self.gap * lane for lane in range(legs + 1)]
        self.right = self.lanes[-1] + 34
        self.tops, y = list[float](), TOP
        for step in view.steps:
            y += PAUSE if step.pause else 0
            self.tops.append(y)
            y += ROW
        self.bottom = y + 14

    def draw(self, text: str) -> str:
        view = self.view
        self._heading()
        self._states()
        for top in self.tops[1::2]:
            self.canvas.rect(self.client, top, self.lanes[-1] - self.client, ROW, fill="#f6f7f9")
        self._lanes()
        for step, top in zip(view.steps, self.tops, strict=True):
            if step.pause:
                self._pause(step.pause, top - PAUSE)
            self._row(step, top)
        y = self._foot(self.bottom + 26)
        name = id_of("l", view)
        ends = f" from {view.client} to {view.server}" if view.client else ""
        title = f"{view.title}{ends}"
        return self.canvas.document(self.right + EDGE, y, title=title, description=text, name=name)

    def _heading(self) -> None:
        x = self.canvas.text(EDGE, 44, self.view.title, 20, font_weight="bold") + 14
        self.canvas.text(x, 43, self.view.facts, 12, MUTED)
        y = TOP - 16
        self.canvas.text(EDGE + TIME - 16, y, self.view.unit, 10, MUTED, text_anchor="end")
        self.canvas.text(EDGE + TIME + PACKET / 2 - 8, y, "packet", 10, MUTED, text_anchor="middle")
        if self.view.has_states:
            self.canvas.text(self.client - BAR / 2, y, "readyState", 10, MUTED, text_anchor="middle")

    def _lanes(self) -> None:
        for x in self.lanes:
            self.canvas.line(x, TOP - 28, x, self.bottom, stroke=INK, stroke_width=2)
        for number, (role, address) in enumerate(self.view.lanes):
            name, x = _clip_address(address), self.lanes[number]
            width = 22 + (len(role) * 12 + columns(name) * 11) * CHAR + (8 if name else 0)
            left = x - 34 if number == 0 else x + 34 - width if x == self.lanes[-1] else x - width / 2
            self.canvas.rect(left, TOP - 60, width, 32, fill=tint(FAINT, 0.12), stroke=INK, stroke_width=1.2, rx=4)
            end = self.canvas.text(left + 11, TOP - 40, role, 12, font_weight="bold")
            if name:
                self.canvas.text(end + 8, TOP - 40, name, 11, MUTED)

    def _states(self) -> None:
        """The bar beside the client's lane: a state begins at the arrow that brings it."""
        if not self.view.has_states:
            return
        spans: list[tuple[str, float]] = []
        for index, step in enumerate(self.view.steps):
            if step.state and (not spans or step.state != spans[-1][0]):
                spans.append((step.state, self.tops[index] + ARROW if spans else TOP - 8))
        for number, (state, top) in enumerate(spans):
            bottom = spans[number + 1][1] if number + 1 < len(spans) else self.bottom
            colour, left = STATES[state], self.client - BAR + 4
            self.canvas.rect(left, top, BAR - 5, bottom - top, fill=tint(colour, 0.22))
            self.canvas.rect(left, top, 4, bottom - top, fill=colour)
            self.canvas.line(left, top, self.client, top, stroke=colour, stroke_width=1.4)
            middle = left + BAR / 2
            y = min((top + bottom) / 2 + 4, top + 20)
            self.canvas.text(middle, y, state, 11, INK, text_anchor="middle", font_weight="bold")

    # The steps

    def _row(self, step: Step, top: float) -> None:
        y = top + ARROW + 3.5
        if step.sender is None:
            y = top + ROW / 2 + 4
            self._band(step, top)
        else:
            self._arrow(step, top + ARROW)
            self._label(step, top + 16)
        if step.time is not None:
            self.canvas.text(EDGE + TIME - 16, y, self.view.clock(step.time), 11, INK, text_anchor="end")
        if step.packets:
            packets = clip(step.packet_words, 8)
            self.canvas.text(EDGE + TIME + PACKET / 2 - 8, y, packets, 11, MUTED, text_anchor="middle")

    def _pause(self, pause: int, top: float) -> None:
        """The lanes are dotted where nothing happens for long, and the picture is not to scale."""
        middle = (self.lanes[0] + self.lanes[1]) / 2
        self._tear(top, PAUSE)
        self.canvas.text(middle, top + 17, f"{duration_in_words(pause)} pass", 11, MUTED, text_anchor="middle")

    def _tear(self, top: float, height: float) -> None:
        for x in self.lanes:
            self.canvas.line(x, top + 3, x, top + height - 3, stroke=PAPER, stroke_width=4)
            self.canvas.line(x, top + 3, x, top + height - 3, stroke=INK, stroke_width=2, stroke_dasharray="2 4")

    def _ends(self, step: Step) -> tuple[float, float]:
        """The lanes that a step lies between."""
        return self.lanes[step.leg], self.lanes[step.leg + 1]

    def _arrow(self, step: Step, y: float) -> None:
        """Solid from the client, dashed from the server."""
        colour, (client, server) = KINDS[step.kind], self._ends(step)
        if step.sender is Side.CLIENT:
            self.canvas.line(client + 1, y, server - 9, y, stroke=colour, stroke_width=2)
            self.canvas.add("path", d=f"M{server - 1:.2f} {y:.2f}l-10 -5v10z", fill=colour)
            return
        self.canvas.line(server - 1, y, client + 9, y, stroke=colour, stroke_width=2, stroke_dasharray="6 4")
        self.canvas.add("path", d=f"M{client + 1:.2f} {y:.2f}l10 -5v10z", fill=colour)

    def _label(self, step: Step, y: float) -> None:
        """What is sent, at the end of the sender; its size, at the end of the receiver."""
        chip = columns(step.chip) * CHAR * 10.5 + 14
        marks = " · ".join(step.marks)
        size = columns(step.size) * CHAR * 11
        room = int((self.gap - 60 - chip - size - (columns(marks) + 2) * CHAR * 10.5) / (CHAR * 12))
        words = clip(step.words, max(room, 12))
        marks = clip(marks, int((self.gap - 60 - chip - size - columns(words) * CHAR * 12) / (CHAR * 10.5)))
        client, server = self._ends(step)
        from_client = step.sender is Side.CLIENT
        lane, forth = (client, 1) if from_client else (server, -1)
        anchor = "start" if from_client else "end"
        x = lane + forth * 10
        self._chip(step, x if from_client else x - chip, y, chip)
        x += forth * (chip + 9)
        self.canvas.text(x, y, words, 12, INK, text_anchor=anchor)
        if marks:
            x += forth * (columns(words) * CHAR * 12 + 11)
            self.canvas.text(x, y, marks, 10.5, MUTED, text_anchor=anchor)
        if step.sizes:
            far, anchor = (server - 16, "end") if from_client else (client + 16, "start")
            self.canvas.text(far, y, step.size, 11, MUTED, text_anchor=anchor)

    def _chip(self, step: Step, x: float, y: float, width: float) -> None:
        """The kind of a step by name and colour; control frames have a double border."""
        colour = KINDS[step.kind]
        self.canvas.rect(x, y - 12, width, 16, fill=tint(colour), stroke=colour, stroke_width=1.2, rx=3)
        if step.kind == "control":
            self.canvas.rect(x + 2.5, y - 9.5, width - 5, 11, fill="none", stroke=colour, stroke_width=0.9, rx=1.5)
        self.canvas.text(x + width / 2, y - 0.3, step.chip, 10.5, INK, text_anchor="middle", font_weight="bold")

    def _band(self, step: Step, top: float) -> None:
        """A step without a direction: a band from lane to lane."""
        dashes = {} if step.kind == "tcp" else {"stroke_dasharray": "4 3"}
        if step.kind == "elided":
            self._tear(top, ROW)
        colour, (client, server) = KINDS["tcp"], self._ends(step)
        if step.kind == "elided":
            server = self.lanes[-1]
        width = server - client
        fill = tint(colour, 0.16) if step.kind == "tcp" else PAPER
        self.canvas.rect(
            client + 10, top + 5, width - 20, ROW - 10, fill=fill, stroke=colour, stroke_width=1.2, rx=4, **dashes
        )
        style = {} if step.kind == "tcp" else {"font_style": "italic"}
        words = clip(step.words, int((width - 36) / (CHAR * 12)))
        middle = (client + server) / 2
        self.canvas.text(middle, top + ROW / 2 + 4, words, 12, INK, text_anchor="middle", **style)

    # What stands below

    def _foot(self, y: float) -> float:
        """The legend, only of what is drawn, and the notes; returns the picture's height."""
        x, drawn = EDGE, {step.kind for step in self.view.steps}
        names = {
            "tcp": "TCP",
            "tls": "TLS",
            "http": "HTTP",
            "data": "WebSocket data",
            "control": "WebSocket control (double border)",
        }
        for kind, name in names.items():
            if kind not in drawn:
                continue
            self.canvas.rect(x, y - 10, 16, 12, fill=tint(KINDS[kind]), stroke=KINDS[kind], stroke_width=1.2, rx=2)
            if kind == "control":
                self.canvas.rect(x + 2.5, y - 7.5, 11, 7, fill="none", stroke=KINDS[kind], stroke_width=0.9)
            x = self.canvas.text(x + 22, y, name, 10.5, INK) + 20
        ways: tuple[tuple[str, dict[str, str]], ...] = (
            ("from the client", {}),
            ("from the server", {"stroke_dasharray": "6 4"}),
        )
        if x + sum(54 + columns(words) * CHAR * 10.5 for words, _ in ways) > self.right + EDGE:
            x, y = EDGE, y + 18
        for words, dashes in ways:
            self.canvas.line(x, y - 4, x + 28, y - 4, stroke=INK, stroke_width=2, **dashes)
            x = self.canvas.text(x + 34, y, words, 10.5, INK) + 20
        y += 5
        for line in self.view.notes:
            y += 17
            self.canvas.text(EDGE, y, line, 10.5, MUTED)
        return y + EDGE


def _clip_address(endpoint: str) -> str:
    """An address clipped, its port kept."""
    if columns(endpoint) <= NAMES:
        return endpoint
    address, _, port = endpoint.rpartition(":")
    return f"{clip(address, NAMES - 1 - len(port))}:{port}"
