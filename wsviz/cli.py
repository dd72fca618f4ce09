"""The command line: what is in a capture, its frames and its bytes, and one frame drawn in the terminal.

Exit status 0 says that it worked, 1 that `lint` found what it is told to fail on, 2 that nothing could be read or the
arguments are wrong. Messages go to stderr, a line each; what comes from a capture is escaped for the terminal.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsviz.protocol.fields import Incomplete, Severity, Side, WsvizError

if TYPE_CHECKING:
    from wsviz.capture.capture import Capture

FORMATS = ("table", "tsv", "jsonl")
COMMANDS = ("summary", "frames", "overhead", "lint", "rules", "frame")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] not in COMMANDS and not words[0].startswith("-"):
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
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wsviz",
        description="See every bit of a WebSocket conversation.",
        epilog="`wsviz FILE` is short for `wsviz summary FILE`. FILE is a pcap or pcapng file, plain or gzipped.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    summary = _file_command(commands, "summary", "a line a connection, and why each ended")
    summary.set_defaults(run=_summary)
    frames = _file_command(commands, "frames", "a row a WebSocket frame")
    _format_option(frames)
    frames.set_defaults(run=_frames)
    overhead = _file_command(commands, "overhead", "every byte on the wire, in buckets")
    _format_option(overhead)
    overhead.add_argument("--by", choices=("connection", "exchange", "message"), default="connection")
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
    command.add_argument("file", metavar="FILE")
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
    command.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")


def _read(path: str) -> Capture:
    """Read a capture; what is wrong with a file that can be read all the same goes to stderr."""
    from wsviz.capture.capture import read_capture

    capture = read_capture(path)
    for finding in capture.file_findings:
        print(f"wsviz: {path}: {finding.rule}: {finding.explanation}", file=sys.stderr)
    return capture


def _summary(options: argparse.Namespace) -> int:
    from wsviz import terminal

    terminal.print_summary(_read(options.file))
    return 0


def _frames(options: argparse.Namespace) -> int:
    from wsviz import terminal

    terminal.print_columns(_read(options.file).frame_columns(), options.format)
    return 0


def _overhead(options: argparse.Namespace) -> int:
    from wsviz import terminal

    table = _read(options.file).overhead(options.by)
    terminal.print_columns({str(name): table[name].to_list() for name in table}, options.format)
    return 0


def _lint(options: argparse.Namespace) -> int:
    from wsviz import terminal
    from wsviz.protocol.rules import RULES

    for rule in options.ignore:
        if rule not in RULES:
            raise WsvizError(f"--ignore {rule}: there is no such rule; the rules are {', '.join(sorted(RULES))}")
    capture = _read(options.file)
    found = [
        (connection, finding) for connection, finding in capture.all_findings() if finding.rule not in options.ignore
    ]
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
