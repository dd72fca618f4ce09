"""The bit diagram: the same every time, whole, harmless, and legible."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws import SVG, assert_labels_apart, texts
from wsviz import Dissection, Field, Finding, Frame, Incomplete, Severity, bit_diagram, dissect_frame
from wsviz.figures.figure import clip, columns, id_of, plain, tint, wrap
from wsviz.figures.frame_figure import frame_view

KEY = bytes.fromhex("37fa213d")
CASES = {
    "hello": Frame.text("Hello"),
    "masked": Frame.text("Hello", masking_key=KEY),
    "empty ping": Frame.ping(),
    "close": Frame.close(1001, "gone €5 fishing", masking_key=KEY),
    "one byte too much": Frame.text("12345678901234567890x"),
    "16 bits of length": Frame.binary(bytes(range(256)), masking_key=KEY),
    "64 bits of length": Frame(1, b"Hello", length_bits=64, masking_key=KEY),
    "many faults": b"\x79\xfe\x00\x05\x00\x00\x00\x00Hello",
    "cut header": b"\x81\x7f\x00",
    "cut payload": b"\x81\x85" + KEY + b"\x7f",
    "one byte": b"\x81",
    "nothing": b"",
    "followed by others": b"\x82\x03Hello",
}


def cases(test):
    return pytest.mark.parametrize("bits_per_row", [16, 32])(
        pytest.mark.parametrize("frame", CASES.values(), ids=CASES.keys())(test)
    )


def test_the_ascii_picture_of_hello() -> None:
    assert (
        bit_diagram(Frame.text("Hello")).text
        == """\
text frame
2 + 0 + 0 = 2 bytes of header, 5 bytes of payload, 7 bytes in all

 byte  0   1   2   3   4   5   6   7   8   9   10  11  12  13  14  15
      +---+---+---+---+---------------+---+---------------------------+
    0 |FIN|RS1|RS2|RS3| opcode        |MSK| Payload len (7 bits)      |
      | 1 | 0 | 0 | 0 | 0   0   0   1 | 0 | 0   0   0   0   1   0   1 |
      |   |   |   |   | 1 = text      |   | 5 bytes                   |
      +---+---+---+---+---------------+---+---------------------------+
    2 | Payload Data (40 bits)                                        |
      | 0   1   0   0   1   0   0   0   0   1   1   0   0   1   0   1 |
      | 48 H                            65 e                          |
    4 | 0   1   1   0   1   1   0   0   0   1   1   0   1   1   0   0 |
      | 6c l                            6c l                          |
      |                               +-------------------------------+
    6 | 0   1   1   0   1   1   1   1 |
      | 6f o                          |
      +-------------------------------+

bits    field                   value       meaning
0       FIN                     1           final fragment
1       RSV1                    0           unused
2       RSV2                    0           unused
3       RSV3                    0           unused
4-7     opcode                  1           text
8       MASK                    0           not masked
9-15    Payload len             5           5 bytes
-       Extended payload length absent      not needed: 7 bits hold the length
-       Masking-key             absent      not there: MASK is 0
16-55   Payload Data            48 65 6c 6… "Hello\""""
    )


