"""The records of one direction, opened one after the other until one cannot be."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from wsviz.capture.direction import Direction
from wsviz.capture.tls_hello import HEADER, HELLOS_END, Content, Message, Messages, Record, body_size, records

if TYPE_CHECKING:  # with it comes cryptography, an extra
    from wsviz.capture.tls_cipher import Opened, RecordCipher, Stage

MOST_SAID = 1000  # handshake messages and alerts of one direction that are kept
UNKNOWN = -1  # the number of a message that is encrypted, and was not read


class Said(NamedTuple):
    """What one side of TLS said to the other: a handshake message, a ChangeCipherSpec or an alert.

    `start` and `end` are stream offsets, of its first record's first byte and after its last one's; `kind` is the
    content type, `number` that of the message or the alert; `sealed` says whether it was encrypted.
    """

    start: int
    end: int
    kind: int
    number: int
    sealed: bool


class Heard(NamedTuple):
    """What was read of one side's TLS: what it said, and the stream offset up to which it was read."""

    said: list[Said]
    end: int


@dataclass(slots=True)
class RecordReader:
    """Reads one direction. `stopped` says why reading ended before the direction did; None where it did not.

    `plain` is the application's data; `parts` has four numbers for each record that holds some: the stream offsets of
    the record, of the byte after it and of the data in it, and how many bytes that is.
    """

    direction: Direction
    plain: bytearray = field(default_factory=bytearray, repr=False)
    parts: array[int] = field(default_factory=lambda: array("q"), repr=False)
    said: list[Said] = field(default_factory=list)
    stopped: str | None = None
    opened: int = 0  # protected records
    _messages: Messages = field(default_factory=Messages)
    _began: int = 0  # the record in which the pending message begins

    def run(self) -> None:
        """Read up to the direction's end, or the first record that is missing, cut, or cannot be opened."""
        direction, at, gap = self.direction, 0, self.direction.first_gap
        for record in records(direction, 0, gap):
            self.stopped = self.take(record)
            if self.stopped is not None:
                return
            at = record.end
        if direction.first_gap < direction.end:
            self.stopped = (
                f"bytes are missing from the capture at offset {direction.first_gap}, within or after a record"
            )
        elif at + HEADER <= direction.end and body_size(direction.read(at, at + HEADER)) is None:
            self.stopped = f"what stands in packet {direction.packet_at(at) + 1} is no record of TLS"
        elif at < direction.end:
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
            self.parts.extend((record.offset, record.end, at, len(opened.data)))
            self.plain += opened.data
        elif opened.kind == Content.ALERT:
            self.note_alert(record, opened.data, sealed=True)
        return opened

    def hear(self, record: Record, data: bytes, *, sealed: bool = False) -> Iterator[int]:
        """The types of the handshake messages that end in a record with this content."""
        if not self._messages.pending:
            self._began = record.offset
        for kind, _ in self._messages.feed(data):
            self.note(Said(self._began, record.end, Content.HANDSHAKE, kind, sealed))
            self._began = record.offset
            yield kind

    def hear_in_the_clear(self, record: Record) -> None:
        """File what a record says that is not protected."""
        if record.kind == Content.HANDSHAKE:
            for _ in self.hear(record, record.body):
                pass
        elif record.kind == Content.CHANGE_CIPHER_SPEC:
            self.note(Said(record.offset, record.end, record.kind, UNKNOWN, sealed=False))
        elif record.kind == Content.ALERT:
            self.note_alert(record, record.body)

    def note_alert(self, record: Record, body: bytes, *, sealed: bool = False) -> None:
        """File an alert."""
        if len(body) == 2:
            self.note(Said(record.offset, record.end, Content.ALERT, body[1], sealed))

    @property
    def heard(self) -> Heard:
        """What was said, and the end of the last record that was read."""
        if self.stopped is None:
            return Heard(self.said, self.direction.end)
        return Heard(self.said, max([0, *self.parts[-3:-2], *(one.end for one in self.said[-1:])]))

    def note(self, said: Said) -> None:
        """File what was said, as far as there is room."""
        if len(self.said) < MOST_SAID:
            self.said.append(said)


@dataclass(slots=True)
class ClearReader(RecordReader):
    """Without keys: handshake messages and alerts in the clear can be read."""

    _changed: bool = False

    def take(self, record: Record) -> str | None:
        if self._changed and record.kind == Content.HANDSHAKE:
            self.note(Said(record.offset, record.end, record.kind, UNKNOWN, sealed=True))
        else:
            self._changed = self._changed or record.kind == Content.CHANGE_CIPHER_SPEC
            self.hear_in_the_clear(record)
        return None


def hear_in_the_clear(direction: Direction) -> Heard:
    """What one side says at the beginning of a connection, as far as it can be read without keys."""
    reader = ClearReader(direction, stopped="there are no keys")
    for record in records(direction, 0, min(direction.first_gap, HELLOS_END)):
        reader.take(record)
    return reader.heard


@dataclass(slots=True, kw_only=True)
class Reader12(RecordReader):
    """TLS 1.2: every record after ChangeCipherSpec is protected."""

    cipher: RecordCipher
    _changed: bool = False

    def take(self, record: Record) -> str | None:
        if not self._changed:
            self._changed = record.kind == Content.CHANGE_CIPHER_SPEC
            self.hear_in_the_clear(record)
            if self._changed:
                self._messages = Messages()
            return None
        if record.kind == Content.CHANGE_CIPHER_SPEC:
            return "the keys change a second time (renegotiation), which is not followed"
        opened = self.open_with(self.cipher, record)
        if isinstance(opened, str):
            return opened
        if opened.kind == Content.HANDSHAKE:
            for _ in self.hear(record, opened.data, sealed=True):
                pass
        return None


@dataclass(slots=True, kw_only=True)
class Reader13(RecordReader):
    """TLS 1.3: what is application data on the outside is protected; Finished and each KeyUpdate change the keys."""

    stage: Stage
    following: Stage | None  # after Finished; None from then on
    early: bool  # whether the client offered 0-RTT

    def take(self, record: Record) -> str | None:
        if record.kind != Content.APPLICATION_DATA:
            self.hear_in_the_clear(record)
            return None
        if not self.opened:
            self._messages = Messages()
        opened = self.open_with(self.stage.cipher, record)
        if isinstance(opened, str):
            return "it begins with 0-RTT data, whose keys are not used" if self.early and not self.opened else opened
        if opened.kind == Content.HANDSHAKE:
            for kind in self.hear(record, opened.data, sealed=True):
                self.change_keys(kind)
        return None

    def change_keys(self, message: int) -> None:
        """Follow a handshake message to the keys that hold after it."""
        if message == Message.FINISHED and self.following is not None:
            self.stage, self.following = self.following, None
        elif message == Message.KEY_UPDATE and self.following is None:
            self.stage = self.stage.updated()
