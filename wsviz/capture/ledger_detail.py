"""The ledger's bytes once more: what the packets without data cost, which open, acknowledge and close TCP."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wsviz.capture.direction import Direction
from wsviz.capture.packets import ACK, FIN, RST, SYN, Array

DETAILS = ("of_which_set_up", "of_which_bare_acks", "of_which_tear_down")
_SET_UP, _BARE_ACK, _TEAR_DOWN = range(len(DETAILS))


def count_details(directions: Sequence[Direction]) -> Array:
    """The bytes on the wire of a connection's packets without data, by DETAILS; each such packet counts in one.

    Set-up: SYN, SYN-ACK and the ACK that ends the handshake. Tear-down: FIN and RST, and the ACKs of a FIN. Bare ACKs
    are all others. A SYN or FIN that carries data is no packet without data, and counts nowhere here.
    """
    counts = np.zeros(len(DETAILS), "i8")
    for direction, other in (directions, directions[::-1]):
        rows = direction.table.rows[direction.packets]
        rows = rows[rows["end"] == rows["payload"]]
        kinds = np.full(len(rows), _BARE_ACK)
        kinds[rows["flags"] & (FIN | RST) != 0] = _TEAR_DOWN
        plain = rows["flags"] & (SYN | FIN | RST) == 0
        kinds[plain & np.isin(rows["ack"], _after(other, FIN))] = _TEAR_DOWN
        kinds[rows["flags"] & SYN != 0] = _SET_UP
        if len(ends := np.nonzero(plain & np.isin(rows["ack"], _after(other, SYN | ACK)))[0]):
            kinds[ends[0]] = _SET_UP
        np.add.at(counts, kinds, rows["length"].astype("i8"))
    return counts


def _after(direction: Direction, flags: int) -> Array:
    """The sequence numbers that acknowledge this direction's packets with all of these flags."""
    rows = direction.table.rows[direction.packets]
    rows = rows[rows["flags"] & flags == flags]
    following: Array = (rows["seq"].astype("i8") + rows["end"] - rows["payload"] + 1) % 2**32
    return following
