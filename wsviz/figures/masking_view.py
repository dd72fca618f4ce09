"""What a picture of masking says, in words and numbers: the SVG, the text and the widget all draw this.

Nothing is decoded here: `apply_mask` masks, this module puts its bytes side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from wsviz.capture.captured_frames import CapturedFrame
from wsviz.capture.connection import Connection
from wsviz.figures.frame_view import SHOWN, Glyph, view_of
from wsviz.protocol.fields import SIDES, ProtocolError, Side
from wsviz.protocol.frames import Frame, dissect_frame
from wsviz.protocol.secrets import mask_bytes
from wsviz.protocol.wire import Opcode, apply_mask, as_bytes, count, opcode_name

RFC_KEY = bytes.fromhex("37fa213d")  # of the example in RFC 6455 5.7
# Nothing here is random: these stand for keys that a client would draw anew for each frame.
FRESH = tuple(bytes.fromhex(key) for key in ("9c41e07b", "05d8b392", "e86f1a54", "7332cd0e"))
WANTED = b"GET /x HTTP/1.1"  # what a script would like to see on the wire

KEPT = 2000  # bytes of a payload that are kept: more than is drawn, so that a short text can be edited
LINE = 16  # bytes of a frame in the comparison of keys
LISTED = 12  # frames of a connection that are listed with their keys
MOST_FRAMES = 200  # frames of a connection that can be chosen


class Masked(NamedTuple):
    """A payload and the key of its frame: the first `KEPT` bytes of `size`; `words` say where it comes from."""

    payload: bytes
    key: bytes
    size: int
    textual: bool = True
    words: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One byte: what goes in, the key byte at `index` mod 4, what comes out; `before` and `after` as text."""

    index: int
    entering: int
    key: int
    leaving: int
    before: Glyph
    after: Glyph

    @property
    def key_index(self) -> int:
        return self.index % 4

    @property
    def sum(self) -> str:
        """The XOR in hex: "48 ⊕ 37 = 7f"."""
        return f"{self.entering:02x} ⊕ {self.key:02x} = {self.leaving:02x}"

    @property
    def back(self) -> str:
        """The same step on the result: it gives back what went in."""
        return f"{self.leaving:02x} ⊕ {self.key:02x} = {self.entering:02x}"

    @property
    def flips(self) -> str:
        """How many bits the key byte flips, in words."""
        flipped = self.key.bit_count()
        if not flipped:
            return "The key byte is 0: no bit flips, the byte stays as it is."
        return f"{count(flipped, 'bit')} of the key byte {'is' if flipped == 1 else 'are'} 1 and flip what they meet."


class Row(NamedTuple):
    """One frame of a comparison: its key, its first bytes on the wire, how they read, which of them all share."""

    name: str
    key: bytes
    wire: bytes
    text: str
    same: tuple[bool, ...]
    mark: str = ""


class Group(NamedTuple):
    """Frames under one way to choose keys, and what follows from it."""

    name: str
    rows: tuple[Row, ...]
    verdict: str
    safe: bool


