"""CaptureExplorer on the Python side: wishes in; pictures, columns, words and files out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from tests.capture.test_har import har_of, websocket
from tests.widgets.page import Page
from wsviz import CaptureError, Frame, ProtocolError, Side, WsvizError, read_capture
from wsviz.capture.ledger import BUCKETS
from wsviz.figures.explorer_rows import FrameList
from wsviz.widgets import CaptureExplorer, capture_explorer_session
from wsviz.widgets.capture_explorer_filter import Filter
from wsviz.widgets.capture_explorer_jobs import Job, Jobs, Stopped

CAPTURES = Path(__file__).parents[2] / "captures"
NAMES = ("echo", "close_matrix", "deflate", "fragments", "stomp", "wss13", "poll")
KEY = bytes.fromhex("37fa213d")


def path_of(name: str) -> Path:
    return CAPTURES / f"{name}.pcapng"


def opened(name: str) -> CaptureExplorer:
    return CaptureExplorer(path_of(name)).wait()


def talk(tmp_path: Path, *sent: bytes, request: bytes = REQUEST) -> Path:
    """A capture in which the client, then the server, sends these bytes."""
    talk = Talk().open().client(request, 0).server(RESPONSE, 0)
    for at, data in enumerate(sent):
        (talk.server if at else talk.client)(data, len(RESPONSE) if at else len(request))
    path = tmp_path / "talk.pcap"
    path.write_bytes(pcap(map(bytes, talk.packets)))
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class Heard(Page):
    """A page that also hears what Python sends beside the picture."""

    def __init__(self, explorer: CaptureExplorer, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(explorer)
        self.explorer = explorer
        self.messages: list[tuple[dict[str, Any], list[bytes]]] = []
        monkeypatch.setattr(explorer, "send", lambda content, buffers=None: self.messages.append((content, buffers)))

    def ask(self, do: str, value: Any, buffers: list[bytes] | None = None) -> None:
        """Ask for something that no picture answers."""
        self.explorer._wish(self.explorer, {"do": do, "value": value, "number": 0}, buffers or [])
        self.explorer.wait(60)

    def columns(self, start: int, count: int) -> dict[str, list[Any]]:
        self.ask("rows", {"start": start, "count": count})
        content, buffers = self.messages.pop()
        return {
            name: np.frombuffer(data, "<" + kind).tolist()
            for (name, kind), data in zip(content["columns"], buffers, strict=True)
        }


Hear = Callable[[CaptureExplorer], Heard]


@pytest.fixture
def hear(monkeypatch: pytest.MonkeyPatch) -> Hear:
    return lambda explorer: Heard(explorer, monkeypatch)


# The list


@pytest.mark.parametrize("name", NAMES)
def test_the_columns_of_the_list_are_those_of_the_capture(name: str, hear: Hear) -> None:
    explorer = opened(name)
    capture = read_capture(path_of(name))
    expected = capture.frame_columns()
    got = hear(explorer).columns(0, 4096)
    assert got["row"] == list(range(len(expected["time"])))
    for ours, theirs in (
        ("connection", "connection"),
        ("packet", "packet"),
        ("opcode", "opcode"),
        ("length", "payload_length"),
    ):
        assert got[ours] == expected[theirs].tolist()
    assert [bool(flags & 1) for flags in got["flags"]] == [sender == "server" for sender in expected["sender"]]
    assert [bool(flags & 8) for flags in got["flags"]] == expected["masked"].tolist()
    seconds = (expected["time"] - (expected["time"][0] if len(expected["time"]) else 0)) / 1e9
    assert got["time"] == pytest.approx(seconds.tolist())
    assert explorer.picture["total"] == explorer.picture["shown"] == len(seconds)


@pytest.mark.parametrize("name", NAMES)
def test_words_findings_and_details_are_those_of_each_frame(name: str, hear: Hear) -> None:
    explorer = opened(name)
    page, capture = hear(explorer), read_capture(path_of(name))
    page.ask("words", {"start": 0, "count": 200})
    said = page.messages[-1][0]["words"] if page.messages else []
    assert len(said) == min(len(explorer.rows), 200)
    for row, words in enumerate(said):
        explorer.select(row)
        explorer.wait(60)
        number = int(capture.frame_columns()["connection"][row])
        at = int(np.count_nonzero(capture.frame_columns()["connection"][:row] == number))
        captured = capture.connections[number].frames[at]
        assert explorer.frame is not None
        assert explorer.frame.dissection == captured.dissection
        assert [rule for _, rule in words["marks"]] == [each.rule for each in captured.dissection.findings[:3]]
        layer = explorer.picture["detail"]["layers"][-1]
        assert {part["name"]: part["size"] for part in layer["parts"] if part["size"]} == {
            field.name: field.size for field in captured.dissection.fields
        }


def test_the_layers_are_the_packet_s_own_bytes() -> None:
    explorer = opened("echo")
    explorer.select(0)
    detail = explorer.wait().picture["detail"]
    capture = explorer.capture
    assert capture is not None
    direction, _ = capture.connections[0].directions()[0]
    raw = direction.table.raw(detail["packet"] - 1)
    assert [layer["title"] for layer in detail["layers"]] == ["Ethernet", "IPv4", "TCP", "WebSocket text frame"]
    assert b"".join(bytes(layer["bytes"]) for layer in detail["layers"]) == raw
    at = 0
    for layer in detail["layers"]:
        assert layer["start"] == at
        assert sum(part["size"] for part in layer["parts"]) == 8 * layer["size"]
        at += layer["size"]
    assert detail["message"] == {"words": "message 0, text, 5 bytes, in 1 frame", "text": "Hello", "more": ""}
    assert (
        f"bytes {raw.index(bytes(detail['layers'][-1]['bytes']))} to {len(raw) - 1} of packet" in detail["facts"][1]
    )


def test_of_a_frame_in_many_packets_the_headers_of_any_can_be_seen(tmp_path: Path) -> None:
    data = Frame.binary(b"x" * 3000).serialize()
    talk = Talk().open().client(REQUEST, 0).server(RESPONSE, 0)
    for at in range(0, len(data), 1000):
        talk.server(data[at : at + 1000], len(RESPONSE) + at)
    path = tmp_path / "cut.pcap"
    path.write_bytes(pcap(map(bytes, talk.packets)))
    page = Page(CaptureExplorer(path).wait())
    detail = page.wish("select", {"row": 0, "packet": 0})["detail"]
    assert (detail["packet"], detail["packets"]) == (6, [6, 7, 8, 9])
    other = page.wish("select", {"row": 0, "packet": 8})["detail"]
    assert other["packet"] == 8
    assert other["layers"][2]["bytes"] != detail["layers"][2]["bytes"]
    assert other["facts"][-1] == "bytes 54 to 1,053 of packet 8, whose segment has 1,000 bytes"


# Filters


def test_filters_by_what_the_columns_tell() -> None:
    explorer = opened("close_matrix")
    columns = read_capture(path_of("close_matrix")).frame_columns()
    page = Page(explorer)
    for given, passing in (
        ({"sender": "client"}, columns["sender"] == "client"),
        ({"type": "close"}, columns["opcode"] == 8),
        ({"type": "data", "sender": "server"}, (columns["opcode"] < 3) & (columns["sender"] == "server")),
        ({"connection": 4}, columns["connection"] == 4),
        ({}, columns["opcode"] >= 0),
    ):
        nothing = {"connection": -1, "sender": "", "type": "", "finding": "", "text": ""}
        picture = page.wish("filter", nothing | given)
        assert explorer.rows.tolist() == np.flatnonzero(passing).tolist()
        assert picture["shown"] == int(passing.sum())
        assert picture["filter"] == nothing | given


@pytest.mark.parametrize("name", ["deflate", "fragments", "echo", "wss13"])
def test_text_is_sought_in_whole_messages(name: str) -> None:
    """What is compressed is inflated, and a text that two fragments share is found in both."""
    explorer, capture = opened(name), read_capture(path_of(name))
    for connection in capture.connections:
        for message in connection.messages[:4]:
            needle = message.data[1:12].decode(errors="ignore")
            if len(needle) < 5:
                continue
            explorer.where(text=needle.upper(), connection=connection.index)
            explorer.wait(60)
            found = {
                int(connection.frame_table[explorer._opened().place(int(row))[1]]["message"]) for row in explorer.rows
            }
            wanted = {
                at for at, other in enumerate(connection.messages) if needle.encode().lower() in other.data.lower()
            }
            assert found - {-1} == wanted
    explorer.where(text="no frame says this")
    assert len(explorer.wait(60).rows) == 0


def test_text_is_sought_in_control_frames_and_across_none() -> None:
    explorer = opened("echo")
    explorer.where(text="are you there?")
    assert explorer.wait().frames["opcode"].tolist() == [9, 10]
    explorer.where(text="Hello\x81")
    assert len(explorer.wait().rows) == 0


@pytest.mark.parametrize(("text", "shown"), [("nowhere in it", 2), ("thank you", 3)])
def test_the_page_is_sent_for_rows_only_when_some_were_found(
    text: str, shown: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once when the search begins, once when it ends, and for each connection with a hit in between."""
    monkeypatch.setattr(capture_explorer_session, "EVERY", -1)
    explorer = opened("close_matrix")
    before = explorer.wait()._session.generation
    explorer.where(text=text)
    assert explorer.wait()._session.generation - before == shown


