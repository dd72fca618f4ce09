"""What judges share: each function gives what is wrong with an answer, in sentences, and nothing where it is right.

None of them tells the right answer: they say what the given one means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wsviz.protocol.fields import Dissection, Finding, Incomplete, ProtocolError, Severity, Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.stream import decode_stream

Slips = Mapping[int, str] | Mapping[float, str]
"""Numbers that a known mistake gives, and what to say to each."""


def judge_number(
    truth: float | Callable[[], float],
    *,
    unit: str = "",
    near: float = 0,
    slips: Slips | Callable[[], Slips] | None = None,
) -> Callable[[Any], list[str]]:
    """Judge a number. `near`: how far off it may be; `slips`: wrong ones that have a known cause.

    `truth` and `slips` may be functions, for what is computed from a recording.
    """

    def judge(answer: Any) -> list[str]:
        if isinstance(answer, bool) or not hasattr(answer, "__float__"):
            return [f"This is {_what(answer)}, and the answer is a number{f' of {unit}' if unit else ''}."]
        given, right = float(answer), float(truth() if callable(truth) else truth)
        if abs(given - right) <= near + 1e-9 * abs(right):
            return []
        known = (slips() if callable(slips) else slips) or {}
        said = [words for slip, words in known.items() if abs(given - slip) <= near + 1e-9 * abs(slip)]
        if said:
            return said[:1]
        return [f"{answer} is too {'small' if given < right else 'large'}."]

    return judge


def judge_numbers(
    truths: Sequence[float] | Callable[[], Sequence[float]],
    *,
    names: Sequence[str],
    slips: Slips | None = None,
) -> Callable[[Any], list[str]]:
    """Judge several numbers in order; `names` says what each is."""

    def judge(answer: Any) -> list[str]:
        given = list(answer) if isinstance(answer, (tuple, list)) else None
        if given is None or len(given) != len(names):
            count = f"{len(given)} values" if given is not None else _what(answer)
            return [f"This is {count}, and the answer is a tuple of {len(names)}: {', '.join(names)}."]
        wrong = []
        for value, truth, name in zip(given, truths() if callable(truths) else truths, names, strict=True):
            wrong += [f"{name}: {said}" for said in judge_number(truth, slips=slips)(value)]
        return wrong

    return judge


def judge_text(
    truth: str | Callable[[], str], *, slips: Mapping[str, str] | None = None, fold: bool = False
) -> Callable[[Any], list[str]]:
    """Judge a text; spaces around it do not count, nor does case where `fold`."""

    def judge(answer: Any) -> list[str]:
        if isinstance(answer, (bytes, bytearray)):
            return [f"This is {_what(answer)}, and the answer is a text: decode it."]
        if not isinstance(answer, str):
            return [f"This is {_what(answer)}, and the answer is a text."]
        shape = str.casefold if fold else str
        given = shape(answer.strip())
        if given == shape(truth() if callable(truth) else truth):
            return []
        for slip, words in (slips or {}).items():
            if given == shape(slip):
                return [words]
        return [f"{answer.strip()[:60]!r} is not it."]

    return judge


def octets(answer: Any) -> bytes:
    """The bytes of an answer: bytes, a Frame, or hex digits with or without spaces."""
    if isinstance(answer, Frame):
        return answer.serialize()
    if isinstance(answer, (bytes, bytearray, memoryview)):
        return bytes(answer)
    if isinstance(answer, str):
        digits = "".join(answer.replace("0x", " ").split())
        try:
            return bytes.fromhex(digits)
        except ValueError:
            raise ProtocolError(f"{answer[:40]!r} is no run of hex digits") from None
    raise ProtocolError(f"This is {_what(answer)}, and the answer is bytes, such as bytes.fromhex('81 00')")


def judge_bytes(
    truth: bytes | Callable[[], bytes], *, slips: Mapping[bytes, str] | None = None
) -> Callable[[Any], list[str]]:
    """Judge bytes that only one answer gives; says the first place where they differ."""

    def judge(answer: Any) -> list[str]:
        given, right = octets(answer), truth() if callable(truth) else truth
        if given == right:
            return []
        if slips and given in slips:
            return [slips[given]]
        at = next((i for i, pair in enumerate(zip(given, right, strict=False)) if pair[0] != pair[1]), None)
        if at is not None:
            return [f"Byte {at} is 0x{given[at]:02x}, which is not right; what stands before it is."]
        return [
            f"What is there is right, but {len(given)} bytes are too {'few' if len(given) < len(right) else 'many'}."
        ]

    return judge


def judge_frame(
    sender: Side | str, wanted: Callable[[Frame], list[str]], *, faults: Sequence[str] = ()
) -> Callable[[Any], list[str]]:
    """Judge the bytes of one frame by decoding them: the rules of the RFC first, then what the exercise asks for.

    `wanted` gives what is wrong with a decoded frame; `faults` are the rules that the exercise means to break.
    """

    def judge(answer: Any) -> list[str]:
        data = octets(answer)
        try:
            dissection = dissect_frame(data, sender=sender)
        except Incomplete as error:
            return [f"The frame is not whole: {error.needed} more bytes are missing after these {len(data)}."]
        wrong = [
            f"{_place(finding, dissection)}{finding.explanation} (RFC {finding.section.removeprefix('RFC ')})."
            for finding in dissection.findings
            if finding.severity is Severity.ERROR and finding.rule not in faults
        ]
        if len(data) > len(dissection.raw):
            wrong.append(
                f"The frame ends after {len(dissection.raw)} bytes by its own length, and you gave {len(data)}."
            )
        return wrong or wanted(dissection.value)

    return judge


def judge_frames(sender: Side | str, wanted: Callable[[list[Frame]], list[str]]) -> Callable[[Any], list[str]]:
    """Judge the bytes of several frames, one after the other: by the rules of a stream, then by the exercise."""

    def judge(answer: Any) -> list[str]:
        parts = answer if isinstance(answer, (list, tuple)) else [answer]
        stream = decode_stream(b"".join(map(octets, parts)), sender=sender)
        wrong = [
            f"Frame {each.frame}: {each.explanation}." for each in stream.findings if each.severity is Severity.ERROR
        ]
        if stream.rest:
            wrong.append(f"{len(stream.rest)} bytes at the end are too few to be a frame.")
        return wrong or wanted([each.value for each in stream.frames])

    return judge


def _place(finding: Finding, dissection: Dissection[Frame]) -> str:
    """Where in the bytes: "Byte 1 is 0x05: "."""
    named = next((each for each in dissection.fields if each.name == finding.field), None)
    if named is None or named.size > 16:
        return ""
    at = named.start // 8
    return f"Byte {at} is 0x{dissection.raw[at]:02x}: "


def _what(answer: Any) -> str:
    if isinstance(answer, (bytes, bytearray)):
        return f"{len(answer)} bytes"
    return f"a {type(answer).__name__}"
