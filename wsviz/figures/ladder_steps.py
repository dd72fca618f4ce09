"""The steps of a ladder: what happened on one connection, layer by layer, each step in words and numbers.

Every step has a key (packet, phase, place) by which the steps are sorted, whatever layer they come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wsviz.capture.connection import Connection
from wsviz.capture.exchanges import Exchange
from wsviz.capture.ledger import NO_UNIT
from wsviz.capture.packets import ACK, SYN
from wsviz.capture.tls_flights import Flight
from wsviz.capture.tls_hello import HEADER
from wsviz.figures.figure import plain
from wsviz.protocol.fields import Side
from wsviz.protocol.frames import Frame
from wsviz.protocol.grammar import has_token
from wsviz.protocol.http1 import Request, Response
from wsviz.protocol.secrets import mask_bytes, mask_target, mask_text
from wsviz.protocol.wire import PREVIEW_BYTES, Opcode, close_code_name, count, opcode_name

Key = tuple[int, int, int]  # packet (1-based), phase, place among the steps of that phase in the packet
SET_UP, TLS, HTTP, WEBSOCKET, END = range(5)  # the phases, in the order that they can have within one packet
LOOKED_AT = 4096  # bytes of a payload that are searched for secrets before a few of them are shown
FITS = 40  # columns for the names of TLS's messages
SIGNS = {"error": "✕", "warning": "!", "note": "i"}


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the ladder.

    `kind` is "tcp", "tls", "http", "data" or "control", "note" for a remark about the capture, "elided" and "folded"
    for rows that stand for others; `sender` is None where a step has no single direction. `sizes` are the bytes of
    header and content on the wire, `time` is ns since the first packet, `state` the readyState after the step. `leg`
    counts the connections from the client on, where there is a proxy. `pause` is how long nothing happened before
    the step, in ns, where that is long beside the others, else 0.
    """

    key: Key
    kind: str
    words: str
    sender: Side | None = None
    chip: str = ""
    marks: tuple[str, ...] = ()
    sizes: tuple[int, int] | None = None
    time: int | None = None
    packets: tuple[int, ...] = ()
    state: str = ""
    leg: int = 0
    pause: int = 0

    @property
    def size(self) -> str:
        return "" if self.sizes is None else f"{self.sizes[0]:,} + {count(self.sizes[1], 'byte')}"

    @property
    def packet_words(self) -> str:
        """Which packets carried it: "7", "1-3", or "7 +2" where others lie between them or the numbers are long."""
        if not self.packets:
            return ""
        first, last, more = min(self.packets), max(self.packets), len(self.packets) - 1
        if not more:
            return str(first)
        return f"{first}-{last}" if last - first == more and last < 1000 else f"{first} +{more}"


def tcp_steps(connection: Connection) -> Iterator[Step]:
    yield _set_up(connection)
    data = [(side, direction) for side, (direction, _) in zip(Side, connection.directions(), strict=True)]
    if connection.protocol == "tcp" and not connection.tls_flights and any(len(d.pieces) for _, d in data):
        first = min(int(direction.pieces["packet"].min()) for _, direction in data if len(direction.pieces))
        amounts = ", ".join(f"{count(int(d.new_bytes.sum()), 'byte')} from the {side}" for side, d in data)
        yield _note(connection, first, HTTP, f"Not decoded: {amounts}")
    for side, direction in data:
        if direction.first_gap < direction.end:
            after = direction.pieces[direction.pieces["start"] >= direction.first_gap][0]
            lost = direction.end - direction.first_gap
            words = f"Gap in what the {side} sent: {count(lost, 'byte')} from here on not decoded"
            yield _note(connection, int(after["packet"]), HTTP, words)
    ends = list(end_steps(connection))
    yield from ends
    if not ends:
        yield _note(connection, int(connection.packets[-1]), END, "The last packet here: TCP is still open")


