"""What the messages say: JSON texts of any length, some beyond ASCII, and binary data; all from one seed."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

Pool = TypeVar("Pool", str, bytes)

_WORDS = (
    "alpha", "order", "price", "bid", "ask", "trade", "quote", "volume", "level", "depth", "snapshot", "update",
    "cursor", "joined", "left", "typing", "room", "message", "status", "online", "away", "sensor", "humidity",
    "pressure", "reading", "battery", "latitude", "longitude", "speed", "heading",
)  # fmt: skip
_OTHER_WORDS = ("größe", "straße", "naïve", "café", "сообщение", "комната", "価格", "注文", "更新", "✓", "🚆", "🌡")
_POOL = 1 << 17  # characters


class Content:
    """Pools of text and of binary data, of which messages take slices."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng([seed, 0])
        self._ascii = _json(random, _WORDS).encode()
        self._text = _json(random, _WORDS + _OTHER_WORDS)
        self._binary = random.integers(0, 256, _POOL, "u1").tobytes()

    def text(self, place: int, size: int, beyond_ascii: bool = False) -> bytes:
        """About `size` bytes of UTF-8: exactly as many, unless the text goes beyond ASCII."""
        if beyond_ascii:
            return _slice(self._text, place, size).encode()
        return _slice(self._ascii, place, size)

    def binary(self, place: int, size: int) -> bytes:
        """`size` bytes of any value."""
        return _slice(self._binary, place, size)


def _slice(pool: Pool, place: int, size: int) -> Pool:
    start = place % (len(pool) // 2)
    if start + size > len(pool):
        pool = pool * ((start + size) // len(pool) + 1)
    return pool[start : start + size]


def _json(random: np.random.Generator, words: tuple[str, ...]) -> str:
    parts, size = [], 0
    while size < _POOL:
        topic, name, value = random.integers(0, len(words), 3).tolist()
        number = int(random.integers(0, 1_000_000))
        part = (
            f'{{"id":{number},"topic":"{words[topic]}","{words[name]}":"{words[value]}","value":{number / 97:.3f}}},'
        )
        parts.append(part)
        size += len(part)
    return "".join(parts)
