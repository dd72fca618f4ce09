"""scapy, the authority on capture files and packets: the records of a file, the place of each header, new packets."""

from __future__ import annotations

import contextlib
import logging
import struct
from collections.abc import Iterable, Iterator
from typing import IO, Any, NamedTuple, cast

# scapy warns through these loggers, on import and at odd packets; what it says of a file is collected below.
for _name in ("scapy", "scapy.loading", "scapy.interactive", "scapy.runtime"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

from scapy.config import conf
from scapy.contrib.erspan import ERSPAN
from scapy.contrib.geneve import GENEVE
from scapy.contrib.gtp import GTPHeader
from scapy.contrib.mpls import MPLS
from scapy.error import Scapy_Exception, log_runtime
from scapy.layers.dot11 import Dot11
from scapy.layers.inet import IP, TCP, IPerror
from scapy.layers.inet6 import IPerror6, IPv6, IPv46
from scapy.layers.l2 import CookedLinux, Dot1AD, Ether, Loopback
from scapy.layers.l2tp import L2TP
from scapy.layers.ppi import PPI
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, bind_layers
from scapy.utils import RawPcapNgReader

from wsviz.capture.gzipped import Gunzipped, decompressed
from wsviz.capture.pcap_records import LARGEST_PACKET, LAST_NS, LAST_RECORD_CUT, MAGICS, NO_INTERFACE, NO_LIMIT
from wsviz.protocol.fields import CaptureError

NULL, LOOP = 0, 108  # BSD's loopback headers: in the recording machine's byte order, and in the network's
_LINK_LAYERS = {14: IPv46}  # raw IP as OpenBSD numbers it; scapy knows the rest
_NEEDED = (Dot11, PPI, PPPoE, L2TP, GTPHeader, VXLAN, GENEVE, ERSPAN)  # so that scapy knows what they lead to
# The family in a BSD loopback header is the recording system's own number, in that machine's byte order.
for _layer, _families in ((IP, (2,)), (IPv6, (10, 24, 28, 30))):
    for _family in _families:
        bind_layers(Loopback, _layer, type=_family)
        bind_layers(Loopback, _layer, type=_family << 24)
# Ways that scapy does not know: tags of providers, by an old number and in Linux cooked captures; MPLS.
bind_layers(Ether, Dot1AD, type=0x9100)
bind_layers(CookedLinux, Dot1AD, proto=0x88A8)
bind_layers(CookedLinux, Dot1AD, proto=0x9100)
bind_layers(CookedLinux, MPLS, proto=0x8847)
bind_layers(PPP, MPLS, proto=0x0281)


class Record(NamedTuple):
    """One packet of a file: captured bytes, ns since the epoch, length on the wire in bytes as the file says it."""

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
    """A file that remembers where it ended, so that a cut last record is noticed."""

    def __init__(self, file: IO[bytes] | Gunzipped, warnings: _Warnings) -> None:
        self.file, self.warnings = file, warnings
        self.ended = False  # a read asked for more than there was
        self.inside = False  # it got some of it
        self.said_before = 0  # warnings up to then

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size)
        if len(data) < size and not self.ended:
            self.ended, self.inside, self.said_before = True, bool(data), len(self.warnings.said)
        return data

    def trouble(self, error: str) -> str | None:
        """Why the reading that stopped with this error stopped too early, or None where it did not."""
        said = self.warnings.said
        if isinstance(self.file, Gunzipped) and self.file.trouble is not None:
            return self.file.trouble
        if not self.ended:  # scapy gave up on a record that is there
            words = said[-1] if said else error
            return f"scapy says: {words}" if words else "a record makes no sense"
        # Nothing read is the file's proper end, unless scapy then complains: it was within a record.
        return LAST_RECORD_CUT if self.inside or len(said) > self.said_before else None

    def close(self) -> None:
        """Leave it open: it belongs to the caller."""


