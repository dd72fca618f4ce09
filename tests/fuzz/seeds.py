"""Bytes to begin with: the examples of all rules, after each first byte that the targets read as their setting."""

from __future__ import annotations

from collections.abc import Iterator

from wsviz.protocol.rules import RULES


def seeds() -> Iterator[bytes]:
    """Every rule's example, bare and behind the bytes that choose sender and extensions."""
    for rule in RULES.values():
        yield rule.example + b"\x00" * bool(rule.answer) + rule.answer
        for setting in (0, 1, 6, 65):
            yield bytes([setting, 1]) + rule.example
    yield b"CONNECT\naccept-version:1.2\nhost:a\\nb\n\nbody\x00\n"
    yield b'42["event",{"a":[1,2.5e3,null]}]'
    yield b"\xef\xbb\xbfid: 1\nevent: a\ndata: b\rdata:c\r\n: note\nretry: 10\n\ndata: cut"
