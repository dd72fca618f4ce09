"""A conversation in a real Chromium, told twice: by its developer tools as HAR, and by the packets of a relay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession

from wsviz import read_capture
from wsviz.lab import Lab

Event = dict[str, Any]
SCRIPT = """async address => {
    const socket = new WebSocket(address);
    socket.binaryType = 'arraybuffer';
    const answers = [];
    await new Promise((done, failed) => {
        const say = ['Hello', 'Grüße, 你好', new Uint8Array([0, 255, 128]), '', 'x'.repeat(70000), '<b>&amp;'];
        socket.onopen = () => say.forEach(each => socket.send(each));
        socket.onmessage = event => {
            if (answers.push(event.data) === say.length) socket.close(1000, 'that is all');
        };
        socket.onclose = event => event.wasClean ? done() : failed(new Error(`closed with ${event.code}`));
    });
    return answers.length;
}"""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab.start(period=3600) as lab:
        yield lab


class DeveloperTools:
    """Listens to a page as Chromium's developer tools do, and writes what they export, in the same names."""

    def __init__(self, session: CDPSession) -> None:
        self.entry: Event = {"request": {"method": "GET", "httpVersion": "HTTP/1.1"}, "_webSocketMessages": []}
        self.clock = 0.0  # seconds from the browser's own clock to the epoch
        self.closed = False
        for name in ("Created", "WillSendHandshakeRequest", "HandshakeResponseReceived", "Closed"):
            session.on(f"Network.webSocket{name}", getattr(self, f"on_{name}"))
        for name, kind in (("Sent", "send"), ("Received", "receive")):
            session.on(f"Network.webSocketFrame{name}", lambda event, kind=kind: self.on_frame(event, kind))
        session.send("Network.enable")

    def on_Created(self, event: Event) -> None:  # noqa: N802
        self.entry["request"]["url"] = event["url"]

    def on_WillSendHandshakeRequest(self, event: Event) -> None:  # noqa: N802
        self.clock = event["wallTime"] - event["timestamp"]
        self.entry["startedDateTime"] = datetime.fromtimestamp(event["wallTime"], UTC).isoformat()
        self.entry["request"]["headers"] = listed(event["request"]["headers"])

    def on_HandshakeResponseReceived(self, event: Event) -> None:  # noqa: N802
        answer = event["response"]
        if "requestHeaders" in answer:  # as they were sent
            self.entry["request"]["headers"] = listed(answer["requestHeaders"])
        words = {"status": answer["status"], "statusText": answer["statusText"], "headers": listed(answer["headers"])}
        self.entry["response"] = words

    def on_frame(self, event: Event, kind: str) -> None:
        frame, time = event["response"], event["timestamp"] + self.clock
        told = {"type": kind, "time": time, "opcode": frame["opcode"], "data": frame["payloadData"]}
        self.entry["_webSocketMessages"].append(told)

    def on_Closed(self, _: Event) -> None:  # noqa: N802
        self.closed = True

    def har(self) -> str:
        return json.dumps({"log": {"version": "1.2", "creator": {"name": "test"}, "entries": [self.entry]}})


def listed(headers: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers.items()]


def test_a_har_tells_the_messages_that_the_packets_tell(lab: Lab, browser: Browser, tmp_path: Path) -> None:
    with lab.relay() as relay, browser.new_context() as context:
        page = context.new_page()
        page.goto(lab.page().url)
        tools = DeveloperTools(context.new_cdp_session(page))
        assert page.evaluate(SCRIPT, lab.url("/echo", via=relay)) == 6
        for _ in range(100):  # the last event may still be on its way
            if tools.closed:
                break
            page.wait_for_timeout(100)
        relay.save(tmp_path / "talk.pcapng")
    (tmp_path / "talk.har").write_text(tools.har())
    told = read_capture(tmp_path / "talk.har", reveal=True)
    (seen,) = [one for one in read_capture(tmp_path / "talk.pcapng", reveal=True).connections if one.messages]
    (connection,) = told.connections
    for sender in ("client", "server"):
        mine = [message for message in connection.messages if message.sender == sender]
        theirs = [message for message in seen.messages if message.sender == sender]
        assert [(one.opcode, one.data) for one in mine] == [(one.opcode, one.data) for one in theirs]
        assert all(abs((a.time or 0) - (b.time or 0)) < 5e9 for a, b in zip(mine, theirs, strict=True))
    assert len(connection.messages) == 12
    assert connection.handshake is not None
    assert connection.handshake.accepted
    assert connection.handshake.extensions == seen.handshake.extensions  # type: ignore[union-attr]
    assert connection.exchanges[0].request_head.target == seen.exchanges[0].request_head.target
    # What the packets tell and the developer tools do not:
    assert "that is all" in str(seen.ending)
    assert "not in a HAR file" in str(connection.ending)
    assert [finding.rule for finding in connection.findings] == ["har-without-frames"]
