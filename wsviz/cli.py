"""The command line: what is in a capture, its frames, messages and bytes, and one frame drawn in the terminal.

Exit status 0 says that it worked, 1 that `lint` found what it is told to fail on or `check-notebooks` anything, 2
that nothing could be read or the arguments are wrong, 130 that Ctrl-C ended it. Messages go to stderr, a line each.
What a capture says is escaped for the terminal, and its secrets are masked unless `--reveal` asks for them.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import io
import os
import string
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

from wsviz.cli_input import complain, complain_of, is_streamed, read
from wsviz.protocol.fields import Incomplete, Severity, Side, WsvizError

if TYPE_CHECKING:
    import pandas as pd

    from wsviz.capture.capture import Capture
    from wsviz.capture.values import Values

_OBJECTS = 100_000  # that are made between two looks of the collector: with many connections it takes half the time
_ROWS = 1 << 16  # of a table that are turned into text together
FORMATS = ("table", "tsv", "jsonl", "parquet")
COMMANDS = (
    "summary",
    "frames",
    "messages",
    "overhead",
    "lint",
    "report",
    "dataset",
    "rules",
    "frame",
    "check-notebooks",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    thresholds = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *thresholds[1:])
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    except WsvizError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        return 130  # what shells make of a program that Ctrl-C ended
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _drop_output()
        return 0
    except OSError as error:  # reading has errors of its own, so this is the output's
        _drop_output()
        complain(f"cannot write the output: {error.strerror or error}")
        return 2
    finally:
        gc.set_threshold(*thresholds)


def _run(words: list[str]) -> int:
    if words and words[0] not in (*COMMANDS, "-h", "--help", "--version"):
        # `wsviz FILE` is the short form; a word without a dot or a slash may be meant for a command.
        if words[0].isidentifier() and not Path(words[0]).exists():
            raise WsvizError(f"{words[0]}: neither a file nor a command; the commands are {', '.join(COMMANDS)}")
        words.insert(0, "summary")
    try:
        options = _parser().parse_args(words)
    except SystemExit:
        if sys.stdout is not None:
            sys.stdout.flush()  # the help may meet a full disk as well
        raise
    if sys.stdout is None:  # as after `>&-`
        raise WsvizError("cannot write the output: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character still shows the rest
    status = int(options.run(options))
    sys.stdout.flush()  # here, where a reader that is gone can still be caught
    return status


def _drop_output() -> None:
    """Send what is still buffered nowhere, so that Python does not complain of it at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from wsviz import __version__

        print(f"wsviz {__version__}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wsviz",
        description="See every bit of a WebSocket conversation.",
        epilog="`wsviz FILE` is short for `wsviz summary FILE`. FILE is a pcap or pcapng file, plain or gzipped, or "
        "a browser's HAR; - reads standard input, as in `tcpdump -w - | wsviz -`. `wsviz COMMAND --help` lists a "
        "command's options. Exit status: 0 it worked, 1 lint or check-notebooks found something, 2 nothing could be "
        "read or the arguments are wrong.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
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
    _report_command(commands)
    _dataset_command(commands)
    _notebooks_command(commands)
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
    command.add_argument(
        "file", metavar="FILE", help="pcap or pcapng, plain or gzipped, or HAR; - reads standard input"
    )
    command.add_argument("--connection", type=int, metavar="N", help="only this connection, counted from 0")
    _reading_options(command)
    return command


def _reading_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--extensions",
        metavar="VALUE",
        help="the Sec-WebSocket-Extensions that hold where the capture lacks the handshake",
    )
    command.add_argument(
        "--keylog", metavar="KEYS", help="read TLS with the secrets in this file, as SSLKEYLOGFILE gives it"
    )
    command.add_argument(
        "--reveal", action="store_true", help="show cookies, tokens and passwords, which are masked otherwise"
    )


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