def test_a_search_gives_the_rows_of_one_connection_after_the_other() -> None:
    frames = FrameList(read_capture(path_of("mystery")))
    for wanted in (Filter(text="e"), Filter(text="e", sender=Side.CLIENT), Filter(finding="any", type="reserved")):
        parts = list(wanted.search(frames, lambda done: None))
        owners = [set(frames.connection[part].tolist()) for part in parts]
        assert [len(each) for each in owners if each] == [1] * sum(map(bool, owners))
        rows = wanted.candidates(frames)
        assert len(parts) == len(np.unique(frames.connection[rows]))
        assert set(np.concatenate([rows[:0], *parts]).tolist()) <= set(rows.tolist())


def test_filters_by_finding() -> None:
    explorer = opened("close_matrix")
    capture = read_capture(path_of("close_matrix"))
    table = capture.findings[capture.findings["frame"].notna()]
    assert {"any", "error", *table["rule"]} <= set(explorer.picture["findings"])
    for wanted, rows in (("any", table), ("error", table[table["severity"] == "error"])):
        explorer.where(finding=wanted)
        places = rows[["connection", "culprit", "frame"]].drop_duplicates()
        assert len(explorer.wait().rows) == len(places)
        assert set(explorer.frames["connection"]) == set(places["connection"])


