"""The lab's thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.lab.peers import eventually
from wsviz.lab.background import Background, LabError


@pytest.fixture
def background() -> Iterator[Background]:
    with Background("wsviz-test") as background:
        yield background


async def where() -> str:
    await asyncio.sleep(0)
    return threading.current_thread().name


async def forever() -> None:
    await asyncio.Event().wait()


def test_a_coroutine_runs_in_the_thread_and_its_result_comes_back(background: Background) -> None:
    assert background.run(where()) == "wsviz-test"
    assert background.running
    assert repr(background) == "<Background wsviz-test: running>"


def test_it_works_beside_a_running_loop(background: Background) -> None:
    """As in a notebook's kernel, whose main thread runs a loop."""

    async def cell() -> str:
        return background.run(where())

    assert asyncio.run(cell()) == "wsviz-test"


def test_any_thread_may_ask(background: Background) -> None:
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(background.run(where()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["wsviz-test"] * 8


@pytest.mark.parametrize("error", [ValueError("no"), TimeoutError("its own")])
def test_an_exception_comes_back_as_it_is(background: Background, error: Exception) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error), match=str(error)):
        background.run(fail())


def test_what_takes_too_long_is_cancelled(background: Background) -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await forever()
        finally:
            cancelled.set()

    with pytest.raises(LabError, match=r"did not answer within 0\.05 seconds"):
        background.run(wait(), timeout=0.05)
    assert cancelled.wait(10)
    assert background.run(where()) == "wsviz-test"


def test_stop_cancels_what_is_left_and_ends_the_thread() -> None:
    background = Background("wsviz-test-stopped")
    ends: list[str] = []

    async def start() -> asyncio.Task[None]:
        async def wait() -> None:
            try:
                await forever()
            finally:
                await asyncio.sleep(0)  # cleaning up may take a turn of the loop
                ends.append("cleaned up")

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        return task

    task = background.run(start())
    background.stop()
    background.stop()
    assert ends == ["cleaned up"]
    assert task.cancelled()
    assert not background.running
    assert repr(background) == "<Background wsviz-test-stopped: stopped>"
    assert "wsviz-test-stopped" not in [thread.name for thread in threading.enumerate()]


def test_after_stop_it_refuses() -> None:
    background = Background()
    background.stop()
    with pytest.raises(LabError, match="the lab has been stopped"):
        background.run(where())


def test_who_waits_while_it_stops_is_told() -> None:
    background = Background()
    begun, said = threading.Event(), list[str]()

    async def wait() -> None:
        begun.set()
        await forever()

    def ask() -> None:
        try:
            background.run(wait(), timeout=None)
        except LabError as error:
            said.append(str(error))

    asker = threading.Thread(target=ask)
    asker.start()
    assert begun.wait(10)
    background.stop()
    asker.join(10)
    assert said == ["the lab was stopped before it answered"]


def test_from_within_it_refuses_rather_than_waits_for_itself(background: Background) -> None:
    async def ask() -> str:
        return background.run(where())

    async def stop() -> None:
        background.stop()

    with pytest.raises(LabError, match="within the lab's own event loop"):
        background.run(ask())
    with pytest.raises(LabError, match="within the lab's own event loop"):
        background.run(stop())


def test_a_task_that_does_not_end_is_told_of() -> None:
    background, release = Background(), threading.Event()

    async def stubborn() -> None:
        while not release.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)

    async def start() -> asyncio.Task[None]:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        return task

    kept = background.run(start())
    with pytest.raises(LabError, match=r"a task of the lab does not end"):
        background.stop(timeout=0.1)
    release.set()
    background.stop()
    assert kept.done()


def test_a_process_that_forgets_to_stop_it_ends_all_the_same() -> None:
    code = "from wsviz.lab.background import Background; import asyncio; b = Background(); b.run(asyncio.sleep(0))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_system_without_room_for_a_loop_is_told_of_and_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise OSError(errno.EMFILE, "whatever")

    monkeypatch.setattr(asyncio.Runner, "get_loop", refuse)
    before = set(threading.enumerate())
    with pytest.raises(LabError, match=r"^the lab cannot start: Too many open files$"):
        Background()
    eventually(lambda: set(threading.enumerate()) == before, "the thread has ended")


FORK = """
import asyncio, os, sys
from wsviz.lab.background import Background, LabError
background = Background()
if os.fork() == 0:
    assert not background.running
    try:
        background.run(asyncio.sleep(0))
    except LabError:
        background.stop()
        os._exit(5)
assert os.waitstatus_to_exitcode(os.wait()[1]) == 5
background.run(asyncio.sleep(0))
background.stop()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_has_no_such_thread_and_does_not_wait_for_it() -> None:
    run = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
