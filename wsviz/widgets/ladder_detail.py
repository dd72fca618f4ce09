"""The bytes of one step of a ladder as plain JSON: a frame's fields, an HTTP header's lines, TLS's records, packets.

Secrets are asterisks here, as many as they have bytes, unless the capture was read with `reveal=True`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.capture.ledger import BUCKET
from wsviz.capture.packets import ACK, FIN, RST, SYN
from wsviz.capture.tls_flights import Flight, name_of
from wsviz.capture.tls_hello import HEADER, body_size
from wsviz.figures.figure import clip, plain
from wsviz.figures.frame_view import view_of
from wsviz.figures.ladder_steps import WEBSOCKET, Step
from wsviz.figures.masked_frame import without_secrets
from wsviz.protocol.fields import SIDES, Side
from wsviz.protocol.http1 import Request, Response
from wsviz.protocol.secrets import mask_bytes, mask_header, mask_target, mask_text
from wsviz.protocol.wire import count
from wsviz.widgets.frame_picture import picture_of

HEAD, BODY, VALUE = 2048, 32, 200  # bytes of a header and of a body that are shown, columns of a line
_GLYPHS = {0x20: "␣", 0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t"}
_CONTENT = {20: "ChangeCipherSpec", 21: "alert", 22: "handshake", 23: "application data", 24: "heartbeat"}
NO_BYTES: dict[str, Any] = {"bytes": [], "parts": [], "glyphs": [], "findings": [], "more_hex": "", "rest_bytes": []}


def detail_of(step: Step, connection: Connection | None, exchanges: tuple[Exchange, ...]) -> dict[str, Any]:
    """What the page shows of a selected step; `connection` is None where there are only exchanges."""
    if connection is not None and step.key[1] == WEBSOCKET:
        return _frame_detail(step, connection)
    if step.kind == "http":
        number, answer = divmod(step.key[2], 2)
        found = next(exchange for exchange in exchanges if exchange.index == number)
        return _http_detail(found, Side.SERVER if answer else Side.CLIENT, connection)
    if connection is not None and step.kind == "tls":
        return _tls_detail(step, connection)
    if connection is not None and step.packets:
        return NO_BYTES | {"title": step.chip or "TCP", "facts": [*_packet_lines(step, connection)], "filter": ""}
    return NO_BYTES | {"title": "a remark", "facts": [plain(step.words)], "filter": ""}


# Frames


def _frame_detail(step: Step, connection: Connection) -> dict[str, Any]:
    table = connection.frame_table
    row = int(np.nonzero((table["packet"] == step.key[0]) & (table["offset"] == step.key[2]))[0][0])
    captured = connection.frames[row]
    dissection, hidden = captured.dissection, False
    if not connection.reveal:
        dissection, hidden = without_secrets(dissection)
    view = view_of(dissection, sender=captured.sender)
    picture = picture_of(view, 16, b"", b"")
    kept = ("bytes", "parts", "glyphs", "findings", "more_hex", "rest_bytes", "about", "title")
    facts = [f"frame {captured.index} of the {captured.sender}, counted from 0"]
    if hidden:
        facts.append("secrets as *")
    return {name: picture[name] for name in kept} | {"facts": facts, "filter": captured.display_filter}


# HTTP


def _http_detail(exchange: Exchange, side: Side, connection: Connection | None) -> dict[str, Any]:
    """The lines of one half of an exchange; without a connection they are written anew from what was read."""
    request = side is Side.CLIENT
    head: Request | Response | None = exchange.request_head if request else exchange.response_head
    assert head is not None
    raw = _rebuilt(head) if connection is None else _header_bytes(connection, exchange, side)
    body = exchange.request_body if request else exchange.response_body
    reveal = connection is not None and connection.reveal
    lines = [*_lines(raw[:HEAD], reveal=reveal)]
    facts = [f"{count(len(raw), 'byte')} of header, {count(body.length, 'byte')} of body"]
    if connection is None:
        facts.append("header written anew from its lines; the connection has its bytes")
    if len(raw) > HEAD:
        facts.append(f"the first {count(HEAD, 'byte')} of the header are shown")
    if body.pieces:
        start, end = body.pieces[0]
        first = body.direction.read(start, min(end, start + BODY))
        lines.append(("body", "Body", "", "RFC 9112 6", first if reveal else mask_bytes(first, same_size=True)))
    shown = b"".join(line[-1] for line in lines)
    more = body.length - len(lines[-1][-1]) if body.pieces else 0
    return NO_BYTES | {
        "title": "request" if request else "response",
        "about": "",
        "facts": facts,
        "filter": f"frame.number == {exchange.request_packet if request else exchange.response_packet}",
        "bytes": [*shown],
        "glyphs": _glyphs(shown),
        "parts": [*_parts(lines)],
        "more_hex": f"… {count(more, 'more byte')} of body" if more else "",
    }


Line = tuple[str, str, str, str, bytes]  # kind, name, value, section, bytes


def _header_bytes(connection: Connection, exchange: Exchange, side: Side) -> bytes:
    spans = connection.spans[side]
    own = spans[(spans["exchange"] == exchange.index) & (spans["bucket"] == BUCKET["http_header"])]
    direction = connection.directions()[SIDES.index(side)][0]
    return b"".join(direction.read(int(span["start"]), int(span["end"])) for span in own)


def _rebuilt(head: Request | Response) -> bytes:
    if isinstance(head, Request):
        first = f"{head.method} {head.target} {head.version}"
    else:
        first = f"{head.version} {head.status} {head.reason}"
    lines = [first, *(f"{name}: {value}" for name, value in head.headers), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _lines(raw: bytes, *, reveal: bool) -> Iterator[Line]:
    first = True
    for line in raw.splitlines(keepends=True):
        text = line.decode("latin-1").rstrip("\r\n")
        name, colon, value = text.partition(":")
        if not text:
            yield "end", "Empty line", "end of the header", "RFC 9112 2.1", line
            first = True  # a final answer may follow an interim one
            continue
        if first:
            shown = " ".join(text.split(" ") if reveal else map(mask_target, text.split(" ")))
            kind, name, section = "start", "Start line", "RFC 9112 3" if text[:5] != "HTTP/" else "RFC 9112 4"
        elif colon:
            shown = value.strip() if reveal else mask_header(name, value.strip())
            kind, section = "line", "RFC 9112 5"
        else:
            kind, name, section, shown = "line", "Other line", "RFC 9112 5", text if reveal else mask_text(text)
        changed = shown != (text if first or not colon else value.strip())
        first = False
        yield kind, name, shown, section, _starred(line, colon if kind == "line" else " ") if changed else line


def _glyphs(data: bytes) -> list[str]:
    return [_GLYPHS.get(byte) or (chr(byte) if 0x20 < byte < 0x7F else "·") for byte in data]


def _starred(line: bytes, after: str) -> bytes:
    """The line with asterisks from its separator on."""
    content = line.rstrip(b"\r\n")
    at = content.find(after.encode()) + 1 if after else 0
    return content[:at] + b"*" * (len(content) - at) + line[len(content) :]


def _parts(lines: list[Line]) -> Iterator[dict[str, Any]]:
    """The lines in the shape of a frame's fields, so that the page links both in the same way."""
    at, other = 0, False
    for kind, name, value, section, raw in lines:
        other = kind == "line" and not other
        shown, end = clip(plain(value), VALUE), at + len(raw)
        yield {
            "name": clip(plain(name), 60),
            "kind": "other" if other else kind,
            "start": 8 * at,
            "size": 8 * len(raw),
            "span": f"{8 * at}-{8 * end - 1}",
            "bytes": f"{at}-{end - 1}",
            "value": shown or count(len(raw), "byte"),
            "meaning": "",
            "section": section,
            "label": f"{plain(name)}: {shown}, {count(len(raw), 'byte')}, from byte {at}",
        }
        at = end


