"""Connections that a pass could not tell on its way: their packets are read again, and decoded as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.flow_numbers import FlowNumbers
from wsviz.capture.octets import joined, picked
from wsviz.capture.packets import PACKET, Array, Packets, PacketTable
from wsviz.capture.tls_keylog import KeyLog

if TYPE_CHECKING:  # all that decodes connections, which most passes do without
    from wsviz.capture.connection import Connection

AT_ONCE = 256 << 20  # captured bytes of the connections that are decoded together; one alone may have more


@dataclass(frozen=True, slots=True)
class Whole:
    """A connection decoded as a whole, from a table with its packets; `numbers` are their indices in the file."""

    connection: Connection
    numbers: Array
    from_first: bool  # whether the client is the endpoint whose packet came first


def batches_of(odd: set[int], sizes: Array, most: int = AT_ONCE) -> Iterator[set[int]]:
    """The connections in groups whose packets fit into memory together; `sizes` are captured bytes by connection."""
    batch, size = set[int](), 0
    for flow in sorted(odd):
        if batch and size + sizes[flow] > most:
            yield batch
            batch, size = set(), 0
        batch.add(flow)
        size += int(sizes[flow])
    if batch:
        yield batch


def decode_whole(
    reader: Packets, wanted: set[int], *, keys: KeyLog | None = None, extensions: str | None = None
) -> Iterator[Whole]:
    """Read these connections from a file, by their numbers, and decode them."""
    from wsviz.capture.connection import Connection
    from wsviz.capture.tcp import PacketsByFlow, build_flow
    from wsviz.capture.tls_reading import TlsKeys

    table, numbers, directions = _packets_of(reader, wanted)
    secrets, packets = None if keys is None else TlsKeys(keys, table), PacketsByFlow(directions, max(wanted) + 1)
    for index in sorted(wanted):
        flow = build_flow(table, packets[index])
        connection = Connection(index, flow, table, extensions, secrets)
        first = table.rows[flow.packets[0]]
        begun = (table.addresses[first["source"]], int(first["source_port"]))
        yield Whole(connection, numbers, begun == connection.client)


def _packets_of(reader: Packets, wanted: set[int]) -> tuple[PacketTable, Array, Array]:
    """The packets of these connections as a table, their indices in the file, and their directions."""
    flows, data = FlowNumbers(reader.reverse), bytearray()
    rows, numbers, dealt = [np.zeros(0, PACKET)], [np.zeros(0, "i8")], [np.zeros(0, "i8")]
    for chunk in reader:
        directions = flows.deal(chunk.rows, chunk.pairs)
        chosen = np.zeros(max(flows.count, max(wanted) + 1), "?")
        chosen[list(wanted)] = True
        which = np.flatnonzero((directions >= 0) & chosen[directions >> 1])
        part = picked(chunk.rows, which)
        ends = part["offset"] + part["captured"]
        raw = [chunk.data[low:high] for low, high in zip(part["offset"].tolist(), ends.tolist(), strict=True)]
        part["offset"] = np.cumsum(part["captured"], dtype="i8") - part["captured"] + len(data)
        data += b"".join(raw)
        rows.append(part)
        numbers.append(which + chunk.first)
        dealt.append(directions[which])
    table = PacketTable(joined(rows), data, tuple(reader.addresses), None)
    return table, np.concatenate(numbers), np.concatenate(dealt)
