"""What a delivered message costs by arithmetic: mechanisms as formulae, every number in them an assumption.

The formulae count whole packets. Each packet carries `link` + `ip` + `tcp` bytes of headers. What they are made of:
TCP opens with SYN, SYN-ACK and ACK, and closes with FIN, FIN and ACK (RFC 9293 3.5, 3.6); a SYN has 8 bytes of
options more than other packets (MSS, SACK, window scale; RFC 9293 3.2, RFC 7323 2). A frame's header has 2, 4 or 10
bytes, from the client 4 more (RFC 6455 5.2). A chunk has its size in hex and two line ends (RFC 9112 7.1). A TLS 1.3
record has 5 bytes of header, one of content type and a tag of 16 (RFC 8446 5.2). Loss, delay and HTTP/2 play no part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from wsviz.capture.comparison import Cost, break_even
from wsviz.protocol.fields import WsvizError
from wsviz.protocol.wire import shortest_length_bits

Row = dict[str, float]
SYN_OPTIONS = 8  # bytes that a SYN has more than other packets
RECORD, PLAINTEXT = 22, 16_384  # bytes around a TLS 1.3 record; bytes that it can hold
EVENT = len(b"data: \n\n")
CLOSES = 8 + 4  # Close frames with a code and no reason, the client's masked


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The numbers of the model. The defaults of the heads are those of this project's recordings.

    Sizes in bytes. `rate` in messages a second to (or from) each of `clients`; a connection lasts for `messages` of
    them. `poll` in seconds. `request`, `response` and `empty` are the heads of a poll, of its answer, and of one
    without a message; `upgrade` and `stream` those of request and answer that open a WebSocket or an event stream.
    `acks` are packets that only acknowledge, by packet with data that no answer follows. `tls` is 1 or 0;
    `tls_handshake` is a guess: it depends on the certificates.
    """

    size: float = 25
    rate: float = 1
    clients: float = 1000
    messages: float = 100
    poll: float = 0.5
    request: float = 332
    response: float = 150
    empty: float = 106
    upgrade: float = 677
    stream: float = 514
    link: float = 14
    ip: float = 20
    tcp: float = 32
    mss: float = 1448
    acks: float = 1
    reuse: float = 1
    tls: float = 0
    tls_handshake: float = 3000

    def __post_init__(self) -> None:
        for name, (low, high, words) in LIMITS.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise WsvizError(f"{words}: {value:,.10g}, expected {low:,.10g} to {high:,.10g}")

    @property
    def header(self) -> float:
        """Bytes of headers below the payload in each packet."""
        return self.link + self.ip + self.tcp


# Of each assumption: the least and the most that it can be, and what it is.
LIMITS: dict[str, tuple[float, float, str]] = {
    "size": (0, 10_000_000, "payload of a message, bytes"),
    "rate": (0.001, 10_000, "messages a second, each client"),
    "clients": (1, 100_000_000, "clients"),
    "messages": (1, 1_000_000, "messages a connection lasts for"),
    "poll": (0.01, 86_400, "seconds between polls"),
    "request": (16, 100_000, "head of a poll, bytes"),
    "response": (16, 100_000, "head of its answer, bytes"),
    "empty": (16, 100_000, "head of an empty answer, bytes"),
    "upgrade": (100, 100_000, "heads that open a WebSocket, bytes"),
    "stream": (32, 100_000, "heads that open an event stream, bytes"),
    "link": (0, 100, "link header, bytes (Ethernet 14)"),
    "ip": (20, 100, "IP header, bytes (IPv4 20, IPv6 40)"),
    "tcp": (20, 60, "TCP header, bytes (timestamps take 12)"),
    "mss": (100, 65_000, "payload that a packet can hold, bytes"),
    "acks": (0, 2, "bare ACKs a packet with data"),
    "reuse": (0, 1, "polls share a connection (1) or not (0)"),
    "tls": (0, 1, "TLS 1.3 (1) or none (0)"),
    "tls_handshake": (0, 100_000, "TLS handshake, bytes (a guess)"),
}
assert [field.name for field in fields(Assumptions)] == [*LIMITS]


class Modelled(NamedTuple):
    """One mechanism: bytes by bucket that every message costs, and those that a connection costs once."""

    each: Row
    once: Row

    @property
    def cost(self) -> Cost:
        return Cost(sum(self.once.values()), sum(self.each.values()))

    def row(self, messages: float) -> Row:
        """Bytes by message where the connection lasts for so many, as `overhead_bars` takes them."""
        return {
            bucket: self.each.get(bucket, 0) + self.once.get(bucket, 0) / messages for bucket in self.each | self.once
        }


