"""The frames of a report, and its messages, with what they say where that is asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from wsviz.capture.captured_frames import FRAME
from wsviz.capture.connection import Connection
from wsviz.capture.har_capture import NO_PACKETS
from wsviz.capture.packets import Array
from wsviz.protocol.fields import SIDES, Side
from wsviz.protocol.secrets import mask_bytes, mask_text
from wsviz.protocol.wire import Opcode, count, opcode_name
from wsviz.report.markup import Node, Text, element, table
from wsviz.report.subject import Subject

MOST_FRAMES, MOST_MESSAGES = 200, 200
SHOWN_TEXT, SHOWN_BYTES = 200, 64  # columns of a text message; bytes of a binary one
LOOKED_AT = 4096  # bytes of a message that are searched for secrets before a few of them are shown


def frames_section(subject: Subject) -> list[Node]:
    """How many frames there are of each kind, then the first of them one by one."""
    total = sum(len(connection.frame_table) for connection in subject.connections)
    if not total:
        return [element("p", "None here" + (f": {NO_PACKETS}." if subject.is_har else "."))]
    first = _first_rows(subject)
    words = f"{count(total, 'frame')}."
    if len(first) < total:
        words = f"The first {len(first):,} of {count(total, 'frame')}; `wsviz frames FILE` lists all."
    rules = _rules_by_frame(subject)
    rows = (_row(subject, row, rules) for row in first)
    heads = ("connection", "seconds", "sender", "type", "FIN", "RSV1", "masked", "header", "payload", "packet")
    return [
        _kinds(subject),
        element("p", words, class_="left-out" if len(first) < total else "count"),
        table((*heads, "findings"), rows, label="Frames", numeric=("seconds", "header", "payload", "packet")),
    ]


def _kinds(subject: Subject) -> Node:
    """Frames and payload bytes by sender and type, all of them counted."""
    numbers: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for connection in subject.connections:
        rows = connection.frame_table
        kinds = rows["sender"].astype(int) << 4 | rows["opcode"]
        for column, weights in enumerate((None, rows["header_length"], rows["payload_length"])):
            for kind, number in enumerate(np.bincount(kinds, weights, 32).astype("i8").tolist()):
                numbers[kind >> 4, kind & 15][column] += number
    rows_ = (
        (SIDES[sender].value, opcode_name(opcode), *(f"{number:,}" for number in own))
        for (sender, opcode), own in sorted(numbers.items())
        if own[0]
    )
    heads = ("sender", "type", "frames", "header bytes", "payload bytes")
    return table(heads, rows_, label="Frames by sender and type", numeric=heads[2:])


def _first_rows(subject: Subject) -> Array:
    """The first frames of all connections, in the order of the capture."""
    heads = (connection.frame_table[:MOST_FRAMES] for connection in subject.connections)
    rows = np.concatenate([np.zeros(0, FRAME), *heads])
    return rows[np.lexsort((rows["offset"], rows["packet"]))][:MOST_FRAMES]


def _rules_by_frame(subject: Subject) -> dict[tuple[int, Side, int], list[str]]:
    rules: dict[tuple[int, Side, int], list[str]] = defaultdict(list)
    for connection, finding in subject.found:
        if connection is not None and finding.culprit is not None and finding.frame is not None:
            rules[connection.index, finding.culprit, finding.frame].append(finding.rule)
    return rules


def _row(subject: Subject, row: Array, rules: dict[tuple[int, Side, int], list[str]]) -> tuple[Node, ...]:
    connection, sender = int(row["connection"]), SIDES[row["sender"]]
    return (
        str(connection),
        subject.seconds(int(row["time"])),
        sender.value,
        opcode_name(int(row["opcode"])),
        *("yes" if row[flag] else "no" for flag in ("fin", "rsv1", "masked")),
        str(row["header_length"]),
        f"{row['payload_length']:,}",
        str(row["packet"]),
        ", ".join(dict.fromkeys(rules.get((connection, sender, int(row["index"])), ()))),
    )


def messages_section(subject: Subject) -> list[Node]:
    """The first messages, with their contents where those are asked for."""
    total = sum(len(connection.messages) for connection in subject.connections)
    if not total:
        return [element("p", "No message here.")]
    places = sorted(
        (message.time or subject.start, connection.index, number)
        for connection in subject.connections
        for number, message in enumerate(connection.messages.heads[:MOST_MESSAGES])
    )[:MOST_MESSAGES]
    words = f"{count(total, 'message')}."
    if len(places) < total:
        words = f"The first {len(places):,} of {count(total, 'message')}; `wsviz messages FILE` lists all."
    heads = ["connection", "seconds", "sender", "type", "length"]
    heads += [*["packet"] * (not subject.is_har), *["content"] * subject.payloads]
    whole = table(heads, _messages(subject, places), label="Messages", numeric=("seconds", "length", "packet"))
    return [element("p", words, class_="left-out" if len(places) < total else "count"), whole]


def _messages(subject: Subject, places: list[tuple[int, int, int]]) -> Iterator[tuple[Node, ...]]:
    for time, index, number in places:
        connection = subject.capture.connections[index]
        message = connection.messages[number]
        row: list[Node] = [str(index), subject.seconds(time), message.sender.value, opcode_name(message.opcode)]
        row.append(f"{len(message.data):,}")
        if not subject.is_har:
            row.append(str(connection.message_packets[number]))
        if subject.payloads:
            said = _content(connection, message.opcode, message.data, message.text is None, subject)
            row.append(element("code", said))
        yield tuple(row)


def _content(connection: Connection, opcode: Opcode, data: bytes, binary: bool, subject: Subject) -> Text | str:
    """What a message says. In hex no address could be renamed, so where they are, binary messages stay closed."""
    if not binary:
        text = data[:LOOKED_AT].decode(errors="ignore" if len(data) > LOOKED_AT else "replace")
        return Text(text if connection.reveal else mask_text(text), SHOWN_TEXT)
    if subject.pseudonymise:
        return "left out: binary data may hold addresses"
    head = data[:LOOKED_AT] if connection.reveal else mask_bytes(data[:LOOKED_AT], same_size=True)
    return head[:SHOWN_BYTES].hex(" ") + (" …" if len(data) > SHOWN_BYTES else "")
