"""The text of an nginx configuration as blocks and directives, with the line of each.

As much of nginx's syntax as files are written in: words, quotes, comments, `;` and `{ }`. No directive is known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from wsviz.lab.background import LabError

LONGEST = 1_000_000
"""Characters of a text that is read at all."""
DEEPEST = 100
"""Blocks within blocks; nginx itself knows half a dozen."""

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
      | (?P<mark>[;{}])
      | "(?P<double>(?:[^"\\]|\\.)*)"
      | '(?P<single>(?:[^'\\]|\\.)*)'
      | (?P<word>(?!["'])(?:\\.|\$\{|[^\s;{\\])+)""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPED = re.compile(r"""\\(["'\\])""")
_UNITS = {"w": 7 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001, "": 1}
"""What a time that nginx counts in milliseconds can be made of, in this order: years and months only seconds take."""
_TIME = re.compile("".join(rf"(?:([0-9]{{1,9}}){unit} *)?" for unit in _UNITS))


@dataclass(frozen=True, slots=True)
class Directive:
    """Words that end with a semicolon, and the line on which they begin."""

    words: tuple[str, ...]
    line: int

    @property
    def name(self) -> str:
        return self.words[0]

    @property
    def value(self) -> str:
        """Its first word after the name, empty where there is none."""
        return self.words[1] if len(self.words) > 1 else ""


@dataclass(slots=True)
class Block:
    """Words with a bracket of directives and blocks after them; the text itself is one without words."""

    words: tuple[str, ...]
    line: int
    parent: Block | None = None
    directives: list[Directive] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    _first: dict[str, Directive] = field(default_factory=dict)  # of each name
    _headers: dict[str, Directive] = field(default_factory=dict)  # by the field that a proxy_set_header sets

    @property
    def name(self) -> str:
        return self.words[0] if self.words else ""

    def add(self, directive: Directive) -> None:
        """Take one more directive at the end."""
        self.directives.append(directive)
        self._first.setdefault(directive.name, directive)
        if directive.name == "proxy_set_header" and len(directive.words) == 3:
            self._headers.setdefault(directive.value.lower(), directive)

    def walk(self) -> Iterator[Block]:
        """Give the block itself and all within, in the order of the text."""
        waiting = [self]
        while waiting:
            block = waiting.pop()
            yield block
            waiting += reversed(block.blocks)

    def around(self) -> Iterator[Block]:
        """Give the block itself, the one that it stands in, and so on outwards."""
        block: Block | None = self
        while block is not None:
            yield block
            block = block.parent

    def has(self, name: str) -> bool:
        return name in self._first

    def setting(self, name: str) -> Directive | None:
        """The directive of this name that holds here: the nearest one outwards."""
        return next((block._first[name] for block in self.around() if name in block._first), None)

    def header(self, name: str) -> Directive | None:
        """The `proxy_set_header` for this field that holds here: only the nearest block that has any counts."""
        holds = next((block for block in self.around() if block.has("proxy_set_header")), self)
        return holds._headers.get(name.lower())

    def lost_header(self, name: str) -> Directive | None:
        """A `proxy_set_header` for this field further out, whether it holds here or not."""
        return next((block._headers[name.lower()] for block in self.around() if name.lower() in block._headers), None)

    def chosen(self, value: str) -> str:
        """What this `map` makes of a value, going by plain words: a pattern is taken for one that does not match."""
        made = {each.name.lower(): each.value for each in self.directives}
        return made.get(value.lower(), made.get("default", ""))


def read_nginx(text: str) -> Block:
    """Read the text into one block of all that stands in it. Raises LabError where nginx could not read it either."""
    if len(text) > LONGEST:
        raise LabError(f"the text has {len(text):,} characters, and at most {LONGEST:,} are read")
    root = block = Block((), 1)
    words: list[str] = []
    begun, depth = 1, 0
    for token, mark, line in _tokens(text):
        if not mark:
            begun = begun if words else line
            words.append(token)
        elif token == "}":
            if words or block.parent is None:
                raise LabError(f"line {line}: unexpected '}}'")
            block, depth = block.parent, depth - 1
        elif not words:
            raise LabError(f"line {line}: unexpected {token!r}")
        elif token == ";":
            block.add(Directive(tuple(words), begun))
            words = []
        elif depth == DEEPEST:
            raise LabError(f"line {line}: more than {DEEPEST} blocks within each other")
        else:
            block.blocks.append(Block(tuple(words), begun, block))
            block, words, depth = block.blocks[-1], [], depth + 1
    if words or block.parent is not None:
        raise LabError(f"the text is cut: what begins in line {begun if words else block.line} has no end")
    return root


def _tokens(text: str) -> Iterator[tuple[str, bool, int]]:
    """The words and marks of the text: what it says, whether it is a mark, and its line."""
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise LabError(f"line {line}: a quotation mark or a backslash without what belongs to it")
        kind = str(found.lastgroup)
        if kind != "space":
            said = found[kind]
            yield (said if kind == "mark" else _ESCAPED.sub(r"\1", said)), kind == "mark", line
        line += text.count("\n", at, found.end())
        at = found.end()


def seconds(directive: Directive) -> float:
    """A time as nginx writes it: "60", "1h", "1m30s", "500ms". Raises LabError for anything else."""
    value = directive.value
    found = _TIME.fullmatch(value)
    if not value or found is None:
        raise LabError(f"line {directive.line}: {directive.name} has {value[:40]!r}, which is no time")
    return float(sum(int(number or 0) * unit for number, unit in zip(found.groups(), _UNITS.values(), strict=True)))
