"""Conversations in TLS: those of OpenSSL on both ends, and those of TLS 1.3 that are made here record by record."""

from __future__ import annotations

import datetime
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.x509.oid import NameOID

from tests.capture.build import REQUEST, RESPONSE, Talk, pcap
from wsviz.capture.capture import Capture, read_capture

Flights = list[tuple[str, bytes]]
"""What was sent: by whom, and the bytes."""

HELLO = b"\x81\x05Hello"
MASKED_HELLO = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"
LARGE = b"\x82\x7e\x9c\x40" + bytes(range(256)) * 156 + bytes(64)  # 40,000 bytes: three records
CLOSE, MASKED_CLOSE = b"\x88\x02\x03\xe8", b"\x88\x82\x00\x00\x00\x01\x03\xe9"
SAID: Flights = [
    ("client", REQUEST),
    ("server", RESPONSE),
    ("client", MASKED_HELLO),
    ("server", HELLO),
    ("server", LARGE),
    ("client", MASKED_CLOSE),
    ("server", CLOSE),
]


def packets(flights: Iterable[tuple[str, bytes]], size: int = 1000) -> Talk:
    """A TCP connection with these flights, in segments of `size` bytes."""
    talk, at = Talk().open(), {"client": 0, "server": 0}
    for sender, data in flights:
        for start in range(0, len(data), size):
            part = data[start : start + size]
            (talk.client if sender == "client" else talk.server)(part, at[sender])
            at[sender] += len(part)
    return talk


def closed(talk: Talk, flights: Flights) -> Talk:
    """The same, with a FIN from each side."""
    ends = {side: sum(len(data) for sender, data in flights if sender == side) for side in ("client", "server")}
    return talk.client(b"", ends["client"], "FA").server(b"", ends["server"], "FA")


@dataclass(slots=True)
class Reader:
    """Writes captures and key logs into a folder, and reads them."""

    folder: Path

    def read(self, talk: Talk, log: bytes | None, *, snap: int = 2**32 - 1) -> Capture:
        path, keys = self.folder / "made.pcap", self.folder / "made.keys"
        path.write_bytes(pcap(map(bytes, talk.packets), snap=snap))
        if log is None:
            return read_capture(path)
        keys.write_bytes(log)
        return read_capture(path, keylog=keys)


