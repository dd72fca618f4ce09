"""The openssl programs as client and server of TLS, and what they say on the wire between them.

Python's ssl module cannot renegotiate, update keys, resume or send early data at will; `openssl s_client` can.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.capture.tls_talk import Flights, write_certificate

PATIENCE = 60  # seconds


@dataclass(slots=True)
class Server:
    """`openssl s_server` on a free port; with "-rev" it sends each line back from its end to its start."""

    folder: Path
    arguments: Sequence[str]
    port: int = 0
    _process: subprocess.Popen[bytes] = field(init=False)
    _reader: threading.Thread = field(init=False)

    def __enter__(self) -> Server:
        certificate = self.folder / "certificate.pem"
        if not certificate.exists():
            write_certificate(certificate)
        command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", str(certificate)]
        self._process = subprocess.Popen(
            [*command, *self.arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert self._process.stdout is not None
        line = wait_for(self._process.stdout, b"ACCEPT ", b"\n")
        self.port = int(line.rpartition(b":")[2])
        self._reader = threading.Thread(target=self._process.stdout.read)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def type(self, line: str) -> None:
        """Have the server send this line on its next connection: of a server that runs without "-rev"."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        self._process.stdin.flush()

    def talk(self, lines: Sequence[tuple[str, str]], *arguments: str) -> tuple[Flights, bytes]:
        """What a client and the server say on the wire, and the client's key log.

        `lines` are what is typed and what of the client's output is then waited for; a letter alone is a command to
        s_client: R to renegotiate, K to update the keys.
        """
        keys = self.folder / "client.keys"
        keys.unlink(missing_ok=True)
        with Wire(self.port) as wire:
            where = ["-connect", f"127.0.0.1:{wire.port}", "-keylogfile", str(keys)]
            client = subprocess.Popen(
                ["openssl", "s_client", *where, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            assert client.stdin is not None and client.stdout is not None
            for typed, awaited in lines:
                client.stdin.write(f"{typed}\n".encode() if typed else b"")
                client.stdin.flush()
                wait_for(client.stdout, awaited.encode(), b"\n" if awaited else b"")
            client.communicate(timeout=PATIENCE)
        return wire.flights, keys.read_bytes() if keys.exists() else b""


def wait_for(stream: IO[bytes], first: bytes, last: bytes) -> bytes:
    """Read until `last` comes after `first`; what stands between them."""
    read = b""
    while last not in read.partition(first)[2] or first not in read:
        byte = stream.read(1)
        assert byte, f"ended without {first!r}: {read!r}"
        read += byte
    return read.partition(first)[2].partition(last)[0]


class Wire:
    """Passes one connection on to a port of this machine, and keeps what was sent."""

    def __init__(self, port: int) -> None:
        self.flights: Flights = []
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._thread = threading.Thread(target=self._pass_on)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Wire:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(PATIENCE)
        self._listener.close()

    def _pass_on(self) -> None:
        client, _ = self._listener.accept()
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            others = {client: server, server: client}
            with selectors.DefaultSelector() as waiting:
                for end in others:
                    waiting.register(end, selectors.EVENT_READ)
                while waiting.get_map():
                    for key, _ in waiting.select(PATIENCE):
                        end = key.fileobj
                        assert isinstance(end, socket.socket)
                        if data := self._take(end):
                            self.flights.append(("client" if end is client else "server", data))
                            others[end].sendall(data)
                        else:
                            waiting.unregister(end)
                            others[end].shutdown(socket.SHUT_WR)

    @staticmethod
    def _take(end: socket.socket) -> bytes:
        try:
            return end.recv(1 << 16)
        except ConnectionResetError:
            return b""
