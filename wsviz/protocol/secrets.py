"""Masking of secrets in text: a best effort, so that what is drawn, printed or stored does not give them away.

Known are: the values of headers, STOMP headers, JSON members, form fields and query parameters whose names say that
they are secret (`password`, `access_token`, `Cookie`, ...), whatever follows `Bearer`, JSON Web Tokens and private
keys anywhere, user and password in URIs, and in request targets and subprotocols what looks like a token. A secret
under an innocent name, in compressed or in binary data is not recognised.

Every pattern runs in linear time: a run that an attacker can make long is matched possessively (`*+`) and nothing has
to follow it, so no part of the text is read again and again. A value that is cut is masked up to where it is cut.
Patterns for names in any case read a lower-case copy: at most places of a text, `re` then sees by one character that
none of the names begins there, which it does not with IGNORECASE.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MARK = "[masked]"

_FLAGS = re.IGNORECASE | re.ASCII
# Names that end like this are secret wherever they stand before a colon or an equals sign.
_NAMES = (
    "password|passwd|passphrase|passcode|secret|token|jwt|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key"
    "|auth[_-]?key|session[_-]?key|session[_-]?id|credentials?|cookie2?|authorization"
    "|auth(?<![a-z]auth)|pwd(?<![a-z]pwd)|sid(?<![a-z]sid)|sessid(?<![a-z]sessid)"
)
# In a query these are secret too; elsewhere they mean something else too often.
_QUERY_NAMES = "key|code|sig|signature|hmac|session|ticket|otp|pass|state|nonce|x-amz-signature|x-amz-credential"
_STRING = r'"(?P<string>(?:[^"\\]|\\.)*+)'
# The same within a JSON string, as SockJS and Socket.IO nest them; deeper nesting is masked up to the next quote.
_NESTED = r'\\"(?P<nested>(?:[^"\\]|\\\\\\"|\\\\|\\[^"\\])*+)'
_DEEPER = r'\\{2,8}"(?P<deeper>[^"]*+)'
_VALUE = rf"(?:{_STRING}|{_NESTED}|{_DEEPER}|'(?P<single>[^'\r\n]*+)"
_NAMED = re.compile(
    # "name": value, in JSON: a string, or a number
    rf"""(?:{_NAMES})(?:\\{{0,8}}["'][ \t\r\n]{{0,9}}:[ \t\r\n]{{0,9}}{_VALUE}|(?P<number>[0-9][\w.+-]*+))"""
    # name=value: in queries, forms, cookies, logs
    r"""|[ \t]{0,3}=[ \t]{0,3}(?:["'](?P<quoted>[^"'\r\n]*+)|(?P<plain>[^&;\s"'<>#]*+))"""
    # name: value: a header of HTTP or STOMP, up to the end of the line
    r"|[ \t]{0,3}:[ \t]{0,9}(?P<line>[^\r\n\0]*+))",
    re.ASCII | re.DOTALL,
)
_LOGIN = re.compile(r"(?:^|[\r\n]|\\n)login:(?P<login>[^\r\n\0]*+)", re.ASCII)
_QUERY = re.compile(rf"[?&;](?:{_QUERY_NAMES})=(?P<query>[^&;\s\"'<>#]*+)", re.ASCII)
_BEARER = re.compile(r"bearer(?<![a-z]bearer)(?:[ \t]{1,9}|%20|\+)(?P<bearer>[\w.~+/=-]{3,}+)", re.ASCII)
# The header of a JWT begins with {" which is eyJ in Base64. It need not be whole: previews are cut.
_JWT = re.compile(r"(?P<jwt>eyJ[\w-]{5,}+(?:\.[\w-]*+){0,4}+)", re.ASCII)
_USER = re.compile(r"://(?P<user>[^/?#\s\"'<>]{0,256})@", re.ASCII)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY-----(?P<pem>[^-]*+)", re.ASCII)
_PROTOCOLS = re.compile(r"sec-websocket-protocol[ \t]{0,9}:(?P<list>[^\r\n\0]*+)", re.ASCII)
# Each pattern with words of which a text must hold one: most texts hold none, and a search for words is quick.
_LOWERED = (  # read a lower-case copy
    (_NAMED, ("pass", "secret", "token", "jwt", "key", "session", "sid", "credential", "cookie", "auth", "pwd")),
    (_LOGIN, ("login:",)),
    (_QUERY, ("=",)),
    (_BEARER, ("bearer",)),
)  # fmt: skip
_AS_WRITTEN = ((_JWT, "eyJ"), (_USER, "://"), (_PEM, "-----BEGIN"))
_LIST = "sec-websocket-protocol"
_TOGETHER = 256  # texts in which the words are looked for at once
_LONGEST_LIST = 50_000  # characters of a list of subprotocols that are read; what follows is masked unread
_WORD = re.compile(r"[^\s,;\"']+")
# Before a token in a list of subprotocols: `bearer, eyJ...`, `token.4f2a...`.
_LABEL = re.compile(r"(?:^|[._-])(?:bearer|token|authorization|auth|jwt|ticket|session|secret|password|key)", _FLAGS)
_TOKEN_LIKE = re.compile(r"(?=[^0-9]*[0-9][^0-9]*[0-9])(?=[^a-z]*[a-z])[\w.~+/=%-]{20,}", _FLAGS)
_WELL_KNOWN = re.compile(r"[a-z0-9.-]*(?:\.k8s\.io|\.json|\.stomp|\.mqtt[0-9]*|-ws|-json|\.v[0-9.]+)", _FLAGS)

Span = tuple[int, int]


class _Sought(NamedTuple):
    """What is looked for: patterns with their words, and whether lists of subprotocols are."""

    lowered: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = _LOWERED
    as_written: tuple[tuple[re.Pattern[str], str], ...] = _AS_WRITTEN
    lists: bool = True

    def within(self, text: str) -> _Sought:
        """What of it can be in the text, or in any part of it."""
        lowered = text.lower()
        if len(lowered) != len(text):  # then its letters need not be those of its parts in lower case
            return self
        words = ((pattern, tuple(word for word in words if word in lowered)) for pattern, words in self.lowered)
        return _Sought(
            tuple((pattern, there) for pattern, there in words if there),
            tuple((pattern, word) for pattern, word in self.as_written if word in text),
            _LIST in lowered,
        )


_ALL = _Sought()


def mask_text(text: str) -> str:
    """The text with each secret that is recognised replaced by MARK."""
    return _masked(text, _ALL)


def mask_texts(texts: Sequence[str]) -> list[str]:
    """The same of each text; many short ones take less time together."""
    masked = list[str]()
    for at in range(0, len(texts), _TOGETHER):
        some = texts[at : at + _TOGETHER]
        sought = _ALL.within("\n".join(some))
        masked += [_masked(text, sought) for text in some] if any(sought) else some
    return masked


def _masked(text: str, sought: _Sought) -> str:
    spans = _spans(text, sought)
    return _replace(text, spans) if spans else text


def mask_bytes(data: bytes, *, same_size: bool = False) -> bytes:
    """Bytes with each secret replaced by MARK or, so that nothing moves, by as many asterisks."""
    text = data.decode("latin-1")  # a character a byte, so the patterns' places are those of bytes
    spans = _spans(text, _ALL)
    return _replace(text, spans, same_size=same_size).encode("latin-1") if spans else data


def mask_target(target: str) -> str:
    """A request target or URI without user and password, secret parameters and what looks like a token."""
    path, mark, query = target.partition("?")
    path = "/".join(MARK if is_token_like(part) else part for part in path.split("/"))
    return mask_text(path + mark + re.sub(r"[^&;#]+", _parameter, query))


def _parameter(match: re.Match[str]) -> str:
    name, equals, value = match[0].partition("=")
    if not equals:
        return MARK  # it is all value
    named = re.search(rf"(?:{_NAMES}|^(?:{_QUERY_NAMES}))$", name, _FLAGS)
    return f"{name}={MARK}" if value and (named or is_token_like(value)) else match[0]


def is_token_like(text: str) -> bool:
    """Whether a word looks random: 20 characters or more of those that tokens have, digits and letters among them."""
    return _TOKEN_LIKE.fullmatch(text) is not None


def mask_header(name: str, value: str) -> str:
    """The value of a header line as it may be shown."""
    match name.lower():
        case "authorization" | "proxy-authorization":
            scheme, space, _ = value.strip().partition(" ")
            shown = f"{scheme} {MARK}" if space else MARK
        case "cookie":
            shown = "; ".join(_cookie(pair) for pair in value.split(";"))
        case "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            shown = _cookie(pair) + semicolon + attributes
        case "sec-websocket-protocol":
            shown = _replace(value, _protocol_spans(value, 0))
        case "location" | "content-location" | "referer" | "origin":
            shown = mask_target(value)
        case known:
            shown = MARK if re.search(rf"(?:{_NAMES})$", known, _FLAGS) else mask_text(value)
    return shown


def _cookie(pair: str) -> str:
    name, equals, _ = pair.strip().partition("=")
    return f"{name}={MARK}" if equals else MARK


def _spans(text: str, sought: _Sought) -> list[Span]:
    lowered, spans = _lowered(text), list[Span]()
    for pattern, words in sought.lowered:
        for word in words:  # any() would take three times as long, and most texts hold none
            if word in lowered:
                spans += _matches(pattern, lowered)
                break
    for pattern, word in sought.as_written:
        if word in text:
            spans += _matches(pattern, text)
    if sought.lists and _LIST in lowered:
        for match in _PROTOCOLS.finditer(lowered):
            start, end = match.span("list")
            spans += _protocol_spans(text[start:end], start)
    return spans


def _lowered(text: str) -> str:
    """The text in lower case, every character in its place: a few beyond ASCII become two, and stay as they are."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else "".join(c.lower() if c.isascii() else c for c in text)


def _protocol_spans(value: str, start: int) -> list[Span]:
    """Where tokens stand in a list of subprotocols: after a name that announces one, or by their looks."""
    spans, announced = list[Span](), False
    if len(value) > _LONGEST_LIST:
        spans.append((start + _LONGEST_LIST, start + len(value)))
    for word in _WORD.finditer(value, 0, _LONGEST_LIST):
        label = _LABEL.search(word[0])
        rest = label.end() if label else 0
        if announced or (is_token_like(word[0]) and not _WELL_KNOWN.fullmatch(word[0])):
            spans.append((start + word.start(), start + word.end()))
        elif label and word[0][rest : rest + 1] in (".", "-", "_", "="):
            spans.append((start + word.start() + rest + 1, start + word.end()))
        announced = label is not None and rest == len(word[0])
    return spans + [(start + low, start + high) for low, high in _matches(_JWT, value)]


def _matches(pattern: re.Pattern[str], text: str) -> Iterable[Span]:
    """The secret part of each match: the one group that took part in it."""
    return (match.span(match.lastgroup or 0) for match in pattern.finditer(text))


def _replace(text: str, spans: list[Span], *, same_size: bool = False) -> str:
    """The text with the spans masked; those that overlap count as one, empty ones do not count."""
    parts, at = list[str](), 0
    merged: list[Span] = []
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    for start, end in merged:
        parts += [text[at:start], "*" * (end - start) if same_size else MARK]
        at = end
    return "".join([*parts, text[at:]])
