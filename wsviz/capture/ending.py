"""Why a connection ended: who said Close, who closed TCP, what came before, and how to say that in one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wsviz.capture.direction import NOT_CAPTURED, Direction
from wsviz.capture.frame_timing import unanswered_pings
from wsviz.protocol.fields import SIDES, Severity, Side
from wsviz.protocol.grammar import has_token
from wsviz.protocol.secrets import mask_bytes
from wsviz.protocol.wire import CloseCode, Opcode, close_code_name, count, preview

if TYPE_CHECKING:
    from wsviz.capture.connection import Connection

ANSWERS = {CloseCode.NORMAL_CLOSURE, CloseCode.PROTOCOL_ERROR}
"""What some answer to a Close with another code: they always say so, or find fault with it."""
SILENCE = 5_000_000_000  # ns without new bytes that are worth a word: no timer of a proxy or a server is shorter


class CloseSeen(NamedTuple):
    """The first Close frame of one side.

    `code` is None where the body is empty; `packet` is 1-based; `offset` is that of the frame in the side's stream;
    `broken` says that the frame breaks a MUST, so that its receiver fails the connection rather than taking the code.
    """

    code: int | None
    reason: bytes
    packet: int
    offset: int
    broken: bool = False

    def __str__(self) -> str:
        if self.code is None:
            return f"Close without a code (packet {self.packet})"
        reason = f" {preview(self.reason)}" if self.reason else ""
        return f"Close {self.code}, {close_code_name(self.code)}{reason} (packet {self.packet})"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended.

    `by` is who began the end, None where nobody did; `how` is "close" (a Close frame), "refused" (the handshake had
    another answer than 101), "fin", "rst", or "open" where the capture ends first. `explanation` says it with the
    evidence, packets counted from 1. `reports` is the close code that each side's API tells its program: the code of
    the Close it received, 1005 where that has none, 1006 where none came (RFC 6455 7.1.5). It lacks a side that
    learned of no end, and the server where it never had a WebSocket.
    """

    by: Side | None
    how: str
    explanation: str
    reports: dict[Side, int] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return self.explanation


class _TcpEvent(NamedTuple):
    packet: int  # 0-based
    side: Side
    kind: str

    def __str__(self) -> str:
        return f"{self.side} sent {self.kind} (packet {self.packet + 1})"


def find_ending(connection: Connection) -> Ending:
    """The ending of a connection, from its packets, its handshake and its frames."""
    directions = [direction for direction, _ in connection.directions()]
    closes, tcp = _closes(connection), _tcp_events(directions)
    reports = _reports(connection, closes, ended=bool(tcp))
    first = min([close.packet - 1 for close in closes.values()] + [event.packet for event in tcp], default=None)
    silence = _silence(connection, directions, first)
    by, how, words = _what_happened(connection, closes, tcp, silence)
    parts = [words, *_pings(connection, first), *([_reports_in_words(reports)] if closes else [])]
    return Ending(by, how, "; ".join(part for part in parts if part), reports)


def _what_happened(
    connection: Connection, closes: dict[Side, CloseSeen], tcp: list[_TcpEvent], silence: str
) -> tuple[Side | None, str, str]:
    """Who ended the connection, how, and the words for it; `silence` is said of what came first."""
    if closes:
        first = min(closes, key=lambda side: closes[side].packet)
        words = _closes_in_words(connection, closes, first, silence)
        after = "; ".join(map(str, tcp)) or "TCP was not closed in this capture"
        return first, "close", f"{words}; {after}"
    shake, parts = _handshake_words(connection), list[str]()
    if shake:
        parts.append(shake)
    elif tcp and connection.protocol == "websocket":
        parts.append("no Close frame, so both sides report 1006")
    parts += [f"{tcp[0]}{silence}", *map(str, tcp[1:])] if tcp else [f"still open where the capture ends{silence}"]
    words = "; ".join(parts)
    if shake and _is_refused(connection):
        return Side.SERVER, "refused", words
    return (tcp[0].side, tcp[0].kind.lower(), words) if tcp else (None, "open", words)


def _closes(connection: Connection) -> dict[Side, CloseSeen]:
    closes: dict[Side, CloseSeen] = {}
    rows = connection.frame_table
    for row in np.flatnonzero(rows["opcode"] == Opcode.CLOSE).tolist():
        side = SIDES[rows["sender"][row]]
        if side not in closes:
            captured = connection.frames[row]
            frame, findings = captured.frame, captured.dissection.findings
            broken = any(finding.severity is Severity.ERROR for finding in findings)
            reason = frame.payload[2:] if connection.reveal else mask_bytes(frame.payload[2:])
            packet, offset = int(rows["packet"][row]), int(rows["offset"][row])
            closes[side] = CloseSeen(frame.close_code, reason, packet, offset, broken)
    return closes


