"""What the command line reads, from a file or from standard input, and what it says of it on stderr."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, TYPE_CHECKING

from wsviz.protocol.fields import Finding, Severity, WsvizError

if TYPE_CHECKING:
    from wsviz.capture.capture import Capture

IN_MEMORY = 64 << 20  # bytes of standard input that are held in memory; more of it goes to a temporary file
STDIN = "standard input"
STREAMED = ("frames", "messages")  # commands that need no connection decoded as a whole


def complain(text: str) -> None:
    """Say this on stderr, in a line."""
    if sys.stderr is not None:  # print would take stdout in its place
        print(f"wsviz: {text}", file=sys.stderr)


def read(options: argparse.Namespace) -> Capture:
    """Read the capture that is asked for; what is wrong with a file that can be read all the same goes to stderr.

    Raises WsvizError where it cannot be read, or lacks the connection that is asked for.
    """
    name, keys = STDIN if options.file == "-" else options.file, None
    if options.keylog is not None:
        from wsviz.capture.tls_keylog import read_key_log

        keys = read_key_log(options.keylog)
    with _opened(options.file) as file:
        # Only now: while tcpdump was running, the packets had to be read, and Ctrl-C was not ours.
        from wsviz import terminal
        from wsviz.capture.capture import Capture, open_packets
        from wsviz.capture.connections import MOST_KEPT
        from wsviz.capture.har import read_har

        with terminal.progress(file):
            capture: Capture | None = read_har(file, name, reveal=options.reveal)
            if capture is None:
                packets = open_packets(file, name)
                capture = Capture(name, packets, keys=keys, extensions=options.extensions, reveal=options.reveal)
            if is_streamed(capture, options):
                return capture
            if options.command not in STREAMED:
                capture.connections[:MOST_KEPT]  # they are decoded here, where that shows
            findings = capture.file_findings
    complain_of(name, findings)
    wanted, number = options.connection, len(capture.connections)
    if wanted is not None and not 0 <= wanted < number:
        there = f"0 to {number - 1}" if number else "none"
        raise WsvizError(f"--connection {wanted}: the capture has no such connection; expected {there}")
    return capture


def is_streamed(capture: Capture, options: argparse.Namespace) -> bool:
    """Whether rows are to be written while the file is read: what is wrong with it is known afterwards."""
    return not capture.is_in_memory and options.command in STREAMED and options.connection is None


def complain_of(name: str, findings: Sequence[Finding]) -> None:
    """Say on stderr what is wrong with the file of this name."""
    for finding in findings:
        if finding.severity is not Severity.NOTE:
            complain(f"{name}: {finding.rule}: {finding.explanation}")


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        with _spooled_input() as file:
            yield file
        return
    from wsviz.capture.packets import open_capture

    with open_capture(path) as file:
        yield file


@contextlib.contextmanager
def _spooled_input() -> Iterator[IO[bytes]]:
    """Standard input as a file that can seek, on disk where it is long.

    Ctrl-C ends `tcpdump -w - | wsviz -`, and reaches both programs: the first one is tcpdump's, which writes what it
    still has and closes the pipe; the second one is ours.
    """
    if sys.stdin is None:
        raise WsvizError("standard input is closed, expected a pcap or pcapng file")
    if sys.stdin.isatty():
        raise WsvizError("standard input is a terminal, expected a pcap or pcapng file")
    usual = signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, usual))
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
        except OSError as error:
            raise WsvizError(f"{STDIN}: {error.strerror or error}") from error
        finally:
            signal.signal(signal.SIGINT, usual)
        spool.seek(0)
        yield spool
