"""The browser's WebSocket object as a state machine: a script of steps in, what the page sees after each step out.

It follows the WHATWG WebSockets Standard. What happens on the network does not touch the object: it queues a task,
and the event loop runs the tasks one by one, each to its end. So the script sees a state that may be old.
Every page call is a task of its own. Simplified: what the server sends arrives within its step; the network carries
nothing faster than `browser_path` says, but loses nothing; no time-out ends a Close that nobody answers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from wsviz.figures.browser_path import Gauge, Path
from wsviz.figures.browser_rules import PAGE, Thrown, check_close, check_subprotocols, resolve, utf8_size
from wsviz.figures.browser_steps import Step, parse_script
from wsviz.figures.figure import plain
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import preview

CONNECTING, OPEN, CLOSING, CLOSED = "CONNECTING", "OPEN", "CLOSING", "CLOSED"
STATES = (CONNECTING, OPEN, CLOSING, CLOSED)
"""The values of readyState, 0 to 3."""
PING = 4  # bytes of a ping's payload


class Event(NamedTuple):
    """An event that fires at the object; `detail` is what a handler reads from it, as text."""

    name: str
    detail: str = ""
    code: int | None = None
    reason: str = ""
    clean: bool | None = None


class Moment(NamedTuple):
    """What there is after a step: the object as the script sees it, and what it does not see."""

    step: Step
    thrown: str  # the name of the exception
    events: tuple[Event, ...]
    notes: tuple[str, ...]
    state: str  # empty while there is no object
    buffered: int
    queue: tuple[str, ...]  # the tasks that wait for the event loop
    gauge: Gauge
    url: str
    protocol: str
    binary_type: str


@dataclass(frozen=True, slots=True)
class _Task:
    """What the network has queued for the event loop; `words` is how the queue shows it."""

    kind: str
    words: str
    detail: str = ""
    failed: bool = False
    code: int = 1006
    reason: str = ""
    clean: bool = False


@dataclass(slots=True)
class _Connection:
    """One WebSocket: the object, its tasks, and the connection that the script does not see."""

    url: str
    offered: tuple[str, ...]
    path: Path
    state: str = CONNECTING
    protocol: str = ""
    binary_type: str = "blob"
    extra: int = 0  # bytes given to send() when it was too late
    live: str = "handshake"  # "handshake", "open", "gone"
    sent_close: bool = False
    said: tuple[int, str] = (1005, "")  # code and reason of the browser's Close
    got_close: tuple[int, str] | None = None
    tasks: deque[_Task] = field(default_factory=deque)

    @property
    def buffered(self) -> int:
        return self.path.buffered + self.extra

    def end(self, *, failed: bool, code: int = 1006, reason: str = "", clean: bool = False) -> None:
        """The connection is over; the object learns of it by a task."""
        self.live = "gone"
        self.path.cut()
        words = f"CLOSED, {'error, ' if failed else ''}close {code}"
        self.tasks.append(_Task("closed", words, failed=failed, code=code, reason=reason, clean=clean))

    def say_close(self) -> None:
        """Queue a Close frame with what is to be `said`, behind all that was sent."""
        self.sent_close = True
        code, reason = self.said
        self.path.put("close", 0 if code == 1005 else 2 + utf8_size(reason))


class Machine:
    """Plays steps. `play` raises ProtocolError, in one line, for a step that cannot be taken now."""

    def __init__(self, page: str = PAGE) -> None:
        self._page = page
        self._one: _Connection | None = None
        self._path = Path()  # what `rate`, `stop` and `read` set holds before a connection is there, too
        self._events: list[Event] = []
        self._notes: list[str] = []

    @property
    def gauge(self) -> Gauge:
        """Where the bytes are."""
        return self._path.gauge()

    def play(self, step: Step) -> Moment:
        """Take a step."""
        self._events, self._notes = [], []
        thrown = ""
        try:
            getattr(self, f"_{step.word}")(step)
        except Thrown as error:
            thrown = error.name
            self._notes.append(error.why)
        one = self._one
        return Moment(
            step,
            thrown,
            tuple(self._events),
            tuple(plain(note) for note in self._notes),
            one.state if one else "",
            one.buffered if one else 0,
            tuple(task.words for task in one.tasks) if one else (),
            self.gauge,
            one.url if one else "",
            one.protocol if one else "",
            one.binary_type if one else "blob",
        )

    # The page's calls

    def _new(self, step: Step) -> None:
        if self._one is not None and self._one.state != CLOSED:
            raise ProtocolError("one WebSocket at a time here: close this one first, and run its tasks")
        url, *offered = step.words
        address = resolve(url, self._page)
        check_subprotocols(offered)
        self._path = Path(self._path.rate, self._path.reading)
        self._one = _Connection(address, tuple(offered), self._path)
        self._notes.append("the handshake begins; the object is there at once")

    def _send(self, step: Step) -> None:
        self._send_bytes(utf8_size(step.rest))

    def _blob(self, step: Step) -> None:
        self._send_bytes(step.number or 0)

    _buffer = _blob

    def _send_bytes(self, size: int) -> None:
        one = self._object()
        if one.state == CONNECTING:
            raise Thrown("InvalidStateError", "the handshake is not over")
        if one.state == OPEN and one.live == "open" and not one.sent_close:
            one.path.put("data", size)
            self._notes.append("queued; it has not left the browser")
        else:
            one.extra += size
            self._notes.append("counted, but never sent; and no exception")

    def _type(self, step: Step) -> None:
        self._object().binary_type = step.words[0]

    def _close(self, step: Step) -> None:
        one = self._object()
        reason = step.words[0] if step.words else ""
        check_close(step.number, reason)
        if one.state in (CLOSING, CLOSED):
            self._notes.append("nothing happens: it is closing already")
            return
        if one.state == CONNECTING:
            self._notes.append("the handshake is given up")
            if one.live != "gone":
                one.tasks.clear()
                one.end(failed=True)
        elif one.live == "open" and not one.sent_close:
            one.said = (1005, "") if step.number is None else (step.number, reason)
            one.say_close()
            self._notes.append("a Close frame is queued behind what was sent")
        one.state = CLOSING

    # What happens at the server

    def _accept(self, step: Step) -> None:
        one = self._handshaking()
        chosen = step.words[0] if step.words else ""
        if chosen and chosen not in one.offered:
            self._notes.append(f"{chosen} was not offered: the browser fails the connection")
            one.end(failed=True)
        elif one.offered and not chosen:
            self._notes.append("subprotocols were offered, none is chosen: browsers fail the connection")
            one.end(failed=True)
        else:
            one.live = "open"
            one.tasks.append(_Task("open", "OPEN, open", chosen))

    def _refuse(self, _step: Step) -> None:
        self._handshaking().end(failed=True)
        self._notes.append("the script gets to know neither status nor body")

    def _text(self, step: Step) -> None:
        self._deliver(f"text {preview(step.rest.encode(errors='replace'))}", f"message {step.shown(24)[6:]}")

    def _binary(self, step: Step) -> None:
        self._deliver(f"binary {step.number or 0}", f"message, {step.number or 0:,} bytes")

    def _deliver(self, detail: str, words: str) -> None:
        self._speaking().tasks.append(_Task("message", words, detail))

    def _ping(self, _step: Step) -> None:
        self._speaking().path.put("pong", PING)
        self._notes.append("the browser queues a pong; no event, no task")

    def _fault(self, _step: Step) -> None:
        self._speaking().end(failed=True)
        self._notes.append("the browser fails the connection")

    def _bye(self, step: Step) -> None:
        one = self._speaking()
        reason = step.words[0] if step.words else ""
        Frame.close(step.number, reason).check()
        one.got_close = (1005, "") if step.number is None else (step.number, reason)
        if not one.sent_close:
            one.tasks.append(_Task("closing", "CLOSING"))
            one.said = one.got_close
            one.say_close()
            self._notes.append("the browser's Close is queued behind what was sent")

    def _stop(self, _step: Step) -> None:
        if not self._path.reading:
            raise ProtocolError("the server has stopped reading already")
        self._path.reading = False
        self._notes.append("what arrives stays in the kernel's buffer")

    def _read(self, _step: Step) -> None:
        if self._path.reading:
            raise ProtocolError("the server is reading")
        self._path.reading = True

    # The network and the event loop

    def _rate(self, step: Step) -> None:
        self._path.rate = step.number or 1

    def _wait(self, step: Step) -> None:
        for _ in range(step.number or 1):
            for kind in self._path.round():
                if kind == "close":
                    self._closed_by_server()
        if self._path.alive and not self.gauge.window:
            self._notes.append("zero window: the receiver's buffer is full")

    def _closed_by_server(self) -> None:
        """The server has read the browser's Close: it answers, unless it had begun, and ends TCP."""
        one = self._object()
        if one.got_close is None:
            one.got_close = one.said
            self._notes.append("the server reads the Close, answers it, and ends TCP")
        else:
            self._notes.append("the server reads the answering Close, and ends TCP")
        code, reason = one.got_close
        one.end(failed=False, code=code, reason=reason, clean=True)

    def _lose(self, _step: Step) -> None:
        one = self._object()
        if one.live == "gone":
            raise ProtocolError("there is no connection to lose")
        if one.got_close is not None and one.sent_close and one.path.empty:
            one.end(failed=False, code=one.got_close[0], reason=one.got_close[1], clean=True)
        else:
            one.end(failed=True)
            self._notes.append("Chromium fires no error event here, only close")

    def _run(self, step: Step) -> None:
        one = self._object()
        if not one.tasks:
            self._notes.append("no task waits")
        while one.tasks:
            self._run_task(one, one.tasks.popleft())
            if not step.words:
                break

    def _run_task(self, one: _Connection, task: _Task) -> None:
        match task.kind:
            case "open":
                one.state, one.protocol = OPEN, task.detail
                self._events.append(Event("open"))
            case "message":
                self._message(one, task.detail)
            case "closing":
                one.state = CLOSING if one.state == OPEN else one.state
            case "closed":
                one.state = CLOSED
                if task.failed:
                    self._events.append(Event("error"))
                self._events.append(Event("close", "", task.code, task.reason, task.clean))

    def _message(self, one: _Connection, detail: str) -> None:
        kind, _, data = detail.partition(" ")
        if one.state != OPEN:
            self._notes.append(f"a message is dropped: readyState is {one.state}")
        elif kind == "text":
            self._events.append(Event("message", data))
        else:
            name = "Blob" if one.binary_type == "blob" else "ArrayBuffer"
            self._events.append(Event("message", f"{name}, {int(data):,} bytes"))

    # Who is there

    def _object(self) -> _Connection:
        if self._one is None:
            raise ProtocolError("there is no WebSocket yet: new URL makes one")
        return self._one

    def _handshaking(self) -> _Connection:
        one = self._object()
        if one.live != "handshake":
            raise ProtocolError("no handshake waits for an answer")
        return one

    def _speaking(self) -> _Connection:
        """The connection, where the server may still send frames."""
        one = self._object()
        if one.live != "open":
            raise ProtocolError("the server has no open connection")
        if one.got_close is not None:
            raise ProtocolError("the server has sent Close, and sends nothing behind it")
        return one


def play(script: str | Sequence[Step], page: str = PAGE) -> tuple[Moment, ...]:
    """Play a script from its beginning; raises ProtocolError with the step's number where one cannot be taken."""
    steps = parse_script(script) if isinstance(script, str) else script
    machine, moments = Machine(page), []
    for at, step in enumerate(steps, start=1):
        try:
            moments.append(machine.play(step))
        except ProtocolError as error:
            raise ProtocolError(f"step {at}, {plain(step.line)[:40]}: {error}") from None
    return tuple(moments)
