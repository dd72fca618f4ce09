"""HTTP/1.x on one connection: requests paired with their responses, up to an upgrade."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from wsviz.capture.detect import find_frames, find_start
from wsviz.capture.direction import Direction, Hole
from wsviz.capture.ledger import BUCKET, NO_UNIT
from wsviz.protocol.fields import Finding, ProtocolError, Side
from wsviz.protocol.grammar import has_token
from wsviz.protocol.http1 import (
    Layout,
    Request,
    Response,
    looks_like_request,
    looks_like_response,
    read_request,
    read_response,
)
from wsviz.protocol.rules import RULES

SpanRow = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Body:
    """Where the body of a message lies: stream offsets of its pieces, framing left out. Read when it is asked for."""

    direction: Direction = field(repr=False, compare=False)
    pieces: tuple[tuple[int, int], ...]

    @property
    def length(self) -> int:
        """Bytes, holes included."""
        return sum(end - start for start, end in self.pieces)

    def read(self) -> bytes:
        return b"".join(self.direction.read(start, end) for start, end in self.pieces)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request and its response, None where it did not come; the heads are the messages without their bodies.

    Times are ns since the epoch: of the request's first byte, the response's first byte and its last one. Lengths are
    bytes on the wire, header, body and framing; packets are 1-based. `interim` counts 1xx responses before the final
    one; the 101 of an upgrade is a final one.
    """

    index: int
    request_head: Request
    response_head: Response | None
    request_body: Body
    response_body: Body
    request_time: int
    response_time: int | None
    end_time: int | None
    request_length: int
    response_length: int
    request_packet: int
    response_packet: int | None
    interim: int

    @property
    def request(self) -> Request:
        """The request with its body."""
        return replace(self.request_head, body=self.request_body.read())

    @property
    def response(self) -> Response | None:
        """The response with its body, content codings left as they are."""
        return None if self.response_head is None else replace(self.response_head, body=self.response_body.read())


