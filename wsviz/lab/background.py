"""A thread with an event loop of its own: the lab's servers run there, whatever the calling thread does.

A notebook's kernel runs an event loop in its main thread already, and a cell that waits would stop it. So nothing of
the lab runs there: a cell hands a coroutine over and waits, with a time limit, for its result.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Self, TypeVar

from wsviz.protocol.fields import WsvizError

T = TypeVar("T")


class LabError(WsvizError):
    """The lab cannot do what was asked; the message is one line that says why."""


class Stoppable:
    """What is stopped at the end of a `with` block at the latest."""

    def stop(self) -> None:
        """End it. May be called again."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Background(Stoppable):
    """A daemon thread that runs an event loop until `stop()`. It dies with its process.

    Raises LabError where the system has no room for one more loop.
    """

    def __init__(self, name: str = "wsviz-lab") -> None:
        self._lock, self._stopped = threading.Lock(), False
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=_run_loop, args=(started,), name=name, daemon=True)
        self._thread.start()
        try:
            self._loop = started.result()
        except OSError as error:
            raise LabError(f"the lab cannot start: {cause(error)}") from None

    def __repr__(self) -> str:
        return f"<Background {self._thread.name}: {'running' if self.running else 'stopped'}>"

    @property
    def running(self) -> bool:
        """Whether the loop takes coroutines. In a process forked from this one there is no such thread."""
        return not self._stopped and self._thread.is_alive()

    def run(self, coroutine: Coroutine[Any, Any, T], timeout: float | None = 10) -> T:
        """Run the coroutine in the thread's loop, and give its result or raise its exception.

        After `timeout` seconds it is cancelled, and LabError raised; None waits for as long as it takes.
        From the loop's own thread, and after `stop()`, LabError is raised at once.
        """
        future = self._submit(coroutine)
        try:
            return future.result(timeout)
        except TimeoutError:
            if future.done():  # the coroutine's own, which is its result
                raise
            future.cancel()
            raise LabError(f"the lab did not answer within {timeout:g} seconds") from None
        except CancelledError:
            with self._lock:  # which stop() holds until it has said so
                stopped = self._stopped
            if not stopped:
                raise
            raise LabError("the lab was stopped before it answered") from None
        except BaseException:
            future.cancel()  # the waiting thread was interrupted; on what has ended this has no effect
            raise

    def _submit(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        refusal = None
        if threading.current_thread() is self._thread:
            refusal = "run() was called within the lab's own event loop, where it waits for itself: await instead"
        # Under the lock, what is handed over comes before the loop's stop, and so is at least cancelled.
        with self._lock:
            if not self.running:
                refusal = "the lab has been stopped"
            if refusal is None:
                return asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        coroutine.close()
        raise LabError(refusal)

    def stop(self, timeout: float = 10) -> None:
        """Cancel what still runs, close the loop, end the thread. May be called again, but from other threads only.

        Raises LabError where a task does not let itself be cancelled within `timeout` seconds.
        """
        if threading.current_thread() is self._thread:
            raise LabError("stop() was called within the lab's own event loop, whose end it would wait for")
        with self._lock:
            if self.running:
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._stopped = True
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise LabError(f"a task of the lab does not end: its thread still runs after {timeout:g} seconds")


def _run_loop(started: Future[asyncio.AbstractEventLoop]) -> None:
    runner = asyncio.Runner()
    try:
        loop = runner.get_loop()
    except OSError as error:  # no file descriptor is left
        started.set_exception(error)
        return
    with runner:  # leaving it cancels all tasks, waits for them, and closes the loop
        started.set_result(loop)
        loop.run_forever()


def cause(error: OSError) -> str:
    """What the system says, without what Python puts around it."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.strerror or error)


def check_seconds(what: str, value: object) -> None:
    """Raise LabError unless the value is a number above 0."""
    if not isinstance(value, (int, float)) or not value > 0:
        raise LabError(f"the {what} is {value!r}, expected seconds above 0")


def check_count(what: str, value: object) -> None:
    """Raise LabError unless the value is a whole number, 1 or more."""
    if not isinstance(value, int) or value < 1:
        raise LabError(f"the {what} is {value!r}, expected a whole number, 1 or more")
