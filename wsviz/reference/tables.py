"""What stands in the reference and on the cheat sheet: the numbers come from the code, and the verdicts from it too.

Whether a side may send a close code is what `dissect_frame` says of such a frame, header sizes are those of frames
that are built. Only what a number is for, in words, is written down here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from wsviz.figures.closing_story import SCRIPT_CODES
from wsviz.protocol.fields import Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.wire import CloseCode, Opcode, close_code_name, opcode_name

KEY = bytes.fromhex("37fa213d")  # of the example in RFC 6455 5.7
SECTION = "RFC 6455"
OPCODES = {
    Opcode.CONTINUATION: ("more of the message that is open", "5.4"),
    Opcode.TEXT: ("a text message, or its first frame; UTF-8", "5.6"),
    Opcode.BINARY: ("a binary message, or its first frame", "5.6"),
    Opcode.CLOSE: ("no more frames come; no body, or a code and a reason", "5.5.1"),
    Opcode.PING: ("answer with a pong, as soon as you can", "5.5.2"),
    Opcode.PONG: ("the answer, with the body of the ping; or a sign of life", "5.5.3"),
}
CLOSE_CODES = {
    CloseCode.NORMAL_CLOSURE: "all that was to be done is done",
    CloseCode.GOING_AWAY: "the server stops, or the page is left",
    CloseCode.PROTOCOL_ERROR: "the other side broke a rule of the protocol",
    CloseCode.UNSUPPORTED_DATA: "data of a type that is not taken, such as binary",
    CloseCode.NO_STATUS_RECEIVED: "stands for a Close without a code",
    CloseCode.ABNORMAL_CLOSURE: "stands for an end of TCP without a Close",
    CloseCode.INVALID_PAYLOAD_DATA: "data that is not of its type, such as text that is no UTF-8",
    CloseCode.POLICY_VIOLATION: "not allowed here, where no other code fits",
    CloseCode.MESSAGE_TOO_BIG: "a message that is too long for the receiver",
    CloseCode.MANDATORY_EXTENSION: "the server did not take an extension that the client needs",
    CloseCode.INTERNAL_ERROR: "the server met something that it did not expect",
    CloseCode.SERVICE_RESTART: "the server restarts: connect again",
    CloseCode.TRY_AGAIN_LATER: "the server is overloaded: connect again later",
    CloseCode.BAD_GATEWAY: "a gateway got no valid answer from the server behind it",
    CloseCode.TLS_HANDSHAKE: "stands for a TLS handshake that failed",
}


@dataclass(frozen=True, slots=True)
class OpcodeRow:
    """An opcode, and the first byte of a whole message or control frame with it."""

    opcode: int
    name: str
    control: bool
    first_byte: int
    says: str
    section: str


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """A range of payload lengths, and the bytes of the header before such a payload, without and with a key."""

    least: int
    most: int
    bits: int
    says: str
    from_server: int
    from_client: int


@dataclass(frozen=True, slots=True)
class CloseRow:
    """A registered close code, who may send it in a Close frame, and whether a browser's script may."""

    code: int
    name: str
    client: bool
    server: bool
    script: bool
    says: str

    @property
    def senders(self) -> str:
        if self.client and self.server:
            return "either side"
        return "the client" if self.client else "the server" if self.server else "nobody"


@dataclass(frozen=True, slots=True)
class RangeRow:
    """A range of close codes, whether they may be sent in a Close frame, and whether by a browser's script."""

    first: int
    last: int
    name: str
    sent: bool
    script: bool

    @property
    def codes(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    @property
    def senders(self) -> str:
        return "either side" if self.sent else "nobody"


def opcode_rows() -> list[OpcodeRow]:
    """Every opcode that has a meaning."""
    return [
        OpcodeRow(
            opcode,
            opcode_name(opcode),
            Frame(opcode).is_control,
            Frame(opcode).serialize()[0],
            says,
            f"{SECTION} {at}",
        )
        for opcode, (says, at) in OPCODES.items()
    ]


def reserved_opcodes() -> list[tuple[int, int]]:
    """The runs of opcodes that have no meaning: first and last."""
    return list(_runs([opcode for opcode in range(16) if opcode not in OPCODES]))


def header_rows() -> list[HeaderRow]:
    """The three forms of a payload length."""
    forms = ((0, 125, 7, "the length itself"), (126, 0xFFFF, 16, "126"), (0x1_0000, 2**63 - 1, 64, "127"))
    return [HeaderRow(low, high, bits, says, _header(low), _header(low, KEY)) for low, high, bits, says in forms]


def _header(length: int, key: bytes | None = None) -> int:
    return len(Frame.binary(bytes(length), masking_key=key).serialize()) - length


def close_rows() -> list[CloseRow]:
    """Every registered close code."""
    return [
        CloseRow(
            code,
            close_code_name(code),
            _may_send(code, Side.CLIENT),
            _may_send(code, Side.SERVER),
            code in SCRIPT_CODES,
            says,
        )
        for code, says in CLOSE_CODES.items()
    ]


def close_ranges() -> list[RangeRow]:
    """The codes that are not registered one by one."""
    names = [(code, close_code_name(code)) for code in range(0x1_0000) if code not in CLOSE_CODES]
    found = []
    for name, group in groupby(names, key=lambda named: named[1]):
        for first, last in _runs([code for code, _ in group]):
            found.append(RangeRow(first, last, name, _may_send(first, Side.SERVER), first in SCRIPT_CODES))
    return found


def _may_send(code: int, side: Side) -> bool:
    key = KEY if side is Side.CLIENT else None
    return not dissect_frame(Frame.close(code, masking_key=key).serialize(), sender=side).findings


def _runs(numbers: list[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as ranges."""
    for _, group in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        run = [number for _, number in group]
        yield run[0], run[-1]