class Experiment(NamedTuple):
    """The same done under several ways to choose keys."""

    title: str
    about: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Masking:
    """A payload under a key, with the step that is looked at.

    `source.payload` is the clear payload; with `unmask` the picture goes from the wire to it. `listed` are the frames
    of a captured connection whose keys are compared. Raises ProtocolError for keys that have not 4 bytes.
    """

    source: Masked
    at: int = 0
    unmask: bool = False
    fresh: tuple[bytes, ...] = FRESH
    wanted: bytes = WANTED
    listed: tuple[Masked, ...] = ()
    total: int = 0  # client frames of that connection

    def __post_init__(self) -> None:
        for key in (self.source.key, *self.fresh):
            apply_mask(b"", key)
        if self.drawn and not 0 <= self.at < self.drawn:
            raise IndexError(f"byte {self.at}, expected 0 to {self.drawn - 1}")

    @property
    def key(self) -> bytes:
        return self.source.key

    @property
    def drawn(self) -> int:
        """Bytes that are drawn."""
        return min(len(self.source.payload), SHOWN)

    @property
    def names(self) -> tuple[str, str]:
        """What goes in and what comes out."""
        return ("on the wire", "payload") if self.unmask else ("payload", "on the wire")

    @property
    def title(self) -> str:
        return "Unmasking, byte by byte" if self.unmask else "Masking, byte by byte"

    @property
    def about(self) -> str:
        words = [f"{count(self.source.size, 'byte')} of payload", f"key {self.key.hex(' ')}"]
        return " · ".join([*words, *[self.source.words] * bool(self.source.words)])

    @property
    def more(self) -> str:
        """What is not drawn; "" where everything is."""
        hidden = self.source.size - self.drawn
        return f"… {count(hidden, 'more byte')}, masked in the same way" if hidden else ""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        clear = self.source.payload[: SHOWN + 3]  # a character may begin with the last byte that is drawn
        wire = apply_mask(clear, self.key)
        pairs = (clear, glyphs(clear, self.source.textual)), (wire, glyphs(wire, textual=False))
        (entering, before), (leaving, after) = pairs[::-1] if self.unmask else pairs
        return tuple(
            Step(at, entering[at], self.key[at % 4], leaving[at], before[at], after[at]) for at in range(self.drawn)
        )

    @property
    def step(self) -> Step | None:
        """The step that is looked at; None where the payload is empty."""
        return self.steps[self.at] if self.steps else None

    def said(self, step: Step) -> str:
        """A step for somebody who cannot see it."""
        entering, leaving = self.names
        before = "" if step.before.text == "·" else f", {step.before}"
        return (
            f"byte {step.index}, {entering} {step.entering:02x}{before}, "
            f"key byte {step.key_index} {step.key:02x}, {leaving} {step.leaving:02x}"
        )

    @cached_property
    def experiments(self) -> tuple[Experiment, ...]:
        """What a fixed key and fresh ones do to the same text, and to bytes that a script has chosen."""
        text = self.source.payload[:LINE]
        quoted, wished = _quoted(self.source.payload, self.source.size), _quoted(self.wanted, len(self.wanted))
        fresh = tuple(key for key in self.fresh if key != self.key)
        fixed = (self.key,) * len(fresh)
        chosen = apply_mask(self.wanted[:LINE], self.key)
        made = [
            Experiment(
                "The same payload again and again",
                f"{count(len(fresh), 'frame')} with {quoted}",
                (
                    _group("the same key each time", fixed, text, "equal payloads are equal bytes: a pattern", False),
                    _group("a fresh key for each frame", fresh, text, "no frame looks like another", True),
                ),
            ),
            Experiment(
                f"A script wants {wished} on the wire",
                f"It expects the key {self.key.hex(' ')}, so it sends wanted ⊕ key as its payload",
                (
                    _group(
                        "the key it expects", fixed, chosen,
                        "the script's bytes arrive: a naive proxy may take them for a request", False,
                    ),
                    _group(
                        "fresh keys, which it cannot know", fresh, chosen,
                        "other bytes each time: nothing to misread", True,
                    ),
                ),
            ),
        ]  # fmt: skip
        return (*made[not text :], *[self._keys_seen()] * bool(self.listed))

    def _keys_seen(self) -> Experiment:
        """The keys of a captured connection: one that comes twice is marked."""
        keys = [masked.key for masked in self.listed]
        rows, repeated = [], 0
        for number, masked in enumerate(self.listed):
            first = keys.index(masked.key)
            repeated += first < number
            wire = apply_mask(masked.payload[:LINE], masked.key)
            rows.append(
                Row(str(number), masked.key, wire, readable(wire), (False,) * len(wire),
                    f"the key of frame {first} again" if first < number else "")
            )  # fmt: skip
        verdict = f"{count(repeated, 'key')} used again" if repeated else "each frame has a key of its own"
        shown = self.listed[:LISTED]
        hidden = self.total - len(shown)
        about = count(self.total, "masked frame") + (f", the first {len(shown)} of them" if hidden > 0 else "")
        group = Group("as captured", tuple(rows[:LISTED]), verdict, not repeated)
        return Experiment("The keys of this connection's client", about, (group,))


