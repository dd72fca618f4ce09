"""One capture file: its connections, and everything about them as tables."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import IO, TYPE_CHECKING

import numpy as np

from wsviz.capture.capture_file import CaptureFile
from wsviz.capture.file_findings import damage_of_file, gaps_of_file
from wsviz.capture.octets import joined
from wsviz.capture.once import once
from wsviz.capture.packets import Array, PacketTable, TablePackets, open_capture, read_packets_from
from wsviz.capture.stores import OnDisk
from wsviz.capture.tls_keylog import KeyLog, read_key_log, with_own_secrets
from wsviz.capture.values import Values, frame_values, message_values
from wsviz.capture.volume_tables import ROW, Volume, frame_columns
from wsviz.protocol.fields import Finding, WsvizError

if TYPE_CHECKING:  # what costs time to import is so on first use: pandas, and all that decodes connections
    import pandas as pd

    from wsviz.capture.connection import Connection
    from wsviz.capture.connections import Connections
    from wsviz.capture.mechanism import Visits

IN_MEMORY = 64 << 20  # bytes of a file that are read at once; of a larger one, what is needed, when it is


def read_capture(
    path: str | os.PathLike[str],
    *,
    keylog: str | os.PathLike[str] | None = None,
    extensions: str | None = None,
    reveal: bool = False,
) -> Capture:
    """Read a pcap or pcapng file, plain or gzipped, or a HAR file.

    A file that is cut gives what is there and the finding `file-cut`, and so does a gzipped file that unpacks to more
    than 1 GiB (1,073,741,824 bytes), beyond which nothing is read. Raises CaptureError where nothing can be read.
    `keylog` is a file with the secrets of TLS connections, as programs write it where SSLKEYLOGFILE is set: TLS 1.2
    and 1.3 with AES-GCM or ChaCha20-Poly1305 are then read like plain ones, and what is not has the finding
    `tls-not-read`. It needs the package cryptography. Raises WsvizError where the file holds no secrets.
    `extensions` is the Sec-WebSocket-Extensions value that holds where a handshake was not captured.
    Secrets, where they are recognised, are masked in its tables, pictures and sentences until `reveal` is True. The
    objects themselves (`connections[0].messages[0].data`, `payloads()`) hold what was sent in any case.

    A HAR file, as Chromium's developer tools export it, is opened as far as it goes: exchanges and messages, but
    neither packets nor frames nor bytes on the wire.
    """
    from wsviz.capture.har import read_har  # what it gives is a Capture

    keys, name = None if keylog is None else read_key_log(keylog), os.fspath(path)
    with open_capture(path) as file:
        if (har := read_har(file, name, reveal=reveal)) is not None:
            return har
        packets = open_packets(file, name)
    return Capture(name, packets, keys=keys, extensions=extensions, reveal=reveal)


def open_packets(file: IO[bytes], name: str) -> PacketTable | CaptureFile:
    """The packets of a file: in memory, or where there are many, to be read from the file when they are needed.

    Raises CaptureError where nothing can be read.
    """
    if file.seek(0, os.SEEK_END) <= IN_MEMORY:
        return read_packets_from(file, name)
    source = CaptureFile(file, name)
    next(iter(source.packets()), None)
    return source


class Capture:
    """One capture file, decoded.

    The tables are pandas DataFrames, made on first use; `wsviz.capture.tables` names their columns, types and units.
    """

    def __init__(
        self,
        name: str,
        source: PacketTable | CaptureFile,
        *,
        keys: KeyLog | None = None,
        extensions: str | None = None,
        reveal: bool = False,
    ) -> None:
        self.name, self.reveal, self._source, self._extensions = name, reveal, source, extensions
        self._given_keys = keys

    @once
    def _packets(self) -> PacketTable:
        return self._source if isinstance(self._source, PacketTable) else self._source.table()

    @once
    def _keys(self) -> tuple[KeyLog | None, tuple[Finding, ...]]:
        """The key log that was given, with the one that the file holds, and what is wrong with that."""
        return with_own_secrets(self._given_keys, self._packets.secrets)

    @once
    def connections(self) -> Connections:
        """All TCP connections, numbered by their first packets; each is decoded when it is asked for."""
        from wsviz.capture.connection import Connection
        from wsviz.capture.connections import Connections
        from wsviz.capture.tcp import build_flow, packets_by_flow
        from wsviz.capture.tls_reading import TlsKeys

        table, keys = self._packets, self._keys[0]
        secrets = None if keys is None else TlsKeys(keys, table)
        packets = packets_by_flow(table)

        def decode(index: int) -> Connection:
            connection = Connection(index, build_flow(table, packets[index]), table, self._extensions, secrets)
            connection.reveal, connection.find_visits = self.reveal, lambda: self._visits[index]
            connection.find_store = lambda: self._store
            return connection

        return Connections(len(packets), decode, packets.silent(table))

    @once
    def _visits(self) -> dict[int, Visits]:
        """For each connection that carries anything all those between its two ends."""
        from wsviz.capture.mechanism import visits_of

        return visits_of(self.connections)

    @once
    def _store(self) -> OnDisk:
        """The data of messages that had to be inflated, where somebody asked for it."""
        return OnDisk()

    @once
    def _volume(self) -> Volume:
        source = self._source
        packets = partial(TablePackets, source) if isinstance(source, PacketTable) else source.packets
        return Volume(packets, self._given_keys, self._extensions)

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

    @property
    def is_in_memory(self) -> bool:
        """Whether the file was read as a whole, because it is small."""
        return isinstance(self._source, PacketTable)

    @property
    def damage(self) -> tuple[Finding, ...]:
        """What is wrong with the file itself, as far as it was read."""
        source = self._source
        if isinstance(source, PacketTable):
            return tuple(damage_of_file(source, len(source.rows)))
        return tuple(damage_of_file(source.latest, source.latest.packets))

    @once
    def file_findings(self) -> tuple[Finding, ...]:
        """The findings of the file itself: what is wrong with it, and what of it could not be decoded."""
        table = self._packets
        damage = damage_of_file(table, len(table.rows))
        return (*damage, *self._keys[1], *gaps_of_file(table, self.connections))

    def frame_columns(self) -> dict[str, Array]:
        """The frame table as numpy arrays, in capture order; `time` is int64 ns since the epoch."""
        rows = joined([np.zeros(0, ROW), *self._volume.frame_rows()])
        return frame_columns(rows)

    def all_findings(self) -> Iterator[tuple[Connection | None, Finding]]:
        """Every finding with its connection: first those of the file itself, which have none."""
        yield from ((None, finding) for finding in self.file_findings)
        for connection in self.connections:
            yield from ((connection, finding) for finding in connection.findings)

    def payloads(self) -> list[bytes]:
        """The data of every message, inflated, in capture order."""
        return self._volume.payloads()

    def frame_tables(self) -> Iterator[pd.DataFrame]:
        """The rows of `frames`, a table for some of them at a time: no more than a few are in memory."""
        from wsviz.capture import tables

        return tables.volume_frames(self._volume.timed_frames())

    def message_tables(self) -> Iterator[pd.DataFrame]:
        """The rows of `messages`, a table for some of them at a time; what comes later waits on disk."""
        from wsviz.capture import tables

        yield from map(tables.messages_as_table, self.message_values())

    def frame_values(self) -> Iterator[Values]:
        """The same as `frame_tables`, as columns of Python's own values, and without pandas; times are ns."""
        return frame_values(self._volume.timed_frames())

    def message_values(self) -> Iterator[Values]:
        """The same for `message_tables`."""
        with closing(OnDisk()) as store:
            yield from message_values(self._volume.messages(store), store, reveal=self.reveal)

    @once
    def summary(self) -> pd.DataFrame:
        """A row a connection: who, what, how much, and why it ended."""
        from wsviz.capture import tables

        return tables.summary_table(self.connections, self._packets)

    @once
    def packets(self) -> pd.DataFrame:
        """A row a packet; NA where it belongs to no TCP connection."""
        from wsviz.capture import tables

        return tables.packet_table(self.connections, self._packets)

    @once
    def frames(self) -> pd.DataFrame:
        """A row a frame, in capture order: the columns of `frame_columns()`, then its `round_trip` and `idle`."""
        from wsviz.capture import tables

        return tables.joined(self.frame_tables())

    @once
    def messages(self) -> pd.DataFrame:
        """A row a message, in the order of their last bytes."""
        from wsviz.capture import tables

        return tables.joined(self.message_tables())

    @once
    def exchanges(self) -> pd.DataFrame:
        """A row an HTTP exchange, the upgrade included, in the order of the requests."""
        from wsviz.capture import tables

        return tables.exchange_table(self.connections)

    @once
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
