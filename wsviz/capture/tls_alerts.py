"""Alerts: how one side of TLS tells the other what it has against it (RFC 8446 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from wsviz.capture.tls_records import Alert
from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.rules import RULES

MOST_TOLD = 100  # alerts of one direction that are told one by one
_CLOSING = {0, 90}  # close_notify and user_canceled: no error
_NAMES = {
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
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
}


def alert_findings(side: Side, alerts: Sequence[Alert]) -> Iterator[Finding]:
    """A finding for each error alert that a side sent."""
    errors = [alert for alert in alerts if alert.number not in _CLOSING]
    for offset, number in errors[:MOST_TOLD]:
        words = f"the {side} sent the alert {number}, {_NAMES.get(number, 'which has no name here')}"
        yield RULES["tls-alert"].finding(words, culprit=side, offset=offset)
