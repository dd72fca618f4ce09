"""FrameDiagram on the Python side: wishes in, bytes and pictures out."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.widgets.page import Page
from wsviz import Dissection, Frame, Side, WsvizError, bit_diagram, dissect_frame
from wsviz.widgets.frame_diagram import FrameDiagram

KEY = bytes.fromhex("37fa213d")
HELLO = Frame.text("Hello", masking_key=KEY)


@pytest.fixture
def diagram() -> FrameDiagram:
    return FrameDiagram(HELLO)


@pytest.fixture
def page(diagram: FrameDiagram) -> Page:
    return Page(diagram)


def test_it_takes_a_frame_bytes_hex_and_a_dissection() -> None:
    raw = HELLO.serialize()
    for given_ in (HELLO, raw, raw.hex(), raw.hex(":"), "0x81 0x85 37,fa,21,3d 7f9f4d5158", dissect_frame(raw)):
        diagram = FrameDiagram(given_)
        assert (diagram.data, diagram.frame) == (raw, HELLO)
        assert diagram.dissection == dissect_frame(raw)
    assert FrameDiagram().frame == HELLO


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(WsvizError, match="'x' is no hex digit"):
        FrameDiagram("8x")
    with pytest.raises(WsvizError, match="expected an even number"):
        FrameDiagram("8")
    with pytest.raises(TypeError):
        FrameDiagram(Dissection("GET", b"GET", ()))  # type: ignore[arg-type]


def test_a_flipped_bit_is_decoded_anew(diagram: FrameDiagram, page: Page) -> None:
    picture = page.wish("flip", 7)
    assert diagram.data[0] == 0x80
    assert diagram.frame == Frame(0, b"Hello", masking_key=KEY)
    assert picture["title"] == "continuation frame"
    assert [part["meaning"] for part in picture["parts"] if part["name"] == "opcode"] == ["continuation"]


@given(bit=st.integers(0, 8 * 11 - 1))
@settings(max_examples=30)
def test_python_and_the_page_agree_after_any_flip(bit: int) -> None:
    diagram = FrameDiagram(HELLO, sender="client")
    picture = Page(diagram).wish("flip", bit)
    assert bytes(picture["bytes"] + picture["rest_bytes"]) == diagram.data
    drawn = {part["name"]: part["size"] for part in picture["parts"] if part["size"]}
    assert drawn == {field.name: field.size for field in diagram.dissection.fields}
    assert [each["rule"] for each in picture["findings"]] == [each.rule for each in diagram.dissection.findings]
    assert Page(diagram).wish("flip", bit)["parts"] == FrameDiagram(HELLO, sender="client").picture["parts"]


def test_a_frame_longer_than_its_bytes_is_shown_as_far_as_it_is_there(diagram: FrameDiagram, page: Page) -> None:
    picture = page.wish("flip", 9)
    assert diagram.frame is None
    assert diagram.dissection.value is None
    assert picture["missing"].startswith("64 bytes missing")
    assert picture["controls"]["text"] == "Hello"


def test_bytes_after_a_shorter_frame_stay_and_come_back(diagram: FrameDiagram, page: Page) -> None:
    assert page.wish("flip", 13)["rest"] == "4 bytes after the frame"
    assert diagram.frame == Frame.text("H", masking_key=KEY)
    assert page.wish("flip", 13)["rest"] == ""
    assert diagram.frame == HELLO


def test_undo_and_reset(diagram: FrameDiagram, page: Page) -> None:
    assert (diagram.picture["undo"], diagram.picture["changed"]) == (False, False)
    page.wish("flip", 0)
    page.wish("flip", 1)
    picture = page.wish("undo")
    assert diagram.data[0] == 0x01
    assert (picture["undo"], picture["changed"]) == (True, True)
    assert page.wish("reset")["changed"] is False
    assert diagram.frame == HELLO
    page.wish("undo")
    assert diagram.data[0] == 0x01
    page.wish("undo")
    assert page.wish("undo")["undo"] is False
    assert diagram.frame == HELLO


def test_a_run_of_typing_is_one_change(diagram: FrameDiagram, page: Page) -> None:
    for text in ("Hello,", "Hello, w", "Hello, world"):
        page.wish("text", text)
    assert diagram.frame == Frame.text("Hello, world", masking_key=KEY)
    page.wish("hex", "8100")
    page.wish("undo")
    assert diagram.frame == Frame.text("Hello, world", masking_key=KEY)
    page.wish("undo")
    assert diagram.frame == HELLO


def test_text_keeps_opcode_flags_and_key() -> None:
    frame = Frame(2, b"1", fin=False, rsv1=True, masking_key=KEY)
    diagram = FrameDiagram(frame)
    Page(diagram).wish("text", "é" * 100)
    assert diagram.frame == Frame(2, "é".encode() * 100, fin=False, rsv1=True, masking_key=KEY)


def test_the_text_of_a_close_frame_is_its_reason() -> None:
    diagram = FrameDiagram(Frame.close(1001, "bye"))
    assert diagram.picture["controls"]["text"] == "bye"
    Page(diagram).wish("text", "gone")
    assert diagram.frame == Frame.close(1001, "gone")
    Page(diagram).wish("text", "")
    assert diagram.frame == Frame.close(1001)
    diagram = FrameDiagram(Frame.close())
    Page(diagram).wish("text", "bye")
    assert diagram.frame == Frame.close(1000, "bye")


def test_text_makes_a_cut_frame_whole_and_a_lone_surrogate_does_no_harm(diagram: FrameDiagram, page: Page) -> None:
    page.wish("flip", 9)
    page.wish("text", "Hi\ud800")
    assert diagram.frame == Frame.text("Hi?", masking_key=KEY)


def test_hex_is_taken_as_it_is_typed(diagram: FrameDiagram, page: Page) -> None:
    page.wish("hex", "81 02 48:69")
    assert diagram.frame == Frame.text("Hi")
    assert page.wish("hex", "81 0")["notice"] == "3 hex digits, expected an even number"
    assert diagram.frame == Frame.text("Hi")
    assert page.wish("hex", "")["title"] == "no frame yet"
    page.wish("text", "Hi")
    assert diagram.frame == Frame.text("Hi")


def test_the_controls_set_single_fields(diagram: FrameDiagram, page: Page) -> None:
    page.wish("fin", False)
    page.wish("rsv2", True)
    page.wish("opcode", 9)
    assert diagram.frame == Frame(9, b"Hello", fin=False, rsv2=True, masking_key=KEY)
    assert {each["rule"] for each in diagram.picture["findings"]} == {"fragmented-control-frame", "reserved-bit-set"}
    page.wish("mask", False)
    assert diagram.data == b"\x29\x05Hello"
    page.wish("mask", True)
    page.wish("key", "01 02 03 04")
    assert diagram.frame == Frame(9, b"Hello", fin=False, rsv2=True, masking_key=b"\x01\x02\x03\x04")
    assert page.wish("key", "01 02")["notice"] == "the masking key has 2 bytes, expected 4"
    page.wish("sender", "server")
    assert (diagram.sender, diagram.picture["receiver"]) == (Side.SERVER, "client")
    page.wish("sender", "")
    assert (diagram.sender, page.wish("bits_per_row", 32)["per_row"]) == (None, 32)


def test_python_can_change_it_too(diagram: FrameDiagram) -> None:
    diagram.frame = Frame.ping(b"x")
    assert (diagram.data, diagram.picture["title"]) == (b"\x89\x01x", "ping frame")
    diagram.data = b"\x8a\x00"
    assert (diagram.frame, diagram.picture["title"]) == (Frame.pong(), "pong frame")
    diagram.sender = "client"
    assert [each.rule for each in diagram.dissection.findings] == ["unmasked-client-frame"]
    with pytest.raises(IndexError, match="expected 0 to 15"):
        diagram.flip(16)


def test_a_given_dissection_keeps_its_judgement_until_something_changes() -> None:
    given_ = dissect_frame(Frame(1, b"x", rsv1=True).serialize(), sender="client", extensions="permessage-deflate")
    diagram = FrameDiagram(given_)
    assert diagram.dissection is given_
    assert (diagram.sender, diagram.extensions) == (Side.CLIENT, "permessage-deflate")
    diagram.flip(2)
    diagram.undo()
    assert diagram.dissection is given_


def test_a_big_frame_is_quick_and_its_picture_small() -> None:
    diagram = FrameDiagram(Frame.text("x" * 1_000_000))
    for bit in range(8):
        diagram.flip(bit)
    assert len(json.dumps(diagram.picture)) < 20_000
    assert sum(map(len, diagram._past)) <= 4_000_000
    assert diagram.picture["controls"]["text"] is None
    assert diagram.picture["more_hex"] == "… 999,968 more bytes of payload"


def test_a_hostile_payload_reaches_the_page_as_text_only() -> None:
    words = json.dumps(FrameDiagram(Frame.text("<img src=x onerror=alert(1)>\u202e\x00")).picture, ensure_ascii=False)
    assert words.isprintable()


def test_the_bundle_holds_the_widget_and_the_picture(diagram: FrameDiagram) -> None:
    bundle, _ = diagram._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert (bundle["image/svg+xml"], bundle["text/plain"]) == (bit_diagram(HELLO).svg, bit_diagram(HELLO).text)
    diagram.flip(9)
    assert "64 bytes missing" in diagram._repr_mimebundle_()[0]["text/plain"]


def run(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    ).stdout


def test_evaluating_a_frame_draws_it() -> None:
    shown = run(
        """
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shell.history_manager.enabled = False
        import sys, wsviz
        assert "anywidget" not in sys.modules and "wsviz.figures.figure" not in sys.modules
        frame = wsviz.Frame.text("Hi")
        bundle, _ = shell.display_formatter.format(frame)
        assert list(bundle) == ["text/plain"], "a terminal gets the text"
        assert "anywidget" not in sys.modules
        shell.kernel = object()
        for thing in (frame, wsviz.dissect_frame(frame.serialize())):
            bundle, _ = shell.display_formatter.format(thing)
            print(*sorted(bundle))
            assert bundle["text/plain"].startswith("text frame")
        bundle, _ = shell.display_formatter.format(wsviz.Dissection(5, b"", ()))
        print(*bundle, bundle["text/plain"][:20])
        """
    )
    kinds = "application/vnd.jupyter.widget-view+json image/svg+xml text/plain"
    assert shown.splitlines() == [kinds, kinds, "text/plain Dissection(value=5, "]


def test_without_ipython_nothing_is_registered() -> None:
    run("import sys, wsviz; wsviz.Frame; assert not {'wsviz.show', 'IPython', 'ipywidgets'} & set(sys.modules)")
