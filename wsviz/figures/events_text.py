"""An event stream as text, in at most 100 columns: lines, and below each block what becomes of it; in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.events_view import Block, StreamView
from wsviz.figures.figure import clip, plain, wrap
from wsviz.protocol.wire import count

WIDTH, TEXT = 100, 42


def draw_text(view: StreamView, limit: int) -> str:
    """The lines of the first blocks, as many as `limit` lines allow, each block with its event."""
    return "\n".join(line.rstrip() for line in _lines(view, limit))


def in_words(view: StreamView) -> str:
    """The picture for those who cannot see it."""
    said = [plain(event_words(block)) for block in view.blocks[:20]]
    more = [f"{len(view.blocks) - 20} more blocks"] if len(view.blocks) > 20 else []
    after, sent = view.reconnect
    return ". ".join([f"Event stream: {view.facts}", *said, *more, f"On reconnect, {after}: {plain(sent)}"]) + "."


def event_words(block: Block) -> str:
    """What becomes of a block, in a line."""
    event = block.event
    match block.outcome:
        case "dispatched":
            last = f', lastEventId "{block.last}"' if block.last else ""
            data = "\\n".join(block.data)
            cut = (
                f"; {count(block.chunks, 'chunk')} begin{'s' * (block.chunks == 1)} within it" if block.chunks else ""
            )
            return f'event {event.type}: data "{data}"{last}{cut}'
        case "empty":
            return "nothing is dispatched: the block has no data"
    return "nothing is dispatched yet: no blank line ends the block"


def shown_blocks(view: StreamView, limit: int) -> list[Block]:
    """The first blocks, as many as `limit` lines allow, at least one."""
    shown, lines = list[Block](), 0
    for block in view.blocks:
        lines += len(block.lines)
        if shown and lines > limit:
            break
        shown.append(block)
    return shown


def _lines(view: StreamView, limit: int) -> Iterator[str]:
    yield "event stream"
    yield from wrap(plain("; ".join(filter(None, [view.facts, view.origin]))), WIDTH)
    shown = shown_blocks(view, limit)
    for block in shown:
        yield ""
        for line in block.lines[:limit]:
            text = "".join(f"{{{number}}}" * bool(number) + part for number, part in line.parts)
            text = clip(plain(text), TEXT + 10) + line.sign
            yield clip(f"{line.start:>6}  {line.kind:<8}{text:<{TEXT}}  {line.says}", WIDTH)
        if len(block.lines) > limit:
            yield f"{'':>8}… {count(len(block.lines) - limit, 'more line')}"
        first, *more = wrap(plain(event_words(block)), WIDTH - 11)
        yield f"{'':>8}=> {first}"
        yield from (f"{'':>11}{words}" for words in more)
    if len(view.blocks) > len(shown):
        yield f"… {count(len(view.blocks) - len(shown), 'more block')}"
    yield ""
    if view.chunks:
        yield "{n}: chunk n begins here; chunks are no borders of events"
    after, sent = view.reconnect
    yield clip(f"on reconnect, {after}: {plain(sent)}", WIDTH)
