"""The picture of compression: sizes are the wire's, every copy points where it comes from, secrets stay hidden."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws import assert_labels_apart, texts
from wsviz import Frame, Opcode, ProtocolError, Side, dissect_frame, read_capture
from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.figures.deflate import compression, draw
from wsviz.figures.deflate_talk import MOST, READ, Talk, _sent, memory, talk_of
from wsviz.figures.deflate_view import view_of
from wsviz.figures.figure import columns
from wsviz.protocol.deflate import Deflater

CAPTURES = Path(__file__).parents[2] / "captures"
LIKE = [f'{{"topic": "prices", "{name}": {price}}}' for name, price in (("EUR", 93), ("USD", 79), ("JPY", 52))]


@pytest.fixture(scope="module")
def connections() -> tuple[Connection, ...]:
    return read_capture(CAPTURES / "deflate.pcapng").connections


def frames_of(*messages: str, keep: bool = True) -> list[Frame]:
    deflater = Deflater(keep_context=keep)
    return [Frame(Opcode.TEXT, deflater.compress(each.encode()), rsv1=True) for each in messages]


def test_the_sizes_are_those_of_the_wire(connections: tuple[Connection, ...]) -> None:
    for connection in connections:
        for side in ("client", "server"):
            view = view_of(talk_of(connection, side=side))
            sent = [message for message in connection.messages if message.sender == side]
            assert [(row.before, row.after) for row in view.rows] == [
                (each.length, each.wire_length) for each in sent
            ]
            assert [said.data for said in view.talk.said] == [message.data for message in sent]
            assert f"sent by the {side}; as sent; window 4,096 bytes" in view.facts


def test_the_kept_window_serves_later_messages_and_the_forgotten_one_does_not(
    connections: tuple[Connection, ...],
) -> None:
    kept, forgotten = (view_of(talk_of(connection)) for connection in connections[:2])
    assert (kept.talk.keep, forgotten.talk.keep) == (True, False)
    assert [row.earlier > 0 for row in kept.rows] == [False, True, True]
    assert [row.earlier for row in forgotten.rows] == [0, 0, 0]
    assert sum(row.after for row in kept.rows) < sum(row.after for row in forgotten.rows) / 2
    assert "kept between messages" in kept.facts
    assert "forgotten after each message" in forgotten.facts
    assert not any(piece.users for past in forgotten.past for piece in past.segments)
    assert all(piece.lost for past in forgotten.past for piece in past.segments)


@given(messages=st.lists(st.text("abc ", max_size=60), min_size=1, max_size=5), keep=st.booleans())
@settings(deadline=None, max_examples=40)
def test_each_copy_points_at_what_it_copies(messages: list[str], keep: bool) -> None:
    for at in range(len(messages)):
        view = view_of(talk_of(messages, keep=keep), at)
        said = "".join(messages[:at] if keep else [])
        assert "".join(cell.text for cell in view.cells) == messages[at]
        for cell in view.cells:
            if cell.kind in ("inner", "earlier"):
                start = cell.source + len(said)
                whole = said + messages[at]
                assert all(whole[start + place] == char for place, char in enumerate(cell.text))
        for index, cell in enumerate(view.cells):
            used = "".join(piece.text for past in view.past for piece in past.segments if index in piece.users)
            assert used == (cell.text[: min(cell.length, -cell.source)] if cell.kind == "earlier" else "")
        row = view.rows[at]
        assert row.literals + row.inner + row.earlier == row.before == len(messages[at])


def test_what_lies_beyond_the_window_is_lost() -> None:
    view = view_of(talk_of(["x" * 700, "tail", "end"], bits=9))
    pieces = [(len(piece.text), piece.lost) for past in view.past for piece in past.segments]
    assert pieces == [(192, True), (508, False), (4, False)]


def test_other_terms_are_zlib_s_answer() -> None:
    talk = talk_of(LIKE)
    assert not talk.sent
    for term in view_of(talk).terms:
        for keep, size in ((True, term.kept), (False, term.forgotten)):
            deflater = Deflater(window_bits=term.bits, keep_context=keep)
            assert size == sum(len(deflater.compress(each.encode())) for each in LIKE)
            assert size == sum(len(said.payload) for said in talk.under(keep=keep, bits=term.bits).said)
        assert (term.sender, term.receiver) == memory(term.bits)
    assert memory(15) == (262_144, 39_936)


def test_a_large_window_reaches_what_a_small_one_has_lost() -> None:
    noise = random.Random(7).randbytes(1500)
    small, *_, large = view_of(talk_of([noise, noise])).terms
    assert large.kept < small.kept - 1000
    assert small.kept == small.forgotten, "all is lost before it could be copied"


def test_frames_are_taken_as_they_are() -> None:
    frames = frames_of(*LIKE)
    cut = [
        Frame(Opcode.TEXT, frames[0].payload[:9], fin=False, rsv1=True),
        Frame.ping(b"in between"),
        Frame(Opcode.CONTINUATION, frames[0].payload[9:]),
        *frames[1:],
    ]
    talk = talk_of(cut)
    assert talk.sent
    assert [said.data.decode() for said in talk.said] == LIKE
    late = Frame(Opcode.TEXT, b"x", fin=False), Frame(Opcode.CONTINUATION, b"y", rsv1=True)
    assert [said.compressed for said in talk_of([*late, *frames]).said] == [False, True, True, True]
    plain = view_of(talk_of([frames[0], Frame.text("as it is"), frames[1]]), 1)
    assert [row.compressed for row in plain.rows] == [True, False, True]
    assert plain.headline == "Message 1: 8 bytes, not compressed (RSV1 is 0)"
    assert not plain.rows[2].error, "what goes without RSV1 leaves the window as it is"


def test_a_talk_that_begins_in_the_middle_says_where_it_fails() -> None:
    view = view_of(talk_of(frames_of("Hello", "Hello")[1:]))
    assert view.said.data == b"H"
    assert "goes back 5 bytes, and only 1 came before it" in view.rows[0].error
    assert "goes back 5 bytes" in draw(view).text
    assert "goes back 5 bytes" in draw(view).svg


def test_of_a_damaged_message_other_terms_are_not_computed() -> None:
    whole = draw(view_of(talk_of(frames_of("Hello", "Hello"))))
    damaged = view_of(talk_of(frames_of("Hello", "Hello")[1:]))
    assert not damaged.terms
    for shown in (draw(damaged).svg, draw(damaged).text):
        assert "other terms: zlib" not in shown
        assert "the same messages by zlib" not in shown
    assert "other terms: zlib" in whole.svg
    assert "the same messages by zlib" in whole.text


def test_a_secret_of_a_capture_is_asterisks_and_its_bits_are_not_shown() -> None:
    frames = frames_of('{"password": "hunter2"}', '{"password": "hunter2", "x": 1}')
    captured = [
        CapturedFrame(Side.SERVER, index, 0, (), dissect_frame(frame.serialize(), extensions="permessage-deflate"))
        for index, frame in enumerate(frames)
    ]
    assert talk_of(captured).said[0].shown == b'{"password": "*******"}'
    for reveal in (False, True):
        said, _ = _sent(frames, keep=True, reveal=reveal)
        view = view_of(Talk(said, sent=True))
        everything = json.dumps([view.rows, view.cells, view.past, view.hex]) + draw(view).svg + draw(view).text
        assert ("hunter2" in everything) == reveal
        assert bool(view.hex) == reveal
        assert any(cell.bits for cell in view.cells) == reveal
        changed = view_of(view.talk.plus(b"more"))
        assert ("hunter2" in json.dumps([changed.rows, changed.past])) == reveal


@pytest.mark.parametrize(
    "messages",
    [LIKE, ["Hello", "Hello"], [""], ["x" * 5000, "é\u202e\x1b[31m</script>", bytes(range(256))], [], ["a"] * 60],
)
def test_the_picture_keeps_the_laws(messages: list[str | bytes]) -> None:
    figure = compression(messages)
    assert figure == compression(messages), "the same thing, the same picture"
    assert_labels_apart(figure)
    assert all(columns(line) <= 100 for line in figure.text.splitlines())
    assert "</script>" not in figure.svg
    assert "\x1b" not in figure.text and "\u202e" not in figure.text
    assert all(text.text is not None for text in texts(figure))


def test_what_is_copied_from_a_long_message_is_drawn() -> None:
    figure = compression([random.Random(1).randbytes(900).hex() + " the tail of it", "hello tail of it"])
    assert any(" the tail of it" in (text.text or "") for text in texts(figure))


def test_golden_words() -> None:
    text = compression(["Hello", "Hello"]).text
    assert "  0        5       7   140 %        5       0        0  Hello" in text
    assert "Message 1: 5 bytes in 5: 1 literal, 4 copied from earlier messages\n" in text
    assert "H[ello]\n  copy 4 bytes from 5 back, byte 1 of message 0: 13 bits instead of 32" in text
    assert "  32,768      12         14   256 KiB    39 KiB" in text
    assert "Message 0: 5 bytes in 7: 5 literal" in compression(["Hello", "Hello"], at=0).text


def test_too_much_is_not_drawn_and_said() -> None:
    for much in (["a"] * (MOST + 1), ["a" * (READ + 1)]):
        with pytest.raises(ProtocolError, match="too much to draw"):
            talk_of(much)
    many = talk_of(frames_of(*["a"] * (MOST + 1)))
    assert (len(many.said), many.more) == (MOST, True)
    assert f"only the first {MOST} messages" in view_of(many).facts
    bomb = view_of(talk_of([*frames_of("\0" * 5_000_000), *frames_of("then")]))
    assert bomb.talk.more
    assert len(bomb.said.data) < READ + 300
    assert "are not read here" in bomb.rows[0].error
    stored = Frame(Opcode.BINARY, Deflater(level=0).compress(bytes(100_000)), rsv1=True)
    with pytest.raises(ProtocolError, match=r"the first message has 100,\d+ bytes, expected 32,768 at most"):
        talk_of([stored, *frames_of("a")])


def test_wrong_things_are_refused_in_a_line() -> None:
    with pytest.raises(TypeError, match="got int, expected texts, bytes, frames or a captured connection"):
        talk_of([5])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="got int"):
        talk_of(5)  # type: ignore[arg-type]
    with pytest.raises(ProtocolError, match="no message here is compressed"):
        talk_of([Frame.text("Hello")])
    with pytest.raises(ProtocolError, match="window_bits is 16, expected 8 to 15"):
        talk_of(["Hello"], bits=16)
    with pytest.raises(ProtocolError, match="there is no message 2, expected 0 to 1"):
        compression(["Hello", "Hello"], at=2)
    echo = read_capture(CAPTURES / "echo.pcapng").connections[0]
    with pytest.raises(ProtocolError, match="connection 0 has no compressed message of the client or the server"):
        talk_of(echo)
