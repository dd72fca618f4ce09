"""A question with its answers, for where nobody can choose: a stored notebook, a printed page."""

from __future__ import annotations

from collections.abc import Mapping

from wsviz.figures.figure import INK, MUTED, RULE, Canvas, Figure, plain, wrap

WIDTH, MARGIN, LINE = 720.0, 20.0, 17.0
COLUMNS = 94  # of text in the width, at 12 pixels


def choices_figure(title: str, question: str, choices: Mapping[str, str]) -> Figure:
    """The question and each answer by its key; nothing says which one is right."""
    asked = wrap(plain(question), COLUMNS)
    answers = {key: wrap(plain(text), COLUMNS - 6) for key, text in choices.items()}
    text = "\n".join(
        [plain(title), *asked, *(f"  {key}) " + "\n     ".join(lines) for key, lines in answers.items())]
    )
    canvas = Canvas()
    y = MARGIN + 12
    canvas.text(MARGIN, y, title, size=15, font_weight="bold")
    for line in asked:
        y += LINE + 3
        canvas.text(MARGIN, y, line, size=12)
    for key, lines in answers.items():
        y += 12
        canvas.rect(MARGIN, y, WIDTH - 2 * MARGIN, 10 + LINE * len(lines), rx=5, fill="none", stroke=RULE)
        canvas.add("circle", cx=MARGIN + 15, cy=y + 14, r=6, fill="none", stroke=MUTED)
        canvas.text(MARGIN + 30, y + 18, key, size=12, fill=INK, font_weight="bold")
        for at, line in enumerate(lines):
            canvas.text(MARGIN + 48, y + 18 + LINE * at, line, size=12)
        y += 10 + LINE * len(lines)
    svg = canvas.document(WIDTH, y + MARGIN, title=title, description=text, name="choices")
    return Figure(svg, text)
