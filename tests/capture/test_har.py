"""HAR files: opened as far as they go, saying what is lost; whatever is wrong with one costs a line, or an entry."""

from __future__ import annotations

import io
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from wsviz import Capture, CaptureError, WsvizError, read_capture
from wsviz.capture import har
from wsviz.cli import main
from wsviz.figures.ladder import ladder
from wsviz.figures.summary import summary_lines
from wsviz.protocol.rules import RULES
from wsviz.report.page import report_page
from wsviz.show import register

Json = dict[str, Any]
ASKED = {
    "Host": "shop.example",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Extensions": "permessage-deflate",
    "Origin": "https://shop.example",
}
ANSWERED = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    "Sec-WebSocket-Extensions": "permessage-deflate",
}
TALK = [("send", 1, "Hello"), ("receive", 1, "Grüße"), ("send", 2, b64encode(b"\x00\xff").decode())]


def headers(pairs: dict[str, str]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in pairs.items()]


def entry(url: str, *, status: int = 200, at: float = 0.0, **more: Any) -> Json:
    """An HTTP entry that was begun so many seconds after midnight and took 30 ms."""
    return {
        "startedDateTime": f"2026-01-01T00:00:{at:09.6f}Z",
        "time": 30,
        "request": {
            "method": "GET",
            "url": url,
            "httpVersion": "HTTP/1.1",
            "headers": [],
            "headersSize": 100,
            "bodySize": 0,
        },
        "response": {"status": status, "statusText": "OK", "headers": [], "headersSize": 50, "bodySize": 5}
        | {"content": {"size": 5, "mimeType": "text/plain", "text": "hello"}},
        "timings": {"blocked": 1, "dns": -1, "connect": 4, "ssl": 2, "send": 1, "wait": 20, "receive": 4},
        "serverIPAddress": "[2001:db8::7]",
        "connection": "77",
    } | more


def websocket(talk: Any = TALK, *, status: int = 101, url: str = "wss://shop.example/chat?token=abc123") -> Json:
    """A WebSocket entry whose messages come 10 ms apart."""
    made = entry(url, status=status, connection="78")
    made["request"]["headers"], made["response"]["headers"] = headers(ASKED), headers(ANSWERED)
    if talk is not None:
        start = 1767225600.5
        made["_webSocketMessages"] = [
            {"type": kind, "time": start + number / 100, "opcode": opcode, "data": data}
            for number, (kind, opcode, data) in enumerate(talk)
        ]
    return made


def har_of(*entries: Any) -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": "WebInspector"}, "entries": entries}}).encode()


def opened(*entries: Any, reveal: bool = False) -> Capture:
    capture = har.read_har(io.BytesIO(har_of(*entries)), "made.har", reveal=reveal)
    assert capture is not None
    return capture


def test_a_websocket_with_its_messages() -> None:
    capture = opened(websocket())
    (connection,) = capture.connections
    assert (connection.protocol, str(connection.client), str(connection.server)) == (
        "websocket",
        "browser",
        "[2001:db8::7]:443",
    )
    assert connection.handshake is not None
    assert connection.handshake.accepted
    assert [(message.sender.value, message.text) for message in connection.messages] == [
        ("client", "Hello"),
        ("server", "Grüße"),
        ("client", None),
    ]
    assert capture.payloads() == [b"Hello", "Grüße".encode(), b"\x00\xff"]
    rows = capture.messages
    assert rows["time"].dt.strftime("%H:%M:%S.%f").to_list() == [
        "00:00:00.500000",
        "00:00:00.510000",
        "00:00:00.520000",
    ]
    assert rows["latency"].round(6).to_list()[1:] == [0.01, 0.01]
    assert rows[["packet", "frames", "wire_length"]].isna().all(axis=None)
    assert rows["length"].to_list() == [5, 7, 2]


