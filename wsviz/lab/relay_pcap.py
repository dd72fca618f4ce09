"""What a relay recorded, as packets: the bytes and their times are real, the headers around them are made.

A relay sees bytes, no packets. So that everything that reads captures reads its recordings too, each chunk is put
into segments of up to 1460 bytes, with the headers and the acknowledgements that TCP would have around them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wsviz.capture.scapy_bridge import pcapng, tcp_packet
from wsviz.lab.relay_recording import Event, Kind, Wire
from wsviz.protocol.fields import Side

SEGMENT = 1460  # bytes of payload: what fits a packet of Ethernet
COMMENT = (
    "Recorded by a relay of wsviz, as seen by the {side}. TCP/IP headers are made by wsviz; times and bytes are "
    "real. Packets without data are made too. A run of segments with one time is what the relay read or wrote at "
    "once, which need not be what its sender wrote at once."
)
STOPPED = " Recording stopped at its limit of {limit:,} bytes of memory; the traffic went on."

Packet = tuple[int, bytes]
"""Time in ns since the epoch, and the bytes from the IP header on."""


def file_blocks(wires: Sequence[Wire], side: Side, stopped_at: int | None) -> Iterator[bytes]:
    """A pcapng file, block by block, of what was seen beside `side`; `stopped_at` is the limit that was reached."""
    comment = COMMENT.format(side=side)
    if stopped_at is not None:
        comment += STOPPED.format(limit=stopped_at)
    conversations = [_packets(number, wire) for number, wire in enumerate(wires)]
    return pcapng(heapq.merge(*conversations, key=lambda packet: packet[0]), comment)


def _packets(number: int, wire: Wire) -> Iterator[Packet]:
    """The packets of one connection; the number keeps apart two that use the same ports."""
    talk = _Talk({Side.CLIENT: wire.client, Side.SERVER: wire.server}, dict.fromkeys(Side, number))
    for event in wire.events:
        yield from talk.say(event)


@dataclass(slots=True)
class _Talk:
    """The state of one TCP connection between the two sides (RFC 9293)."""

    addresses: dict[Side, tuple[str, int]]
    next_seq: dict[Side, int]
    unacknowledged: dict[Side, int] = field(default_factory=lambda: dict.fromkeys(Side, 0))  # segments of each side

    def say(self, event: Event) -> Iterator[Packet]:
        """The packets of one event."""
        time, sender = event.time, event.sender
        if event.kind is Kind.OPEN:
            yield self._packet(time, sender, "S")
        elif event.kind is Kind.ACCEPT:
            yield self._packet(time, sender, "SA")
            yield self._packet(time, sender.other, "A")
        elif event.kind is Kind.FIN:
            yield self._packet(time, sender, "FA")
            yield self._packet(time, sender.other, "A")
        elif event.kind is Kind.RST:
            yield self._packet(time, sender, "RA")
        else:
            yield from self._segments(event)

    def _segments(self, event: Event) -> Iterator[Packet]:
        for start in range(0, len(event.data), SEGMENT):
            payload = event.data[start : start + SEGMENT]
            flags = "PA" if start + SEGMENT >= len(event.data) else "A"
            yield self._packet(event.time, event.sender, flags, payload)
            self.unacknowledged[event.sender] += 1
            if self.unacknowledged[event.sender] == 2:  # every second segment, as RFC 9293 3.8.6.3 has it
                yield self._packet(event.time, event.sender.other, "A")

    def _packet(self, time: int, sender: Side, flags: str, payload: bytes = b"") -> Packet:
        ends, seq = (self.addresses[sender], self.addresses[sender.other]), self.next_seq[sender]
        ack = self.next_seq[sender.other] if "A" in flags else 0
        self.unacknowledged[sender.other] = 0
        self.next_seq[sender] += len(payload) + ("S" in flags) + ("F" in flags)
        return time, tcp_packet(*ends, seq, ack, flags, payload)
