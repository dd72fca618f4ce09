"""A conversation in a real Chromium, told twice: by the HAR file that is exported, and by the packets of a relay.

The file comes from Chromium's own developer tools, whose button is clicked, and a second one from Playwright.
"""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotYet

from tests.jupyter import CHROMIUM_FLAGS, PATIENCE
from tests.needs import need
from wsviz import Capture, read_capture
from wsviz.capture.connection import Connection
from wsviz.cli import main
from wsviz.figures.summary import summary_lines
from wsviz.lab import Lab
from wsviz.report.page import report_page

TRIES = 40  # how often a page is loaded, or a file exported, until the developer tools have heard of all there was
BLOB = 1000  # bytes
TALK = """async ({ echo, nothing, gone, polls, size }) => {
    const say = [
        'Hello', 'Grüße, 你好 \\u0000\\u2028', new Uint8Array([0, 255, 128]), '', new Uint8Array(0),
        'x'.repeat(70000), new Blob([new Uint8Array(size)]), '<b>&amp;',
    ];
    const talk = (address, say) => new Promise(done => {
        const socket = new WebSocket(address);
        const heard = [];
        socket.onopen = () => say.forEach(each => socket.send(each));
        socket.onmessage = event => heard.push(event.data) === say.length && socket.close(4001, 'that is all');
        socket.onclose = event => done([event.code, heard.length]);
    });
    await Promise.all(polls.map(async poll => (await fetch(poll)).text()));
    return [await talk(echo, say), await talk(nothing, say), await talk(gone, say)];
}"""
LEFT = [[4001, 8], [1006, 0], [1006, 0]]  # codes and messages that the page's own script was told


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said, as the HAR file and the packets have it."""

    by_developer_tools: bool
    har: Path
    told: Capture
    seen: Capture

    def websocket(self) -> tuple[Connection, Connection]:
        """The one that opened, in the HAR file and on the wire."""
        (told,), (seen,) = ([one for one in each.connections if one.messages] for each in (self.told, self.seen))
        return told, seen

    def unopened(self, path: str) -> Connection:
        """The one that the browser asked for at this path."""
        (found,) = [one for one in self.told.connections if one.exchanges[0].request_head.target.endswith(path)]
        return found


class DeveloperTools:
    """Chromium's own, in a page of their own, with their network panel open."""

    def __init__(self, context: BrowserContext, port: int, page: Page) -> None:
        self.page = page
        target = context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]["targetId"]
        self.panel = context.new_page()
        origin = f"127.0.0.1:{port}/devtools"
        self.panel.goto(f"http://{origin}/inspector.html?ws={origin}/page/{target}&panel=network")

    def visit(self, url: str) -> None:
        """Load a page, again and again, until the panel lists it: from then on it misses nothing."""
        row = self.panel.get_by_role("row").filter(has_text=url.rpartition("/")[2])
        for _ in range(TRIES):
            self.page.goto(url)
            try:
                row.first.wait_for(timeout=3000)
            except NotYet:
                continue
            return
        pytest.fail("the network panel does not list the page")

    def export(self, path: Path) -> None:
        """Have the panel write its HAR file, again and again, until it has heard how each WebSocket ended."""
        button = self.panel.get_by_role("button", name="Export HAR").first
        for _ in range(TRIES):
            with self.panel.expect_download() as download:
                button.click()
            download.value.save_as(path)
            entries = [one for one in json.loads(path.read_text())["log"]["entries"] if "_webSocketMessages" in one]
            if len(entries) == len(LEFT) and all(entry["timings"]["receive"] > 0 for entry in entries):
                return
            self.panel.wait_for_timeout(500)
        pytest.fail(f"the developer tools have not heard of all: {entries}")


@contextmanager
def chromium(port: int) -> Iterator[Browser]:
    flags = (*CHROMIUM_FLAGS, f"--remote-debugging-port={port}", "--remote-allow-origins=*")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module", params=["developer tools", "Playwright"])
def conversation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    need("chromium")
    folder, by_developer_tools = tmp_path_factory.mktemp("har"), request.param == "developer tools"
    har, packets = folder / "talk.har", folder / "talk.pcapng"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    recorded: dict[str, Any] = {} if by_developer_tools else {"record_har_path": har}
    with Lab.start(period=3600) as lab, lab.relay() as relay, lab.relay() as away, chromium(port) as browser:
        addresses = {
            "echo": lab.url("/echo?token=abc123", via=relay),
            "nothing": lab.url("/nothing", via=relay),
            "gone": lab.url("/gone", via=away),
            "size": BLOB,
            "polls": [
                lab.url(f"/mechanisms/longpoll?after=0&client={name}", scheme="http", via=relay) for name in "ab"
            ],
        }
        with browser.new_context(**recorded) as context:
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            url = lab.page(via=relay).url
            if by_developer_tools:
                tools = DeveloperTools(context, port, page)
                tools.visit(url)
            else:
                page.goto(url)
            away.stop()
            assert page.evaluate(TALK, addresses) == LEFT
            if by_developer_tools:
                tools.export(har)
        relay.save(packets)
    yield Conversation(by_developer_tools, har, read_capture(har, reveal=True), read_capture(packets, reveal=True))


