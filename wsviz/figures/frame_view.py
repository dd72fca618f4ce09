"""What a picture of one frame says, in words and numbers: the SVG, the ASCII diagram and the widget all draw this.

Nothing is decoded here. The fields, the unmasked payload and the findings are those of the dissection; this module
only puts them into the order, the words and the size of a picture.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from wsviz.figures.figure import plain
from wsviz.protocol.fields import Dissection, Field, Finding, Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.wire import Opcode, count, opcode_name

SHOWN = 32  # bytes of the payload, and of what follows the frame; the rest is counted

KINDS = {
    "FIN": "fin",
    "RSV1": "rsv",
    "RSV2": "rsv",
    "RSV3": "rsv",
    "opcode": "opcode",
    "MASK": "mask",
    "Payload len": "length",
    "Extended payload length": "extended",
    "Masking-key": "key",
    "Payload Data": "payload",
    "Status code": "payload",
    "Reason": "payload",
}
BODY = ("Payload Data", "Status code", "Reason")


@dataclass(frozen=True, slots=True)
class Part:
    """One field as it is drawn, or the ghost of one that the frame does not have.

    `start` and `size` in bits; a ghost has size 0 and stands where the field would begin. `word` is the meaning for
    a narrow cell, `marks` the numbers of the findings that name the field, counted from 1. `letters` names the bits
    of a field of flags, the first on the wire first.
    """

    name: str
    kind: str
    start: int
    size: int
    value: str
    meaning: str
    word: str
    section: str
    marks: tuple[int, ...] = ()
    letters: tuple[str, ...] = field(default=(), repr=False)

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def whole_bytes(self) -> bool:
        return self.start % 8 == 0 and self.size % 8 == 0

    @property
    def span(self) -> str:
        """Which bits: "4-7", counted from the frame's first."""
        return "-" if not self.size else str(self.start) if self.size == 1 else f"{self.start}-{self.end - 1}"

    @property
    def place(self) -> str:
        """Which bits, by byte: "byte 0 bits 4 to 7"."""
        first, last = self.start // 8, (self.end - 1) // 8
        if first != last:
            return f"bytes {first} to {last}"
        if self.size == 8:
            return f"byte {first}"
        bits = f"bit {self.start % 8}" if self.size == 1 else f"bits {self.start % 8} to {(self.end - 1) % 8}"
        return f"byte {first} {bits}"

    @property
    def words(self) -> tuple[str, ...]:
        """What a field that is not of whole bytes says, the longest first."""
        if self.size == 1 or self.value == self.meaning:
            return (self.word,) if self.word else ()
        if self.kind == "length":
            return (
                (self.meaning,) if self.value not in ("126", "127") else (f"{self.value} = {self.word}", self.value)
            )
        return f"{self.value} = {self.meaning}", self.value

    @property
    def explained(self) -> str:
        """The meaning, where it is more than the number again."""
        return "" if self.value.isdigit() and self.value == self.meaning else self.meaning

    @property
    def label(self) -> str:
        """The part for somebody who cannot see it."""
        if not self.size:
            return f"{self.name}, absent, {self.meaning}"
        said = "" if self.value == self.meaning else f", value {self.value}"
        return f"{self.name}, {count(self.size, 'bit')}, {self.place}{said}, {self.meaning}"


class BitView(Protocol):
    """What rows of bits are drawn of: a frame, or a layer of a packet."""

    @property
    def parts(self) -> tuple[Part, ...]: ...
    @property
    def findings(self) -> tuple[Finding, ...]: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def control(self) -> bool: ...
    @property
    def missing(self) -> int: ...
    def drawn_bits(self, bits_per_row: int, /) -> int: ...
    def part_at(self, bit: int, /) -> Part: ...
    def caption(self, at: int, /) -> tuple[str, ...]: ...
    def remarks(self, drawn: int, /) -> Iterator[tuple[str, str]]: ...


@dataclass(frozen=True, slots=True)
class Glyph:
    """What a byte of the body means as text: a character, and which of its bytes this is."""

    text: str
    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return self.text if self.count == 1 else f"{self.text} {self.index}/{self.count}"


