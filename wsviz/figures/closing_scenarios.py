"""The ways in which a WebSocket can end, each played by the rules: whether a Close fails follows from its judge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wsviz.figures.closing_story import CloseStory, Duty, Step, close_step, duties_of, error_in, report, with_states
from wsviz.protocol.fields import Side, WsvizError
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import Opcode

CLIENT, SERVER = Side.CLIENT, Side.SERVER
KEY = bytes.fromhex("37fa213d")  # of the example in RFC 6455 5.7; nothing here is random
FIN_FIRST = Duty("Without a Close frame, neither side can tell an intended end from a lost peer.", "RFC 6455 7.1.5")


class Scenario(NamedTuple):
    """One way to end. `how` is "close", "both", "frame" (one side sends `frame`, the other fails the connection),
    "FIN", "RST" or "ping"; `by` is who sends the first Close frame, or ends TCP.
    """

    title: str
    about: str
    how: str
    by: Side
    code: int | None = None
    reason: bytes = b""
    frame: Frame | None = None
    words: str = ""

    @property
    def has_close(self) -> bool:
        return self.how not in ("FIN", "RST")


SCENARIOS = {
    "client": Scenario(
        "the client closes", "The usual end: one side says Close, the other answers, then TCP is closed.",
        "close", CLIENT, 1000, b"done",
    ),
    "server": Scenario(
        "the server closes", "Either side may begin. The server closes TCP first in any case.",
        "close", SERVER, 1000, b"done",
    ),
    "going away": Scenario(
        "the server goes away", "A server that is being stopped says so, and clients may come back later.",
        "close", SERVER, 1001, b"restarting",
    ),
    "no code": Scenario(
        "a Close without a code", "Its body may be empty. Each API fills in 1005, which is never sent.",
        "close", CLIENT,
    ),
    "not allowed": Scenario(
        "a code that must not be sent", "1006 is a word for one's own side. Who sends it breaks the protocol.",
        "close", SERVER, 1006,
    ),
    "bad reason": Scenario(
        "a reason that is no UTF-8", "The code is fine, the reason is not text: that fails the connection with 1007.",
        "close", SERVER, 1000, b"caf\xe9",
    ),
    "protocol error": Scenario(
        "a broken rule: 1002", "The client forgets to mask a frame. The server must not go on.",
        "frame", SERVER, 1002, b"frame without mask", Frame.text("Hi"), 'text "Hi", not masked',
    ),
    "bad text": Scenario(
        "text that is no UTF-8: 1007", "The server sends a text message whose bytes are no UTF-8.",
        "frame", CLIENT, 1007, b"", Frame(Opcode.TEXT, b"caf\xe9"), "text 63 61 66 e9",
    ),
    "too big": Scenario(
        "a message that is too big: 1009", "No rule is broken, but the server has a limit of its own.",
        "frame", SERVER, 1009, b"limit is 64 KiB", Frame(Opcode.BINARY, bytes(70_000), masking_key=KEY),
        "binary message, 70,000 bytes",
    ),
    "fin": Scenario(
        "TCP ends without a Close", "The server's process is killed: its system still closes TCP, but says no Close.",
        "FIN", SERVER,
    ),
    "rst": Scenario(
        "TCP is reset", "A proxy or a firewall drops the connection, and says so with RST.",
        "RST", SERVER,
    ),
    "both": Scenario(
        "both close at once", "Two Close frames pass each other on the way: each is taken for the other's answer.",
        "both", CLIENT, 1000, b"done",
    ),
    "ping": Scenario(
        "a ping without an answer", "The client's network is gone. The server asks, waits, and gives up.",
        "ping", SERVER, 1011, b"no pong",
    ),
}  # fmt: skip


def play(name: str, *, code: int | None, reason: bytes = b"", by: Side | None = None) -> CloseStory:
    """The story of a scenario with this code and reason in its first Close frame, sent by `by`.

    Raises WsvizError for a scenario that does not exist, a code beyond 16 bits, and a reason without a code.
    """
    scenario = scenario_of(name)
    by = by if by is not None and scenario.how in ("close", "FIN", "RST") else scenario.by
    return _story(scenario, by, _close(by, code, reason))


def scenario_of(name: str) -> Scenario:
    """The scenario of that name; raises WsvizError where there is none."""
    if name not in SCENARIOS:
        raise WsvizError(f"there is no scenario {name[:40]!r}, expected one of: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]


def _close(sender: Side, code: int | None, reason: bytes) -> Frame:
    key = KEY if sender is CLIENT else None
    head = Frame.close(code, " " if reason and code is None else "", masking_key=key)  # it knows what cannot be
    return Frame(Opcode.CLOSE, head.payload + reason, masking_key=key)


def _story(scenario: Scenario, by: Side, close: Frame) -> CloseStory:
    failing = set[Side]()
    steps = with_states(_steps(scenario, by, close, failing))
    first = next((step for step in steps if step.kind == "close"), None)
    duties = (FIN_FIRST,) if first is None or first.sender is None else duties_of(first.raw, first.sender)
    reports = (report(CLIENT, steps, failed=CLIENT in failing), report(SERVER, steps, failed=SERVER in failing))
    return CloseStory(scenario.title, scenario.about, steps, reports, duties)


def _steps(scenario: Scenario, by: Side, close: Frame, failing: set[Side]) -> Iterator[Step]:
    """What happens; `failing` gets the sides that fail the connection."""
    other = by.other
    match scenario.how:
        case "FIN":
            yield Step(by, "FIN", "FIN", note="nothing was said before")
            yield Step(other, "FIN", "FIN")
        case "RST":
            yield Step(by, "RST", "RST", note="TCP is over at once")
        case "ping":
            yield Step(by, "frame", 'Ping "?"', Frame.ping(b"?").serialize(), "lost", heeded=False)
            yield Step(None, "wait", "20 s without a Pong")
            failing.add(by)
            yield close_step(by, close, note="lost", heeded=False)
            yield Step(by, "FIN", "FIN", note="lost: the client goes on waiting", heeded=False)
        case "both":
            yield close_step(by, close, note="on its way")
            yield close_step(other, _close(other, 1001, b""), note="sent before the other came")
            if error_in(close.serialize(), by):
                failing.add(other)
            yield from _tcp()
        case "frame":
            assert scenario.frame is not None
            yield Step(other, "frame", scenario.words, scenario.frame.serialize())
            failing.add(by)
            yield close_step(by, close, note=f"the {by} fails the connection")
            yield from _answer(by, close, failing, heeded=False)
        case _:
            yield close_step(by, close)
            yield from _answer(by, close, failing, heeded=True)


def _answer(by: Side, close: Frame, failing: set[Side], *, heeded: bool) -> Iterable[Step]:
    """The answer to a Close frame, then the end of TCP; the one who fails the connection heeds no answer."""
    other, wrong = by.other, error_in(close.serialize(), by)
    if wrong is None:
        body = close.payload[:2], close.payload[2:]
        code = int.from_bytes(body[0], "big") if body[0] else None
        note = "" if heeded else f"the {by} ignores it"
        answer = close_step(other, _close(other, code, body[1]), note=note, heeded=heeded)
    else:
        failing.add(other)
        failure = _close(other, wrong.close_code or 1002, b"")
        answer = close_step(other, failure, note=f"the {other} fails the connection", heeded=heeded)
    return [answer, *_tcp()]


def _tcp() -> list[Step]:
    return [Step(SERVER, "FIN", "FIN", note="the server closes TCP first"), Step(CLIENT, "FIN", "FIN")]
