"""One WebSocket frame: build it, legal or not, serialize it, and dissect it bit by bit (RFC 6455 5.2).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    |F|R|R|R|opcode |M| Payload len |  16 or 64 bits, where the seven say 126 or 127 ... | key | payload

Decoding is lenient: a broken frame is decoded all the same, and its faults are findings. `Frame.check` is the strict
face.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass

from wsviz.protocol.fields import Dissection, Field, Finding, Incomplete, ProtocolError, Severity, Side
from wsviz.protocol.judge import ReservedBits, judge_body, judge_header
from wsviz.protocol.wire import (
    FIN,
    LENGTH,
    MASK,
    OPCODE,
    RSV1,
    RSV2,
    RSV3,
    Bytes,
    CloseCode,
    Header,
    Opcode,
    apply_mask,
    as_bytes,
    bytes_missing,
    close_code_name,
    count,
    opcode_name,
    preview,
    read_header,
    shortest_length_bits,
)

__all__ = ["CloseCode", "Frame", "Opcode", "apply_mask", "dissect_frame", "dissection_of"]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame, legal or not. `payload` is unmasked, always.

    `masking_key` is None for an unmasked frame, else its 4 bytes. `length_bits` 7, 16 or 64 forces a length form;
    None is the shortest. Raises ProtocolError for what no bits can say, such as opcode 16.
    """

    opcode: int
    payload: bytes = b""
    _: KW_ONLY
    fin: bool = True
    rsv1: bool = False
    rsv2: bool = False
    rsv3: bool = False
    masking_key: bytes | None = None
    length_bits: int | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.opcode, int) or not 0 <= self.opcode <= 15:
            raise ProtocolError(f"opcode {self.opcode!r} does not fit 4 bits, expected 0 to 15")
        if isinstance(self.payload, str):
            raise ProtocolError("the payload is a str, expected bytes; Frame.text encodes text")
        put = object.__setattr__  # the dataclass is frozen; what follows only brings values to one form
        put(self, "opcode", _known_opcode(self.opcode))
        put(self, "payload", as_bytes(self.payload, "the payload"))
        for flag in ("fin", "rsv1", "rsv2", "rsv3"):
            put(self, flag, bool(getattr(self, flag)))
        if self.masking_key is not None:
            key = as_bytes(self.masking_key, "the masking key")
            if len(key) != 4:
                raise ProtocolError(f"the masking key has {count(len(key), 'byte')}, expected 4")
            put(self, "masking_key", key)
        self._check_length_bits()

    def _check_length_bits(self) -> None:
        if self.length_bits not in (None, 7, 16, 64):
            raise ProtocolError(f"length_bits is {self.length_bits}, expected 7, 16, 64 or None")
        shortest = shortest_length_bits(len(self.payload))
        if self.length_bits is not None and self.length_bits < shortest:
            raise ProtocolError(f"{len(self.payload)} bytes do not fit the {self.length_bits}-bit length form")
        if self.length_bits == shortest:
            object.__setattr__(self, "length_bits", None)

    @classmethod
    def text(cls, text: str, *, masking_key: bytes | None = None) -> Frame:
        """A whole text message in one frame."""
        return cls(Opcode.TEXT, _encoded(text, "the text"), masking_key=masking_key)

    @classmethod
    def binary(cls, data: bytes, *, masking_key: bytes | None = None) -> Frame:
        """A whole binary message in one frame."""
        return cls(Opcode.BINARY, data, masking_key=masking_key)

    @classmethod
    def ping(cls, body: bytes = b"", *, masking_key: bytes | None = None) -> Frame:
        """A ping; the pong echoes its body (RFC 6455 5.5.2)."""
        return cls(Opcode.PING, body, masking_key=masking_key)

    @classmethod
    def pong(cls, body: bytes = b"", *, masking_key: bytes | None = None) -> Frame:
        """A pong (RFC 6455 5.5.3)."""
        return cls(Opcode.PONG, body, masking_key=masking_key)

    @classmethod
    def close(cls, code: int | None = None, reason: str = "", *, masking_key: bytes | None = None) -> Frame:
        """A Close frame; without a code its body is empty (RFC 6455 5.5.1).

        Raises ProtocolError for a reason without a code, and for a code that does not fit 16 bits.
        """
        if code is None:
            if reason:
                raise ProtocolError("a Close frame with a reason needs a status code before it")
            return cls(Opcode.CLOSE, masking_key=masking_key)
        if not isinstance(code, int) or not 0 <= code <= 0xFFFF:
            raise ProtocolError(f"status code {code!r} does not fit 16 bits")
        body = code.to_bytes(2, "big") + _encoded(reason, "the reason")
        return cls(Opcode.CLOSE, body, masking_key=masking_key)

    @property
    def close_code(self) -> int | None:
        """The status code of a Close frame; None for other frames and where the body has none."""
        if self.opcode != Opcode.CLOSE or len(self.payload) < 2:
            return None
        return int.from_bytes(self.payload[:2], "big")

    @property
    def close_reason(self) -> str | None:
        """The reason of a Close frame, "" where it is empty, invalid UTF-8 replaced; None where there is no code."""
        return None if self.close_code is None else self.payload[2:].decode(errors="replace")

    @property
    def masked(self) -> bool:
        return self.masking_key is not None

    @property
    def is_control(self) -> bool:
        """Whether the opcode lies in the half that RFC 6455 5.5 gives to control frames, known or reserved."""
        return bool(self.opcode & 0b1000)

    def serialize(self) -> bytes:
        """The bytes on the wire."""
        flags = self.fin * FIN | self.rsv1 * RSV1 | self.rsv2 * RSV2 | self.rsv3 * RSV3
        length, form = len(self.payload), self.length_bits or shortest_length_bits(len(self.payload))
        seven = {7: length, 16: 126, 64: 127}[form]
        extended = b"" if form == 7 else length.to_bytes(form // 8, "big")
        head = bytes([flags | self.opcode, self.masked * MASK | seven]) + extended
        if self.masking_key is None:
            return head + self.payload
        return head + self.masking_key + apply_mask(self.payload, self.masking_key)

    def check(self, *, sender: Side | str | None = None, extensions: str | None = "") -> None:
        """Raise ProtocolError for the first error that `dissect_frame` would find."""
        raw = self.serialize()
        for finding in dissect_frame(raw, sender=sender, extensions=extensions).findings:
            if finding.severity is Severity.ERROR:
                raise ProtocolError(f"{finding.explanation} ({finding.section})", finding.close_code)


def _encoded(text: str, what: str) -> bytes:
    if not isinstance(text, str):
        raise ProtocolError(f"{what} is of type {type(text).__name__}, expected str; Frame.binary takes bytes")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ProtocolError(f"{what} cannot be UTF-8: {error.reason} at character {error.start}") from None


def _known_opcode(opcode: int) -> int:
    try:
        return Opcode(opcode)
    except ValueError:
        return int(opcode)


def dissect_frame(data: Bytes, *, sender: Side | str | None = None, extensions: str | None = "") -> Dissection[Frame]:
    """Decode the frame that `data` begins with; bytes after it are ignored.

    `extensions` is the response's Sec-WebSocket-Extensions value, None where it was not seen. The findings are those
    that the header and a control frame's body prove; text is judged per message, by the stream. Raises `Incomplete`
    where the bytes end before the frame does.
    """
    side, bits = None if sender is None else Side(sender), ReservedBits.of(extensions)
    data = data if isinstance(data, (bytearray, memoryview)) else as_bytes(data)
    header = read_header(data)
    if header is None or len(data) < header.end:
        raise _incomplete(bytes(data), header, side, bits)
    return dissection_of(bytes(data[: header.end]), header, judge_header(header, side, bits), side)


def dissection_of(
    raw: bytes,
    header: Header,
    findings: list[Finding],
    sender: Side | None,
    frame: int | None = None,
    offset: int = 0,
    *,
    judged: bool = False,
) -> Dissection[Frame]:
    """The dissection of one whole frame whose header is known; `findings` are the header's, or all where `judged`."""
    payload = raw[header.size :]
    if header.masking_key is not None:
        payload = apply_mask(payload, header.masking_key)
    value = Frame(
        header.opcode,
        payload,
        fin=bool(header.first & FIN),
        rsv1=bool(header.first & RSV1),
        rsv2=bool(header.first & RSV2),
        rsv3=bool(header.first & RSV3),
        masking_key=header.masking_key,
        length_bits=header.length_bits,
    )
    found = findings if judged else findings + judge_body(header.opcode, payload, sender, frame, offset)
    return Dissection(value, raw, tuple(_fields(raw)), tuple(sorted(found)))


def _incomplete(data: bytes, header: Header | None, sender: Side | None, bits: ReservedBits) -> Incomplete:
    cut = "the header" if header is None else "the payload"
    found = [] if header is None else judge_header(header, sender, bits)
    needed = bytes_missing(data, header)
    partial = Dissection(None, data, tuple(_fields(data)), tuple(sorted(found)))
    return Incomplete(
        f"the frame ends after {count(len(data), 'byte')}, expected {len(data) + needed} or more: {cut} is cut",
        partial,
        needed,
    )


def _fields(raw: bytes) -> Iterator[Field]:
    """The fields of a frame, whole or cut: together they cover `raw` exactly."""
    if not raw:
        return
    first, opcode = raw[0], raw[0] & OPCODE
    yield Field("FIN", 0, 1, first >> 7, "final fragment" if first & FIN else "more fragments follow", _BASE)
    for position, name in enumerate(("RSV1", "RSV2", "RSV3"), 1):
        bit = first >> (7 - position) & 1
        yield Field(name, position, 1, bit, "set" if bit else "unused", _BASE)
    yield Field("opcode", 4, 4, opcode, opcode_name(opcode), _BASE)
    if len(raw) < 2:
        return
    masked, seven, at = raw[1] >> 7, raw[1] & LENGTH, 2
    form = {126: "the next 16 bits say the length", 127: "the next 64 bits say the length"}
    yield Field("MASK", 8, 1, masked, "masked" if masked else "not masked", _BASE)
    yield Field("Payload len", 9, 7, seven, form.get(seven, count(seven, "byte")), _BASE)
    extended = {126: 2, 127: 8}.get(seven, 0)
    if part := raw[at : at + extended]:
        length = int.from_bytes(part, "big")
        meaning = count(length, "byte") if len(part) == extended else f"cut: {len(part)} of {extended} bytes"
        yield Field("Extended payload length", 8 * at, 8 * len(part), length, meaning, _BASE)
    at += extended
    key = raw[at : at + 4 * masked]
    if key:
        meaning = key.hex(" ") if len(key) == 4 else f"cut: {len(key)} of 4 bytes"
        yield Field("Masking-key", 8 * at, 8 * len(key), key, meaning, "RFC 6455 5.3")
    at += 4 * masked
    body = raw[at:]
    yield from _body_fields(raw[0], apply_mask(body, key) if masked and body else body, 8 * at, ", unmasked" * masked)


_BASE = "RFC 6455 5.2"


def _body_fields(first: int, body: bytes, start: int, remark: str) -> Iterator[Field]:
    """The fields of an unmasked body that begins at bit `start`, if it is not empty; `remark` ends each meaning."""
    opcode = first & OPCODE
    if opcode == Opcode.CLOSE and len(body) >= 2:
        code = int.from_bytes(body[:2], "big")
        yield Field("Status code", start, 16, code, close_code_name(code) + remark, "RFC 6455 7.4")
        if reason := body[2:]:
            yield Field("Reason", start + 16, 8 * len(reason), reason, preview(reason) + remark, "RFC 6455 5.5.1")
    elif body:
        compressed = bool(first & RSV1)
        text = not compressed and opcode != Opcode.BINARY
        yield Field("Payload Data", start, 8 * len(body), body, preview(body, as_text=text) + remark, _BASE)