def test_it_tells_the_messages_that_the_packets_tell(conversation: Conversation) -> None:
    told, seen = conversation.websocket()
    for sender in ("client", "server"):
        mine = [message for message in told.messages if message.sender == sender]
        theirs = [(one.opcode, one.data, one.time or 0) for one in seen.messages if one.sender == sender]
        if sender == "client":
            opcode, data, time = theirs[6]
            assert len(data) == BLOB
            theirs[6] = opcode, b"", time  # Chromium notes no Blob's bytes
        if not conversation.by_developer_tools:
            theirs = [each for each in theirs if each[1]]  # Playwright leaves out what is empty
        assert [(one.opcode, one.data) for one in mine] == [each[:2] for each in theirs]
        assert all(abs((one.time or 0) - each[2]) < 5e9 for one, each in zip(mine, theirs, strict=True))
    (finding,) = told.findings
    assert finding.rule == "har-without-frames"
    assert finding.explanation.startswith("16 messages; " if conversation.by_developer_tools else "11 messages; ")
    empty = "2 binary messages of the client are empty here" in finding.explanation
    assert empty is conversation.by_developer_tools


def test_it_tells_the_handshake_that_the_packets_tell(conversation: Conversation) -> None:
    told, seen = conversation.websocket()
    assert told.handshake is not None
    assert seen.handshake is not None
    assert told.handshake.accepted
    assert told.handshake.extensions == seen.handshake.extensions
    compressed = conversation.told.messages["compressed"]
    assert compressed.isna().all() if told.handshake.extensions else not compressed.any(skipna=False)
    for name in ("Sec-WebSocket-Key", "Origin", "Host"):
        assert told.handshake.request.value.header(name) == seen.handshake.request.value.header(name)
    assert told.exchanges[0].request_head.target == seen.exchanges[0].request_head.target
    assert conversation.told.exchanges.set_index("connection")["latency"].isna()[told.index]


def test_what_it_does_not_tell_is_said(conversation: Conversation) -> None:
    told, seen = conversation.websocket()
    assert "that is all" in str(seen.ending)
    assert str(told.ending).endswith("how it ended is not in a HAR file")
    first = next(summary_lines(conversation.told))
    assert f"{len(told.messages)} messages" in first
    assert "no packets and no frames" in first
    assert "0 packets" not in first
    assert "holds no packets and no frames" in report_page(conversation.told, payloads=True)
    assert main([str(conversation.har)]) == 0


def test_when_it_ended_is_known_to_the_developer_tools(conversation: Conversation) -> None:
    told, seen = conversation.websocket()
    if not conversation.by_developer_tools:
        assert str(told.ending) == "how it ended is not in a HAR file"
        return
    assert str(told.ending).startswith("it was over ")
    assert abs(told.duration - seen.duration) < 5e9
    assert told.duration >= max(message.time or 0 for message in told.messages) - told.start - 1_000_000


def test_a_handshake_that_failed_is_no_websocket(conversation: Conversation) -> None:
    connection = conversation.unopened("/nothing")
    assert connection.protocol == "http"
    assert connection.ending.how == "refused"
    assert "Unexpected response code: 404" in str(connection.ending)
    assert [finding.rule for finding in connection.findings] == ["har-error"]


def test_a_server_that_is_not_there_is_told_of(conversation: Conversation) -> None:
    """The developer tools write such an entry with a time before 1970."""
    words = "Error in connection establishment: net::ERR_CONNECTION_REFUSED"
    if conversation.by_developer_tools:
        (finding,) = conversation.told.file_findings
        assert finding.explanation.endswith(words)
    else:
        assert words in str(conversation.unopened("/gone").ending)


def test_requests_on_two_connections_are_not_taken_for_one(conversation: Conversation) -> None:
    """Both polls wait at the same time; what the developer tools call `connection` is the server's port."""

    def asked(capture: Capture) -> list[list[str]]:
        targets = [[each.request_head.target for each in one.exchanges] for one in capture.connections]
        polls = [[target[-1] for target in each if "longpoll" in target] for each in targets]
        return sorted(each for each in polls if each)

    alone = [["a"], ["b"]]  # Playwright does not tell which requests shared a connection
    assert asked(conversation.told) == (asked(conversation.seen) if conversation.by_developer_tools else alone)