def _closes_in_words(connection: Connection, closes: dict[Side, CloseSeen], first: Side, silence: str) -> str:
    """Who said Close, and whether the other answered it or had said so already."""
    words = f"{first} sent {closes[first]}{silence}"
    if first.other not in closes:
        return f"{words}, no Close came from the {first.other}"
    second = closes[first.other]
    if _unread(connection, first, closes[first].offset, second.packet - 1):
        return f"both sides closed at once: {words}, {first.other} sent {second} before that one had reached it"
    codes = {closes[first].code, second.code}
    if len(codes) == 2 and not codes & {None, *ANSWERS} and not closes[first].broken:
        return f"both sides closed at once: {words}, {first.other} sent {second}, a code of its own"
    return f"{words}, {first.other} answered {second}"


def _unread(connection: Connection, sender: Side, offset: int, packet: int) -> bool:
    """Whether a packet (0-based) of the other side acknowledges bytes of `sender`, but not the one at `offset`."""
    direction, _ = connection.directions()[SIDES.index(sender)]
    rows, piece = direction.table.rows, direction.pieces[direction.piece_at(offset)]
    if piece["source"] == NOT_CAPTURED:
        return False
    brought = rows[piece["packet"]]
    into = int(piece["source"]) - int(brought["offset"]) - int(brought["payload"]) + offset - int(piece["start"])
    behind = (int(brought["seq"]) + into - int(rows["ack"][packet])) % 2**32
    # The handshake at least was read before. Who acknowledges nothing at all is made up, or was captured in part.
    return behind < offset


def _tcp_events(directions: list[Direction]) -> list[_TcpEvent]:
    events = []
    for side, direction in zip(SIDES, directions, strict=True):
        for packet, kind in ((direction.fin_packet, "FIN"), (direction.rst_packet, "RST")):
            if packet is not None:
                events.append(_TcpEvent(packet, side, kind))
    return sorted(events)


def _silence(connection: Connection, directions: list[Direction], first: int | None) -> str:
    """Words for the time without new bytes before the end, which `first` began; "" where it was short."""
    table = directions[0].table
    times = table.rows["time"]
    brought = np.concatenate([direction.packets[direction.new_bytes > 0] for direction in directions])
    before = brought if first is None else brought[brought < first]
    if not len(before):
        return ""
    gap = int(table.latest if first is None else times[first]) - int(times[before.max()])
    if gap < SILENCE or (first is not None and connection.protocol != "websocket" and first in brought):
        return ""
    return f", after {gap / 1e9:.1f} s of silence" if first is None else f" after {gap / 1e9:.1f} s of silence"


def _pings(connection: Connection, first: int | None) -> list[str]:
    """Words for each side's pings that had no pong before the end."""
    table, words = connection.directions()[0][0].table, list[str]()
    times = table.rows["time"]
    end = table.latest if first is None else int(times[first])
    for side, (number, packet) in unanswered_pings(connection, first).items():
        waited = f"{(end - int(times[packet - 1])) / 1e9:.1f} s"
        pings = "ping" if number == 1 else f"last {count(number, 'ping')}"
        place = f"(packet {packet})" if number == 1 else f"(from packet {packet} on)"
        words.append(f"the {side}'s {pings} {place} had no pong in {waited}")
    return words


def _is_refused(connection: Connection) -> bool:
    """Whether the connection's last exchange is a handshake with another answer than 101."""
    last = connection.exchanges[-1] if connection.exchanges else None
    asked = last is not None and has_token(last.request_head.header("Upgrade") or "", "websocket")
    return asked and last is not None and last.response_head is not None and last.response_head.status != 101


def _handshake_words(connection: Connection) -> str:
    """What is to say of a handshake that opened no WebSocket; "" of one that did, and where there is none."""
    last, handshake = connection.exchanges[-1] if connection.exchanges else None, connection.handshake
    if last is None or not has_token(last.request_head.header("Upgrade") or "", "websocket"):
        return ""
    if last.response_head is None:
        # Frames after it show that only the capture lacks the answer.
        unseen = connection.protocol == "websocket"
        return "" if unseen else f"the request for an upgrade (packet {last.request_packet}) was not answered"
    if handshake is None or handshake.accepted:
        return ""
    refused = last.response_head.status != 101
    what = f"refused with {last.response_head.status}" if refused else "answered with 101, but not as RFC 6455 asks"
    place = f"the handshake was {what} (packet {last.response_packet})"
    client_does = handshake.client_does.partition(";")[0]
    return f"{place}: a client {client_does}, while a browser tells its script no more than error and close 1006"


def _reports(connection: Connection, closes: dict[Side, CloseSeen], *, ended: bool) -> dict[Side, int]:
    """The close code that each side's API reports."""
    if connection.protocol != "websocket":
        unopened = bool(_handshake_words(connection)) and (ended or _is_refused(connection))
        return {Side.CLIENT: 1006} if unopened else {}
    reports = {}
    for side in SIDES:
        close = closes.get(side.other)
        if close is not None:
            reports[side] = 1006 if close.broken else 1005 if close.code is None else close.code
        elif ended:
            reports[side] = 1006
    return reports


def _reports_in_words(reports: dict[Side, int]) -> str:
    if len(set(reports.values())) == 1 and len(reports) == len(SIDES):
        return f"both sides report {reports[Side.CLIENT]}"
    return ", ".join(f"the {side} reports {code}" for side, code in reports.items())