def test_what_a_filter_cannot_be_is_said() -> None:
    page = Page(opened("echo"))
    nothing = {"connection": -1, "sender": "", "type": "", "finding": "", "text": ""}
    assert "connection is 7, expected 0 to 0" in page.wish("filter", nothing | {"connection": 7})["notice"]
    assert "expected at most 200" in page.wish("filter", nothing | {"text": "x" * 201})["notice"]
    with pytest.raises(ProtocolError, match="the type is 'cookies'"):
        CaptureExplorer(path_of("echo")).where(type="cookies")
    assert "row 16, expected 0 to 15" in page.wish("select", {"row": 16, "packet": 0})["notice"]
    with pytest.raises(WsvizError, match="no capture is open"):
        _ = CaptureExplorer().frames


# Bytes


@pytest.mark.parametrize("name", NAMES)
def test_the_overhead_of_the_selection_and_of_the_rest_is_all_there_is(name: str) -> None:
    explorer, capture = opened(name), read_capture(path_of(name))
    whole = capture.overhead()
    shown = set(explorer.frames["connection"]) if len(explorer.rows) else set()
    mine = whole[whole["connection"].isin(shown)]
    for given in ({}, {"sender": "client"}, {"type": "control"}):
        explorer.where(**given)
        counted = explorer.overhead
        own = set(explorer.frames["connection"]) if len(explorer.rows) else set()
        for bucket in BUCKETS:
            assert counted.frames[bucket] + counted.others[bucket] == mine[mine["connection"].isin(own)][bucket].sum()
        frames = explorer.frames
        wire = int(frames["header_length"].sum() + frames["payload_length"].sum())
        assert sum(counted.frames[b] for b in BUCKETS if b.startswith("ws_")) == wire
    explorer.where()
    assert explorer.overhead.others["ws_payload"] == 0


