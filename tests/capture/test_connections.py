"""The connections of a capture are decoded when somebody asks for them, and once, whichever threads ask."""

from __future__ import annotations

import gc
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event
from weakref import ref

import pytest

from wsviz import read_capture
from wsviz.capture import connection as module
from wsviz.capture import connections as connections_module
from wsviz.capture.connection import Connection
from wsviz.capture.connections import Connections
from wsviz.capture.once import once
from wsviz.capture.packets import PacketTable

CAPTURES = Path(__file__).parents[2] / "captures"
TIMEOUT = 60  # seconds
ASKING = 8  # threads


@pytest.fixture(scope="module")
def told() -> tuple[Connection, ...]:
    """Some connections to hand out."""
    return read_capture(CAPTURES / "close_matrix.pcapng").connections[:]


def test_threads_that_ask_together_have_it_decoded_once(told: tuple[Connection, ...]) -> None:
    all_there, asked, again = Barrier(ASKING), list[int](), Event()

    def decode(index: int) -> Connection:
        asked.append(index)
        if len(asked) > 1:
            again.set()
        again.wait(0.5)  # nobody comes meanwhile; without a lock the next would, at once
        return told[index]

    connections = Connections(2, decode)

    def ask(index: int) -> Connection:
        all_there.wait(TIMEOUT)
        return connections[index]

    with ThreadPoolExecutor(ASKING) as pool:
        answers = [pool.submit(ask, index) for index in (1, -1) * (ASKING // 2)]
        assert all(answer.result(TIMEOUT) is told[1] for answer in answers)
    assert asked == [1]
    assert connections[:] == told[:2]
    assert asked == [1, 0], "a slice decodes the rest"


def test_threads_that_ask_a_capture_together_have_it_computed_once() -> None:
    all_there, computed = Barrier(ASKING), list[int]()

    class Asked:
        @once
        def answer(self) -> list[int]:
            computed.append(1)
            Event().wait(0.2)
            return [*self.rest, 1]

        @once
        def rest(self) -> list[int]:
            """What one property needs of another, of the same object."""
            return [2]

    asked = Asked()

    def ask() -> list[int]:
        all_there.wait(TIMEOUT)
        return asked.answer

    with ThreadPoolExecutor(ASKING) as pool:
        first, *others = [each.result(TIMEOUT) for each in [pool.submit(ask) for _ in range(ASKING)]]
    assert first == [2, 1]
    assert all(each is first for each in others)
    assert computed == [1]
    assert isinstance(Asked.answer, once)


def test_one_that_takes_long_holds_up_no_other(told: tuple[Connection, ...]) -> None:
    began, may_end = Event(), Event()

    def decode(index: int) -> Connection:
        if index == 0:
            began.set()
            assert may_end.wait(TIMEOUT)
        return told[index]

    connections = Connections(2, decode)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(connections.__getitem__, 0)
        try:
            assert began.wait(TIMEOUT)
            assert pool.submit(connections.__getitem__, 1).result(TIMEOUT) is told[1]
            assert not slow.done()
        finally:
            may_end.set()
        assert slow.result(TIMEOUT) is told[0]


def test_one_that_could_not_be_decoded_is_tried_again(told: tuple[Connection, ...]) -> None:
    answers = iter([MemoryError("no memory left"), told[0]])

    def decode(index: int) -> Connection:
        answer = next(answers)
        if isinstance(answer, MemoryError):
            raise answer
        return answer

    connections = Connections(1, decode)
    with pytest.raises(MemoryError):
        connections[0]
    assert connections[0] is told[0]
    with pytest.raises(IndexError):
        connections[1]


def test_a_capture_decodes_no_more_than_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []

    class Noted(Connection):
        def __init__(self, index: int, flow: object, table: PacketTable, *others: object) -> None:
            decoded.append(index)
            super().__init__(index, flow, table, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "Connection", Noted)
    connections = read_capture(CAPTURES / "close_matrix.pcapng").connections
    assert len(connections) > 3
    assert decoded == []
    assert connections[2] is connections[2] is connections[2 - len(connections)]
    assert decoded == [2]


def test_those_that_were_asked_for_long_ago_are_decoded_again(
    monkeypatch: pytest.MonkeyPatch, told: tuple[Connection, ...]
) -> None:
    """No more than MOST_KEPT stay in memory, unless somebody holds them."""

    class Decoded(Connection):
        def __init__(self, index: int) -> None:
            self.index = index

    asked: list[int] = []

    def decode(index: int) -> Connection:
        asked.append(index)
        return Decoded(index)

    monkeypatch.setattr(connections_module, "MOST_KEPT", 2)
    connections = Connections(4, decode)
    held = connections[0]
    assert [connections[index].index for index in (1, 2, 3)] == [1, 2, 3]
    assert connections[0] is held
    assert [connections[index].index for index in (3, 2)] == [3, 2]
    assert asked == [0, 1, 2, 3]
    assert connections[1].index == 1
    assert asked == [0, 1, 2, 3, 1]


def test_a_connection_that_nobody_holds_is_freed_at_once() -> None:
    """No cycle keeps it until the collector comes, which for a flood is too late."""
    connections = read_capture(CAPTURES / "echo.pcapng").connections
    connection = connections[0]
    assert connection.messages[0].data and connection.ending and connection.mechanism and connection.frames[0]
    seen, connections._kept = ref(connection), deque(maxlen=0)
    gc.disable()
    try:
        del connection
        assert seen() is None
    finally:
        gc.enable()
