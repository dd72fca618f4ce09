"""DeflateView on the Python side: wishes in, compressed messages and pictures out."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.widgets.page import Page
from wsviz import Frame, Opcode, WsvizError, read_capture
from wsviz.capture.connection import Connection
from wsviz.figures.deflate import compression
from wsviz.figures.deflate_talk import READ, Talk, _sent
from wsviz.protocol.deflate import Deflater
from wsviz.widgets import DeflateView

CAPTURES = Path(__file__).parents[2] / "captures"


@pytest.fixture
def widget() -> DeflateView:
    return DeflateView(["Hello", "Hello"])


@pytest.fixture
def page(widget: DeflateView) -> Page:
    return Page(widget)


@pytest.fixture(scope="module")
def kept() -> Connection:
    return read_capture(CAPTURES / "deflate.pcapng").connections[0]


def sizes(widget: DeflateView) -> list[int]:
    return [row["after"] for row in widget.picture["rows"]]


def test_it_takes_texts_bytes_frames_and_connections(kept: Connection) -> None:
    payload = Deflater().compress(b"Hello")
    for thing in ("Hello", b"Hello", ["Hello"], Frame(Opcode.TEXT, payload, rsv1=True)):
        assert sizes(DeflateView(thing)) == [7]
    assert sizes(DeflateView(kept.frames[0])) == [kept.messages[0].wire_length]
    assert sizes(DeflateView(kept)) == [each.wire_length for each in kept.messages if each.sender == "client"]
    assert len(DeflateView().picture["rows"]) == 2
    with pytest.raises(TypeError, match="got int"):
        DeflateView([1])  # type: ignore[list-item]
    with pytest.raises(WsvizError, match="RSV1 is 0"):
        DeflateView(Frame.text("Hello"))


def test_the_picture_names_every_symbol(widget: DeflateView) -> None:
    picture = widget.picture
    assert picture["hex"] == ["f2", "00", "11", "00", "00"]
    assert [cell["kind"] for cell in picture["cells"]] == [
        *("block", "literal", "earlier", "end", "block", "padding", "tail")
    ]
    match = picture["cells"][2]
    assert (match["text"], match["start"], match["first"], match["last"]) == ("ello", 11, 1, 3)
    assert match["bits"][0] == ("0000010", "length 4")
    assert picture["past"][0]["segments"][1] == {"text": "ello", "users": (2,), "lost": False}
    assert picture["rows"][1]["label"] == (
        "message 1, 5 bytes in 5: 1 literal, 0 copied within, 4 copied from earlier messages"
    )
    assert json.dumps(picture, ensure_ascii=False).isprintable()


def test_of_a_damaged_message_other_terms_are_left_out(widget: DeflateView) -> None:
    deflater = Deflater()
    damaged = [Frame(Opcode.TEXT, deflater.compress(b"Hello"), rsv1=True) for _ in range(2)][1]
    picture = DeflateView(damaged).picture
    assert picture["error"]
    assert picture["terms"] == []
    assert picture["windows"] == widget.picture["windows"], "they can still be chosen"
    assert len(widget.picture["terms"]) == len(picture["windows"]) == 7


def test_a_message_is_added_and_one_removed(widget: DeflateView, page: Page) -> None:
    picture = page.wish("add", "Hello, hello")
    assert (picture["at"], picture["headline"][:20]) == (2, "Message 2: 12 bytes ")
    assert [said.data for said in widget.talk.said] == [b"Hello", b"Hello", b"Hello, hello"]
    page.wish("at", 0)
    picture = page.wish("remove")
    assert [row["text"] for row in picture["rows"]] == ["Hello", "Hello, hello"]
    page.wish("remove")
    picture = page.wish("remove")
    assert (picture["rows"], picture["cells"]) == ([], [])
    assert page.wish("remove")["rows"] == []
    assert page.wish("add", "\ud800")["rows"][0]["text"] == "?"
    assert "too much to draw" in page.wish("add", "x" * READ)["notice"]


def test_the_terms_change_what_zlib_makes(widget: DeflateView, page: Page) -> None:
    assert sizes(widget) == [7, 5]
    assert page.wish("keep", False)["keep"] is False
    assert sizes(widget) == [7, 7]
    assert widget.picture["past"][0]["segments"] == [{"text": "Hello", "users": (), "lost": True}]
    assert page.wish("bits", 9)["bits"] == 9
    assert "window_bits is 16" in page.wish("bits", 16)["notice"]
    assert widget.talk.bits == 9


def test_a_connection_s_terms_become_zlib_s_once_they_change(kept: Connection) -> None:
    widget = DeflateView(kept, at=1)
    page = Page(widget)
    assert (widget.picture["sent"], widget.picture["sides"]) == (True, ["client", "server"])
    assert "as sent" in widget.picture["facts"]
    picture = page.wish("keep", False)
    assert "compressed by zlib, level 6" in picture["facts"]
    assert picture["at"] == 1
    assert [row["earlier"] for row in picture["rows"]] == [0, 0, 0]
    picture = page.wish("side", "server")
    assert "sent by the server; as sent" in picture["facts"]
    assert page.wish("side", "nobody")["notice"]
    assert "sent by the client" in page.wish("reset")["facts"]


def test_undo_and_reset(widget: DeflateView, page: Page) -> None:
    assert (widget.picture["undo"], widget.picture["changed"]) == (False, False)
    widget.selection = [1, 3, 11]
    page.wish("add", "one")
    assert widget.selection == []
    page.wish("keep", False)
    page.wish("keep", False)
    assert page.wish("undo")["keep"] is True
    picture = page.wish("undo")
    assert (len(picture["rows"]), picture["undo"], picture["changed"]) == (2, False, False)
    widget.talk = widget.talk.plus(b"from Python")
    assert page.wish("reset")["changed"] is False
    assert len(page.wish("undo")["rows"]) == 3
    widget.reset()
    widget.undo()
    assert len(widget.picture["rows"]) == 3


def test_the_figure_is_of_the_chosen_message(widget: DeflateView, page: Page) -> None:
    assert widget.figure == compression(["Hello", "Hello"])
    page.wish("at", 0)
    assert widget.figure == compression(["Hello", "Hello"], at=0)
    assert "there is no message 2" in page.wish("at", 2)["notice"]
    bundle, _ = widget._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}


def test_what_is_long_is_elided() -> None:
    widget = DeflateView(["x" * 20_000])
    assert len(json.dumps(widget.picture)) < 50_000
    assert next(cell["text"][-16:] for cell in widget.picture["cells"] if cell["length"] == 258) == "… 194 more bytes"
    assert widget.picture["rows"][0]["text"] == "x" * 120
    noise = random.Random(5)
    widget = DeflateView([noise.randbytes(10_000).hex()])
    assert len(json.dumps(widget.picture)) < 200_000
    assert len(widget.picture["cells"]) == 600 < widget.picture["hidden"]
    assert len(widget.picture["hex"]) + widget.picture["more_hex"] == sizes(widget)[0]


def test_a_secret_of_a_capture_is_asterisks() -> None:
    payload = Deflater().compress(b'{"password": "hunter2"}')
    said, _ = _sent([Frame(Opcode.TEXT, payload, rsv1=True)], keep=True, reveal=False)
    widget = DeflateView("Hello")
    widget.talk = Talk(said, sent=True)
    assert (widget.picture["secret"], widget.picture["hex"]) == (True, [])
    assert widget.picture["rows"][0]["text"] == '{"password": "*******"}'
    assert not any(cell["bits"] for cell in widget.picture["cells"])
    assert "hunter2" not in json.dumps(Page(widget).wish("keep", False))
