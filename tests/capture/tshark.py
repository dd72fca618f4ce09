"""tshark's view of a capture, as plain values to compare with."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.needs import need

OPTIONS = ("-o", "tcp.reassemble_out_of_order:TRUE")
FIN, RSV, OPCODE, MASK = "websocket.fin", "websocket.rsv", "websocket.opcode", "websocket.mask"
LENGTH, KEY = "websocket.payload_length", "websocket.masking_key"
AGGREGATOR = "\x1f"  # between the values of one field in one packet


class SeenFrame(NamedTuple):
    """A frame as tshark shows it; `rsv` holds RSV1 to RSV3 as a number of three bits."""

    fin: int
    rsv: int
    opcode: int
    masked: int
    payload_length: int
    masking_key: str  # hex, "" where there is none


Direction = tuple[int, int]
"""tcp.stream and the sender's port."""


def fields(
    path: Path, display_filter: str, *names: str, options: tuple[str, ...] = OPTIONS
) -> Iterator[list[list[str]]]:
    """For each packet that the filter lets through, the values of each field."""
    need("tshark")
    arguments = ["tshark", "-n", *options, "-r", str(path), "-Y", display_filter, "-T", "fields"]
    arguments += ["-E", f"aggregator={AGGREGATOR}"]
    for name in names:
        arguments += ["-e", name]
    run = subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60)
    for line in run.stdout.splitlines():
        yield [value.split(AGGREGATOR) if value else [] for value in line.split("\t")]


def frames(path: Path, options: tuple[str, ...] = OPTIONS) -> dict[Direction, list[SeenFrame]]:
    """The WebSocket frames of each direction."""
    names = ("tcp.stream", "tcp.srcport", FIN, RSV, OPCODE, MASK, LENGTH, f"{LENGTH}_ext_16", f"{LENGTH}_ext_64", KEY)
    found: dict[Direction, list[SeenFrame]] = {}
    for stream, port, *columns in fields(path, "websocket", *names, options=options):
        fin, rsv, opcodes, masks, lengths, *rest = columns
        longer = {"126": iter(rest[0]), "127": iter(rest[1])}  # only some frames have these
        keys = iter(rest[2])
        for values in zip(fin, rsv, opcodes, masks, lengths, strict=True):
            form = values[4]
            frame = SeenFrame(
                int(values[0]),
                int(values[1], 16),
                int(values[2]),
                int(values[3]),
                int(next(longer[form]) if form in longer else form),
                next(keys) if values[3] == "1" else "",
            )
            found.setdefault((int(stream[0]), int(port[0])), []).append(frame)
    return found


def texts(path: Path) -> dict[Direction, list[str]]:
    """The texts that tshark prints in each direction, a message each."""
    found: dict[Direction, list[str]] = {}
    for stream, port, values in fields(path, "websocket", "tcp.stream", "tcp.srcport", "websocket.payload.text"):
        found.setdefault((int(stream[0]), int(port[0])), []).extend(values)
    return found


def exchanges(path: Path, options: tuple[str, ...] = OPTIONS) -> dict[int, tuple[list[tuple[str, str]], list[int]]]:
    """For each tcp.stream, method and target of the requests, and the statuses of the final responses."""
    names = ("tcp.stream", "http.request.method", "http.request.uri", "http.response.code")
    found: dict[int, tuple[list[tuple[str, str]], list[int]]] = {}
    for stream, methods, targets, codes in fields(path, "http", *names, options=options):
        requests, statuses = found.setdefault(int(stream[0]), ([], []))
        requests += zip(methods, targets, strict=True)
        statuses += [int(code) for code in codes if code == "101" or not code.startswith("1")]
    return found


def committed_frames(table: Path) -> dict[Direction, list[SeenFrame]]:
    """The frames of a table that tshark wrote once, which stands beside its capture."""
    lines = table.read_text().splitlines()
    names = lines[0].split("\t")
    found: dict[Direction, list[SeenFrame]] = {}
    for line in lines[1:]:
        row = dict(zip(names, line.split("\t"), strict=False))
        numbers = (
            int(row["fin"]),
            int(row["rsv"], 16),
            int(row["opcode"]),
            int(row["mask"]),
            int(row["payload_len"]),
        )
        frame = SeenFrame(*numbers, row["masking_key"].replace(":", ""))
        found.setdefault((int(row["tcp_stream"]), int(row["sport"])), []).append(frame)
    return found
