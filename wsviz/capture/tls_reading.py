"""What comes of a TLS connection that was read with a key log, and what the ledger makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from wsviz.capture.direction import PIECE
from wsviz.capture.ledger import BUCKET, NO_UNIT, SPAN
from wsviz.capture.packets import Array, PacketTable
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_keylog import KeyLog
from wsviz.capture.tls_records import Heard
from wsviz.protocol.fields import Finding

RECORD = np.dtype(
    [
        ("start", "i8"),  # stream offsets of the record, and of the application's data in it
        ("end", "i8"),
        ("at", "i8"),
        ("length", "i8"),  # bytes of that data
    ]
)


@dataclass(slots=True)
class TlsKeys:
    """A key log, and a buffer with the layout of a capture's, for the plain bytes in place of the encrypted ones."""

    log: KeyLog
    table: PacketTable = field(repr=False)
    _plain: bytearray | None = field(default=None, repr=False)

    @property
    def plain(self) -> bytearray:
        """The buffer, made when the first connection can be read; what is never written to takes no memory."""
        if self._plain is None:
            self._plain = bytearray(len(self.table.data))
        return self._plain


@dataclass(frozen=True, slots=True)
class TlsReading:
    """What a key log makes of a connection.

    `flow` holds the plain bytes, or is the encrypted flow where no record could be read; `records` are, by direction,
    those with application data, None where no record could be read. `client` is the index of the client's direction,
    None where no ClientHello was captured, and then so is `heard`: what the client and the server said in TLS itself.
    Offsets in `findings` and in `heard` are those of the encrypted streams.
    """

    flow: Flow
    records: tuple[Array, Array] | None
    client: int | None
    findings: tuple[Finding, ...]
    heard: tuple[Heard, Heard] | None = None


def plain_pieces(records: Array, wire: Array) -> Array:
    """The pieces of the plain stream: its bytes, each in the packet and at the place of the encrypted one.

    `wire` are the pieces of the encrypted stream, without a hole as far as the records reach.
    """
    rows = records[records["length"] > 0]
    points = np.union1d(rows["at"], wire["start"])
    inside = np.searchsorted(rows["at"], points, "right") - 1
    points, inside = points[inside >= 0], inside[inside >= 0]
    points, inside = (each[points < (rows["at"] + rows["length"])[inside]] for each in (points, inside))
    brought = np.searchsorted(wire["start"], points, "right") - 1
    ends = np.minimum((rows["at"] + rows["length"])[inside], (wire["start"] + wire["length"])[brought])
    made = np.zeros(len(points), PIECE)
    made["start"] = (np.cumsum(rows["length"]) - rows["length"])[inside] + points - rows["at"][inside]
    made["length"] = ends - points
    made["packet"] = wire["packet"][brought]
    made["source"] = wire["source"][brought] + points - wire["start"][brought]
    return made


def wire_spans(records: Array, laid: Array, end: int) -> Array:
    """Spans over the encrypted stream, `end` bytes long, from those over the plain one.

    TLS's own bytes of a record belong to the unit of the record's first byte of application data.
    """
    first = np.cumsum(records["length"]) - records["length"]  # in the plain stream
    after = np.append(0, records["end"])
    parts = [
        _own(after, np.append(records["start"], end)),  # what is no application data
        _own(records["start"], records["at"]),  # headers and nonces
        _application(records[records["length"] > 0], laid),
        _own(records["at"] + records["length"], records["end"]),  # content types, padding and tags
    ]
    unit = _units(first, records["length"], laid)
    for part in (parts[1], parts[3]):
        part["exchange"], part["message"] = unit
    made: Array = np.concatenate(parts)
    made = made[made["start"] < made["end"]]
    return made[np.argsort(made["start"], kind="stable")]


def _own(starts: Array, ends: Array) -> Array:
    spans = np.zeros(len(starts), SPAN)
    spans["start"], spans["end"], spans["bucket"] = starts, ends, BUCKET["tls"]
    spans["exchange"] = spans["message"] = NO_UNIT
    return spans


def _units(first: Array, length: Array, laid: Array) -> tuple[Array, Array]:
    """The exchange and the message of the byte at each of these offsets of the plain stream."""
    if not len(laid):
        nothing = np.full(len(first), NO_UNIT)
        return nothing, nothing
    over = np.searchsorted(laid["start"], first, "right") - 1
    inside = (over >= 0) & (first < laid["end"][over]) & (length > 0)
    exchange, message = (np.where(inside, laid[unit][over], NO_UNIT) for unit in ("exchange", "message"))
    return exchange, message


def _application(rows: Array, laid: Array) -> Array:
    """The spans over the application's data, cut where a record ends."""
    if not len(rows) or not len(laid):
        return np.zeros(0, SPAN)
    first = np.cumsum(rows["length"]) - rows["length"]
    points = np.union1d(first, laid["start"])
    record, over = (np.searchsorted(starts, points, "right") - 1 for starts in (first, laid["start"]))
    ends = np.minimum((first + rows["length"])[record], laid["end"][over])
    kept = (over >= 0) & (points < ends)
    made: Array = laid[over[kept]]
    moved = (rows["at"] - first)[record[kept]]
    made["start"], made["end"] = points[kept] + moved, ends[kept] + moved
    return made
