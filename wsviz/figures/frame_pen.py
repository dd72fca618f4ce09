"""What a frame's picture is drawn with: measures, fills with their patterns, the numbers of findings."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import COLOURS, INK, PAPER, Canvas, tint

EDGE, LEFT = 24.0, 76.0  # the outer margin; where the bit grid begins, row labels to its left
HATCHED, DOTTED = ("rsv", "key"), ("extended",)
PATTERNS = {kind: kind for kind in (*HATCHED, *DOTTED)} | {"padding": "rsv", "undissected": "rsv"}  # kind -> pattern


class Pen(Canvas):
    """A canvas that knows the fields; `name` keeps the ids of one picture apart from those of others in the page."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def defs(self) -> Iterator[str]:
        """The patterns."""
        for kind in (*HATCHED, *DOTTED):
            shape = (
                f'<path d="M0 8L8 0M-2 2L2 -2M6 10L10 6" stroke="{COLOURS[kind]}" stroke-width="1.1" opacity=".45"/>'
                if kind in HATCHED
                else f'<circle cx="2" cy="2" r="1" fill="{COLOURS[kind]}" opacity=".55"/>'
            )
            box = 'width="8" height="8" patternUnits="userSpaceOnUse"'
            yield f'<pattern id="{self.name}-{kind}" {box}>{shape}</pattern>'

    def fill(self, kind: str, x: float, y: float, width: float, height: float) -> None:
        """A tinted area, with the pattern that tells the field without colour."""
        self.rect(x, y, width, height, fill=tint(COLOURS[kind]))
        if kind in PATTERNS:
            self.rect(x, y, width, height, fill=f"url(#{self.name}-{PATTERNS[kind]})")

    def halo(self, kind: str) -> dict[str, str | float]:
        """How text is drawn over a field: where that has a pattern, in a clearing of the field's own colour."""
        if kind not in PATTERNS:
            return {}
        colour = tint(COLOURS[kind])
        return {"paint_order": "stroke", "stroke": colour, "stroke_width": 4, "stroke_linejoin": "round"}

    def disc(self, x: float, y: float, mark: int, severity: str) -> None:
        """The number of a finding."""
        self.add("circle", cx=x, cy=y, r=8, fill=PAPER, stroke=COLOURS[severity], stroke_width=2)
        self.text(x, y + 3.5, str(mark), 10, INK, text_anchor="middle", font_weight="bold")
