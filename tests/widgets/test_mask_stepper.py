"""MaskStepper on the Python side: wishes in, masked bytes and pictures out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.page import Page
from wsviz import Frame, WsvizError, apply_mask, dissect_frame, read_capture
from wsviz.figures.masking import mask_steps
from wsviz.figures.masking_view import RFC_KEY
from wsviz.widgets import MaskStepper

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def stepper() -> MaskStepper:
    return MaskStepper()


@pytest.fixture
def page(stepper: MaskStepper) -> Page:
    return Page(stepper)


def test_it_takes_text_bytes_frames_and_connections() -> None:
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    first = next(each for each in connection.frames if each.frame.masking_key)
    for thing in ("Hello", b"Hello", Frame.text("Hello"), first, connection):
        assert MaskStepper(thing).payload == b"Hello"
    assert MaskStepper(first).key == first.frame.masking_key
    assert MaskStepper(b"\x7f\x9f\x4d\x51\x58", unmask=True).payload == b"Hello"
    with pytest.raises(TypeError, match="got list"):
        MaskStepper([1])  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="5 bytes, expected 4"):
        MaskStepper("Hello", b"12345")
    with pytest.raises(WsvizError, match="1 bytes, expected 4"):
        MaskStepper("Hello", fresh=[b"1"])


def test_the_picture_holds_every_step(stepper: MaskStepper) -> None:
    steps = stepper.picture["steps"]
    assert [step["out"] for step in steps] == ["7f", "9f", "4d", "51", "58"]
    assert [step["key_index"] for step in steps] == [0, 1, 2, 3, 0]
    assert steps[0]["bits"] == ["01001000", "00110111", "01111111"]
    assert steps[2]["label"] == "byte 2, payload 6c, l, key byte 2 21, on the wire 4d"


@given(data=st.binary(max_size=40), key=st.binary(min_size=4, max_size=4))
@settings(deadline=None, max_examples=50)
def test_turning_it_round_feeds_the_result_back_in(data: bytes, key: bytes) -> None:
    stepper = MaskStepper(data, key)
    there = stepper.picture["steps"]
    stepper.turn()
    assert [step["in"] for step in stepper.picture["steps"]] == [step["out"] for step in there]
    assert [step["out"] for step in stepper.picture["steps"]] == [step["in"] for step in there]
    assert (stepper.payload, stepper.wire) == (data, apply_mask(data, key))
    assert json.dumps(stepper.picture, ensure_ascii=False).isprintable()


def test_text_key_and_hex(stepper: MaskStepper, page: Page) -> None:
    page.wish("text", "Hi\ud800")
    assert stepper.payload == b"Hi?"
    page.wish("key", "01:02 0x03 04")
    assert stepper.wire == bytes([ord("H") ^ 1, ord("i") ^ 2, ord("?") ^ 3])
    page.wish("hex", "00 ff")
    assert (stepper.payload, stepper.picture["controls"]["text"]) == (b"\0\xff", None)
    assert page.wish("key", "01 02")["notice"] == "the masking key has 2 bytes, expected 4"
    assert page.wish("hex", "0x")["notice"] == ""
    assert page.wish("hex", "xy")["notice"] == "'x' is no hex digit"
    assert stepper.key == b"\1\2\3\4"


def test_what_is_typed_while_unmasking_is_what_is_on_the_wire(stepper: MaskStepper, page: Page) -> None:
    page.wish("turn")
    page.wish("hex", "7f 9f 4d 51 58 db")
    assert (stepper.payload, stepper.wire.hex()) == (b"Hello!", "7f9f4d5158db")


def test_undo_and_reset(stepper: MaskStepper, page: Page) -> None:
    assert (stepper.picture["undo"], stepper.picture["changed"]) == (False, False)
    for text in ("H", "Ha", "Hal"):
        page.wish("text", text)
    page.wish("turn")
    page.wish("undo")
    assert (stepper.payload, stepper.picture["unmask"]) == (b"Hal", False)
    assert page.wish("undo")["undo"] is False
    assert stepper.payload == b"Hello"
    stepper.key = b"abcd"
    assert page.wish("reset")["changed"] is False
    assert page.wish("undo")["controls"]["key"] == "61 62 63 64"
    stepper.payload = b"x"
    assert stepper.picture["undo"] is True


def test_the_script_s_bytes_can_be_chosen(page: Page) -> None:
    script = page.wish("wanted", "POST /")["experiments"][1]
    assert script["title"] == 'A script wants "POST /" on the wire'
    assert script["groups"][0]["rows"][0]["text"] == "POST /"


def test_a_connection_s_frames_can_be_chosen() -> None:
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    stepper = MaskStepper(connection)
    frames = [each.frame for each in connection.frames if each.frame.masking_key]
    assert stepper.picture["controls"]["frames"][0] == '0: "Hello"'
    picture = Page(stepper).wish("frame", 3)
    assert (stepper.payload, stepper.key) == (frames[3].payload, frames[3].masking_key)
    assert picture["controls"]["frame"] == 3
    assert Page(stepper).wish("frame", 999)["notice"]
    assert len(picture["experiments"]) == 3


def test_the_figure_is_of_the_byte_that_is_pinned(stepper: MaskStepper) -> None:
    assert stepper.figure == mask_steps("Hello")
    stepper.selection = [2, 3, -1]
    assert "byte 2 in bits" in stepper.figure.text
    stepper.payload = b"x"
    assert "byte 0 in bits" in stepper.figure.text
    stepper.payload = b""
    assert "the payload is empty" in stepper.figure.text
    bundle, _ = stepper._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}


def test_a_big_payload_is_elided_and_not_edited() -> None:
    stepper = MaskStepper(b"x" * 10_000_000)
    assert len(json.dumps(stepper.picture)) < 40_000
    assert stepper.picture["more"] == "… 9,999,968 more bytes, masked in the same way"
    assert (stepper.picture["controls"]["text"], stepper.picture["controls"]["hex"]) == (None, None)
    assert "expected at most 2,000" in Page(stepper).wish("text", "x" * 2001)["notice"]


def test_a_captured_secret_is_asterisks() -> None:
    connection = read_capture(CAPTURES / "echo.pcapng").connections[0]
    captured = next(each for each in connection.frames if each.frame.masking_key)
    frame = Frame.text('{"password": "hunter2"}', masking_key=RFC_KEY)
    stepper = MaskStepper(replace(captured, dissection=dissect_frame(frame.serialize())))
    assert stepper.payload == b'{"password": "*******"}'
    assert "secrets as *" in stepper.picture["about"]
