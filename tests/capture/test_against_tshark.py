"""The same frames, texts and HTTP messages as tshark sees, on every capture at hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.capture import tshark
from tests.capture.files import ALL, AUTOBAHN, ECHO, FOREIGN_WEBSOCKET, WEBSOCKET, WITH_FRAMES, capture_of, ids
from tests.capture.tshark import Direction, SeenFrame
from wsviz import Side
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection

COMMAND = str(Path(sys.executable).parent / "wsviz")
# Where tshark is wrong: capture, connection, sender, what tshark prints, what was sent.
WRONG_TEXTS = {
    # Case 5.17: continuations with no message open, between messages in two fragments. tshark adds one of them as a
    # message.
    (AUTOBAHN.name, 116, Side.CLIENT): (
        ["fragment2fragment3", "fragment1", "fragment2fragment3"],
        ["fragment2fragment3", "fragment2fragment3"],
    ),
    # Case 6.1.3: a message in three fragments, the first and the last of them empty: tshark prints no text.
    (AUTOBAHN.name, 119, Side.CLIENT): ([], ["middle frame payload"]),
}
# A segment is missing here. With tcp.reassemble_out_of_order tshark waits for it for ever, and so loses the response
# that lies before the gap; by default it loses the one with the gap in its body. Content-Length says where that ends:
# we step over the gap and have all three.
WITH_A_GAP = "suricata_http_gap_simple.pcap"


def port_of(connection: Connection, sender: Side) -> int:
    return (connection.client if sender is Side.CLIENT else connection.server).port


def our_frames(capture: Capture) -> dict[Direction, list[SeenFrame]]:
    found: dict[Direction, list[SeenFrame]] = {}
    for connection in capture.connections:
        for captured in connection.frames:
            frame, port = captured.frame, port_of(connection, captured.sender)
            reserved = frame.rsv1 << 2 | frame.rsv2 << 1 | frame.rsv3
            key = (frame.masking_key or b"").hex()
            seen = SeenFrame(frame.fin, reserved, frame.opcode, frame.masked, len(frame.payload), key)
            found.setdefault((connection.index, port), []).append(seen)
    return found


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_frames(path: Path) -> None:
    capture = capture_of(path)
    expected = tshark.frames(path)
    assert our_frames(capture) == expected
    assert len(capture.frame_columns()["opcode"]) == sum(map(len, expected.values())) > 0


@pytest.mark.parametrize("path", [*FOREIGN_WEBSOCKET, AUTOBAHN], ids=ids([*FOREIGN_WEBSOCKET, AUTOBAHN]))
def test_frames_that_tshark_wrote_down(path: Path) -> None:
    capture = capture_of(path)
    assert our_frames(capture) == tshark.committed_frames(Path(f"{path}.tshark.tsv"))


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_texts(path: Path) -> None:
    capture, printed = capture_of(path), tshark.texts(path)
    for connection in capture.connections:
        for sender in Side:
            ours = [message.text for message in connection.messages if message.sender is sender and message.text]
            theirs = printed.get((connection.index, port_of(connection, sender)), [])
            wrong = WRONG_TEXTS.get((path.name, connection.index, sender))
            assert (theirs, ours) == (wrong or (ours, ours)), (connection, sender)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_requests_and_responses(path: Path) -> None:
    ours = {}
    for connection in capture_of(path).connections:
        if connection.exchanges:
            requests = [(exchange.request.method, exchange.request.target) for exchange in connection.exchanges]
            responses = [exchange.response for exchange in connection.exchanges]
            ours[connection.index] = (requests, [response.status for response in responses if response is not None])
    if path.name == WITH_A_GAP:
        assert tshark.exchanges(path, ()) == {0: ([("GET", "/1"), ("GET", "/2"), ("GET", "/3")], [200, 200])}
        assert ours == {0: ([("GET", "/1"), ("GET", "/2"), ("GET", "/3")], [200, 200, 200])}
    else:
        assert ours == tshark.exchanges(path, tshark.OPTIONS)


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_connections_are_numbered_as_tcp_stream(path: Path) -> None:
    capture, columns = capture_of(path), {}
    for number, stream in tshark.fields(path, "tcp and not icmp and not sflow", "frame.number", "tcp.stream"):
        columns[int(number[0])] = int(stream[0])
    ours = capture.packets.set_index("packet")["connection"].dropna()
    assert ours.astype(int).to_dict() == columns


@pytest.mark.parametrize("path", [ECHO, WEBSOCKET, AUTOBAHN], ids=ids([ECHO, WEBSOCKET, AUTOBAHN]))
def test_the_command_line_prints_the_same_frames(path: Path) -> None:
    capture = capture_of(path)
    command = [COMMAND, "frames", str(path), "--format", "tsv"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stderr == ""
    head, *lines = run.stdout.splitlines()
    rows = [dict(zip(head.split("\t"), line.split("\t"), strict=True)) for line in lines]
    found: dict[Direction, list[tuple[int, ...]]] = {}
    for row in sorted(rows, key=lambda row: int(row["packet"])):
        connection = capture.connections[int(row["connection"])]
        values = tuple(int(row[name]) for name in ("fin", "rsv1", "opcode", "masked", "payload_length"))
        found.setdefault((connection.index, port_of(connection, Side(row["sender"]))), []).append(values)
    expected = {
        direction: [(f[0], f[1] >> 2, *f[2:5]) for f in seen] for direction, seen in tshark.frames(path).items()
    }
    assert found == expected
