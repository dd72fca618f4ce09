"""The simulated WebSocket object against that of a real Chromium: the same script, step by step, ends alike.

The server's side is played by a socket of this test's own, which does what the script's server does; the lab's server
stands for it at the end.
"""

from __future__ import annotations

import queue
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.jupyter import PATIENCE, SOON, soon
from wsviz import Frame, Opcode, StreamDecoder, build_response
from wsviz.figures.browser_model import STATES, Machine, Moment
from wsviz.figures.browser_rules import Thrown, check_subprotocols, resolve
from wsviz.figures.browser_steps import Step, parse_script
from wsviz.figures.browser_view import event_words
from wsviz.lab import Lab

PAGE = b'<!doctype html><link rel="icon" href="data:,">'
SCRIPT = """
    window.heard = [];
    window.make = (url, protocols) => {
      const ws = (window.ws = new WebSocket(url, protocols));
      ws.onopen = () => heard.push("open");
      ws.onerror = () => heard.push("error");
      ws.onmessage = ({ data }) => heard.push(
        typeof data === "string" ? `message ${JSON.stringify(data)}`
        : `message ${data.constructor.name}, ${data.size ?? data.byteLength} bytes`);
      ws.onclose = ({ code, reason, wasClean }) => heard.push(
        `close ${code}, ${wasClean ? "clean" : "not clean"}${reason && `, ${JSON.stringify(reason)}`}`);
    };
    window.thrown = (call) => { try { call(); return ""; } catch (error) { return error.name; } };
"""
CALLS = {
    "new": "([url, ...protocols]) => thrown(() => make(url, protocols))",
    "send": "text => thrown(() => ws.send(text))",
    "blob": "size => thrown(() => ws.send(new Blob([new Uint8Array(size)])))",
    "buffer": "size => thrown(() => ws.send(new ArrayBuffer(size)))",
    "type": "type => { ws.binaryType = type; return ''; }",
    "close": "given => thrown(() => ws.close(...given))",
}


class Peer:
    """The server's side, by hand: every connection is heard in a thread of its own, as browsers open some in advance.

    Who asks for a page gets one, which so comes from an address that Chromium knows for local.
    """

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.origin = f"127.0.0.1:{self.listening.getsockname()[1]}"
        self._asked: queue.Queue[tuple[socket.socket, bytes]] = queue.Queue()
        self._one: socket.socket | None = None
        self._accepted: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self) -> None:
        with suppress(OSError):  # the end of the test
            while True:
                self._accepted.append(self.listening.accept()[0])
                threading.Thread(target=self._hear, args=self._accepted[-1:], daemon=True).start()

    def _hear(self, one: socket.socket) -> None:
        request = b""
        with suppress(OSError):
            while not request.endswith(b"\r\n\r\n"):
                if not (data := one.recv(4096)):
                    break
                request += data
            if b"\r\nUpgrade: websocket\r\n" in request:
                self._asked.put((one, request))
                return
            if request:
                one.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n" + PAGE)
        one.close()

    def close(self) -> None:
        """Close the connection that was met last."""
        if self._one is not None:
            self._one.close()
        self._one = None

    def end(self) -> None:
        """Close every connection, those too that nobody met."""
        self.listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._accepting.join(SOON)
        self.listening.close()
        for one in self._accepted:
            with suppress(OSError):  # it is closed already
                one.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads
            one.close()

    @property
    def one(self) -> socket.socket:
        assert self._one is not None
        return self._one

    def meet(self) -> None:
        """Take the next connection that asks for a WebSocket."""
        self.close()
        self._one, self._request = self._asked.get(timeout=SOON)
        self.one.settimeout(SOON)
        self._read, self._said_close, self._decoder = 0, False, StreamDecoder("client")

    def do(self, step: Step, moment: Moment) -> None:
        """What a step of the server or of the network asks for."""
        match step.word:
            case "accept":
                self.one.sendall(self._response(step.words))
            case "refuse":
                self.one.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            case "text":
                self.one.sendall(Frame.text(step.rest).serialize())
            case "binary":
                self.one.sendall(Frame.binary(bytes(step.number or 0)).serialize())
            case "ping":
                self.one.sendall(Frame.ping(b"ping").serialize())
            case "fault":
                self.one.sendall(Frame(3).serialize())
            case "bye":
                self._said_close = True
                self.one.sendall(Frame.close(step.number, *step.words).serialize())
            case "lose":
                self.one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close()
            case "wait":
                self._read_all(moment.gauge.read)

    def _response(self, chosen: tuple[str, ...]) -> bytes:
        response = build_response(self._request)
        extra = "".join(f"Sec-WebSocket-Protocol: {name}\r\n" for name in chosen)
        return response[:-2] + extra.encode() + b"\r\n"

    def _read_all(self, expected: int) -> None:
        """Read as many bytes as the simulator's server has read, and answer a Close."""
        while self._read < expected:
            data = self.one.recv(min(expected - self._read, 65536))
            assert data, f"the browser is gone after {self._read} bytes, expected {expected}"
            self._read += len(data)
            for frame in self._decoder.feed(data).frames:
                if frame.value.opcode == Opcode.CLOSE:
                    if not self._said_close:
                        self.one.sendall(Frame(Opcode.CLOSE, frame.value.payload).serialize())
                    self.close()


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.end()


