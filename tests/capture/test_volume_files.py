"""Files that are too large to be held: read in chunks, ordered on disk, and the same in every table."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.capture.build import block
from tests.capture.files import ECHO, OWN, WEBSOCKET, capture_of
from wsviz import WsvizError, read_capture
from wsviz.capture import capture as module
from wsviz.capture import stores, tcp, volume_messages, volume_odd, volume_tables
from wsviz.capture.capture import Capture
from wsviz.capture.capture_file import CaptureFile
from wsviz.capture.packets import PacketReader
from wsviz.capture.volume_order import Sorter
from wsviz.cli import main

MYSTERY, DEFLATE, SLOW = (OWN / f"{name}.pcapng" for name in ("mystery", "deflate", "slow_consumer"))
WSS, KEYS = OWN / "wss13.pcapng", OWN / "wss13.keys"
KEY = np.dtype([("packet", "u4"), ("index", "u4"), ("place", "u4")])


@pytest.fixture
def nothing_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every file treated like one of gigabytes: chunks, disk, and batches as small as they can be."""
    for path in (ECHO, WEBSOCKET, MYSTERY, DEFLATE, SLOW, WSS):
        capture_of(path)  # which all tests share
    monkeypatch.setattr(module, "IN_MEMORY", 0)
    monkeypatch.setattr(volume_odd.batches_of, "__defaults__", (1,))
    monkeypatch.setattr(Sorter.__init__, "__kwdefaults__", {"in_memory": 100})
    monkeypatch.setattr(stores.OnDisk.__init__, "__defaults__", (10,))
    monkeypatch.setattr(volume_messages, "MOST_HELD", 10)
    monkeypatch.setattr(volume_tables, "MOST_HELD", 10)


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("path", [ECHO, WEBSOCKET, MYSTERY, DEFLATE, SLOW], ids=lambda path: path.stem)
def test_every_table_is_that_of_a_small_file(path: Path) -> None:
    streamed, held = read_capture(path), capture_of(path)
    assert not streamed.is_in_memory
    assert held.is_in_memory
    for name in ("frames", "messages", "summary", "exchanges", "findings", "packets"):
        pd.testing.assert_frame_equal(getattr(streamed, name), getattr(held, name))
    assert streamed.payloads() == held.payloads()
    assert repr(streamed) == repr(held)


@pytest.mark.parametrize("packed", [False, True])
def test_two_readers_of_a_file_do_not_disturb_each_other(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PacketReader.__init__, "__kwdefaults__", {"chunk": 1 << 12})
    path, data = tmp_path / "read twice", MYSTERY.read_bytes()
    path.write_bytes(gzip.compress(data) if packed else data)
    with path.open("rb") as file:
        source = CaptureFile(file, "read twice")
    chunks = 0
    for first, second in zip(source.packets(), source.packets(), strict=True):
        chunks += 1
        np.testing.assert_array_equal(first.rows, second.rows)
        assert bytes(first.data) == bytes(second.data)
        assert len(source.table().rows) == len(capture_of(MYSTERY).packets), "a third one meanwhile"
    assert chunks > 3


@pytest.mark.usefixtures("nothing_is_small")
def test_keys_from_a_log_and_from_the_file(tmp_path: Path) -> None:
    plain = capture_of(WSS)
    assert not len(plain.frames)
    known = read_capture(WSS, keylog=KEYS)
    secrets = KEYS.read_bytes()
    file = WSS.read_bytes()
    first = struct.unpack_from("<I", file, 4)[0]
    body = block(10, struct.pack("<II", 0x544C534B, len(secrets)) + secrets)
    (tmp_path / "own.pcapng").write_bytes(file[:first] + body + file[first:])
    own = read_capture(tmp_path / "own.pcapng")
    assert len(known.frames)
    pd.testing.assert_frame_equal(own.frames, known.frames)
    assert own.payloads() == known.payloads()


@pytest.mark.usefixtures("nothing_is_small")
@pytest.mark.parametrize("command", ["frames", "messages"])
@pytest.mark.parametrize("style", ["table", "tsv", "jsonl"])
def test_the_command_line(command: str, style: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = getattr(capture_of(MYSTERY), command)
    assert main([command, str(MYSTERY), "--format", style]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= len(table) + (style != "jsonl")
    assert main([command, str(MYSTERY), "--format", style, "--connection", "0"]) == 0


@pytest.mark.usefixtures("nothing_is_small")
def test_damage_is_told_after_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cut.pcapng"
    path.write_bytes(ECHO.read_bytes()[:-10])
    assert main(["frames", str(path), "--format", "tsv"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 1 + len(read_capture(path).frames)
    assert shown.err == f"wsviz: {path}: file-cut: the last record is cut; 38 packets were read before\n"


@pytest.mark.usefixtures("nothing_is_small")
def test_damage_is_told_before_any_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PacketReader.__init__, "__kwdefaults__", {"chunk": 512})  # what opens it reads one of them
    path = tmp_path / "cut.pcapng"
    path.write_bytes(ECHO.read_bytes()[:-10])
    assert [finding.rule for finding in read_capture(path).file_findings] == ["file-cut"]


def test_a_connection_is_decoded_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = []
    build = tcp.build_flow

    def note(*given: object) -> object:
        decoded.append(given)
        return build(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(tcp, "build_flow", note)
    capture = read_capture(MYSTERY)
    assert (len(capture.frames), len(decoded)) == (len(capture_of(MYSTERY).frames), 0)
    assert capture.connections[-1] is capture.connections[len(capture.connections) - 1]
    assert len(decoded) == 1
    assert [one.index for one in capture.connections[:2]] == list(range(len(capture.connections)))[:2]
    with pytest.raises(IndexError):
        capture.connections[len(capture.connections)]


@pytest.mark.parametrize("in_memory", [0, 500, 1 << 20])
def test_rows_come_in_order(in_memory: int) -> None:
    dice = np.random.default_rng(7)
    sorter, given = Sorter(KEY, in_memory=in_memory), []
    for number in range(40):
        rows = np.zeros(int(dice.integers(0, 60)), KEY)
        rows["packet"] = number * 20 + dice.integers(0, 100, len(rows))  # what comes later is mostly larger
        rows["index"], rows["place"] = dice.integers(0, 3, len(rows)), dice.integers(0, 1 << 32, len(rows))
        given.append(rows)
        sorter.add(rows)
    parts = list(sorter)
    found, expected = np.concatenate(parts), np.concatenate(given)
    expected = expected[np.lexsort((expected["index"], expected["packet"]))]
    assert found[["packet", "index"]].tolist() == expected[["packet", "index"]].tolist()
    assert sorted(found.tolist()) == sorted(expected.tolist())


def test_nothing_to_order() -> None:
    assert list(Sorter(KEY)) == []


def test_a_capture_without_frames_has_tables_with_columns() -> None:
    capture: Capture = capture_of(OWN / "http_close.pcapng")
    assert list(capture.frames) == list(capture_of(ECHO).frames)
    assert list(capture.messages) == list(capture_of(ECHO).messages)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_in_a_sentence() -> None:
    sorter, store = Sorter(KEY, in_memory=0), stores.OnDisk()
    told = "No space left on device, while it takes what is too much for memory; TMPDIR names another folder"
    with Path("/dev/full").open("r+b", buffering=0) as full:
        sorter._file = store._file = full  # type: ignore[assignment]
        with pytest.raises(WsvizError, match=told):
            sorter.add(np.zeros(3, KEY))
        with pytest.raises(WsvizError, match=told):
            store.put([b"data"])
