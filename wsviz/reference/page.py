"""The reference as Markdown: opcodes, header sizes, close codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wsviz.protocol.frames import Frame
from wsviz.reference.tables import (
    KEY,
    close_ranges,
    close_rows,
    header_rows,
    opcode_rows,
    reserved_opcodes,
)

HEAD = """\
<!-- Made by `make notebooks` from wsviz/reference and wsviz/protocol; edit those instead. -->

# Reference

The numbers of WebSocket (RFC 6455), as wsviz has them: the tables below are made from its code. The broken rules that
it can name stand in [rules](rules.md), the words of the course in the [glossary](glossary.md), and what one needs
most often on a [sheet to print](cheat-sheet.svg).
"""


def reference_page() -> str:
    """The page."""
    return "\n".join([HEAD, _opcodes(), _headers(), _examples(), _close_codes()])


def _opcodes() -> str:
    rows = [
        (
            f"`{row.opcode:X}`",
            f"`{row.opcode:04b}`",
            row.name,
            "control" if row.control else "data",
            f"`{row.first_byte:02x}`",
            row.says,
            row.section,
        )
        for row in opcode_rows()
    ]
    reserved = ", ".join(f"`{first:X}` to `{last:X}`" for first, last in reserved_opcodes())
    return f"""\
## Opcodes

The low four bits of a frame's first byte. A control frame has a payload of at most 125 bytes and FIN 1; it may stand
between the frames of a message. Reserved, and an error until an extension gives them a meaning: {reserved}.

{_table(("opcode", "bits", "name", "kind", "first byte, FIN 1", "what it says", "section"), rows)}
"""


def _headers() -> str:
    rows = [
        (f"{row.least:,} to {row.most:,}", row.says, f"{row.bits} bits", f"{row.from_server}", f"{row.from_client}")
        for row in header_rows()
    ]
    head = ("payload in bytes", "Payload len says", "length in", "header from the server", "header from the client")
    return f"""\
## Bytes of header

The client masks every frame, the server none; the masking key takes four bytes. The shortest form that fits has to be
used (RFC 6455 5.2).

{_table(head, rows)}
"""


def _examples() -> str:
    frames = (
        ("text Hello, from the server", Frame.text("Hello")),
        ("the same, from the client", Frame.text("Hello", masking_key=KEY)),
        ("a ping without a body, from the server", Frame.ping()),
        ("Close 1000 without a reason, from the server", Frame.close(1000)),
        ("the same, from the client", Frame.close(1000, masking_key=KEY)),
    )
    rows = [(says, f"`{frame.serialize().hex(' ')}`") for says, frame in frames]
    return f"## Frames to compare with\n\n{_table(('frame', 'bytes'), rows)}\n"


def _close_codes() -> str:
    rows = [
        (f"{row.code}", row.name, row.senders, "yes" if row.script else "no", row.says, f"`{row.code:04x}`")
        for row in close_rows()
    ]
    ranges = [(row.codes, row.name, row.senders, "yes" if row.script else "no") for row in close_ranges()]
    head = ("code", "name", "may be sent by", "by a script with `close()`", "what it says", "bytes")
    return f"""\
## Close codes

The first two bytes of a Close frame's body. What nobody may send, an API reports by itself.

{_table(head, rows)}

The others:

{_table(("codes", "what they are", *head[2:4]), ranges)}
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