def _report_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    report = _file_command(commands, "report", "one HTML page of it all, for a browser without network")
    report.add_argument(
        "-o", "--output", metavar="FILE", help="write there, over what is there already; - is standard output"
    )
    report.add_argument("--payloads", action="store_true", help="show what messages say, which is left out otherwise")
    report.add_argument(
        "--pseudonymise", action="store_true", help="put other names in place of addresses, hosts and the file's name"
    )
    report.set_defaults(run=_report)


def _dataset_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "the tables of many captures as Parquet files, for DuckDB, Dask and others"
    dataset = commands.add_parser("dataset", help=text, description=text[0].upper() + text[1:] + ".")
    dataset.epilog = (
        "Writes FOLDER/TABLE/NNNN-NAME.parquet for the tables frames, messages, connections, exchanges and findings. "
        "Needs pyarrow. Exit status: 0 it worked, 2 some file could not be read (the others are written all the "
        "same), or nothing could be written."
    )
    dataset.add_argument("folder", metavar="FOLDER", help="a new or an empty folder")
    dataset.add_argument("files", nargs="+", metavar="FILE", help="pcap or pcapng, plain or gzipped, or HAR")
    dataset.add_argument(
        "--whole",
        action="store_true",
        help="write all tables of files of more than 64 MiB too, each of which is then held in memory",
    )
    _reading_options(dataset)
    dataset.set_defaults(run=_dataset)


def _notebooks_command(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "what is wrong with stored notebooks, yours too: cells not executed, errors, outputs that are missing"
    check = commands.add_parser("check-notebooks", help=text, description=text[0].upper() + text[1:] + ".")
    check.epilog = "Nothing is executed. Exit status: 0 nothing is wrong, 1 something is, 2 there is no notebook."
    check.add_argument("path", nargs="+", metavar="PATH", help="a notebook, or a folder with notebooks in it")
    check.set_defaults(run=_check_notebooks)


def _format_option(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=FORMATS, default="table", help="default: %(default)s; parquet needs pyarrow"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="write there rather than to standard output")


def _summary(options: argparse.Namespace) -> int:
    capture = read(options)
    from wsviz import terminal

    terminal.print_summary(capture, options.connection)
    return 0


def _frames(options: argparse.Namespace) -> int:
    from wsviz.capture.har_capture import NO_PACKETS, HarCapture

    capture = read(options)
    if isinstance(capture, HarCapture):
        raise WsvizError(NO_PACKETS)
    return _write(capture.frame_values, capture.frame_tables, options, capture)


def _messages(options: argparse.Namespace) -> int:
    capture = read(options)
    return _write(capture.message_values, capture.message_tables, options, capture)


def _overhead(options: argparse.Namespace) -> int:
    if options.by == "mechanism" and options.connection is not None:
        raise WsvizError("--connection does not go with --by mechanism, whose rows are of many connections")
    capture = read(options)
    table = capture.overhead(options.by)
    from wsviz.capture.values import values_of

    parts = [table[at : at + _ROWS] for at in range(0, len(table), _ROWS)] or [table]
    return _write(lambda: map(values_of, parts), lambda: [table], options, capture)


def _write(
    values: Callable[[], Iterable[Values]],
    tables: Callable[[], Iterable[pd.DataFrame]],
    options: argparse.Namespace,
    capture: Capture,
) -> int:
    """Write rows, which come in parts, in the format and to the place that were asked for."""
    from wsviz import terminal

    wanted = options.connection
    try:
        if options.format == "parquet":
            parts = (table if wanted is None else table[table["connection"] == wanted] for table in tables())
            terminal.write_parquet(parts, options.output)
        elif options.output is None:
            terminal.print_rows(_of(wanted, values()), options.format, _counted(options))
        else:
            with Path(options.output).open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file):
                terminal.print_rows(_of(wanted, values()), options.format, _counted(options))
    except OSError as error:
        if options.output is None:
            raise
        raise WsvizError(f"{options.output}: {error.strerror or error}") from error
    if is_streamed(capture, options):
        complain_of(capture.name, capture.damage)
    return 0


def _of(connection: int | None, parts: Iterable[Values]) -> Iterator[Values]:
    """The rows of one connection, or all of them."""
    if connection is None:
        yield from parts
        return
    for part in parts:
        kept = [one == connection for one in part["connection"]]
        yield {name: list(compress(column, kept)) for name, column in part.items()}


