"""FragmentTimeline on the Python side: wishes in, frames, cuts and pictures out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wsviz import Frame, Side, WsvizError, read_capture
from wsviz.figures.timeline import fragment_timeline
from wsviz.widgets import FragmentTimeline

CAPTURES = Path(__file__).parents[2] / "captures"
CAFE = "café".encode()
FRAGMENTS = [Frame(1, CAFE[:4], fin=False), Frame(0, CAFE[4:])]


def wish(widget: FragmentTimeline, do: str, value: Any = None) -> dict[str, Any]:
    """What the page does: a wish with a number, answered by the next picture."""
    number = widget.picture["answered"] + 1
    widget._wish(widget, {"do": do, "value": value, "number": number}, [])
    picture: dict[str, Any] = widget.picture
    assert picture["answered"] == number
    return picture


@pytest.fixture
def timeline() -> FragmentTimeline:
    return FragmentTimeline(FRAGMENTS, cuts=[3])


def payloads(widget: FragmentTimeline) -> list[bytes]:
    return [frame.payload for frame in widget.frames]


def test_the_picture_holds_three_rulers_over_the_bytes(timeline: FragmentTimeline) -> None:
    (line,) = timeline.picture["lines"]
    data = timeline.view.data
    assert bytes.fromhex("".join(cell["hex"] for cell in line["cells"])) == data
    assert [(each["left"], each["right"]) for each in line["messages"]] == [(0, 9)]
    assert [(each["left"], each["right"]) for each in line["frames"]] == [(0, 6), (6, 9)]
    assert [(each["left"], each["right"]) for each in line["segments"]] == [(0, 3), (3, 9)]
    assert line["deliveries"] == [{"unit": 9, "numbers": [1]}]
    assert line["chars"] == [6]
    assert timeline.picture["chars"][0] == '"é" by a frame boundary at byte 6'


def test_boundaries_move(timeline: FragmentTimeline) -> None:
    wish(timeline, "move_boundary", [0, 4])
    assert payloads(timeline) == [b"ca", CAFE[2:]]
    wish(timeline, "move_cut", [0, 6])
    assert timeline.cuts == (6,)
    wish(timeline, "cut", 2)
    assert timeline.cuts == (2, 6)
    wish(timeline, "cut", 6)
    assert timeline.cuts == (2,)
    assert timeline.figure == fragment_timeline(timeline.stretch)


def test_a_ping_between_fragments_is_fine_and_a_fragmented_one_is_not(timeline: FragmentTimeline) -> None:
    picture = wish(timeline, "ping", 1)
    assert [frame.opcode for frame in timeline.frames] == [1, 9, 0]
    assert picture["findings"] == []
    assert [message.delivered for message in timeline.view.messages] == [True]
    picture = wish(timeline, "fin", [1, False])
    (finding,) = picture["findings"]
    assert (finding["rule"], finding["where"]) == ("fragmented-control-frame", "RFC 6455 5.5, close code 1002")
    start = timeline.stretch.starts[1]
    assert finding["range"] == [start, timeline.stretch.starts[2]]
    assert [message.delivered for message in timeline.view.messages] == [False]


def test_a_continuation_without_a_start(timeline: FragmentTimeline) -> None:
    assert [each["rule"] for each in wish(timeline, "remove", 0)["findings"]] == ["continuation-without-message"]
    assert wish(timeline, "opcode", [0, 1])["findings"][0]["rule"] == "text-not-utf8"


def test_split_and_join(timeline: FragmentTimeline) -> None:
    wish(timeline, "join", 0)
    assert payloads(timeline) == [CAFE]
    wish(timeline, "split", 4)
    assert payloads(timeline) == [b"ca", CAFE[2:]]
    assert wish(timeline, "split", 0)["notice"].startswith("a fragment begins within a payload")
    assert wish(timeline, "join", 9)["notice"] == "frame 9, expected 0 to 1"
    assert wish(timeline, "opcode", [5, 1])["notice"] == "frame 5, expected 0 to 1"


def test_undo_and_reset(timeline: FragmentTimeline) -> None:
    first = timeline.stretch
    assert (timeline.picture["undo"], timeline.picture["changed"]) == (False, False)
    wish(timeline, "ping", 1)
    wish(timeline, "segments", "bytes")
    assert len(timeline.cuts) == len(timeline.view.data) - 1
    wish(timeline, "undo")
    assert timeline.cuts == (3,)
    assert wish(timeline, "reset")["changed"] is False
    assert timeline.stretch == first
    wish(timeline, "undo")
    assert len(timeline.frames) == 3
    wish(timeline, "undo")
    assert wish(timeline, "undo")["undo"] is False
    assert timeline.stretch == first


def test_segments_by_one_choice(timeline: FragmentTimeline) -> None:
    wish(timeline, "segments", "frames")
    assert timeline.cuts == (6,)
    wish(timeline, "segments", "one")
    assert timeline.cuts == ()
    assert [[event.number for event in segment.events] for segment in timeline.view.segments] == [[1]]


def test_a_typed_text_is_one_message_and_one_change(timeline: FragmentTimeline) -> None:
    assert timeline.picture["text"] == "café"
    for text in ("n", "né", "né\ud800"):
        wish(timeline, "text", text)
    assert payloads(timeline) == ["né?".encode()]
    assert timeline.cuts == ()
    wish(timeline, "undo")
    assert payloads(timeline) == [CAFE[:4], CAFE[4:]]
    assert "expected at most 2,000" in wish(timeline, "text", "x" * 3000)["notice"]


def test_a_selection_goes_with_its_bytes(timeline: FragmentTimeline) -> None:
    timeline.selection = [0, 6, -1]
    wish(timeline, "cut", 5)
    assert timeline.selection == [0, 6, -1]
    wish(timeline, "ping", 0)
    assert timeline.selection == []


def test_python_can_change_it_too(timeline: FragmentTimeline) -> None:
    timeline.frames = [Frame.ping(b"x")]
    timeline.cuts = [1]
    assert timeline.picture["title"] == "0 messages, 1 frame, 2 segments"
    timeline.undo()
    timeline.reset()
    assert timeline.frames == tuple(FRAGMENTS)


def test_a_capture_brings_its_segments() -> None:
    connection = read_capture(CAPTURES / "fragments.pcapng").connections[0]
    widget = FragmentTimeline(connection, side=Side.CLIENT)
    packets = [segment.packet for segment in widget.view.segments]
    assert f"packet {packets[0]}" in widget.picture["segments"][0]["label"]
    assert packets == sorted(packets)  # type: ignore[type-var]
    wish(widget, "cut", 2)
    assert "packet" not in widget.picture["segments"][0]["label"], "no packet was cut like this"
    wish(widget, "undo")
    assert [segment.packet for segment in widget.view.segments] == packets
    with pytest.raises(WsvizError, match="got int"):
        FragmentTimeline(5)  # type: ignore[arg-type]


def test_big_payloads_stay_small_on_the_page() -> None:
    widget = FragmentTimeline([Frame.text("x" * 1_000_000)])
    for at in range(12):
        wish(widget, "split", 500_000 + at)
    assert len(json.dumps(widget.picture)) < 150_000
    assert len(widget._past) <= 8
    widget = FragmentTimeline([Frame.binary(bytes(1500))])
    assert len(json.dumps(wish(widget, "segments", "bytes"))) < 400_000
    assert wish(FragmentTimeline([Frame.binary(bytes(5000))]), "segments", "bytes")["notice"].endswith(
        "at most 2,000"
    )


@pytest.mark.parametrize("text", ['</script><img src=x onerror="x">', "\u202ecd\x1b[31m\x00"])
def test_hostile_payload_reaches_the_page_as_harmless_text(text: str) -> None:
    widget = FragmentTimeline([Frame.text(text), Frame.ping(text.encode()), Frame.close(1000, text)])
    assert json.dumps(widget.picture, ensure_ascii=False).isprintable()


def test_the_bundle_holds_the_widget_and_the_picture(timeline: FragmentTimeline) -> None:
    bundle, _ = timeline._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert bundle["text/plain"] == fragment_timeline(FRAGMENTS, cuts=[3]).text
