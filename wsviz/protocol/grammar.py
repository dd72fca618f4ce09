"""The header grammar that HTTP and WebSocket share: tokens, comma-separated lists, extension parameters."""

from __future__ import annotations

import re
from typing import NamedTuple

# RFC 9110 5.6.2: token = 1*tchar
TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
# RFC 9110 5.6.4: quoted-string, with quoted-pair
QUOTED = r'"(?:[^"\\]|\\.)*"'

_PARAMETER = re.compile(rf"\s*;\s*({TOKEN})\s*(?:=\s*({TOKEN}|{QUOTED})\s*)?")
_NAME = re.compile(rf"\s*({TOKEN})\s*")


class Extension(NamedTuple):
    """One element of Sec-WebSocket-Extensions: its name and its parameters, a value None where there is no '='."""

    name: str
    parameters: tuple[tuple[str, str | None], ...]


def split_list(value: str) -> list[str]:
    """The elements of a comma-separated list, stripped; empty ones are allowed and left out (RFC 9110 5.6.1)."""
    elements: list[str] = []
    start, quoted, escaped = 0, False, False
    for i, char in enumerate(value):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            elements.append(value[start:i])
            start = i + 1
    elements.append(value[start:])
    return [stripped for element in elements if (stripped := element.strip(" \t"))]


def has_token(value: str, token: str) -> bool:
    """Whether a token list holds a token, compared without case."""
    return any(element.lower() == token.lower() for element in split_list(value))


def parse_extensions(value: str) -> list[Extension]:
    """Read a Sec-WebSocket-Extensions value (RFC 6455 9.1); raises ValueError where it breaks the grammar."""
    return [_parse_extension(element) for element in split_list(value)]


def _parse_extension(element: str) -> Extension:
    name = _NAME.match(element)
    if name is None:
        raise ValueError(f"{element!r} does not begin with an extension's name")
    parameters: list[tuple[str, str | None]] = []
    position = name.end()
    while position < len(element):
        parameter = _PARAMETER.match(element, position)
        if parameter is None:
            raise ValueError(f"{element[position:]!r} in {element!r} is no parameter")
        text = parameter[2]
        if text is not None and text.startswith('"'):
            text = re.sub(r"\\(.)", r"\1", text[1:-1])
            if not re.fullmatch(TOKEN, text):
                raise ValueError(f"the quoted value of {parameter[1]!r} is no token (RFC 6455 9.1)")
        parameters.append((parameter[1], text))
        position = parameter.end()
    return Extension(name[1], tuple(parameters))
