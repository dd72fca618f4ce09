"""Names in place of addresses and hosts, the same one for the same address wherever it stands in a report.

Known are the addresses of all connections and the hosts that requests name; beside these, whatever looks like an IP
address, and the host of any URI. In payloads that is a best effort: an address in other words, in Base64 or in
percent-encoding within its letters, is not recognised.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from wsviz.capture.connection import Connection
from wsviz.protocol.http_message import Request, Response

MOST_NAMES = 500  # that are searched for one by one; where there are more, every name with a dot is taken for a host
LONG = 8  # letters of a name such as localhost that is part of no other word
LEAST_CUT, LONGEST_NAME = 3, 253  # letters of a name before a cut by which it is recognised
# Single words that every report has; as a host's name they tell nothing.
COMMON = {"client", "server", "proxy", "host", "address", "browser", "websocket", "http", "https", "tcp", "tls", "ws"}

# A name may follow a percent-encoded character, whose digits and letters are none of its own.
_IPV4 = r"(?:(?<![0-9%])|(?<=%[0-9]{2}))[0-9]+(?:\.[0-9]+){3}"
_IPV6 = (
    r"(?:(?<![0-9a-z:.%])|(?<=%[0-9a-f]{2}))[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.[0-9]{1,3}){0,3}(?![0-9a-z:])"
)
_OF_URI = r"(?<=://)(?:[^/?#\s\"'<>@]{0,256}@)?(?P<host>[a-z0-9_][a-z0-9._-]{0,252})"
_DOTTED = r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20}\.[a-z]{2,63}"
_ADDRESS = re.compile(rf"(?P<v4>{_IPV4})|\[(?P<boxed>{_IPV6})\]|(?P<v6>{_IPV6})", re.IGNORECASE | re.ASCII)
_AUTHORITY = re.compile(r"(?:[a-z][a-z0-9+.-]*://|//)?(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:;\s]*)", re.IGNORECASE)
_CUT = re.compile(r"[\"']? ?(?:…|\.\.\.)")
_ADDRESS_BEGUN = re.compile(r"(?:[0-9]{1,3}\.){2,3}[0-9]{0,3}\Z", re.ASCII)
_HOSTS = ("Host", "X-Forwarded-Host")
_URIS = ("Origin", "Referer", "Location", "Content-Location")


class Pseudonyms:
    """Calling it renames a text: client-1, server-1 for the ends of connections, host-1, address-1 for others."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        for connection in connections:
            for name, kind in ((connection.client.address, "client"), (connection.server.address, "server")):
                if name not in COMMON:  # such as the browser that wrote a HAR file
                    self._name(name, kind)
        for connection in connections:
            for host in _hosts(connection):
                if not _ADDRESS.fullmatch(host) and host.lower() not in COMMON:
                    self._name(host, "host")
        self._stumps = {
            name[:end]
            for name in list(self._names)[:MOST_NAMES]
            for end in range(LEAST_CUT, min(len(name), LONGEST_NAME))
        }
        self._pattern = re.compile("|".join(_alternatives(self._names)), re.IGNORECASE | re.ASCII)

    def __call__(self, text: str) -> str:
        return self._pattern.sub(self._renamed, self._without_stumps(text))

    def _name(self, original: str, kind: str) -> str:
        original = _canonical(original)
        if original not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[original] = f"{kind}-{self._counts[kind]}"
        return self._names[original]

    def _renamed(self, match: re.Match[str]) -> str:
        words = match[0]
        if host := match["host"]:
            return self._name(host, "host") if host.lower() not in COMMON else host
        if match["v4"] or match["name"]:
            return self._name(words, "address" if match["v4"] else "host")
        address = match["boxed"] or match["v6"]
        return self._name(address, "address") if _is_address(address) else words

    def _without_stumps(self, text: str) -> str:
        """The text without what a cut has left of a name: "at shop.exa…" becomes "at …"."""
        parts, at = list[str](), 0
        for mark in _CUT.finditer(text):
            before = text[at : mark.start()]
            starts = range(max(0, len(before) - LONGEST_NAME), len(before) - LEAST_CUT + 1)
            stump = next((start for start in starts if before[start:].lower() in self._stumps), len(before))
            parts += [_ADDRESS_BEGUN.sub("", before[:stump]), mark[0]]
            at = mark.end()
        return "".join([*parts, text[at:]])


def _alternatives(names: Iterable[str]) -> Iterator[str]:
    """What to search for: addresses by their form, so that none is found within a longer one, then names."""
    yield _ADDRESS.pattern
    yield _OF_URI
    words, dotted = sorted(names, key=lambda name: (-len(name), name)), "(?!)"
    if len(words) > MOST_NAMES:
        words, dotted = [name for name in words if "." not in name][:MOST_NAMES], _DOTTED
    yield rf"(?P<name>{'|'.join([*map(_searched, words), dotted])})"


def _searched(name: str) -> str:
    """A short name of one word may be part of another word; all others are found anywhere."""
    if "." in name or ":" in name or len(name) >= LONG:
        return re.escape(name)
    return rf"(?:\b|(?<=%[0-9a-f]{{2}})){re.escape(name)}\b"


def _hosts(connection: Connection) -> Iterator[str]:
    """The hosts that a connection's requests and responses name."""
    for exchange in connection.exchanges:
        request: Request = exchange.request_head
        heads: tuple[Request | Response | None, ...] = (request, exchange.response_head)
        values = [value for name in _HOSTS for value in [request.header(name)] if value]
        values += [v for head in heads if head for name in _URIS for v in [head.header(name)] if v and "//" in v]
        if "://" in request.target or request.method == "CONNECT":
            values.append(request.target)
        for value in values:
            for part in value.split(","):
                match = _AUTHORITY.match(part.strip())
                if match and match[1]:
                    yield match[1]


def _canonical(name: str) -> str:
    """One spelling of a name: small letters; of an IPv6 address, the short form."""
    name = name.lower().strip("[]")
    try:
        return str(ip_address(name))
    except ValueError:
        return name.rstrip(".") or name


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return text != "::"  # it stands between the words of some languages
