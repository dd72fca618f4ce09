"""One rule that a finding can name; the tables stand in `wsviz.protocol.rules`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from wsviz.protocol.fields import Finding, Severity, Side

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what it is called, where it stands, how bad breaking it is, and bytes that break it.

    `example` is what `sender` sends: after the handshake, what follows on it; for the rules of HTTP one message; for
    those of the handshake the request, and `answer` the response. `extensions` is what the handshake negotiated,
    `max_message_size` the decoder's setting where the rule needs one.
    """

    slug: str
    section: str
    severity: Severity
    close_code: int | None
    meaning: str
    example: bytes
    sender: Side = Side.SERVER
    extensions: str = ""
    max_message_size: int | None = None
    answer: bytes = b""

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
