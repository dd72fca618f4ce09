"""`python -m wsviz.lab serve` runs the application by itself, `python -m wsviz.lab connect ADDRESS` talks.

Exit status 0 says that it worked, 1 that it did not (one line on stderr says why), 2 that the arguments are wrong,
130 that Ctrl-C ended the server.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import logging
import os
import secrets
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wsviz.protocol.fields import WsvizError

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character still shows the rest
    try:
        options.run(options)
    except WsvizError as error:
        print(f"wsviz.lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wsviz.lab", description="The lab's server and console client.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser("serve", help="run the application by itself, until Ctrl-C")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=8000, help="0 takes a free one (default: %(default)s)")
    serve.add_argument("--period", type=float, default=10.0, help="seconds between messages to all (default: 10)")
    serve.add_argument("--room", type=_positive, default=64, help="messages that may wait for a client (default: 64)")
    serve.add_argument("--ping-interval", type=float, default=20.0, help="seconds; 0 sends none (default: 20)")
    serve.add_argument("--max-size", type=_positive, default=1 << 20, help="bytes of a message (default: 1 MiB)")
    serve.add_argument("--no-deflate", action="store_true", help="decline permessage-deflate")
    serve.add_argument(
        "--origin", action="append", default=[], help="let this origin's pages connect too; * lets all"
    )
    serve.add_argument("--guard", action="store_true", help="check Host, and require a token that is drawn and shown")
    serve.set_defaults(run=_serve)

    connect = commands.add_parser("connect", help="connect; each line typed is a message, Ctrl-D closes")
    connect.add_argument("address", help="such as ws://127.0.0.1:8000/application")
    connect.add_argument("--subprotocol", action="append", help="offer this one, best first (default: wsviz.demo)")
    connect.add_argument("--greeting", help="the message sent at once; '' sends none")
    connect.set_defaults(run=_connect)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port, expected 0 to 65535")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no count, expected 1 or more")
    return int(text)


def _serve(options: argparse.Namespace) -> None:
    from wsviz.lab.application import application
    from wsviz.lab.guard import NAMES, Guard
    from wsviz.lab.serving import listen, make_server

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    for library in ("uvicorn", "websockets"):
        logging.getLogger(library).setLevel(logging.WARNING)

    with listen(options.host, options.port) as listening:
        port = listening.getsockname()[1]
        # Pages of any origin may try to connect to here: only our own get a connection, unless told otherwise.
        own = [f"http://{host}:{port}" for host in (options.host, "localhost")]
        origins = None if "*" in options.origin else [*own, *options.origin]
        app: ASGIApp = application(period=options.period, room=options.room, origins=origins)
        prefix = ""
        if options.guard:
            if options.host not in NAMES:
                raise WsvizError(f"the guard is for the loopback: the host is {options.host}, expected {NAMES[0]}")
            prefix = f"/{secrets.token_hex(16)}"
            app = Guard(app, token=prefix[1:])
            app.admit(port)
        server = make_server(
            app,
            deflate=not options.no_deflate,
            ping_interval=options.ping_interval or None,
            max_size=options.max_size,
        )
        print(f"http://{options.host}:{port}{prefix}/client.html", flush=True)  # it listens already
        server.run(sockets=[listening])


def _connect(options: argparse.Namespace) -> None:
    from wsviz.lab.application import SUBPROTOCOL
    from wsviz.lab.console import GREETING, talk

    subprotocols = options.subprotocol or [SUBPROTOCOL]
    greeting = GREETING if options.greeting is None else options.greeting
    asyncio.run(talk(options.address, subprotocols=subprotocols, greeting=greeting))


if __name__ == "__main__":
    sys.exit(main())