def test_the_overhead_panel_follows_the_filter() -> None:
    page = Page(opened("echo"))
    assert page.wish("overhead", True)["overhead"]["words"].startswith("16 frames: ")
    nothing = {"connection": -1, "sender": "", "type": "", "finding": "", "text": ""}
    assert page.wish("filter", nothing | {"type": "ping"})["overhead"]["words"].startswith("2 frames: ")
    assert page.wish("overhead", False)["overhead"] is None


# Files


def test_a_file_goes_up_in_parts_and_is_opened(hear: Hear) -> None:
    page = hear(CaptureExplorer())
    assert page.explorer.picture["open"] is False
    assert page.explorer.figure.text == "no capture is open"
    data = path_of("echo").read_bytes()
    for at in range(0, len(data), 1500):
        page.ask("upload", {"name": "../up/echo.pcapng", "size": len(data), "at": at}, [data[at : at + 1500]])
        assert page.messages[-1][0] == {"kind": "uploaded", "at": min(at + 1500, len(data))}
    assert page.explorer.picture["title"] == "echo.pcapng"
    assert len(page.explorer.rows) == 16


def test_a_bad_upload_is_refused_in_one_line(hear: Hear) -> None:
    page = hear(CaptureExplorer())
    page.ask("upload", {"name": "big.pcap", "size": 1 << 40, "at": 0}, [b"x"])
    assert "expected 1 to 536,870,912" in page.explorer.picture["notice"]
    page.ask("upload", {"name": "a.pcap", "size": 10, "at": 0}, [b"x"])
    page.ask("upload", {"name": "a.pcap", "size": 10, "at": 5}, [b"x"])
    assert "part at byte 5, expected one at 1" in page.explorer.picture["notice"]
    page.ask("upload", {"name": "\u202eno.pcap", "size": 4, "at": 0}, [b"none"])
    notice = page.explorer.picture["notice"]
    assert "\\u202eno.pcap" in notice
    assert "\n" not in notice
    assert page.explorer.capture is None


@pytest.mark.parametrize("path", ["/no/such/file.pcap", "/dev/zero", "."])
def test_what_cannot_be_opened_is_said_in_one_line(path: str) -> None:
    with pytest.raises(WsvizError) as caught:
        CaptureExplorer(path)
    assert "\n" not in str(caught.value)
    page = Page(opened("echo"))
    picture = page.wish("open", {"path": path, "keylog": ""})
    assert picture["notice"] == str(caught.value)
    assert picture["title"] == "echo.pcapng", "what was open stays open"


def test_a_har_file_has_no_frames_and_what_shows_its_messages_is_said(tmp_path: Path, hear: Hear) -> None:
    path, data = tmp_path / "talk.har", har_of(websocket())
    path.write_bytes(data)
    for source in (path, read_capture(path)):
        with pytest.raises(WsvizError) as caught:
            CaptureExplorer(source)
        assert str(caught.value).startswith(f"{path}: a HAR file holds no packets and no frames; ")
        assert "`read_capture(path).messages`" in str(caught.value)
    page = hear(opened("echo"))
    page.ask("upload", {"name": "up.har", "size": len(data), "at": 0}, [data])
    assert page.explorer.picture["notice"] == str(caught.value).replace(str(path), "up.har")
    assert page.explorer.picture["title"] == "echo.pcapng", "what was open stays open"
    page.ask("upload", {"name": "cut.har", "size": len(data) - 1, "at": 0}, [data[:-1]])
    assert page.explorer.picture["notice"].startswith("cut.har: damaged JSON at line 1")


