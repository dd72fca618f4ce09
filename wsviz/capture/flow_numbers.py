"""Which packet is of which TCP connection, for many packets at once.

Connections are numbered by their first packet, as Wireshark's tcp.stream does; a SYN with another sequence number
opens another connection between the same ports. A direction has the number 2 * connection + side, side 0 being the
endpoint whose packet came first.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

import numpy as np

from wsviz.capture.octets import distinct
from wsviz.capture.packets import ACK, SYN, Array, Packets

NO_FLOW = -1  # the direction of a packet that is not TCP
_NO_KEY = -1  # stands for its addresses and ports
WRAP = 1 << 32  # sequence numbers begin again


class FlowNumbers:
    """Numbers the connections of a file whose packets come in any number of chunks.

    `reverse` gives for a pair of addresses, by its number, the number of the pair the other way round.
    """

    def __init__(self, reverse: Callable[[int], int]) -> None:
        self.count = 0
        self._reverse = reverse
        self._current: dict[int, int] = {}  # by pair of addresses and ports: the direction
        self._opened = array("q")  # by connection: the sequence number of its SYN, -1 where none was seen

    def deal(self, rows: Array, pairs: Array) -> Array:
        """The direction of each packet of a chunk, NO_FLOW where it is not TCP; `pairs` number their addresses."""
        ports = rows["source_port"].astype("i8") << 16 | rows["destination_port"]
        keys = np.where(rows["tcp_packet"], pairs.astype("i8") << 32 | ports, _NO_KEY)
        first, where = distinct(keys)
        known = keys[first].tolist()
        numbers = [self._current.get(key, NO_FLOW) for key in known]
        new = [at for at, key, number in zip(first.tolist(), known, numbers, strict=True) if number < 0 <= key]
        for place in sorted({*new, *np.flatnonzero(rows["flags"] & SYN).tolist()}):
            flags, seq, ack = (int(rows[name][place]) for name in ("flags", "seq", "ack"))
            direction, reused = self._look_at(int(keys[place]), flags, seq, ack)
            if reused:  # what follows may be of the older connection between these ports, or of the new one
                return self._one_by_one(rows, keys, np.array(numbers, "i8")[where], place)
            numbers[where[place]] = direction
        dealt: Array = np.array(numbers, "i8")[where]
        return dealt

    def _one_by_one(self, rows: Array, keys: Array, directions: Array, place: int) -> Array:
        """Go on from a packet that reuses ports; the directions before it are those found so far."""
        directions[place] = self._current[int(keys[place])]
        columns = (column[place + 1 :].tolist() for column in (keys, rows["flags"], rows["seq"], rows["ack"]))
        for later, (key, flags, seq, ack) in enumerate(zip(*columns, strict=True), place + 1):
            plain = self._current.get(key, NO_FLOW) if not flags & SYN else NO_FLOW
            if key >= 0:
                directions[later] = plain if plain >= 0 else self._look_at(key, flags, seq, ack)[0]
        return directions

    def _look_at(self, key: int, flags: int, seq: int, ack: int) -> tuple[int, bool]:
        """The direction of a packet, and whether it opens another connection between ports in use."""
        direction, first = self._current.get(key, NO_FLOW), False
        reverse = self._reverse(key >> 32) << 32 | (key & 0xFFFF) << 16 | key >> 16 & 0xFFFF
        if direction < 0 and (other := self._current.get(reverse, NO_FLOW)) >= 0:
            self._current[key] = direction = other ^ 1
            first = True
        opening, reused = flags & (SYN | ACK) == SYN, False
        if direction < 0 or (opening and self._opened[direction >> 1] != seq):
            reused = direction >= 0
            self._current.pop(reverse, None)
            self._current[key] = direction = 2 * self.count
            self.add()
            first = True
        if flags & SYN:
            if self._opened[direction >> 1] < 0:
                # SYN-ACK: the other endpoint's SYN was not captured, or comes later in the file.
                self._opened[direction >> 1] = seq if opening else (ack - 1) % WRAP
            self.synchronise(direction, seq, first=first)
        return direction, reused

    def add(self) -> None:
        """Count another connection."""
        self.count += 1
        self._opened.append(-1)

    def synchronise(self, direction: int, seq: int, *, first: bool) -> None:
        """Take note of a SYN in this direction, and of whether it is its first packet."""


def flow_numbers(packets: Packets) -> tuple[Array, int]:
    """The direction of each packet, NO_FLOW where it is not TCP, and how many connections there are."""
    flows = FlowNumbers(packets.reverse)
    dealt = [flows.deal(chunk.rows, chunk.pairs) for chunk in packets]
    return np.concatenate([np.zeros(0, "i8"), *dealt]), flows.count
