"""The command line: what is in a capture, its frames, messages and bytes, and one frame drawn in the terminal.

Exit status 0 says that it worked, 1 that `lint` found what it is told to fail on, 2 that nothing could be read or the
arguments are wrong, 130 that Ctrl-C ended it. Messages go to stderr, a line each. What a capture says is escaped for
the terminal, and its secrets are masked unless `--reveal` asks for them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wsviz.protocol.fields import Finding, Incomplete, Severity, Side, WsvizError

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.capture import Capture
    from wsviz.capture.connection import Connection

FORMATS = ("table", "tsv", "jsonl", "parquet")
COMMANDS = ("summary", "frames", "messages", "overhead", "lint", "rules", "frame")
IN_MEMORY = 64 << 20  # bytes of standard input that are held in memory; more of it goes to a temporary file
STDIN = "standard input"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] not in COMMANDS and words[0] not in ("-h", "--help"):
        words.insert(0, "summary")  # `wsviz FILE` is the short form
    options = _parser().parse_args(words)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character still shows the rest
    try:
        status = int(options.run(options))
        sys.stdout.flush()  # here, where a reader that is gone can still be caught
        return status
    except WsvizError as error:
        print(f"wsviz: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # what shells make of a program that Ctrl-C ended
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wsviz",
        description="See every bit of a WebSocket conversation.",
        epilog="`wsviz FILE` is short for `wsviz summary FILE`. FILE is a pcap or pcapng file, plain or gzipped; - "
        "reads standard input, as in `tcpdump -w - | wsviz -`. `wsviz COMMAND --help` lists a command's options. "
        "Exit status: 0 it worked, 1 lint found something, 2 nothing could be read or the arguments are wrong.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    summary = _file_command(commands, "summary", "a line a connection, and why each ended")
    summary.set_defaults(run=_summary)
    frames = _file_command(commands, "frames", "a row a WebSocket frame")
    _format_option(frames)
    frames.set_defaults(run=_frames)
    messages = _file_command(commands, "messages", "a row a WebSocket message: its text, or its data in hex")
    _format_option(messages)
    messages.set_defaults(run=_messages)
    overhead = _file_command(commands, "overhead", "every byte on the wire, in buckets")
    _format_option(overhead)
    overhead.add_argument(
        "--by",
        choices=("connection", "exchange", "message", "mechanism"),
        default="connection",
        help="what a row stands for (default: %(default)s)",
    )
    overhead.set_defaults(run=_overhead)
    _lint_command(commands)
    rules = commands.add_parser("rules", help="the page of all rules that lint knows, as Markdown")
    rules.set_defaults(run=_rules)
    frame = commands.add_parser("frame", help="draw one frame, given in hex")
    frame.add_argument("hex", nargs="+", metavar="HEX", help="bytes in hex, such as 8105 48656c6c6f")
    frame.add_argument(
        "--sender", choices=[side.value for side in Side], help="who sent it: masking is judged by that"
    )
    frame.add_argument("--extensions", default="", metavar="VALUE", help="what Sec-WebSocket-Extensions negotiated")
    frame.set_defaults(run=_frame)
    return parser


def _file_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    command.add_argument("file", metavar="FILE", help="pcap or pcapng, plain or gzipped; - reads standard input")
    command.add_argument("--connection", type=int, metavar="N", help="only this connection, counted from 0")
    command.add_argument(
        "--extensions",
        metavar="VALUE",
        help="the Sec-WebSocket-Extensions that hold where the capture lacks the handshake",
    )
    command.add_argument(
        "--reveal", action="store_true", help="show cookies, tokens and passwords, which are masked otherwise"
    )
    return command


def _lint_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    lint = _file_command(commands, "lint", "every broken rule of RFC 6455, RFC 7692 and RFC 9112, and who broke it")
    lint.epilog = "Exit status: 0 nothing found that is bad enough, 1 something found, 2 the file could not be read."
    lint.add_argument("--format", choices=("table", "jsonl"), default="table", help="default: %(default)s")
    lint.add_argument(
        "--fail-on",
        choices=[s.value for s in Severity],
        default="error",
        help="the least severity that fails (%(default)s)",
    )
    lint.add_argument(
        "--ignore", action="append", default=[], metavar="RULE", help="leave this rule out; may be repeated"
    )
    lint.set_defaults(run=_lint)


def _format_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=FORMATS, default="table", help="default: %(default)s; parquet needs pyarrow"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write there rather than to standard output")


def _read(options: argparse.Namespace) -> Capture:
    """Read a capture; what is wrong with a file that can be read all the same goes to stderr."""
    name = STDIN if options.file == "-" else options.file
    with _opened(options.file) as file:
        # Only now: while tcpdump was running, the packets had to be read, and Ctrl-C was not ours.
        from wsviz import terminal
        from wsviz.capture.capture import Capture
        from wsviz.capture.packets import read_packets_from

        with terminal.progress(file):
            table = read_packets_from(file, name)
            capture = Capture(name, table, extensions=options.extensions, reveal=options.reveal)
    for finding in capture.file_findings:
        print(f"wsviz: {name}: {finding.rule}: {finding.explanation}", file=sys.stderr)
    wanted, number = options.connection, len(capture.connections)
    if wanted is not None and not 0 <= wanted < number:
        there = f"0 to {number - 1}" if number else "none"
        raise WsvizError(f"--connection {wanted}: the capture has no such connection; expected {there}")
    return capture


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
    if sys.stdin.isatty():
        raise WsvizError("standard input is a terminal, expected a pcap or pcapng file")
    usual = signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, usual))
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as spool:
        try:
            shutil.copyfileobj(sys.stdin.buffer, spool)
        finally:
            signal.signal(signal.SIGINT, usual)
        spool.seek(0)
        yield spool


def _summary(options: argparse.Namespace) -> int:
    capture = _read(options)
    from wsviz import terminal

    terminal.print_summary(capture, options.connection)
    return 0


def _frames(options: argparse.Namespace) -> int:
    return _write(_read(options).frames, options)


def _messages(options: argparse.Namespace) -> int:
    return _write(_read(options).messages, options)


def _overhead(options: argparse.Namespace) -> int:
    if options.by == "mechanism" and options.connection is not None:
        raise WsvizError("--connection does not go with --by mechanism, whose rows are of many connections")
    return _write(_read(options).overhead(options.by), options)


def _write(table: pd.DataFrame, options: argparse.Namespace) -> int:
    """Write a table in the format and to the place that were asked for."""
    from wsviz import terminal

    if options.connection is not None:
        table = table[table["connection"] == options.connection].reset_index(drop=True)
    try:
        if options.format == "parquet":
            terminal.write_parquet(table, options.output)
        elif options.output is None:
            terminal.print_table(table, options.format)
        else:
            with Path(options.output).open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
                terminal.print_table(table, options.format)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WsvizError(f"{options.output or 'standard output'}: {error.strerror or error}") from error
    return 0


def _lint(options: argparse.Namespace) -> int:
    from wsviz.protocol.rules import RULES

    for rule in options.ignore:
        if rule not in RULES:
            raise WsvizError(f"--ignore {rule}: there is no such rule; the rules are {', '.join(sorted(RULES))}")
    found: list[tuple[Connection | None, Finding]] = [
        (connection, finding)
        for connection, finding in _read(options).all_findings()
        if finding.rule not in options.ignore
        and (options.connection is None or (connection is not None and connection.index == options.connection))
    ]
    from wsviz import terminal

    terminal.print_findings(found, options.format)
    return int(any(finding.severity.rank >= Severity(options.fail_on).rank for _, finding in found))


def _rules(_options: argparse.Namespace) -> int:
    from wsviz.rules_page import rules_page

    print(rules_page(), end="")
    return 0


def _frame(options: argparse.Namespace) -> int:
    from wsviz.figures.frame_figure import bit_diagram
    from wsviz.protocol.frames import dissect_frame

    text = "".join(options.hex)
    try:
        data = bytes.fromhex(text)
    except ValueError:
        raise WsvizError(f"{text[:40]!r} is not hex: expected pairs of the digits 0-9 and a-f") from None
    try:
        dissection = dissect_frame(data, sender=options.sender, extensions=options.extensions)
    except Incomplete as cut:
        print(bit_diagram(cut.partial))
        print(f"wsviz: {cut}", file=sys.stderr)
        return 2
    print(bit_diagram(dissection))
    if rest := len(data) - len(dissection.raw):
        print(f"wsviz: {rest} more bytes follow the frame", file=sys.stderr)
    return 0
