"""The picture of an opening handshake as plain JSON: what the page draws, without deciding anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wsviz.figures.figure import plain
from wsviz.figures.negotiation_text import lane_in_words
from wsviz.figures.negotiation_view import KINDS, SIGNS, Lane, Line, Negotiation
from wsviz.protocol.fields import Finding
from wsviz.widgets.handshake_negotiator_state import FAULTS, MOST, NO_ORIGIN, OFFERS, State


def picture_of(state: State, negotiation: Negotiation, scenes: Sequence[str], scene: str) -> dict[str, Any]:
    """The negotiation as JSON: every text harmless; `scenes` can be tried, and `scene` is the one that stands."""
    right, words = negotiation.accept_verdict
    return {
        "about": negotiation.about,
        "outcomes": [{"who": who, "what": what, "good": good} for who, what, good in negotiation.outcomes],
        "lanes": [_lane(at, lane) for at, lane in enumerate(negotiation.lanes)],
        "accept": [{"what": what, "value": value} for what, value in negotiation.accept_steps],
        "accept_right": right,
        "accept_words": words,
        "request": [_line(line) for line in negotiation.request_lines],
        "response": [_line(line) for line in negotiation.response_lines],
        "findings": [_finding(finding, negotiation) for finding in negotiation.findings],
        "controls": _controls(state, negotiation, scenes, scene),
    }


def _lane(at: int, lane: Lane) -> dict[str, Any]:
    return {
        "name": lane.name,
        "about": lane.about,
        "kind": KINDS[at],
        "cells": [lane.offered, lane.policy, lane.answered],
        "state": lane.state,
        "sign": SIGNS[lane.state],
        "verdict": lane.verdict,
        "label": lane_in_words(lane),
    }


def _line(line: Line) -> dict[str, Any]:
    return {"start": line.start, "end": line.end, "text": line.text, "lane": line.lane, "header": bool(line.name)}


def _finding(finding: Finding, negotiation: Negotiation) -> dict[str, Any]:
    return {
        "severity": str(finding.severity),
        "rule": finding.rule,
        "where": finding.section,
        "text": plain(finding.explanation),
        "lane": negotiation.lane_of_finding(finding),
    }


def _controls(state: State, negotiation: Negotiation, scenes: Sequence[str], scene: str) -> dict[str, Any]:
    """What the fields say; None where a value is too long to be edited."""
    policy, request = state.policy, negotiation.request
    origins = None if policy is None else policy.origins
    values = [request.method if name == "method" else request.header(name) or "" for name in OFFERS]
    response = negotiation.handshake.response.raw
    return {
        "scenes": [*scenes],
        "scene": scenes.index(scene) if scene in scenes else -1,
        "offer": [{"name": name, "value": _short(value)} for name, value in zip(OFFERS, values, strict=True)],
        "policy": [
            {"name": "origins", "value": ", ".join(each or NO_ORIGIN for each in origins or ())},
            {"name": "subprotocols", "value": "" if policy is None else ", ".join(policy.subprotocols)},
            {"name": "extensions", "value": "" if policy is None else policy.extensions},
        ],
        "faults": [*FAULTS],
        "fault": -1 if state.given is not None else [*FAULTS].index(state.fault),
        "response": _text(response) if len(response) <= MOST else None,
    }


def _short(value: str) -> str | None:
    return plain(value) if len(value) <= MOST else None


def _text(response: bytes) -> str:
    """The response as it can be typed."""
    return "\n".join(
        plain(line) for line in response.decode("latin-1").replace("\r\n", "\n").rstrip("\n").split("\n")
    )