@pytest.fixture
def page(browser: Browser, peer: Peer) -> Iterator[Page]:
    """A page that the peer has served."""
    with browser.new_context() as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"http://{peer.origin}/page.html")
        page.evaluate(SCRIPT)
        yield page


def until(page: Page, code: str, expected: Any) -> None:
    """Fail unless the page comes to say this, soon."""
    soon(lambda: page.evaluate(code), lambda said: said == expected)


def call(page: Page, step: Step) -> list[Any]:
    """Have the page make a call: the exception's name, bufferedAmount and readyState right behind it."""
    given: Any = step.rest if step.word == "send" else step.number
    if step.word == "new":
        given = list(step.words)
    elif step.word == "close":
        given = [] if step.number is None else [step.number, *step.words]
    elif step.word == "type":
        given = step.rest
    code = f"given => [({CALLS[step.word]})(given), window.ws?.bufferedAmount ?? 0, window.ws?.readyState ?? -1]"
    said: list[Any] = page.evaluate(code, given)
    return said


def ready_state(moment: Moment) -> int:
    return STATES.index(moment.state) if moment.state else -1


SCRIPTS = {
    "conversation": "new /x a b\nsend early\naccept b\nrun all\nsend Grüße 👋\nwait 4\ntext Hi\nrun all\nblob 7\n"
    "wait 4\nbuffer 300\nwait 4\nbinary 5\nrun all\ntype arraybuffer\nbinary 5\nrun all\nping\nwait 4\n"
    "close 4000 enough\nwait 4\nrun all\nsend too late\nsend é\nclose 1000",
    "server closes": "new /x\naccept\nrun all\ntext a\nrun all\nbye 1001 restarting\nwait 4\nrun all\nsend late",
    "server closes without a code": "new /x\naccept\nrun all\nbye\nwait 4\nrun all",
    "page closes without a code": "new /x\naccept\nrun all\nclose\nwait 4\nrun all",
    "a message behind close()": "new /x\naccept\nrun all\nclose 1000\nsend late\ntext late\nwait 4\nrun all",
    "both close": "new /x\naccept\nrun all\nclose 4001\nbye 4002 me too\nwait 4\nrun all",
    "bad closes": f"new /x\nclose 1001\naccept\nrun all\nclose 999\nclose 2999\nclose 5000\nclose 1000 {'x' * 124}\n"
    f"close 1001 {'x' * 124}\nclose 3000 {'ü' * 61}\nclose 1001\nwait 4\nrun all\nclose 1001",
    "refused": "new /x\nrefuse\nrun all\nsend héé",
    "no subprotocol chosen": "new /x a b\naccept\nrun all",
    "a subprotocol that was not offered": "new /x\naccept zz\nrun all",
    "closed while connecting": "new /x\nclose 3000 why\nrun all\nsend x",
    "gone while connecting": "new /x\nlose\nrun all",
    "a broken frame": "new /x\naccept\nrun all\nfault\nrun all\nsend x",
    "lost": "new /x\naccept\nrun all\nlose\nrun all\nsend x",
    "nothing is made": "new ftp://h/x\nnew /x#f\nnew /x a a\nnew /x b\naccept b\nrun all\nclose\nwait 4\nrun all",
}
NO_ERROR_IN_CHROMIUM = ("lost",)
"""The standard has an error event where TCP ends without a Close; Chromium fires close alone."""


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_same_script_has_the_same_outcome(name: str, page: Page, peer: Peer) -> None:
    machine, expected = Machine(f"http://{peer.origin}/page.html"), []
    for step in parse_script(SCRIPTS[name]):
        moment = machine.play(step)
        if step.who == "page":
            assert call(page, step) == [moment.thrown, moment.buffered, ready_state(moment)], step.line
            if step.word == "new" and not moment.thrown:
                peer.meet()
        else:
            peer.do(step, moment)
        if step.word in ("wait", "run"):
            until(page, "() => ws.bufferedAmount", moment.buffered)
        expected += [event_words(event) for event in moment.events]
        if name in NO_ERROR_IN_CHROMIUM:
            expected = [words for words in expected if words != "error"]
        if step.word == "run":
            until(page, "() => heard", expected)
            shown = [ready_state(moment), moment.url, moment.protocol, moment.binary_type, ""]
            assert page.evaluate("() => [ws.readyState, ws.url, ws.protocol, ws.binaryType, ws.extensions]") == shown
    assert page.evaluate("() => heard") == expected


