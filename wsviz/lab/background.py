"""A thread with an event loop of its own: the lab's servers run there, whatever the calling thread does.

A notebook's kernel runs an event loop in its main thread already, and a cell that waits would stop it. So nothing of
the lab runs there: a cell hands a coroutine over and waits, with a time limit, for its result.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import Any, Self, TypeVar

from wsviz.protocol.fields import WsvizError

T = TypeVar("T")


class LabError(WsvizError):
    """The lab cannot do what was asked; the message is one line that says why."""


class Background:
    """A daemon thread that runs an event loop until `stop()`. It dies with its process."""

    def __init__(self, name: str = "wsviz-lab") -> None:
        self._lock, self._stopped = threading.Lock(), False
        started: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=_run_loop, args=(started,), name=name, daemon=True)
        self._thread.start()
        self._loop = started.result()

    def __repr__(self) -> str:
        return f"<Background {self._thread.name}: {'running' if self.running else 'stopped'}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether the loop takes coroutines."""
        return not self._stopped

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
            if not self._stopped:
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
            if self._stopped:
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
            if not self._stopped:
                self._stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise LabError(f"a task of the lab does not end: its thread still runs after {timeout:g} seconds")


def _run_loop(started: Future[asyncio.AbstractEventLoop]) -> None:
    # Leaving the runner cancels all tasks, waits for them, and closes the loop.
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        started.set_result(loop)
        loop.run_forever()
