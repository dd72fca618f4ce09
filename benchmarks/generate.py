"""Make a capture whose contents are known: python -m benchmarks.generate SHAPE PACKETS OUT.pcap [--seed N].

The truth is written beside it, as OUT.json. The same arguments give the same file, with the same zlib. Memory is
bounded: only the connections that are open at a time are held. Ethernet, IPv4, TCP with timestamps; checksums are
right; no address and port pair is used twice.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from benchmarks import SHAPES, positive
from benchmarks.content import Content
from benchmarks.conversations import Counts, conversation
from benchmarks.links import Link, Packets
from benchmarks.wire import FILE_HEADER, HEADERS, SYN_OPTIONS

_START = 1_700_000_000_000_000  # microseconds since the epoch
_PER_CONNECTION = {"mixed": 500, "coalesced": 2000, "unaligned": 2000, "huge": 20_000}  # packets, about
_PER_SECOND = 5000  # packets, about: it says how many connections are open at a time
_HELD = 50_000  # packets in memory before some are written


@dataclass(slots=True)
class Truth:
    """What a capture holds.

    `messages_sha256` is over the data of all text and binary messages, inflated, in the order of the packets that
    first bring their last bytes, and of their last bytes where one packet brings several.
    """

    shape: str
    seed: int
    packets: int = 0
    file_bytes: int = len(FILE_HEADER)
    connections: int = 0
    tcp_bytes: int = 0  # data of all packets
    retransmitted: int = 0  # packets
    reordered: int = 0  # pairs of neighbours
    messages_sha256: str = ""
    counts: Counts = field(default_factory=Counts)

    def as_json(self) -> str:
        """One flat object; the keys of `opcodes` are texts."""
        values = asdict(self)
        counts = values.pop("counts")
        counts["opcodes"] = {str(opcode): number for opcode, number in sorted(counts["opcodes"].items())}
        return json.dumps(values | counts, indent=1) + "\n"


def generate(shape: str, packets: int, path: Path, seed: int = 1) -> Truth:
    """Write a capture of at least so many packets, and the truth beside it. Raises OSError where it cannot."""
    truth, digest = Truth(shape, seed), hashlib.sha256()
    with path.open("wb") as file:
        file.write(FILE_HEADER)
        for ready in _in_order(_connections(truth, packets)):
            data = b"".join(ready.records)
            file.write(data)
            digest.update(b"".join(ready.completed))
            truth.packets += len(ready.records)
            truth.file_bytes += len(data)
    headers = len(FILE_HEADER) + truth.packets * HEADERS.itemsize + 2 * truth.connections * len(SYN_OPTIONS)
    truth.tcp_bytes = truth.file_bytes - headers
    truth.messages_sha256 = digest.hexdigest()
    path.with_suffix(".json").write_text(truth.as_json())
    return truth


def _connections(truth: Truth, packets: int) -> Iterator[tuple[int, Iterator[Packets]]]:
    """The connections by the times at which they open: that time, and their packets."""
    content, random, planned, time = Content(truth.seed), np.random.default_rng([truth.seed, 1]), 0, _START
    usual = min(_PER_CONNECTION.get(truth.shape, packets), max(packets // 4, 30))
    while planned < packets:
        quota = packets if truth.shape == "long" else int(usual * (0.4 + random.exponential(0.6)))
        left = packets - planned
        quota = left if left < quota + usual // 4 else quota
        yield time, _connection(truth, content, quota, time)
        planned += quota
        time += int(random.exponential(usual * 1e6 / _PER_SECOND))


def _connection(truth: Truth, content: Content, quota: int, time: int) -> Iterator[Packets]:
    number, random = truth.connections, np.random.default_rng([truth.seed, 2, truth.connections])
    truth.connections += 1
    client = (0x0A000000 + number % 5000 + 1, 32768 + number // 5000)  # 10.0.0.0/8
    link = Link((client, (0xCB007101 + number % 5, 80)), time, random)  # 203.0.113.0/24
    yield link.open()
    for writes in conversation(truth.shape, content, random, truth.counts, lambda: quota - 6 - link.packets):
        yield link.send(writes)
    yield link.close()
    truth.retransmitted += link.retransmitted
    truth.reordered += link.reordered


def _in_order(connections: Iterator[tuple[int, Iterator[Packets]]]) -> Iterator[Packets]:
    """The packets of all connections by time, some at once."""
    open_ones, number, held, enough = list[tuple[int, int, Iterator[Packets]]](), 0, list[Packets](), _HELD
    upcoming = next(connections, None)
    while open_ones or upcoming is not None:
        if upcoming is not None and (not open_ones or upcoming[0] <= open_ones[0][0]):
            heapq.heappush(open_ones, (upcoming[0], number, upcoming[1]))
            upcoming, number = next(connections, None), number + 1
            continue
        _, index, packets = heapq.heappop(open_ones)
        if (sent := next(packets, None)) is not None:
            heapq.heappush(open_ones, (int(sent.time.max()), index, packets))
            held.append(sent)
        if sum(len(one.time) for one in held) > enough and open_ones:
            # Nothing that is still to come can be earlier than this.
            ready, rest = _split(held, open_ones[0][0] if upcoming is None else min(open_ones[0][0], upcoming[0]))
            yield ready
            held, enough = [rest], _HELD + 2 * len(rest.time)
    yield _split(held, None)[0]


def _split(held: list[Packets], before: int | None) -> tuple[Packets, Packets]:
    """The packets in the order of time: those before a time, or all, and the others."""
    time = np.concatenate([one.time for one in held])
    order = np.argsort(time, kind="stable")
    time = time[order]
    records, completed = (
        list(chain.from_iterable(getattr(one, name) for one in held)) for name in ("records", "completed")
    )
    records, completed = ([values[at] for at in order.tolist()] for values in (records, completed))
    cut = len(time) if before is None else int(np.searchsorted(time, before))
    return Packets(time[:cut], records[:cut], completed[:cut]), Packets(time[cut:], records[cut:], completed[cut:])


def main() -> None:
    """Read the arguments, make the capture, and say what it holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description="Make a capture.")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("packets", type=positive, help="at least so many")
    parser.add_argument("output", type=Path, metavar="OUT.pcap")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    try:
        truth = generate(options.shape, options.packets, options.output, options.seed)
    except OSError as error:
        parser.error(f"{options.output}: {error.strerror or error}")
    print(truth.as_json(), end="")


if __name__ == "__main__":
    main()