def test_a_key_log_opens_tls() -> None:
    path, keys = CAPTURES / "wss13.pcapng", CAPTURES / "wss13.keys"
    assert len(CaptureExplorer(path).wait().rows) == 0
    explorer = CaptureExplorer(path, keylog=keys).wait()
    assert len(explorer.rows) > 0
    explorer.select(0)
    assert "read out of TLS" in " ".join(explorer.wait().picture["detail"]["facts"])
    total = explorer.overhead
    assert total.frames["tls"] > 0
    page = Page(CaptureExplorer())
    page.wish("open", {"path": str(path), "keylog": str(keys)})
    assert len(page.widget.wait().rows) == len(explorer.rows)  # type: ignore[attr-defined]


# Exports and secrets


SECRET = '{"type": "login", "password": "sesame-4711"}'


@pytest.fixture
def secrets(tmp_path: Path) -> CaptureExplorer:
    client = Frame.text(SECRET, masking_key=KEY).serialize() + Frame.text("=1+1", masking_key=KEY).serialize()
    server = Frame.text("@SUM(A1)\t\x00x").serialize() + Frame.binary(b"\x00\x01").serialize()
    return CaptureExplorer(talk(tmp_path, client, server)).wait()


@pytest.mark.parametrize("style", ["csv", "jsonl", "parquet"])
def test_exports_hold_what_is_shown_and_nothing_else(secrets: CaptureExplorer, style: str, tmp_path: Path) -> None:
    secrets.where(sender="client")
    frames, messages = tmp_path / f"f.{style}", tmp_path / f"m.{style}"
    secrets.export(frames)
    secrets.export(messages, "messages")
    if style == "csv":
        rows = read_csv(frames)
        texts = [row["text"] for row in read_csv(messages)]
    elif style == "jsonl":
        rows = [json.loads(line) for line in frames.read_text().splitlines()]
        texts = [json.loads(line)["text"] for line in messages.read_text().splitlines()]
    else:
        rows = pd.read_parquet(frames).to_dict("records")
        texts = pd.read_parquet(messages)["text"].tolist()
    expected = secrets.frames
    assert [int(row["payload_length"]) for row in rows] == expected["payload_length"].tolist()
    assert [row["sender"] for row in rows] == ["client", "client"]
    assert [*rows[0]] == list(read_capture(secrets.capture.name).frame_columns())  # type: ignore[union-attr]
    guard = "'" if style == "csv" else ""
    assert texts == ['{"type": "login", "password": "[masked]"}', f"{guard}=1+1"]
    if style != "parquet":
        assert str(rows[0]["time"]).startswith("1700000000.0000")


