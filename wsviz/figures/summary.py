"""What is in a capture, in a few lines of text: for the terminal, and for a notebook without a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.figures.figure import plain
from wsviz.protocol.fields import Finding, Severity
from wsviz.protocol.wire import count


def summary_lines(capture: Capture) -> list[str]:
    """A line on the file, then for each connection what it was, how it ended (indented) and what was found."""
    packets, size = count(capture.packet_count, "packet"), count(capture.wire_bytes, "byte")
    lines = [f"{plain(capture.name)}: {packets}, {size}, {count(len(capture.connections), 'TCP connection')}"]
    for connection in capture.connections:
        lines += [_connection_line(connection), f"    {plain(str(connection.ending))}"]
        if found := severities(connection.findings):
            lines.append(f"    found: {found}")
    return lines


def severities(findings: Iterable[Finding]) -> str:
    """Findings counted by severity: "2 errors, 1 note"; "" where there are none."""
    numbers = Counter(finding.severity for finding in findings)
    return ", ".join(count(numbers[severity], severity) for severity in Severity if numbers[severity])


def _connection_line(connection: Connection) -> str:
    parts = [f"{connection.index:>3} {connection.client} -> {connection.server}", connection.protocol]
    if connection.exchanges:
        request = connection.exchanges[0].request
        # A query may hold a token, so it is not shown.
        target, query, _ = request.target.partition("?")
        parts.append(plain(f"{request.method} {target}{query and '?...'}"))
    counts = [
        (len(connection.exchanges), "exchange"),
        (len(connection.frame_table), "frame"),
        (len(connection.messages), "message"),
        (len(connection.packets), "packet"),
    ]
    numbers = [count(number, noun) for number, noun in counts if number]
    parts.append(", ".join([*numbers, f"{connection.duration / 1e9:.3f} s"]))
    if connection.roles == "inferred":
        parts.append("(roles inferred)")
    return "  ".join(parts)
