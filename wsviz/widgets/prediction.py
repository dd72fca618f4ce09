"""`Prediction`: a question with answers to choose from. The learner commits to one before the truth shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsviz.figures.choices import choices_figure
from wsviz.figures.figure import Figure, plain
from wsviz.protocol.fields import ProtocolError
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget


class Prediction(PictureWidget):
    """A question and its answers by key; `commit` takes the chosen key, gives whether it is right and what to say."""

    _esm = asset("dom.js", "stage.js", "prediction.js")
    _css = asset("theme.css", "prediction.css")

    def __init__(
        self, title: str, question: str, choices: Mapping[str, str], commit: Callable[[str], tuple[bool, str]]
    ) -> None:
        self.title, self.question, self.choices = title, question, dict(choices)
        self._commit = commit
        self.chosen: str | None = None
        """The key that the learner committed to last."""
        self._solved, self._said = False, ""
        super().__init__()
        self._show()

    def choose(self, key: str) -> None:
        """Commit to an answer."""
        if key not in self.choices:
            raise ProtocolError(f"{key!r} is none of the answers, which are {', '.join(self.choices)}")
        self.chosen = key
        self._solved, self._said = self._commit(key)
        self._show()

    @property
    def figure(self) -> Figure:
        return choices_figure(self.title, self.question, self.choices)

    def _draw(self) -> dict[str, Any]:
        return {
            "title": plain(self.title),
            "question": plain(self.question),
            "choices": [{"key": key, "text": plain(text)} for key, text in self.choices.items()],
            "chosen": self.chosen or "",
            "solved": self._solved,
            "said": plain(self._said),
        }

    def _grant(self, do: str, value: Any) -> None:
        if do == "choose":
            self.choose(str(value))
