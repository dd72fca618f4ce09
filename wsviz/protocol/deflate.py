"""permessage-deflate, both ways (RFC 7692): what was negotiated, an inflater that notices damage, a deflater.

A message is compressed as a whole, then fragmented. Its sender ends it with an empty stored block, `00 00 00 ff ff`
once aligned, and strips the last four bytes; the receiver puts them back (7.2.1, 7.2.2). Between messages the window
of the last 256 to 32,768 bytes is kept, unless "no context takeover" was negotiated for the direction.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from wsviz.protocol.fields import ProtocolError, Side
from wsviz.protocol.grammar import Extension, parse_extensions
from wsviz.protocol.wire import Bytes, count

NAME = "permessage-deflate"
STRIPPED = b"\x00\x00\xff\xff"
# An empty stored block with BFINAL=1: it ends a stream that stands at a byte boundary between two blocks.
_LAST_BLOCK = b"\x01\x00\x00\xff\xff"
_INPUT = 1 << 14  # bytes given to zlib at once: what it leaves unread is copied, so this stays small
_OUTPUT = 1 << 16  # bytes taken from zlib at once: the most that a bomb makes us hold beyond the bound
_TOGETHER = 64  # messages
MAX_MESSAGE_SIZE = 64 << 20  # bytes


class DeflateParameters(NamedTuple):
    """What the response agreed to. `server_*` governs server-to-client data, `client_*` client-to-server (7.1)."""

    server_no_context_takeover: bool = False
    client_no_context_takeover: bool = False
    server_max_window_bits: int = 15
    client_max_window_bits: int = 15

    @classmethod
    def of(cls, extension: Extension) -> DeflateParameters:
        """Read one element of the response's header; raises ProtocolError for what 7.1 has the client refuse."""
        values: dict[str, bool | int] = {}
        for name, value in extension.parameters:
            if name not in cls._fields:
                raise ProtocolError(f"{NAME} has no parameter {name!r}")
            if name in values:
                raise ProtocolError(f"the parameter {name} stands there twice")
            values[name] = _window_bits(name, value) if name.endswith("bits") else _flag(name, value)
        return cls(**values)  # type: ignore[arg-type]

    def keeps_context(self, sender: Side) -> bool:
        """Whether the sender's messages may refer to its earlier ones."""
        client = sender is Side.CLIENT
        return not (self.client_no_context_takeover if client else self.server_no_context_takeover)

    def window_bits(self, sender: Side) -> int:
        """The base-2 logarithm of the sender's window in bytes."""
        return self.client_max_window_bits if sender is Side.CLIENT else self.server_max_window_bits


def _flag(name: str, value: str | None) -> bool:
    if value is not None:
        raise ProtocolError(f"{name} has the value {value!r}, expected none")
    return True


def _window_bits(name: str, value: str | None) -> int:
    # 7.1.2: a decimal number without leading zeros; only an offer may leave it out.
    if value not in {str(bits) for bits in range(8, 16)}:
        raise ProtocolError(f"{name} is {value!r}, expected 8 to 15")
    return int(value)


def negotiated(extensions: str | None) -> DeflateParameters | None:
    """The parameters in a response's Sec-WebSocket-Extensions value; None where it does not name the extension.

    Parameters that break their grammar are the handshake's fault; data is then read with the defaults, under which
    every legal stream can be read.
    """
    try:
        for extension in parse_extensions(extensions or ""):
            if extension.name.lower() == NAME:
                return DeflateParameters.of(extension)
    except ProtocolError:
        return DeflateParameters()
    except ValueError:
        pass
    return None


class InflateError(ProtocolError):
    """Compressed data is damaged; `rule` is the slug of a rule in `DEFLATE_RULES`."""

    def __init__(self, rule: str, explanation: str) -> None:
        # RFC 7692 names no code. 1007, data not consistent with the type of the message, is the one that fits.
        super().__init__(explanation, 1007)
        self.rule = rule


