"""The protocol on one page to print, A4 or Letter: frame, opcodes, header sizes, close codes, handshake, rules."""

from __future__ import annotations

from collections.abc import Sequence

from wsviz.figures.figure import CHAR, INK, MUTED, RULE, Figure, wrap
from wsviz.figures.frame_pen import Pen
from wsviz.protocol.frames import Frame
from wsviz.protocol.handshake import GUID, build_request, build_response
from wsviz.protocol.wire import Opcode, apply_mask
from wsviz.reference.tables import (
    KEY,
    HeaderRow,
    close_ranges,
    close_rows,
    header_rows,
    opcode_rows,
    reserved_opcodes,
)

WIDTH, EDGE, GAP = 714.0, 16.0, 16.0  # pixels, of which 96 are an inch: both papers hold as many within margins
SIZE, LINE = 9.2, 13.0  # of the letters, and from line to line
HALF = (WIDTH - 2 * EDGE - GAP) / 2
RIGHT = EDGE + HALF + GAP
FIRST_BITS = (
    ("fin", 1, "FIN"),
    ("rsv", 3, "RSV1-3"),
    ("opcode", 4, "opcode"),
    ("mask", 1, "MASK"),
    ("length", 7, "Payload len"),
)
LATER = (
    ("extended", 0.3, "Extended payload length", "0, 16 or 64 bits"),
    ("key", 0.25, "Masking-key", "0 or 32 bits"),
    ("payload", 0.45, "Payload Data", "XORed with the key"),
)
RULES = (
    "The client masks every frame, each with a fresh key that nobody can predict; the server masks none.",
    "RSV1-3 are 0 unless an extension was negotiated; permessage-deflate sets RSV1 on a message's first frame.",
    "A message is one frame with FIN 1; or text or binary with FIN 0, then continuations, the last with FIN 1.",
    "Control frames have 125 bytes at most and FIN 1; they may stand between the frames of a message.",
    "A ping is answered by a pong with its body, a Close by a Close; then the server closes TCP first.",
    "A text is UTF-8 as a whole message; a frame may end within a character.",
)
Rows = Sequence[Sequence[str]]


def cheat_sheet() -> Figure:
    """The sheet."""
    sheet = _Sheet()
    return Figure(sheet.draw(), "\n".join(sheet.said))


