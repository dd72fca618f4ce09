"""IP packets that were fragmented on the way (RFC 791 3.2, RFC 8200 4.5): their later fragments as packets of TCP.

Nothing is put together in a buffer. A later fragment has no TCP header, but it has bytes of a TCP stream, and its
first fragment says which: so it becomes a row with a TCP header of no bytes, and the stream is made of the rows as
ever. That costs no memory, keeps each byte in its own packet, and leaves it to TCP to say what is missing, comes
twice or differs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy.typing as npt

Array = npt.NDArray[Any]

LONGEST_APART = 60_000_000_000  # ns: RFC 8200 4.5 gives up after so long, and IPv4's numbers come round again
_FIN, _SYN, _RST = 0x01, 0x02, 0x04
_TCP = 6


class Fragment(NamedTuple):
    """A fragment of an IP packet, the first one where `into` is 0; `ip`, `start` and `end` are offsets in its row."""

    row: int
    key: bytes  # what the fragments of one IP packet share: its number and its addresses
    protocol: int
    ip: int
    start: int  # of the fragment's own bytes, behind all headers of IP
    end: int
    into: int  # bytes of the IP packet's payload that come before this fragment's


def join(rows: Array, fragments: Iterable[Fragment]) -> None:
    """Make TCP packets of the later fragments whose first one is a TCP packet among the same rows."""
    ordered = sorted(fragment for fragment in fragments if fragment.protocol == _TCP)
    firsts: dict[bytes, list[int]] = {}
    for fragment in ordered:
        if fragment.into == 0 and rows["tcp_packet"][fragment.row]:
            firsts.setdefault(fragment.key, []).append(fragment.row)
    for fragment in ordered:
        if fragment.into and fragment.key in firsts:
            _follow(rows, _nearest(firsts[fragment.key], fragment.row), fragment)


def _nearest(numbers: list[int], wanted: int) -> int:
    """The one of these sorted numbers that is nearest; the number of an IP packet that comes again means another."""
    at = bisect_left(numbers, wanted)
    return min(numbers[max(at - 1, 0) : at + 1], key=lambda number: abs(number - wanted))


def _follow(rows: Array, first: int, fragment: Fragment) -> None:
    head, row = rows[first], rows[fragment.row]
    behind = fragment.into - (int(head["payload"]) - int(head["tcp"]))  # bytes of TCP's payload that come before
    apart = abs(int(head["time"]) - int(row["time"]))
    if behind < 0 or fragment.end <= fragment.start or apart > LONGEST_APART:
        return
    for name in ("source_port", "destination_port", "ack", "window"):
        row[name] = head[name]
    flags = int(head["flags"])
    row["seq"] = (int(head["seq"]) + bool(flags & _SYN) + behind) % 2**32
    row["flags"] = flags & ~(_SYN | _FIN | _RST)  # these are told once, by the first fragment
    row["ip"], row["tcp"], row["payload"], row["end"] = fragment.ip, fragment.start, fragment.start, fragment.end
    row["tcp_packet"] = True
