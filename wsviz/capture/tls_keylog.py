"""Key logs: the files that programs write under SSLKEYLOGFILE, with the secrets of TLS connections (RFC 9850)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from wsviz.protocol.fields import WsvizError

MAX_SIZE = 64 << 20  # bytes of a key log: some 70,000 connections
MASTER_SECRET = "CLIENT_RANDOM"  # TLS 1.2: the label is named after what the line is looked up by
TRAFFIC_SECRETS = ("HANDSHAKE_TRAFFIC_SECRET", "TRAFFIC_SECRET_0")
"""TLS 1.3: the secrets of one side, without the side's name before them, in the order of their use."""
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
        raise WsvizError("reading TLS needs cryptography, which is not installed: pip install cryptography")
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
