"""What comes of a TLS connection that was read with a key log, and what the ledger makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from wsviz.capture.ledger import BUCKET, NO_UNIT, spans
from wsviz.capture.packets import Array, PacketTable
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_keylog import KeyLog
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
    """A key log, and the buffer of a capture with the plain bytes in place of the encrypted ones."""

    log: KeyLog
    table: PacketTable
    _plain: bytearray | None = field(default=None, repr=False)

    @property
    def plain(self) -> bytearray:
        """A copy of the table's buffer, made when the first connection can be read."""
        if self._plain is None:
            self._plain = bytearray(self.table.data)
        return self._plain


@dataclass(frozen=True, slots=True)
class TlsReading:
    """What a key log makes of a connection.

    `flow` holds the plain bytes, or is the encrypted flow where no record could be read; `records` are, by direction,
    those with application data, None where no record could be read. `client` is the index of the client's direction,
    None where no ClientHello was captured. Offsets in `findings` are those of the encrypted streams.
    """

    flow: Flow
    records: tuple[Array, Array] | None
    client: int | None
    findings: tuple[Finding, ...]


def wire_spans(records: Array, laid: Array, end: int) -> Array:
    """Spans over the encrypted stream, `end` bytes long, from those over the plain one.

    TLS's own bytes of a record belong to the unit of the record's first byte of application data.
    """
    rows, own, at, first, place = list[tuple[int, int, int, int, int]](), BUCKET["tls"], 0, 0, 0
    plain = laid.tolist()
    for start, stop, text, length in records.tolist():
        while place < len(plain) and plain[place][1] <= first:
            place += 1
        unit = (NO_UNIT, NO_UNIT)
        if place < len(plain) and plain[place][0] <= first < min(plain[place][1], first + length):
            unit = plain[place][3:]
        rows += [(at, start, own, NO_UNIT, NO_UNIT), (start, text, own, *unit)]
        inside = place
        while inside < len(plain) and plain[inside][0] < first + length:
            low, high = max(plain[inside][0], first), min(plain[inside][1], first + length)
            rows.append((text + low - first, text + high - first, *plain[inside][2:]))
            inside += 1
        rows.append((text + length, stop, own, *unit))
        at, first = stop, first + length
    rows.append((at, end, own, NO_UNIT, NO_UNIT))
    return spans([row for row in rows if row[0] < row[1]])
