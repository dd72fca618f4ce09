"""TLS's cipher suites, by their numbers in the IANA registry: which ones are read, and what the usual others are."""

from __future__ import annotations

from typing import NamedTuple

TLS12, TLS13 = 0x0303, 0x0304
_VERSIONS = {0x0300: "SSL 3.0", 0x0301: "TLS 1.0", 0x0302: "TLS 1.1", TLS12: "TLS 1.2", TLS13: "TLS 1.3"}


class Suite(NamedTuple):
    """What a cipher suite means for the records; `cipher` is "AES-GCM" or "ChaCha20-Poly1305"."""

    version: int
    cipher: str
    key_size: int  # bytes
    digest: str  # of the key schedule

    @property
    def digest_size(self) -> int:
        return int(self.digest[3:]) // 8

    @property
    def name(self) -> str:
        return self.cipher.replace("-", f"-{8 * self.key_size}-") if self.cipher == "AES-GCM" else self.cipher


# RFC 5288, 5289, 5487, 8442, 7905 and 8446 B.4.
_AES_128 = (0x9C, 0x9E, 0xA0, 0xA2, 0xA4, 0xA6, 0xA8, 0xAA, 0xAC, 0xC02B, 0xC02D, 0xC02F, 0xC031, 0xD001)
_AES_256 = (0x9D, 0x9F, 0xA1, 0xA3, 0xA5, 0xA7, 0xA9, 0xAB, 0xAD, 0xC02C, 0xC02E, 0xC030, 0xC032, 0xD002)
_CHACHA = (0xCCA8, 0xCCA9, 0xCCAA, 0xCCAB, 0xCCAC, 0xCCAD, 0xCCAE)
SUITES = {
    **dict.fromkeys(_AES_128, Suite(TLS12, "AES-GCM", 16, "sha256")),
    **dict.fromkeys(_AES_256, Suite(TLS12, "AES-GCM", 32, "sha384")),
    **dict.fromkeys(_CHACHA, Suite(TLS12, "ChaCha20-Poly1305", 32, "sha256")),
    0x1301: Suite(TLS13, "AES-GCM", 16, "sha256"),
    0x1302: Suite(TLS13, "AES-GCM", 32, "sha384"),
    0x1303: Suite(TLS13, "ChaCha20-Poly1305", 32, "sha256"),
}
# The usual suites that are not read, by how they encrypt: so that the reason can be named.
_CBC = {
    *(0x0A, 0x16, 0x2F, 0x33, 0x35, 0x39, 0x3C, 0x3D, 0x41, 0x67, 0x6B, 0x84),
    *(0xC008, 0xC009, 0xC00A, 0xC012, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027, 0xC028),
}
_CCM = {0x1304, 0x1305, *range(0xC09C, 0xC0B0)}
_RC4 = {0x04, 0x05, 0xC007, 0xC011}


def version_in_words(number: int) -> str:
    return _VERSIONS.get(number, f"{number:#06x}")


def suite_in_words(number: int) -> str:
    """A suite's cipher where it is read, else its number and what can be said of it."""
    if number in SUITES:
        return SUITES[number].name
    ways = {"CBC": _CBC, "CCM": _CCM, "RC4": _RC4}
    way = next((f" ({name})" for name, numbers in ways.items() if number in numbers), "")
    return f"{number:#06x}{way}"
