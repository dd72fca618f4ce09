"""What one frame alone proves against its sender: findings from the header and from the body of a Close frame.

Text is judged per message and everything that shows only across frames by the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.grammar import parse_extensions
from wsviz.protocol.rules import FRAME_RULES as RULES
from wsviz.protocol.wire import (
    FIN,
    MAX_CONTROL_BODY,
    NOT_FOR_THE_WIRE,
    RSV1,
    RSV2,
    RSV3,
    Header,
    Opcode,
    close_code_name,
    opcode_name,
    shortest_length_bits,
)

_OPCODES = frozenset(Opcode)


class ReservedBits(NamedTuple):
    """What the negotiated extensions make of RSV1-3."""

    known: bool  # False where the handshake was not seen
    deflate: bool
    others: bool  # an extension that wsviz does not know may use any bit

    @classmethod
    def of(cls, extensions: str | None) -> ReservedBits:
        """From the response's Sec-WebSocket-Extensions value; None says that nobody saw it."""
        if extensions is None:
            return cls(False, False, False)
        try:
            names = {extension.name.lower() for extension in parse_extensions(extensions)}
        except ValueError:
            return cls(False, False, False)
        return cls(True, "permessage-deflate" in names, bool(names - {"permessage-deflate"}))


def judge_header(
    header: Header, sender: Side | None, bits: ReservedBits, frame: int | None = None, offset: int = 0
) -> list[Finding]:
    """What the header alone proves. The common case, nothing, costs a few comparisons."""
    found: list[Finding] = []

    def find(rule: str, explanation: str, field: str) -> None:
        found.append(RULES[rule].finding(explanation, culprit=sender, field=field, frame=frame, offset=offset))

    opcode, length, control = header.opcode, header.payload_length, bool(header.first & 0b1000)
    if opcode not in _OPCODES:
        find(
            "reserved-opcode",
            f"opcode is {opcode}, which is reserved; expected 0, 1, 2, 8, 9 or 10",
            "opcode",
        )
    if header.first & (RSV1 | RSV2 | RSV3):
        _judge_reserved_bits(header, bits, find)
    if control and not header.first & FIN:
        find("fragmented-control-frame", f"FIN is 0 on a {opcode_name(opcode)} frame, expected 1", "FIN")
    if control and length > MAX_CONTROL_BODY:
        find(
            "control-frame-too-long",
            f"the body has {length} bytes, expected at most 125",
            _length_field(header),
        )
    if header.length_bits != 7:
        _judge_length(header, find)
    if sender is Side.CLIENT and header.masking_key is None:
        find("unmasked-client-frame", "MASK is 0, expected 1 in a frame from the client", "MASK")
    if sender is Side.SERVER and header.masking_key is not None:
        find("masked-server-frame", "MASK is 1, expected 0 in a frame from the server", "MASK")
    if header.masking_key == bytes(4) and length and sender is not Side.SERVER:
        find("zero-masking-key", "the masking key is 00000000, expected unpredictable bytes", "Masking-key")
    return found


def _length_field(header: Header) -> str:
    return "Payload len" if header.length_bits == 7 else "Extended payload length"


def _judge_length(header: Header, find: Callable[[str, str, str], None]) -> None:
    length, form = header.payload_length, header.length_bits
    if form == 64 and length >> 63:
        find(
            "length-top-bit-set",
            f"the 64-bit length is {length:#x}, expected its top bit 0",
            _length_field(header),
        )
    elif (shortest := shortest_length_bits(length)) != form:
        find(
            "length-not-minimal",
            f"a length of {length} stands in {form} bits, expected the {shortest}-bit form",
            _length_field(header),
        )


def _judge_reserved_bits(header: Header, bits: ReservedBits, find: Callable[[str, str, str], None]) -> None:
    for name, bit in (("RSV1", RSV1), ("RSV2", RSV2), ("RSV3", RSV3)):
        if not header.first & bit:
            continue
        if not bits.known:
            find("extensions-unknown", f"{name} is 1, and the negotiated extensions are not known", name)
        elif bits.others and not (bit == RSV1 and bits.deflate):
            find("extensions-unknown", f"{name} is 1, and wsviz does not know an extension that was negotiated", name)
        elif bit != RSV1 or not bits.deflate:
            find("reserved-bit-set", f"{name} is 1, and no negotiated extension gives it a meaning", name)
        elif header.first & 0b1000:
            find(
                "rsv1-on-control-frame",
                f"RSV1 is 1 on a {opcode_name(header.opcode)} frame, expected 0",
                name,
            )
        elif header.opcode == Opcode.CONTINUATION:
            find("rsv1-on-continuation", "RSV1 is 1 on a continuation frame, expected 0", name)


def judge_body(
    opcode: int, payload: bytes, sender: Side | None, frame: int | None = None, offset: int = 0
) -> list[Finding]:
    """What the unmasked body of a Close frame proves; other bodies prove nothing alone."""
    if opcode != Opcode.CLOSE or not payload:
        return []

    def find(rule: str, explanation: str, field: str) -> list[Finding]:
        return [RULES[rule].finding(explanation, culprit=sender, field=field, frame=frame, offset=offset)]

    if len(payload) == 1:
        return find("close-body-one-byte", "the body has 1 byte, expected 0 or at least 2", "Payload Data")
    code, found = int.from_bytes(payload[:2], "big"), []
    if code in NOT_FOR_THE_WIRE:
        found += find(
            "close-code-not-for-the-wire",
            f"status code {code} ({close_code_name(code)}) stands in a Close frame",
            "Status code",
        )
    elif close_code_name(code) in ("reserved", "undefined"):
        found += find("close-code-undefined", f"status code {code} is {close_code_name(code)}", "Status code")
    elif (code, sender) in ((1010, Side.SERVER), (1011, Side.CLIENT)):
        found += find("close-code-wrong-side", f"status code {code} comes from the {sender}", "Status code")
    try:
        payload[2:].decode()
    except UnicodeDecodeError as error:
        found += find("close-reason-not-utf8", f"the reason is no UTF-8: {utf8_fault(error)}", "Reason")
    return found


def utf8_fault(error: UnicodeDecodeError, base: int = 0) -> str:
    """Where and why bytes are no UTF-8, in words; `base` is the place of the first byte decoded."""
    at = error.object[error.start : error.start + 4].hex(" ")
    return f"{error.reason} at byte {base + error.start} ({at})"
