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
MOST_HEADS = 1 << 14  # first fragments that are known from one part of a file to the next
_MOST_ALIKE = 16  # of those with the same key
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


class _Head(NamedTuple):
    """A first fragment with a TCP header: its number among all packets of the file, and what it says."""

    number: int
    time: int
    header_size: int
    source_port: int
    destination_port: int
    seq: int
    ack: int
    flags: int
    window: int


class Fragments:
    """Joins the fragments of a file, whose packets come in any number of parts.

    The first fragments are known for later parts, MOST_HEADS of them; a fragment that comes in an earlier part than
    its first one is not joined.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, list[_Head]] = {}  # by key, in the order of the file

    def join(self, rows: Array, numbers: Array, fragments: Iterable[Fragment]) -> None:
        """Make TCP packets of the later fragments whose first one is a TCP packet.

        `numbers` are the rows' among all packets of the file.
        """
        ordered = sorted(fragment for fragment in fragments if fragment.protocol == _TCP)
        for fragment in ordered:
            if fragment.into == 0 and rows["tcp_packet"][fragment.row]:
                heads = self._heads.pop(fragment.key, [])
                heads.append(_head(int(numbers[fragment.row]), rows[fragment.row]))
                self._heads[fragment.key] = heads  # as the latest of all
        for fragment in ordered:
            if fragment.into and fragment.key in self._heads:
                _follow(rows[fragment.row], _nearest(self._heads[fragment.key], int(numbers[fragment.row])), fragment)
        for key in list(self._heads)[:-MOST_HEADS]:
            del self._heads[key]
        for heads in self._heads.values():
            del heads[:-_MOST_ALIKE]


def _head(number: int, row: Any) -> _Head:
    names = ("source_port", "destination_port", "seq", "ack", "flags", "window")
    return _Head(number, int(row["time"]), int(row["payload"]) - int(row["tcp"]), *(int(row[name]) for name in names))


def _nearest(heads: list[_Head], number: int) -> _Head:
    """The one of these that is nearest in the file; the number of an IP packet that comes again means another."""
    at = bisect_left(heads, (number,))
    return min(heads[max(at - 1, 0) : at + 1], key=lambda head: abs(head.number - number))


def _follow(row: Any, head: _Head, fragment: Fragment) -> None:
    behind = fragment.into - head.header_size  # bytes of TCP's payload that come before
    if behind < 0 or fragment.end <= fragment.start or abs(head.time - int(row["time"])) > LONGEST_APART:
        return
    for name in ("source_port", "destination_port", "ack", "window"):
        row[name] = getattr(head, name)
    row["seq"] = (head.seq + bool(head.flags & _SYN) + behind) % 2**32
    row["flags"] = head.flags & ~(_SYN | _FIN | _RST)  # these are told once, by the first fragment
    row["ip"], row["tcp"], row["payload"], row["end"] = fragment.ip, fragment.start, fragment.start, fragment.end
    row["tcp_packet"] = True