def _counted(options: argparse.Namespace) -> Sequence[str]:
    """The columns that a table on the terminal leaves out where they are 0 throughout."""
    if options.command != "overhead":
        return ()
    from wsviz.capture.ledger import BUCKETS

    return BUCKETS


def _lint(options: argparse.Namespace) -> int:
    from wsviz.protocol.rules import RULES

    for rule in options.ignore:
        if rule not in RULES:
            raise WsvizError(f"--ignore {rule}: there is no such rule; the rules are {', '.join(sorted(RULES))}")
    capture = read(options)
    found = (
        (connection, finding)
        for connection, finding in capture.all_findings()
        if finding.rule not in options.ignore
        and (options.connection is None or (connection is not None and connection.index == options.connection))
    )
    from wsviz import terminal

    counted = terminal.print_findings(found, options.format)
    return int(any(severity.rank >= Severity(options.fail_on).rank for severity in counted))


def _report(options: argparse.Namespace) -> int:
    output = options.output
    if output is None and sys.stdout.isatty():
        raise WsvizError("a report is a page for a browser: name a file with -o, as in -o report.html")
    with contextlib.suppress(OSError):  # what is wrong with either file is told when it is used
        if output is not None and options.file != "-" and os.path.samefile(output, options.file):
            raise WsvizError(f"{output}: this is the capture itself; name another file with -o")
    capture = read(options)
    from wsviz.report.page import report_page

    page = report_page(
        capture, connection=options.connection, payloads=options.payloads, pseudonymise=options.pseudonymise
    ).encode()
    if output in (None, "-"):
        sys.stdout.buffer.write(page)
        return 0
    try:
        Path(output).write_bytes(page)
    except OSError as error:
        raise WsvizError(f"{output}: {error.strerror or error}") from error
    return 0


def _dataset(options: argparse.Namespace) -> int:
    from wsviz.dataset import write_dataset

    complete = write_dataset(
        options.folder,
        options.files,
        keylog=options.keylog,
        extensions=options.extensions,
        reveal=options.reveal,
        whole=options.whole,
        tell=complain,
    )
    return 0 if complete else 2


def _rules(_options: argparse.Namespace) -> int:
    from wsviz.rules_page import rules_page

    print(rules_page(), end="")
    return 0


def _check_notebooks(options: argparse.Namespace) -> int:
    from wsviz.notebook_check import notebooks_at, told
    from wsviz.protocol.wire import count

    notebooks = notebooks_at(options.path)
    said = [line for path in notebooks for line in told(path)]
    print(*(said or [f"{count(len(notebooks), 'notebook')}, nothing wrong"]), sep="\n")
    return int(bool(said))


def _frame(options: argparse.Namespace) -> int:
    from wsviz.figures.frame_figure import bit_diagram
    from wsviz.protocol.frames import dissect_frame
    from wsviz.protocol.wire import count

    data = _from_hex(options.hex)
    try:
        dissection = dissect_frame(data, sender=options.sender, extensions=options.extensions)
    except Incomplete as cut:
        print(bit_diagram(cut.partial))
        complain(str(cut))
        return 2
    print(bit_diagram(dissection))
    if rest := len(data) - len(dissection.raw):
        complain(f"{count(rest, 'more byte')} {'follows' if rest == 1 else 'follow'} the frame")
    return 0


def _from_hex(words: Sequence[str]) -> bytes:
    """Bytes as 8105 48, 0x8105 or 81:05:48."""
    from wsviz.protocol.wire import count

    parts = " ".join(words).replace(":", " ").split()
    text = "".join(part[2:] if part[:2] in ("0x", "0X") else part for part in parts)
    if set(text) - set(string.hexdigits):
        raise WsvizError(f"{' '.join(words)[:40]!r} is not hex: expected pairs of the digits 0-9 and a-f")
    if len(text) % 2:
        raise WsvizError(f"{count(len(text), 'hex digit')}, expected an even number")
    return bytes.fromhex(text)
