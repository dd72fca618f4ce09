"""One capture file: its connections, and everything about them as tables."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from wsviz.capture.captured_frames import FRAME, SIDES
from wsviz.capture.connection import Connection
from wsviz.capture.file_findings import damage_of_file, gaps_of_file
from wsviz.capture.frame_timing import timing_columns
from wsviz.capture.mechanism import visits_of
from wsviz.capture.packets import Array, PacketTable, read_packets
from wsviz.capture.tcp import build_flows
from wsviz.capture.tls_keylog import KeyLog, read_key_log
from wsviz.capture.tls_reading import TlsKeys
from wsviz.protocol.fields import Finding, WsvizError

if TYPE_CHECKING:  # the tables import pandas, which costs half a second, on first use
    import pandas as pd

FRAME_COLUMNS = (
    "connection",
    "time",
    "sender",
    "opcode",
    "fin",
    "rsv1",
    "masked",
    "header_length",
    "payload_length",
    "packet",
)


def read_capture(
    path: str | os.PathLike[str],
    *,
    keylog: str | os.PathLike[str] | None = None,
    extensions: str | None = None,
    reveal: bool = False,
) -> Capture:
    """Read a pcap or pcapng file, plain or gzipped.

    A file that is cut gives what is there and the finding `file-cut`, and so does a gzipped file that unpacks to more
    than 1 GiB (1,073,741,824 bytes), beyond which nothing is read. Raises CaptureError where nothing can be read.
    `keylog` is a file with the secrets of TLS connections, as programs write it where SSLKEYLOGFILE is set: TLS 1.2
    and 1.3 with AES-GCM or ChaCha20-Poly1305 are then read like plain ones, and what is not has the finding
    `tls-not-read`. It needs the package cryptography. Raises WsvizError where the file holds no secrets.
    `extensions` is the Sec-WebSocket-Extensions value that holds where a handshake was not captured.
    Secrets, where they are recognised, are masked in its tables, pictures and sentences until `reveal` is True. The
    objects themselves (`connections[0].messages[0].data`, `payloads()`) hold what was sent in any case.
    """
    keys = None if keylog is None else read_key_log(keylog)
    return Capture(os.fspath(path), read_packets(path), keys=keys, extensions=extensions, reveal=reveal)


class Capture:
    """One capture file, decoded.

    The tables are pandas DataFrames, made on first use; `wsviz.capture.tables` names their columns, types and units.
    """

    def __init__(
        self,
        name: str,
        table: PacketTable,
        *,
        keys: KeyLog | None = None,
        extensions: str | None = None,
        reveal: bool = False,
    ) -> None:
        self.name, self._packets = name, table
        flows, secrets = build_flows(table), None if keys is None else TlsKeys(keys, table)
        self.connections = tuple(
            Connection(index, flow, table, extensions, secrets) for index, flow in enumerate(flows)
        )
        for connection in self.connections:
            connection.reveal = reveal
        for visits in visits_of(self.connections):
            for connection in visits.connections:
                connection.visits = visits

    def __repr__(self) -> str:
        return f"<Capture {self.name}: {self.packet_count:,} packets, {len(self.connections):,} connections>"

    @property
    def packet_count(self) -> int:
        """How many packets the file holds."""
        return len(self._packets.rows)

    @property
    def wire_bytes(self) -> int:
        """The bytes of all packets on the wire, those included that the snap length cut."""
        return int(self._packets.rows["length"].astype("i8").sum())

    @cached_property
    def file_findings(self) -> tuple[Finding, ...]:
        """The findings of the file itself: what is wrong with it, and what of it could not be decoded."""
        return (*damage_of_file(self._packets), *gaps_of_file(self._packets, self.connections))

    def frame_columns(self) -> dict[str, Array]:
        """The frame table as numpy arrays, in capture order; `time` is int64 ns since the epoch."""
        table = self._frame_rows()[self._frame_order]
        columns = {name: table[name] for name in FRAME_COLUMNS}
        columns["sender"] = np.array([side.value for side in SIDES])[columns["sender"]]
        return columns

    def _frame_rows(self) -> Array:
        return np.concatenate([np.zeros(0, FRAME), *(connection.frame_table for connection in self.connections)])

    @cached_property
    def _frame_order(self) -> Array:
        """The frames in capture order, as rows of the connections' tables one after the other."""
        rows = self._frame_rows()
        return np.lexsort((rows["offset"], rows["packet"]))

    def all_findings(self) -> list[tuple[Connection | None, Finding]]:
        """Every finding with its connection: first those of the file itself, which have none."""
        found: list[tuple[Connection | None, Finding]] = [(None, finding) for finding in self.file_findings]
        found += [(connection, finding) for connection in self.connections for finding in connection.findings]
        return found

    def payloads(self) -> list[bytes]:
        """The data of every message, inflated, in capture order."""
        return [connection.messages[number].data for connection, number in self.messages_in_order()]

    def messages_in_order(self) -> list[tuple[Connection, int]]:
        """Every message, as its connection and its index there, by the packets that brought their last bytes."""
        places = [
            (connection, number) for connection in self.connections for number in range(len(connection.messages))
        ]
        return sorted(places, key=lambda place: place[0].message_packets[place[1]])

    @cached_property
    def summary(self) -> pd.DataFrame:
        """A row a connection: who, what, how much, and why it ended."""
        from wsviz.capture import tables

        return tables.summary_table(self.connections, self._packets)

    @cached_property
    def packets(self) -> pd.DataFrame:
        """A row a packet; NA where it belongs to no TCP connection."""
        from wsviz.capture import tables

        return tables.packet_table(self.connections, self._packets)

    @cached_property
    def frames(self) -> pd.DataFrame:
        """A row a frame, in capture order: the columns of `frame_columns()`, then its `round_trip` and `idle`."""
        from wsviz.capture import tables

        timing = [np.zeros((2, 0)), *(np.array(timing_columns(connection)) for connection in self.connections)]
        round_trip, idle = np.concatenate(timing, axis=1)[:, self._frame_order]
        return tables.frame_table({**self.frame_columns(), "round_trip": round_trip, "idle": idle})

    @cached_property
    def messages(self) -> pd.DataFrame:
        """A row a message, in the order of their last bytes."""
        from wsviz.capture import tables

        return tables.message_table(self.messages_in_order())

    @cached_property
    def exchanges(self) -> pd.DataFrame:
        """A row an HTTP exchange, the upgrade included, in the order of the requests."""
        from wsviz.capture import tables

        return tables.exchange_table(self.connections)

    @cached_property
    def findings(self) -> pd.DataFrame:
        """A row a finding: those of the file first, then those of each connection."""
        from wsviz.capture import tables

        return tables.finding_table(self.all_findings())

    def overhead(self, by: str = "connection", *, detail: bool = False) -> pd.DataFrame:
        """The ledger: every byte on the wire in exactly one bucket, a row a unit and a column a bucket.

        `by` is "connection", "exchange", "message" or "mechanism"; bytes that belong to no unit stand in rows with NA
        as theirs. `detail` adds columns `of_which_...`, which count bytes of the buckets again: the packets without
        data that set TCP up, acknowledge, and tear it down.
        """
        from wsviz.capture import tables

        if by not in ("connection", "exchange", "message", "mechanism"):
            raise WsvizError(f"by is {by!r}, expected 'connection', 'exchange', 'message' or 'mechanism'")
        return tables.overhead_table(self.connections, self._packets, by, detail=detail)
