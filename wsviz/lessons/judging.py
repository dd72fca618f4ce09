"""What judges share: each function gives what is wrong with an answer, in sentences, and nothing where it is right.

None of them tells the right answer: they say what the given one means.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wsviz.protocol.fields import Dissection, Finding, Incomplete, ProtocolError, Severity, Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.stream import decode_stream
from wsviz.protocol.wire import count

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
        value = _one(answer)
        if isinstance(value, bool) or not hasattr(value, "__float__"):
            return [f"This is {_what(value)}, and the answer is a number{f' of {unit}' if unit else ''}."]
        given, right = float(value), float(truth() if callable(truth) else truth)
        if math.isnan(given):
            return ["nan says that there is no number."]
        if abs(given - right) <= near + 1e-9 * abs(right):
            return []
        known = (slips() if callable(slips) else slips) or {}
        said = [words for slip, words in known.items() if abs(given - slip) <= near + 1e-9 * abs(slip)]
        if said:
            return said[:1]
        return [f"{value} is too {'small' if given < right else 'large'}."]

    return judge


def judge_numbers(
    truths: Sequence[float] | Callable[[], Sequence[float]],
    *,
    names: Sequence[str],
    slips: Sequence[Slips],
) -> Callable[[Any], list[str]]:
    """Judge several numbers in order; `names` says what each is, `slips` has the known mistakes of each."""

    def judge(answer: Any) -> list[str]:
        given = several(answer)
        if given is None or len(given) != len(names):
            got = _what(answer) if given is None else count(len(given), "value")
            return [f"This is {got}, and the answer is a tuple of {len(names)}: {', '.join(names)}."]
        wrong = []
        rights = truths() if callable(truths) else truths
        for value, truth, name, known in zip(given, rights, names, slips, strict=True):
            wrong += [f"{name}: {said}" for said in judge_number(truth, slips=known)(value)]
        return wrong

    return judge


def several(answer: Any) -> list[Any] | None:
    """The values of a tuple, a list, an array or a column; None where the answer is none of them."""
    values = answer.tolist() if hasattr(answer, "tolist") else answer  # NumPy's and pandas' own have it
    return list(values) if isinstance(values, (tuple, list)) else None


def octets(answer: Any) -> bytes:
    """The bytes of an answer: bytes, a Frame, a list of numbers, or hex digits with anything usual between them."""
    if isinstance(answer, Frame):
        return answer.serialize()
    if isinstance(answer, (bytes, bytearray, memoryview)):
        if len(answer) > 3 and _hex_digits(bytes(answer).decode("latin-1")):
            raise ProtocolError("These bytes are the characters of hex digits; bytes.fromhex makes bytes of digits")
        return bytes(answer)
    if isinstance(answer, str):
        data = _hex_digits(answer)
        if data is None:
            raise ProtocolError(f"{answer[:40]!r} is no run of hex digits; bytes of a text have a b before it")
        return data
    if _numbers(answer):
        return bytes(answer)
    raise ProtocolError(f"This is {_what(answer)}, and the answer is bytes, such as bytes.fromhex('81 00')")


def _numbers(answer: Any) -> bool:
    return isinstance(answer, (list, tuple)) and bool(answer) and all(type(each) is int for each in answer)


def _hex_digits(text: str) -> bytes | None:
    try:
        return bytes.fromhex(re.sub("0x|[,;:]", " ", text))
    except ValueError:
        return None


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
            missing = f"{count(error.needed, 'more byte')} {'is' if error.needed == 1 else 'are'} missing"
            begun = _errors(error.partial, faults)[:1]
            return [*begun, f"The frame is not whole: {missing} after {count(len(data), 'byte')}."]
        wrong = _errors(dissection, faults)
        if len(data) > len(dissection.raw):
            wrong.append(
                f"The frame ends after {len(dissection.raw):,} bytes by its own length, and you gave {len(data):,}."
            )
        return wrong or wanted(dissection.value)

    return judge


def judge_frames(sender: Side | str, wanted: Callable[[list[Frame]], list[str]]) -> Callable[[Any], list[str]]:
    """Judge the bytes of several frames, one after the other: by the rules of a stream, then by the exercise."""

    def judge(answer: Any) -> list[str]:
        parts = answer if isinstance(answer, (list, tuple)) and not _numbers(answer) else [answer]
        stream = decode_stream(b"".join(map(octets, parts)), sender=sender)
        wrong = [
            f"Frame {each.frame}: {each.explanation}." for each in stream.findings if each.severity is Severity.ERROR
        ]
        if stream.rest:
            wrong.append(f"What is left at the end, {count(len(stream.rest), 'byte')}, is too short for a frame.")
        return wrong or wanted([each.value for each in stream.frames])

    return judge


def _errors(dissection: Dissection[Any], but: Sequence[str]) -> list[str]:
    """The rules that the bytes break, each with its place and where it stands."""
    said = [
        f"{_place(finding, dissection)}{finding.explanation} (RFC {finding.section.removeprefix('RFC ')})."
        for finding in dissection.findings
        if finding.severity is Severity.ERROR and finding.rule not in but
    ]
    return [each[0].upper() + each[1:] for each in said]


def _place(finding: Finding, dissection: Dissection[Any]) -> str:
    """Where in the bytes: "Byte 1 is 0x05: "."""
    named = next((each for each in dissection.fields if each.name == finding.field), None)
    if named is None or named.size > 16:
        return ""
    at = named.start // 8
    return f"Byte {at} is 0x{dissection.raw[at]:02x}: "


def _one(answer: Any) -> Any:
    """The value of a column of one row, or of a number of NumPy; anything else as it is."""
    if not hasattr(answer, "tolist"):
        return answer
    values = answer.tolist()
    return values[0] if isinstance(values, list) and len(values) == 1 else values


def _what(answer: Any) -> str:
    if isinstance(answer, (bytes, bytearray)):
        return f"a bytes object of length {len(answer):,}"
    if isinstance(answer, str):
        return "a text (it stands in quotation marks)"
    name = type(answer).__name__
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
