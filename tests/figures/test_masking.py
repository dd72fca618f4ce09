"""The picture of masking: its bytes are those of `apply_mask`, its comparison shows what fresh keys are for."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from tests.laws import assert_labels_apart, texts
from wsviz import Frame, ProtocolError, apply_mask, dissect_frame, read_capture
from wsviz.capture.connection import Connection
from wsviz.figures.figure import columns
from wsviz.figures.masking import draw, mask_steps
from wsviz.figures.masking_view import FRESH, RFC_KEY, Masked, Masking, masking_of

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture(scope="module")
def connection() -> Connection:
    return read_capture(CAPTURES / "echo.pcapng").connections[0]


def test_the_rfc_s_example_byte_by_byte() -> None:
    lines = mask_steps().text.split("\n")
    rows = {line[:18].strip(): line[18:].split() for line in lines[3:7]}
    assert rows["payload"] == ["48", "65", "6c", "6c", "6f"]
    assert rows["key byte i mod 4"] == ["37", "fa", "21", "3d", "37"]
    assert rows["on the wire"] == ["7f", "9f", "4d", "51", "58"]
    assert "key byte 0         37   0 0 1 1 0 1 1 1" in lines


def test_it_is_the_same_each_time_and_in_both_directions() -> None:
    assert mask_steps("Hello") == mask_steps(b"Hello") == mask_steps(memoryview(b"Hello"), RFC_KEY)
    there = masking_of("Hello").steps
    back = masking_of(apply_mask(b"Hello", RFC_KEY), unmask=True).steps
    assert [(step.entering, step.leaving) for step in there] == [(step.leaving, step.entering) for step in back]
    assert [str(step.after) for step in back] == [*"Hello"]
    assert all(step.entering ^ step.key == step.leaving for step in there)


def test_a_frame_brings_its_key_and_another_can_be_given() -> None:
    frame = Frame.text("Hi", masking_key=b"\1\2\3\4")
    assert masking_of(frame).key == b"\1\2\3\4"
    assert masking_of(frame, b"abcd").key == b"abcd"
    assert masking_of(Frame.text("Hi")).key == RFC_KEY


def test_a_fixed_key_shows_a_pattern_and_fresh_ones_do_not() -> None:
    same, script = masking_of("Hello").experiments
    fixed, fresh = same.groups
    assert {row.wire for row in fixed.rows} == {apply_mask(b"Hello", RFC_KEY)}
    assert all(all(row.same) for row in fixed.rows)
    assert [row.wire for row in fresh.rows] == [apply_mask(b"Hello", key) for key in FRESH]
    assert not any(any(row.same) for row in fresh.rows)
    expected, unknown = script.groups
    assert {row.text for row in expected.rows} == {"GET /x HTTP/1.1"}
    assert "GET" not in "".join(row.text for row in unknown.rows)
    assert (expected.safe, unknown.safe) == (False, True)


def test_a_fresh_key_is_never_the_fixed_one() -> None:
    groups = masking_of("Hello", FRESH[1]).experiments[0].groups
    assert FRESH[1] not in {row.key for row in groups[1].rows}


def test_a_connection_s_keys_are_compared(connection: Connection) -> None:
    *_, seen = masking_of(connection).experiments
    frames = [each.frame for each in connection.frames if each.frame.masking_key]
    assert [row.key for row in seen.groups[0].rows] == [frame.masking_key for frame in frames][:12]
    assert seen.groups[0].safe


def test_a_key_used_again_is_told() -> None:
    frames = tuple(Masked(text, key, len(text)) for text, key in ((b"a", b"kkkk"), (b"b", b"llll"), (b"c", b"kkkk")))
    *_, seen = Masking(frames[0], listed=frames, total=3).experiments
    assert [row.mark for row in seen.groups[0].rows] == ["", "", "the key of frame 0 again"]
    assert (seen.groups[0].verdict, seen.groups[0].safe) == ("1 key used again", False)
    assert "the key of frame 0 again" in draw(Masking(frames[0], listed=frames, total=3)).text


def test_long_payloads_are_elided_and_empty_ones_said() -> None:
    text = mask_steps(b"x" * 10_000_000).text
    assert "… 9,999,968 more bytes, masked in the same way" in text
    assert len(mask_steps(b"x" * 10_000_000).svg) < 200_000
    assert "the payload is empty" in mask_steps("").text
    assert masking_of("").step is None


@pytest.mark.parametrize(
    "thing", ["Hello", "", "Grüße, 世界! 🙂" * 9, bytes(range(256)), b"\0" * 33, "e\u0301\u202e\x1b[31m"]
)
@pytest.mark.parametrize("unmask", [False, True])
def test_labels_are_apart_and_texts_harmless(thing: str | bytes, unmask: bool) -> None:
    figure = mask_steps(thing, unmask=unmask)
    assert_labels_apart(figure)
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)
    assert max(map(columns, figure.text.split("\n"))) <= 80


def test_hostile_payloads_are_text() -> None:
    figure = mask_steps('"><img src=x onerror=alert(1)></script>')
    tags = {element.tag.rpartition("}")[2] for element in ET.fromstring(figure.svg).iter()}
    assert not tags & {"img", "script"}


def test_a_captured_secret_is_asterisks(connection: Connection) -> None:
    captured = next(each for each in connection.frames if each.frame.masking_key)
    frame = Frame.text('{"password": "hunter2"}', masking_key=RFC_KEY)
    secret = replace(captured, dissection=dissect_frame(frame.serialize()))
    figure = mask_steps(secret)
    shown = "".join(text.text or "" for text in texts(figure))
    assert "secrets as *" in figure.text
    assert b"hunter2".hex(" ") not in figure.text
    assert apply_mask(frame.payload, RFC_KEY)[14:20].hex(" ") not in figure.text
    assert b"hunter2".hex() not in shown


def test_what_cannot_be_masked_is_refused() -> None:
    with pytest.raises(ProtocolError, match="the masking key has 3 bytes, expected 4"):
        mask_steps("Hello", b"abc")
    with pytest.raises(TypeError, match="got int, expected text"):
        mask_steps(5)  # type: ignore[arg-type]
    with pytest.raises(IndexError, match="byte 5, expected 0 to 4"):
        Masking(masking_of("Hello").source, at=5)
    polling = read_capture(CAPTURES / "poll.pcapng").connections[0]
    with pytest.raises(ProtocolError, match="no masked frame"):
        mask_steps(polling)
