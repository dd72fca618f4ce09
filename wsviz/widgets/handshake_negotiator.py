"""`HandshakeNegotiator`: the opening handshake as five negotiations, with both sides to change.

The page holds no rules: it sends what the learner changes, and Python builds, answers and judges both halves anew.
"""

from __future__ import annotations

from typing import Any

from wsviz.figures.figure import Figure
from wsviz.figures.negotiation import draw
from wsviz.figures.negotiation_view import EXAMPLE, EXAMPLE_POLICY, Negotiable, Negotiation, Policy, halves_of
from wsviz.protocol.handshake import Handshake
from wsviz.protocol.wire import Bytes
from wsviz.widgets.assets import asset
from wsviz.widgets.base import PictureWidget
from wsviz.widgets.handshake_negotiator_picture import picture_of
from wsviz.widgets.handshake_negotiator_state import SCENES, State

GIVEN = "as it was given"
MOST_UNDONE = 200  # changes that undo can take back


class HandshakeNegotiator(PictureWidget):
    """An opening handshake: a Handshake, a captured connection, or the bytes of a request and its response.

    A request alone is answered by a server of that `policy`. Secrets are asterisks here unless `reveal` is True or
    the capture was read with it. `selection` is a range of bytes of the request and the response, laid end to end.
    """

    _esm = asset("dom.js", "stage.js", "handshake_negotiator_parts.js", "handshake_negotiator.js")
    _css = asset("theme.css", "handshake_negotiator.css")

    def __init__(
        self,
        handshake: Negotiable = EXAMPLE,
        response: Bytes | None = None,
        *,
        policy: Policy | None = None,
        reveal: bool = False,
    ) -> None:
        request, given = halves_of(handshake, response, reveal=reveal)
        if policy is None and given is None:
            policy = EXAMPLE_POLICY
        self._state = self._first = State(request, policy, given=given)
        self._negotiation = self._state.negotiation
        self._scenes = dict(SCENES) if self._state in SCENES.values() else {GIVEN: self._state} | SCENES
        self._past: list[State] = []
        self._typing = ""
        super().__init__()
        self._show()

    # What Python and the page agree on

    @property
    def negotiation(self) -> Negotiation:
        """What is shown."""
        return self._negotiation

    @property
    def handshake(self) -> Handshake:
        """Both halves, judged."""
        return self._negotiation.handshake

    @property
    def request(self) -> bytes:
        """The client's half. Setting it is a change that undo takes back; the server answers it by its policy."""
        return self._state.request

    @request.setter
    def request(self, request: Bytes) -> None:
        state = self._state.answered_anew()
        self._change(State(bytes(request), state.policy, state.fault))

    @property
    def response(self) -> bytes:
        """The server's half. Setting it is a change that undo takes back."""
        return self._state.response

    @response.setter
    def response(self, response: Bytes) -> None:
        self._change(State(self.request, self._state.policy, self._state.fault, bytes(response)))

    @property
    def policy(self) -> Policy | None:
        """What the server supports, None where that is not known. Setting it has the server answer anew."""
        return self._state.policy

    @policy.setter
    def policy(self, policy: Policy) -> None:
        self._change(State(self.request, policy, self._state.fault))

    @property
    def figure(self) -> Figure:
        return draw(self._negotiation)

    def undo(self) -> None:
        """Take back the last change."""
        self._typing = ""
        if self._past:
            self._take(self._past.pop())

    def reset(self) -> None:
        """Go back to what was first shown; undo takes this back as well."""
        self._change(self._first)

    # Changes

    def _change(self, state: State, typing: str = "") -> None:
        """Take another state, unless it is no handshake; a run of `typing` in the same field is one change."""
        if state == self._state:
            return
        past = self._past if typing and typing == self._typing else [*self._past[-MOST_UNDONE + 1 :], self._state]
        self._take(state, past)
        self._typing = typing

    def _take(self, state: State, past: list[State] | None = None) -> None:
        self._negotiation = state.negotiation  # raises before anything has changed
        self._state, self._past = state, self._past if past is None else past
        self.selection = []  # its bytes are others now
        self._show()

    def _draw(self) -> dict[str, Any]:
        scene = next((name for name, state in self._scenes.items() if state == self._state), "")
        state = {"undo": bool(self._past), "changed": self._state != self._first}
        return picture_of(self._state, self._negotiation, [*self._scenes], scene) | state

    # Wishes of the page

    def _grant(self, do: str, value: Any) -> None:
        match do:
            case "scene":
                self._change([*self._scenes.values()][int(value)])
            case "offer":
                self._change(self._state.with_offer(str(value[0]), str(value[1])), f"offer {value[0]}")
            case "policy":
                self._change(self._state.with_policy(str(value[0]), str(value[1])), f"policy {value[0]}")
            case "fault":
                self._change(self._state.with_fault(str(value)))
            case "response":
                self._change(self._state.with_response(str(value)), do)
            case "undo":
                self.undo()
            case "reset":
                self.reset()