def test_the_ascii_picture_of_a_masked_frame_32_bits_a_row() -> None:
    assert (
        bit_diagram(Frame.text("Hi €", masking_key=KEY), sender="server", bits_per_row=32).text
        == """\
text frame, masked, server -> client
2 + 0 + 4 = 6 bytes of header, 6 bytes of payload, 12 bytes in all

 byte 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
      +-+-+-+-+-------+-+-------------+-------------------------------+
    0 |F|R|R|R| opcode|M| Payload len | Masking-key (32 bits)         |
      |1|0|0|0|0 0 0 1|1|0 0 0 0 1 1 0|0 0 1 1 0 1 1 1 1 1 1 1 1 0 1 0|
      | | | | | 1     | | 6 bytes     | 37              fa            |
      +-+-+-+-+-------+-+-------------+-------------------------------+
    4 |                               | Payload Data (48 bits)        |
      |0 0 1 0 0 0 0 1 0 0 1 1 1 1 0 1|0 1 1 1 1 1 1 1 1 0 0 1 0 0 1 1|
      | 21              3d            | 7f ^ 37 = 48 H  93 ^ fa = 69 i|
      +-------------------------------+                               |
    8 |0 0 0 0 0 0 0 1 1 1 0 1 1 1 1 1 1 0 1 1 0 1 0 1 0 1 0 1 0 1 1 0|
      | 01 ^ 21 = 20 ␣  df ^ 3d = e2    b5 ^ 37 = 82    56 ^ fa = ac  |
      +---------------------------------------------------------------+

bits    field                   value       meaning
0       FIN                     1           final fragment
1       RSV1                    0           unused
2       RSV2                    0           unused
3       RSV3                    0           unused
4-7     opcode                  1           text
8       MASK                    1           masked
9-15    Payload len             6           6 bytes
-       Extended payload length absent      not needed: 7 bits hold the length
16-47   Masking-key             37 fa 21 3d payload byte i is XORed with key
                                            byte i mod 4
48-95   Payload Data            48 69 20 e… "Hi €", unmasked

[1] error at MASK: masked-server-frame
    MASK is 1, expected 0 in a frame from the server (RFC 6455 5.1, close code
    1002)"""
    )


@cases
def test_the_same_frame_gives_the_same_picture(frame: Frame | bytes, bits_per_row: int) -> None:
    assert bit_diagram(frame, bits_per_row=bits_per_row) == bit_diagram(frame, bits_per_row=bits_per_row)


@cases
def test_every_field_is_there_with_its_meaning(frame: Frame | bytes, bits_per_row: int) -> None:
    figure = bit_diagram(frame, bits_per_row=bits_per_row, sender="client")
    shown = " ".join(text.text or "" for text in texts(figure))
    view = frame_view(frame, sender="client")
    for part in view.parts:
        assert part.name in shown and part.name in figure.text
        for line in wrap(part.meaning, 36):
            assert line in figure.text
        assert part.meaning in shown
    for finding in view.findings:
        assert finding.rule in shown and finding.rule in figure.text


@cases
def test_no_two_labels_overlap(frame: Frame | bytes, bits_per_row: int) -> None:
    figure = bit_diagram(frame, bits_per_row=bits_per_row, sender="client")
    assert_labels_apart(figure)


@cases
def test_the_text_fits_80_columns(frame: Frame | bytes, bits_per_row: int) -> None:
    for line in bit_diagram(frame, bits_per_row=bits_per_row, sender="client").text.split("\n"):
        assert columns(line) <= 80
        assert line == line.rstrip()


@given(
    raw=st.binary(max_size=60) | st.text(max_size=40).map(lambda text: Frame.text(text).serialize()),
    bits_per_row=st.sampled_from([16, 32]),
)
def test_any_bytes_are_drawn_as_well_formed_xml(raw: bytes, bits_per_row: int) -> None:
    figure = bit_diagram(raw, bits_per_row=bits_per_row)
    ET.fromstring(figure.svg)
    assert all(char.isprintable() or char == "\n" for char in figure.svg)
    assert all(char.isprintable() or char == "\n" for char in figure.text)


@given(words=st.text(st.characters(), max_size=30))
def test_no_word_of_a_dissection_does_harm(words: str) -> None:
    fields = [Field(field.name, field.start, field.size, field.value, words, words) for field in FIELDS]
    finding = Finding("a-rule", Severity.ERROR, words, words, field="FIN")
    figure = bit_diagram(Dissection(Frame.text("Hi"), b"\x81\x02Hi", tuple(fields), (finding,)))
    ET.fromstring(figure.svg.encode())
    assert all(char.isprintable() or char == "\n" for char in figure.svg + figure.text)


FIELDS = dissect_frame(b"\x81\x02Hi").fields


def test_hostile_text_is_shown_and_does_nothing() -> None:
    figure = bit_diagram(Frame.text("<script>alert(1)</script>]]>"))
    assert "<script" not in figure.svg
    assert '"<script>alert(1)</script>]]>"' in "".join(ET.fromstring(figure.svg).itertext())