def test_a_spreadsheet_finds_no_formula_and_no_nul(secrets: CaptureExplorer, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    secrets.export(path, "messages")
    rows = read_csv(path)
    assert [row["text"] for row in rows] == [rows[0]["text"], "'=1+1", "'@SUM(A1)\t\\x00x", ""]
    assert rows[3]["data"] == "0001"


def test_an_export_that_cannot_be_is_said(secrets: CaptureExplorer, tmp_path: Path) -> None:
    with pytest.raises(WsvizError, match="expected one of: csv, jsonl, parquet"):
        secrets.export(tmp_path / "x.xlsx")
    with pytest.raises(WsvizError, match="expected one of: frames, messages"):
        secrets.export(tmp_path / "x.csv", "cookies")
    with pytest.raises(WsvizError, match="No such file"):
        secrets.export(tmp_path / "no" / "x.csv")


def test_a_download_comes_in_parts(secrets: CaptureExplorer, hear: Hear, tmp_path: Path) -> None:
    page = hear(secrets)
    offer = page.wish("export", {"content": "messages", "style": "jsonl"})["download"]
    assert offer["name"] == "talk-messages.jsonl"
    page.ask("download", 0)
    content, buffers = page.messages[-1]
    assert content == {"kind": "download", "at": 0}
    secrets.export(tmp_path / "same.jsonl", "messages")
    assert buffers[0] == (tmp_path / "same.jsonl").read_bytes()
    assert len(buffers[0]) == offer["size"]
    again = page.wish("export", {"content": "frames", "style": "csv"})["download"]
    assert again["number"] == offer["number"] + 1


def test_secrets_are_masked_until_they_are_asked_for(secrets: CaptureExplorer, hear: Hear, tmp_path: Path) -> None:
    page = hear(secrets)
    for reveal in (False, True, False):
        page.wish("reveal", reveal)
        picture = page.wish("select", {"row": 0, "packet": 0})
        page.ask("words", {"start": 0, "count": 9})
        secrets.export(tmp_path / "m.jsonl", "messages")
        frame = bytes(picture["detail"]["layers"][-1]["bytes"])
        clear = bytes(byte ^ frame[2 + at % 4] for at, byte in enumerate(frame[6:])).decode()
        assert ('"type": "login"' in clear, "password" in picture["detail"]["message"]["text"]) == (True, True)
        shown = (json.dumps(picture), json.dumps(page.messages[-1][0]), secrets.figure.svg, secrets.figure.text)
        assert ("sesame-4711" in json.dumps(picture)) is reveal
        assert ("sesame-4711" in (tmp_path / "m.jsonl").read_text()) is reveal
        assert reveal or not any("sesame" in words for words in (*shown, clear))
    assert secrets.capture is not None
    assert secrets.capture.connections[0].reveal is False, "the capture stays as it was read"


@pytest.mark.parametrize("text", ['</script><img src=x onerror="x">', "\u202ecd\x1b[31m\x00", "x" * 10_000_000])
def test_hostile_bytes_reach_the_page_as_harmless_text(tmp_path: Path, text: str, hear: Hear) -> None:
    explorer = CaptureExplorer(talk(tmp_path, Frame.text("hi", masking_key=KEY).serialize(), b""))
    data = Frame.text(text).serialize()
    conversation = Talk().open().client(REQUEST, 0).server(RESPONSE, 0)
    for at in range(0, len(data), 60_000):
        conversation.server(data[at : at + 60_000], len(RESPONSE) + at)
    path = tmp_path / "evil.pcap"
    path.write_bytes(pcap(map(bytes, conversation.packets)))
    explorer.read(path)
    explorer.wait(60)
    page = hear(explorer)
    page.wish("select", {"row": 0, "packet": 0})
    page.ask("words", {"start": 0, "count": 1})
    words = json.dumps([explorer.wait().picture, page.messages[-1][0]], ensure_ascii=False)
    assert words.isprintable()
    assert len(words) < 60_000
    assert len(explorer.figure.svg) < 60_000


# Jobs


def test_a_job_tells_how_far_it_is_can_be_stopped_and_fails_in_one_line() -> None:
    told: list[str] = []
    jobs = Jobs(told.append)
    seen: list[list[dict[str, Any]]] = []

    def work(job: Job) -> None:
        job.tell("reading", 3, 10)
        seen.append(jobs.progress)
        jobs.stop("open")
        with pytest.raises(Stopped):
            job.tell("reading", 4, 10)
        raise Stopped

    def fail(job: Job) -> None:
        raise CaptureError("no\x1b capture")

    jobs.start("open", work, wait=60)
    assert seen == [[{"name": "open", "words": "reading", "done": 3, "total": 10}]]
    assert told == [], "nobody wants to hear of what was stopped"
    assert jobs.start("open", fail, wait=60).failed == "no\\x1b capture"
    assert told == ["no\\x1b capture"]
    assert jobs.progress == []
    assert jobs.wait(60)


def test_a_search_has_an_end() -> None:
    told: list[str] = []
    jobs = Jobs(told.append)

    def work(job: Job) -> None:
        while True:
            job.tell("searching")

    jobs.start("search", work, wait=60, limit=0.05)
    assert told[-1] == "search: the time is up"


def test_the_bundle_holds_the_widget_and_the_picture() -> None:
    explorer = opened("echo")
    bundle, _ = explorer._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.jupyter.widget-view+json", "image/svg+xml", "text/plain"}
    assert bundle["text/plain"] == explorer.figure.text
    assert explorer.picture["connections"][0]["ends"] == "192.0.2.1:60444 → 192.0.2.2:8080"
