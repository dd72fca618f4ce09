"""What the browser's WebSocket object takes and what it throws for (WHATWG WebSockets Standard, section 3.1).

Today's constructor takes http: and https: as well as ws: and wss:, and addresses relative to the page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote, urljoin, urlsplit

from wsviz.protocol.grammar import TOKEN

PAGE = "http://192.0.2.2:8080/page.html"
"""The address of the page whose script calls, unless told otherwise."""
LONGEST_REASON = 123  # bytes: a control frame holds 125, the code takes two of them

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_PORTS = {"ws": 80, "wss": 443}
_HOST = re.compile(r"[^\x00-\x20#/:<>?@\[\\\]^|%\x7f]+|\[[0-9a-f:.]+\]")
_LAX = re.compile(r"(wss?):[/\\]*(?=[^/\\])", re.IGNORECASE)  # of special schemes, any number of slashes will do
_KEPT = "%!$&'()*+,;=:@/?-._~[]|^`{}"  # characters of a path or query that stay as they are


class Thrown(Exception):
    """An exception that the script gets: the name of a DOMException, and why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name, self.why = name, why


def resolve(url: str, page: str = PAGE) -> str:
    """The address that `new WebSocket(url)` connects to from that page; raises Thrown, a SyntaxError."""
    text = url.strip("\x00\x01\t\n\r ")
    try:
        parts = urlsplit(urljoin(page, _LAX.sub(r"\1://", text)))
        port = parts.port
    except ValueError:
        raise Thrown("SyntaxError", "this is no URL") from None
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None:
        raise Thrown("SyntaxError", f"the scheme is {parts.scheme}:, expected ws:, wss:, http: or https:")
    if "#" in text:
        raise Thrown("SyntaxError", "the URL has a fragment, and a server gets to see none")
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    if not _HOST.fullmatch(host):
        raise Thrown("SyntaxError", "this is no URL: its host is missing or wrong")
    place = host if port in (None, _PORTS[scheme]) else f"{host}:{port}"
    user, at, _ = parts.netloc.rpartition("@")
    query = f"?{quote(parts.query, _KEPT)}" if parts.query else ""
    return f"{scheme}://{user}{at}{place}{quote(parts.path, _KEPT) or '/'}{query}"


def check_subprotocols(names: Sequence[str]) -> None:
    """Raise Thrown, a SyntaxError, where the constructor would: a name that is no token, or stands there twice."""
    for at, name in enumerate(names):
        if not re.fullmatch(TOKEN, name):
            raise Thrown("SyntaxError", f"the subprotocol {name!r} is no token, so no header can name it")
        if name in names[:at]:
            raise Thrown("SyntaxError", f"the subprotocol {name} stands there twice")


def check_close(code: int | None, reason: str) -> None:
    """Raise Thrown where close(code, reason) would: InvalidAccessError for the code, SyntaxError for the reason."""
    if code is not None and code != 1000 and not 3000 <= code <= 4999:
        raise Thrown("InvalidAccessError", f"a script may close with 1000 or 3000 to 4999, and this is {code}")
    if (size := utf8_size(reason)) > LONGEST_REASON:
        raise Thrown("SyntaxError", f"the reason has {size} bytes of UTF-8, expected at most {LONGEST_REASON}")


def utf8_size(text: str) -> int:
    """Bytes of a text in UTF-8; half a surrogate pair goes as U+FFFD, which takes three."""
    return sum(3 if 0xD800 <= ord(char) <= 0xDFFF else len(char.encode()) for char in text)
