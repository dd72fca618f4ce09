"""The language of a script for the simulator: one step a line, a word and what belongs to it.

    new ws://192.0.2.2:8080/chat v2.chat v1.chat
    accept v1.chat
    run
    send Hello

`STEPS` has all of them. What a line means is shown as the call that a page makes, or in words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

from wsviz.figures.figure import clip, plain
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.wire import count

MOST_STEPS = 200
LONGEST_LINE = 2_000  # characters
LARGEST = 10_000_000  # bytes of a message
MOST_ROUNDS = 1_000


class Step(NamedTuple):
    """One step of a script: its word, the text behind it, and the number and the words that this text holds."""

    word: str
    rest: str
    number: int | None = None
    words: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        return STEPS[self.word].who

    @property
    def line(self) -> str:
        return f"{self.word} {self.rest}".strip()

    def shown(self, limit: int = 60) -> str:
        """The step as the call that a page makes, or in words."""
        return clip(plain(STEPS[self.word].shown(self)), limit)


class Kind(NamedTuple):
    """A kind of step: who makes it, what comes behind the word, what it is; how it is read, and how shown."""

    who: str  # "page", "server", "network", "loop"
    form: str
    about: str
    read: Callable[[str, str], Step]
    shown: Callable[[Step], str]


def parse_step(line: str) -> Step:
    """Read one step; raises ProtocolError with the reason in one line."""
    if len(line) > LONGEST_LINE:
        raise ProtocolError(f"a step has {len(line):,} characters, expected at most {LONGEST_LINE:,}")
    word, _, rest = line.strip().partition(" ")
    if word not in STEPS:
        raise ProtocolError(f"there is no step {word[:20]!r}, expected one of: {', '.join(STEPS)}")
    return STEPS[word].read(word, rest)


def parse_script(script: str) -> tuple[Step, ...]:
    """Read a script; raises ProtocolError with the line and the reason."""
    lines = [(at, line) for at, line in enumerate(script.split("\n"), start=1) if line.strip()]
    if len(lines) > MOST_STEPS:
        raise ProtocolError(f"a script of {len(lines):,} steps, expected at most {MOST_STEPS}")
    steps = []
    for at, line in lines:
        try:
            steps.append(parse_step(line))
        except ProtocolError as error:
            raise ProtocolError(f"line {at}: {error}") from None
    return tuple(steps)


# How what stands behind a word is read


def _text(word: str, rest: str) -> Step:
    return Step(word, rest)


def _number(least: int, most: int, default: str = "") -> Callable[[str, str], Step]:
    def read(word: str, rest: str) -> Step:
        text = (rest.strip() or default).replace(",", "").replace("_", "")
        if not (text.isascii() and text.isdigit() and len(text) < 10 and least <= int(text) <= most):
            raise ProtocolError(f"{word} {rest[:20]!r}: expected a number from {least:,} to {most:,}")
        return Step(word, rest, int(text))

    return read


def _one_of(*allowed: str) -> Callable[[str, str], Step]:
    def read(word: str, rest: str) -> Step:
        if rest.strip() not in allowed:
            wanted = " or ".join(each or "nothing" for each in allowed)
            raise ProtocolError(f"{word} {rest[:20]!r}: expected {wanted} behind it")
        return Step(word, rest, None, tuple(rest.split()))

    return read


def _code_and_reason(word: str, rest: str) -> Step:
    code, _, reason = rest.strip().partition(" ")
    number = _number(0, 65535)(word, code).number if code else None
    return Step(word, rest, number, (reason,) if reason else ())


def _url(word: str, rest: str) -> Step:
    if not rest.strip():
        raise ProtocolError("new needs a URL, such as: new ws://192.0.2.2/chat")
    return Step(word, rest, None, tuple(rest.split()))


def _subprotocol(word: str, rest: str) -> Step:
    if len(rest.split()) > 1:
        raise ProtocolError("accept takes one subprotocol: a server chooses one, or none")
    return Step(word, rest, None, tuple(rest.split()))


# How a step is shown


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _constructed(step: Step) -> str:
    url, *offered = map(_quoted, step.words)
    return f"new WebSocket({url}, [{', '.join(offered)}])" if offered else f"new WebSocket({url})"


def _closing(step: Step) -> list[str]:
    return [] if step.number is None else [str(step.number), *map(_quoted, step.words)]


def _size(step: Step) -> str:
    return count(step.number or 0, "byte")


def _as(words: str) -> Callable[[Step], str]:
    return lambda _: words


_MESSAGE, _NOTHING, _CODE = _number(0, LARGEST), _one_of(""), "[CODE [REASON]]"

STEPS: Mapping[str, Kind] = {
    "new": Kind("page", "URL [SUBPROTOCOL ...]", "the constructor", _url, _constructed),
    "send": Kind("page", "TEXT", "send a text", _text, lambda step: f"ws.send({_quoted(step.rest)})"),
    "blob": Kind("page", "BYTES", "send a Blob", _MESSAGE, lambda step: f"ws.send(Blob of {_size(step)})"),
    "buffer": Kind(
        "page", "BYTES", "send an ArrayBuffer", _MESSAGE, lambda step: f"ws.send(ArrayBuffer of {_size(step)})"
    ),
    "type": Kind(
        "page",
        "blob|arraybuffer",
        "set binaryType",
        _one_of("blob", "arraybuffer"),
        lambda step: f'ws.binaryType = "{step.words[0]}"',
    ),
    "close": Kind(
        "page", _CODE, "begin to close", _code_and_reason, lambda step: f"ws.close({', '.join(_closing(step))})"
    ),
    "accept": Kind(
        "server",
        "[SUBPROTOCOL]",
        "answer the handshake with 101",
        _subprotocol,
        lambda step: ", subprotocol ".join(["101", *step.words]),
    ),
    "refuse": Kind(
        "server",
        "[STATUS]",
        "answer it with an error",
        _number(200, 599, "403"),
        lambda step: f"{step.number} instead of 101",
    ),
    "text": Kind("server", "TEXT", "send a text message", _text, lambda step: f"sends {_quoted(step.rest)}"),
    "binary": Kind("server", "BYTES", "send a binary message", _MESSAGE, lambda step: f"sends {_size(step)}"),
    "ping": Kind("server", "", "send a ping", _NOTHING, _as("sends a ping")),
    "fault": Kind("server", "", "send a frame that breaks a rule", _NOTHING, _as("sends a broken frame")),
    "bye": Kind(
        "server", _CODE, "send Close", _code_and_reason, lambda step: " ".join(["sends Close", *_closing(step)])
    ),
    "stop": Kind("server", "", "stop reading", _NOTHING, _as("stops reading")),
    "read": Kind("server", "", "read again", _NOTHING, _as("reads again")),
    "rate": Kind(
        "network", "BYTES", "carry so much in a round", _number(1, LARGEST), lambda step: f"{_size(step)} a round"
    ),
    "wait": Kind(
        "network",
        "[ROUNDS]",
        "let rounds pass",
        _number(1, MOST_ROUNDS, "1"),
        lambda step: "a round passes" if step.number == 1 else f"{step.number} rounds pass",
    ),
    "lose": Kind("network", "", "TCP ends without a Close", _NOTHING, _as("TCP is gone, without a Close")),
    "run": Kind(
        "loop",
        "[all]",
        "the event loop runs the next task, or all",
        _one_of("", "all"),
        lambda step: "runs all tasks" if step.words else "runs the next task",
    ),
}
"""All steps by their words."""
