"""500 clients and a broadcast: one of them is dead, one slow, and the others lose nothing.

The server is a process of its own, so that its memory can be measured and each process has its own file descriptors.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from wsviz import CloseCode

CLIENTS = 500
MESSAGES = 60
SIZE = 8192
PATIENCE = 120.0  # seconds for the whole of a test; a few on two idle cores
ROOM = 16
SMALL = 4096  # bytes of a receive buffer, so that a client who does not read is full soon


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """Run the application; gives the address of its /broadcast and its process id."""
    command = [
        sys.executable,
        "-m",
        "wsviz.lab",
        "serve",
        "--port=0",
        "--period=3600",
        "--no-deflate",
        f"--room={ROOM}",
    ]
    with subprocess.Popen(
        [*command, "--ping-interval=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        try:
            yield address.replace("http:", "ws:").replace("client.html", "broadcast"), server.pid
        finally:
            server.terminate()


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """A process that holds 500 sockets beside what a test run has open; many systems permit 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(soft, 2048)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
    )
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def most_memory(process: int) -> int:
    """The most bytes of memory that the process ever had at once."""
    [line] = [line for line in Path(f"/proc/{process}/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def message(index: int, size: int = SIZE) -> str:
    return f"{index} ".ljust(size, ".")


async def join(stack: AsyncExitStack, url: str, *, small: bool = False, queue: int | None = None) -> ClientConnection:
    """Connect; `queue` is the number of messages that the client's library reads ahead of its user."""
    host, port = url.split("/")[2].split(":")
    tcp = socket.socket()
    if small:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    tcp.setblocking(False)
    await asyncio.get_running_loop().sock_connect(tcp, (host, int(port)))
    opening = connect(
        url, sock=tcp, proxy=None, compression=None, ping_interval=None, max_queue=queue, close_timeout=0
    )
    return await stack.enter_async_context(opening)


async def hear_all(client: ClientConnection, number: int, size: int) -> None:
    """Receive so many messages: each once, in order, whole."""
    for index in range(number):
        assert await client.recv() == message(index, size)


async def broadcast(friend: ClientConnection, number: int, size: int) -> None:
    """Send the messages, each when the one before has come back: a pace that those who read can keep."""
    for index in range(number):
        await friend.send(message(index, size))
        assert await friend.recv() == message(index, size)


async def hear_late(client: ClientConnection) -> list[str | bytes]:
    """What a client gets that begins to read when all is over; then it must have been let go.

    A Close frame says so, unless the machine is so slow that the server has given the connection up by now.
    """
    heard: list[str | bytes] = []
    with pytest.raises(ConnectionClosedError) as end:
        while True:
            heard.append(await client.recv())
    assert end.value.rcvd is None or end.value.rcvd.code == CloseCode.POLICY_VIOLATION
    return heard


def test_a_broadcast_to_500_loses_nothing_whoever_is_slow_or_dead() -> None:
    async def scene(url: str) -> None:
        async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
            slow = await join(stack, url, small=True, queue=1)
            await join(stack, url, small=True, queue=1)  # the dead one: it never reads
            gone = await join(stack, url)
            friend, *others = [await join(stack, url) for _ in range(CLIENTS - 3)]
            gone.transport.abort()  # without a Close frame
            async with asyncio.TaskGroup() as tasks:
                for client in others:
                    tasks.create_task(hear_all(client, MESSAGES, SIZE))
                await broadcast(friend, MESSAGES, SIZE)
            heard = await hear_late(slow)
            assert 0 < len(heard) < MESSAGES
            assert heard == [message(index) for index in range(len(heard))]

    with serving() as (url, _):
        asyncio.run(scene(url))


def test_a_dead_client_costs_a_bounded_amount_of_memory() -> None:
    """64 MB are broadcast that one client does not read: a queue without bounds would hold nearly all of them."""
    size, number = 1 << 18, 256

    async def scene(url: str, process: int) -> int:
        async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE):
            await join(stack, url, small=True, queue=1)
            friend = await join(stack, url)
            await broadcast(friend, ROOM // 2, size)  # what one message costs in passing is no matter
            before = most_memory(process)
            await broadcast(friend, number, size)
            return most_memory(process) - before

    with serving() as (url, process):
        growth = asyncio.run(scene(url, process))
    assert growth < 2 * ROOM * size < number * size // 4
