"""The tables that users see: documented columns and types, and the same truth as the objects."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap, read
from tests.capture.files import ALL, AUTOBAHN, ECHO, FOREIGN_HTTP, POLL, WITH_FRAMES, capture_of, ids
from wsviz import Frame, Side, dissect_frame, read_capture
from wsviz.capture import tables
from wsviz.protocol.secrets import mask_target

TIME = "datetime64[ns, UTC]"
FRAMES = (
    "connection int32, time TIME, sender str, opcode uint8, fin bool, rsv1 bool, masked bool, header_length uint8, "
    "payload_length int64, packet int32"
)
TABLES = {
    "summary": "connection int64, client str, server str, roles str, protocol str, mechanism str, time TIME, "
    "duration float64, packets int64, bytes int64, exchanges int64, frames int64, messages int64, findings int64, "
    "ending str, filter str",
    "packets": "packet int64, time TIME, connection Int64, sender str, length int64, captured int64, flags str, "
    "seq Int64, ack Int64, window Int64, payload_length Int64, new_bytes Int64",
    "frames": f"{FRAMES}, round_trip Float64, idle Float64",
    "messages": "connection int64, message int64, time TIME, sender str, opcode int64, length int64, "
    "wire_length int64, frames int64, compressed bool, packet int64, latency Float64, text str, data object",
    "exchanges": "connection int64, exchange int64, time TIME, method str, target str, status Int64, "
    "request_length int64, response_length int64, body_length int64, latency Float64, packet int64, "
    "response_packet Int64",
    "findings": "connection Int64, severity str, rule str, culprit str, packet Int64, frame Int64, field str, "
    "offset int64, close_code Int64, section str, explanation str, filter str",
}
EMPTY = read(pcap([]))


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("path", [ECHO, POLL, AUTOBAHN, None], ids=["echo", "poll", "autobahn", "no packets"])
def test_columns_and_types(path: Path | None, name: str) -> None:
    table = getattr(EMPTY if path is None else capture_of(path), name)
    shown = ", ".join(f"{column} {kind}" for column, kind in table.dtypes.astype(str).items())
    assert shown.replace(TIME, "TIME") == TABLES[name]
    assert table.index.to_list() == list(range(len(table)))


@pytest.mark.parametrize("path", [*ALL, None], ids=[*ids(ALL), "no packets"])
def test_every_table_comes_back_from_parquet_as_it_was(path: Path | None) -> None:
    pytest.importorskip("pyarrow")
    capture = EMPTY if path is None else capture_of(path)
    made = {name: getattr(capture, name) for name in TABLES}
    made |= {by: capture.overhead(by) for by in ("connection", "exchange", "message", "mechanism")}
    for name, table in made.items():
        pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(table.to_parquet())), table, obj=name)


def test_secrets_are_masked_in_every_table_until_they_are_asked_for(tmp_path: Path) -> None:
    asked = REQUEST.replace(b"/chat", b"/chat?token=aaaa").replace(
        b"Upgrade:", b"Cookie: a=1;\r\n id=bbbb\r\nUpgrade:"
    )
    texts = Frame.text('{"password": "cccc"}').serialize() + Frame.binary(b"\0Bearer dddd").serialize()
    end = Frame.close(1000, "sid=eeee").serialize()
    path = tmp_path / "secrets.pcap"
    path.write_bytes(pcap(map(bytes, Talk().open().client(asked, 0).server(RESPONSE + texts + end, 0).packets)))
    masked, revealed = read_capture(path), read_capture(path, reveal=True)
    without, everything = ("".join(getattr(one, name).to_csv() for name in TABLES) for one in (masked, revealed))
    for secret in ("aaaa", "bbbb", "cccc", "dddd", "eeee"):
        assert secret not in without
        assert secret in everything
    assert masked.messages["text"].to_list()[0] == '{"password": "[masked]"}'
    assert masked.messages["data"].to_list() == [b'{"password": "[masked]"}', b"\0Bearer ****"]
    assert masked.payloads() == revealed.messages["data"].to_list() == revealed.payloads()


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_frame_columns_are_the_frame_table(path: Path) -> None:
    capture = capture_of(path)
    columns, table = capture.frame_columns(), capture.frames
    assert [*columns, "round_trip", "idle"] == table.columns.to_list()
    for name, values in columns.items():
        assert isinstance(values, np.ndarray)
        shown = table[name].astype("int64") if name == "time" else table[name]
        assert shown.to_list() == values.tolist()
    assert (np.diff(columns["packet"]) >= 0).all()  # capture order
    assert columns["time"].tolist() == capture.packets["time"].astype("int64")[columns["packet"] - 1].to_list()


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_columns_and_objects_tell_the_same(path: Path) -> None:
    capture = capture_of(path)
    table = capture.frames
    for connection in capture.connections:
        rows = table[table["connection"] == connection.index].itertuples()
        indices = {Side.CLIENT: 0, Side.SERVER: 0}
        for row, captured in zip(rows, connection.frames, strict=True):
            raw = captured.dissection.raw
            alone = dissect_frame(raw, sender=captured.sender)
            assert (captured.frame, captured.dissection.fields) == (alone.value, alone.fields)
            assert captured.frame.serialize() == raw
            assert sum(field.size for field in captured.dissection.fields) == 8 * len(raw)
            frame = alone.value
            assert (row.sender, row.time.value, row.packet) == (captured.sender, captured.time, captured.packets[0])
            assert (row.opcode, row.fin, row.rsv1, row.masked) == (frame.opcode, frame.fin, frame.rsv1, frame.masked)
            assert (row.header_length + row.payload_length, row.payload_length) == (len(raw), len(frame.payload))
            # Frames stand by their first packet; within a direction their indices count all of them.
            assert captured.index == indices[captured.sender]
            indices[captured.sender] += 1


def test_frames_are_a_sequence() -> None:
    frames = capture_of(ECHO).connections[0].frames
    assert len(frames) == 16
    assert frames[-1].frame == Frame.close(1000, "that is all")
    assert [captured.frame.opcode for captured in frames[4:8]] == [9, 10, 9, 10]
    assert frames[3:][0].packets == frames[3].packets
    with pytest.raises(IndexError):
        frames[16]


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_messages_and_payloads(path: Path) -> None:
    capture = capture_of(path)
    messages = capture.messages
    assert messages["data"].to_list() == capture.payloads()
    assert messages["length"].to_list() == list(map(len, capture.payloads()))
    assert messages["time"].is_monotonic_increasing
    for connection in capture.connections:
        own = messages[messages["connection"] == connection.index]
        assert own["message"].to_list() == list(range(len(connection.messages)))
        assert own["frames"].to_list() == [len(message.frames) for message in connection.messages]
        texts = [None if empty else text for text, empty in zip(own["text"], own["text"].isna(), strict=True)]
        assert texts == [message.text for message in connection.messages]
        assert own["data"].to_list() == [message.data for message in connection.messages]
        for message in connection.messages:
            parts = [f for f in connection.frames if f.sender is message.sender and f.index in message.frames]
            assert message.time is not None
            assert message.time >= parts[-1].time
            if not message.compressed:
                assert b"".join(part.frame.payload for part in parts) == message.data


@pytest.mark.parametrize("path", [POLL, AUTOBAHN, *FOREIGN_HTTP], ids=ids([POLL, AUTOBAHN, *FOREIGN_HTTP]))
def test_tables_are_the_same_however_many_rows_are_made_together(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_AT_ONCE", 2)
    some, whole = read_capture(path), capture_of(path)
    for name in ("summary", "exchanges", "findings"):
        pd.testing.assert_frame_equal(getattr(some, name), getattr(whole, name), obj=name)
    for by in ("connection", "exchange", "message", "mechanism"):
        pd.testing.assert_frame_equal(some.overhead(by, detail=True), whole.overhead(by, detail=True), obj=by)


def test_what_is_found_at_one_byte_keeps_its_order() -> None:
    """RSV1 before RSV2 before RSV3, as they stand on the wire, whatever the seed of this run's hashes."""
    frames = bytes.fromhex("f100") * 20
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE, 0).server(frames, len(RESPONSE))
    found = [one.field for one in talk.capture().connections[0].findings if one.field and one.field.startswith("RSV")]
    assert found == ["RSV1", "RSV2", "RSV3"] * 20


