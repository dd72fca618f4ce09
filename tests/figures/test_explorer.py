"""The explorer's figure agrees with the capture, is the same every time, and leaves long connections undecoded."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import unescape

import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.capture.test_har import opened, websocket
from tests.laws import assert_labels_apart
from wsviz import Frame, WsvizError, read_capture
from wsviz.capture.capture import Capture
from wsviz.capture.connections import Connections
from wsviz.figures import explorer_rows
from wsviz.figures.explorer import explorer, nothing_open
from wsviz.figures.explorer_rows import FrameList
from wsviz.figures.explorer_view import FRAMES, view_of

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = ("echo", "close_matrix", "deflate", "poll")


def capture_of(name: str) -> Capture:
    return read_capture(CAPTURES / f"{name}.pcapng")


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_whole_and_always_the_same(name: str) -> None:
    figure = explorer(capture_of(name))
    assert figure == explorer(capture_of(name))
    ElementTree.fromstring(figure.svg)
    assert_labels_apart(figure)
    assert all(len(line) <= 100 for line in figure.text.splitlines())
    assert "No capture is open" in nothing_open().svg


@pytest.mark.parametrize("name", NAMES)
def test_its_rows_are_the_first_frames(name: str) -> None:
    capture = capture_of(name)
    frames = FrameList(capture)
    view = view_of(frames, frames.rows(), reveal=False)
    columns = capture.frame_columns()
    assert [line.size for line in view.frames] == columns["payload_length"][:FRAMES].tolist()
    assert [line.opcode for line in view.frames] == columns["opcode"][:FRAMES].tolist()
    assert [str(line.sender) for line in view.frames] == columns["sender"][:FRAMES].tolist()
    unseen = len(columns["opcode"]) - FRAMES
    assert (f"… {unseen} more frames" in view.more) == (unseen > 0)


def test_what_the_filter_leaves_out_is_said() -> None:
    frames = FrameList(capture_of("echo"))
    assert view_of(frames, frames.rows()[:3], reveal=False).more == "3 of 16 frames pass the filter"
    assert "no WebSocket frame" in explorer(capture_of("poll")).text


def test_what_a_frame_says_is_whole_where_there_is_room() -> None:
    figure = explorer(capture_of("mystery"))
    for shown in (figure.text, unescape(figure.svg)):
        assert shown.count('"{"line": "tram 1", "departs": "14:01"}"') >= 6
        assert shown.count('"{"line": "ferry 1", "departs": "14:01"}"') >= 2


@pytest.mark.parametrize("size", [20, 60, 90])
def test_findings_stay_beside_a_long_text(size: int, tmp_path: Path) -> None:
    conversation = Talk().open().client(REQUEST, 0).server(RESPONSE, 0)
    conversation.client(Frame.text("x" * size).serialize(), len(REQUEST))  # not masked
    path = tmp_path / "unmasked.pcap"
    path.write_bytes(pcap(map(bytes, conversation.packets)))
    figure = explorer(read_capture(path))
    line = figure.text.splitlines()[-1]
    assert len(line) <= 100
    assert ('x" · ' if size == 20 else 'x…" · ') in line
    for shown in (line, figure.svg):
        assert "error: unmasked-" in shown
    assert_labels_apart(figure)


def test_a_har_file_has_no_frames_to_draw() -> None:
    with pytest.raises(WsvizError, match=r"^made\.har: a HAR file holds no packets and no frames"):
        explorer(opened(websocket()))


def test_a_long_connection_is_drawn_in_numbers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer_rows, "_LONG", 10)
    monkeypatch.setattr(Connections, "__getitem__", None)  # to ask for it would raise
    text = explorer(capture_of("echo")).text
    assert "0: 16 frames" in text
    assert "Hello" not in text
