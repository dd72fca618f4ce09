"""What is measured within Python, each job a process of its own: python -m benchmarks.jobs JOB FILE.

It prints what it found as JSON, with the names of `Truth`; `--check` finds out more, and `--profile` prints where the
time went instead.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Found = dict[str, Any]
VALUE_END = b"\x01"  # what tshark is told to put between values
_PROFILE_LINES = 12
_FIRST_ROWS = 1024  # that the page asks for at once


def frames(path: str, check: bool) -> Found:
    """The table of all frames, as columns."""
    from wsviz import read_capture

    capture = read_capture(path)
    columns = capture.frame_columns()
    found: Found = {"frames": len(columns["opcode"])}
    if check:
        opcodes = sorted(Counter(columns["opcode"].tolist()).items())
        found["opcodes"] = {str(opcode): number for opcode, number in opcodes}
        found["payload_bytes"] = int(columns["payload_length"].sum())
        found["packets"], found["connections"] = capture.packet_count, len(capture.connections)
        found["exchanges"] = sum(len(connection.exchanges) for connection in capture.connections)
    return found


def messages(path: str, check: bool) -> Found:
    """The data of all messages, unmasked and inflated."""
    from wsviz import read_capture

    payloads = read_capture(path).payloads()
    found: Found = {"messages": len(payloads)}
    if check:
        import hashlib  # not at the top: what a job does not need would count in its time

        found["message_bytes"] = sum(map(len, payloads))
        digest = hashlib.sha256()
        for payload in payloads:
            digest.update(payload)
        found["messages_sha256"] = digest.hexdigest()
    return found


def explorer(path: str, _: bool) -> Found:
    """A capture opened in CaptureExplorer, until a page that asks as often as it may has its first rows."""
    from wsviz.widgets import CaptureExplorer

    sent = list[int]()

    class Page(CaptureExplorer):
        """Counts what it is sent."""

        def send(self, content: Mapping[str, Any], buffers: Sequence[bytes] | None = None) -> None:
            sent.append(len(json.dumps(content)) + sum(map(len, buffers or ())))

    begun = time.perf_counter()
    widget = Page()
    widget.read(path)
    while widget.capture is None:  # what is described and counted later, nobody waits for
        time.sleep(0.01)
    widget._wish(widget, {"do": "rows", "value": {"start": 0, "count": _FIRST_ROWS}}, [])
    first = time.perf_counter() - begun
    frames, picture = len(widget.rows), len(json.dumps(widget.picture))
    begun = time.perf_counter()
    widget._wish(widget, {"do": "rows", "value": {"start": frames - _FIRST_ROWS, "count": _FIRST_ROWS}}, [])
    last = time.perf_counter() - begun
    widget._session.jobs.stop("describe")
    return {"frames": frames, "first": first, "last": last, "rows_bytes": sent[0], "picture_bytes": picture}


def scapy_walk(path: str, _: bool) -> Found:
    """Every packet through scapy's reader, and the TCP data in it."""
    import scapy.layers.inet
    import scapy.layers.l2
    from scapy.utils import PcapReader

    packets = data = 0
    with PcapReader(path) as reader:
        for packet in reader:
            packets += 1
            if (tcp := packet.getlayer(scapy.layers.inet.TCP)) is not None:
                data += len(tcp.payload)
    return {"packets": packets, "tcp_bytes": data}


def dpkt_walk(path: str, _: bool) -> Found:
    """Every packet through dpkt, and the TCP data in it."""
    import dpkt  # type: ignore[import-not-found,import-untyped,unused-ignore]

    packets = data = 0
    with Path(path).open("rb") as file:
        for _time, raw in dpkt.pcap.Reader(file):
            packets += 1
            ip = dpkt.ethernet.Ethernet(raw).data
            if isinstance(ip.data, dpkt.tcp.TCP):
                data += len(ip.data.data)
    return {"packets": packets, "tcp_bytes": data}


def right_texts(path: str, output: str) -> Found:
    """How many of the texts that stand in tshark's output are texts of the capture."""
    from wsviz import read_capture

    texts = Counter[bytes]()
    for connection in read_capture(path).connections:
        texts.update(message.data for message in connection.messages if message.text is not None)
    given = Counter[bytes]()
    with Path(output).open("rb") as file:
        for line in file:
            given.update(value for value in line.rstrip(b"\n").split(VALUE_END) if value)
    return {"right_texts": (given & texts).total()}


JOBS: dict[str, Callable[[str, bool], Found]] = {
    "frames": frames,
    "messages": messages,
    "explorer": explorer,
    "scapy-walk": scapy_walk,
    "dpkt-walk": dpkt_walk,
}


def main() -> None:
    """Read the arguments and do the job."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.jobs", description="Do one job on a capture.")
    parser.add_argument("job", choices=(*JOBS, "right-texts"))
    parser.add_argument("file")
    parser.add_argument("output", nargs="?", help="tshark's output, for right-texts")
    parser.add_argument("--check", action="store_true", help="find out more")
    parser.add_argument("--profile", action="store_true", help="print where the time went")
    options = parser.parse_args()
    if options.job == "right-texts":
        print(json.dumps(right_texts(options.file, options.output)))
    elif options.profile:
        _profile(JOBS[options.job], options.file)
    else:
        print(json.dumps(JOBS[options.job](options.file, options.check)))


def _profile(job: Callable[[str, bool], Found], path: str) -> None:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(job, path, False)
    pstats.Stats(profile, stream=sys.stdout).strip_dirs().sort_stats("tottime").print_stats(_PROFILE_LINES)


if __name__ == "__main__":
    main()
