"""What the two sides of TLS say to each other, flight by flight: the handshake, alerts, and what was not read.

With a key log this knows the messages that are encrypted; without one, those in the clear.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from wsviz.capture.direction import Direction
from wsviz.capture.tls_alerts import alert_name
from wsviz.capture.tls_hello import Content, Message, Record, hello_of, read_hellos, records
from wsviz.capture.tls_records import UNKNOWN, Heard, Said, hear_in_the_clear
from wsviz.capture.tls_suites import TLS13, suite_in_words, version_in_words
from wsviz.protocol.fields import SIDES, Side

# RFC 8446 4 and RFC 5246 7.4; 6 is a ServerHello that asks for another ClientHello.
_MESSAGES = {
    UNKNOWN: "encrypted message",
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    5: "EndOfEarlyData",
    6: "HelloRetryRequest",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
    24: "KeyUpdate",
    25: "CompressedCertificate",
}


@dataclass(frozen=True, slots=True)
class Flight:
    """Records in a row from one side that hold what TLS itself says; or, where `said` is empty, what was not read.

    `start` and `end` are offsets in `direction`, the stream as TCP brought it. `agreed` names the version and the
    cipher in the flight with the ServerHello; `hides_handshake` tells of what was not read that it holds some of it.
    """

    sender: Side
    direction: Direction
    start: int
    end: int
    said: tuple[Said, ...] = ()
    agreed: str = ""
    hides_handshake: bool = False

    @property
    def packet(self) -> int:
        """The packet (1-based) that brought its first byte."""
        return self.direction.packet_at(self.start) + 1

    @property
    def packets(self) -> tuple[int, ...]:
        """The packets (1-based) that brought it."""
        return tuple(packet + 1 for packet in self.direction.packets_between(self.start, self.end))

    @property
    def wire_bytes(self) -> int:
        """How many of its bytes were on the wire, captured or not."""
        before, after = self.direction.seen(np.array([self.start, self.end]))
        return int(after - before)

    @property
    def names(self) -> list[str]:
        """What is said, in the words of the RFCs."""
        return [name_of(one) for one in self.said]

    def records(self, most: int | None = None) -> Iterator[Record]:
        """Its records; `most` limits the bytes that are looked at."""
        end = self.end if most is None else min(self.end, self.start + most)
        return records(self.direction, self.start, end)


def name_of(said: Said) -> str:
    if said.kind == Content.CHANGE_CIPHER_SPEC:
        return "ChangeCipherSpec"
    if said.kind == Content.ALERT:
        return f"alert {alert_name(said.number)}"
    return _MESSAGES.get(said.number, f"message {said.number}")


def flights_of(client: Direction, server: Direction, heard: tuple[Heard, Heard] | None) -> tuple[Flight, ...]:
    """The flights of a connection in the order of their packets.

    `heard` is what a key log made heard; None for what is in the clear.
    """
    told = heard or (hear_in_the_clear(client), hear_in_the_clear(server))
    agreed, is_13 = _agreement(client, server)
    parts, flights = list[Flight](), list[Flight]()
    for side, direction, (all_said, end) in zip(SIDES, (client, server), told, strict=True):
        for one in all_said:
            words = agreed if _answers(one) else ""
            parts.append(Flight(side, direction, one.start, one.end, (one,), words))
        if end < direction.end and len(direction.pieces):
            hides = is_13 and not any(one.sealed for one in all_said)
            parts.append(Flight(side, direction, end, direction.end, hides_handshake=hides))
    for flight in sorted(parts, key=lambda part: (part.packet, part.start)):
        last = flights[-1] if flights else None
        if last and flight.said and last.said and last.sender is flight.sender and flight.start <= last.end:
            said, words = (*last.said, *flight.said), last.agreed or flight.agreed
            flights[-1] = replace(last, end=max(last.end, flight.end), said=said, agreed=words)
        else:
            flights.append(flight)
    return tuple(flights)


def _answers(said: Said) -> bool:
    return (said.kind, said.number, said.sealed) == (Content.HANDSHAKE, Message.SERVER_HELLO, False)


def _agreement(client: Direction, server: Direction) -> tuple[str, bool]:
    """The version and the cipher in words, and whether that is TLS 1.3."""
    asked, answered = hello_of(client), hello_of(server)
    hellos = read_hellos(asked[1], answered[1]) if asked and answered else None
    if hellos is None:
        return "", False
    return f"{version_in_words(hellos.version)}, {suite_in_words(hellos.suite)}", hellos.version == TLS13