def write_certificate(path: Path) -> None:
    """A certificate of the day with its private key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))


def openssl_session(folder: Path, version: str, suite: str, *, retry: bool = False) -> tuple[Flights, bytes]:
    """What two ends of OpenSSL say on the wire where the application says SAID, and their key log."""
    certificate, keys, settings = folder / "certificate.pem", folder / "session.keys", folder / "openssl.cnf"
    if not certificate.exists():
        write_certificate(certificate)
    cipher = suite if version != "TLSv1.3" else ""
    rules = f"MinProtocol = {version}\nMaxProtocol = {version}\n" + ("" if cipher else f"Ciphersuites = {suite}\n")
    settings.write_text(f"openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n{rules}")
    keys.unlink(missing_ok=True)
    command = [sys.executable, str(Path(__file__).with_name("tls_peers.py")), str(certificate), str(keys)]
    run = subprocess.run(
        [*command, cipher, "retry" if retry else ""],
        input=json.dumps([(sender, data.hex()) for sender, data in SAID]),
        env={**os.environ, "OPENSSL_CONF": str(settings)},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return [(sender, bytes.fromhex(data)) for sender, data in json.loads(run.stdout)], keys.read_bytes()


@dataclass(slots=True)
class Made13:
    """A connection in TLS 1.3 that is made record by record, its keys derived without wsviz's help."""

    suite: int = 0x1301
    early_data: bool = False
    flights: Flights = field(default_factory=list)
    secrets: dict[str, bytes] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=lambda: {"client": 0, "server": 0})

    RANDOM = bytes(range(32))

    @property
    def digest(self) -> str:
        return "sha384" if self.suite == 0x1302 else "sha256"

    def open(self) -> Made13:
        """Both hellos, and both Finished messages with what comes before them."""
        early = b"\x00\x2a\x00\x00" if self.early_data else b""
        suite, none = self.suite.to_bytes(2), b"\x00\x00"
        asked = b"\x03\x03" + self.RANDOM + b"\x00\x00\x02" + suite + b"\x01\x00" + len(early).to_bytes(2) + early
        answered = b"\x03\x03" + bytes(32) + b"\x00" + suite + b"\x00" + b"\x00\x06\x00\x2b\x00\x02\x03\x04"
        self.flights += [("client", record(22, message(1, asked))), ("server", record(22, message(2, answered)))]
        self.flights += [("server", record(20, b"\x01")), ("client", record(20, b"\x01"))]
        for sender in ("server", "client"):
            self.renew(sender, f"{sender.upper()}_HANDSHAKE_TRAFFIC_SECRET")
        certificate = message(11, bytes(20_000))  # in two records, the second with two messages
        self.seal("server", message(8, none) + certificate[:16_000], 22)
        self.seal("server", certificate[16_000:] + message(20, bytes(32)), 22)
        self.renew("server", "SERVER_TRAFFIC_SECRET_0")
        return self

    def finish(self) -> Made13:
        """The client's Finished."""
        self.seal("client", message(20, bytes(32)), 22)
        self.renew("client", "CLIENT_TRAFFIC_SECRET_0")
        return self

    def say(self, flights: Flights) -> Made13:
        for sender, data in flights:
            for start in range(0, len(data), 1 << 14):
                self.seal(sender, data[start : start + (1 << 14)], 23)
        return self

    def renew(self, sender: str, label: str, secret: bytes | None = None) -> None:
        """Take another secret into use; by default one made from its label."""
        made = hmac.digest(b"seed", label.encode(), self.digest) if secret is None else secret
        self.secrets[label] = self.secrets[sender] = made
        self.counts[sender] = 0

    def update(self, sender: str) -> Made13:
        """A KeyUpdate."""
        self.seal(sender, message(24, b"\x00"), 22)
        self.renew(sender, sender, self.expand(self.secrets[sender], b"traffic upd", len(self.secrets[sender])))
        return self

    def seal(self, sender: str, data: bytes, kind: int, padding: int = 0) -> Made13:
        """A protected record."""
        secret = self.secrets[sender]
        key = self.expand(secret, b"key", 16 if self.suite == 0x1301 else 32)
        fixed = self.expand(secret, b"iv", 12)
        number = self.counts[sender].to_bytes(12)
        nonce = bytes(left ^ right for left, right in zip(fixed, number, strict=True))
        inner = data + bytes((kind,)) + bytes(padding)
        cipher = ChaCha20Poly1305(key) if self.suite == 0x1303 else AESGCM(key)
        head = b"\x17\x03\x03" + (len(inner) + 16).to_bytes(2)
        self.flights.append((sender, head + cipher.encrypt(nonce, inner, head)))
        self.counts[sender] += 1
        return self

    def expand(self, secret: bytes, label: bytes, size: int) -> bytes:
        label = b"tls13 " + label
        info = size.to_bytes(2) + bytes((len(label),)) + label + b"\x00"
        return hmac.digest(secret, info + b"\x01", self.digest)[:size]

    def log(self) -> bytes:
        """The key log."""
        lines = (
            f"{label} {self.RANDOM.hex()} {secret.hex()}\n"
            for label, secret in self.secrets.items()
            if label.isupper()
        )
        return "".join(lines).encode()


def record(kind: int, body: bytes) -> bytes:
    """A record in the clear."""
    return bytes((kind, 3, 3)) + len(body).to_bytes(2) + body


def message(kind: int, body: bytes) -> bytes:
    """A handshake message."""
    return bytes((kind,)) + len(body).to_bytes(3) + body
