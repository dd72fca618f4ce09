"""The records of one direction, opened one after the other until one cannot be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from wsviz.capture.direction import Direction
from wsviz.capture.tls_cipher import Opened, RecordCipher, Stage
from wsviz.capture.tls_hello import HEADER, Content, Message, Messages, Record, is_header, records


class Application(NamedTuple):
    """The application's data in one record: stream offsets of the record, and of the data's first byte."""

    start: int
    end: int
    at: int
    data: bytes


class Alert(NamedTuple):
    """One alert (RFC 8446 6): the offset of its record, and its number."""

    offset: int
    number: int


@dataclass(slots=True)
class RecordReader:
    """Reads one direction. `stopped` says why reading ended before the direction did; None where it did not."""

    direction: Direction
    parts: list[Application] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    stopped: str | None = None
    opened: int = 0  # protected records
    _messages: Messages = field(default_factory=Messages)

    def run(self) -> None:
        """Read up to the direction's end, or the first record that is missing, cut, or cannot be opened."""
        direction, at = self.direction, 0
        stream = direction.read(0, direction.first_gap)
        for record in records(stream):
            self.stopped = self.take(record)
            if self.stopped is not None:
                return
            at = record.end
        if len(stream) < direction.end:
            self.stopped = f"bytes are missing from the capture at offset {len(stream)}, within or after a record"
        elif at + HEADER <= len(stream) and not is_header(stream[at : at + HEADER]):
            self.stopped = f"what stands in packet {direction.packet_at(at) + 1} is no record of TLS"
        elif at < len(stream):
            self.stopped = f"the last record, which begins in packet {direction.packet_at(at) + 1}, is cut"

    def take(self, record: Record) -> str | None:
        """Read one record; the reason where nothing can be read from there on."""
        raise NotImplementedError

    def open_with(self, cipher: RecordCipher, record: Record) -> Opened | str:
        """What a protected record holds, or why it cannot be opened; files application data and alerts."""
        opened = cipher.open(record.kind, record.body)
        if opened is None:
            packet = self.direction.packet_at(record.offset) + 1
            if not cipher.count:
                place = f"the first record they are for (packet {packet})"
                return f"the keys do not open {place}: they are wrong, or it was changed on its way"
            return f"the record that begins in packet {packet} does not authenticate: it was changed on its way"
        self.opened += 1
        if opened.kind == Content.APPLICATION_DATA:
            at = record.offset + HEADER + cipher.nonce_size
            self.parts.append(Application(record.offset, record.end, at, opened.data))
        elif opened.kind == Content.ALERT:
            self.note_alert(record.offset, opened.data)
        return opened

    def note_alert(self, offset: int, body: bytes) -> None:
        """File an alert in the clear."""
        if len(body) == 2:
            self.alerts.append(Alert(offset, body[1]))


@dataclass(slots=True)
class ClearReader(RecordReader):
    """Without keys: only alerts in the clear can be read."""

    def take(self, record: Record) -> str | None:
        if record.kind == Content.ALERT:
            self.note_alert(record.offset, record.body)
        return None


@dataclass(slots=True, kw_only=True)
class Reader12(RecordReader):
    """TLS 1.2: every record after ChangeCipherSpec is protected."""

    cipher: RecordCipher
    _changed: bool = False

    def take(self, record: Record) -> str | None:
        if not self._changed:
            self._changed = record.kind == Content.CHANGE_CIPHER_SPEC
            if record.kind == Content.ALERT:
                self.note_alert(record.offset, record.body)
            return None
        if record.kind == Content.CHANGE_CIPHER_SPEC:
            return "the keys change a second time (renegotiation), which is not followed"
        opened = self.open_with(self.cipher, record)
        return opened if isinstance(opened, str) else None


@dataclass(slots=True, kw_only=True)
class Reader13(RecordReader):
    """TLS 1.3: what is application data on the outside is protected; Finished and each KeyUpdate change the keys."""

    stage: Stage
    following: Stage | None  # after Finished; None from then on
    early: bool  # whether the client offered 0-RTT

    def take(self, record: Record) -> str | None:
        if record.kind != Content.APPLICATION_DATA:
            if record.kind == Content.ALERT:
                self.note_alert(record.offset, record.body)
            return None
        opened = self.open_with(self.stage.cipher, record)
        if isinstance(opened, str):
            return "it begins with 0-RTT data, whose keys are not used" if self.early and not self.opened else opened
        if opened.kind == Content.HANDSHAKE:
            for kind, _ in self._messages.feed(opened.data):
                self.change_keys(kind)
        return None

    def change_keys(self, message: int) -> None:
        """Follow a handshake message to the keys that hold after it."""
        if message == Message.FINISHED and self.following is not None:
            self.stage, self.following = self.following, None
        elif message == Message.KEY_UPDATE and self.following is None:
            self.stage = self.stage.updated()
