"""What a connection speaks, who its client is, and where decoding can begin.

Most captures hold the beginning of a connection, and its first bytes tell. Where they do not, because the capture
started late or lost the beginning, the start of a message is looked for at the starts of segments: senders seldom
let one begin elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from wsviz.capture.direction import Direction
from wsviz.capture.tcp import Flow
from wsviz.capture.tls_hello import is_tls
from wsviz.capture.tls_reading import TlsReading
from wsviz.protocol.http1 import looks_like_request, looks_like_response
from wsviz.protocol.http2 import asks_for_websocket, is_http2
from wsviz.protocol.wire import Header, Opcode, apply_mask, read_header, shortest_length_bits

HEAD = 16_384  # bytes looked at from the start of a connection
CANDIDATES = 200  # segments at which a start is tried
CHAIN = 50  # frames that must follow one another, where there are so many
WINDOW = 1 << 20  # bytes in which they do


class Detected(NamedTuple):
    """`protocol` is "http", "websocket" (without its handshake), "http/2", "tls" or "tcp".

    `client` is the index of the client's direction, None where nothing tells; `starts` are the stream offsets, by
    direction, at which decoding begins.
    """

    protocol: str
    client: int | None
    starts: tuple[int, int] = (0, 0)


class FrameChain(NamedTuple):
    """Frames that follow one another from a stream offset on: how many whole ones, and whether they are masked."""

    start: int
    masked: bool
    frames: int


def detect(flow: Flow) -> Detected:
    """Tell what a connection speaks from its bytes."""
    if not any(direction.end for direction in flow.directions):
        return Detected("tcp", flow.opener)
    heads = [direction.read(0, min(direction.first_gap, HEAD)) for direction in flow.directions]
    for side, head in enumerate(heads):
        if is_http2(head):
            return Detected("http/2", side)
        if looks_like_request(head):
            return Detected("http", side)
    if any(is_tls(head) for head in heads):
        return Detected("tls", flow.opener)
    return _frames_without_handshake(flow) or _http_from_the_middle(flow) or Detected("tcp", flow.opener)


def detect_inside(reading: TlsReading) -> Detected:
    """Tell what a connection speaks inside of TLS; "tls" where nothing of that could be read."""
    if not any(direction.end for direction in reading.flow.directions) or reading.records is None:
        return Detected("tls", reading.flow.opener if reading.client is None else reading.client)
    return detect(reading.flow)._replace(client=reading.client)


def http2_in_words(client: Direction) -> str:
    """What an HTTP/2 connection is told to hold."""
    sent = client.read(0, client.readable_end)
    held = "WebSocket over HTTP/2 (:protocol is websocket)" if asks_for_websocket(sent) else "what it carries"
    return f"the client began with HTTP/2's connection preface; {held} is not decoded"


def _frames_without_handshake(flow: Flow) -> Detected | None:
    chains = [find_frames(direction, 0) for direction in flow.directions]
    found = [chain for chain in chains if chain is not None]
    silent = [not len(direction.pieces) for direction in flow.directions]
    # Both directions must look like WebSocket, or the other one be empty; one frame alone proves nothing.
    if sum(chain.frames for chain in found) < 2 or any(
        chain is None and not empty for chain, empty in zip(chains, silent, strict=True)
    ):
        return None
    if len(found) == 2 and found[0].masked == found[1].masked:
        return None
    # Only clients mask; where one direction is all there is, and is not masked, the client is the other one.
    unmasked = next((side for side, chain in enumerate(chains) if chain and not chain.masked), None)
    client = next((side for side, chain in enumerate(chains) if chain and chain.masked), 1 - (unmasked or 0))
    starts = tuple(0 if chain is None else chain.start for chain in chains)
    return Detected("websocket", client, (starts[0], starts[1]))


def _http_from_the_middle(flow: Flow) -> Detected | None:
    for looks_right, of_client in ((looks_like_request, True), (looks_like_response, False)):
        for side, direction in enumerate(flow.directions):
            start = find_start(direction, 0, looks_right)
            if start is not None:
                client = side if of_client else 1 - side
                return Detected("http", client, (start, 0) if side == 0 else (0, start))
    return None


def find_start(direction: Direction, offset: int, looks_right: Callable[[bytes], bool]) -> int | None:
    """The first start of a segment from an offset on at which the bytes look right."""
    for start in direction.starts_from(offset, CANDIDATES):
        if looks_right(direction.read(start, min(start + HEAD, direction.readable_end))):
            return start
    return None


def find_frames(direction: Direction, offset: int, masked: bool | None = None) -> FrameChain | None:
    """The first start of a segment from an offset on at which a chain of plausible frames begins."""
    for start in direction.starts_from(offset, CANDIDATES):
        hole = direction.hole_in(start, direction.readable_end)
        end = min(start + WINDOW, direction.readable_end if hole is None else hole[0])
        chain = _chain(direction.read(start, end), start, masked)
        if chain is not None:
            return chain
    return None


def _chain(data: bytes, start: int, masked: bool | None) -> FrameChain | None:
    at = count = 0
    while at < len(data) and count < CHAIN:
        header = read_header(data, at)
        if header is None:
            break
        masked = header.masking_key is not None if masked is None else masked
        if not _is_plausible(header, masked):
            return None
        if at + header.end > len(data):
            break
        if count == 0 and not _begins_well(header, data[at : at + header.end]):
            return None
        at += header.end
        count += 1
    return FrameChain(start, bool(masked), count) if count else None


def _is_plausible(header: Header, masked: bool) -> bool:
    known = header.opcode in set(Opcode) and not header.first & 0b0011_0000
    control = header.first & 0b1000
    return (
        known
        and (header.masking_key is not None) == masked
        and shortest_length_bits(header.payload_length) == header.length_bits
        and header.payload_length < 1 << 40
        and (not control or (bool(header.first & 0b1000_0000) and header.payload_length <= 125))
        and (header.first != 0 or header.payload_length > 0)  # a run of zeros is no chain of empty continuations
    )


def _begins_well(header: Header, raw: bytes) -> bool:
    """Whether the first frame's text is UTF-8, where it is whole and plain text."""
    if header.first != 0b1000_0000 | Opcode.TEXT:
        return True
    payload = raw[header.size :]
    try:
        (payload if header.masking_key is None else apply_mask(payload, header.masking_key)).decode()
    except UnicodeDecodeError:
        return False
    return True