class Inflater:
    """Inflates the messages of one direction, in pieces of at most 64 KiB, so that the caller can bound them.

    A reference beyond the window is damage, as far as zlib sees it: like every receiver built on zlib, this one
    forgives what its output buffer still holds.

    A message is `start()`, `pieces(payload)` for each of its frames, `end()`. After an error or a message left
    unfinished the next `start()` mends the inflater: it goes on with the window as far as it was filled.
    """

    def __init__(self, *, window_bits: int = 15, keep_context: bool = True) -> None:
        self._bits, self._keep = window_bits, keep_context
        self._window = bytearray()  # what was inflated last: the dictionary of a new zlib stream
        self._broken = True
        self.final_blocks = 0  # blocks with BFINAL=1 in the current message

    @classmethod
    def of(cls, extensions: str | None, sender: Side) -> Inflater | None:
        """That of the sender's messages, by the response's Sec-WebSocket-Extensions value; None where it has none."""
        if (parameters := negotiated(extensions)) is None:
            return None
        return cls(window_bits=parameters.window_bits(sender), keep_context=parameters.keeps_context(sender))

    def start(self) -> None:
        """Begin a message."""
        if not self._keep:
            self._window.clear()
        if self._broken or not self._keep:
            self._renew()
        self._broken = True  # until end() has found the message whole
        self._size = self.final_blocks = 0

    def whole(self, payloads: Iterator[bytes]) -> list[bytes]:
        """Inflate messages, each in one frame and all at once; of one that is damaged, what comes before that.

        No more of them are taken than come to a few MiB, or to one message; none is left where nothing comes back.
        """
        found, data = self._usual(islice(payloads, _TOGETHER))
        if data is not None:
            self.start()
            pieces = list[bytes]()
            with suppress(InflateError):
                pieces.extend(self.pieces(data))
                self.end()
            found.append(b"".join(pieces))
        return found

    def _usual(self, payloads: Iterator[bytes]) -> tuple[list[bytes], bytes | None]:
        """Inflate messages up to one that takes more than a step: that one, if any, is for start() to begin anew.

        A volume of messages passes here, so the steps of `pieces` and `end` are written out.
        """
        if self._broken or not self._keep:
            return [], next(payloads, None)
        stream, inflate, copy = self._zlib, self._zlib.decompress, self._zlib.copy
        found, data = list[bytes](), None
        try:
            for data in payloads:
                if not 0 < len(data) <= _INPUT:
                    break
                piece = inflate(data, _OUTPUT)
                if len(piece) == _OUTPUT or stream.eof or inflate(STRIPPED, 1):
                    self._broken = True
                    break
                probe = copy()
                if probe.decompress(_LAST_BLOCK, 1) or not probe.eof or probe.unused_data:
                    self._broken = True
                    break
                found.append(piece)
            else:
                data = None
        except zlib.error:
            self._broken = True
        first, size = len(found), 0
        while first and size < 1 << self._bits:  # no more than the window holds
            first -= 1
            size += len(found[first])
        self._remember(b"".join(found[first:]))
        return found, data

    def _renew(self) -> None:
        window = bytes(self._window[-(1 << self._bits) :])
        self._zlib = zlib.decompressobj(-self._bits, zdict=window)

    def pieces(self, data: Bytes) -> Iterator[bytes]:
        """Inflate the payload of the message's next frame; raises InflateError where the data is damaged."""
        first, self._size = not self._size, self._size + len(data)
        try:
            for start in range(0, len(data), _INPUT):
                yield from self._inflate(data[start : start + _INPUT], first and not start)
        except zlib.error as error:
            reason = str(error).rpartition(": ")[2]
            if "too far back" in reason:
                kept = "kept" if self._keep else "not kept"
                reason += f"; the window has {1 << self._bits:,} bytes and is {kept} between messages"
            raise InflateError("deflate-data-broken", f"the compressed data is damaged: {reason}") from None

    def _inflate(self, unread: Bytes, first: bool) -> Iterator[bytes]:
        while True:
            try:
                piece = self._zlib.decompress(unread, _OUTPUT)
            except zlib.error:
                if first:
                    yield from self._salvage(unread)
                raise
            first, unread = False, self._zlib.unconsumed_tail
            final = self._zlib.eof
            if final:
                # 7.2.3.4: a block with BFINAL=1 ends zlib's stream, but neither the message nor the window.
                unread = self._zlib.unused_data
                self.final_blocks += 1
            if piece:
                self._remember(piece)
                yield piece
            if final:
                self._renew()
            elif not unread and len(piece) < _OUTPUT:
                return

    def _salvage(self, data: Bytes) -> Iterator[bytes]:
        """What comes before the damage: zlib keeps it for itself, unless it is fed byte by byte."""
        self._renew()
        with suppress(zlib.error):
            for i in range(len(data)):
                if piece := self._zlib.decompress(data[i : i + 1]):
                    self._remember(piece)
                    yield piece

    def _remember(self, piece: bytes) -> None:
        window = self._window
        window += piece
        if len(window) > 2 << self._bits:
            del window[: -(1 << self._bits)]

    def end(self) -> None:
        """End the message; raises InflateError where its data is cut.

        zlib reports no cut: it waits for more. So the bytes that the sender stripped must bring the stream between
        two blocks, where an empty last block ends it with no output and nothing left over.
        """
        if not self._size:
            self._broken = False  # nothing was read: careless inflaters append 00 00 ff ff here, and then misread on
            raise InflateError("deflate-no-data", "the message has RSV1 and no byte, expected 00 for an empty one")
        try:
            ends = self._ends()
        except zlib.error:
            ends = False
        if not ends:
            raise InflateError("deflate-data-cut", f"the data ends too early, after {count(self._size, 'byte')}")
        self._broken = False

    def _ends(self) -> bool:
        """Whether the bytes that the sender stripped end the message."""
        if self._zlib.decompress(STRIPPED, 1):
            return False
        probe = self._zlib.copy() if self._keep else self._zlib
        return not probe.decompress(_LAST_BLOCK, 1) and probe.eof and not probe.unused_data

    def inflate(self, payload: Bytes, *, max_size: int = MAX_MESSAGE_SIZE) -> bytes:
        """Inflate a whole message; raises InflateError, and ProtocolError where it passes `max_size` bytes."""
        self.start()
        pieces, size = [], 0
        for piece in self.pieces(payload):
            size += len(piece)
            if size > max_size:
                raise ProtocolError(f"the message inflates to more than {count(max_size, 'byte')}", 1009)
            pieces.append(piece)
        self.end()
        return b"".join(pieces)