class _Sheet:
    """The page in the making; `said` is the same as text."""

    def __init__(self) -> None:
        self.canvas, self.said = Pen("sheet"), list[str]()

    def draw(self) -> str:
        self.canvas.text(EDGE, 36, "WebSocket on one page", 20, font_weight="bold")
        self.canvas.text(WIDTH - EDGE, 36, "RFC 6455, as wsviz has it", 9.5, MUTED, text_anchor="end")
        self.said.append("WebSocket on one page")
        y = self._frame(62)
        y = max(self._opcodes(y), self._headers(y))
        y = self._close_codes(y)
        y = max(self._request(y), self._response(y))
        y = max(self._rules(y), self._examples(y))
        return self.canvas.document(
            WIDTH, y + 6, title="WebSocket on one page", description="; ".join(filter(None, self.said)), name="sheet",
            defs=self.canvas.defs(),
        )  # fmt: skip

    # Panels; each begins at `top` and gives where the next may begin

    def _frame(self, top: float) -> float:
        y = self._heading(EDGE, top, WIDTH - 2 * EDGE, "A frame")
        bit = (WIDTH - 2 * EDGE) / 16
        x = EDGE
        for number in range(16):
            self.canvas.text(EDGE + (number + 0.5) * bit, y + 8, str(number % 8), 8, MUTED, text_anchor="middle")
        for kind, bits, name in FIRST_BITS:
            self._box(kind, x, y + 12, bits * bit, name)
            x += bits * bit
        x, y = EDGE, y + 42
        for kind, part, name, size in LATER:
            width = part * (WIDTH - 2 * EDGE)
            self._box(kind, x, y, width, name, size)
            x += width
        self.said.append(", ".join(f"{name} {bits}" for _, bits, name in FIRST_BITS) + " bits; then")
        self.said.append(", ".join(f"{name} ({size})" for _, _, name, size in LATER))
        return y + 54

    def _box(self, kind: str, x: float, y: float, width: float, name: str, size: str = "") -> None:
        self.canvas.fill(kind, x, y, width, 40 if size else 28)
        self.canvas.rect(x, y, width, 40 if size else 28, fill="none", stroke=INK, stroke_width=0.8)
        middle, halo = x + width / 2, self.canvas.halo(kind)
        self.canvas.text(middle, y + 17, name, 10, INK, text_anchor="middle", font_weight="bold", **halo)
        if size:
            self.canvas.text(middle, y + 31, size, 9, INK, text_anchor="middle", **halo)

    def _opcodes(self, top: float) -> float:
        y = self._heading(EDGE, top, HALF, "Opcodes")
        rows = [(f"{row.opcode:X}", row.name, f"{row.first_byte:02x}", row.says) for row in opcode_rows()]
        reserved = ", ".join(f"{first:X}-{last:X}" for first, last in reserved_opcodes())
        y = self._table(EDGE, y, (2, 13, 6), ("", "", "FIN 1", "what it says"), rows, HALF)
        return self._lines(EDGE, y, HALF, [f"Reserved: {reserved}. Control frames: those from 8 on."])

    def _headers(self, top: float) -> float:
        y = self._heading(RIGHT, top, HALF, "Bytes of header")
        rows = [(_range(row), row.says, str(row.from_server), str(row.from_client)) for row in header_rows()]
        head = ("payload", "len says", "server", "client")
        y = self._table(RIGHT, y, (18, 19, 8), head, rows, HALF)
        masked = apply_mask(b"Hello", KEY)
        return self._lines(
            RIGHT, y + 4, HALF,
            [
                "Masking: byte i of the payload XOR byte i mod 4 of the key.",
                f"{b'Hello'.hex(' ')} ({'Hello'}) with {KEY.hex(' ')}: {masked.hex(' ')}",
            ],
        )  # fmt: skip

    def _close_codes(self, top: float) -> float:
        y = self._heading(EDGE, top, WIDTH - 2 * EDGE, "Close codes: the first two bytes of a Close frame's body")
        known = [
            (str(row.code), row.name, row.senders, "yes" if row.script else "", row.says) for row in close_rows()
        ]
        ranges = [
            (f"{row.first}-{row.last}", "", row.senders, "yes" if row.script else "", row.name)
            for row in close_ranges()
            if row.sent
        ]
        head = ("code", "name", "may be sent by", "by script", "what it says")
        return self._table(EDGE, y, (11, 22, 16, 11), head, (*known, *ranges), WIDTH - 2 * EDGE)

    def _request(self, top: float) -> float:
        y = self._heading(EDGE, top, HALF, "The client asks")
        return self._lines(EDGE, y, HALF, _request().decode().split("\r\n")[:-2])

    def _response(self, top: float) -> float:
        y = self._heading(RIGHT, top, HALF, "The server answers")
        y = self._lines(
            RIGHT, y, HALF, build_response(_request(), subprotocols=("chat",)).decode().split("\r\n")[:-2]
        )
        return self._lines(
            RIGHT, y + 2, HALF, [f"Accept: Base64 of SHA-1 of the key's text and {GUID}.", "An empty line ends each."]
        )

    def _rules(self, top: float) -> float:
        y = self._heading(EDGE, top, HALF, "Rules")
        return self._lines(EDGE, y, HALF, RULES, mark="·")

    def _examples(self, top: float) -> float:
        y = self._heading(RIGHT, top, HALF, "Frames to compare with")
        frames = (
            ("Hello, from the server", Frame.text("Hello")),
            ("Hello, from the client", Frame.text("Hello", masking_key=KEY)),
            ("a ping", Frame.ping()),
            ("its pong, from the client", Frame.pong(masking_key=KEY)),
            ("Hello in two, the first", Frame(Opcode.TEXT, b"Hel", fin=False)),
            ("Hello in two, the second", Frame(Opcode.CONTINUATION, b"lo")),
            ("Close 1000", Frame.close(1000)),
            ("Close 1000, from the client", Frame.close(1000, masking_key=KEY)),
            ("126 bytes begin with", Frame.binary(bytes(126))),
        )
        return self._table(RIGHT, y, (28,), (), [(says, _bytes(frame)) for says, frame in frames], HALF)

    # What panels are made of

    def _heading(self, x: float, top: float, width: float, title: str) -> float:
        self.canvas.line(x, top, x + width, top, stroke=INK, stroke_width=1)
        self.canvas.text(x, top + 15, title, 11.5, font_weight="bold")
        self.said += ["", title]
        return top + 22

    def _table(
        self, x: float, top: float, places: Sequence[int], head: Sequence[str], rows: Rows, width: float
    ) -> float:
        """Rows in columns of so many characters, the last of which takes the rest, and wraps."""
        starts = [sum(places[:at]) for at in range(len(places) + 1)]
        room = int(width / (CHAR * SIZE)) - starts[-1]
        y = top
        for row in filter(None, (head, *rows)):
            *cells, last = row
            lines, ink = wrap(last, room), MUTED if row is head else INK
            for start, cell in zip(starts, cells, strict=False):
                self._cell(x, y, start, cell, ink)
            for at, line in enumerate(lines):
                self._cell(x, y + at * (LINE - 2), starts[-1], line, ink)
            self.said.append("  ".join(filter(None, row)))
            y += LINE + (len(lines) - 1) * (LINE - 2)
            self.canvas.line(x, y - 2.5, x + width, y - 2.5, stroke=RULE, stroke_width=0.5)
        return y + 6

    def _cell(self, x: float, y: float, start: int, text: str, ink: str) -> None:
        if text:
            self.canvas.text(x + start * CHAR * SIZE, y + 8, text, SIZE, ink)

    def _lines(self, x: float, top: float, width: float, texts: Sequence[str], mark: str = "") -> float:
        """Texts, each wrapped; `mark` stands before each."""
        y = top
        for text in texts:
            if mark:
                self.canvas.text(x, y + 8, mark, SIZE)
            for line in wrap(text, int(width / (CHAR * SIZE)) - 2 * len(mark)):
                self.canvas.text(x + 2 * len(mark) * CHAR * SIZE, y + 8, line, SIZE)
                y += LINE - 1
            self.said.append(f"{mark} {text}".strip())
        return y + 8


def _bytes(frame: Frame) -> str:
    """The bytes in hex; of a long frame the header."""
    data = frame.serialize()
    return data.hex(" ") if len(data) < 16 else f"{data[:4].hex(' ')} ..."


def _range(row: HeaderRow) -> str:
    return f"{row.least:,} and more" if row.bits == 64 else f"{row.least:,} to {row.most:,}"


def _request() -> bytes:
    """The request of RFC 6455 1.2, as this package builds it."""
    return build_request(
        "ws://server.example.com/chat",
        key="dGhlIHNhbXBsZSBub25jZQ==",
        origin="http://example.com",
        subprotocols=("chat", "superchat"),
    )
