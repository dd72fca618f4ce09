"""`report_page`: a capture as one HTML page that needs nothing else, asks nobody for anything and runs nothing.

The page holds no script and no link to anywhere but itself, and its content security policy lets it load nothing but
its own style sheet, which it names by hash. The same capture and options give the same bytes.
"""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import PurePath

import numpy as np

from wsviz import __version__
from wsviz.capture.capture import Capture
from wsviz.capture.connection import Connection
from wsviz.capture.har_capture import HarCapture
from wsviz.figures.summary import severities
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import count
from wsviz.report.connections import connection_table, websocket_sections
from wsviz.report.findings import findings_section
from wsviz.report.frames import frames_section, messages_section
from wsviz.report.markup import LONGEST, Element, Node, bounded, element, facts, to_html
from wsviz.report.overhead import overhead_section
from wsviz.report.pseudonyms import Pseudonyms
from wsviz.report.subject import Subject, is_websocket

LINKS = {
    0: "BSD loopback",
    1: "Ethernet",
    101: "raw IP",
    105: "Wi-Fi",
    108: "OpenBSD loopback",
    113: "Linux cooked",
    127: "Wi-Fi with radiotap",
    228: "raw IPv4",
    229: "raw IPv6",
    276: "Linux cooked, version 2",
}

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}</body>
</html>
"""


def report_page(
    capture: Capture, *, connection: int | None = None, payloads: bool = False, pseudonymise: bool = False
) -> str:
    """The page of a capture, or of its connection with this number.

    What messages, pings and pongs carry is left out unless `payloads` is True; secrets are masked as everywhere,
    until the capture is read with `reveal=True`. `pseudonymise` gives every address and host name another name, the
    same one throughout the page: in headers, targets, texts, findings and pictures, and the file's name is left out.
    Long tables are cut, and say what they leave out. Raises WsvizError where there is no such connection.
    """
    subject = _subject(capture, connection, payloads=payloads, pseudonymise=pseudonymise)
    style = files("wsviz.report").joinpath("report.css").read_text(encoding="utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    name = "the capture" if pseudonymise else PurePath(capture.name).name
    title = f"wsviz report: {name}"
    body = to_html(_body(subject, name), subject.rename)
    return PAGE.format(
        policy=escape(policy), title=escape(bounded(title, LONGEST, subject.rename)), style=style, body=body
    )


def _subject(capture: Capture, number: int | None, *, payloads: bool, pseudonymise: bool) -> Subject:
    connections: Sequence[Connection] = capture.connections
    if number is not None:
        if not 0 <= number < len(connections):
            raise WsvizError(f"the capture has no connection {number}; it has {len(connections)}, counted from 0")
        connections = connections[number : number + 1]
    found = [place for place in capture.all_findings() if number is None or place[0] in connections]
    return Subject(
        capture,
        connections,
        tuple(found),
        Pseudonyms(capture.connections) if pseudonymise else str,
        _span(capture)[0],
        payloads,
        pseudonymise,
        number is None,
    )


def _body(subject: Subject, name: str) -> Element:
    chapters: list[tuple[str, str, list[Node]]] = [
        ("capture", "The capture", [_capture_facts(subject, name)]),
        ("connections", "Connections", connection_table(subject)),
        ("findings", "Findings", findings_section(subject)),
        ("websockets", "WebSockets, step by step", websocket_sections(subject)),
        ("overhead", "Overhead", overhead_section(subject)),
        ("frames", "Frames", frames_section(subject)),
    ]
    if subject.payloads or subject.is_har:  # which has no other rows
        chapters.append(("messages", "Messages", messages_section(subject)))
    links = (element("li", element("a", title, href=f"#{key}")) for key, title, _ in chapters)
    return element(
        "main",
        element("h1", f"What is in {name}"),
        element("p", _in_brief(subject), class_="brief"),
        element("p", _kept_back(subject), class_="kept"),
        element("nav", element("ul", *links), aria_label="Contents"),
        *(
            element("section", element("h2", title, id=key), *nodes, aria_labelledby=key)
            for key, title, nodes in chapters
        ),
    )


def _in_brief(subject: Subject) -> str:
    sockets = sum(map(is_websocket, subject.connections))
    number = len(subject.connections)
    words = f"{count(number, 'connection')}, {sockets:,} of them WebSocket"
    if not subject.whole:
        words = f"Connection {subject.connections[0].index} of the capture"
    found = severities(finding for _, finding in subject.found)
    return f"{words}; {found or 'nothing found'}."


def _kept_back(subject: Subject) -> str:
    """What the page does not show, so that nobody takes it for all there is, or for harmless."""
    carried = "What messages, pings and pongs carry is left out, but for the few bytes that a finding may quote"
    if subject.payloads:
        carried = "Payloads are shown, long ones in part"
        carried += ", those of text messages only" if subject.pseudonymise else ""
    revealed = any(connection.reveal for connection in subject.connections)
    secrets = "secrets are shown" if revealed else "secrets are masked where they are recognised"
    names = "addresses and host names have other names here" if subject.pseudonymise else "addresses are real"
    return f"{carried}; {secrets}; {names}."


def _span(capture: Capture) -> tuple[int, int]:
    """The times of the first and the last thing of a capture, in ns since the epoch."""
    if isinstance(capture, HarCapture):
        return capture.span
    if not capture.connections:
        return 0, 0
    times = capture.connections[0].directions()[0][0].table.rows["time"]
    return int(times.min()), int(times.max())


def _capture_facts(subject: Subject, name: str) -> Element:
    capture = subject.capture
    pairs: list[tuple[str, Node]] = [("File", "name left out" if subject.pseudonymise else name)]
    if not subject.is_har:
        pairs += [("Packets", f"{capture.packet_count:,}"), ("Bytes on the wire", f"{capture.wire_bytes:,}")]
    if capture.connections:
        first, last = _span(capture)
        pairs += [
            ("Begins", _moment(first)),
            ("Ends", _moment(last)),
            ("Time span", f"{(last - first) / 1e9:,.6f} s"),
        ]
        pairs += [] if subject.is_har else _packet_facts(capture)
    protocols = Counter(connection.protocol for connection in capture.connections)
    kinds = ", ".join(f"{number:,} {kind}" for kind, number in protocols.most_common())
    return facts([*pairs, ("Connections", kinds or "none"), ("Made by", f"wsviz {__version__}")])


def _packet_facts(capture: Capture) -> list[tuple[str, Node]]:
    rows = capture.connections[0].directions()[0][0].table.rows
    kinds, numbers = np.unique(rows["link_type"], return_counts=True)
    pairs = zip(kinds.tolist(), numbers.tolist(), strict=True)
    links = ", ".join(f"{LINKS.get(kind, f'link type {kind}')} ({count(n, 'packet')})" for kind, n in pairs)
    captured = int(rows["captured"].astype("i8").sum())
    cut = f"{captured:,}" if captured < capture.wire_bytes else ""
    return [("Link types", links), ("Bytes captured", cut)]


def _moment(time: int) -> str:
    """A time in UTC, or as the number that it is where no calendar has it."""
    seconds, rest = divmod(time, 10**9)
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest // 1000:06d} UTC"
    except (ValueError, OverflowError, OSError):
        return f"{time} ns"