def test_what_the_developer_tools_lost_is_said() -> None:
    (finding,) = opened(websocket()).connections[0].findings
    assert finding.rule == "har-without-frames"
    for lost in ("pings", "masking", "fragmentation", "compression", "close codes", "bytes on the wire"):
        assert lost in finding.explanation
    (missing,) = opened(websocket(None)).connections[0].findings
    assert missing.rule == "har-without-messages"


def test_times_are_seconds_or_milliseconds() -> None:
    """Chromium's developer tools write seconds since the epoch, Playwright milliseconds."""
    told = websocket()
    for message in told["_webSocketMessages"]:
        message["time"] *= 1000
    assert [one.time for one in opened(told).connections[0].messages] == [
        one.time for one in opened(websocket()).connections[0].messages
    ]


def by_developer_tools(told: Json, **timings: float) -> Json:
    """The entry with the times that Chromium's developer tools write for a WebSocket."""
    told["timings"] = {
        "blocked": -1,
        "dns": -1,
        "ssl": -1,
        "connect": -1,
        "send": 0,
        "_blocked_queueing": -1,
    } | timings
    return told


def test_the_developer_tools_wait_until_the_latest_message() -> None:
    talked = opened(by_developer_tools(websocket(), wait=520.25, receive=80.5))
    assert talked.exchanges["latency"].isna().all()
    assert str(talked.connections[0].ending) == (
        "it was over 0.601 s after the request; how it ended is not in a HAR file"
    )
    assert talked.connections[0].duration == 600_750_000
    silent = opened(by_developer_tools(websocket([]), wait=2.5, receive=0))
    assert silent.exchanges["latency"].to_list() == [0.0025]
    assert str(silent.connections[0].ending) == "how it ended is not in a HAR file"  # it went on


def test_a_websocket_that_never_had_a_connection_is_told_of() -> None:
    """The developer tools give it a time before 1970, and count the seconds of its error from somewhere else."""
    noted = "Error in connection establishment: net::ERR_CONNECTION_REFUSED"
    never = by_developer_tools(websocket([("error", -1, noted)], status=0), wait=36893298.1, receive=0.2)
    never["startedDateTime"] = "1969-12-31T23:59:59.000Z"
    capture = opened(never, websocket())
    (finding,) = capture.file_findings
    assert finding.rule == "har-error"
    assert finding.explanation.endswith(f": wss://shop.example:443: {noted}")
    assert len(capture.connections) == 1
    assert capture.span[0] > 10**18


def test_a_blob_is_empty_in_the_file_and_that_is_said() -> None:
    (finding,) = opened(websocket([*TALK, ("send", 2, ""), ("receive", 2, "")])).connections[0].findings
    assert "1 binary message of the client is empty here, as Chromium notes every Blob" in finding.explanation
    (finding,) = opened(websocket([*TALK, ("send", 1, ""), ("receive", 2, "")])).connections[0].findings
    assert "Blob" not in finding.explanation


def test_connections_that_the_browser_names_by_the_servers_port() -> None:
    """Chromium and Firefox write that port as `connection`; what tells connections apart has another name, if any."""
    told = [entry(f"https://shop.example/{number}", at=number, connection="443") for number in range(4)]
    for number, name in enumerate(("5", "5", "6")):
        told[number]["_connectionId"] = name
    groups = [[each.request_head.target for each in one.exchanges] for one in opened(*told).connections]
    assert groups == [["/0", "/1"], ["/2"], ["/3"]]


def test_what_came_out_of_the_cache_was_never_on_a_network() -> None:
    told = [entry("https://shop.example/"), entry("https://shop.example/", at=1, _fromCache="disk")]
    assert len(opened(*told).exchanges) == 1


