"""The picture of a masking as plain JSON: what the page draws, without computing anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsviz.figures.figure import plain
from wsviz.figures.masking_view import KEPT, Experiment, Group, Masked, Masking, Step, readable
from wsviz.protocol.wire import apply_mask, preview


def picture_of(masking: Masking, frames: Sequence[Masked]) -> dict[str, Any]:
    """The masking as JSON: every text harmless, at most 32 bytes of payload; `frames` are those to choose from."""
    entering, leaving = masking.names
    return {
        "title": masking.title,
        "about": plain(masking.about),
        "unmask": masking.unmask,
        "names": [entering, leaving],
        "steps": [_step(masking, step) for step in masking.steps],
        "more": masking.more,
        "experiments": [_experiment(experiment) for experiment in masking.experiments],
        "controls": _controls(masking, frames),
    }


def _step(masking: Masking, step: Step) -> dict[str, Any]:
    return {
        "in": f"{step.entering:02x}",
        "key": f"{step.key:02x}",
        "out": f"{step.leaving:02x}",
        "before": str(step.before),
        "after": str(step.after),
        "key_index": step.key_index,
        "bits": [f"{value:08b}" for value in (step.entering, step.key, step.leaving)],
        "words": [f"{step.index} mod 4 is {step.key_index}: {step.sum}", step.flips, f"Back again: {step.back}"],
        "label": masking.said(step),
    }


def _experiment(experiment: Experiment) -> dict[str, Any]:
    return {
        "title": experiment.title,
        "about": experiment.about,
        "groups": [_group(group) for group in experiment.groups],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "name": group.name,
        "verdict": group.verdict,
        "safe": group.safe,
        "rows": [
            {
                "name": row.name,
                "key": row.key.hex(" "),
                "wire": [f"{byte:02x}" for byte in row.wire],
                "text": row.text,
                "same": [*row.same],
                "mark": row.mark,
            }
            for row in group.rows
        ],
    }


def _controls(masking: Masking, frames: Sequence[Masked]) -> dict[str, Any]:
    """What the fields say: what goes in as text, where it is one, and in hex, where it is short."""
    source = masking.source
    entering = apply_mask(source.payload, source.key) if masking.unmask else source.payload
    short = source.size <= KEPT
    return {
        "text": _text(entering) if short else None,
        "no_text": "no text: edit its hex" if short else "too long to edit here",
        "hex": entering.hex(" ") if short else None,
        "key": source.key.hex(" "),
        "wanted": readable(masking.wanted),
        "frames": [
            f"{at}: {plain(preview(frame.payload, as_text=frame.textual))}" for at, frame in enumerate(frames)
        ],
        "frame": frames.index(source) if source in frames else -1,
    }


def _text(data: bytes) -> str | None:
    """The bytes as a text to edit; None where they are none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
