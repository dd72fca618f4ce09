"""Key logs: the files that programs write under SSLKEYLOGFILE, with the secrets of TLS connections (RFC 9850).

A pcapng file can hold one too, in its Decryption Secrets Blocks.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from wsviz.protocol.fields import Finding, WsvizError
from wsviz.protocol.rules import RULES

MAX_SIZE = 64 << 20  # bytes of a key log: some 70,000 connections
MASTER_SECRET = "CLIENT_RANDOM"  # TLS 1.2: the label is named after what the line is looked up by
TRAFFIC_SECRETS = ("HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0")
"""TLS 1.3: the secrets of one side, without the side's name before them, in the order of their use."""
_NO_PACKAGE = "needs cryptography, which is not installed: pip install cryptography"
_LABELS = (MASTER_SECRET, *(f"{side}_{kind}" for side in ("CLIENT", "SERVER") for kind in TRAFFIC_SECRETS))
_LINE = re.compile(
    rf"^({'|'.join(_LABELS)}) ([0-9a-f]{{64}}) ((?:[0-9a-f]{{2}}){{1,64}})[ \t]*\r?$".encode(),
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class KeyLog:
    """The secrets of connections, by label and the ClientHello's random; they never show in its repr."""

    secrets: dict[tuple[str, bytes], bytes] = field(repr=False)

    def find(self, label: str, client_random: bytes) -> bytes | None:
        """One secret of one connection, or None."""
        return self.secrets.get((label, client_random))

    def knows(self, client_random: bytes) -> bool:
        """Whether there is any secret of this connection."""
        return any((label, client_random) in self.secrets for label in _LABELS)


def read_key_log(path: str | os.PathLike[str]) -> KeyLog:
    """Read a key log; lines that are none of TLS 1.2's or 1.3's are left out.

    Raises WsvizError where the file cannot be read, is larger than 64 MiB or holds no secret, and where the package
    that decrypts is missing.
    """
    name = os.fspath(path)
    if find_spec("cryptography") is None:
        raise WsvizError(f"reading TLS {_NO_PACKAGE}")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except OSError as error:
        raise WsvizError(f"{name}: {error.strerror or error}") from error
    if len(data) > MAX_SIZE:
        raise WsvizError(f"{name}: a key log of more than {MAX_SIZE >> 20} MiB, which is not read")
    return parse_key_log(data, name)


def parse_key_log(data: bytes, name: str = "key log") -> KeyLog:
    """The secrets in the bytes of a key log. Raises WsvizError where there is none."""
    secrets = {
        (label.decode().upper(), bytes.fromhex(random.decode())): bytes.fromhex(secret.decode())
        for label, random, secret in _LINE.findall(data)
    }
    if not secrets:
        raise WsvizError(f"{name}: no secrets of TLS 1.2 or 1.3 in it, expected a key log as SSLKEYLOGFILE gives")
    return KeyLog(secrets)


def with_own_secrets(log: KeyLog | None, text: bytes) -> tuple[KeyLog | None, tuple[Finding, ...]]:
    """A key log that was given, if any, with the one that a capture file itself holds; and what is wrong with that.

    `text` is the file's own, b"" where it has none. Where both know a secret, the given one holds.
    """
    if not text:
        return log, ()
    unused = "the TLS secrets inside the file are not used"
    if find_spec("cryptography") is None:
        return log, (RULES["tls-not-read"].finding(f"{unused}: reading TLS {_NO_PACKAGE}"),)
    try:
        own = parse_key_log(text, unused)
    except WsvizError as error:
        return log, (RULES["tls-not-read"].finding(str(error)),)
    return (own if log is None else KeyLog(own.secrets | log.secrets)), ()
