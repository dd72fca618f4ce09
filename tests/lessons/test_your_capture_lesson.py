"""Lesson 13's exercises: right answers, each misconception, nothing; the mystery's facts, and cells for any file."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from websockets.sync.client import connect

from notebooks.execute import read
from tests.lessons.feed import feed
from wsviz import Capture, Connection, Opcode, Side, WsvizError, read_capture
from wsviz.cli import main
from wsviz.lab import Lab
from wsviz.lessons import recording
from wsviz.lessons.your_capture_lesson import devtools
from wsviz.protocol.rules import RULES

COURSE = Path(__file__).parents[2]


def asks(connection: Connection, name: str) -> str | None:
    """A field of the request of one of the mystery's connections."""
    assert connection.handshake is not None
    return connection.handshake.request.value.header(name)


def browsers() -> tuple[Connection, Connection]:
    """The browser's connection, and the proxy's own for it."""
    front, back = (one for one in recording("mystery").connections if asks(one, "Origin"))
    return front, back


def request(connection: Connection) -> int:
    exchanges = recording("mystery").exchanges
    return int(exchanges.loc[exchanges["connection"] == connection.index, "packet"].iloc[0])


def fins(connection: Connection) -> dict[str, int]:
    """The packet with the FIN of each side."""
    packets = recording("mystery").packets
    chosen = packets[(packets["connection"] == connection.index) & packets["flags"].str.contains("FIN")]
    return dict(zip(chosen["sender"], chosen["packet"].astype(int), strict=True))


def silence(connection: Connection) -> float:
    packets = recording("mystery").packets
    times = packets.loc[packets["connection"] == connection.index, "time"]
    return float(times.diff().dt.total_seconds().max())


def test_exercises() -> None:
    mystery, (front, back) = recording("mystery"), browsers()
    program = mystery.connections[0]
    longest = max(map(silence, mystery.connections))
    ledger = mystery.overhead().set_index("connection")
    wire, payload = int(ledger.loc[front.index].to_numpy().sum()), int(ledger.loc[front.index, "ws_payload"])
    everything = ledger.sum()
    feed(
        "13",
        right={
            "handshake": [float(request(front))],
            "longest_gap": [longest, round(longest, 3)],
            "who_closed": [float(fins(back)["client"])],
            "cause": ["D)"],
            "overhead": [round(wire / payload, 1), wire / payload],
        },
        wrong={
            "handshake": [
                (request(back), "that is the proxy"),
                (request(program), "has no Origin"),
                (int(mystery.exchanges["response_packet"].iloc[0]), "carries a 101"),
                (1, "No request begins"),
                (front.index, "the number of a connection"),
                (10_000, "too large"),
                ("Chromium", "the answer is a number"),
            ],
            "longest_gap": [
                (float(mystery.frames["idle"].max()), "the longest wait for a frame"),
                (front.duration / 1e9, "a whole connection"),
                (round(longest, 1), "a whole connection"),
                (longest * 1000, "in milliseconds"),
                (int(longest * 1000), "in milliseconds"),
                (1000 * round(longest, 2), "in milliseconds"),
                (1.0, "too small"),
            ],
            "who_closed": [
                (fins(front)["server"], "not the first"),
                (fins(front)["client"], "the browser takes note"),
                (fins(back)["server"], "the server takes note"),
                (fins(program)["server"], "which ended with a Close"),
                (1, "has no FIN"),
                (fins(back)["client"] - 1, "the number of a row"),
                ("the proxy", "the answer is a number"),
            ],
            "cause": [("time-out", "none of the answers")],
            "overhead": [
                (payload / wire, "Turn the fraction round"),
                ((wire - payload) / payload, "leaves the payload itself out"),
                ((payload + 2) / payload, "So much is a frame"),
                (everything.sum() / everything["ws_payload"], "the whole file"),
                (ledger.loc[back.index].sum() / ledger.loc[back.index, "ws_payload"], "the proxy's connection"),
                (wire, "on the wire"),
                ((wire + front.index) / payload, "adds the number of the connection"),
            ],
        },
    )


def test_the_mystery_is_what_the_lesson_says() -> None:
    mystery, (front, back) = recording("mystery"), browsers()
    lost = [one for one in mystery.connections if one.ending.reports[Side.CLIENT] == 1006]
    assert [one.index for one in lost] == [front.index, back.index], "the lesson takes these for the browser's"
    assert len({asks(one, "Sec-WebSocket-Key") for one in lost}) == 1
    assert len(mystery.connections) == 12
    assert all(one.ending.how == "close" for one in mystery.connections if one not in lost)
    assert not len(mystery.findings)
    assert not mystery.overhead()["retransmission"].any()
    assert set(mystery.exchanges["status"]) == {101}
    # The proxy is who speaks first at the end, to the server, and the two programs follow.
    assert fins(back)["client"] < fins(front)["server"] < min(fins(front)["client"], fins(back)["server"])
    assert 1.8 < max(map(silence, lost)) < 2.1
    assert all(silence(one) < 1.8 for one in mystery.connections if one not in lost)
    assert not [each for each in front.messages if each.sender is Side.CLIENT], "the page sends nothing"


