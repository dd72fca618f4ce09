"""Captures made by hand: the packets of a conversation, and the bytes of pcap and pcapng files.

Packets come from scapy; files are laid out here with struct, so that scapy's reader is not tested by its own writer.
Nothing is random: the same calls give the same bytes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsviz.capture.capture import Capture
from wsviz.capture.packets import PacketTable, read_packets_from
from wsviz.capture.tcp import Direction, Flow, build_flow, packets_by_flow

# After wsviz, which keeps scapy quiet while it is imported.
from scapy.layers.inet import IP, TCP  # isort: skip
from scapy.layers.l2 import Ether  # isort: skip
from scapy.packet import Packet, Padding, Raw  # isort: skip

START = 1_700_000_000_000_000_000  # ns; packet n comes n microseconds later
ETHERNET = 1
CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
REQUEST = b"GET /chat HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + (
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
RESPONSE = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + (
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


@dataclass(slots=True)
class Talk:
    """The packets of one TCP connection; `at` is always an offset in the sender's stream."""

    client_isn: int = 1000
    server_isn: int = 5000
    client_port: int = 40000
    packets: list[Packet] = field(default_factory=list)

    def open(self) -> Talk:
        """SYN, SYN-ACK, ACK."""
        return self.client(b"", -1, "S").server(b"", -1, "SA").client(b"", 0, "A")

    def client(self, data: bytes, at: int, flags: str = "PA", **fields: Any) -> Talk:
        """A segment from the client; `fields` replace those of its IP header."""
        seq, ports = self.client_isn + 1 + at, {"sport": self.client_port, "dport": 80}
        return self._add(CLIENT, SERVER, seq, self.server_isn + 1, data, flags, ports, fields)

    def server(self, data: bytes, at: int, flags: str = "PA", **fields: Any) -> Talk:
        """A segment from the server."""
        seq, ports = self.server_isn + 1 + at, {"sport": 80, "dport": self.client_port}
        return self._add(SERVER, CLIENT, seq, self.client_isn + 1, data, flags, ports, fields)

    def _add(
        self,
        source: str,
        destination: str,
        seq: int,
        ack: int,
        data: bytes,
        flags: str,
        ports: dict[str, int],
        fields: dict[str, Any],
    ) -> Talk:
        tcp = TCP(seq=seq % 2**32, ack=ack % 2**32 if "A" in flags else 0, flags=flags, **ports)
        packet = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src=source, dst=destination, **fields)
        self.packets.append(packet / tcp / Raw(data) if data else packet / tcp)
        return self

    def pad(self, data: bytes) -> Talk:
        """Append bytes after the last packet's IP packet."""
        self.packets[-1] = self.packets[-1] / Padding(data)
        return self

    def capture(self, *, snap: int = 2**32 - 1) -> Capture:
        """The capture of these packets, each cut to `snap` bytes."""
        return read(pcap(map(bytes, self.packets), snap=snap))


def times(count: int) -> list[int]:
    """When packets come, in ns."""
    return [START + 1000 * number for number in range(count)]


def pcap(
    packets: Iterable[bytes], *, link: int = ETHERNET, endian: str = "<", nano: bool = False, snap: int = 2**32 - 1
) -> bytes:
    """A pcap file."""
    file = struct.pack(endian + "IHHiIII", 0xA1B23C4D if nano else 0xA1B2C3D4, 2, 4, 0, 0, 65535, link)
    for number, packet in enumerate(packets):
        seconds, rest = divmod(START + 1000 * number, 10**9)
        raw = packet[:snap]
        file += struct.pack(endian + "IIII", seconds, rest if nano else rest // 1000, len(raw), len(packet)) + raw
    return file


def block(kind: int, body: bytes, endian: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(endian + "I", 12 + len(body))
    return struct.pack(endian + "I", kind) + length + body + length


def section(endian: str = "<") -> bytes:
    """A pcapng Section Header Block."""
    return block(0x0A0D0D0A, struct.pack(endian + "IHHq", 0x1A2B3C4D, 1, 0, -1), endian)


def interface(link: int, endian: str = "<", resolution: int | None = None) -> bytes:
    """An Interface Description Block; `resolution` is its if_tsresol, None for microseconds by default."""
    option = b"" if resolution is None else struct.pack(endian + "HHB3xHH", 9, 1, resolution, 0, 0)
    return block(1, struct.pack(endian + "HHI", link, 0, 0) + option, endian)


def enhanced(packet: bytes, ticks: int, interface_id: int = 0, endian: str = "<", length: int | None = None) -> bytes:
    """An Enhanced Packet Block."""
    wire = len(packet) if length is None else length
    head = struct.pack(endian + "IIIII", interface_id, ticks >> 32, ticks & 0xFFFFFFFF, len(packet), wire)
    return block(6, head + packet, endian)


def pcapng(packets: Sequence[bytes], *, link: int = ETHERNET, endian: str = "<", resolution: int = 9) -> bytes:
    """A pcapng file with one interface whose times count 10**-resolution seconds."""
    ticks = [time // 10 ** (9 - resolution) for time in times(len(packets))]
    blocks = (enhanced(packet, tick, 0, endian) for packet, tick in zip(packets, ticks, strict=True))
    return section(endian) + interface(link, endian, resolution) + b"".join(blocks)


def read(file: bytes) -> Capture:
    """A capture from the bytes of a file."""
    return Capture("made.pcap", read_packets_from(io.BytesIO(file), "made.pcap"))


def flows(table: PacketTable) -> list[Flow]:
    """All TCP connections of a file, put together."""
    return [build_flow(table, packets) for packets in packets_by_flow(table)]


def streams(file: bytes) -> list[tuple[Direction, Direction]]:
    """Both directions of each TCP connection in a file, the one whose packet came first in front."""
    return [flow.directions for flow in flows(read_packets_from(io.BytesIO(file), "made.pcap"))]


def rules(capture: Capture, index: int = 0) -> list[str]:
    """The rules of one connection's findings."""
    return [finding.rule for finding in capture.connections[index].findings]


UNITS = ("connection", "exchange", "message")


def assert_conserved(capture: Capture, units: Sequence[str] = UNITS) -> None:
    """The ledger's law: its buckets sum to the bytes on the wire, whatever the unit, per connection and in total."""
    sizes = capture.summary.set_index("connection")["bytes"].to_dict()
    for by in units:
        table = capture.overhead(by)
        buckets = table.drop(columns=[name for name in ("connection", by) if name in table])
        assert int((buckets < 0).sum().sum()) == 0
        totals = buckets.sum(axis=1)
        assert int(totals.sum()) == capture.wire_bytes
        assert totals.groupby(table["connection"]).sum().to_dict() == sizes