class Deflater:
    """Compresses the messages of one direction.

    `level` is zlib's, 0 (stored blocks) to 9. `window_bits` 8 uses zlib's 9, which it takes raw deflate from: zlib
    never looks back further than its window less 262 bytes, so 250 there, which an 8-bit window holds.
    """

    def __init__(self, *, window_bits: int = 15, keep_context: bool = True, level: int = 6) -> None:
        if not 8 <= window_bits <= 15:
            raise ProtocolError(f"window_bits is {window_bits}, expected 8 to 15")
        self._bits, self._keep, self._level = max(window_bits, 9), keep_context, level
        self._window = b""
        self._renew()

    def _renew(self) -> None:
        self._zlib = zlib.compressobj(self._level, zlib.DEFLATED, -self._bits, zdict=self._window)

    def compress(self, data: Bytes, *, final_block: bool = False) -> bytes:
        """The payload of a message that goes with RSV1=1, not yet fragmented.

        `final_block` ends the data with a block whose BFINAL is 1 (7.2.3.4): legal, and a test for receivers.
        """
        if self._keep:
            size = 1 << self._bits
            self._window = (self._window + bytes(data[-size:]))[-size:]
        payload = self._zlib.compress(data)
        if final_block:
            payload += self._zlib.flush(zlib.Z_FINISH) + b"\x00"
        else:
            # zlib writes nothing where there is nothing to flush; 7.2.3.6 gives the empty message this byte.
            payload = (payload + self._zlib.flush(zlib.Z_SYNC_FLUSH)).removesuffix(STRIPPED) or b"\x00"
        if final_block or not self._keep:
            self._renew()
        return payload