def test_who_was_content_with_ferries_pings() -> None:
    watched = [one for one in recording("mystery").connections if one.exchanges[0].request_head.target == "/ferries"]
    for one in watched:
        pings = sum(each.frame.opcode == Opcode.PING for each in one.frames)
        assert bool(pings) is (one not in browsers())
    content = next(one for one in watched if one not in browsers())
    first, second = (each.time or 0 for each in content.messages)
    assert 3.5e9 < second - first < 5e9


def test_other_oddities_are_there() -> None:
    mystery = recording("mystery")
    texts = mystery.messages["text"]
    assert len(set(texts[~texts.str.contains("departs")])) == 2, "a text that is no JSON, and the complaint"
    assert [one.ending.reports[Side.SERVER] for one in mystery.connections].count(1001) == 2


def test_developer_tools_keep_messages_and_no_frames() -> None:
    page = recording("browser").connections[0]
    kept = devtools(page)
    (told,) = kept.connections
    assert [(each.sender, each.opcode, each.data) for each in told.messages] == [
        (each.sender, each.opcode, each.data) for each in page.messages
    ]
    assert told.handshake is not None
    assert told.handshake.subprotocol == page.handshake.subprotocol  # type: ignore[union-attr]
    assert not len(kept.frames)
    assert list(kept.findings["rule"]) == ["har-without-frames"]
    assert {each.frame.opcode for each in page.frames} >= {Opcode.PING, Opcode.PONG, Opcode.CLOSE}
    with pytest.raises(WsvizError, match="no packets"):
        kept.overhead()


def test_developer_tools_list_no_websocket_where_there_was_none() -> None:
    with pytest.raises(WsvizError, match="connection 0 has no handshake"):
        devtools(recording("http_close").connections[0])


def run_with(path: str) -> dict[str, object]:
    """Run the cells that look at the learner's own file, and those that they need; give their names."""
    names: dict[str, object] = {}
    ran = 0
    for cell in read(COURSE / "notebooks" / "13-your-capture.ipynb").cells:
        needed = re.search(r"import|\b(mine|path|shown)\b", cell.source)
        if cell.cell_type == "code" and needed and "Lab.start" not in cell.source:
            source = cell.source.replace('"../captures/mystery.pcapng"', repr(path))
            exec(compile(source, "13-your-capture", "exec"), names)  # our own code
            ran += "mine" in source or "shown" in source
    assert ran == 6
    assert names["path"] == path
    return names


@pytest.mark.parametrize("name", ["echo", "http_close", "nginx_bad", "wss13", "deflate"])
def test_the_cells_for_ones_own_file_run_with_any(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(COURSE / "notebooks")
    names = run_with(f"../captures/{name}.pcapng")
    assert names["shown"] is names["mine"]


def test_they_run_with_a_har_which_has_no_packets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where packets are needed it is the mystery: a cell that fails would keep all after it from running."""
    request = {"method": "GET", "url": "ws://app.example/", "httpVersion": "HTTP/1.1", "headers": []}
    entry = {
        "startedDateTime": "2026-11-22T00:00:00Z",
        "request": request,
        "response": {"status": 101, "statusText": "Switching Protocols", "headers": []},
        "_webSocketMessages": [{"type": "send", "time": 1795305600.5, "opcode": 1, "data": "Hello"}],
    }
    log = {"log": {"version": "1.2", "creator": {"name": "a browser"}, "entries": [entry]}}
    (tmp_path / "page.har").write_text(json.dumps(log))
    monkeypatch.chdir(COURSE / "notebooks")
    names = run_with(str(tmp_path / "page.har"))
    assert isinstance(names["mine"], Capture) and list(names["mine"].messages["text"]) == ["Hello"]
    assert names["shown"] is recording("mystery")


def test_a_relay_records_a_file_that_lint_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the lesson says of a relay in CI."""
    path = tmp_path / "talk.pcapng"
    with Lab.start() as lab, lab.relay() as relay:
        with connect(lab.url("/echo", via=relay), proxy=None) as client:
            client.send("Hello")
            assert client.recv() == "Hello"
        relay.save(path)
    assert [each.text for one in read_capture(path).connections for each in one.messages] == ["Hello", "Hello"]
    options = ["--fail-on", "warning", "--ignore", "close-code-wrong-side"]
    assert main(["lint", str(path), *options]) == 0
    assert "nothing found" in capsys.readouterr().out
    assert options[-1] in RULES
    assert main(["lint", str(COURSE / "captures" / "close_matrix.pcapng"), *options]) == 1
