"""What is in a capture, in a few lines of text: for the terminal, and for a notebook without a kernel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.file_findings import what_instead
from wsviz.capture.har_capture import HarCapture
from wsviz.figures.figure import plain
from wsviz.protocol.fields import Finding, Severity
from wsviz.protocol.secrets import mask_target
from wsviz.protocol.wire import count


def summary_lines(capture: Capture, only: int | None = None) -> Iterator[str]:
    """A line on the file, then for each connection, or `only` one, what it was, how it ended and what was found."""
    yield f"{plain(capture.name)}: {_amounts(capture)}"
    if (instead := what_instead(capture.connections)) is not None:
        yield f"no WebSocket here: {instead}"
    if only is None and (found := severities(capture.file_findings)):
        rules = dict.fromkeys(finding.rule for finding in capture.file_findings)
        yield f"found in the file: {found} ({', '.join(rules)})"
    for connection in capture.connections if only is None else [capture.connections[only]]:
        yield _connection_line(connection)
        if connection.mechanism.name not in ("websocket", "request-response", "tls", "unknown"):
            yield f"    {plain(str(connection.mechanism))}"
        yield f"    {plain(str(connection.ending))}"
        if found := severities(connection.findings):
            yield f"    found: {found}"


def _amounts(capture: Capture) -> str:
    """How much there is; a browser counted neither packets nor bytes on the wire."""
    number = len(capture.connections)
    if not isinstance(capture, HarCapture):
        packets, size = count(capture.packet_count, "packet"), count(capture.wire_bytes, "byte")
        return f"{packets}, {size}, {count(number, 'TCP connection')}"
    exchanges = sum(len(connection.exchanges) for connection in capture.connections)
    messages = sum(len(connection.messages) for connection in capture.connections)
    words = [count(exchanges, "exchange"), count(messages, "message"), count(number, "connection")]
    return f"a HAR file with {', '.join(words)}; no packets and no frames"


def severities(findings: Iterable[Finding]) -> str:
    """Findings counted by severity: "2 errors, 1 note"; "" where there are none."""
    return in_words(Counter(finding.severity for finding in findings))


def in_words(numbers: Mapping[Severity, int]) -> str:
    """The same for what was counted already."""
    return ", ".join(count(numbers[severity], severity) for severity in Severity if numbers.get(severity))


def _connection_line(connection: Connection) -> str:
    parts = [f"{connection.index:>3} {connection.client} -> {connection.server}", connection.protocol]
    if connection.exchanges:
        request = connection.exchanges[0].request_head
        target = request.target
        if not connection.reveal:
            path, query, _ = target.partition("?")  # short, and no token that nobody recognised
            target = mask_target(path) + ("?..." if query else "")
        parts.append(plain(f"{request.method} {target}"))
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
