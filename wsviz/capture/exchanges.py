"""HTTP/1.x on one connection: requests paired with their responses, up to an upgrade."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsviz.capture.ledger import BUCKET, NO_UNIT
from wsviz.capture.tcp import Direction
from wsviz.protocol.fields import Finding, ProtocolError, Side
from wsviz.protocol.grammar import has_token
from wsviz.protocol.http1 import Layout, Request, Response, read_request, read_response
from wsviz.protocol.rules import RULES

SpanRow = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and its response, None where it did not come.

    Times are ns since the epoch: of the request's first byte, the response's first byte and its last one. Lengths are
    bytes on the wire, header, body and framing; packets are 1-based. `interim` counts 1xx responses before the final
    one; the 101 of an upgrade is a final one.
    """

    index: int
    request: Request
    response: Response | None
    request_time: int
    response_time: int | None
    end_time: int | None
    request_length: int
    response_length: int
    request_packet: int
    response_packet: int | None
    interim: int


@dataclass(slots=True)
class HttpReading:
    """What a connection says in HTTP; both ends are the offsets of the first byte that is not read as HTTP.

    `handshake` holds the last request for an upgrade to WebSocket with its answer, each as its offset and its bytes;
    `upgraded` says that the answer was 101.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    client_spans: list[SpanRow] = field(default_factory=list)
    server_spans: list[SpanRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    client_end: int = 0
    server_end: int = 0
    handshake: tuple[tuple[int, bytes], tuple[int, bytes]] | None = None
    upgraded: bool = False


class _Pairing:
    """Reads both directions side by side; each position moves forward only."""

    def __init__(self, client: Direction, server: Direction) -> None:
        self.client, self.server = client, server
        self.requests = client.read(0, client.first_gap)
        self.responses = server.read(0, server.first_gap)
        self.reading = HttpReading()

    def run(self) -> HttpReading:
        reading = self.reading
        while reading.client_end < len(self.requests):
            try:
                request = read_request(self.requests, reading.client_end, ended=self.client.ended)
            except ProtocolError as error:
                reading.findings.append(_not_http(error, Side.CLIENT, reading.client_end))
                break
            if request.head is None or not self.pair(request):
                break
        return reading

    def pair(self, request: Layout[Request]) -> bool:
        """Take a request and its responses; whether HTTP goes on after them."""
        reading, index = self.reading, len(self.reading.exchanges)
        assert request.head is not None
        reading.client_end = request.end
        reading.client_spans += _rows(request, index)
        reading.findings += request.findings
        final, interim, start = self.final_response(request.head.method, index)
        head = None if final is None else final.head
        end = None if final is None else final.end - 1
        reading.exchanges.append(
            Exchange(
                index,
                request.message(self.requests) or request.head,
                head if final is None else final.message(self.responses),
                self.client.time_at(request.start),
                None if final is None else self.server.time_at(start),
                None if end is None else self.server.time_at(end),
                request.end - request.start,
                0 if final is None else final.end - start,
                self.client.packet_at(request.start) + 1,
                None if final is None else self.server.packet_at(start) + 1,
                interim,
            )
        )
        if final is None or final.head is None:
            return request.complete
        status = final.head.status
        if has_token(request.head.header("Upgrade") or "", "websocket"):
            asked, answered = self.requests[request.start : request.end], self.responses[final.start : final.end]
            reading.handshake = (request.start, asked), (final.start, answered)
            reading.upgraded = status == 101
        tunnel = request.head.method == "CONNECT" and status // 100 == 2
        return request.complete and status != 101 and not tunnel

    def final_response(self, method: str, index: int) -> tuple[Layout[Response] | None, int, int]:
        """The final response, how many interim ones came before it, and where the first of them begins."""
        reading, interim = self.reading, 0
        start = reading.server_end
        while reading.server_end < len(self.responses):
            try:
                response = read_response(
                    self.responses, reading.server_end, request_method=method, ended=self.server.ended
                )
            except ProtocolError as error:
                reading.findings.append(_not_http(error, Side.SERVER, reading.server_end))
                break
            if response.head is None:
                break
            reading.server_end = response.end
            reading.server_spans += _rows(response, index)
            reading.findings += response.findings
            if response.head.status == 101 or response.head.status >= 200:
                return response, interim, start
            interim += 1
        return None, interim, start


def _not_http(error: ProtocolError, sender: Side, offset: int) -> Finding:
    return RULES["no-http"].finding(str(error), culprit=sender, offset=offset)


def _rows(layout: Layout[Request] | Layout[Response], exchange: int) -> list[SpanRow]:
    return [(span.start, span.end, BUCKET[span.bucket], exchange, NO_UNIT) for span in layout.spans]


def read_exchanges(client: Direction, server: Direction) -> HttpReading:
    """The exchanges of a connection whose client speaks HTTP/1.x from its first byte on."""
    return _Pairing(client, server).run()
