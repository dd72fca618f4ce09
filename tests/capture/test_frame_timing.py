"""Times between frames and between messages: round trips, idle times, reply latencies."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.capture.build import REQUEST, RESPONSE, Talk
from tests.capture.files import ECHO, SHARED, WITH_FRAMES, capture_of, ids
from tests.capture.timed import Clock
from wsviz import Frame

KEY = b"\x01\x02\x03\x04"


def ping(data: bytes) -> bytes:
    return Frame.ping(data).serialize()


def pong(data: bytes) -> bytes:
    return Frame.pong(data, masking_key=KEY).serialize()


def ask(text: str) -> bytes:
    return Frame.text(text, masking_key=KEY).serialize()


def say(text: str) -> bytes:
    return Frame.text(text).serialize()


def seconds(column: pd.Series[float]) -> list[float | None]:
    """A column's values, rounded to a millisecond; NA as None."""
    return [None if value is pd.NA else round(value, 3) for value in column]


# What is sent after the upgrade: second, sender, bytes; then round_trip and idle of each frame.
TIMES: list[tuple[str, list[tuple[float, str, bytes]], list[float | None], list[float | None]]] = [
    ("a pong", [(1, "s", ping(b"a")), (1.25, "c", pong(b"a"))], [0.25, None], [None, 0.25]),
    ("a pong of other bytes", [(1, "s", ping(b"a")), (2, "c", pong(b"b"))], [None, None], [None, 1]),
    ("an own pong", [(1, "s", ping(b"a")), (2, "s", Frame.pong(b"a").serialize())], [None, None], [None, 1]),
    ("a pong before its ping", [(1, "c", pong(b"a")), (2, "s", ping(b"a"))], [None, None], [None, 1]),
    (
        "two pings alike, in order",
        [(1, "s", ping(b"")), (2, "s", ping(b"")), (2.5, "c", pong(b"")), (4, "c", pong(b""))],
        [1.5, 2.0, None, None],
        [None, 1, 0.5, 1.5],
    ),
    (
        "only the newer ping is answered",
        [(1, "s", ping(b"a")), (2, "s", ping(b"b")), (2.5, "c", pong(b"b"))],
        [None, 0.5, None],
        [None, 1, 0.5],
    ),
    ("both in one packet", [(1, "s", ping(b"a") + say("x"))], [None, None], [None, 0]),
]


@pytest.mark.parametrize(("sent", "round_trips", "idle"), [r[1:] for r in TIMES], ids=[r[0] for r in TIMES])
def test_round_trips_and_idle_times(
    sent: list[tuple[float, str, bytes]], round_trips: list[float | None], idle: list[float | None]
) -> None:
    clock = Clock().upgrade()
    for second, sender, data in sent:
        (clock.client if sender == "c" else clock.server)(second, data)
    frames = clock.capture().frames
    assert seconds(frames["round_trip"]) == round_trips
    assert seconds(frames["idle"]) == idle


# Messages after the upgrade: second, sender, bytes; then the latency of each message.
LATENCIES: list[tuple[str, list[tuple[float, str, bytes]], list[float | None]]] = [
    ("an answer", [(1, "c", ask("?")), (1.5, "s", say("!"))], [None, 0.5]),
    ("no question", [(1, "s", say("1")), (2, "s", say("2"))], [None, None]),
    (
        "only the first of several can answer",
        [(1, "c", ask("?")), (1.5, "s", say("1")), (3, "s", say("2"))],
        [None, 0.5, None],
    ),
    (
        "from the latest of several questions",
        [(1, "c", ask("1")), (2, "c", ask("2")), (2.25, "s", say("!"))],
        [None, None, 0.25],
    ),
    ("both sides answer", [(1, "c", ask("a")), (2, "s", say("b")), (5, "c", ask("c"))], [None, 1, 3]),
    (
        "from the question's last byte to the answer's first",
        [
            (1, "c", ask("abcdef")[:8]),
            (2, "c", ask("abcdef")[8:]),
            (2.5, "s", say("!")[:1]),
            (9, "s", say("!")[1:]),
        ],
        [None, 0.5],
    ),
    (
        "an answer that began before the question was whole is none",
        [(1, "c", ask("abc")[:4]), (2, "s", say("x")), (3, "c", ask("abc")[4:])],
        [None, None],
    ),
]


@pytest.mark.parametrize(("sent", "expected"), [r[1:] for r in LATENCIES], ids=[r[0] for r in LATENCIES])
def test_reply_latencies(sent: list[tuple[float, str, bytes]], expected: list[float | None]) -> None:
    clock = Clock().upgrade()
    for second, sender, data in sent:
        (clock.client if sender == "c" else clock.server)(second, data)
    assert seconds(clock.capture().messages["latency"]) == expected


def test_the_echo() -> None:
    frames = capture_of(ECHO).frames
    pings = frames[frames["opcode"] == 9]
    pongs = frames[frames["opcode"] == 10]
    apart = [(pong - ping).value / 1e9 for ping, pong in zip(pings["time"], pongs["time"], strict=True)]
    assert frames["round_trip"].dropna().to_list() == apart
    assert frames["round_trip"].dropna().index.to_list() == pings.index.to_list()


@pytest.mark.parametrize("path", WITH_FRAMES, ids=ids(WITH_FRAMES))
def test_times_on_every_capture(path: Path) -> None:
    capture = capture_of(path)
    frames, messages = capture.frames, capture.messages
    assert (frames["round_trip"].dropna() >= 0).all()
    assert set(frames.loc[frames["round_trip"].notna(), "opcode"]) <= {9}
    assert (messages["latency"].dropna() >= 0).all()
    for _, own in frames.groupby("connection"):
        apart = own["time"].diff().dt.total_seconds()
        assert own["idle"].iloc[0] is pd.NA
        assert own["idle"].dropna().to_list() == pytest.approx(apart[apart >= 0].to_list(), abs=1e-9)


def test_a_response_captured_before_its_request_has_no_latency() -> None:
    exchanges = capture_of(SHARED / "captures" / "suricata_http_gap_simple.pcap").exchanges
    assert seconds(exchanges["latency"])[1] is None
    assert exchanges["status"][1] == 200
    talk = Talk().open().server(RESPONSE, 0).client(REQUEST, 0)
    assert seconds(talk.capture().exchanges["latency"]) == [None]