URLS = (
    *("ws://h", "WS://H:80/A?b c", "wss://h:443", "ws://h:8080/x?y", "http://h/x", "https://h:8/", "ws:/h/x", "ws:h"),
    *("/rel", "rel", "../up", "?q=1", "//h/x", "", "ws://u:p@h/", "ws://[::1]:8/x", "ws://h/é", "  ws://h/ "),
    *("ftp://h/", "mailto:a", "ws://h/#f", "ws://h/#", "#f", "ws://", "ws://h:99999/", "ws://h<", "ws://h:x/"),
)
OFFERS = (["a"], ["a", "b"], ["a", "A"], ["a", "a"], [""], ["a b"], ["a,b"], ["é"], ["v1.chat+json"], ["a/b"])


def made(url: str, offer: list[str], base: str) -> str:
    try:
        address = resolve(url, base)
        check_subprotocols(offer)
    except Thrown as error:
        return error.name
    return address


def test_the_constructor_takes_and_throws_alike(page: Page, peer: Peer) -> None:
    cases: list[tuple[str, list[str]]] = [*((url, []) for url in URLS), *(("ws://h/", offer) for offer in OFFERS)]
    found = page.evaluate(
        """cases => cases.map(([url, offer]) => {
            let made;
            const name = thrown(() => { made = new WebSocket(url, offer); });
            made?.close();
            return name || made.url;
        })""",
        cases,
    )
    base = f"http://{peer.origin}/page.html"
    assert dict(zip(map(str, cases), found, strict=True)) == {str(case): made(*case, base) for case in cases}


def test_what_was_not_sent_stays_in_buffered_amount(page: Page, peer: Peer) -> None:
    """A server that does not read: how much the browser gets rid of is up to the machine, the rest is not."""
    page.evaluate("() => make('/x')")
    peer.meet()
    for step in parse_script("accept"):
        peer.do(step, Machine().play(parse_script("new /x")[0]))
    until(page, "() => heard", ["open"])
    assert page.evaluate("() => { ws.send(new ArrayBuffer(2e7)); return ws.bufferedAmount; }") == 20_000_000
    left = page.evaluate("() => { ws.close(1000); return ws.bufferedAmount; }")
    assert left > 0
    assert page.evaluate("() => [ws.readyState, heard.length]") == [2, 1], "Close waits behind the rest"
    peer.do(parse_script("lose")[0], Machine().play(parse_script("new /x")[0]))
    until(page, "() => heard", ["open", "close 1006, not clean"])
    rest = page.evaluate("() => ws.bufferedAmount")
    assert 0 < rest <= left
    assert page.evaluate("() => { ws.send('abc'); return ws.bufferedAmount; }") == rest + 3


def test_a_busy_script_reads_an_old_state(page: Page, peer: Peer) -> None:
    page.evaluate("() => make('/x')")
    peer.meet()
    new = Machine().play(parse_script("new /x")[0])
    steps = {step.word: step for step in parse_script("accept\ntext a\nbye 1001 soon")}
    peer.do(steps["accept"], new)
    until(page, "() => heard", ["open"])

    def answer() -> None:
        peer.one.recv(100)  # the page is busy from here on
        peer.do(steps["text"], new)
        peer.do(steps["bye"], new)

    answering = threading.Thread(target=answer)
    answering.start()
    busy = "() => { ws.send('go'); for (const end = Date.now() + 1000; Date.now() < end; ); return ws.readyState; }"
    assert page.evaluate(busy) == 1
    answering.join(SOON)
    until(page, "() => heard", ["open", 'message "a"'])
    until(page, "() => ws.readyState", 2)
    assert peer.one.recv(100), "the browser's Close"
    peer.close()
    until(page, "() => heard[2]", 'close 1001, clean, "soon"')


def test_the_lab_is_such_a_server(page: Page) -> None:
    """The lab's own server in the peer's place: it accepts, echoes, and ends with a Close when it is stopped."""
    script = "new /x wsviz.demo\naccept wsviz.demo\nrun\nsend é\nwait 4\ntext é\nrun\nbye 1012\nwait 4\nrun all"
    machine = Machine()
    moments = [machine.play(step) for step in parse_script(script)]
    with Lab.start(period=3600, deflate=False) as lab:
        page.goto(lab.page().url)
        page.evaluate(SCRIPT)
        page.evaluate("() => make('echo', ['wsviz.demo'])")
        until(page, "() => ws.readyState", 1)
        assert page.evaluate("() => { ws.send('é'); return ws.bufferedAmount; }") == moments[3].buffered
        until(page, "() => heard.length", 2)
        lab.stop()
        until(page, "() => heard.length", 3)
    said = [words.split(' "')[0].split(",")[0] for words in page.evaluate("() => heard")]  # the reason is its own
    assert said == ["open", "message", "close 1012"]
    assert said == [event_words(event).split(' "')[0].split(",")[0] for each in moments for event in each.events]
    end = [STATES.index(moments[-1].state), moments[-1].protocol, moments[-1].buffered]
    assert page.evaluate("() => [ws.readyState, ws.protocol, ws.bufferedAmount]") == end
