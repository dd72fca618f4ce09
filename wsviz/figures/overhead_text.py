"""A comparison of overheads as text, in at most 100 columns: bars of letters over a table; and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import clip, columns, plain, wrap
from wsviz.figures.overhead_view import Bar, OverheadView, amount, heads

WIDTH, NAME, CELL = 100, 22, 13


def draw_text(view: OverheadView) -> str:
    """The bars and the table."""
    return "\n".join(line.rstrip() for line in _lines(view))


def in_words(view: OverheadView) -> str:
    """The picture for those who cannot see it."""
    said = []
    for bar in view.bars:
        pairs = zip(view.categories, bar.parts, strict=True)
        parts = ", ".join(f"{category.name} {amount(part)}" for category, part in pairs if part)
        ratio = f", {view.ratio(bar)} the smallest" if view.ratio(bar) else ""
        said.append(f"{bar.name}: {amount(bar.total)} bytes per update{ratio}: {parts}")
    return "Bytes on the wire per delivered update. " + ". ".join(said) + "."


def _lines(view: OverheadView) -> Iterator[str]:
    yield "Bytes on the wire per delivered update"
    yield ""
    name = min(max(columns(plain(bar.name)) for bar in view.bars), NAME)
    total = max(len(amount(bar.total)) for bar in view.bars)
    ratio = max(len(view.ratio(bar)) for bar in view.bars)
    room = WIDTH - name - total - ratio - 6
    for bar in view.bars:
        head = f"{_pad(bar.name, name)}  {amount(bar.total):>{total}}  {view.ratio(bar):>{ratio}}".rstrip()
        yield f"{head.ljust(name + total + ratio + 4)} |{_ink(view, bar, room)}"
    # As many mechanisms side by side as there is room for.
    fit = (WIDTH - NAME) // CELL
    for at in range(0, len(view.bars), fit):
        yield ""
        yield from _table(view, view.bars[at : at + fit])
    yield ""
    yield from wrap(view.note, WIDTH)


def _ink(view: OverheadView, bar: Bar, room: int) -> str:
    """The bar, each category in its letter; its ends are rounded, not its parts, so that the whole is right."""
    ink, done = "", 0.0
    for category, part in zip(view.categories, bar.parts, strict=True):
        done += part
        ink += category.ink * (round(done / view.largest * room) - len(ink))
    return ink


def _table(view: OverheadView, bars: tuple[Bar, ...]) -> Iterator[str]:
    for line in zip(*heads(bars, CELL - 1), strict=True):
        yield " " * NAME + "".join(f" {_pad(words, CELL - 1, right=True)}" for words in line)
    for at, category in enumerate(view.categories):
        yield f"{category.ink} {category.name:<{NAME - 2}}" + "".join(
            f"{amount(bar.parts[at]):>{CELL}}" for bar in bars
        )
    yield f"{'  total':<{NAME}}" + "".join(f"{amount(bar.total):>{CELL}}" for bar in bars)
    if any(view.ratio(bar) for bar in bars):
        yield f"{'  ratio to smallest':<{NAME}}" + "".join(f"{view.ratio(bar):>{CELL}}" for bar in bars)
    if any(bar.updates for bar in bars):
        yield f"{'  updates':<{NAME}}" + "".join(f"{bar.updates or '?':>{CELL}}" for bar in bars)


def _pad(text: str, width: int, *, right: bool = False) -> str:
    shown = clip(plain(text), width)
    space = " " * (width - columns(shown))
    return space + shown if right else shown + space
