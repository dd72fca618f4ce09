"""A compressed conversation as text, in at most 100 columns: the messages, one of them in symbols, other terms."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.deflate_view import TalkView
from wsviz.figures.figure import clip, plain, wrap

WIDTH = 100
TITLE = "Compression, message by message"
MATCHES = 12  # that are listed


def draw_text(view: TalkView) -> str:
    """Everything that the picture shows."""
    return "\n".join(line.rstrip() for line in _lines(view))


def in_words(view: TalkView) -> str:
    """The picture for those who cannot see it."""
    rows = [f"message {row.number}: {row.before:,} bytes before, {row.after:,} after" for row in view.rows[:20]]
    headline = [view.headline] if view.rows else []
    return ". ".join([TITLE, view.facts, view.total, *rows, *headline]) + "."


def _lines(view: TalkView) -> Iterator[str]:
    yield TITLE
    yield from wrap(plain(view.facts), WIDTH)
    yield view.total
    if not view.rows:
        return
    yield ""
    yield f"{'':>4}{'before':>8}{'after':>8}{'':>8}{'literal':>9}{'within':>8}{'earlier':>9}"
    for row in view.rows:
        sizes = f"{row.before:>8,}{row.after:>8,}{row.ratio:>8}{row.literals:>9,}{row.inner:>8,}{row.earlier:>9,}"
        yield clip(f"{row.number:>3} {sizes}  {row.text}", WIDTH)
        if row.error:
            yield from wrap(f"      ! {plain(row.error)}", WIDTH)
    yield ""
    yield view.headline
    if any(cell.kind in ("inner", "earlier") for cell in view.cells):
        yield "what is copied stands in brackets"
    yield from wrap("".join(_marked(cell.kind, cell.text) for cell in view.cells), WIDTH)
    matches = [cell.label for cell in view.cells if cell.kind in ("inner", "earlier")]
    yield from (f"  {words}" for words in matches[:MATCHES])
    if len(matches) > MATCHES:
        yield f"  … and {len(matches) - MATCHES:,} more"
    if not view.terms:
        return
    yield ""
    yield "the same messages by zlib, level 6: bytes in all, and what zlib keeps in memory"
    yield f"{'window':>8}{'kept':>8}{'forgotten':>11}{'sender':>10}{'receiver':>10}"
    for term in view.terms:
        keeps = f"{term.sender >> 10:>6} KiB{term.receiver >> 10:>6} KiB"
        yield f"{1 << term.bits:>8,}{term.kept:>8,}{term.forgotten:>11,}{keeps}"


def _marked(kind: str, text: str) -> str:
    return f"[{text}]" if kind in ("inner", "earlier") else text