@dataclass(frozen=True, slots=True)
class FrameView:
    """A frame, ready to be drawn.

    `raw` are the bytes drawn: the header and at most 32 of the body, `hidden` counts the rest of the body. `clear`
    and `glyphs` belong to the drawn bytes of the body, from `header_size` on. `missing` bytes would make the frame
    whole; `rest` are the first of `rest_size` bytes that follow the frame.
    """

    title: str
    control: bool
    masked: bool
    sender: Side | None
    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]
    raw: bytes
    size: int
    header_size: int
    clear: bytes
    glyphs: tuple[Glyph, ...]
    key: bytes
    hidden: int
    missing: int
    rest: bytes
    rest_size: int

    @property
    def terms(self) -> tuple[tuple[str, int], ...]:
        """The header's parts with their bytes: they sum to the header."""
        sizes = {part.kind: part.size // 8 for part in self.parts if part.kind in ("extended", "key")}
        base = self.header_size - sum(sizes.values())
        return ("flags, opcode, length", base), ("extended length", sizes["extended"]), ("masking key", sizes["key"])

    @property
    def sum(self) -> str:
        """The header's sum, such as "2 + 2 + 4 = 8 bytes of header"."""
        return " + ".join(str(size) for _, size in self.terms) + f" = {count(self.header_size, 'byte')} of header"

    @property
    def body_size(self) -> int:
        return self.size - self.header_size

    @property
    def boxes(self) -> tuple[tuple[str, int, str], ...]:
        """The whole sum as boxes: what it is ("=" for a result), bytes, words."""
        kinds = ("base", "extended", "key")
        return (
            *((kind, size, label) for kind, (label, size) in zip(kinds, self.terms, strict=True)),
            ("=", self.header_size, "bytes of header"),
            ("payload", self.body_size, "bytes of payload"),
            ("=", self.size, "bytes so far" if self.missing else "bytes in all"),
        )

    @property
    def about(self) -> str:
        """What stands beside the title."""
        words = [count(self.size, "byte") + (f", {self.missing:,} missing" if self.missing else "")]
        return " · ".join([*words, *["control frame"] * self.control, *["masked"] * self.masked])

    def remarks(self, drawn: int) -> Iterator[tuple[str, str]]:
        """What the rows do not show, after `drawn` bytes: "more" of the payload, "missing" bytes, the "rest"."""
        if undrawn := self.size - drawn:
            yield "more", f"… {count(undrawn, 'more byte')} of payload"
        if self.missing:
            yield "missing", f"{count(self.missing, 'byte')} missing: the frame is longer than its bytes"
        if self.rest_size:
            yield "rest", f"{count(self.rest_size, 'byte')} after the frame"

    def drawn_bits(self, bits_per_row: int) -> int:
        """Bits that the rows show: at most eight rows of payload, ten where that spares a stub, the rest is hex."""
        body = len(self.raw) - self.header_size
        if body > bits_per_row * 5 // 4 or self.hidden:
            body = min(body, bits_per_row)
        return 8 * (self.header_size + body)

    def part_at(self, bit: int) -> Part:
        """The part that holds a drawn bit."""
        return next(part for part in self.parts if part.start <= bit < part.end)

    def caption(self, at: int) -> tuple[str, ...]:
        """What the byte at `at` is, in words of falling length: for a masked one "7f ⊕ 37 → 48 H"."""
        wire = f"{self.raw[at]:02x}"
        if at < self.header_size:
            return (wire,)
        index = at - self.header_size
        clear, glyph = f"{self.clear[index]:02x}", str(self.glyphs[index])
        if self.masked:
            sum_ = f"{wire} ⊕ {self.key[index % 4]:02x} → {clear}"
            return f"{sum_} {glyph}", sum_
        return f"{clear} {glyph}", clear


def view_of(
    dissection: Dissection[Frame] | Dissection[None],
    *,
    sender: Side | None = None,
    missing: int = 0,
    rest: bytes = b"",
) -> FrameView:
    """The view of one dissected frame, whole or (`missing` > 0) cut; `rest` are bytes that follow it."""
    raw, fields = dissection.raw, dissection.fields
    body = next((field.start // 8 for field in fields if field.name in BODY), len(raw))
    drawn = raw[: body + SHOWN]
    clear = body_of(dissection)
    opcode = dissection.field("opcode")
    code = int(opcode.value) if opcode and isinstance(opcode.value, int) else -1
    rsv1, key = dissection.field("RSV1"), dissection.field("Masking-key")
    textual = code != Opcode.BINARY and not (rsv1 and rsv1.value)
    skip = 2 if dissection.field("Status code") else 0
    glyphs = [Glyph("·")] * skip + [*_glyphs(clear[skip : SHOWN + 3], textual)]
    parts = tuple(_parts(dissection, missing))
    return FrameView(
        title=f"{opcode_name(code)} frame" if opcode else "no frame yet",
        control=code >= 8,
        masked=key is not None,
        sender=sender if sender is not None else sender_of(dissection),
        parts=parts,
        findings=dissection.findings,
        raw=drawn,
        size=len(raw),
        header_size=body,
        clear=clear[:SHOWN],
        glyphs=tuple(glyphs[: len(drawn) - body]),
        key=_bytes(key) if key else b"",
        hidden=len(raw) - len(drawn),
        missing=missing,
        rest=rest[:SHOWN],
        rest_size=len(rest),
    )


def body_of(dissection: Dissection[Frame] | Dissection[None]) -> bytes:
    """The unmasked body, as far as it is there."""
    return b"".join(_bytes(field) for field in dissection.fields if field.name in BODY)


def _bytes(field: Field) -> bytes:
    return field.value if isinstance(field.value, bytes) else field.value.to_bytes(field.size // 8, "big")


def sender_of(dissection: Dissection[Frame] | Dissection[None]) -> Side | None:
    """Who sent the frame, where a finding says it."""
    return next((finding.culprit for finding in dissection.findings if finding.culprit), None)


def _parts(dissection: Dissection[Frame] | Dissection[None], missing: int) -> Iterator[Part]:
    """The fields in wire order; where the frame has none, a ghost that says why."""
    present = {field.name: field for field in dissection.fields}
    marks: dict[str | None, list[int]] = {}
    for index, finding in enumerate(dissection.findings, 1):
        marks.setdefault(finding.field, []).append(index)
    at = 0
    for name, kind in KINDS.items():
        if field := present.get(name):
            at = field.end
            value, word = _value(field), _word(field)
            meaning = _HOW_MASKED if name == "Masking-key" and field.size == 32 else plain(field.meaning)
            yield Part(
                name, kind, field.start, field.size, value, meaning, word, field.section, tuple(marks.get(name, ()))
            )
        elif name in ("Extended payload length", "Masking-key") or (
            name == "Payload Data" and "Status code" not in present
        ):
            yield Part(name, kind, at, 0, "", _absence(name, present, missing), "", "RFC 6455 5.2")


_HOW_MASKED = "payload byte i is XORed with key byte i mod 4"


def _absence(name: str, present: dict[str, Field], missing: int) -> str:
    """Why a frame has no field of that name."""
    if "MASK" not in present:
        return "not reached yet: the frame is cut before it"
    seven, masked = present["Payload len"].value, present["MASK"].value
    if name == "Extended payload length" and seven in (126, 127):
        return "expected here: the frame is cut before it"
    if name == "Extended payload length":
        return "not needed: 7 bits hold the length"
    if name == "Masking-key":
        return "expected here: the frame is cut before it" if masked else "not there: MASK is 0"
    return "expected here: the frame is cut before it" if missing else "empty: the length is 0"


def _value(field: Field) -> str:
    """The value as digits: a number, or hex of at most eight bytes."""
    if isinstance(field.value, int):
        return str(field.value)
    return field.value[:8].hex(" ") + (" …" if len(field.value) > 8 else "")


def _word(field: Field) -> str:
    """The meaning in a word, for a cell one bit wide."""
    words = {"FIN": ("more", "final"), "MASK": ("plain", "masked")}
    if field.name in words and isinstance(field.value, int):
        return words[field.name][field.value]
    if field.name.startswith("RSV"):
        return "set" if field.value else "unused"
    if field.name == "Payload len" and field.value in (126, 127):
        return f"see the next {16 if field.value == 126 else 64} bits"
    return plain(field.meaning)


def _glyphs(data: bytes, textual: bool) -> Iterator[Glyph]:
    """A glyph for each byte: its ASCII character, its share of a UTF-8 character, or what stands for neither."""
    at = 0
    while at < len(data):
        size = _utf8_size(data[at]) if textual else 1
        try:
            text = data[at : at + size].decode("utf-8" if textual else "ascii")
        except UnicodeDecodeError:
            text, size = "·", 1
        shown = {" ": "␣", "\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(text, text)
        if not shown.isprintable() or unicodedata.combining(text[0]):
            shown = "·" if size == 1 else f"U+{ord(text):04X}"
        for index in range(1, size + 1):
            yield Glyph(shown, index, size)
        at += size


def _utf8_size(lead: int) -> int:
    return 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
