"""The keys of a TLS connection, and the ciphers that open its records: AES-GCM and ChaCha20-Poly1305.

This module alone imports the package `cryptography`, which is an extra: so it is imported when a key log was read.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from wsviz.capture.tls_suites import TLS12, TLS13, Suite

TAG = 16  # bytes, of all three ciphers
_EXPLICIT_NONCE = 8  # bytes before the ciphertext: AES-GCM in TLS 1.2 (RFC 5288 3)
_CIPHERS: dict[str, type[AESGCM] | type[ChaCha20Poly1305]] = {
    "AES-GCM": AESGCM,
    "ChaCha20-Poly1305": ChaCha20Poly1305,
}


class Opened(NamedTuple):
    """What a record protects: `kind` is its content type, `data` its content without padding."""

    kind: int
    data: bytes


class RecordCipher:
    """Opens the records of one direction in their order, under one key.

    `count` says how many were opened. `fixed` is the part of the nonce that comes with the key; `nonce_size` counts
    the bytes of the other part, which stand in each record before what is encrypted.
    """

    def __init__(self, suite: Suite, key: bytes, fixed: bytes) -> None:
        self._suite, self._cipher, self._fixed, self.count = suite, _CIPHERS[suite.cipher](key), fixed, 0
        self.nonce_size = _EXPLICIT_NONCE if len(fixed) == 4 else 0

    def open(self, kind: int, body: bytes) -> Opened | None:
        """The content of the next record, None where it does not authenticate."""
        size = len(body) - self.nonce_size - TAG
        if size < 0:
            return None
        number, protected = self.count.to_bytes(8), body[self.nonce_size :]
        if self._suite.version == TLS13:
            about = bytes((kind, 3, 3)) + len(body).to_bytes(2)
        else:
            about = number + bytes((kind, 3, 3)) + size.to_bytes(2)
        try:
            data = self._cipher.decrypt(self._nonce(number, body), protected, about)
        except InvalidTag:
            return None
        self.count += 1
        if self._suite.version == TLS12:
            return Opened(kind, data)
        inner = data.rstrip(b"\0")  # RFC 8446 5.4: the content type is the last byte that is not zero
        return Opened(inner[-1], inner[:-1]) if inner else Opened(0, b"")

    def _nonce(self, number: bytes, body: bytes) -> bytes:
        if self.nonce_size:
            return self._fixed + body[: self.nonce_size]
        return (int.from_bytes(self._fixed) ^ int.from_bytes(number)).to_bytes(12)


class Stage(NamedTuple):
    """One traffic secret of one side in TLS 1.3 with the cipher made from it (RFC 8446 7.3)."""

    cipher: RecordCipher
    suite: Suite
    secret: bytes

    @classmethod
    def of(cls, suite: Suite, secret: bytes) -> Stage:
        key, fixed = expand_label(suite, secret, "key", suite.key_size), expand_label(suite, secret, "iv", 12)
        return cls(RecordCipher(suite, key, fixed), suite, secret)

    def updated(self) -> Stage:
        """The stage after a KeyUpdate (RFC 8446 7.2)."""
        return Stage.of(self.suite, expand_label(self.suite, self.secret, "traffic upd", self.suite.digest_size))


def expand_label(suite: Suite, secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 7.1)."""
    name = b"tls13 " + label.encode()
    info = size.to_bytes(2) + bytes((len(name),)) + name + b"\0"
    digest = SHA384() if suite.digest == "sha384" else SHA256()
    return HKDFExpand(digest, size, info).derive(secret)


def ciphers_of_12(suite: Suite, master: bytes, client_random: bytes, server_random: bytes) -> list[RecordCipher]:
    """The ciphers of the client's and the server's direction in TLS 1.2 (RFC 5246 6.3)."""
    fixed = 4 if suite.cipher == "AES-GCM" else 12
    block = _prf(suite, master, b"key expansion" + server_random + client_random, 2 * (suite.key_size + fixed))
    keys, rest = block[: 2 * suite.key_size], block[2 * suite.key_size :]
    return [
        RecordCipher(suite, keys[side * suite.key_size :][: suite.key_size], rest[side * fixed :][:fixed])
        for side in (0, 1)
    ]


def _prf(suite: Suite, secret: bytes, seed: bytes, size: int) -> bytes:
    """TLS 1.2's pseudorandom function, the label in the seed (RFC 5246 5)."""
    made, link = b"", seed
    while len(made) < size:
        link = hmac.digest(secret, link, suite.digest)
        made += hmac.digest(secret, link + seed, suite.digest)
    return made[:size]
