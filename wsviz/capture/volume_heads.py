"""What a connection speaks, told from its first bytes while they come: where frames begin, or that none can come.

Only the common case is decided here: a request for WebSocket and its 101; requests that ask for nothing of the kind;
TLS without keys. Each answer is the one that `detect` and `exchanges` give once they have seen all of the connection;
whatever might be otherwise is odd, and left to them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from wsviz.capture.tls_hello import is_tls
from wsviz.protocol.fields import ProtocolError
from wsviz.protocol.grammar import has_token
from wsviz.protocol.http2 import is_http2
from wsviz.protocol.http_read import looks_like_request, read_request, read_response

MOST_HEAD = 1 << 16  # bytes of one direction in which its first message's header ends, or the connection is odd
SOUGHT = b"websocket"  # no request asks for WebSocket without it, in small letters or capitals
_HEADER_END = re.compile(rb"\n\r?\n")


class Verdict(Enum):
    """What the first bytes tell."""

    MORE = "more of them are needed"
    ODD = "the connection is to be decoded as a whole"
    NOTHING = "it holds no frames that could be read: it speaks TLS, or nothing"
    HTTP = "it holds none, unless the client asks for WebSocket later"
    FRAMES = "the frames begin where it says"


@dataclass(frozen=True, slots=True)
class Start:
    """The verdict; for HTTP and FRAMES which side is the client, for FRAMES where they begin, by side."""

    verdict: Verdict
    client: int = 0
    offsets: tuple[int, int] = (0, 0)
    extensions: str = ""  # as the response has them


def judge_heads(heads: tuple[bytes, bytes], *, tls_is_read: bool) -> Start:
    """Tell what a connection speaks from the first bytes of both directions."""
    request_like = [looks_like_request(head) for head in heads]
    if any(is_http2(head) for head in heads) or all(request_like):
        return Start(Verdict.ODD)
    if True not in request_like:
        if all(is_tls(head) for head in heads):
            return Start(Verdict.ODD if tls_is_read else Verdict.NOTHING)
        return Start(Verdict.ODD if max(map(len, heads)) > MOST_HEAD else Verdict.MORE)
    client = request_like.index(True)
    found = _judge_request(heads[client], heads[1 - client], client)
    too_long = found.verdict is Verdict.MORE and max(map(len, heads)) > MOST_HEAD
    return Start(Verdict.ODD) if too_long else found


def _judge_request(asked: bytes, answered: bytes, client: int) -> Start:
    if not _HEADER_END.search(asked) or not _HEADER_END.search(answered):
        return Start(Verdict.MORE)
    try:
        request = read_request(asked)
        if request.head is None or not has_token(request.head.header("Upgrade") or "", "websocket"):
            return Start(Verdict.HTTP, client)
        response = read_response(answered, request_method=request.head.method)
    except ProtocolError:
        return Start(Verdict.ODD)
    if response.head is None or response.head.status != 101 or not request.complete:
        return Start(Verdict.ODD)
    offsets = (request.end, response.end) if client == 0 else (response.end, request.end)
    return Start(Verdict.FRAMES, client, offsets, response.head.header("Sec-WebSocket-Extensions") or "")


def judge_rest(heads: tuple[bytes, bytes], *, tls_is_read: bool) -> Verdict:
    """The verdict where no more bytes come."""
    there = [head for head in heads if head]
    return Verdict.NOTHING if not there or (all(map(is_tls, there)) and not tls_is_read) else Verdict.ODD
