"""A compressed conversation as SVG: bars for the messages, one message in symbols below what it refers to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wsviz.figures.deflate_text import TITLE
from wsviz.figures.deflate_view import Row, TalkView
from wsviz.figures.figure import CHAR, COLOURS, FAINT, INK, MUTED, RULE, WIDEST, Canvas, clip, id_of, plain, tint
from wsviz.protocol.wire import count

EDGE, BARS, NUMBERS = 24.0, 266.0, 662.0  # the margin; where the bars begin, and the numbers
RIGHT = WIDEST - EDGE
TEXT, SIZE, LINE = 66.0, 12.0, 21.0  # text of messages: where it begins, its font, its lines
COLUMNS = int((RIGHT - TEXT) / (CHAR * SIZE))
ROWS, LINES = 16, 10  # messages, and lines of one, that are drawn
ORIGINS = {"literal": COLOURS["payload"], "inner": COLOURS["length"], "earlier": COLOURS["opcode"]}
NAMES = {"literal": "literal", "inner": "copied within the message", "earlier": "copied from earlier messages"}
SENT = COLOURS["rsv"]


def draw_svg(view: TalkView, text: str) -> str:
    """The whole picture; `text` is its description for those who cannot see it."""
    return _Drawing(view).draw(text)


class _Drawing:
    """One picture in the making: `y` is how far down it has come."""

    def __init__(self, view: TalkView) -> None:
        self.view, self.canvas, self.y = view, Canvas(), 44.0
        self.name = id_of("z", (view.talk, view.at))

    def draw(self, text: str) -> str:
        view, canvas = self.view, self.canvas
        canvas.text(EDGE, self.y, TITLE, 20, font_weight="bold")
        canvas.text(EDGE, self.y + 22, clip(plain(view.facts), int((RIGHT - EDGE) / (CHAR * 12))), 12, MUTED)
        canvas.text(EDGE, self.y + 40, view.total, 12, MUTED)
        self.y += 52
        self._legend()
        widest = max((max(row.before, row.after) for row in view.rows), default=1) or 1
        first = max(0, min(view.at - ROWS // 2, len(view.rows) - ROWS))
        for row in view.rows[first : first + ROWS]:
            self._row(row, (NUMBERS - BARS - 16) / widest)
        if len(view.rows) > ROWS:
            canvas.text(EDGE, self.y + 14, f"… {count(len(view.rows) - ROWS, 'more message')}", 11, MUTED)
            self.y += 22
        if view.rows:
            self._chosen()
        if view.terms:
            self._terms()
        return canvas.document(WIDEST, self.y + EDGE, title=TITLE, description=text, name=self.name)

    def _legend(self) -> None:
        x = EDGE
        for kind, words in (*NAMES.items(), ("sent", "on the wire")):
            colour = ORIGINS.get(kind, SENT)
            self.canvas.rect(x, self.y + 5, 13, 13, fill=tint(colour, 0.5), stroke=colour)
            x = self.canvas.text(x + 19, self.y + 16, words, 11) + 22
        self.y += 32

    def _row(self, row: Row, scale: float) -> None:
        """A message: its bytes by where they come from, and below them what the wire carries."""
        canvas, y = self.canvas, self.y
        if row.number == self.view.at:
            canvas.rect(EDGE - 8, y, RIGHT - EDGE + 16, 32, fill=tint(COLOURS["selection"], 0.25), rx=4)
        canvas.text(EDGE + 20, y + 20, str(row.number), 11, MUTED, text_anchor="end")
        canvas.text(EDGE + 30, y + 20, clip(row.text or "(empty)", 27), 11.5)
        x = BARS
        for kind, size in (("literal", row.literals), ("inner", row.inner), ("earlier", row.earlier)):
            if size:
                colour = ORIGINS[kind]
                canvas.rect(x, y + 4, size * scale, 12, fill=tint(colour, 0.5), stroke=colour, stroke_width=0.8)
                x += size * scale
        canvas.rect(BARS, y + 19, max(row.after * scale, 1), 8, fill=tint(SENT, 0.5), stroke=SENT, stroke_width=0.8)
        words = f"{row.before:,} → {row.after:,}" + ("" if row.compressed else ", RSV1 0")
        canvas.text(NUMBERS, y + 20, words, 11.5)
        canvas.text(RIGHT, y + 20, "!" if row.error else row.ratio, 11.5, MUTED, text_anchor="end")
        self.y += 34

    def _heading(self, words: str) -> None:
        self.y += 12
        self.canvas.line(EDGE, self.y, RIGHT, self.y, stroke=RULE)
        self.canvas.text(EDGE, self.y + 24, clip(words, int((RIGHT - EDGE) / (CHAR * 13))), 13, font_weight="bold")
        self.y += 36

    def _chosen(self) -> None:
        """The chosen message in symbols, below the messages that it refers to: what it copies has their colour."""
        view = self.view
        self._heading(view.headline)
        for past in [each for each in view.past if any(piece.users for piece in each.segments)][-4:]:
            pieces = [
                (piece.text, "used" if piece.users else "lost" if piece.lost else "") for piece in past.segments
            ]
            self._lines(str(past.number), pieces, 4)
        self._lines(str(view.at), [(cell.text, cell.kind) for cell in view.cells], LINES)
        error = view.said.reading.error
        if error:
            self.canvas.text(TEXT, self.y + 14, clip(f"! {plain(error)}", COLUMNS), 11.5, COLOURS["error"])
            self.y += LINE

    def _lines(self, label: str, pieces: Iterable[tuple[str, str]], most: int) -> None:
        self.canvas.text(TEXT - 14, self.y + 14, label, 11, MUTED, text_anchor="end")
        lines, last = [*_wrapped(pieces)], -1
        # Where there are too many, those come first that a later message copies from.
        order = sorted(range(len(lines)), key=lambda at: not any(kind == "used" for _, kind in lines[at]))
        for at in sorted(order[:most]):
            self._gap(at - last - 1)
            self._line(lines[at])
            last = at
        self._gap(len(lines) - last - 1)
        self.y += 5

    def _gap(self, lines: int) -> None:
        if lines:
            self.canvas.text(TEXT, self.y + 12, f"… {count(lines, 'line')}", 11, MUTED)
            self.y += LINE

    def _line(self, line: list[tuple[str, str]]) -> None:
        x = TEXT
        for text, kind in line:
            width = len(text) * CHAR * SIZE
            colour = ORIGINS.get("earlier" if kind == "used" else kind)
            if colour:
                self.canvas.rect(x, self.y + 1, width, LINE - 3, fill=tint(colour, 0.3))
            if colour and kind != "literal":
                self.canvas.rect(x + 1, self.y + LINE - 4, width - 2, 2.5, fill=colour)
            if kind == "lost":
                self.canvas.line(x, self.y + 10, x + width, self.y + 10, stroke=FAINT)
            x += width
        self.canvas.text(TEXT, self.y + 14, "".join(text for text, _ in line), SIZE)
        self.y += LINE

    def _terms(self) -> None:
        """The same messages under other terms."""
        self._heading("The same messages under other terms: zlib's answer, level 6")
        names = ("window", "bytes, kept", "bytes, forgotten", "sender's memory", "receiver's memory")
        step = (RIGHT - 170) / len(self.view.terms)
        for at, name in enumerate(names):
            self.canvas.text(EDGE, self.y + 12 + 18 * at, name, 11, MUTED)
        for column, term in enumerate(self.view.terms, 1):
            sizes = [f"{size:,}" for size in (1 << term.bits, term.kept, term.forgotten)]
            weight = {"font_weight": "bold"} if term.bits == self.view.talk.bits else {}
            for at, words in enumerate([*sizes, *(f"{size >> 10} KiB" for size in (term.sender, term.receiver))]):
                y = self.y + 12 + 18 * at
                self.canvas.text(170 + column * step, y, words, 11, INK, text_anchor="end", **weight)
        self.y += 18 * len(names) + 2


def _wrapped(pieces: Iterable[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    """Lines of pieces, at most COLUMNS wide; neighbours of one kind that are no copies are one piece."""
    line, used = list[tuple[str, str]](), 0
    for whole, kind in pieces:
        text = whole
        while text:
            part, text = text[: COLUMNS - used], text[COLUMNS - used :]
            if line and line[-1][1] == kind and kind not in ("inner", "earlier", "used"):
                line[-1] = (line[-1][0] + part, kind)
            else:
                line.append((part, kind))
            used += len(part)
            if used == COLUMNS:
                yield line
                line, used = [], 0
    if line:
        yield line
