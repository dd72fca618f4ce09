"""HTTP/2 recognised, not decoded (RFC 9113), and the WebSocket that it may carry (RFC 8441)."""

from __future__ import annotations

from wsviz.protocol.wire import Bytes

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FIRST_LINE = b"PRI * HTTP/2.0\r\n"

# HPACK literals (RFC 7541 5.2): a length, its top bit set for Huffman code, then the text. They begin and end at
# bytes, so the pair can be searched for. Only the first stream of a connection spells it out: others use an index.
_NAME = (b"\x09:protocol", bytes.fromhex("87 b95d8749c87a3f"))
_VALUE = (b"\x09websocket", bytes.fromhex("87 f058d072752a7f"))


def is_http2(start: Bytes) -> bool:
    """Whether a client's first bytes are the connection preface (RFC 9113 3.4), cut after its first line or later."""
    begin = bytes(start[: len(PREFACE)])
    return begin.startswith(_FIRST_LINE) and PREFACE.startswith(begin)


def asks_for_websocket(sent: bytes) -> bool:
    """Whether a client's bytes hold the header `:protocol: websocket` of an extended CONNECT (RFC 8441 4)."""
    return any(name + value in sent for name in _NAME for value in _VALUE)
