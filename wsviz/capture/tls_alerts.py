"""Alerts: how one side of TLS tells the other what it has against it (RFC 8446 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wsviz.capture.tls_hello import Content
from wsviz.capture.tls_records import Said
from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.rules import RULES

MOST_TOLD = 100  # alerts of one direction that are told one by one
_CLOSING = {0, 90}  # close_notify and user_canceled: no error
_NAMES = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    22: "record_overflow",
    40: "handshake_failure",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


def alert_name(number: int) -> str:
    return _NAMES.get(number, "which has no name here")


def alert_findings(side: Side, said: Sequence[Said]) -> Iterator[Finding]:
    """A finding for each error alert among what a side said."""
    errors = [one for one in said if one.kind == Content.ALERT and one.number not in _CLOSING]
    for error in errors[:MOST_TOLD]:
        words = f"the {side} sent the alert {error.number}, {alert_name(error.number)}"
        yield RULES["tls-alert"].finding(words, culprit=side, offset=error.start)