# TLS


def _tls_detail(step: Step, connection: Connection) -> dict[str, Any]:
    """The records of a flight, their headers apart; what is encrypted stands as it is on the wire."""
    place = step.key[0], step.key[2]
    flight = next(each for each in connection.tls_flights if (each.packet, each.start) == place)
    lines = [*_records(flight)]
    shown, size = b"".join(line[-1] for line in lines), flight.end - flight.start
    rest = size - len(shown)
    return NO_BYTES | {
        "title": "what TLS says" if flight.said else "encrypted records",
        "facts": [*([", ".join(flight.names)] if flight.said else []), f"{count(size, 'byte')} of records"],
        "filter": f"frame.number == {flight.packet}",
        "bytes": [*shown],
        "glyphs": _glyphs(shown),
        "parts": [*_parts(lines)],
        "more_hex": f"… {count(rest, 'more byte')}" if rest else "",
    }


def _records(flight: Flight) -> Iterator[Line]:
    """Each record in two lines: its header and what it holds, up to HEAD bytes in all."""
    data, at = flight.direction.read(flight.start, min(flight.end, flight.start + HEAD)), 0
    while (size := body_size(data, at)) is not None:
        head, body = data[at : at + HEADER], data[at + HEADER : at + HEADER + size]
        words = f"{_CONTENT[head[0]]}, version 0x{head[1:3].hex()}, {count(size, 'byte')} follow"
        yield "start", "Record header", words, "RFC 8446 5.1", head
        said = [one for one in flight.said if one.start <= flight.start + at < one.end]
        amount = count(size, "byte") if len(body) == size else f"{len(body):,} of {count(size, 'byte')}"
        if not said:
            yield "line", "Encrypted", amount, "RFC 8446 5.2", body
        elif any(one.sealed for one in said):
            yield "line", ", ".join(map(name_of, said)), f"encrypted, {amount}", "RFC 8446 5.2", body
        else:
            yield "line", ", ".join(map(name_of, said)), amount, "RFC 8446 4", body
        at += HEADER + size


# TCP


def _packet_lines(step: Step, connection: Connection) -> Iterator[str]:
    rows = connection.directions()[0][0].table.rows
    own = {
        side: {*direction.packets.tolist()}
        for side, (direction, _) in zip(SIDES, connection.directions(), strict=True)
    }
    for packet in step.packets:
        row = rows[packet - 1]
        flags = [name for name, bit in (("SYN", SYN), ("FIN", FIN), ("RST", RST), ("ACK", ACK)) if row["flags"] & bit]
        sender = next(side for side in SIDES if packet - 1 in own[side])
        size = count(int(row["length"]), "byte")
        yield f"packet {packet}: {', '.join(flags)}, {sender} to {sender.other}, {size} on the wire"
