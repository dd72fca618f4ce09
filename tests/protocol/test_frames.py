"""One frame: built, serialized, dissected, cut."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.laws import assert_partition
from wsviz import CloseCode, Dissection, Frame, Incomplete, Opcode, ProtocolError, Side, apply_mask, dissect_frame
from wsviz.protocol.rules import FRAME_RULES
from wsviz.protocol.wire import close_code_name, preview

KEY = bytes.fromhex("37fa213d")


def rules(dissection: Dissection[Frame] | Dissection[None]) -> list[str]:
    return [finding.rule for finding in dissection.findings]


# RFC 6455 5.7, its examples and their words.
EXAMPLES = [
    (b"\x81\x05Hello", Side.SERVER, Frame.text("Hello")),
    (b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", Side.CLIENT, Frame.text("Hello", masking_key=KEY)),
    (b"\x01\x03Hel", Side.SERVER, Frame(Opcode.TEXT, b"Hel", fin=False)),
    (b"\x80\x02lo", Side.SERVER, Frame(Opcode.CONTINUATION, b"lo")),
    (b"\x89\x05Hello", Side.SERVER, Frame.ping(b"Hello")),
    (b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", Side.CLIENT, Frame.pong(b"Hello", masking_key=KEY)),
    (b"\x82\x7e\x01\x00" + bytes(256), Side.SERVER, Frame.binary(bytes(256))),
    (b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" + bytes(65536), Side.SERVER, Frame.binary(bytes(65536))),
]


@pytest.mark.parametrize(("raw", "sender", "frame"), EXAMPLES)
def test_the_examples_of_the_rfc(raw: bytes, sender: Side, frame: Frame) -> None:
    dissection = dissect_frame(raw, sender=sender)
    assert dissection.value == frame
    assert dissection.raw == raw == frame.serialize()
    assert not dissection.findings
    assert_partition(dissection)
    frame.check(sender=sender)


def test_fields_carry_their_names_values_and_places() -> None:
    dissection = dissect_frame(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58 and more", sender="client")
    assert [(field.name, field.start, field.size, field.value) for field in dissection.fields] == [
        ("FIN", 0, 1, 1),
        ("RSV1", 1, 1, 0),
        ("RSV2", 2, 1, 0),
        ("RSV3", 3, 1, 0),
        ("opcode", 4, 4, 1),
        ("MASK", 8, 1, 1),
        ("Payload len", 9, 7, 5),
        ("Masking-key", 16, 32, KEY),
        ("Payload Data", 48, 40, b"Hello"),
    ]
    assert dissection.raw == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"


def test_a_close_body_has_fields_of_its_own() -> None:
    dissection = dissect_frame(b"\x88\x05\x03\xe8bye", sender="server")
    assert [(field.name, field.start, field.size, field.value) for field in dissection.fields[-2:]] == [
        ("Status code", 16, 16, 1000),
        ("Reason", 32, 24, b"bye"),
    ]
    assert (dissection.value.close_code, dissection.value.close_reason) == (1000, "bye")


# Header sizes: 2, +2 or +8 for the length, +4 for the key.
LENGTHS = [
    (0, b"\x82\x00", b"\x82\x80"),
    (1, b"\x82\x01", b"\x82\x81"),
    (125, b"\x82\x7d", b"\x82\xfd"),
    (126, b"\x82\x7e\x00\x7e", b"\x82\xfe\x00\x7e"),
    (127, b"\x82\x7e\x00\x7f", b"\x82\xfe\x00\x7f"),
    (65535, b"\x82\x7e\xff\xff", b"\x82\xfe\xff\xff"),
    (65536, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00", b"\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00"),
]


@pytest.mark.parametrize(("length", "header", "masked"), LENGTHS)
def test_every_length_takes_its_shortest_form(length: int, header: bytes, masked: bytes) -> None:
    payload = b"*" * length
    assert Frame.binary(payload).serialize() == header + payload
    raw = Frame.binary(payload, masking_key=bytes(4)).serialize()
    assert raw == masked + bytes(4) + payload
    for data, sender in ((header + payload, "server"), (raw, "client")):
        dissection = dissect_frame(data, sender=sender)
        assert dissection.value.payload == payload
        assert dissection.value.length_bits is None
        assert "length-not-minimal" not in rules(dissection)
        assert_partition(dissection)


@pytest.mark.parametrize(
    ("raw", "bits", "payload"),
    [
        (b"\x81\x7e\x00\x05Hello", 16, b"Hello"),
        (b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x05Hello", 64, b"Hello"),
        (b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x7e" + bytes(126), 64, bytes(126)),
    ],
)
def test_a_longer_form_is_kept_and_reported(raw: bytes, bits: int, payload: bytes) -> None:
    dissection = dissect_frame(raw)
    assert rules(dissection) == ["length-not-minimal"]
    assert (dissection.value.length_bits, dissection.value.payload) == (bits, payload)
    assert dissection.value.serialize() == raw


# Each with the sender that makes nothing else wrong, and what is found.
ILLEGAL = [
    (b"\x83\x00", "server", "", ["reserved-opcode"]),
    (b"\x8b\x00", "server", "", ["reserved-opcode"]),
    (b"\xc1\x00", "server", "", ["reserved-bit-set"]),
    (b"\xf1\x00", "server", "", ["reserved-bit-set"] * 3),
    (b"\xc1\x00", "server", "permessage-deflate", []),
    (b"\xc2\x00", "server", "Permessage-Deflate; server_max_window_bits=10", []),
    (b"\xb1\x00", "server", "permessage-deflate", ["reserved-bit-set"] * 2),
    (b"\xc0\x00", "server", "permessage-deflate", ["rsv1-on-continuation"]),
    (b"\xca\x00", "server", "permessage-deflate", ["rsv1-on-control-frame"]),
    (b"\xc1\x00", "server", None, ["extensions-unknown"]),
    (b"\xc1\x00", "server", "x-unknown", ["extensions-unknown"]),
    (b"\xc9\x00", "server", "x-unknown, permessage-deflate", ["rsv1-on-control-frame"]),
    (b"\xa1\x00", "server", "x-unknown, permessage-deflate", ["extensions-unknown"]),
    (b"\x08\x00", "server", "", ["fragmented-control-frame"]),
    (b"\x89\x7e\x00\x7e" + bytes(126), "server", "", ["control-frame-too-long"]),
    (b"\x81\x00", "client", "", ["unmasked-client-frame"]),  # also where there is nothing to mask
    (b"\x89\x00", "client", "", ["unmasked-client-frame"]),
    (b"\x8a\x80\x01\x02\x03\x04", "server", "", ["masked-server-frame"]),
    (b"\x81\x81\x00\x00\x00\x00a", "client", "", ["zero-masking-key"]),
    (b"\x81\x80\x00\x00\x00\x00", "client", "", []),  # it hides nothing, and there is nothing to hide
    (b"\x88\x01\x03", "server", "", ["close-body-one-byte"]),
    (b"\x88\x02\x03\xed", "server", "", ["close-code-not-for-the-wire"]),
    (b"\x88\x02We", "server", "", ["close-code-undefined"]),  # a text read as a Close body: 22373
    (b"\x88\x02{}", "server", "", ["close-code-undefined"]),  # 31613
    (b"\x88\x02\x03\xf2", "server", "", ["close-code-wrong-side"]),
    (b"\x88\x82\x01\x02\x03\x04\x02\xf1", "client", "", ["close-code-wrong-side"]),
    (b"\x88\x05\x03\xe8\xed\xa0\x80", "server", "", ["close-reason-not-utf8"]),
]


@pytest.mark.parametrize(("raw", "sender", "extensions", "found"), ILLEGAL)
def test_illegal_frames_are_decoded_and_reported(
    raw: bytes, sender: str, extensions: str | None, found: list[str]
) -> None:
    dissection = dissect_frame(raw, sender=sender, extensions=extensions)
    assert rules(dissection) == found
    assert dissection.value.serialize() == raw
    assert_partition(dissection)
    for finding in dissection.findings:
        assert finding.culprit == sender
        assert finding.field is not None
        assert dissection.field(finding.field) is not None
        assert finding.close_code == FRAME_RULES[finding.rule].close_code


def test_check_raises_the_first_error() -> None:
    with pytest.raises(ProtocolError, match=r"MASK is 0, expected 1.*RFC 6455 5\.1") as caught:
        Frame.text("Hello").check(sender="client")
    assert caught.value.close_code == CloseCode.PROTOCOL_ERROR
    Frame.text("Hello", masking_key=bytes(4)).check(sender="client")  # a warning is no error
    Frame(Opcode.TEXT, b"\x00", rsv1=True).check(extensions="permessage-deflate")


CUTS = [
    b"\x81\x05Hello",
    b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    b"\x82\x7e\x00\x7e" + bytes(126),
    b"\x82\xfe\x00\x7e\x01\x02\x03\x04" + bytes(126),
    b"\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x03abc",
    b"\x82\xff\x00\x00\x00\x00\x00\x00\x00\x03\x01\x02\x03\x04abc",
    b"\x88\x05\x03\xe8bye",
]


@pytest.mark.parametrize("raw", CUTS)
def test_every_cut_says_what_is_there_and_what_is_missing(raw: bytes) -> None:
    extended = {126: 2, 127: 8}.get(raw[1] & 127, 0)
    for cut in range(len(raw)):
        with pytest.raises(Incomplete) as caught:
            dissect_frame(raw[:cut])
        partial = caught.value.partial
        assert partial.value is None
        assert partial.raw == raw[:cut]
        assert_partition(partial)
        # The first two bytes tell a short frame's length; a longer one is told once its length field is whole.
        known = cut >= 2 and (not extended or cut >= 2 + extended + 4 * (raw[1] >> 7))
        end = len(raw) if known else 2 if cut < 2 else 2 + extended + 4 * (raw[1] >> 7)
        assert caught.value.needed == end - cut
        assert str(cut) in str(caught.value)


def test_the_greatest_length_allocates_nothing() -> None:
    with pytest.raises(Incomplete) as caught:
        dissect_frame(b"\x82\x7f" + b"\xff" * 8 + b"abc", sender="server")
    assert caught.value.needed == 2**64 - 1 - 3
    assert [finding.rule for finding in caught.value.partial.findings] == ["length-top-bit-set"]


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """Frames that bits can say, legal or not."""
    payload = draw(st.one_of(st.binary(max_size=200), st.sampled_from([b"*" * n for n in (65535, 65536)])))
    shortest = Frame(2, payload).serialize()[1] & 127
    forms = [None, *(bits for bits, seven in ((16, 126), (64, 127)) if seven > shortest)]
    flags = {name: draw(st.booleans()) for name in ("fin", "rsv1", "rsv2", "rsv3")}
    key = draw(st.none() | st.binary(min_size=4, max_size=4))
    return Frame(
        draw(st.integers(0, 15)), payload, masking_key=key, length_bits=draw(st.sampled_from(forms)), **flags
    )


senders = st.sampled_from([None, "client", "server"])


@settings(deadline=None)
@given(frames(), senders, st.binary(max_size=3))
def test_law_round_trip_and_partition(frame: Frame, sender: str | None, after: bytes) -> None:
    raw = frame.serialize()
    dissection = dissect_frame(raw + after, sender=sender)
    assert dissection.value == frame
    assert dissection.raw == raw
    assert_partition(dissection)
    assert list(dissection.findings) == sorted(dissection.findings)


@settings(deadline=None)
@given(st.binary(max_size=300), senders)
@example(b"", None)
@example(b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "server")
def test_law_any_bytes_are_a_frame_or_the_beginning_of_one(data: bytes, sender: str | None) -> None:
    try:
        dissection: Dissection[Frame] | Dissection[None] = dissect_frame(data, sender=sender)
    except Incomplete as error:
        dissection = error.partial
        assert dissection.raw == data
        assert error.needed > 0
    else:
        assert isinstance(dissection.value, Frame)
        assert dissection.value.serialize() == dissection.raw == data[: len(dissection.raw)]
    assert_partition(dissection)


def expected_for_code(code: int) -> str | None:
    if code in (1005, 1006, 1015):
        return "close-code-not-for-the-wire"
    if 1000 <= code <= 1014 and code != 1004:
        return "close-code-wrong-side" if code == 1010 else None
    return None if 3000 <= code <= 4999 else "close-code-undefined"


def test_all_close_codes() -> None:
    for code in range(0x10000):
        found = rules(dissect_frame(b"\x88\x02" + code.to_bytes(2, "big"), sender="server"))
        assert found == [rule] if (rule := expected_for_code(code)) else not found, code
        assert close_code_name(code)


def test_1011_is_for_servers() -> None:
    frame = Frame.close(1011, masking_key=KEY)
    assert rules(dissect_frame(frame.serialize(), sender="client")) == ["close-code-wrong-side"]
    assert not rules(dissect_frame(Frame.close(1011).serialize(), sender="server"))


def test_masking() -> None:
    assert apply_mask(b"Hello", KEY) == b"\x7f\x9f\x4d\x51\x58"
    assert apply_mask(b"", KEY) == b""
    assert apply_mask(memoryview(b"\x7f\x9f\x4d\x51\x58"), KEY) == b"Hello"
    assert apply_mask(bytearray(3), KEY) == b"\x37\xfa\x21"
    with pytest.raises(ProtocolError, match="3 bytes, expected 4"):
        apply_mask(b"Hello", b"abc")


@given(st.binary(max_size=70), st.binary(min_size=4, max_size=4))
def test_masking_is_its_own_inverse(data: bytes, key: bytes) -> None:
    assert apply_mask(data, key) == bytes(byte ^ key[i % 4] for i, byte in enumerate(data))
    assert apply_mask(apply_mask(data, key), key) == data


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Frame(16), "opcode 16 does not fit 4 bits"),
        (lambda: Frame(-1), "opcode -1"),
        (lambda: Frame(1, "Hello"), "Frame.text encodes text"),
        (lambda: Frame(1, masking_key=b"abc"), "3 bytes, expected 4"),
        (lambda: Frame(1, length_bits=8), "length_bits is 8"),
        (lambda: Frame(1, bytes(126), length_bits=7), "126 bytes do not fit the 7-bit"),
        (lambda: Frame(1, bytes(65536), length_bits=16), "65536 bytes do not fit the 16-bit"),
        (lambda: Frame.close(65536), "status code 65536"),
        (lambda: Frame.close(None, "bye"), "needs a status code"),
    ],
)
def test_what_no_bits_can_say_is_refused(build: object, says: str) -> None:
    with pytest.raises(ProtocolError, match=says):
        build()  # type: ignore[operator]


def test_a_forced_shortest_form_is_the_shortest_form() -> None:
    assert Frame(1, b"a", length_bits=7) == Frame(1, b"a")
    assert Frame(1, bytes(126), length_bits=16) == Frame(1, bytes(126))


def test_close_frames() -> None:
    assert Frame.close().serialize() == b"\x88\x00"
    assert Frame.close(1000, "bye").serialize() == b"\x88\x05\x03\xe8bye"
    assert (Frame.close().close_code, Frame.close().close_reason) == (None, None)
    assert Frame(Opcode.CLOSE, b"\x03\xe8\xff").close_reason == "\ufffd"
    assert Frame.text("no close").close_code is None


@pytest.mark.parametrize(
    ("data", "text", "shown"),
    [
        (b"Hello", True, '"Hello"'),
        (b"Hello", False, "48 65 6c 6c 6f"),
        (b"a\xff", True, "61 ff"),
        (b"\x1b[31m", True, "1b 5b 33 31 6d"),  # no control character passes
        (b"x" * 31 + "é".encode() + b"yz", True, '"' + "x" * 31 + '" ... 3 more bytes'),
        (b"x" * 33, True, '"' + "x" * 32 + '" ... 1 more byte'),
    ],
)
def test_previews(data: bytes, text: bool, shown: str) -> None:
    assert preview(data, as_text=text) == shown
