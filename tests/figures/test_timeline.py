"""The timeline agrees with the stream decoder, whatever is done to it, and is the same every time."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.laws import SVG, assert_labels_apart
from wsviz import Frame, ProtocolError, Side, WsvizError, decode_stream, read_capture
from wsviz.capture.connection import Connection
from wsviz.figures.figure import columns
from wsviz.figures.ladder_view import duration_in_words
from wsviz.figures.timeline import draw, fragment_timeline
from wsviz.figures.timeline_axis import PER_LINE, lines_of
from wsviz.figures.timeline_stretch import Stretch, stretch_of
from wsviz.figures.timeline_view import TimelineView, view_of

CAPTURES = Path(__file__).parents[2] / "captures"
CAFE = "café".encode()
FRAGMENTS = [Frame(1, CAFE[:4], fin=False), Frame(0, CAFE[4:])]


def connections(name: str) -> tuple[Connection, ...]:
    return read_capture(CAPTURES / f"{name}.pcapng").connections


def events(view: TimelineView) -> list[list[str]]:
    """What each segment makes happen."""
    return [[event.kind for event in segment.events] for segment in view.segments]


def test_a_recording_of_fragments_is_the_same_every_time() -> None:
    for connection in connections("fragments"):
        figure = fragment_timeline(connection)
        assert figure == fragment_timeline(connection)
        assert_labels_apart(figure)
        assert max(map(columns, figure.text.split("\n"))) <= 100
        root = ElementTree.fromstring(figure.svg)
        assert float(root.attrib["width"]) <= 800
        assert not {element.tag for element in root.iter()} & {f"{SVG}script", f"{SVG}a", f"{SVG}foreignObject"}


def test_it_agrees_with_the_connection() -> None:
    for connection in connections("fragments"):
        for side in Side:
            view = view_of(stretch_of(connection, side=side))
            captured = [each for each in connection.frames if each.sender is side]
            assert [span.frame for span in view.frames] == [each.frame for each in captured]
            sent = [message for message in connection.messages if message.sender is side]
            spans = [span for span in view.messages if span.segment >= 0]
            assert [span.frames for span in spans] == [message.frames for message in sent]
            for span, each in zip(view.frames, captured, strict=True):
                carried = [s.packet for s in view.segments if s.start < span.end and s.end > span.start]
                assert tuple(carried) == each.packets


def test_one_byte_segments_deliver_with_the_last_byte() -> None:
    connection = next(each for each in connections("fragments") if len(view_of(stretch_of(each)).segments) == 12)
    view = view_of(stretch_of(connection))
    assert events(view)[:11] == [[]] * 10 + [["message"]]
    assert view.segments[0].waiting == "of frame 0, 1 byte of the header is there"
    assert view.segments[9].waiting == "of frame 0, 10 of 11 bytes are there"
    last = view.segments[10]
    assert last.time
    assert (
        f"segment 10 (packet {last.packet}, +{duration_in_words(last.time)}), 1 byte: onmessage 1" in draw(view).text
    )


def test_the_story_of_an_interleaved_ping() -> None:
    frames = [FRAGMENTS[0], Frame.ping(b"?"), FRAGMENTS[1], Frame.close(1000), Frame.text("late")]
    view = view_of(stretch_of(frames, side="server", cuts=[3, 9, 12]))
    assert events(view) == [[], ["control"], ["message"], ["close"]]
    assert [segment.waiting for segment in view.segments] == [
        "of frame 0, 3 of 6 bytes are there",
        "a message is open: its last fragment is to come",
        "nothing is open",
        "nothing is delivered: Close has come before",
    ]
    assert [message.delivered for message in view.messages] == [True, False]
    assert [finding.rule for finding in view.findings] == ["data-after-close"]


@pytest.mark.parametrize(
    ("frames", "rule", "last"),
    [
        ([FRAGMENTS[0], Frame(9, b"?", fin=False), FRAGMENTS[1]], "fragmented-control-frame", 1),
        ([FRAGMENTS[1], Frame.text("after")], "continuation-without-message", 0),
        ([FRAGMENTS[0], Frame.text("new"), Frame.text("after")], "message-interrupted", 1),
        ([Frame(1, b"\xff"), Frame.text("after")], "text-not-utf8", 0),
    ],
)
def test_what_is_illegal_fails_the_connection(frames: list[Frame], rule: str, last: int) -> None:
    view = view_of(stretch_of(frames, side="server"))
    assert rule in [finding.rule for finding in view.findings]
    assert not any(message.delivered for message in view.messages)
    assert events(view)[0][-1] == "fail"
    assert f"frame {last}: the receiver fails the connection" in view.segments[0].events[-1].words


def test_characters_are_cut_by_frames_and_by_segments() -> None:
    view = view_of(stretch_of([Frame.text("né€")], cuts=[3, 4, 6, 7]))
    assert [(cut.offset, cut.char, cut.by) for cut in view.chars] == [
        (4, "é", "segment"),
        (6, "€", "segment"),
        (7, "€", "segment"),
    ]
    view = view_of(stretch_of(FRAGMENTS, side="server"))
    assert [(cut.offset, cut.char, cut.by) for cut in view.chars] == [(6, "é", "frame")]
    assert '"é" by a frame boundary at byte 6' in fragment_timeline(FRAGMENTS).text


# What a learner does


def test_moving_a_boundary_moves_payload_and_no_cut() -> None:
    before = stretch_of(FRAGMENTS, cuts=[2, 7])
    after = before.move_boundary(0, 4)  # the payload of frame 0 begins at byte 2
    assert [frame.payload for frame in after.frames] == [b"ca", CAFE[2:]]
    assert (after.cuts, after.data[2:4]) == ((2, 7), b"ca")
    back = after.move_boundary(0, 4 + 2 + 2)  # behind the header of frame 1, two bytes into its payload
    assert back.frames == before.frames
    assert [len(frame.payload) for frame in before.move_boundary(0, 0).frames] == [0, 5]
    assert [len(frame.payload) for frame in before.move_boundary(0, 99).frames] == [5, 0]


def test_a_boundary_reaches_over_a_ping() -> None:
    frames = stretch_of([FRAGMENTS[0], Frame.ping(b"?"), FRAGMENTS[1]]).move_boundary(0, 5).frames
    assert [frame.payload for frame in frames] == [b"caf", b"?", CAFE[3:]]


def test_splitting_and_joining_undo_each_other() -> None:
    whole = stretch_of([Frame(1, b"abcd", masking_key=b"\x01\x02\x03\x04")])
    parts = whole.split(8)
    assert [(frame.opcode, frame.payload, frame.fin) for frame in parts.frames] == [
        (1, b"ab", False),
        (0, b"cd", True),
    ]
    assert parts.frames[1].masking_key not in (None, parts.frames[0].masking_key)
    assert not view_of(parts).findings
    assert parts.join(0).frames == whole.frames


def test_what_cannot_be_done_says_why() -> None:
    stretch = stretch_of([*FRAGMENTS, Frame.ping(b"ab")])
    for wrong, words in (
        (lambda: stretch.split(2), "not at this one"),
        (lambda: stretch.split(stretch.starts[2] + 3), "control frame"),
        (lambda: stretch.join(1), "no continuation goes on with frame 1"),
        (lambda: stretch.join(2), "no continuation"),
    ):
        with pytest.raises(ProtocolError, match=words):
            wrong()
    for wrong_place in (lambda: stretch.cut(0), lambda: stretch.ping(9), lambda: stretch.move_cut(0, 3)):
        with pytest.raises(IndexError, match="expected"):
            wrong_place()
    with pytest.raises(IndexError, match="frame 7"):
        stretch.remove(7)


def test_cuts_stay_apart() -> None:
    stretch = stretch_of(FRAGMENTS, cuts=[3, 5])
    assert stretch.move_cut(0, 99).cuts == (4, 5)
    assert stretch.move_cut(1, 0).cuts == (3, 4)
    assert stretch.cut(5).cuts == (3,)
    assert stretch.cut(4).cuts == (3, 4, 5)


STEPS = st.tuples(
    st.sampled_from(["split", "join", "ping", "remove", "cut", "move_boundary", "move_cut"]),
    st.integers(0, 60),
    st.integers(0, 60),
)


@given(steps=st.lists(STEPS, max_size=12), text=st.text(max_size=12))
@settings(max_examples=40, deadline=None)
def test_whatever_is_done_the_bytes_are_frames_and_segments_cover_them(
    steps: list[tuple[str, int, int]], text: str
) -> None:
    stretch = stretch_of(
        [Frame.text(text + "é", masking_key=b"\x01\x02\x03\x04"), Frame.ping(masking_key=b"\x05\x06\x07\x08")]
    )
    for do, one, other in steps:
        work = getattr(stretch, do)
        try:
            stretch = work(one, other) if do.startswith("move") else work(one)
        except (ProtocolError, IndexError):
            continue
    view = view_of(stretch)
    decoded = decode_stream(stretch.data, sender=stretch.sender)
    assert tuple(each.value for each in decoded.frames) == stretch.frames
    assert [segment.start for segment in view.segments[1:]] == [segment.end for segment in view.segments[:-1]]
    assert sum(segment.end - segment.start for segment in view.segments) == len(stretch.data)
    assert sum(message.segment >= 0 for message in view.messages) == len(decoded.messages)
    assert set(decoded.findings) <= set(view.findings)
    lines, undrawn = lines_of(view)
    assert undrawn == 0
    assert [cell.start for line in lines for cell in line.cells][1:] == [c.end for line in lines for c in line.cells][
        :-1
    ]
    assert_labels_apart(fragment_timeline(stretch))


# What it bears


def test_long_payloads_are_elided_and_cuts_in_them_are_drawn() -> None:
    frame = Frame.binary(bytes(5000))
    figure = fragment_timeline([frame], cuts=[1000, 3000])
    lines, undrawn = lines_of(view_of(stretch_of([frame], cuts=[1000, 3000])))
    assert (undrawn, sum(cell.elided for line in lines for cell in line.cells)) == (0, 3)
    assert {1000, 3000} <= {cell.start for line in lines for cell in line.cells}
    assert all(line.cells[-1].right <= PER_LINE for line in lines)
    assert_labels_apart(figure)
    assert len(figure.svg) < 60_000


def test_ten_megabytes_and_two_thousand_cuts_are_small() -> None:
    figure = fragment_timeline([Frame.text("x" * 10_000_000)])
    assert len(figure.svg + figure.text) < 60_000
    figure = fragment_timeline([Frame.binary(bytes(1999))], cuts=range(1, 2000))
    assert "bytes are not drawn" in figure.svg
    assert len(figure.svg) < 400_000
    with pytest.raises(ProtocolError, match="2,001 cuts, expected at most 2,000"):
        stretch_of([Frame.binary(bytes(2100))], cuts=range(1, 2002))
    with pytest.raises(ProtocolError, match="more frames than expected: at most 2,000"):
        stretch_of([Frame.text("")] * 2001)
    with pytest.raises(WsvizError, match="whole numbers"):
        stretch_of([Frame.text("abc")], cuts="abc")  # type: ignore[arg-type]


@pytest.mark.parametrize("payload", ["<script>x</script>", '"><img onerror=x>', "\x1b[31m", "\u202ecd", "\x00\r\n<"])
def test_hostile_payload_is_only_text(payload: str) -> None:
    figure = fragment_timeline([Frame.text(payload), Frame.close(1000, payload), Frame.ping(payload.encode())])
    ElementTree.fromstring(figure.svg)
    for shown in (figure.svg, figure.text):
        assert all(char.isprintable() or char == "\n" for char in shown)
    assert "<script" not in figure.svg
    assert "<img" not in figure.svg


def test_secrets_are_masked_until_they_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "secrets.pcap"
    text = b'{"password": "hunter2", "n": 1}'
    parts = Frame(1, text[:17], fin=False).serialize() + Frame(0, text[17:]).serialize()  # the secret is cut
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE + parts, 0)
    path.write_bytes(pcap(map(bytes, talk.packets)))
    masked, revealed = (
        fragment_timeline(read_capture(path, reveal=reveal).connections[0], side="server") for reveal in (False, True)
    )
    assert "hunter2" in revealed.text
    assert "unter" not in masked.text
    assert b"hunter2".hex(" ") not in masked.text
    assert "secrets as *" in masked.text
    assert "129 bytes earlier, in the handshake" in masked.text


def test_bytes_frames_and_stretches_are_taken_and_nothing_else() -> None:
    data = b"".join(frame.serialize() for frame in FRAGMENTS)
    assert fragment_timeline(data) == fragment_timeline(FRAGMENTS) == fragment_timeline(stretch_of(FRAGMENTS))
    assert stretch_of(Frame.text("x")).sender is Side.SERVER
    assert stretch_of(Frame.text("x", masking_key=b"abcd")).sender is Side.CLIENT
    assert stretch_of(data[:-1]).rest == data[6:-1]
    assert stretch_of(b"") == Stretch(Side.SERVER, ())
    fragment_timeline(b"")
    with pytest.raises(WsvizError, match="got str, expected bytes, Frames or a Connection"):
        fragment_timeline("81 00")  # type: ignore[arg-type]
    with pytest.raises(WsvizError, match="carries no WebSocket frames"):
        fragment_timeline(connections("poll")[0])
    with pytest.raises(WsvizError, match="first is 99"):
        fragment_timeline(connections("echo")[0], first=99)


def test_a_captured_direction_can_begin_later_and_begins_with_a_message() -> None:
    stretch = stretch_of(connections("echo")[0], first=5)  # the second of three fragments
    assert [frame.opcode for frame in stretch.frames[:3]] == [1, 0, 0]
    assert stretch.remarks[-1].endswith("from frame 4 on")
