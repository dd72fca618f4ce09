"""The rules of the opening handshake that a finding can name (RFC 6455 4, RFC 7692 7.1)."""

from __future__ import annotations

from wsviz.protocol.fields import Severity, Side
from wsviz.protocol.rule import ERROR, NOTE, Rule, table

CLIENT, SERVER = Side.CLIENT, Side.SERVER
# The headers of RFC 6455 1.3; the examples change them or add to them. The empty line comes last, in _handshake.
REQUEST = (
    b"GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
ANSWER = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)


def _handshake(
    rule: str,
    section: str,
    severity: Severity,
    meaning: str,
    culprit: Side,
    request: bytes = REQUEST,
    answer: bytes = ANSWER,
) -> Rule:
    return Rule(rule, section, severity, None, meaning, request + b"\r\n", culprit, answer=answer + b"\r\n")


HANDSHAKE_RULES = table(
    [
        _handshake(
            "handshake-method",
            "RFC 6455 4.1",
            ERROR,
            "The opening handshake is a GET request.",
            CLIENT,
            REQUEST.replace(b"GET", b"POST"),
        ),
        _handshake(
            "handshake-version-too-low",
            "RFC 6455 4.1",
            ERROR,
            "The opening handshake takes at least HTTP/1.1.",
            CLIENT,
            REQUEST.replace(b"1.1", b"1.0"),
        ),
        _handshake(
            "handshake-target",
            "RFC 6455 4.1",
            ERROR,
            "The request target is the path and query, or a whole http: or https: URI.",
            CLIENT,
            REQUEST.replace(b"/chat", b"ws://server.example.com/chat"),
        ),
        _handshake(
            "host-differs",
            "RFC 9112 3.2.2",
            ERROR,
            "Where the request target is a whole URI, Host repeats its host and port.",
            CLIENT,
            REQUEST.replace(b"/chat", b"http://example.com/chat"),
        ),
        _handshake(
            "upgrade-missing",
            "RFC 6455 4.1",
            ERROR,
            "Upgrade names websocket, in the response nothing else.",
            SERVER,
            answer=ANSWER.replace(b"Upgrade: websocket\r\n", b""),
        ),
        _handshake(
            "connection-upgrade-missing",
            "RFC 6455 4.1",
            ERROR,
            "Connection lists the token Upgrade.",
            SERVER,
            answer=ANSWER.replace(b"Connection: Upgrade", b"Connection: keep-alive"),
        ),
        _handshake(
            "key-missing",
            "RFC 6455 4.1",
            ERROR,
            "The request has a Sec-WebSocket-Key.",
            CLIENT,
            REQUEST.replace(b"Sec-WebSocket-Key", b"Sec-WebSocket-Kye"),
        ),
        _handshake(
            "key-repeated",
            "RFC 6455 11.3.1",
            ERROR,
            "Sec-WebSocket-Key stands once.",
            CLIENT,
            REQUEST + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        ),
        _handshake(
            "key-invalid",
            "RFC 6455 4.1",
            ERROR,
            "Sec-WebSocket-Key is 16 random bytes in Base64; servers need not look inside.",
            CLIENT,
            REQUEST.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"aGVsbG8="),
            ANSWER.replace(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", b"9MA2xe4VSbCMdRCYTqOtSsGpRTc="),
        ),
        _handshake(
            "version-missing",
            "RFC 6455 4.1",
            ERROR,
            "The request has a Sec-WebSocket-Version.",
            CLIENT,
            REQUEST.replace(b"Sec-WebSocket-Version: 13\r\n", b""),
        ),
        _handshake(
            "version-repeated",
            "RFC 6455 11.3.5",
            ERROR,
            "Sec-WebSocket-Version stands once in a request; only servers name several.",
            CLIENT,
            REQUEST + b"Sec-WebSocket-Version: 13\r\n",
        ),
        _handshake(
            "version-not-13",
            "RFC 6455 4.1",
            ERROR,
            "A client of RFC 6455 names version 13 and no other.",
            CLIENT,
            REQUEST.replace(b": 13", b": 8, 13"),
        ),
        _handshake(
            "origin-invalid",
            "RFC 6454 7",
            ERROR,
            "Origin is a scheme, a host and perhaps a port, or null: no path, and once.",
            CLIENT,
            REQUEST + b"Origin: http://example.com/page\r\n",
        ),
        _handshake(
            "subprotocol-offer-invalid",
            "RFC 6455 4.1",
            ERROR,
            "Sec-WebSocket-Protocol lists subprotocols that are tokens, each once.",
            CLIENT,
            REQUEST + b"Sec-WebSocket-Protocol: chat, chat\r\n",
            ANSWER + b"Sec-WebSocket-Protocol: chat\r\n",
        ),
        _handshake(
            "extensions-invalid",
            "RFC 6455 9.1",
            ERROR,
            "Sec-WebSocket-Extensions lists names with parameters; who reads anything else fails the connection.",
            CLIENT,
            REQUEST + b"Sec-WebSocket-Extensions: permessage-deflate; =1\r\n",
        ),
        _handshake(
            "deflate-offer-invalid",
            "RFC 7692 7.1",
            ERROR,
            "An offer has known parameters, each once, windows of 8 to 15 bits; servers decline others.",
            CLIENT,
            REQUEST + b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=16\r\n",
        ),
        _handshake(
            "upgrade-refused",
            "RFC 6455 4.2.2",
            NOTE,
            "The server does not answer 101: the answer is ordinary HTTP.",
            SERVER,
            answer=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n",
        ),
        _handshake(
            "version-not-told",
            "RFC 6455 4.4",
            ERROR,
            "Who refuses a version tells in Sec-WebSocket-Version which ones it speaks.",
            SERVER,
            REQUEST.replace(b": 13", b": 8"),
            b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
        ),
        _handshake(
            "accept-missing",
            "RFC 6455 4.1",
            ERROR,
            "The response has a Sec-WebSocket-Accept.",
            SERVER,
            answer=ANSWER.replace(b"Sec-WebSocket-Accept", b"Sec-WebSocket-Accent"),
        ),
        _handshake(
            "accept-repeated",
            "RFC 6455 11.3.3",
            ERROR,
            "Sec-WebSocket-Accept stands once.",
            SERVER,
            answer=ANSWER + b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        ),
        _handshake(
            "accept-wrong",
            "RFC 6455 4.1",
            ERROR,
            "Sec-WebSocket-Accept is the SHA-1 of the key as sent with the GUID after it, in Base64.",
            SERVER,
            answer=ANSWER.replace(b"s3pPLM", b"S3PplM"),
        ),
        _handshake(
            "subprotocol-not-offered",
            "RFC 6455 4.1",
            ERROR,
            "The server chooses a subprotocol that the client offered.",
            SERVER,
            answer=ANSWER + b"Sec-WebSocket-Protocol: chat\r\n",
        ),
        _handshake(
            "subprotocol-repeated",
            "RFC 6455 11.3.4",
            ERROR,
            "The server chooses one subprotocol.",
            SERVER,
            REQUEST + b"Sec-WebSocket-Protocol: chat, superchat\r\n",
            ANSWER + b"Sec-WebSocket-Protocol: chat, superchat\r\n",
        ),
        _handshake(
            "subprotocol-none",
            "RFC 6455 4.2.2",
            NOTE,
            "The server chooses none of the offered subprotocols: the connection stands, but browsers fail it.",
            SERVER,
            REQUEST + b"Sec-WebSocket-Protocol: chat\r\n",
        ),
        _handshake(
            "extension-not-offered",
            "RFC 6455 9.1",
            ERROR,
            "The server accepts extensions that the client offered.",
            SERVER,
            answer=ANSWER + b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
        ),
        _handshake(
            "deflate-answer-invalid",
            "RFC 7692 7.1",
            ERROR,
            "The answer fits an offer: known parameters, each once; client_max_window_bits only if offered.",
            SERVER,
            REQUEST + b"Sec-WebSocket-Extensions: permessage-deflate\r\n",
            ANSWER + b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=10\r\n",
        ),
    ]
)