def _note(connection: Connection, packet: int, phase: int, words: str) -> Step:
    time = int(connection.directions()[0][0].table.rows["time"][packet])
    return Step((packet + 1, phase, -1), "note", words, time=time)


def _set_up(connection: Connection) -> Step:
    """SYN, SYN-ACK and ACK as one step, with those of them that were captured."""
    rows = connection.directions()[0][0].table.rows
    seen: dict[str, tuple[int, Side]] = {}
    sides = {
        int(packet): side
        for side, (direction, _) in zip(Side, connection.directions(), strict=True)
        for packet in direction.packets[:8]
    }
    for packet in sorted(sides):
        flags, empty = int(rows["flags"][packet]), rows["end"][packet] == rows["payload"][packet]
        name = "SYN-ACK" if flags & SYN and flags & ACK else "SYN" if flags & SYN else "ACK"
        if name == "ACK" and not empty:
            break  # data: an acknowledgement that comes later is none of the set-up
        if name != "ACK" or ("SYN-ACK" in seen and sides[packet] is not seen["SYN-ACK"][1]):
            seen.setdefault(name, (packet, sides[packet]))
    if not seen:
        return _note(connection, int(connection.packets[0]), SET_UP, "The capture begins on an open TCP connection")
    arrows = [f"{name} →" if side is Side.CLIENT else f"← {name}" for name, (_, side) in seen.items()]
    packets = tuple(packet + 1 for packet, _ in seen.values())
    words = "TCP connection opened" if "SYN-ACK" in seen else "TCP connection asked for, no answer"
    words, time = f"{words}:  {'  '.join(arrows)}", int(rows["time"][packets[0] - 1])
    return Step((packets[0], SET_UP, 0), "tcp", words, time=time, packets=packets)


def end_steps(connection: Connection) -> Iterator[Step]:
    for side, (direction, _) in zip(Side, connection.directions(), strict=True):
        for place, (packet, words) in enumerate((
            (direction.fin_packet, f"FIN: the {side} will send no more"),
            (direction.rst_packet, f"RST: the {side} drops the connection"),
        )):  # fmt: skip
            if packet is not None:
                time = int(direction.table.rows["time"][packet])
                yield Step((packet + 1, END, place), "tcp", words, side, "TCP", time=time, packets=(packet + 1,))


def tls_steps(connection: Connection) -> Iterator[Step]:
    """What TLS itself says, a step a flight; and what of it was not read, a step a direction."""
    times = connection.directions()[0][0].table.rows["time"]
    for flight in connection.tls_flights:
        key, time = (flight.packet, TLS, flight.start), int(times[flight.packet - 1])
        if not flight.said:  # in any number of packets
            what = "handshake and data" if flight.hides_handshake else "data"
            words = f"encrypted {what}, not read: {count(flight.wire_bytes, 'byte')}"
            yield Step(key, "tls", words, flight.sender, "TLS", time=time, packets=(flight.packet,))
            continue
        headers = HEADER * sum(1 for _ in flight.records())
        sizes, marks = (headers, flight.end - flight.start - headers), (flight.agreed,) if flight.agreed else ()
        yield Step(key, "tls", _names_of(flight), flight.sender, "TLS", marks, sizes, time, flight.packets)


