"""Every rule that a finding can name, in one table: the documentation page and the tests are made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wsviz.protocol.fields import Finding, Severity, Side

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is called, where it stands, how bad breaking it is, and bytes that break it.

    `example` is what `sender` sends after the handshake, `extensions` what the handshake negotiated.
    """

    slug: str
    section: str
    severity: Severity
    close_code: int | None
    meaning: str
    example: bytes
    sender: Side = Side.SERVER
    extensions: str = ""

    def finding(
        self,
        explanation: str,
        *,
        culprit: Side | None = None,
        field: str | None = None,
        frame: int | None = None,
        offset: int = 0,
    ) -> Finding:
        """A finding of this rule at one place."""
        return Finding(
            self.slug,
            self.severity,
            self.section,
            explanation,
            culprit,
            self.close_code,
            field,
            frame,
            offset,
        )


def table(rules: Iterable[Rule]) -> dict[str, Rule]:
    """The rules by their slugs."""
    return {rule.slug: rule for rule in rules}


FRAME_RULES = table(
    [
        Rule(
            "reserved-opcode",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "Opcodes 3 to 7 and 11 to 15 are reserved; a receiver of one fails the connection.",
            b"\x83\x00",
        ),
        Rule(
            "reserved-bit-set",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "RSV1, RSV2 and RSV3 are 0 unless an extension was negotiated that gives them a meaning.",
            b"\xa1\x05Hello",
        ),
        Rule(
            "rsv1-on-control-frame",
            "RFC 7692 6.1",
            ERROR,
            1002,
            "permessage-deflate compresses messages only: RSV1 stays 0 on control frames.",
            b"\xc9\x00",
            extensions="permessage-deflate",
        ),
        Rule(
            "rsv1-on-continuation",
            "RFC 7692 6.1",
            ERROR,
            1002,
            "permessage-deflate sets RSV1 on the first frame of a message only.",
            b"\x41\x01\xf2\xc0\x01\x00",
            extensions="permessage-deflate",
        ),
        Rule(
            "extensions-unknown",
            "RFC 6455 5.2",
            NOTE,
            None,
            "A reserved bit is set and the handshake was not seen, so its meaning is not known.",
            b"\xc1\x00",
        ),
        Rule(
            "fragmented-control-frame",
            "RFC 6455 5.5",
            ERROR,
            1002,
            "Control frames are never fragmented: FIN is 1.",
            b"\x09\x00",
        ),
        Rule(
            "control-frame-too-long",
            "RFC 6455 5.5",
            ERROR,
            1002,
            "The body of a control frame has at most 125 bytes.",
            b"\x89\x7e\x00\x7e" + bytes(126),
        ),
        Rule(
            "length-not-minimal",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "The length takes the shortest of the three forms that can hold it.",
            b"\x81\x7e\x00\x05Hello",
        ),
        Rule(
            "length-top-bit-set",
            "RFC 6455 5.2",
            ERROR,
            1002,
            "The most significant bit of a 64-bit length is 0.",
            b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
        ),
        Rule(
            "unmasked-client-frame",
            "RFC 6455 5.1",
            ERROR,
            1002,
            "A client masks every frame, control frames and empty ones included.",
            b"\x81\x05Hello",
            sender=Side.CLIENT,
        ),
        Rule(
            "masked-server-frame",
            "RFC 6455 5.1",
            ERROR,
            1002,
            "A server masks no frame.",
            b"\x81\x80\x37\xfa\x21\x3d",
        ),
        Rule(
            "zero-masking-key",
            "RFC 6455 5.3",
            WARNING,
            None,
            "A masking key is unpredictable; 00000000 leaves the payload readable, as some clients do on purpose.",
            b"\x81\x85\x00\x00\x00\x00Hello",
            sender=Side.CLIENT,
        ),
        Rule(
            "close-body-one-byte",
            "RFC 6455 5.5.1",
            ERROR,
            1002,
            "The body of a Close frame is empty or begins with a status code of two bytes.",
            b"\x88\x01\x03",
        ),
        Rule(
            "close-code-not-for-the-wire",
            "RFC 6455 7.4.1",
            ERROR,
            1002,
            "1005, 1006 and 1015 are words for the receiver's own side and never stand in a Close frame.",
            b"\x88\x02\x03\xee",
        ),
        Rule(
            "close-code-undefined",
            "RFC 6455 7.4.2",
            ERROR,
            1002,
            "A status code is one that the registry defines, or lies in 3000 to 4999.",
            b"\x88\x02\x7b\x7d",
        ),
        Rule(
            "close-code-wrong-side",
            "RFC 6455 7.4.1",
            NOTE,
            None,
            "1010 is meant for clients and 1011 for servers.",
            b"\x88\x02\x03\xf2",
        ),
        Rule(
            "close-reason-not-utf8",
            "RFC 6455 5.5.1",
            ERROR,
            1007,
            "The reason of a Close frame is UTF-8.",
            b"\x88\x03\x03\xe8\xff",
        ),
    ]
)

RULES: dict[str, Rule] = {**FRAME_RULES}
