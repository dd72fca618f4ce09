"""The flow of messages: to many clients, to one that does not read, and both ways at once."""

import asyncio
import time

from websockets.asyncio.server import ServerConnection as AsyncConnection
from websockets.asyncio.server import broadcast
from websockets.asyncio.server import serve as serve_async
from websockets.frames import Opcode
from websockets.sync.client import ClientConnection
from websockets.sync.server import ServerConnection, serve

from .scenario import PORT, SERVER, Scenario, ready
from .sides import PAUSE, PLAIN, TIMEOUT, PlainClient, expect, frame, open_plainly, serve_all

CLIENTS = 3
NEWS = tuple(f"news {number}" for number in range(1, 7))
DIES_AFTER = 3
"""Messages that the unlucky client takes."""


def serve_broadcast() -> None:
    asyncio.run(broadcast_news())


async def broadcast_news() -> None:
    present: set[AsyncConnection] = set()
    complete = asyncio.Event()

    async def join(connection: AsyncConnection) -> None:
        present.add(connection)
        if len(present) == CLIENTS:
            complete.set()
        await connection.wait_closed()
        present.remove(connection)

    async with serve_async(join, SERVER, PORT, **PLAIN):
        ready()
        await complete.wait()
        for news in NEWS:
            await asyncio.sleep(PAUSE)
            broadcast(present, news)
        await asyncio.gather(*(connection.close(1000, "no more news") for connection in present))
        await asyncio.Future()


def listen_together() -> None:
    with open_plainly("/first") as first, PlainClient("/second") as second, open_plainly("/third") as third:
        for number, news in enumerate(NEWS, start=1):
            expect((first.recv(timeout=TIMEOUT), third.recv(timeout=TIMEOUT)), (news, news))
            if number <= DIES_AFTER:
                expect(second.next_frame().data, news.encode())
            if number == DIES_AFTER:
                second.reset()
        expect((list(first), list(third)), ([], []))  # waits for the Close frames


BROADCAST = Scenario(
    name="broadcast",
    title="One broadcast, as many frames as clients",
    what=(
        f"{CLIENTS} clients connect to one server of websockets, which sends {len(NEWS)} texts to all who are there, "
        f"{PAUSE} s apart. The second client is a plain socket that is gone without a Close after {DIES_AFTER} texts."
    ),
    look_at=(
        "A broadcast is nothing that WebSocket knows: for each text the server sends a frame on every connection, "
        "with the same bytes.",
        f"After the RST of the second client the server sends {CLIENTS - 1} frames for each text.",
        f"The two others receive all {len(NEWS)}: a client that dies does not hold up the rest.",
    ),
    software=("websockets",),
    server=serve_broadcast,
    client=listen_together,
)


COUNT, SIZE = 40, 1000
FLOOD = tuple(f"{number} of {COUNT} ".ljust(SIZE, ".") for number in range(1, COUNT + 1))
RECEIVE_BUFFER = 8192
SLEEP = 1.5
"""Bytes that the kernel keeps for the client, and seconds for which the client leaves them there."""


def serve_flood() -> None:
    serve_all(serve(flood, SERVER, PORT, **PLAIN))


def flood(connection: ServerConnection) -> None:
    connection.recv()
    for message in FLOOD:
        connection.send(message)


def read_late() -> None:
    with PlainClient("/flood", receive_buffer=RECEIVE_BUFFER) as client:
        client.send(frame(Opcode.TEXT, b"go"))
        time.sleep(SLEEP)
        frames = client.until_end()
    expect([bytes(one.data).decode() for one in frames if one.opcode is Opcode.TEXT], list(FLOOD))


SLOW_CONSUMER = Scenario(
    name="slow_consumer",
    title="A client that does not read",
    what=(
        f"A server of websockets sends {COUNT} texts of {SIZE} bytes as fast as it can. The client, "
        f"a plain socket with a receive buffer of {RECEIVE_BUFFER} bytes, asks for them, reads nothing for {SLEEP} "
        "s, and then everything."
    ),
    look_at=(
        "After a few messages the client's ACK says Win=0, zero window: its buffer is full.",
        "The server has more to send, and may not. It probes, at growing distances, whether there is room again; "
        "Wireshark calls these probes Keep-Alive.",
        "WebSocket says nothing about this: no frame asks the server to wait, and none tells it that the client is "
        "slow.",
        "When the client reads, it tells its window, and the rest follows, cut where the window ends.",
    ),
    software=("websockets",),
    server=serve_flood,
    client=read_late,
)


SPOKEN = 20
CLIENT_PERIOD, SERVER_PERIOD = 0.015, 0.02
"""Seconds from one message of a side to its next: two clocks that nothing joins."""


def serve_duplex() -> None:
    serve_all(serve(lambda connection: speak(connection, SERVER_PERIOD), SERVER, PORT, **PLAIN))


def begin_duplex() -> None:
    with open_plainly("/duplex") as connection:
        speak(connection, CLIENT_PERIOD)


def speak(connection: ServerConnection | ClientConnection, period: float) -> None:
    """Send all messages at times of our own, and only then look at those of the other side."""
    for number in range(SPOKEN):
        time.sleep(period)
        connection.send(f"{number + 1} of {SPOKEN}")
    expect([connection.recv(timeout=TIMEOUT) for _ in range(SPOKEN)], [f"{n + 1} of {SPOKEN}" for n in range(SPOKEN)])


DUPLEX = Scenario(
    name="duplex",
    title="Both sides write at the same time",
    what=(
        f"Client and server, both of websockets, send {SPOKEN} texts each: the client one every "
        f"{CLIENT_PERIOD * 1000:.0f} ms, the server one every {SERVER_PERIOD * 1000:.0f} ms. Neither program reads "
        "before it has sent its last."
    ),
    look_at=(
        "Frames of both sides in turn, and yet no turns: sometimes one side sends two in a row. Neither asks first, "
        "and none is an answer.",
        f"Each side numbers its messages from 1 to {SPOKEN}. They arrive in order; between the two sides there is no "
        "order.",
        "The segments with data also acknowledge what came from the other side, so bare ACKs are few.",
    ),
    software=("websockets",),
    server=serve_duplex,
    client=begin_duplex,
)

ALL = (BROADCAST, SLOW_CONSUMER, DUPLEX)