def test_exchanges_have_their_times_and_sizes() -> None:
    capture = opened(entry("https://shop.example/b", at=2), entry("https://shop.example/a?q=1", at=1), websocket())
    assert capture.exchanges["target"].to_list() == ["/chat?token=[masked]", "/a?q=1", "/b"]
    first = capture.exchanges.iloc[1]
    assert (first["connection"], first["status"], first["request_length"], first["body_length"]) == (1, 200, 100, 5)
    assert first["latency"] == pytest.approx(0.021)  # send and wait
    assert first["time"] == pd.Timestamp("2026-01-01T00:00:01.005Z")  # blocked and connect come before
    assert len(capture.connections) == 2
    assert capture.connections[1].exchanges[0].response.body == b"hello"  # type: ignore[union-attr]
    assert capture.connections[1].duration == 1_025_000_000


def test_tables_of_what_is_not_there_are_empty_or_refused() -> None:
    capture = opened(websocket())
    assert len(capture.frames) == len(capture.packets) == len(capture.frame_columns()["time"]) == 0
    assert len(capture.connections[0].frames) == 0
    assert capture.summary[["packets", "bytes", "frames"]].isna().all(axis=None)
    for ask in (capture.overhead, capture.connections[0].directions, lambda: ladder(capture.connections[0])):
        with pytest.raises(WsvizError, match="holds no packets and no frames"):
            ask()


def test_whether_a_message_was_compressed_is_known_where_nothing_was_negotiated() -> None:
    plain = websocket(url="wss://plain.example/")
    for side in ("request", "response"):
        lines = plain[side]["headers"]
        plain[side]["headers"] = [line for line in lines if line["name"] != "Sec-WebSocket-Extensions"]
    kept_back = websocket()
    kept_back["request"]["headers"] = []
    capture = opened(websocket(), plain, kept_back)
    known = capture.messages.groupby("connection")["compressed"]
    assert known.count().to_list() == [0, 3, 0]
    assert not capture.messages["compressed"].any()
    (values,) = capture.message_values()
    assert {*values["compressed"]} == {None, False}


def test_messages_that_may_be_missing_are_not_counted() -> None:
    capture = opened(websocket(None), websocket([]), websocket(), entry("https://shop.example/", at=1))
    assert capture.summary["messages"].astype(object).where(lambda numbers: numbers.notna(), None).to_list() == [
        None,
        0,
        3,
        0,
    ]
    assert str(capture.connections[0].mechanism).endswith("its messages are not in the file")
    assert str(capture.connections[1].mechanism).endswith("0 messages")


def test_a_report_counts_and_lists_messages_in_place_of_packets_and_frames() -> None:
    capture = opened(websocket(None), websocket(), entry("https://shop.example/", at=1))
    page = report_page(capture)
    chapters = dict(re.findall(r'<h2 id="(\w+)">(.*?)(?=<h2|$)', page, re.DOTALL))
    numbers = re.findall(r'<td class="number">(.*?)</td>', chapters["connections"], re.DOTALL)
    assert numbers[2::3] == ["not told", "3", "0"]  # after the connection's own and the seconds
    heads = {name: re.findall(r"<th [^>]*>(.*?)</th>", chapter) for name, chapter in chapters.items()}
    assert heads["connections"][5:] == ["seconds", "messages", "findings"]
    assert heads["messages"] == ["connection", "seconds", "sender", "type", "length"]
    assert "Hello" not in page
    assert page.count("holds no packets and no frames") == 3  # pictures, overhead, frames
    told_too = report_page(capture, payloads=True)
    assert re.search(r'content</th>.*<td class="number">5</td>\s*<td><code>Hello</code>', told_too, re.DOTALL)


def test_a_refused_handshake() -> None:
    capture = opened(websocket(None, status=403))
    (connection,) = capture.connections
    assert (connection.protocol, connection.ending.how) == ("http", "refused")
    assert "403" in str(connection.ending)


