"""The connections of a report: a table of them, and each WebSocket with its handshake, its ending and its ladder."""

from __future__ import annotations

from dataclasses import replace

from wsviz.capture.connection import Connection
from wsviz.capture.har_capture import NO_PACKETS, HarConnection
from wsviz.figures.ladder import draw
from wsviz.figures.ladder_steps import Step
from wsviz.figures.ladder_view import LadderView, view_of
from wsviz.figures.summary import severities
from wsviz.protocol.http_message import Request
from wsviz.protocol.secrets import mask_header, mask_target, mask_text
from wsviz.protocol.wire import Opcode, count, opcode_name
from wsviz.report.markup import LONGEST, Drawing, Element, Node, Text, bounded, element, facts, table
from wsviz.report.subject import Subject, is_websocket

MOST_ROWS = 200  # connections in the table
MOST_LADDERS = 12
STEPS = 40  # of one ladder
SHOWN_HEADERS = ("Host", "Origin", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions")


def connection_table(subject: Subject) -> list[Node]:
    """A row a connection: who, what, how much, and why it ended."""
    rows = subject.chosen(subject.connections, MOST_ROWS)
    drawn = {connection.index for connection in _drawn(subject)}
    counted = ("messages",) if subject.is_har else ("packets", "frames")
    whole = table(
        ("no.", "client", "server", "protocol", "request", "seconds", *counted, "findings"),
        (_row(connection, linked=connection.index in drawn) for connection in rows),
        label="Connections",
        numeric=("no.", "seconds", *counted),
        below="ended",
    )
    return [*_left_out(len(rows), len(subject.connections), "connection"), whole]


def _row(connection: Connection, *, linked: bool) -> tuple[Node, ...]:
    number = str(connection.index)
    return (
        element("a", number, href=f"#connection-{number}") if linked else number,
        str(connection.client),
        str(connection.server),
        _kind(connection),
        Text(_request(connection), 80),
        f"{connection.duration / 1e9:.3f}",
        *_counts(connection),
        severities(connection.findings) or "none",
        str(connection.ending),
    )


def _counts(connection: Connection) -> tuple[str, ...]:
    """How many packets and frames there are; where a browser told of it, how many messages, if it did tell."""
    if isinstance(connection, HarConnection):
        return (f"{len(connection.messages):,}" if connection.has_messages else "not told",)
    return f"{len(connection.packets):,}", f"{len(connection.frame_table):,}"


def _kind(connection: Connection) -> str:
    """The protocol, and beside it the mechanism where that tells more."""
    known = (connection.protocol, "request-response", "unknown")
    return connection.protocol + ("" if connection.mechanism.name in known else f", {connection.mechanism.name}")


def _request(connection: Connection) -> str:
    if not connection.exchanges:
        return ""
    first, more = connection.exchanges[0].request_head, len(connection.exchanges) - 1
    return f"{first.method} {_target(connection, first)}" + (f" and {count(more, 'more request')}" if more else "")


def _target(connection: Connection, request: Request) -> str:
    return request.target if connection.reveal else mask_target(request.target)


def _drawn(subject: Subject) -> list[Connection]:
    return subject.chosen(filter(is_websocket, subject.connections), MOST_LADDERS)


def websocket_sections(subject: Subject) -> list[Node]:
    """Each WebSocket connection by itself, refused ones included."""
    drawn = _drawn(subject)
    number = sum(map(is_websocket, subject.connections))
    if not drawn:
        return [element("p", "No connection here speaks WebSocket, or asks to.")]
    return [
        *_left_out(len(drawn), number, "WebSocket connection"),
        *[element("p", f"There are no pictures: {NO_PACKETS}.", class_="left-out")] * subject.is_har,
        *(_section(subject, connection) for connection in drawn),
    ]


def _section(subject: Subject, connection: Connection) -> Element:
    name = f"connection-{connection.index}"
    title = f"Connection {connection.index}: {connection.client} to {connection.server}"
    picture: list[Node] = []
    if not subject.is_har:
        drawing, label = Drawing(draw(_view(subject, connection))), f"Ladder of connection {connection.index}"
        picture.append(element("div", drawing, class_="figure", role="group", tabindex="0", aria_label=label))
    return element(
        "section",
        element("h3", title, id=name),
        element("p", element("strong", "How it ended: "), str(connection.ending), "."),
        facts(_handshake_facts(connection)),
        *picture,
        aria_labelledby=name,
    )


def _handshake_facts(connection: Connection) -> list[tuple[str, Node]]:
    pairs: list[tuple[str, Node]] = [("Wireshark", connection.display_filter)]
    if not connection.exchanges:
        return [*pairs, ("Handshake", "not in the capture")]
    exchange = connection.exchanges[-1]
    request, response = exchange.request_head, exchange.response_head
    pairs.append(("Request", f"{request.method} {_target(connection, request)}"))
    pairs += [(name, _header(connection, name, request.header(name))) for name in SHOWN_HEADERS]
    if response is None:
        return [*pairs, ("Answer", "none in the capture")]
    reason = response.reason if connection.reveal else mask_text(response.reason)
    pairs.append(("Answer", f"{response.status} {reason}".strip()))
    agreed = {"Subprotocol": "Sec-WebSocket-Protocol", "Extensions": "Sec-WebSocket-Extensions"}
    return pairs + [
        (f"{what} agreed", _header(connection, name, response.header(name)) or "none")
        for what, name in agreed.items()
    ]


def _header(connection: Connection, name: str, value: str | None) -> str:
    return "" if value is None else value if connection.reveal else mask_header(name, value)


def _view(subject: Subject, connection: Connection) -> LadderView:
    """The ladder's view, renamed before anything of it is cut to fit."""
    view = view_of(connection, STEPS)
    lanes = tuple(lane._replace(address=subject.rename(lane.address)) for lane in view.lanes)
    return replace(view, lanes=lanes, steps=tuple(_step(step, subject) for step in view.steps))


def _step(step: Step, subject: Subject) -> Step:
    """A step without what a frame carries, unless that is asked for; a Close says why the connection ended.

    Frames can cut a name in two, so where names are replaced, only whole messages show what they say.
    """
    carried = step.kind in ("data", "control") and step.chip != opcode_name(Opcode.CLOSE)
    kept = subject.payloads and not subject.pseudonymise
    return replace(step, words="" if carried and not kept else bounded(step.words, LONGEST, subject.rename))


def _left_out(shown: int, number: int, noun: str) -> list[Node]:
    if shown == number:
        return []
    words = f"Only {shown:,} of {count(number, noun)}, those with the worst findings among them; "
    words += "`wsviz report FILE --connection N` shows any other."
    return [element("p", words, class_="left-out")]