def _names_of(flight: Flight) -> str:
    """The messages of a flight; beside what was agreed there is little room, and the first and the last one do."""
    names = [name for name in flight.names if not flight.agreed or name != "ChangeCipherSpec"]
    words = ", ".join(names)
    return words if len(words) <= (FITS // 2 if flight.agreed else FITS) else f"{names[0]} … {names[-1]}"


def http_steps(exchanges: Iterable[Exchange], *, reveal: bool) -> Iterator[Step]:
    for exchange in exchanges:
        yield _request_step(exchange, reveal=reveal)
        if (response := exchange.response_head) is None:
            continue
        assert exchange.response_packet is not None
        body = exchange.response_body.length
        marks = (f"after {count(exchange.interim, 'interim 1xx answer')}",) if exchange.interim else ()
        yield Step(
            (exchange.response_packet, HTTP, 2 * exchange.index + 1), "http",
            _status(response, reveal=reveal), Side.SERVER, "HTTP", marks,
            (exchange.response_length - body, body), exchange.response_time, (exchange.response_packet,),
        )  # fmt: skip


def _status(response: Response, *, reveal: bool) -> str:
    words = f"{response.status} {response.reason}".rstrip()
    return words if reveal else mask_text(words)


def _request_step(exchange: Exchange, *, reveal: bool) -> Step:
    request, body = exchange.request_head, exchange.request_body.length
    target = request.target if reveal else mask_target(request.target)
    return Step(
        (exchange.request_packet, HTTP, 2 * exchange.index), "http",
        f"{request.method} {target}", Side.CLIENT, "HTTP",
        ("Upgrade: websocket",) if asks_upgrade(request) else (),
        (exchange.request_length - body, body), exchange.request_time, (exchange.request_packet,),
    )  # fmt: skip


def asks_upgrade(request: Request) -> bool:
    return has_token(request.header("Upgrade") or "", "websocket")


def frame_steps(connection: Connection, rows: Iterable[int]) -> Iterator[Step]:
    """The frames at these rows of the frame table."""
    for at in rows:
        row = connection.frame_table[at]
        message = None if row["message"] == NO_UNIT else connection.messages[row["message"]]
        captured = connection.frames[at]
        frame, marks = captured.frame, []
        data, textual = frame.payload, frame.opcode != Opcode.BINARY
        if message is not None and not frame.is_control:
            textual = message.text is not None
            if message.compressed:
                marks.append("compressed")
                data, textual = (message.data, textual) if len(message.frames) == 1 else (data, False)
        if not frame.fin:
            marks.append("FIN=0, more follows")
        elif frame.opcode == Opcode.CONTINUATION:
            marks.append("FIN=1, the last fragment")
        marks[:0] = [f"{SIGNS[finding.severity]} {finding.rule}" for finding in captured.dissection.findings]
        header, payload = int(row["header_length"]), int(row["payload_length"])
        yield Step(
            (int(row["packet"]), WEBSOCKET, int(row["offset"])), "control" if frame.is_control else "data",
            frame_words(frame, data, textual, reveal=connection.reveal), captured.sender,
            opcode_name(frame.opcode), tuple(marks), (header, payload), captured.time, captured.packets,
        )  # fmt: skip


def frame_words(frame: Frame, data: bytes, textual: bool, *, reveal: bool, most: int = PREVIEW_BYTES) -> str:
    """What a frame says, in a line, of at most so many bytes.

    `data` is its payload, or the beginning of it, or what that was inflated to. A ping's can be any bytes.
    """
    textual = textual and (frame.opcode not in (Opcode.PING, Opcode.PONG) or _is_text(data))
    # What lies far behind the preview's end cannot appear in it; a secret that is cut here is masked all the same.
    data = data[:LOOKED_AT] if reveal else mask_bytes(data[:LOOKED_AT], same_size=not textual)
    if frame.opcode == Opcode.CLOSE and frame.close_code is not None:
        reason = f", {_quote(data[2:], True, most)}" if data[2:] else ""
        return f"{frame.close_code} {close_code_name(frame.close_code)}{reason}"
    return _quote(data, textual, most) if data or not frame.is_control else "without a body"


def _is_text(data: bytes) -> bool:
    try:
        return data.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _quote(data: bytes, textual: bool, most: int) -> str:
    """Text in quotes, with U+FFFD where a fragment ends within a character; other bytes in hex."""
    shown = data[:most]
    rest = " …" if len(data) > len(shown) else ""
    text = shown.decode(errors="ignore" if rest else "replace")
    if textual:
        return f'"{plain(text)}{rest.strip()}"'
    return (shown.hex(" ") + rest) or "empty"
