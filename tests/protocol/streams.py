"""What the tests of streams share: feeding in pieces, and comparing what comes out."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from wsviz import Dissection, Finding, Frame
from wsviz.protocol.stream import Message, StreamDecoder


class Outcome(NamedTuple):
    """All that a decoder said from the first byte to `finish()`."""

    frames: list[Dissection[Frame]]
    offsets: list[int]
    messages: list[Message]
    findings: list[Finding]
    rest: bytes

    @property
    def rules(self) -> list[str]:
        return [finding.rule for finding in self.findings]


def feed(pieces: Iterable[bytes], decoder: StreamDecoder) -> Outcome:
    """Feed the pieces, then finish; frames, findings and places are checked against each other on the way."""
    outcome = Outcome([], [], [], [], b"")
    for stream in [*map(decoder.feed, pieces), decoder.finish()]:
        assert stream.frames.first == len(outcome.frames)
        if not (stream.frames or stream.findings or stream.rest):
            continue  # the common case, byte by byte
        in_frames = []
        for offset, header, dissection in zip(
            stream.frames.offsets, stream.frames.headers, stream.frames, strict=True
        ):
            assert header.end == len(dissection.raw)
            for finding in dissection.findings:
                in_frames.append(finding)
                assert (finding.frame, finding.offset) == (len(outcome.frames), offset)
                assert finding.field is not None
                assert dissection.field(finding.field) is not None, finding
            outcome.frames.append(dissection)
            outcome.offsets.append(offset)
        if stream.frames:
            assert in_frames == list(stream.findings)
        assert list(stream.findings) == sorted(stream.findings)
        outcome.messages.extend(stream.messages)
        outcome.findings.extend(stream.findings)
        outcome = outcome._replace(rest=stream.rest)
    return outcome


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces, cut at the places given."""
    edges = [0, *sorted({place % (len(data) + 1) for place in places}), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def single_bytes(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]
