"""scapy, the authority on capture files and packets: the records of a file, the place of each header."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, cast

# scapy warns through these loggers, on import and at odd packets; what it says of a file is collected below.
for _name in ("scapy", "scapy.loading", "scapy.interactive", "scapy.runtime"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

from scapy.config import conf
from scapy.error import Scapy_Exception, log_runtime
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6, IPv46
from scapy.layers.l2 import Ether, Loopback
from scapy.layers.ppp import PPPoE
from scapy.packet import Packet, bind_layers
from scapy.utils import RawPcapNgReader

from wsviz.protocol.fields import CaptureError

LARGEST_PACKET = 1 << 18  # bytes; a loopback packet has up to 65,549, scapy's own bound for pcap is 262,140
LAST_NS = (1 << 63) - 1  # the tables hold times as int64
_LINK_LAYERS = {14: IPv46}  # raw IP as OpenBSD numbers it; scapy knows the rest
_NEEDED = (Ether, PPPoE)  # imported so that scapy knows these link types
# The family in a BSD loopback header is the recording system's own number, in that machine's byte order.
for _layer, _families in ((IP, (2,)), (IPv6, (10, 24, 28, 30))):
    for _family in _families:
        bind_layers(Loopback, _layer, type=_family)
        bind_layers(Loopback, _layer, type=_family << 24)


class Record(NamedTuple):
    """One packet of a file: its captured bytes, its time in ns since the epoch, its length on the wire in bytes."""

    raw: bytes
    time: int
    length: int
    link_type: int


class Headers(NamedTuple):
    """Where the headers of a TCP packet lie, as byte offsets in the packet, and what they say.

    `end` is the first byte after the IP packet; what follows it is padding. It may lie beyond the captured bytes.
    """

    ip: int
    tcp: int
    payload: int
    end: int
    source: str
    destination: str
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int


class _Warnings(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class _Tap:
    """A file that remembers whether a read came back short, so that a cut last record is noticed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.short = False  # some bytes of the last read were there, others not

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        self.short = 0 < len(data) < size
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def close(self) -> None:
        self.file.close()


class CaptureReader:
    """Iterate over the records of a pcap or pcapng file, plain or gzipped.

    After the iteration `trouble` says why the file ended early, or is None. Raises CaptureError where the file is no
    capture.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.trouble: str | None = None
        self._tap = _Tap(file)
        try:
            with _collected_warnings():
                self._reader: Any = RawPcapNgReader(cast("str", self._tap))  # an open file serves as well
        except (Scapy_Exception, OSError, EOFError) as error:
            raise CaptureError(f"{name}: {_why_no_capture(file)}") from error

    def __iter__(self) -> Iterator[Record]:
        with _collected_warnings() as warnings:
            while True:
                try:
                    raw, metadata = self._reader._read_packet(size=LARGEST_PACKET)
                except EOFError:
                    break
                except Exception as error:  # what scapy trips over must not lose the packets before it
                    warnings.said.append(f"{type(error).__name__}: {error}")
                    break
                yield self._record(raw, metadata)
        if warnings.said:
            self.trouble = warnings.said[-1]
        elif self._tap.short:
            self.trouble = "the last record is cut"

    def _record(self, raw: bytes, metadata: Any) -> Record:
        if hasattr(metadata, "tshigh"):  # pcapng; a Simple Packet Block has no time
            ticks = (metadata.tshigh or 0) << 32 | (metadata.tslow or 0)
            time, link_type = ticks * 1_000_000_000 // metadata.tsresol, metadata.linktype
        else:  # scapy leaves nanoseconds in `usec` where the file counts them
            time = metadata.sec * 1_000_000_000 + metadata.usec * (1 if self._reader.nano else 1000)
            link_type = self._reader.linktype & 0xFFFF
        return Record(raw, min(time, LAST_NS), max(metadata.wirelen, len(raw)), link_type)


def _why_no_capture(file: IO[bytes]) -> str:
    with contextlib.suppress(OSError, ValueError):
        file.seek(0)
        start = file.read(4)
        if not start:
            return "the file is empty"
        return f"no pcap or pcapng file: it begins with {start.hex(' ')}"
    return "no pcap or pcapng file"


@contextlib.contextmanager
def _collected_warnings() -> Iterator[_Warnings]:
    """Collect what scapy warns of, and keep it off stderr."""
    collector, handlers, level = _Warnings(), log_runtime.handlers[:], log_runtime.level
    log_runtime.handlers, propagate = [collector], log_runtime.propagate
    log_runtime.propagate = False
    log_runtime.setLevel(logging.WARNING)
    try:
        yield collector
    finally:
        log_runtime.handlers, log_runtime.propagate = handlers, propagate
        log_runtime.setLevel(level)


def dissect_packet(link_type: int, raw: bytes) -> Packet | None:
    """Dissect a packet with scapy; None where it does not know the link type."""
    layer = conf.l2types.num2layer.get(link_type) or _LINK_LAYERS.get(link_type)
    return None if layer is None else layer(raw)


def locate_headers(link_type: int, raw: bytes, length: int) -> Headers | None:
    """Where the innermost IP and TCP headers of a packet lie; None where it has none, or they are cut.

    `length` is the packet's length on the wire in bytes.
    """
    packet = dissect_packet(link_type, raw)
    if packet is None:
        return None
    ip: Packet | None = None
    ip_start = position = 0
    layer = packet
    while layer and not isinstance(layer, TCP):
        if isinstance(layer, (IP, IPv6)):
            ip, ip_start = layer, position
        position += len(layer.raw_packet_cache or b"")
        layer = layer.payload
    if ip is None or not layer:
        return None
    payload = position + max(layer.dataofs, 5) * 4
    if payload > len(raw):
        return None
    # A total length of 0 is what the sender's offload leaves: the captured length rules then.
    total = ip.len if isinstance(ip, IP) else ip.plen and 40 + ip.plen
    end = min(ip_start + total, length) if total else length
    if end < payload:
        return None
    return Headers(
        ip_start,
        position,
        payload,
        end,
        ip.src,
        ip.dst,
        layer.sport,
        layer.dport,
        layer.seq,
        layer.ack,
        int(layer.flags),
        layer.window,
    )
