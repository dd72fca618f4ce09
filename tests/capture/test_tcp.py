"""Segments to streams: every disorder that TCP allows, each with a known answer."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.capture.build import REQUEST, RESPONSE, Talk, assert_conserved, flows, pcap, rules, streams
from wsviz import Frame, Side
from wsviz.capture.capture import Capture
from wsviz.capture.packets import read_packets_from

Segments = list[tuple[int, bytes]]

# Name; segments from the client as (offset, bytes); the stream; the new bytes of each segment.
DISORDER: list[tuple[str, Segments, bytes, list[int]]] = [
    ("in order", [(0, b"abc"), (3, b"def")], b"abcdef", [3, 3]),
    ("reordered", [(3, b"def"), (0, b"abc")], b"abcdef", [3, 3]),
    ("backwards", [(4, b"ef"), (2, b"cd"), (0, b"ab")], b"abcdef", [2, 2, 2]),
    ("repeated", [(0, b"abc"), (0, b"abc"), (3, b"def")], b"abcdef", [3, 0, 3]),
    ("repeated, shorter", [(0, b"abc"), (1, b"b"), (3, b"def")], b"abcdef", [3, 0, 3]),
    ("repeated, longer", [(0, b"abc"), (0, b"abcdef")], b"abcdef", [3, 3]),
    ("repeated, overlapping the end", [(0, b"abcd"), (2, b"cdef")], b"abcdef", [4, 2]),
    ("repeated, overlapping the start", [(2, b"cdef"), (0, b"abcd")], b"abcdef", [4, 2]),
    ("a copy around what is there", [(2, b"cd"), (0, b"abcdef")], b"abcdef", [2, 4]),
    ("a copy over two holes", [(1, b"b"), (3, b"d"), (5, b"f"), (0, b"abcdef")], b"abcdef", [1, 1, 1, 3]),
    ("other bytes at the same place", [(0, b"abc"), (0, b"XYZ")], b"abc", [3, 0]),
    ("other bytes, the end is new", [(0, b"abc"), (1, b"YZdef")], b"abcdef", [3, 3]),
    ("other bytes around what is there", [(2, b"cd"), (0, b"abXXef")], b"abcdef", [2, 4]),
    ("keep-alive: one old byte", [(0, b"abc"), (2, b"\0"), (3, b"def")], b"abcdef", [3, 0, 3]),
    ("keep-alive before any byte", [(-1, b"\0"), (0, b"abc")], b"abc", [0, 3]),
    ("keep-alive without a byte", [(0, b"abc"), (2, b""), (3, b"def")], b"abcdef", [3, 0, 3]),
    ("an empty segment", [(0, b""), (0, b"abc")], b"abc", [0, 3]),
    ("one byte a segment", [(i, b"abcdef"[i : i + 1]) for i in (3, 0, 5, 1, 4, 2)], b"abcdef", [1] * 6),
]


@pytest.mark.parametrize("isn", [1000, 2**32 - 1, 2**32 - 4, 0], ids=["", "wrap at once", "wrap inside", "zero"])
@pytest.mark.parametrize(
    ("segments", "stream", "new"), [row[1:] for row in DISORDER], ids=[row[0] for row in DISORDER]
)
def test_disorder(segments: Segments, stream: bytes, new: list[int], isn: int) -> None:
    talk = Talk(client_isn=isn).open()
    for at, data in segments:
        talk.client(data, at)
    client, _ = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, client.first_gap) == stream
    assert client.first_gap == client.end == len(stream)
    assert client.new_bytes.tolist() == [0, 0, *new]  # SYN and ACK first
    capture = talk.capture()
    assert "bytes-missing" not in rules(capture)
    assert_conserved(capture)
    repeated = sum(len(data) for _, data in segments) - sum(new)
    assert capture.overhead()["retransmission"].to_list() == [repeated]


# A capture that starts late has no SYN: offset 0 is the first byte that it holds.
LATE: list[tuple[str, Segments, bytes]] = [
    ("in order", [(100, b"abc"), (103, b"def")], b"abcdef"),
    ("an ACK first", [(100, b""), (100, b"abc"), (103, b"def")], b"abcdef"),
    ("reordered", [(103, b"def"), (100, b"abc")], b"abcdef"),
    ("one byte late, which is no keep-alive", [(101, b"bcdef"), (100, b"a")], b"abcdef"),
    ("the old byte of a keep-alive after an ACK", [(100, b""), (99, b"\0"), (100, b"abc")], b"abc"),
    ("over the wrap", [(2**32 - 3, b"abc"), (2**32, b"def")], b"abcdef"),
    ("over the wrap, reordered", [(2**32, b"def"), (2**32 - 3, b"abc")], b"abcdef"),
]


@pytest.mark.parametrize(("segments", "stream"), [row[1:] for row in LATE], ids=[row[0] for row in LATE])
def test_a_late_start(segments: Segments, stream: bytes) -> None:
    talk = Talk(client_isn=-1)
    for at, data in segments:
        talk.client(data, at)
    client, server = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, client.first_gap) == stream
    assert client.first_gap == client.end == len(stream)
    assert (server.end, len(server.packets)) == (0, 0)
    capture = talk.capture()
    assert capture.connections[0].roles == "inferred"
    assert capture.connections[0].client.port == 40000
    assert_conserved(capture)


# Name; the segments; what is read; where the bytes that are missing begin, and where the stream ends.
GAPS: list[tuple[str, Segments, bytes, int]] = [
    ("a segment is missing", [(0, b"abc"), (6, b"ghi")], b"abc", 9),
    ("the first one is missing", [(3, b"def")], b"", 6),
    ("two are missing", [(0, b"abc"), (6, b"ghi"), (12, b"mno")], b"abc", 15),
    ("the one before FIN is missing", [(0, b"abc"), (9, b"")], b"abc", 9),
]


@pytest.mark.parametrize(("segments", "stream", "end"), [row[1:] for row in GAPS], ids=[row[0] for row in GAPS])
def test_a_gap_is_a_finding_and_loses_nothing_in_the_ledger(segments: Segments, stream: bytes, end: int) -> None:
    talk = Talk().open()
    for at, data in segments[:-1]:
        talk.client(data, at)
    talk.client(segments[-1][1], segments[-1][0], "FA")
    client, _ = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, client.first_gap) == stream
    assert (client.first_gap, client.end) == (len(stream), end)
    capture = talk.capture()
    missing = [found for found in capture.connections[0].findings if found.rule == "bytes-missing"]
    assert [found.offset for found in missing] == [low for low, _ in client.holes]
    assert sum(high - low for low, high in client.holes) == end - sum(len(data) for _, data in segments)
    assert_conserved(capture)
    assert capture.overhead()["other"].to_list() == [sum(len(data) for _, data in segments)]


def websocket() -> Talk:
    """An upgraded connection; the client's frames begin at offset len(REQUEST), the server's at len(RESPONSE)."""
    return Talk().open().client(REQUEST, 0).server(RESPONSE, 0)


HELLO = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
FRAMES, SERVED = len(REQUEST), len(RESPONSE)


def test_frames_go_on_after_a_gap() -> None:
    """A frame is lost with its header: the next start of a segment is one of a frame."""
    capture = websocket().client(HELLO, FRAMES).client(HELLO, FRAMES + 22).server(b"\x81\x02ok", SERVED).capture()
    connection = capture.connections[0]
    assert [message.text for message in connection.messages] == ["Hello", "Hello", "ok"]
    assert [frame.index for frame in connection.frames if frame.sender == "client"] == [0, 1]
    assert rules(capture) == ["bytes-missing"]
    ledger = capture.overhead().iloc[0]
    assert (ledger["ws_header"], ledger["ws_masking_key"], ledger["ws_payload"], ledger["other"]) == (6, 8, 12, 0)
    assert_conserved(capture)


def test_a_gap_within_a_payload_costs_no_other_frame() -> None:
    long = Frame.text("a" * 30, masking_key=b"1234").serialize()
    talk = websocket().client(long[:10], FRAMES).client(long[20:] + HELLO, FRAMES + 20)
    capture = talk.capture()
    first, second = capture.connections[0].messages
    assert (first.data, second.text) == (b"a" * 4 + bytes(10) + b"a" * 16, "Hello")
    assert set(rules(capture)) == {"bytes-missing", "payload-missing"}
    assert capture.overhead().iloc[0]["ws_payload"] == 20 + 5
    assert_conserved(capture)


def test_a_gap_between_unlike_bytes_ends_the_decoding() -> None:
    capture = websocket().client(HELLO, FRAMES).client(b"\xff" * 9, FRAMES + 22).capture()
    assert [message.text for message in capture.connections[0].messages] == ["Hello"]
    assert capture.overhead().iloc[0]["other"] == 9
    assert_conserved(capture)


def test_a_capture_that_starts_late() -> None:
    talk = Talk().server(b"\x81\x02ok", 0).client(HELLO, 0).client(HELLO, 11)
    (connection,) = talk.capture().connections
    assert (connection.protocol, connection.roles, connection.client.port) == ("websocket", "inferred", 40000)
    assert [message.text for message in connection.messages] == ["ok", "Hello", "Hello"]
    assert set(rules(talk.capture())) >= {"roles-inferred", "handshake-not-seen"}
    assert_conserved(talk.capture())


def test_the_answer_to_an_upgrade_is_missing() -> None:
    talk = Talk().open().client(REQUEST, 0).server(b"\x81\x02ok", SERVED).client(HELLO, FRAMES)
    (connection,) = talk.capture().connections
    assert (connection.protocol, connection.handshake) == ("websocket", None)
    assert [message.text for message in connection.messages] == ["ok", "Hello"]
    assert_conserved(talk.capture())


def test_a_later_copy_with_other_bytes_is_told() -> None:
    talk = websocket().client(HELLO, FRAMES).client(HELLO[:-1] + b"?", FRAMES)
    assert rules(talk.capture()) == ["copies-differ"]
    assert [message.text for message in talk.capture().connections[0].messages] == ["Hello"]


class Counted(bytes):
    """Bytes that note how many of them were asked for at a time."""

    asked: ClassVar[list[int]] = []

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        self.asked.append(len(part) if isinstance(part, bytes) else 1)
        return part


def test_to_look_at_a_later_copy_takes_no_copy_of_the_file() -> None:
    talk = websocket().client(HELLO, FRAMES).client(HELLO, FRAMES)
    for at in range(100):
        talk.server(bytes(1000), SERVED + 1000 * at)
    table = read_packets_from(io.BytesIO(pcap(map(bytes, talk.packets))), "made.pcap")
    (flow,) = flows(replace(table, data=Counted(table.data)))
    assert flow.directions[0].end == FRAMES + len(HELLO)
    assert 0 < max(Counted.asked) <= len(REQUEST)


@pytest.mark.parametrize(("at", "found"), [(0, ["frame-cut"]), (20, ["bytes-missing"])], ids=["whole", "gap"])
def test_a_frame_is_cut_by_the_end_of_the_stream_and_not_by_a_gap(at: int, found: list[str]) -> None:
    talk = websocket().client(HELLO[:7], FRAMES).client(b"", FRAMES + 7 + at, "FA")
    assert rules(talk.capture()) == found


@pytest.mark.parametrize("lost", ["the whole frame", "its end"])
def test_a_snap_length_cuts_frames_and_says_so(lost: str) -> None:
    headers = 14 + 20 + 20
    long = b"\x82\x7e\x01\x90" + bytes(400)  # 404 bytes
    talk = websocket().server(b"\x81\x02ok", SERVED).server(long, SERVED + 4)
    capture = talk.capture(snap=headers + (0 if lost == "the whole frame" else 300))
    assert "bytes-missing" in rules(capture)
    assert_conserved(capture)
    ledger = capture.overhead().iloc[0]
    if lost == "its end":  # the header says how long the frame is, so its bytes have a place, captured or not
        ok, cut = capture.connections[0].messages
        assert (ok.data, len(cut.data), ledger["ws_payload"]) == (b"ok", 400, 402)
        assert "payload-missing" in rules(capture)
    else:  # headers only: the connection is there, and nothing of what it says
        assert capture.connections[0].protocol == "tcp"
        assert ledger["other"] == len(REQUEST) + len(RESPONSE) + 4 + len(long)
    assert (ledger["link"], ledger["ip"], ledger["tcp"]) == (7 * 14, 7 * 20, 7 * 20)


def test_a_snap_length_within_the_tcp_options_keeps_the_connection() -> None:
    talk = Talk().open().client(b"abcdef", 0)
    for packet in talk.packets:
        packet["TCP"].options = [("Timestamp", (1, 2)), ("NOP", None), ("NOP", None)]
    capture = talk.capture(snap=64)  # of the 32 bytes of TCP header, 30 are there
    assert capture.packets["payload_length"].to_list() == [0, 0, 0, 6]
    assert capture.overhead()["tcp"].to_list() == [4 * 32]
    assert_conserved(capture)


def test_a_frame_is_put_together_from_segments_out_of_order() -> None:
    talk = websocket()
    for at in (8, 0, 4):
        talk.client(HELLO[at : at + 4], FRAMES + at)
    (frame,) = talk.capture().connections[0].frames
    assert frame.frame.payload == b"Hello"
    assert frame.packets == (7, 8, 6)  # in the order of the stream
    assert frame.time == talk.capture().packets["time"].astype("int64")[6]


def test_frames_in_the_segments_of_the_handshake() -> None:
    talk = Talk().open().client(REQUEST + HELLO, 0).server(RESPONSE + b"\x81\x02ok\x89\x00", 0)
    capture = talk.capture()
    assert capture.frames[["sender", "opcode", "packet"]].to_numpy().tolist() == [
        ["client", 1, 4],
        ["server", 1, 5],
        ["server", 9, 5],
    ]
    assert_conserved(capture)


def test_the_same_ports_again_are_another_connection() -> None:
    first = Talk().open().client(b"one", 0).client(b"", 3, "FA")
    second = Talk(client_isn=700_000, server_isn=900_000, packets=first.packets).open().client(b"two", 0)
    both = streams(pcap(map(bytes, second.packets)))
    assert [client.read(0, 3) for client, _ in both] == [b"one", b"two"]
    assert_conserved(second.capture())


def test_a_syn_again_is_the_same_connection() -> None:
    talk = Talk().client(b"", -1, "S").client(b"", -1, "S").server(b"", -1, "SA").server(b"", -1, "SA")
    assert len(streams(pcap(map(bytes, talk.client(b"abc", 0).packets)))) == 1


def test_a_syn_captured_after_its_answer_is_the_same_connection() -> None:
    talk = Talk().server(b"", -1, "SA").client(b"", -1, "S").client(b"abc", 0)
    (connection,) = talk.capture().connections
    assert (connection.roles, connection.client.port) == ("seen", 40000)


def test_data_in_a_syn() -> None:
    talk = Talk().client(b"abc", -1, "S").server(b"", -1, "SA").client(b"def", 3)
    client, _ = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, 6) == b"abcdef"  # seq counts SYN, so the data begins one later
    assert_conserved(talk.capture())


def test_data_in_a_fin_and_an_rst_after_it() -> None:
    talk = Talk().open().client(b"abc", 0).client(b"def", 3, "FPA").server(b"", 0, "RA")
    client, server = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, 6) == b"abcdef"
    assert (client.fin_packet, client.rst_packet, server.fin_packet, server.rst_packet) == (4, None, None, 5)
    (connection,) = talk.capture().connections
    assert (connection.ending.by, connection.ending.how) == (Side.CLIENT, "fin")
    assert str(connection.ending) == "client sent FIN (packet 5); server sent RST (packet 6)"


def test_one_direction_only() -> None:
    talk = Talk()
    talk.client(b"", -1, "S").client(REQUEST, 0).client(HELLO, FRAMES)
    (connection,) = talk.capture().connections
    assert (connection.protocol, connection.roles) == ("websocket", "seen")
    assert [exchange.response for exchange in connection.exchanges] == [None]
    assert [message.text for message in connection.messages] == ["Hello"]
    assert_conserved(talk.capture())


def test_the_other_direction_only() -> None:
    talk = Talk()
    talk.server(b"", -1, "SA").server(RESPONSE, 0).server(b"\x81\x02ok", SERVED)
    (connection,) = talk.capture().connections
    assert (connection.protocol, connection.roles, connection.exchanges) == ("websocket", "seen", ())
    assert [message.text for message in connection.messages] == ["ok"]
    assert_conserved(talk.capture())


def test_ethernet_pads_to_60_bytes() -> None:
    talk = Talk().open().pad(bytes(6)).client(b"ab", 0).pad(b"\xff" * 4)
    client, _ = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, client.first_gap) == b"ab"
    assert talk.capture().overhead()["padding"].to_list() == [10]
    assert_conserved(talk.capture())


def test_an_ip_length_of_0_means_all_that_follows() -> None:
    talk = Talk().open().client(b"abcdef", 0, len=0)
    client, _ = streams(pcap(map(bytes, talk.packets)))[0]
    assert client.read(0, client.first_gap) == b"abcdef"
    assert_conserved(talk.capture())


TEXT = bytes(range(97, 123))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data(), st.integers(0, 2**32 - 1), st.booleans())
def test_any_order_and_any_copies_give_the_same_stream(data: st.DataObject, isn: int, opened: bool) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(TEXT) - 1), max_size=6)) | {0, len(TEXT)})
    whole = list(pairwise(cuts))
    copies = data.draw(st.lists(st.tuples(st.integers(0, 25), st.integers(1, 8)), max_size=6))
    pieces = data.draw(st.permutations(whole + [(at, min(at + size, len(TEXT))) for at, size in copies]))
    talk = Talk(client_isn=isn)
    if opened:
        talk.open()
    for start, end in pieces:
        talk.client(TEXT[start:end], start)
    file = pcap(map(bytes, talk.packets))
    client, _ = streams(file)[0]
    assert client.read(0, client.first_gap) == TEXT
    assert client.end == len(TEXT)
    assert int(client.new_bytes.sum()) == len(TEXT)
    capture = Capture("made.pcap", read_packets_from(io.BytesIO(file), "made.pcap"))
    ledger = capture.overhead().iloc[0]
    assert ledger["retransmission"] == sum(end - start for start, end in pieces) - len(TEXT)
    assert ledger["other"] == len(TEXT)
    assert_conserved(capture)