def model(assumed: Assumptions) -> dict[str, Modelled]:
    """Every mechanism under these assumptions: messages go to the client, those of the masked WebSocket from it."""
    return {
        "short polling": _polling(assumed, 1 / (assumed.rate * assumed.poll)),
        "long polling": _polling(assumed, 1),
        "event stream": _event_stream(assumed),
        "WebSocket": _websocket(assumed, 0),
        "WebSocket, masked": _websocket(assumed, 4),
    }


def break_evens(costs: Mapping[str, Cost]) -> Iterator[tuple[str, str, int]]:
    """(cheapest by the message, another, from how many messages on the first costs less in all)."""
    if len(costs) < 2:
        return
    best = min(costs, key=lambda name: (costs[name].marginal, costs[name].fixed))
    for name, cost in costs.items():
        if name != best and (count := break_even(costs[best], cost)) is not None:
            yield best, name, count


def _add(row: Row, **amounts: float) -> None:
    for bucket, amount in amounts.items():
        row[bucket] = row.get(bucket, 0) + amount


def _send(row: Row, assumed: Assumptions, size: float, *, times: float = 1, acked: bool = True) -> None:
    """What `size` bytes cost below HTTP and WebSocket: the headers of their packets, TLS, and bare ACKs."""
    tls = RECORD * max(math.ceil(size / PLAINTEXT), 1) if assumed.tls else 0
    packets = max(math.ceil((size + tls) / assumed.mss), 1)
    acks = packets * assumed.acks * assumed.header if acked else 0
    _add(row, tls=tls * times, tcp=packets * assumed.header * times, bare_acks=acks * times)


def _tcp(assumed: Assumptions) -> Row:
    """Opening and closing TCP, and TLS where there is one."""
    row: Row = {"handshake": 6 * assumed.header + 2 * SYN_OPTIONS}
    if assumed.tls:
        _add(row, tls=assumed.tls_handshake)
        _add(row, tcp=(math.ceil(assumed.tls_handshake / assumed.mss) + 1) * assumed.header)
    return row


def _polling(assumed: Assumptions, polls: float) -> Modelled:
    """`polls` requests by message: beyond one, the others get empty answers; below one, an answer brings several."""
    each: Row = {"http_body": assumed.size}
    full, empty = min(polls, 1), max(polls - 1, 0)
    _add(each, http_header=polls * assumed.request + full * assumed.response + empty * assumed.empty)
    _send(each, assumed, assumed.request, times=polls, acked=False)  # the answer acknowledges it
    _send(each, assumed, assumed.response + assumed.size / full, times=full)
    _send(each, assumed, assumed.empty, times=empty)
    if assumed.reuse:
        return Modelled(each, _tcp(assumed))
    for bucket, amount in _tcp(assumed).items():
        _add(each, **{bucket: amount * polls})
    return Modelled(each, {})


def _event_stream(assumed: Assumptions) -> Modelled:
    """An event a message and a chunk an event; what makes it an event counts as payload, as in a capture."""
    event = assumed.size + EVENT
    framing = len(f"{math.ceil(event):x}") + 4
    each: Row = {"http_body": event, "http_framing": framing}
    _send(each, assumed, event + framing)
    once = _tcp(assumed)
    _add(once, handshake=assumed.stream)
    _send(once, assumed, assumed.stream / 2, acked=False)
    _send(once, assumed, assumed.stream / 2)
    return Modelled(each, once)


def _websocket(assumed: Assumptions, key: int) -> Modelled:
    """A frame a message, with a masking key of `key` bytes."""
    header = {7: 2, 16: 4, 64: 10}[shortest_length_bits(math.ceil(assumed.size))]
    each: Row = {"ws_payload": assumed.size, "ws_header": header, "ws_masking_key": key}
    _send(each, assumed, assumed.size + header + key)
    once = _tcp(assumed)
    _add(once, handshake=assumed.upgrade, ws_control=CLOSES)
    _send(once, assumed, assumed.upgrade / 2, acked=False)
    _send(once, assumed, assumed.upgrade / 2)
    _send(once, assumed, CLOSES / 2, times=2, acked=False)
    return Modelled(each, once)
