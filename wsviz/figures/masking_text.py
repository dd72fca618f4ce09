"""Masking as plain text, 80 columns wide: the bytes in three rows, one byte in bits, the comparison of keys."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.figures.figure import wrap
from wsviz.figures.masking_view import Experiment, Masking, Step

WIDTH = 80
LABEL = 18  # columns of a row's name
PER_LINE = 16


def draw_text(masking: Masking) -> str:
    """Everything that the picture shows; no line is longer than 80 columns but for what a capture is called."""
    lines = [masking.title, masking.about, "", *_bytes(masking)]
    if masking.step is not None:
        lines += ["", *_bits(masking, masking.step)]
    for experiment in masking.experiments:
        lines += ["", *_experiment(experiment)]
    return "\n".join(line.rstrip() for line in lines)


def in_words(masking: Masking) -> str:
    """The picture for those who cannot see it."""
    entering, leaving = masking.names
    said = [masking.title, masking.about, f"each byte of {entering} XOR key byte i mod 4 is the byte of {leaving}"]
    said += [masking.said(step) for step in masking.steps]
    for experiment in masking.experiments:
        said += [f"{experiment.title}: {group.name}: {group.verdict}" for group in experiment.groups]
    return ". ".join(said) + "."


def _bytes(masking: Masking) -> Iterator[str]:
    entering, leaving = masking.names
    if not masking.steps:
        yield "the payload is empty: the key is sent all the same, and masks nothing"
    for first in range(0, len(masking.steps), PER_LINE):
        steps = masking.steps[first : first + PER_LINE]
        yield _row("byte i", [str(step.index) for step in steps])
        yield _row(entering, [f"{step.entering:02x}" for step in steps])
        yield _row("key byte i mod 4", [f"{step.key:02x}" for step in steps])
        yield _row(leaving, [f"{step.leaving:02x}" for step in steps])
        if first + PER_LINE < len(masking.steps):
            yield ""
    if masking.more:
        yield masking.more


def _row(name: str, cells: list[str]) -> str:
    return f"{name:<{LABEL}}" + "".join(f"{cell:>3}" for cell in cells)


def _bits(masking: Masking, step: Step) -> Iterator[str]:
    entering, leaving = masking.names
    yield f"byte {step.index} in bits"
    for name, value in ((entering, step.entering), (f"key byte {step.key_index}", step.key), (leaving, step.leaving)):
        yield f"{name:<{LABEL}} {value:02x}   {' '.join(f'{value:08b}')}"
    yield from wrap(f"{step.flips} Back again: {step.back}.", WIDTH)


def _experiment(experiment: Experiment) -> Iterator[str]:
    yield experiment.title
    yield experiment.about
    for group in experiment.groups:
        yield from (f"  {line}" for line in wrap(f"{group.name}: {group.verdict}", WIDTH - 2))
        for row in group.rows:
            wire = row.wire[:12].hex(" ") + (" …" if len(row.wire) > 12 else "")
            yield f"  {row.name:>3}  {row.key.hex(' ')}  {wire:<38}{row.mark or row.text[:16]}"
