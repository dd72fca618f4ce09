"""The clients that a learner's broadcast has to reach in lesson 10: living, slow, new and dead ones."""

from __future__ import annotations

import asyncio
import inspect
import threading
import warnings
from collections.abc import Callable
from typing import Any

from wsviz.figures.figure import clip, plain

PATIENCE = 2.0  # seconds that a broadcast may take, and that a wrong one waits for


class _Crowd:
    """Clients to broadcast to: two that read slowly, one that is dead, and one that comes in the middle of it."""

    def __init__(self) -> None:
        self.begun, self.all_begun = 0, asyncio.Event()
        self.living = [_Client(self, name) for name in ("Ada", "Ben")]
        self.dead = _Client(self, "Cleo", dead=True)
        self.clients = {*self.living, self.dead}

    async def begin(self) -> None:
        """One more is being sent to. The living take what they get only when all of them are."""
        self.begun += 1
        self.clients.add(_Client(self, "Dan"))
        if self.begun == len(self.living):
            self.all_begun.set()
        await self.all_begun.wait()


class _Client:
    """One client, as the exercise describes it."""

    def __init__(self, crowd: _Crowd, name: str, *, dead: bool = False) -> None:
        self._crowd, self.name, self._dead = crowd, name, dead
        self.heard: list[Any] = []

    def __hash__(self) -> int:
        """Small numbers, so that a set has the dead one first: the same mistake is told in the same words."""
        return 0 if self._dead else 1

    def __repr__(self) -> str:
        return f"<client {self.name}>"

    async def send(self, text: Any) -> None:
        """Send it a text; raises ConnectionResetError where it is dead."""
        if self._dead:
            raise ConnectionResetError(f"{self.name} is gone")
        if self in self._crowd.living:
            await self._crowd.begin()
        self.heard.append(text)


def raised(error: Exception) -> str:
    """What a learner's function raised, in a few words."""
    words = clip(plain(str(error)), 100).rstrip(".")
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def try_broadcast(broadcast: Callable[[set[Any], str], Any]) -> list[str]:
    """Have a learner's function broadcast to a crowd, and give what is wrong with it, a sentence each."""
    said = ["your function does not come to an end."]
    # A thread of its own: the notebook's event loop runs already, and a function that never ends must not stop it.
    trial = threading.Thread(target=lambda: said.__setitem__(slice(None), _tried(broadcast)), daemon=True)
    trial.start()
    trial.join(3 * PATIENCE)
    return [f"{each[0].upper()}{each[1:]}" for each in said]


def _tried(broadcast: Callable[[set[Any], str], Any]) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of a send that nobody awaits: the feedback says so
        return asyncio.run(_try(broadcast))


async def _try(broadcast: Callable[[set[Any], str], Any]) -> list[str]:
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # of tasks that nobody waits for
    crowd = _Crowd()
    try:
        async with asyncio.timeout(PATIENCE):
            sending = broadcast(crowd.clients, "news")
            if not inspect.isawaitable(sending):
                return [
                    "your function is not async, or gives something else: to wait for send, it must be async def."
                ]
            await sending
            await asyncio.sleep(0)  # the turn of tasks that it has left the sending to
            while crowd.begun and not all(each.heard for each in crowd.living):
                await asyncio.sleep(0.01)
    except TimeoutError:
        return ["one client that reads slowly holds up the others: each waits till the one before is done."]
    except Exception as error:  # the learner's own
        return [_escaped(error)]
    return _heard_faults(crowd)


def _escaped(error: Exception) -> str:
    if isinstance(error, ConnectionResetError):
        return "the dead client's ConnectionResetError comes out of your function, and ends the broadcast for all."
    if isinstance(error, RuntimeError) and "changed size" in str(error):
        return "the set changed while your function went through it: somebody came, or was removed."
    if isinstance(error, ExceptionGroup):
        return "a TaskGroup cancels all its tasks when one fails: the dead client's error has to be caught within."
    return f"your function raised {raised(error)}."


def _heard_faults(crowd: _Crowd) -> list[str]:
    wrong = []
    for client in crowd.living:
        if not client.heard:
            wrong.append(f"{client.name} heard nothing. Was send awaited?")
        elif client.heard != ["news"]:
            wrong.append(f"{client.name} heard {plain(repr(client.heard))[:60]}, and was to hear the text, once.")
        elif client not in crowd.clients:
            wrong.append(f"{client.name} lives, and is no longer in clients.")
    if not wrong and crowd.dead in crowd.clients:
        wrong.append("the dead client is still in clients: it would be tried, in vain, at each broadcast.")
    return wrong