@pytest.mark.parametrize("path", ALL, ids=ids(ALL))
def test_the_summary_counts_the_other_tables(path: Path) -> None:
    capture = capture_of(path)
    assert len(capture.summary) == len(capture.connections)
    for name in ("exchanges", "frames", "messages", "findings", "packets"):
        counts = getattr(capture, name)["connection"].value_counts()
        expected = [int(counts.get(index, 0)) for index in range(len(capture.connections))]
        assert capture.summary[name].to_list() == expected
    assert len(capture.packets) == capture.packet_count
    assert int(capture.packets["length"].sum()) == capture.wire_bytes


@pytest.mark.parametrize("path", [POLL, *FOREIGN_HTTP], ids=ids([POLL, *FOREIGN_HTTP]))
def test_exchanges(path: Path) -> None:
    capture = capture_of(path)
    for row in capture.exchanges.itertuples():
        exchange = capture.connections[row.connection].exchanges[row.exchange]
        assert (row.method, row.target) == (exchange.request.method, mask_target(exchange.request.target))
        if exchange.response is None:
            assert row.status is pd.NA
            assert row.latency is pd.NA
            assert (row.response_length, row.body_length) == (0, 0)
        else:
            assert (row.status, row.body_length) == (exchange.response.status, len(exchange.response.body))
            assert row.response_length >= row.body_length
            assert exchange.response_time is not None
            seconds = (exchange.response_time - exchange.request_time) / 1e9
            # An answer that was captured before its request tells no latency.
            assert (row.latency is pd.NA) if seconds < 0 else (row.latency == pytest.approx(seconds))


