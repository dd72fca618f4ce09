"""The server of lesson 10, taken from the notebook's own cells: a library's client and a real browser speak to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, expect
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.jupyter import PATIENCE
from tests.lab.relays import TIMEOUT, until
from wsviz import Frame
from wsviz.lab.background import Background

NOTEBOOK = Path(__file__).parents[2] / "notebooks/10-build.ipynb"
GREETING = "one-time message from the server"


def definitions() -> dict[str, Any]:
    """What the cells define before the relay's; cells that await at top level only use it."""
    names: dict[str, Any] = {}
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if "wsviz.lab.relay" in cell.source:
            break
        if cell.cell_type == "code":
            try:
                code = compile(cell.source, cell.id, "exec")
            except SyntaxError:
                continue
            exec(code, names)  # our own code
    return names


class Learned:
    """The learner's server in a thread of its own, and the port that it listens on."""

    def __init__(self, background: Background) -> None:
        self.background, self.names = background, definitions()
        self.port: int = background.run(self.names["listen"](self.names["application"]))

    @contextmanager
    def connected(self, **options: Any) -> Iterator[ClientConnection]:
        """A library's client, greeted."""
        address = f"ws://127.0.0.1:{self.port}/application"
        options = {"ping_interval": None, "proxy": None, "open_timeout": TIMEOUT, "close_timeout": TIMEOUT} | options
        with connect(address, **options) as client:
            assert client.recv(timeout=TIMEOUT) == GREETING
            yield client

    def tell_all(self, text: str) -> int:
        async def tell() -> int:
            return int(self.names["tell_all"](text))

        return self.background.run(tell())

    def end(self) -> None:
        async def close() -> None:
            for server in self.names["servers"]:
                server.close()
            for writer in tuple(self.names["clients"]):
                writer.transport.abort()
            await asyncio.sleep(0)

        self.background.run(close())
        until(lambda: not self.names["clients"])


@pytest.fixture
def learned() -> Iterator[Learned]:
    with Background("learner") as background:
        learned = Learned(background)
        yield learned
        learned.end()


def test_a_library_speaks_to_it(learned: Learned) -> None:
    with learned.connected(subprotocols=["wsviz.demo"]) as client:
        assert client.subprotocol == "wsviz.demo"
        client.send(["in ", "three ", "<fragments>"])
        assert client.recv(timeout=TIMEOUT) == "you said in three &lt;fragments&gt;"
        client.send("x" * 20_000)
        assert client.recv(timeout=TIMEOUT) == "you said " + "x" * 20_000
        assert client.ping(b"there?").wait(TIMEOUT)
        client.close(4321, "enough")
        assert client.close_code == 4321
    until(lambda: not learned.names["clients"])


def test_one_clients_fault_is_its_own(learned: Learned) -> None:
    with learned.connected() as calm, learned.connected() as strange:
        assert learned.tell_all("to both") == 2
        assert [each.recv(timeout=TIMEOUT) for each in (calm, strange)] == ["to both"] * 2
        strange.send(b"\x00")
        with pytest.raises(ConnectionClosedError) as error:
            strange.recv(timeout=TIMEOUT)
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 1011
        until(lambda: len(learned.names["clients"]) == 1)
        assert learned.tell_all("to one") == 1
        assert calm.recv(timeout=TIMEOUT) == "to one"


@pytest.mark.parametrize("message", [["x" * 40_000, "y" * 40_000], "x" * 66_000])
def test_what_is_too_long_ends_with_1009(learned: Learned, message: str | list[str]) -> None:
    with learned.connected() as client:
        client.send(message)
        with pytest.raises(ConnectionClosedError) as error:
            client.recv(timeout=TIMEOUT)
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 1009


def test_a_frame_that_never_ends_is_not_waited_for(learned: Learned) -> None:
    endless = Frame.text("x" * 1_000_000, masking_key=b"abcd").serialize()[:100_000]
    with learned.connected() as client:
        client.socket.sendall(endless)
        with pytest.raises(ConnectionClosedError):
            client.recv(timeout=TIMEOUT)
    until(lambda: not learned.names["clients"])
    assert learned.names["log"][-1] == "a client is let go: more than 65536 bytes"


def test_the_scheduler_tells_everybody(learned: Learned) -> None:
    with learned.connected() as client:

        async def start() -> asyncio.Task[None]:
            return asyncio.create_task(learned.names["tick"](0.05))

        ticking = learned.background.run(start())
        for number in (1, 2):
            assert client.recv(timeout=TIMEOUT) == f"periodic message {number} from the server"
        learned.background.run(asyncio.wait_for(_cancelled(ticking), TIMEOUT))


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})


def test_a_browser_gets_its_page_and_speaks_to_it(browser: Browser, learned: Learned) -> None:
    errors: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{learned.port}/")
        page.get_by_role("button", name="Connect", exact=True).click()
        log = page.locator("#log")
        expect(log).to_contain_text(GREETING, timeout=PATIENCE)
        expect(page.locator("#protocol")).to_have_text("wsviz.demo")
        page.locator("#message").fill("<b>Hello</b>")
        page.locator("#send").click()
        expect(log).to_contain_text("you said &lt;b&gt;Hello&lt;/b&gt;")
        page.locator("#disconnect").click()
        expect(page.locator("#closed")).to_contain_text("code 1000")
        assert log.locator("b").count() == 0
    assert errors == []