def test_a_long_payload_is_elided_and_counted() -> None:
    figure = bit_diagram(Frame.binary(bytes(1_000_000)))
    shown = [text.text or "" for text in texts(figure)]
    assert "… 999,968 more bytes of payload" in shown  # of the hex
    assert "… 999,984 more bytes of payload" in shown  # of the bits
    assert "… 999,984 more bytes of payload" in figure.text
    assert len(figure.svg) < 200_000


def test_a_cut_frame_says_what_is_missing_and_a_long_one_what_follows() -> None:
    assert "4 bytes missing" in bit_diagram(b"\x81\x05H").text
    assert "4 bytes missing" in bit_diagram(b"\x81\x05H").svg
    assert "2 bytes after the frame" in bit_diagram(b"\x81\x03Hello").text
    with pytest.raises(Incomplete) as caught:
        dissect_frame(b"\x81\x05H")
    assert bit_diagram(caught.value.partial) == bit_diagram(b"\x81\x05H")


def test_a_frame_its_bytes_and_its_dissection_give_one_picture() -> None:
    frame = Frame.text("Hello", masking_key=KEY)
    raw = frame.serialize()
    assert bit_diagram(frame) == bit_diagram(raw) == bit_diagram(memoryview(raw)) == bit_diagram(dissect_frame(raw))


def test_a_control_frame_has_a_double_border_and_a_data_frame_none() -> None:
    def borders(frame: Frame) -> int:
        root = ET.fromstring(bit_diagram(frame).svg)
        return len([rect for rect in root.iter(f"{SVG}rect") if rect.get("stroke-width") == "1.2"])

    assert borders(Frame.ping()) == 2
    assert borders(Frame.text("")) == 0


def test_the_sender_is_an_arrow_solid_or_dashed() -> None:
    def dashed(sender: str | None) -> list[bool]:
        root = ET.fromstring(bit_diagram(Frame.text("Hi"), sender=sender).svg)
        return [
            "stroke-dasharray" in line.attrib for line in root.iter(f"{SVG}line") if line.get("stroke-width") == "1.6"
        ]

    assert (dashed("client"), dashed("server"), dashed(None)) == ([False], [True], [])


def test_what_is_no_frame_is_refused() -> None:
    with pytest.raises(TypeError, match="got int"):
        bit_diagram(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dissection of str"):
        bit_diagram(Dissection("GET", b"GET", ()))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected 16 or 32"):
        bit_diagram(b"\x81\x00", bits_per_row=8)


def test_a_figure_shows_and_saves_itself(tmp_path) -> None:
    figure = bit_diagram(Frame.text("Hé"))
    assert figure._repr_mimebundle_() == {"image/svg+xml": figure.svg, "text/plain": figure.text}
    figure.save(tmp_path / "frame.svg")
    figure.save(tmp_path / "frame.txt")
    assert (tmp_path / "frame.svg").read_text(encoding="utf-8") == figure.svg
    assert (tmp_path / "frame.txt").read_text(encoding="utf-8") == f"{figure}\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a b", "a b"),
        ("\x00\x9f", "\\x00\\x9f"),
        ("\u202e", "\\u202e"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_invisible_characters_become_visible(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_widths_are_counted_in_columns() -> None:
    assert [columns(text) for text in ("abc", "日本", "e\u0301")] == [3, 4, 1]
    assert [clip("日本語", limit) for limit in (6, 5, 4)] == ["日本語", "日本…", "日…"]
    assert wrap("ab cdefgh i", 4) == ["ab", "cdef", "gh i"]
    assert tint("#000000") == "#bfbfbf"


def test_ids_tell_pictures_apart_and_are_plain_ascii() -> None:
    ids = {id_of("f", shown) for shown in ("Hello", "hello", "\ud800", "?", ("Hello", 16))}
    assert len(ids) == 5
    assert all(re.fullmatch("f[0-9a-f]{8}", each) for each in ids)
