"""TLS with a key log: the records of a connection become the plain bytes of both directions.

Each plain byte stands where its encrypted byte stood, so it came with the same packet at the same time; TLS's own
bytes (headers of records, handshake, nonces, tags, padding) fall out of the stream, and count as `tls` in the ledger.
What cannot be read is said with the reason, and ends the reading of its direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from wsviz.capture.direction import Direction
from wsviz.capture.packets import Array
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_alerts import alert_findings
from wsviz.capture.tls_cipher import Stage, ciphers_of_12
from wsviz.capture.tls_hello import Hellos, Message, hello_of, read_hellos
from wsviz.capture.tls_keylog import MASTER_SECRET, TRAFFIC_SECRETS, KeyLog
from wsviz.capture.tls_reading import RECORD, TlsKeys, TlsReading, plain_pieces
from wsviz.capture.tls_records import ClearReader, Reader12, Reader13, RecordReader
from wsviz.capture.tls_suites import SUITES, TLS12, TLS13, Suite, suite_in_words, version_in_words
from wsviz.protocol.fields import SIDES, Finding, Side
from wsviz.protocol.rules import RULES


def read_tls(flow: Flow, keys: TlsKeys) -> TlsReading:
    """Read a connection that speaks TLS, as far as the keys and the capture allow."""
    hellos = [hello_of(direction) for direction in flow.directions]
    client = next((i for i, hello in enumerate(hellos) if hello and hello[0] == Message.CLIENT_HELLO), None)
    if client is None:
        return _unread(flow, None, "its beginning, the ClientHello, is not whole in the capture")
    asked, answered = hellos[client], hellos[1 - client]
    if asked is None or answered is None or answered[0] not in (Message.SERVER_HELLO, Message.RETRY_REQUEST):
        return _unread(flow, client, "there is no ServerHello that is whole in the capture")
    said = read_hellos(asked[1], answered[1])
    if said is None:
        return _unread(flow, client, "its hellos are garbled")
    sides = flow.directions[client], flow.directions[1 - client]
    readers = _readers(sides, said, keys.log)
    if isinstance(readers, str):
        return _unread(flow, client, readers)
    for reader in readers:
        _run(reader)
    found = [finding for side, reader in zip(SIDES, readers, strict=True) for finding in _findings(side, reader)]
    heard = readers[0].heard, readers[1].heard
    if not any(reader.opened for reader in readers):
        return TlsReading(flow, None, client, tuple(found), heard)
    ordered = [readers[0], readers[1]] if client == 0 else [readers[1], readers[0]]
    records = _rows(ordered[0]), _rows(ordered[1])
    first, second = (_plain(reader, rows, keys) for reader, rows in zip(ordered, records, strict=True))
    return TlsReading(replace(flow, directions=(first, second)), records, client, tuple(found), heard)


def _unread(flow: Flow, client: int | None, reason: str) -> TlsReading:
    """A connection of which nothing can be read; alerts in the clear are told all the same."""
    found = [RULES["tls-not-read"].finding(f"nothing is read from TLS: {reason}")]
    if client is None:
        return TlsReading(flow, None, None, tuple(found))
    readers = [ClearReader(flow.directions[side], stopped=reason) for side in (client, 1 - client)]
    for side, reader in zip(SIDES, readers, strict=True):
        _run(reader)
        found += alert_findings(side, reader.said)
    return TlsReading(flow, None, client, tuple(found), (readers[0].heard, readers[1].heard))


def _run(reader: RecordReader) -> None:
    """Read a direction; a reason to stop that is known before stands."""
    known = reader.stopped
    reader.run()
    reader.stopped = known or reader.stopped


def _readers(sides: tuple[Direction, Direction], said: Hellos, log: KeyLog) -> list[RecordReader] | str:
    """What reads the client's and the server's direction, or why neither can be read."""
    if said.version not in (TLS12, TLS13):
        return f"the version is {version_in_words(said.version)}, and only TLS 1.2 and 1.3 are read"
    suite = SUITES.get(said.suite)
    if suite is None or suite.version != said.version:
        return f"the cipher suite is {suite_in_words(said.suite)}, and only AES-GCM and ChaCha20-Poly1305 are read"
    if said.compressed:
        return "its records are compressed"
    if not log.knows(said.client_random):
        return "the key log has no secrets of this connection"
    return _readers_13(sides, said, suite, log) if said.version == TLS13 else _readers_12(sides, said, suite, log)


def _readers_12(
    sides: tuple[Direction, Direction], said: Hellos, suite: Suite, log: KeyLog
) -> list[RecordReader] | str:
    master = log.find(MASTER_SECRET, said.client_random)
    if master is None or len(master) != 48:
        return "the key log has no master secret of 48 bytes for this connection"
    ciphers = ciphers_of_12(suite, master, said.client_random, said.server_random)
    return [Reader12(direction, cipher=cipher) for direction, cipher in zip(sides, ciphers, strict=True)]


def _readers_13(
    sides: tuple[Direction, Direction], said: Hellos, suite: Suite, log: KeyLog
) -> list[RecordReader] | str:
    readers = list[RecordReader]()
    for side, direction in zip(SIDES, sides, strict=True):
        labels = [f"{side.upper()}_{kind}" for kind in TRAFFIC_SECRETS]
        secrets = [log.find(label, said.client_random) for label in labels]
        wrong = [
            label
            for label, secret in zip(labels, secrets, strict=True)
            if secret is None or len(secret) != suite.digest_size
        ]
        if wrong:
            words = f"the key log has no {wrong[0]} of {suite.digest_size} bytes for this connection"
            readers.append(ClearReader(direction, stopped=words))
            continue
        stages = [Stage.of(suite, secret) for secret in secrets if secret is not None]
        early = said.early_data and side is Side.CLIENT
        readers.append(Reader13(direction, stage=stages[0], following=stages[1], early=early))
    return readers


def _findings(side: Side, reader: RecordReader) -> Iterator[Finding]:
    if reader.stopped is not None:
        amount = len(reader.plain)
        before = f"after {amount:,} bytes of application data" if amount else "from its start on"
        words = f"the {side}'s TLS is not read {before}: {reader.stopped}"
        yield RULES["tls-not-read"].finding(words, offset=reader.parts[-3] if reader.parts else 0)
    yield from alert_findings(side, reader.said)


def _rows(reader: RecordReader) -> Array:
    return np.frombuffer(reader.parts, "i8").view(RECORD)


def _plain(reader: RecordReader, records: Array, keys: TlsKeys) -> Direction:
    """The direction with the application's bytes alone, each in the packet that brought it encrypted."""
    pieces, plain, data = plain_pieces(records, reader.direction.pieces), keys.plain, memoryview(reader.plain)
    for start, length, _, place in pieces.tolist():
        plain[place : place + length] = data[start : start + length]
    end, cut = len(data), reader.stopped is not None
    return replace(reader.direction, pieces=pieces, end=end, conflicts=[], plain=plain, cut=cut)