def test_an_interim_response_belongs_to_its_exchange() -> None:
    head = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    go_on, final = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
    talk = Talk().open().client(head, 0).server(go_on, 0).client(b"hi", len(head)).server(final, len(go_on))
    capture = talk.capture()
    (exchange,) = capture.connections[0].exchanges
    assert (exchange.interim, exchange.request.body, exchange.response and exchange.response.body) == (
        1,
        b"hi",
        b"yes",
    )
    (row,) = capture.exchanges.to_dict("records")
    assert (row["status"], row["packet"], row["response_packet"]) == (200, 4, 5)
    assert (row["request_length"], row["response_length"]) == (len(head) + 2, len(go_on) + len(final))
    assert row["latency"] == 1e-6


def bare(client_port: int = 40000) -> Talk:
    return Talk(client_port=client_port)


# Name, packets, roles, the client's port.
ROLES: list[tuple[str, Talk, str, int]] = [
    ("SYN", bare().client(b"", -1, "S"), "seen", 40000),
    ("SYN, the client has the lower port", bare(79).client(b"", -1, "S"), "seen", 79),
    ("SYN-ACK only", bare(79).server(b"", -1, "SA"), "seen", 79),
    ("a request without SYN", bare(79).client(REQUEST, 0), "seen", 79),
    ("a request after its answer", bare(79).server(RESPONSE, 0).client(REQUEST, 0), "seen", 79),
    ("neither: the higher port", bare().server(b"\x81\x02ok", 0), "inferred", 40000),
    ("neither: the higher port, and wrong", bare(79).client(b"abc", 0), "inferred", 80),
]


@pytest.mark.parametrize(("talk", "roles", "port"), [row[1:] for row in ROLES], ids=[row[0] for row in ROLES])
def test_roles(talk: Talk, roles: str, port: int) -> None:
    (connection,) = talk.capture().connections
    assert (connection.roles, connection.client.port) == (roles, port)
    assert ("roles-inferred" in [finding.rule for finding in connection.findings]) == (roles == "inferred")
    assert {connection.client.port, connection.server.port} == {talk.client_port, 80}
