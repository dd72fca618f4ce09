"""The picture of a timeline as text, in at most 100 columns, and in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import clip, plain, wrap
from wsviz.figures.ladder_view import duration_in_words
from wsviz.figures.timeline_view import Segment, TimelineView
from wsviz.protocol.wire import count

WIDTH = 100
TOLD = 24  # arrivals that are told one by one


def draw_text(view: TimelineView) -> str:
    """Messages, frames and segments with their bytes, then what each segment brings."""
    return "\n".join(line.rstrip() for line in _lines(view))


def in_words(view: TimelineView) -> str:
    """The picture for those who cannot see it."""
    parts = [view.title, view.facts, *arrivals(view), *char_notes(view), *map(str, view.findings)]
    return ". ".join(parts) + "."


def arrivals(view: TimelineView) -> list[str]:
    """What each segment brings, a sentence each; those that deliver nothing stand together."""
    lines, quiet = list[str](), list[Segment]()
    for segment in view.segments:
        if not segment.events:
            quiet.append(segment)
            continue
        lines += [*_quiet(quiet), _arrival(segment)]
        quiet = []
    lines += _quiet(quiet)
    if len(lines) > TOLD:
        lines[TOLD - 4 : -3] = [f"({count(len(lines) - TOLD + 1, 'more line')})"]
    return lines


def _quiet(segments: list[Segment]) -> Iterator[str]:
    if len(segments) == 1:
        yield _arrival(segments[0])
    elif segments:
        first, last = segments[0], segments[-1]
        nothing = "" if last.waiting.startswith("nothing is delivered") else " deliver nothing"
        yield f"segments {first.index} to {last.index}{nothing}: {last.waiting}"


def _arrival(segment: Segment) -> str:
    time = f", +{duration_in_words(segment.time)}" if segment.time else ""
    packet = f" (packet {segment.packet}{time})" if segment.packet is not None else ""
    events = [event.words for event in segment.events]
    told = {event.kind for event in segment.events} & {"fail", "close"} or segment.waiting == "nothing is open"
    rest = [] if events and told else [segment.waiting]
    size = count(segment.end - segment.start, "byte")
    return f"segment {segment.index}{packet}, {size}: {'; '.join([*events, *rest])}"


def char_notes(view: TimelineView) -> list[str]:
    """Which characters are cut, and why that is legal."""
    where = [f'"{plain(cut.char)}" by a {cut.by} boundary at byte {cut.offset}' for cut in view.chars[:8]]
    if len(view.chars) > 8:
        where.append(f"{count(len(view.chars) - 8, 'more cut')}")
    legal = "Both are legal: text is judged as a whole message (RFC 6455 5.6, 8.1)."
    one = "That is legal: text is judged as a whole message (RFC 6455 5.6, 8.1)."
    return [*where, legal if len({cut.by for cut in view.chars}) > 1 else one] if where else []


def _lines(view: TimelineView) -> Iterator[str]:
    yield from wrap(f"{view.title}: {view.facts}", WIDTH)
    yield ""
    rows = [(f"message {each.number}", each.start, each.end, each.words) for each in view.messages[:TOLD]]
    for span in view.frames[:TOLD]:
        fin = "" if span.frame.is_control else f", FIN={int(span.frame.fin)}"
        size = count(len(span.frame.payload), "byte")
        rows.append((f"frame {span.index}", span.start, span.end, f"{span.name}{fin}, {size} of payload"))
    for segment in view.segments[:TOLD]:
        packet = f"packet {segment.packet}" if segment.packet is not None else ""
        rows.append((f"segment {segment.index}", segment.start, segment.end, packet))
    for name, start, end, words in rows:
        yield clip(f"{name:<12} bytes {f'{start}-{end - 1}':<12} {plain(words)}", WIDTH)
    for name, number in (
        ("messages", len(view.messages)),
        ("frames", len(view.frames)),
        ("segments", len(view.segments)),
    ):
        if number > TOLD:
            yield f"({number - TOLD:,} more {name})"
    for head, lines in (("What each segment brings", arrivals(view)), ("Characters cut", char_notes(view))):
        if lines:
            yield from ("", head)
            for line in lines:
                yield from (f"  {part}" for part in wrap(line, WIDTH - 2))
    if view.findings:
        yield from ("", "Found")
        for finding in view.findings:
            yield from (f"  {part}" for part in wrap(plain(str(finding)), WIDTH - 2))
