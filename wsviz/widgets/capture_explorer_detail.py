"""One frame with all that carried it, as plain JSON: link, IP and TCP headers of a packet, the frame, its message.

The layers stand one after the other, and the selection counts the bytes of all of them. What of the TCP payload is
not this frame's is left out and said. Secrets are masked unless asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.capture.direction import NOT_CAPTURED, Direction
from wsviz.capture.ledger import NO_UNIT
from wsviz.capture.packet_view import dissect_layers
from wsviz.capture.packets import Array
from wsviz.figures.figure import clip, plain
from wsviz.figures.frame_view import view_of
from wsviz.figures.masked_frame import without_secrets
from wsviz.figures.packet_view import Block, packet_view_of
from wsviz.protocol.fields import SIDES
from wsviz.protocol.message import Message
from wsviz.protocol.secrets import mask_bytes, mask_text
from wsviz.protocol.wire import count, opcode_name
from wsviz.widgets.frame_picture import part_of, picture_of

PER_ROW = 16
MOST_HEADER = 1024  # bytes of a packet's headers that are dissected
MOST_TEXT = 4000  # characters of a message that are shown, and lines of 16 bytes of it
MOST_LINES = 32
OFFERED = 50  # packets of a frame to choose from


def detail_of(connection: Connection, index: int, packet: int, *, reveal: bool) -> dict[str, Any]:
    """The connection's frame with this index; `packet` (1-based) is one that carried it, 0 for the first."""
    captured = connection.frames[index]
    row = connection.frame_table[index]
    shown = packet if packet in captured.packets else captured.packets[0]
    direction, _ = connection.directions()[SIDES.index(captured.sender)]
    layers = [_layer(block) for block in _headers(direction, shown)]
    layers.append(_frame_layer(captured, sum(layer["size"] for layer in layers), reveal=reveal))
    return {
        "title": layers[-1]["title"],
        "kind": "control" if captured.frame.is_control else "data",
        "chip": opcode_name(captured.frame.opcode),
        "sender": captured.sender,
        "receiver": captured.sender.other,
        "layers": layers,
        "packets": [*captured.packets[:OFFERED]],
        "packet": shown,
        "facts": [*_facts(connection, captured, direction, row, shown)],
        "filter": captured.display_filter,
        "message": _message(connection, row, reveal=reveal),
    }


# Layers


def _headers(direction: Direction, packet: int) -> tuple[Block, ...]:
    """The packet's headers, up to where TCP's payload begins."""
    table = direction.table
    row = table.rows[packet - 1]
    raw = table.raw(packet - 1)[: min(int(row["payload"]), MOST_HEADER)]
    return packet_view_of(dissect_layers(raw, int(row["link_type"])), PER_ROW).blocks if raw else ()


def _layer(block: Block) -> dict[str, Any]:
    """A block as the page draws a frame."""
    drawn = block.view.drawn_bits(PER_ROW)
    raw = block.view.raw[: block.size]
    return {
        "title": block.title,
        "kind": block.kind,
        "start": block.start,
        "size": block.size,
        "place": block.place,
        "per_row": PER_ROW,
        "bytes": [*raw],
        "header": block.size,
        "bits": drawn,
        "captions": [block.view.caption(at) for at in range(drawn // 8)],
        "glyphs": [""] * len(raw),
        "parts": [part_of(part) for part in block.listed],
        "findings": [],
        "control": False,
        **({"more": "", "missing": "", "rest": ""} | dict(block.view.remarks(drawn // 8))),
        "more_hex": "",
        "rest_bytes": [],
        "rest_more": 0,
    }


def _frame_layer(captured: CapturedFrame, start: int, *, reveal: bool) -> dict[str, Any]:
    dissection, hidden = captured.dissection, False
    if not reveal:
        dissection, hidden = without_secrets(dissection)
    dissection = replace(dissection, findings=dissection.findings[:OFFERED])
    view = view_of(dissection, sender=captured.sender)
    words = [count(view.size, "byte"), *["secrets as *"] * hidden]
    more = {"title": f"WebSocket {view.title}", "kind": "frame", "start": start, "size": view.size}
    kept = picture_of(view, PER_ROW, b"", b"")
    del kept["controls"]
    return kept | more | {"place": " · ".join(words)}


# Words


def _facts(
    connection: Connection, captured: CapturedFrame, direction: Direction, row: Array, packet: int
) -> Iterator[str]:
    yield f"frame {captured.index} of the {captured.sender}, counted from 0"
    if (number := len(captured.packets)) > 1:
        yield f"carried by {number:,} packets"
    start = int(row["offset"])
    end = start + int(row["header_length"]) + int(row["payload_length"])
    segment = int(direction.table.rows["end"][packet - 1]) - int(direction.table.rows["payload"][packet - 1])
    if direction.plain is not None:
        yield f"read out of TLS: packet {packet} has it encrypted"
    elif place := _place(direction, packet, start, end):
        first, last = place
        yield f"bytes {first:,} to {last:,} of packet {packet}, whose segment has {count(segment, 'byte')}"


def _place(direction: Direction, packet: int, start: int, end: int) -> tuple[int, int] | None:
    """Which bytes of a packet are bytes `start` to `end` of the stream: the first and the last of them."""
    pieces = direction.pieces[direction.pieces["packet"] == packet - 1]
    pieces = pieces[(pieces["source"] != NOT_CAPTURED) & (pieces["start"] < end)]
    pieces = pieces[pieces["start"] + pieces["length"] > start]
    if not len(pieces):
        return None
    shift = pieces["source"] - pieces["start"] - int(direction.table.rows["offset"][packet - 1])
    first = int((np.maximum(pieces["start"], start) + shift).min())
    last = int((np.minimum(pieces["start"] + pieces["length"], end) + shift).max())
    return first, last - 1


def _message(connection: Connection, row: Array, *, reveal: bool) -> dict[str, Any] | None:
    """The message that the frame belongs to, whole as far as it is short; None for control frames."""
    if row["message"] == NO_UNIT:
        return None
    number = int(row["message"])
    message = connection.messages[number]
    size = len(message.data)
    words = [f"message {number}", opcode_name(message.opcode), count(size, "byte")]
    if message.compressed:
        words.append(
            f"compressed to {count(message.wire_length, 'byte')}" if message.length is not None else "compressed"
        )
    words.append(f"in {count(len(message.frames), 'frame')}")
    text, more = _message_text(message, reveal=reveal)
    return {"words": ", ".join(words), "text": text, "more": f"… {count(more, 'more byte')}" if more > 0 else ""}


def _message_text(message: Message, *, reveal: bool) -> tuple[str, int]:
    """The beginning of a message as text or as lines of hex, and how many bytes of it are not shown."""
    if message.text is None:
        data = message.data[: 16 * MOST_LINES]
        data = data if reveal else mask_bytes(data, same_size=True)
        lines = [data[at : at + 16].hex(" ") for at in range(0, len(data), 16)]
        return "\n".join(lines), len(message.data) - len(data)
    data = message.data[:MOST_TEXT]
    text = data.decode(errors="ignore" if len(message.data) > MOST_TEXT else "replace")
    text = text if reveal else mask_text(text)
    lines = [clip(plain(line), MOST_TEXT) for line in text.split("\n")]
    return "\n".join(lines), len(message.data) - len(data)
