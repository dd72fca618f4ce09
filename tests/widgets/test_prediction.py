"""`Prediction` on the Python side, and what stands for it where nobody can choose."""

from __future__ import annotations

import pytest

from wsviz.figures.choices import choices_figure
from wsviz.protocol.fields import ProtocolError
from wsviz.widgets.prediction import Prediction

CHOICES = {"a": "the client", "b": "<img src=x onerror=alert(1)> \u202e", "c": "either " * 40}


def commit(key: str) -> tuple[bool, str]:
    return key == "a", f"you said {key}"


def test_committing() -> None:
    widget = Prediction("Who?", "Who may speak?", CHOICES, commit)
    assert (widget.chosen, widget.picture["chosen"], widget.picture["said"]) == (None, "", "")
    widget._wish(widget, {"do": "choose", "value": "b", "number": 1}, [])
    assert (widget.chosen, widget.picture["solved"], widget.picture["said"]) == ("b", False, "you said b")
    widget.choose("a")
    assert widget.picture["solved"]
    with pytest.raises(ProtocolError, match="'z' is none of the answers, which are a, b, c"):
        widget.choose("z")
    widget._wish(widget, {"do": "choose", "value": "<b>", "number": 2}, [])
    assert "none of the answers" in widget.picture["notice"]


def test_the_figure_gives_nothing_away_and_is_the_same_each_time() -> None:
    widget = Prediction("Who?", "Who may speak?", CHOICES, commit)
    before = widget.figure
    widget.choose("a")
    assert widget.figure == before == choices_figure("Who?", "Who may speak?", CHOICES)
    assert before.text.splitlines()[:3] == ["Who?", "Who may speak?", "  a) the client"]
    assert "<img" not in before.svg
    assert "\u202e" not in before.svg + before.text
    bundle, _ = widget._repr_mimebundle_()
    assert {"image/svg+xml", "text/plain"} <= set(bundle)