def test_a_handshake_without_an_answer_is_told_in_the_browsers_words() -> None:
    """So the developer tools write it, whatever the server answered: status 0, no headers, an error."""
    noted = "Error during WebSocket handshake: Unexpected response code: 302"
    told = by_developer_tools(websocket([("error", -1, noted)], status=0), wait=1.5, receive=0.5)
    (connection,) = opened(told).connections
    assert (connection.protocol, connection.ending.how) == ("http", "refused")
    assert str(connection.ending).startswith(f"the WebSocket did not open; the browser noted: {noted}; ")
    assert [finding.rule for finding in connection.findings] == ["har-error"]
    assert connection.duration == 2_000_000
    (waiting,) = opened(by_developer_tools(websocket([], status=0), wait=0, receive=0)).connections
    assert (waiting.ending.how, waiting.findings) == ("open", ())


def test_a_request_that_failed_is_told_in_the_browsers_words() -> None:
    told = entry("https://shop.example/", response={"status": 0, "_error": "net::ERR_CONNECTION_REFUSED"})
    (connection,) = opened(told).connections
    assert str(connection.ending).startswith("the browser noted: net::ERR_CONNECTION_REFUSED; ")
    assert connection.findings == ()


def test_a_wrong_handshake_is_found() -> None:
    wrong = websocket()
    wrong["response"]["headers"] = headers(ANSWERED | {"Sec-WebSocket-Accept": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="})
    rules = [finding.rule for finding in opened(wrong).connections[0].findings]
    assert "har-without-frames" in rules
    assert any(rule.startswith("accept") for rule in rules)


def test_headers_that_the_browser_kept_back_are_no_fault_of_the_peers() -> None:
    kept = websocket()
    kept["request"]["headers"] = []  # as Chromium writes them where they are "provisional"
    connection = opened(kept).connections[0]
    assert connection.handshake is None
    assert [finding.rule for finding in connection.findings] == ["har-without-frames"]


def test_polls_on_one_connection_are_recognised() -> None:
    polls = [entry(f"https://shop.example/poll?after={number}", at=float(number)) for number in range(8)]
    (connection,) = opened(*polls).connections
    assert connection.mechanism.name == "short polling"


def test_secrets_are_masked_until_they_are_revealed() -> None:
    talk = [("send", 1, '{"password": "hunter2"}')]
    for reveal in (False, True):
        capture = opened(websocket(talk), reveal=reveal)
        shown = capture.messages["text"][0] + capture.exchanges["target"][0] + report_page(capture, payloads=True)
        assert ("hunter2" in shown) is reveal
        assert ("abc123" in shown) is reveal


def test_the_browsers_errors_are_findings() -> None:
    told = websocket([("send", 1, "x"), ("error", -1, "Could not decode a text frame as UTF-8.\x1b[31m")])
    (error,) = [finding for finding in opened(told).connections[0].findings if finding.rule == "har-error"]
    assert "Could not decode a text frame as UTF-8." in error.explanation
    assert error.explanation.isprintable()
    long = websocket([("error", -1, "x" * 1000)])
    assert "har-error" in [each.rule for each in opened(long).connections[0].findings]
    assert all(len(each.explanation) < 250 for each in opened(long).connections[0].findings)


BAD_MESSAGES = [
    None,
    5,
    {"type": "send"},
    {"type": ["send"], "time": 1, "opcode": 1, "data": "x"},
    {"type": "send", "time": "1", "opcode": 1, "data": "x"},
    {"type": "send", "time": 1e300, "opcode": 1, "data": "x"},
    {"type": "send", "time": 10**400, "opcode": 1, "data": "x"},
    {"type": "send", "time": -1, "opcode": 1, "data": "x"},
    {"type": "send", "time": 1, "opcode": 9, "data": "x"},
    {"type": "send", "time": 1, "opcode": {}, "data": "x"},
    {"type": "send", "time": 1, "opcode": 2, "data": "no base64"},
    {"type": "send", "time": 1, "opcode": 1, "data": None},
]


def test_messages_that_are_none_are_counted() -> None:
    told = websocket([])
    told["_webSocketMessages"] = [*BAD_MESSAGES, {"type": "send", "time": 1, "opcode": 1, "data": "\ud800"}]
    capture = opened(told)
    assert capture.payloads() == [b"?"]
    (finding,) = [finding for finding in capture.connections[0].findings if finding.rule == "har-unreadable"]
    assert finding.explanation.startswith(f"{len(BAD_MESSAGES)} messages")


BAD_ENTRIES: list[Any] = [
    None,
    [],
    {},
    entry("https://"),
    entry("https://a:99999999/"),
    entry("https://[::"),
    entry("https://a/", startedDateTime="yesterday"),
    entry("https://a/", startedDateTime="9999-01-01T00:00:00Z"),
    entry("https://a/", startedDateTime="0001-01-01T00:00:00+23:59"),
    entry("https://a/", startedDateTime=5),
]
ODD_ENTRIES: list[Any] = [
    entry("https://a/", time=10**400, timings=[]),
    entry("https://a/", time="1", timings={"wait": -5, "send": "x", "connect": 1e308}),
    entry("https://a/", response={"status": "x" * 10}),
    entry("https://a/", response=None),
    entry(
        "https://a/", request={"url": "https://a/", "headers": 5, "method": 5, "bodySize": 10**300, "headersSize": {}}
    ),
    entry("https://a/", request={"url": "https://a/", "headers": [None, {"name": "X"}, {"value": "y"}, {"name": 5}]}),
    entry("https://a/", response={"status": 200, "content": {"size": 10**30, "text": "%%", "encoding": "base64"}}),
    entry("wss://a/", response={"status": 101, "headers": headers({"a b": "c\r\nd", "Upgrade": "\u20ac"})}),
    entry("https://a/", serverIPAddress={}, connection=[]),
]


def test_entries_that_are_none_are_counted_and_odd_ones_are_read() -> None:
    capture = opened(*BAD_ENTRIES, *ODD_ENTRIES, entry("data:text/plain,hi"))
    (finding,) = capture.file_findings
    assert finding.rule == "har-unreadable"
    assert finding.explanation.startswith(f"{len(BAD_ENTRIES)} of the entries")
    assert sum(len(connection.exchanges) for connection in capture.connections) == len(ODD_ENTRIES)
    for table in (capture.summary, capture.messages, capture.exchanges, capture.findings):
        assert len(table.columns)
    assert list(summary_lines(capture))
    assert report_page(capture, payloads=True, pseudonymise=True)


ODD = [None, True, -1, 0, 10**400, 1e308, "", "x\r\n\u202e\ud800", "http://[", [], {}, [[]], [{}], {"x": 1}]


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its parts, at any depth, replaced by each odd one."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        for other in (*ODD, *changed(part)):
            copy = value.copy()
            copy[key] = other
            yield copy


def test_whatever_stands_where_it_should_not_costs_no_more_than_its_entry() -> None:
    entries = [*changed(websocket(TALK[:1])), *changed(entry("https://shop.example/"))]
    capture = opened(*entries)
    read = sum(len(connection.exchanges) for connection in capture.connections)
    assert len(entries) // 2 < read < len(entries)
    for table in (capture.summary, capture.messages, capture.exchanges, capture.findings):
        assert len(table)
    assert len(list(summary_lines(capture))) > len(capture.connections)
    assert len(report_page(capture, payloads=True, pseudonymise=True)) < 1_500_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "damaged JSON at line 1, column 2: "),
        (b'{"log": {"entries": [}', "damaged JSON at line 1, column 22: "),
        (b"{}", "JSON, but no HAR file: there is no list log.entries"),
        (b'{"log": []}', "JSON, but no HAR file"),
        (b'{"log": {"entries": 5}}', "JSON, but no HAR file"),
        (b'{"log": ' * 200_000, "damaged JSON"),
        (b'{"log": ' + b"[" * 200_000, "damaged JSON"),
        (b'{"log": {"entries": [' + b"9" * 10_000 + b"]}}", "damaged JSON"),
        (b'{"log": NaN}', "damaged JSON"),
        (b'{"log": "\xff"}', "damaged JSON"),
        (b" " * 500 + b"{", "damaged JSON"),
    ],
)
def test_what_is_no_har_is_one_line(
    data: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.har"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as error:
        read_capture(path)
    assert str(error.value).startswith(f"{path}: {said}")
    assert main(["lint", str(path)]) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_a_huge_file_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(har, "MAX_HAR", 1 << 20)
    path = tmp_path / "huge.har"
    path.write_bytes(b"{" + b" " * (1 << 20))
    with pytest.raises(CaptureError, match="more than 1 MiB"):
        read_capture(path)


def test_entries_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(har, "MOST_ENTRIES", 2)
    assert len(opened({}, {}).connections) == 0
    with pytest.raises(CaptureError, match="more than 2 entries"):
        opened({}, {}, {})


def test_it_shows_itself_in_ipython() -> None:
    capture = opened(websocket())
    formatter = DisplayFormatter()
    register(SimpleNamespace(display_formatter=formatter))
    told, _ = formatter.format(capture)
    assert "how it ended is not in a HAR file" in told["text/plain"]
    assert told["text/html"].startswith("<p>made.har")
    told, _ = formatter.format(capture.connections[0])
    assert told["text/plain"].splitlines()[1].startswith("websocket: ")


def test_the_summary_counts_what_there_is() -> None:
    capture = opened(websocket(), entry("https://shop.example/"))
    assert next(summary_lines(capture)) == (
        "made.har: a HAR file with 2 exchanges, 3 messages, 2 connections; no packets and no frames"
    )
    assert repr(capture) == "<HarCapture made.har: 2 exchanges, 2 connections>"


def test_an_empty_har_and_one_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "empty.har"
    path.write_bytes(b"\xef\xbb\xbf" + har_of())
    capture = read_capture(path)
    assert not len(capture.connections)
    assert len(capture.messages) == len(capture.exchanges) == len(capture.summary) == 0
    assert report_page(capture)


def test_the_commands_take_a_har(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "talk.har"
    path.write_bytes(har_of(websocket(), entry("https://shop.example/")))
    for words, shown in (
        ([], "browser -> [2001:db8::7]:443  websocket  GET /chat"),
        (["messages"], "Hello"),
        (["messages", "--format", "jsonl"], '"packet": null'),
        (["messages", "--format", "tsv"], "Hello"),
        (["lint"], "har-without-frames"),
        (["report", "--payloads"], "Grüße"),
        (["report", "--pseudonymise"], "host-1"),
    ):
        assert main([*words, str(path)]) == 0
        printed = capsys.readouterr()
        assert printed.err == ""
        assert shown in printed.out
    refused = tmp_path / "frames.tsv"
    for words in (["overhead"], ["frames"], ["frames", "--format", "jsonl"], ["frames", "-o", str(refused)]):
        assert main([*words, str(path)]) == 2
        printed = capsys.readouterr()
        assert (printed.out, printed.err.count("\n")) == ("", 1)
        assert printed.err.startswith("wsviz: a HAR file holds no packets and no frames")
    assert not refused.exists()


def test_a_pseudonymised_report_of_a_har_names_nobody() -> None:
    talk = [("send", 1, "to shop.example at 2001:db8::7")]
    page = report_page(opened(websocket(talk)), payloads=True, pseudonymise=True)
    assert "shop.example" not in page
    assert "2001:db8" not in page
    assert "server-1" in page
    assert "browser" in page


def test_its_rules_are_in_the_table() -> None:
    assert {rule for rule in RULES if rule.startswith("har-")} == {
        "har-without-frames",
        "har-without-messages",
        "har-error",
        "har-unreadable",
    }
