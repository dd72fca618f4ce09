"""What any bytes may do to the readers of captures, key logs and TLS: the same as in targets.py.

A file, or a packet in a file that is sound, is read by both lanes, which must agree; then it is decoded, and every
byte on the wire must be in one bucket of the ledger.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np

from tests.capture.build import flows, pcap
from tests.capture.scapy_lane import assert_equal, read_by_scapy
from tests.capture.wrapped import WRAPPINGS, conversation, ip4
from wsviz.capture.capture import Capture
from wsviz.capture.gzipped import LARGEST_UNPACKED, Gunzipped
from wsviz.capture.ledger import count_connection, count_outside_tcp
from wsviz.capture.packets import read_packets, read_packets_from
from wsviz.capture.tls_keylog import KeyLog, parse_key_log
from wsviz.protocol.fields import CaptureError, WsvizError

CAPTURES = Path(__file__).parents[2] / "captures"
LINKS = sorted({wrapping.link for wrapping in WRAPPINGS.values()})
TLS = ("wss12", "wss13")


def file(data: bytes) -> None:
    """A capture of any format."""
    tables = []
    for reader in (lambda raw: read_packets_from(io.BytesIO(raw), "made.pcap"), read_by_scapy):
        with suppress(CaptureError):
            tables.append(reader(data))
    assert len(tables) != 1, "one lane reads what the other refuses"
    if tables:
        assert_equal(*tables)
        _decode(data)


def packet(data: bytes) -> None:
    """Packets with a byte of the link type and two of their length before each, all in one file of that link type."""
    if data:
        link, packets, at = LINKS[data[0] % len(LINKS)], [], 1
        while at < len(data):
            size = int.from_bytes(data[at : at + 2], "big")
            packets.append(data[at + 2 : at + 2 + size])
            at += 2 + size
        file(pcap(packets, link=link))


def gzipped(data: bytes) -> None:
    whole, pieces = Gunzipped(io.BytesIO(data)), Gunzipped(io.BytesIO(data))
    expected, got = whole.read_all(), bytearray()
    while some := pieces.read(1 + len(got) % 1000):
        got += some
    assert got[: len(expected)] == expected  # in small pieces, zlib gives more of what stands before the damage
    assert got == expected or whole.trouble
    assert (whole.trouble, whole.more_follows) == (pieces.trouble, pieces.more_follows)
    assert len(got) <= LARGEST_UNPACKED


def keylog(data: bytes) -> None:
    with suppress(WsvizError):
        log = parse_key_log(data)
        assert all(len(random) == 32 and 0 < len(secret) <= 64 for (_, random), secret in log.secrets.items())


def tls(data: bytes) -> None:
    """A connection, after the two bytes that say how many of the others are the client's; with the keys at hand."""
    client = int.from_bytes(data[:2], "big")
    _decode(_connection(data[2 : 2 + client], data[2 + client :]), _keys())


def _decode(data: bytes, keys: KeyLog | None = None) -> None:
    table = read_packets_from(io.BytesIO(data), "made.pcap")
    capture = Capture("made.pcap", table, keys=keys)
    buckets = [count_outside_tcp(table)]  # not by way of the tables, as pandas takes longer than all the rest
    for connection in capture.connections:
        buckets += count_connection(connection.wire_directions(), None).values()
    assert min(map(np.min, buckets)) >= 0
    assert sum(int(counts.sum()) for counts in buckets) == capture.wire_bytes
    assert len(capture.payloads()) == sum(len(connection.messages) for connection in capture.connections)
    assert all("\n" not in finding.explanation for _, finding in capture.all_findings())


@cache
def _keys() -> KeyLog:
    return parse_key_log(b"".join((CAPTURES / f"{name}.keys").read_bytes() for name in TLS))


def _connection(client: bytes, server: bytes) -> bytes:
    """A file in which each side sends these bytes, the client first."""
    packets = []
    for back, data in enumerate((client, server)):
        ports = (443, 40000) if back else (40000, 443)
        for seq, flags, part in [
            (99, 0x02, b""),
            *((100 + at, 0x18, data[at:][:1000]) for at in range(0, len(data), 1000)),
        ]:
            head = struct.pack(">HHIIBBHHH", *ports, seq, 100, 0x50, flags | 0x10 * back, 1000, 0, 0)
            packets.append(ip4(6, head + part, back=bool(back)))
    return pcap(packets, link=101)


CAPTURE_TARGETS = {f.__name__: f for f in (file, packet, gzipped, keylog, tls)}


def capture_seeds(name: str) -> Iterator[bytes]:
    """Bytes to begin with: recordings, the conversation in all its wrappings, and the TLS streams with their keys."""
    import gzip

    files = [path.read_bytes()[:4000] for path in (CAPTURES / "echo.pcapng", CAPTURES / "wss13.pcapng")]
    files += [pcap(conversation(), link=101, endian=endian, nano=endian == ">") for endian in "<>"]
    if name == "file":
        yield from files
        yield gzip.compress(files[-1])
    elif name == "packet":
        for wrapping in WRAPPINGS.values():
            packets = [wrapping.wrap(inner) for inner in conversation(six=wrapping.six)[3:6]]
            yield bytes([LINKS.index(wrapping.link)]) + b"".join(len(raw).to_bytes(2, "big") + raw for raw in packets)
    elif name == "gzipped":
        yield from (gzip.compress(raw, mtime=0) for raw in (*files, b"", bytes(100_000)))
        yield gzip.compress(files[-1], mtime=0) * 2 + b"junk"
    elif name == "keylog":
        yield from ((CAPTURES / f"{stem}.keys").read_bytes() for stem in TLS)
    elif name == "tls":
        for stem in TLS:
            for flow in flows(read_packets(CAPTURES / f"{stem}.pcapng")):
                opener = flow.opener or 0
                client, server = (
                    flow.directions[side].read(0, flow.directions[side].end) for side in (opener, 1 - opener)
                )
                yield len(client).to_bytes(2, "big") + client + server
