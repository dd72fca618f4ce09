"""The laws of frames and streams over every frame of every capture at hand."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.capture.files import ALL, capture_of, ids
from tests.laws import assert_partition
from wsviz import Side, StreamDecoder, decode_stream


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_frames_round_trip_and_fields_partition(path: Path) -> None:
    for connection in capture_of(path).connections:
        for frame in connection.frames:
            assert_partition(frame.dissection)
            assert frame.frame.serialize() == frame.dissection.raw


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_feeding_in_pieces_gives_the_same(path: Path) -> None:
    dice = random.Random(path.name)
    for connection in capture_of(path).connections:
        extensions = None if connection.handshake is None else connection.handshake.extensions
        for side in Side:
            raw = b"".join(frame.dissection.raw for frame in connection.frames if frame.sender is side)
            whole = decode_stream(raw, sender=side, extensions=extensions)
            decoder, at, pieces = StreamDecoder(side, extensions), 0, []
            while at < len(raw):
                step = dice.choice((1, 2, 7, 1000))
                pieces.append(decoder.feed(raw[at : at + step]))
                at += step
            assert [f for piece in pieces for f in piece.frames] == list(whole.frames)
            assert [m for piece in pieces for m in piece.messages] == list(whole.messages)
            assert [f for piece in pieces for f in piece.findings] == list(whole.findings)