def _group(name: str, keys: Iterable[bytes], payload: bytes, verdict: str, safe: bool) -> Group:
    keys = tuple(keys)
    wires = [apply_mask(payload, key) for key in keys]
    same = tuple(len(wires) > 1 and len(set(column)) == 1 for column in zip(*wires, strict=True))
    rows = (
        Row(str(at), key, wire, readable(wire), same)
        for at, (key, wire) in enumerate(zip(keys, wires, strict=True), 1)
    )
    return Group(name, tuple(rows), verdict, safe)


def _quoted(data: bytes, size: int) -> str:
    return f'"{readable(data[:LINE])}"' + " …" * (size > LINE)


def readable(data: bytes) -> str:
    """Bytes as a hex dump writes them: ASCII as it is, a dot for each other byte."""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)


def glyphs(data: bytes, textual: bool) -> tuple[Glyph, ...]:
    """What each of the first bytes means as text: the frame diagram's glyphs."""
    frame = Frame(Opcode.TEXT if textual else Opcode.BINARY, data)
    return view_of(dissect_frame(frame.serialize())).glyphs


Maskable = str | bytes | bytearray | memoryview | Frame | CapturedFrame | Connection


def sources_of(thing: Maskable, key: bytes | None = None, *, unmask: bool = False) -> Iterator[Masked]:
    """Every payload with its key: one, or those of a captured connection's client.

    `key` is for what has none, `RFC_KEY` without it. Bytes are a payload, with `unmask` a masked one. Of what was
    captured, secrets are drawn as asterisks unless the capture was read with `reveal=True`. Raises ProtocolError
    where a connection has no masked frame, TypeError for what cannot be masked.
    """
    if isinstance(thing, Connection):
        yield from _client_frames(thing)
    elif isinstance(thing, CapturedFrame):
        yield _of_captured(thing, reveal=False)
    elif isinstance(thing, Frame):
        yield _of_frame(thing, key)
    elif isinstance(thing, str | bytes | bytearray | memoryview):
        data = thing.encode(errors="replace") if isinstance(thing, str) else bytes(thing)
        key = RFC_KEY if key is None else as_bytes(key, "the masking key")
        clear = apply_mask(data[:KEPT], key) if unmask else data[:KEPT]
        yield Masked(clear, key, len(data))
    else:
        raise TypeError(f"got {type(thing).__name__}, expected text, bytes, a frame or a captured connection")


def _of_frame(frame: Frame, key: bytes | None = None) -> Masked:
    textual = frame.opcode != Opcode.BINARY and not frame.rsv1
    words = f"{opcode_name(frame.opcode)} frame"
    key = frame.masking_key or RFC_KEY if key is None else as_bytes(key, "the masking key")
    return Masked(frame.payload[:KEPT], key, len(frame.payload), textual, words)


def _of_captured(captured: CapturedFrame, *, reveal: bool) -> Masked:
    if captured.frame.masking_key is None:
        raise ProtocolError(f"frame {captured.index} of the {captured.sender} is not masked")
    masked = _of_frame(captured.frame)
    words = f"{masked.words} {captured.index} of the {captured.sender}"
    hidden = masked.payload if reveal else mask_bytes(masked.payload, same_size=True)
    words += ", secrets as *" if hidden != masked.payload else ""
    return masked._replace(payload=hidden, words=words)


def _client_frames(connection: Connection) -> Iterator[Masked]:
    table = connection.frame_table
    rows = ((table["sender"] == SIDES.index(Side.CLIENT)) & table["masked"]).nonzero()[0]
    if not len(rows):
        raise ProtocolError(f"connection {connection.index} has no masked frame of a client")
    for row in rows[:MOST_FRAMES]:
        yield _of_captured(connection.frames[int(row)], reveal=connection.reveal)


def masking_of(thing: Maskable, key: bytes | None = None, *, unmask: bool = False) -> Masking:
    """The first payload of a thing, masked; of a connection, with the keys of all its client's frames."""
    sources = tuple(sources_of(thing, key, unmask=unmask))
    if not isinstance(thing, Connection):
        return Masking(sources[0], unmask=unmask)
    first = next((source for source in sources if source.size), sources[0])
    return Masking(first, unmask=unmask, listed=sources, total=client_frames(thing))


def client_frames(connection: Connection) -> int:
    """How many masked frames the client sent."""
    table = connection.frame_table
    return int(((table["sender"] == SIDES.index(Side.CLIENT)) & table["masked"]).sum())