class CaptureReader:
    """Iterate over the records of a pcap or pcapng file, plain or gzipped.

    After the iteration `trouble` says why the file ended early, or is None; `last_in_part` whether the last record
    was cut and given as far as it goes; `after_gzip` whether more bytes follow the gzip data. What a gzipped file may
    unpack to is bounded by `gzipped.LARGEST_UNPACKED`, 1 GiB: there reading stops, with `trouble`.
    Raises CaptureError where the file is no capture.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.trouble: str | None = None
        self.last_in_part = False
        self._warnings = _Warnings()
        self._tap = _Tap(decompressed(file), self._warnings)
        try:
            with _collected(self._warnings):
                self._reader: Any = RawPcapNgReader(cast("str", self._tap))  # an open file serves as well
        except (Scapy_Exception, OSError, EOFError):
            raise CaptureError(f"{name}: {_why_no_capture(file)}") from None
        _mend_interfaces(self._reader)

    def __iter__(self) -> Iterator[Record]:
        with _collected(self._warnings):
            while True:
                try:
                    raw, metadata = self._reader._read_packet(size=LARGEST_PACKET)
                except EOFError as error:
                    self.trouble = self._tap.trouble(str(error))
                    break
                except Exception as error:  # what scapy trips over must not lose the packets before it
                    self.trouble = f"scapy says: {type(error).__name__}: {error}"
                    break
                yield self._record(raw, metadata)

    @property
    def after_gzip(self) -> bool:
        """Whether bytes that are no gzip data follow the gzip data."""
        return isinstance(self._tap.file, Gunzipped) and self._tap.file.more_follows

    def _record(self, raw: bytes, metadata: Any) -> Record:
        if hasattr(metadata, "tshigh"):  # pcapng; a Simple Packet Block has no time
            ticks = (metadata.tshigh or 0) << 32 | (metadata.tslow or 0)
            time, link_type = ticks * 1_000_000_000 // metadata.tsresol, metadata.linktype
        else:  # scapy leaves nanoseconds in `usec` where the file counts them
            time = metadata.sec * 1_000_000_000 + metadata.usec * (1 if self._reader.nano else 1000)
            link_type = self._reader.linktype & 0xFFFF
            self.last_in_part = self._tap.ended and len(raw) < metadata.caplen
        return Record(raw, min(time, LAST_NS), metadata.wirelen, link_type)


class _Interfaces(list[tuple[int, int, dict[str, Any]]]):
    """The interfaces of a section, as scapy notes them; one that is not described gives one without a link type."""

    def __getitem__(self, index: Any) -> Any:
        if index >= len(self):
            return (NO_INTERFACE, NO_LIMIT, {"tsresol": 1_000_000})
        link_type, snap, options = super().__getitem__(index)
        return (link_type, snap or NO_LIMIT, options)  # where scapy takes a snap length of 0 literally


def _mend_interfaces(reader: Any) -> None:
    """Make scapy number the interfaces of each section from 0, and drop no packet for the lack of one."""
    read_section_header = getattr(reader, "_read_block_shb", None)
    if read_section_header is None:
        return

    def read_and_forget() -> None:
        read_section_header()
        reader.interfaces.clear()

    reader.interfaces = _Interfaces()
    reader._read_block_shb = read_and_forget
    reader._check_interface_id = lambda _: True


def _why_no_capture(file: IO[bytes]) -> str:
    unpacked = decompressed(file)
    start = unpacked.read(4)
    if start in MAGICS:
        return "the file's header is cut or damaged"
    if start:
        return f"no pcap or pcapng file: it begins with {start.hex(' ')}"
    damaged = isinstance(unpacked, Gunzipped) and unpacked.trouble
    return "no pcap or pcapng file: it cannot be decompressed" if damaged else "the file is empty"


@contextlib.contextmanager
def _collected(collector: _Warnings) -> Iterator[None]:
    """Collect what scapy warns of, and keep it off stderr."""
    handlers, filters = log_runtime.handlers, log_runtime.filters
    level, propagate = log_runtime.level, log_runtime.propagate
    # scapy's filter lets a warning through once in a while only; what it says of each file counts here.
    log_runtime.handlers, log_runtime.filters, log_runtime.propagate = [collector], [], False
    log_runtime.setLevel(logging.WARNING)
    try:
        yield
    finally:
        log_runtime.handlers, log_runtime.filters, log_runtime.propagate = handlers, filters, propagate
        log_runtime.setLevel(level)


def _link_layer(link_type: int) -> Any:
    return conf.l2types.num2layer.get(link_type) or _LINK_LAYERS.get(link_type)


def knows_link_type(link_type: int) -> bool:
    """Whether scapy has a name for what such packets begin with."""
    return _link_layer(link_type) is not None


def dissect_packet(link_type: int, raw: bytes) -> Packet | None:
    """Dissect a packet with scapy; None where it does not know the link type, or the link header is cut."""
    if link_type == NULL and raw.startswith(b"\0\0\0"):  # of a big-endian machine, where scapy knows IPv4 only
        link_type = LOOP
    layer = _link_layer(link_type)
    try:
        return None if layer is None else layer(raw)
    except Exception:  # of many kinds; scapy forgives the layers above the first one only
        return None


def locate_headers(link_type: int, raw: bytes, length: int) -> Headers | None:
    """Where the innermost IP and TCP headers of a packet lie; None where it has none, or they make no sense.

    The snap length may cut TCP options and payload. `length` is the packet's length on the wire in bytes.
    """
    packet = dissect_packet(link_type, raw)
    if packet is None:
        return None
    ip: Packet | None = None
    ip_start = position = 0
    layer = packet
    while layer and not isinstance(layer, TCP):
        if isinstance(layer, (IPerror, IPerror6)):
            return None  # ICMP quotes a packet: its bytes travel to the one who sent them
        if isinstance(layer, (IP, IPv6)):
            ip, ip_start = layer, position
        position += _header_size(layer)
        layer = layer.payload
    if ip is None or not layer or not raw.startswith(layer.original[:20], position):
        return None
    payload = position + max(layer.dataofs, 5) * 4
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


def _header_size(layer: Packet) -> int:
    """Bytes from the layer's first byte to its payload's."""
    if layer.raw_packet_cache is not None:
        return len(layer.raw_packet_cache)
    # Layers that take bytes from elsewhere, such as a checksum at the end, do not say what they took from the start.
    size: int = layer.original.find(layer.payload.original)
    return max(size, 0)


RAW_IP = 101  # the link type of packets that begin with their IP header


def tcp_packet(
    source: tuple[str, int], destination: tuple[str, int], seq: int, ack: int, flags: str, payload: bytes = b""
) -> bytes:
    """A TCP packet between two pairs of IP address and port, from the IP header on; `flags` are letters as in "PA".

    Its SYN offers segments of up to 1460 bytes, and every window is 65,535 bytes.
    """
    ip = (IPv6 if ":" in source[0] else IP)(src=source[0], dst=destination[0])
    tcp = TCP(sport=source[1], dport=destination[1], seq=seq % 2**32, ack=ack % 2**32, flags=flags, window=65535)
    if "S" in flags:
        tcp.options = [("MSS", 1460)]
    return bytes(ip / tcp / payload)


def pcapng(packets: Iterable[tuple[int, bytes]], comment: str) -> Iterator[bytes]:
    """A pcapng file with this comment on its section, block by block; packets are their ns since the epoch and bytes.

    The packets begin with their IP header. scapy's own writer has no comment for a section, and counts microseconds.
    """
    words = comment.encode()
    options = struct.pack("<HH", 1, len(words)) + words + bytes(-len(words) % 4) + bytes(4)
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options)
    nanoseconds = struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)  # if_tsresol: times count 10**-9 s
    yield _block(1, struct.pack("<HHI", RAW_IP, 0, 0) + nanoseconds)
    for time, raw in packets:
        yield _block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(raw), len(raw)) + raw)


def _block(kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length
