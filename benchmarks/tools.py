"""The tools, the jobs that each is given, and what their outputs are checked against."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.jobs import VALUE_END

Found = dict[str, Any]

_TSHARK = ("tshark", "-n", "-o", "tcp.reassemble_out_of_order:TRUE", "-Y", "websocket", "-T", "fields")
_FRAME_FIELDS = ("tcp.stream", "frame.number", "websocket.opcode", "websocket.payload_length")
WALKED_AT_MOST = 250_000  # packets: scapy and dpkt are linear, and slow


@dataclass(frozen=True, slots=True)
class Tool:
    """One way to do a job: "frames", "messages", or "walk" for the packets alone.

    `command` is all but the capture, which stands at its end. `find` reads what the output holds, by the names of the
    truth; a tool that is not `exact` may be wrong, which is then reported.
    """

    name: str
    job: str
    command: tuple[str, ...]
    find: Callable[[Path], Found]
    exact: bool = True

    def on(self, capture: Path) -> list[str]:
        """The whole command."""
        return [*self.command, str(capture)]


def _json(output: Path) -> Found:
    found: Found = json.loads(output.read_text())
    return found


def _tsv(output: Path, rows: str, sums: dict[str, str]) -> Found:
    """How many rows a table has, and the sums of some of its columns."""
    with output.open(encoding="utf-8", newline="\n") as file:
        names, found = next(file).rstrip("\n").split("\t"), {rows: 0, **dict.fromkeys(sums.values(), 0)}
        columns = [(names.index(column), name) for column, name in sums.items()]
        last = max(at for at, _ in columns)
        for line in file:
            values = line.split("\t", last + 1)
            found[rows] += 1
            for at, name in columns:
                found[name] += int(values[at])
    return found


def _table_of_frames(output: Path) -> Found:
    return _tsv(output, "frames", {"payload_length": "payload_bytes"})


def _table_of_messages(output: Path) -> Found:
    return _tsv(output, "messages", {"length": "message_bytes"})


def _tshark_frames(output: Path) -> Found:
    """A line a packet, with a comma between the frames in it."""
    with output.open() as file:
        return {"frames": sum(line.split("\t")[2].count(",") + 1 for line in file)}


def _tshark_texts(output: Path) -> Found:
    with output.open("rb") as file:
        return {"text_messages": sum(bool(value) for line in file for value in line.rstrip(b"\n").split(VALUE_END))}


def _job(name: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.jobs", name, *options)


_COMMAND = str(Path(sys.executable).with_name("wsviz"))
TSHARK_FRAMES = Tool(
    "tshark",
    "frames",
    (*_TSHARK, *(word for field in _FRAME_FIELDS for word in ("-e", field)), "-r"),
    _tshark_frames,
    exact=False,
)
TSHARK_TEXTS = Tool(
    "tshark",
    "messages",
    (*_TSHARK, "-E", f"aggregator={VALUE_END.decode()}", "-e", "websocket.payload.text", "-r"),
    _tshark_texts,
    exact=False,
)
WSVIZ_FRAMES = Tool("wsviz, frame_columns()", "frames", _job("frames"), _json)
WSVIZ_MESSAGES = Tool("wsviz, payloads()", "messages", _job("messages"), _json)
COMMANDS = (
    Tool("wsviz frames --format tsv", "frames", (_COMMAND, "frames", "--format", "tsv"), _table_of_frames),
    Tool("wsviz messages --format tsv", "messages", (_COMMAND, "messages", "--format", "tsv"), _table_of_messages),
)
SCAPY_WALK = Tool("scapy, packets only", "walk", _job("scapy-walk"), _json)
DPKT_WALK = Tool("dpkt, packets only", "walk", _job("dpkt-walk"), _json)
CHECKS = (
    Tool("frames", "check", _job("frames", "--check"), _json),
    Tool("messages", "check", _job("messages", "--check"), _json),
)
RIGHT_TEXTS = _job("right-texts")
EXPLORER = _job("explorer")


def tools_for(packets: int) -> list[Tool]:
    """The tools to run in turn on a capture of this many packets; what is not installed is left out."""
    tools = [TSHARK_FRAMES, WSVIZ_FRAMES, COMMANDS[0], TSHARK_TEXTS, WSVIZ_MESSAGES, COMMANDS[1]]
    if packets <= WALKED_AT_MOST:
        tools.append(SCAPY_WALK)
        tools += [DPKT_WALK] if importlib.util.find_spec("dpkt") else []
    return tools


def wrong(found: Found, truth: Found) -> list[str]:
    """What differs from the truth, a sentence each."""
    return [
        f"{name} {value}, expected {truth[name]}"
        for name, value in found.items()
        if name in truth and value != truth[name]
    ]
