"""TLS with a key log: the records of a connection become the plain bytes of both directions.

Each plain byte stands where its encrypted byte stood, so it came with the same packet at the same time; TLS's own
bytes (headers of records, handshake, nonces, tags, padding) fall out of the stream, and count as `tls` in the ledger.
What cannot be read is said with the reason, and ends the reading of its direction.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from wsviz.capture.captured_frames import SIDES
from wsviz.capture.direction import PIECE, Direction
from wsviz.capture.packets import Array
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_alerts import alert_findings
from wsviz.capture.tls_cipher import CBC, SUITES, Stage, Suite, ciphers_of_12
from wsviz.capture.tls_hello import TLS12, TLS13, Hellos, Message, hello_of, read_hellos
from wsviz.capture.tls_keylog import MASTER_SECRET, TRAFFIC_SECRETS, KeyLog
from wsviz.capture.tls_reading import RECORD, TlsKeys, TlsReading
from wsviz.capture.tls_records import Application, ClearReader, Reader12, Reader13, RecordReader
from wsviz.protocol.fields import Finding, Side
from wsviz.protocol.rules import RULES


def read_tls(flow: Flow, keys: TlsKeys) -> TlsReading:
    """Read a connection that speaks TLS, as far as the keys and the capture allow."""
    hellos = [hello_of(direction) for direction in flow.directions]
    client = next((i for i, hello in enumerate(hellos) if hello and hello[0] == Message.CLIENT_HELLO), None)
    if client is None:
        return _unread(flow, None, "its beginning, the ClientHello, is not whole in the capture")
    asked, answered = hellos[client], hellos[1 - client]
    if asked is None or answered is None or answered[0] != Message.SERVER_HELLO:
        return _unread(flow, client, "there is no ServerHello that is whole in the capture")
    said = read_hellos(asked[1], answered[1])
    if said is None:
        return _unread(flow, client, "its hellos are garbled")
    sides = flow.directions[client], flow.directions[1 - client]
    readers = _readers(sides, said, keys.log)
    if isinstance(readers, str):
        return _unread(flow, client, readers)
    for reader in readers:
        if reader.stopped is None:
            reader.run()
    found = [finding for side, reader in zip(SIDES, readers, strict=True) for finding in _findings(side, reader)]
    if not any(reader.opened for reader in readers):
        return TlsReading(flow, None, client, tuple(found))
    ordered = [readers[0], readers[1]] if client == 0 else [readers[1], readers[0]]
    first, second = (_plain(reader, keys) for reader in ordered)
    records = _rows(ordered[0].parts), _rows(ordered[1].parts)
    return TlsReading(replace(flow, directions=(first, second)), records, client, tuple(found))


def _unread(flow: Flow, client: int | None, reason: str) -> TlsReading:
    """A connection of which nothing can be read; alerts in the clear are told all the same."""
    found = [RULES["tls-not-read"].finding(f"nothing is read from TLS: {reason}")]
    if client is not None:
        for side, direction in zip(SIDES, (flow.directions[client], flow.directions[1 - client]), strict=True):
            reader = ClearReader(direction)
            reader.run()
            found += alert_findings(side, reader.alerts)
    return TlsReading(flow, None, client, tuple(found))


def _readers(sides: tuple[Direction, Direction], said: Hellos, log: KeyLog) -> list[RecordReader] | str:
    """What reads the client's and the server's direction, or why neither can be read."""
    if said.version not in (TLS12, TLS13):
        return f"the version is {said.version:#06x}, and only TLS 1.2 (0x0303) and 1.3 (0x0304) are read"
    suite = SUITES.get(said.suite)
    if suite is None or suite.version != said.version:
        mode = " (CBC)" if said.suite in CBC else ""
        return f"the cipher suite is {said.suite:#06x}{mode}, and only AES-GCM and ChaCha20-Poly1305 are read"
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
        amount = sum(len(part.data) for part in reader.parts)
        before = f"after {amount:,} bytes of application data" if amount else "from its start on"
        words = f"the {side}'s TLS is not read {before}: {reader.stopped}"
        end = reader.parts[-1].end if reader.parts else 0
        yield RULES["tls-not-read"].finding(words, offset=end)
    yield from alert_findings(side, reader.alerts)


def _plain(reader: RecordReader, keys: TlsKeys) -> Direction:
    """The direction with the application's bytes alone, each in the packet that brought it encrypted."""
    wire, plain, rows, start, at = reader.direction, keys.plain, list[tuple[int, int, int, int]](), 0, 0
    pieces = wire.pieces.tolist()
    for part in reader.parts:
        low, end = part.at, part.at + len(part.data)
        while low < end:
            while pieces[at][0] + pieces[at][1] <= low:
                at += 1
            first, length, packet, source = pieces[at]
            high = min(end, first + length)
            place = source + low - first
            plain[place : place + high - low] = part.data[low - part.at : high - part.at]
            rows.append((start, high - low, packet, place))
            start, low = start + high - low, high
    return replace(
        wire, pieces=np.array(rows, dtype=PIECE), end=start, conflicts=[], plain=plain, cut=reader.stopped is not None
    )


def _rows(parts: list[Application]) -> Array:
    return np.array([(part.start, part.end, part.at, len(part.data)) for part in parts], dtype=RECORD)
