"""The console client: what you type is sent, what comes is printed, with its direction and the time."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from wsviz.figures.figure import clip, plain
from wsviz.lab.application import SUBPROTOCOL
from wsviz.lab.background import LabError, cause
from wsviz.protocol.grammar import TOKEN
from wsviz.protocol.wire import CloseCode

GREETING = "one-time message from the client"
SHOWN = 2000
"""Columns that a message may take in the terminal."""
LONGEST = 1 << 20
"""Bytes of the longest line that is sent."""
STDIN = 0
CALM = {CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.NO_STATUS_RECEIVED, CloseCode.SERVICE_RESTART}
"""Close codes after which there is nothing to complain of."""


async def talk(address: str, *, subprotocols: Sequence[str] = (SUBPROTOCOL,), greeting: str = GREETING) -> None:
    """Connect, send the greeting, then a message for each line of standard input, and print what comes.

    The end of input closes with 1000, and so does Ctrl-C where `asyncio.run` runs this. Raises LabError where the
    connection cannot be had or ends badly.
    """
    connection = await _open(address, subprotocols)
    say("·", f"open, {f'subprotocol {connection.subprotocol}' if connection.subprotocol else 'no subprotocol'}")
    talking = [asyncio.create_task(_print(connection)), asyncio.create_task(_send_lines(connection, greeting))]
    try:
        await asyncio.wait(talking, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:  # Ctrl-C, which is one more way to say that it is enough
        if task := asyncio.current_task():
            task.uncancel()
    finally:
        await connection.close()
        talking[1].cancel()
    for result in await asyncio.gather(*talking, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    _say_end(connection)


async def _open(address: str, subprotocols: Sequence[str]) -> ClientConnection:
    for name in subprotocols:
        if not re.fullmatch(TOKEN, name):
            raise LabError(f'"{plain(name)}" cannot name a subprotocol: names have no spaces and no commas')
    try:
        # No proxy, whatever the environment says: the lab is on this machine.
        return await connect(address, subprotocols=[Subprotocol(name) for name in subprotocols] or None, proxy=None)
    except InvalidStatus as error:
        body = (error.response.body or b"").decode(errors="replace").strip()
        said = f": {clip(plain(body), 200)}" if body else ""
        raise LabError(f"the server answers {error.response.status_code}, expected 101{said}") from None
    except InvalidURI:
        raise LabError("this is no WebSocket address; one looks like ws://127.0.0.1:8000/echo") from None
    except (InvalidHandshake, TimeoutError, OSError, ValueError) as error:
        words = cause(error) if isinstance(error, OSError) else str(error)
        raise LabError(f"cannot connect: {clip(plain(words), 300) or type(error).__name__}") from None


async def _print(connection: ClientConnection) -> None:
    """Print each message until the connection ends."""
    with suppress(ConnectionClosed):
        async for message in connection:
            say("←", _shown(message))


async def _send_lines(connection: ClientConnection, greeting: str) -> None:
    """Send the greeting if there is one, and each line."""
    with suppress(ConnectionClosed):
        if greeting:
            await _send(connection, greeting)
        async for line in typed_lines():
            await _send(connection, line)


async def _send(connection: ClientConnection, text: str) -> None:
    await connection.send(text)
    say("→", _shown(text))


def _say_end(connection: ClientConnection) -> None:
    code, reason = connection.close_code or CloseCode.ABNORMAL_CLOSURE, connection.close_reason
    said = f"code {code}" + (f', reason "{plain(reason)}"' if reason else "")
    if code not in CALM:
        raise LabError(f"the connection ended badly: {said}")
    say("·", f"closed, {said}")


async def typed_lines() -> AsyncIterator[str]:
    """Give the lines of standard input without their ends, in a way that leaves the event loop free."""
    # A thread that waits in sys.stdin holds a lock which Python wants at its end; one that waits in read(2) does not.
    loop, chunks, room = asyncio.get_running_loop(), asyncio.Queue[bytes](), threading.Semaphore(2)

    def read() -> None:
        chunk = b"more"
        while chunk and room.acquire():
            try:
                chunk = os.read(STDIN, 1 << 16)
            except OSError:  # closed, as after `<&-`
                chunk = b""
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(chunks.put_nowait, chunk)

    threading.Thread(target=read, name="wsviz-typed", daemon=True).start()
    rest = b""
    while chunk := await chunks.get():
        room.release()
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.removesuffix(b"\r").decode(errors="replace")
        if len(rest) > LONGEST:
            raise LabError(f"a line is longer than {LONGEST:,} bytes")
    if rest:
        yield rest.decode(errors="replace")


def say(sign: str, text: str) -> None:
    """Print a line: the time of day, a sign (→ sent, ← received, · something else), the text."""
    print(f"{datetime.now():%H:%M:%S.%f}"[:-3], sign, text, flush=True)


def _shown(message: str | bytes) -> str:
    if isinstance(message, bytes):
        return clip(f"{len(message)} bytes: {message[:SHOWN].hex(' ')}", SHOWN)
    return clip(plain(message), SHOWN)
