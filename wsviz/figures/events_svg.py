"""The picture of an event stream as SVG: lines on the left, what a script hears of each block on the right."""

from __future__ import annotations

from wsviz.figures.events_text import shown_blocks
from wsviz.figures.events_view import Block, Line, StreamView
from wsviz.figures.figure import CHAR, FAINT, INK, MUTED, RULE, Canvas, clip, columns, id_of, plain, tint
from wsviz.protocol.wire import count

WIDTH, EDGE, TAG, TEXT, CARD = 800.0, 24.0, 66.0, 138.0, 516.0  # where the columns begin
ROW = 22.0
COLOURS = {
    "data": "#009e73", "event": "#0072b2", "id": "#cc79a7", "retry": "#e69f00", "comment": "#999999",
    "blank": "#56b4e9", "unknown": "#d55e00", "cut": "#d55e00",
}  # fmt: skip
CHUNK = "#d55e00"
OUTCOMES = {"dispatched": "#009e73", "empty": "#999999", "unfinished": "#d55e00"}
WORDS = {"empty": "no data: not dispatched", "unfinished": "not finished: not dispatched"}


def draw_svg(view: StreamView, limit: int, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view, limit).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, view: StreamView, limit: int) -> None:
        self.view, self.limit, self.canvas, self.y = view, limit, Canvas(), 44.0
        self.name = id_of("e", (view, limit))

    def draw(self, text: str) -> str:
        view = self.view
        self.canvas.text(EDGE, self.y, "Event stream", 20, font_weight="bold")
        facts = "; ".join(filter(None, [view.facts, plain(view.origin)]))
        self.canvas.text(EDGE, self.y + 20, clip(facts, int((WIDTH - 2 * EDGE) / (CHAR * 12))), 12, MUTED)
        self.y += 48
        for x, words in ((EDGE, "byte"), (TAG, "line"), (TEXT, "on the wire"), (CARD, "what a script hears")):
            self.canvas.text(x, self.y, words, 10, MUTED)
        self.y += 8
        shown = shown_blocks(view, self.limit)
        for block in shown:
            self._block(block)
        if len(view.blocks) > len(shown):
            words = f"… {count(len(view.blocks) - len(shown), 'more block')}"
            self.canvas.text(TEXT, self.y + 18, words, 11, MUTED)
            self.y += 26
        self._foot()
        title = "Event stream: lines and the events that they make"
        return self.canvas.document(WIDTH, self.y + EDGE, title=title, description=text, name=self.name)

    def _block(self, block: Block) -> None:
        top = self.y + 4
        self.canvas.line(EDGE, self.y, WIDTH - EDGE, self.y, stroke=RULE)
        for line in block.lines[: self.limit]:
            self._line(line, self.y + 4)
            self.y += ROW
        if len(block.lines) > self.limit:
            words = f"… {count(len(block.lines) - self.limit, 'more line')}"
            self.canvas.text(TEXT, self.y + 19, words, 11, MUTED)
            self.y += ROW
        self.y += 8
        self._card(block, top, self.y - top - 4)

    def _line(self, line: Line, top: float) -> None:
        colour, y = COLOURS[line.kind], top + 15
        self.canvas.text(EDGE, y, str(line.start), 10, MUTED)
        self.canvas.rect(TAG, top + 2, 64, ROW - 4, fill=tint(colour, 0.3), rx=3)
        self.canvas.text(TAG + 32, y - 0.5, line.kind, 10.5, INK, text_anchor="middle", font_weight="bold")
        x, limit = TEXT, CARD - 14
        for number, part in line.parts:
            if number and x < limit:
                self.canvas.line(x + 1, top, x + 1, top + ROW, stroke=CHUNK, stroke_width=2)
                label = str(number)
                if x + 6 + columns(label) * CHAR * 8 < limit:
                    x = self.canvas.text(x + 4, top + 8, label, 8, CHUNK, font_weight="bold") + 3
            room = int((limit - x) / (CHAR * 11.5))
            if room > 0:
                x = self.canvas.text(x, y, clip(plain(part), room), 11.5, INK)
        if x + 30 < limit:
            self.canvas.text(x + 1, y, line.sign, 10, FAINT)

    def _card(self, block: Block, top: float, height: float) -> None:
        colour, width = OUTCOMES[block.outcome], WIDTH - EDGE - CARD
        limit = int((width - 24) / (CHAR * 11))
        dashes = {} if block.outcome == "dispatched" else {"stroke_dasharray": "4 3"}
        fill = tint(colour, 0.12) if block.outcome == "dispatched" else "none"
        self.canvas.rect(CARD, top, width, height, fill=fill, stroke=colour, rx=4, **dashes)
        if block.outcome != "dispatched":
            self.canvas.text(CARD + 12, top + 15, WORDS[block.outcome], 11, MUTED, font_style="italic")
            return
        last = f' · lastEventId "{block.last}"' if block.last else ""
        kind = clip(plain(block.event.type), limit)
        x = self.canvas.text(CARD + 12, top + 15, kind, 12, INK, font_weight="bold")
        room = int((WIDTH - EDGE - 8 - x) / (CHAR * 10.5))
        if last and room > 6:
            self.canvas.text(x + 2, top + 15, clip(plain(last), room), 10.5, MUTED)
        for at, words in enumerate(block.data[: max(int((height - 20) / 18), 1)]):
            self.canvas.text(CARD + 12, top + 33 + 18 * at, clip(plain(words), limit), 11, INK)

    def _foot(self) -> None:
        self.canvas.line(EDGE, self.y, WIDTH - EDGE, self.y, stroke=FAINT)
        self.y += 22
        after, sent = self.view.reconnect
        x = self.canvas.text(EDGE, self.y, "On reconnect", 12, INK, font_weight="bold") + 12
        limit = int((WIDTH - EDGE - x) / (CHAR * 11.5))
        self.canvas.text(x, self.y, clip(plain(f"{after}: {sent}"), limit), 11.5, INK)
        if self.view.chunks:
            self.y += 20
            self.canvas.line(EDGE + 1, self.y - 13, EDGE + 1, self.y + 5, stroke=CHUNK, stroke_width=2)
            self.canvas.text(EDGE + 5, self.y - 4, "n", 8, CHUNK, font_weight="bold")
            words = "chunk n of the body begins here: chunks are no borders of lines or events"
            self.canvas.text(EDGE + 18, self.y, words, 11, MUTED)