@dataclass(slots=True)
class HttpReading:
    """What a connection says in HTTP; both ends are the offsets of the first byte that is not read as HTTP.

    `handshake` holds the last request for an upgrade to WebSocket with its answer, each as its offset and its bytes;
    `upgraded` says that the answer was 101, or was not captured and frames follow; `extensions` is what the answer
    negotiated, None where it was not captured.
    """

    exchanges: list[Exchange] = field(default_factory=list)
    client_spans: list[SpanRow] = field(default_factory=list)
    server_spans: list[SpanRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    client_end: int = 0
    server_end: int = 0
    handshake: tuple[tuple[int, bytes], tuple[int, bytes]] | None = None
    upgraded: bool = False
    extensions: str | None = None


class _Pairing:
    """Reads both directions side by side; each position moves forward only.

    A hole within a body is stepped over. One that takes a header or a chunk's line with it costs the message, and
    reading goes on at the next start of a segment that looks like a message; from then on, times tell which response
    belongs to which request.
    """

    def __init__(self, client: Direction, server: Direction, starts: tuple[int, int]) -> None:
        self.client, self.server = client, server
        self.requests = client.read(0, client.readable_end)
        self.responses = server.read(0, server.readable_end)
        self.reading = HttpReading(client_end=starts[0], server_end=starts[1])
        self.by_time = False
        if starts != (0, 0):
            self.lose_server(starts[1])

    def run(self) -> HttpReading:
        while (request := self.next_request()) is not None:
            if not self.pair(request):
                break
        return self.reading

    def next_request(self) -> Layout[Request] | None:
        reading = self.reading
        while reading.client_end < len(self.requests):
            start = reading.client_end
            try:
                request = read_request(self.requests, start, ended=self.client.ended)
                hole = _hole_in_framing(self.client, request)
            except ProtocolError as error:
                hole = self.client.hole_in(start, start + 1)
                if hole is None:
                    reading.findings.append(_not_http(error, Side.CLIENT, start))
                    return None
            if hole is None:
                return request if request.head is not None else None
            following = find_start(self.client, hole[1], looks_like_request)
            if following is None:
                return None
            reading.client_end, self.by_time = following, True
        return None

    def pair(self, request: Layout[Request]) -> bool:
        """Take a request and its responses; whether HTTP goes on after them."""
        reading, index = self.reading, len(self.reading.exchanges)
        assert request.head is not None
        reading.client_end = request.end
        reading.client_spans += _rows(request, index)
        reading.findings += request.findings
        answers = reading.server_end
        final, interim, start = self.final_response(request.head.method, index)
        reading.exchanges.append(self.exchange(index, request, final, interim, start))
        asks_for_websocket = has_token(request.head.header("Upgrade") or "", "websocket")
        if final is None or final.head is None:
            if asks_for_websocket:
                self.upgrade_unseen(answers)
            return request.complete and not reading.upgraded
        status = final.head.status
        if asks_for_websocket:
            asked, answered = self.requests[request.start : request.end], self.responses[final.start : final.end]
            reading.handshake = (request.start, asked), (final.start, answered)
            reading.upgraded = status == 101
            reading.extensions = final.head.header("Sec-WebSocket-Extensions") or ""
        tunnel = request.head.method == "CONNECT" and status // 100 == 2
        return request.complete and status != 101 and not tunnel

    def upgrade_unseen(self, answers: int) -> None:
        """Take the upgrade for done where its answer is missing and what the client sends next is frames.

        `answers` is the offset from which on the server's bytes have not been read.
        """
        reading = self.reading
        if find_frames(self.client, reading.client_end, masked=True) is not None:
            reading.upgraded = True
            chain = find_frames(self.server, answers, masked=False)
            reading.server_end = len(self.responses) if chain is None else chain.start

    def exchange(
        self, index: int, request: Layout[Request], final: Layout[Response] | None, interim: int, start: int
    ) -> Exchange:
        """One request with its response; `start` is where the first response to it begins, interim ones included."""
        assert request.head is not None
        return Exchange(
            index,
            request.head,
            None if final is None else final.head,
            Body(self.client, tuple(request.pieces)),
            Body(self.server, () if final is None else tuple(final.pieces)),
            self.client.time_at(request.start),
            None if final is None else self.server.time_at(start),
            None if final is None else self.server.time_at(final.end - 1),
            request.end - request.start,
            0 if final is None else final.end - start,
            self.client.packet_at(request.start) + 1,
            None if final is None else self.server.packet_at(start) + 1,
            interim,
        )

    def final_response(self, method: str, index: int) -> tuple[Layout[Response] | None, int, int]:
        """The final response, how many interim ones came before it, and where the first of them begins."""
        reading, interim = self.reading, 0
        start = reading.server_end
        while reading.server_end < len(self.responses) and not self.answers_later():
            at = reading.server_end
            try:
                response = read_response(self.responses, at, request_method=method, ended=self.server.ended)
                hole = _hole_in_framing(self.server, response)
            except ProtocolError as error:
                hole = self.server.hole_in(at, at + 1)
                if hole is None:
                    reading.findings.append(_not_http(error, Side.SERVER, at))
                    break
            if hole is not None:
                self.lose_server(hole[1])
                start = reading.server_end
                continue
            if response.head is None:
                break
            reading.server_end = response.end
            reading.server_spans += _rows(response, index)
            reading.findings += response.findings
            if response.head.status == 101 or response.head.status >= 200:
                return response, interim, start
            interim += 1
        return None, interim, start

    def lose_server(self, offset: int) -> None:
        """Go on at the next response after an offset of the server's bytes."""
        following = find_start(self.server, offset, looks_like_response)
        self.reading.server_end = len(self.responses) if following is None else following
        self.by_time = True

    def answers_later(self) -> bool:
        """Whether the response to come was sent after the next request, so that it is no answer to this one."""
        reading = self.reading
        if not self.by_time or reading.client_end >= len(self.requests):
            return False
        return self.server.time_at(reading.server_end) > self.client.time_at(reading.client_end)


def _hole_in_framing(direction: Direction, layout: Layout[Request] | Layout[Response]) -> Hole | None:
    """The first hole that takes a header or chunk framing with it."""
    if direction.hole_in(layout.start, layout.end) is None:
        return None
    holes = (direction.hole_in(s.start, s.end) for s in layout.spans if s.bucket != "http_body")
    return next((hole for hole in holes if hole is not None), None)


def _not_http(error: ProtocolError, sender: Side, offset: int) -> Finding:
    return RULES["no-http"].finding(str(error), culprit=sender, offset=offset)


def _rows(layout: Layout[Request] | Layout[Response], exchange: int) -> list[SpanRow]:
    return [(span.start, span.end, BUCKET[span.bucket], exchange, NO_UNIT) for span in layout.spans]


def read_answers(server: Direction, start: int) -> HttpReading:
    """The responses of a connection whose requests were not captured; they make no exchanges."""
    reading = HttpReading(server_end=start)
    data = server.read(0, server.readable_end)
    while reading.server_end < len(data) and not reading.upgraded:
        try:
            response = read_response(data, reading.server_end, ended=server.ended)
        except ProtocolError as error:
            reading.findings.append(_not_http(error, Side.SERVER, reading.server_end))
            break
        if response.head is None or _hole_in_framing(server, response) is not None:
            break
        reading.server_spans += _rows(response, NO_UNIT)
        reading.findings += response.findings
        reading.server_end = response.end
        head = response.head
        reading.upgraded = head.status == 101 and has_token(head.header("Upgrade") or "", "websocket")
        reading.extensions = head.header("Sec-WebSocket-Extensions") or ""
    return reading


def read_exchanges(client: Direction, server: Direction, starts: tuple[int, int]) -> HttpReading:
    """The exchanges of a connection that speaks HTTP/1.x from these stream offsets on."""
    return _Pairing(client, server, starts).run()
