"""Reads an nginx configuration and says, line by line, what keeps WebSocket and event streams from passing it.

Each block with a `proxy_pass` is a place that requests pass. What matters there is found as nginx finds it: a setting
holds for the blocks within, until one of them sets it anew; `proxy_set_header` of an outer block is lost as soon as a
block has one of its own. Not read: what `include` brings in, patterns in a `map`, and what Lua or other modules do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from wsviz.lab.nginx_text import Block, Directive, read_nginx, seconds
from wsviz.protocol.fields import Severity

IDLE = 60.0
"""Seconds that nginx waits for a byte unless told otherwise."""
UPGRADE = "$http_upgrade"
ASKED = {UPGRADE: "websocket", "$http_connection": "upgrade"}
"""What nginx's variables for the client's own header fields hold when a client asks for WebSocket."""
ONCE = ("proxy_pass", "proxy_http_version", "proxy_buffering", "proxy_read_timeout")
"""What is read here of which a block can have one: with two, nginx does not start."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing worth saying about a place, with the line that it is about."""

    line: int
    severity: Severity
    text: str

    def __str__(self) -> str:
        return f"line {self.line:<4} {self.severity:<7}  {self.text}"


@dataclass(frozen=True, slots=True)
class Place:
    """A block with a `proxy_pass`: whether an upgrade passes it, how long silence may last, and what to say about it.

    `idle` in seconds. `buffers`: whether nginx may collect a response before it passes it on.
    """

    name: str
    line: int
    websocket: bool
    idle: float
    buffers: bool
    remarks: tuple[Remark, ...]

    def __str__(self) -> str:
        passes = "an upgrade passes" if self.websocket else "no upgrade passes"
        head = f"{self.name} (line {self.line}): {passes}; silence is cut after {self.idle:g} s"
        return "\n".join([head, *(f"  {remark}" for remark in self.remarks)])


@dataclass(frozen=True, slots=True)
class NginxCheck:
    """What `check_nginx` found: the places in the order of the text, and remarks about no place in particular."""

    places: tuple[Place, ...]
    remarks: tuple[Remark, ...] = ()

    def __str__(self) -> str:
        if not self.places and not self.remarks:
            return "nothing here passes requests on: there is no proxy_pass"
        return "\n".join([*map(str, self.places), *map(str, self.remarks)])


def check_nginx(text: str, *, ping_interval: float | None = None) -> NginxCheck:
    """Check the text of a configuration file, or of a part of one.

    `ping_interval`: after how many seconds one of the two sides sends a ping, at the latest; None where none does.
    Raises LabError where the text is cut, has a bracket too many, or is far longer than any configuration.
    """
    root = read_nginx(text)
    maps = {_plain(block.words[2]): block for block in root.walk() if block.name == "map" and len(block.words) == 3}
    passing = (block for block in root.walk() if block.has("proxy_pass") and not _of_tcp(block))
    places = tuple(_Reader(block, maps, ping_interval).place() for block in passing)
    return NginxCheck(places, tuple(remark for block in root.walk() for remark in _about(block)))


def _about(block: Block) -> Iterator[Remark]:
    """What is to say about the directives of a block, whether it passes requests on or not."""
    seen: dict[str, Directive] = {}
    for each in block.directives:
        if each.name == "include":
            yield Remark(each.line, Severity.NOTE, "what this includes is another file, and was not read")
        elif each.name in ONCE and (first := seen.setdefault(each.name, each)) is not each:
            words = f"{each.name} stands here once more, after line {first.line}: nginx refuses the whole file"
            yield Remark(each.line, Severity.ERROR, words)


@dataclass(slots=True)
class _Reader:
    """One place, and what is found about it."""

    block: Block
    maps: dict[str, Block]
    ping_interval: float | None
    remarks: list[Remark] = field(default_factory=list)

    def place(self) -> Place:
        upgrade = all([self._version(), self._upgrade(), self._connection()])
        self._host()
        idle = self._idle()
        buffers = self._buffers()
        name = " ".join(self.block.words) or "the text"
        return Place(name, self.block.line, upgrade, idle, buffers, tuple(sorted(self.remarks, key=lambda r: r.line)))

    def _say(self, severity: Severity, text: str, at: Directive | None = None) -> None:
        # What is missing has no line: the block's own stands for it.
        self.remarks.append(Remark(at.line if at else self.block.line, severity, text))

    def _version(self) -> bool:
        found = self.block.setting("proxy_http_version")
        if found is None:
            words = "proxy_http_version 1.1 is missing: nginx before 1.29.7 asks in HTTP/1.0, which has no Upgrade"
            self._say(Severity.ERROR, words)
        elif found.value != "1.1":
            self._say(Severity.ERROR, f"asks the server in HTTP/{found.value}; an upgrade needs 1.1", found)
        return found is not None and found.value == "1.1"

    def _upgrade(self) -> bool:
        found = self.block.header("Upgrade")
        if found is None:
            self._missing("Upgrade", UPGRADE)
            return False
        says = _plain(found.words[-1])
        if self._becomes(says, "websocket"):
            return True
        self._say(Severity.ERROR, f"says {says!r} to the server; {UPGRADE} says what the client said", found)
        return False

    def _connection(self) -> bool:
        found = self.block.header("Connection")
        if found is None:
            self._missing("Connection", "upgrade")
            return False
        says = _plain(found.words[-1])
        if not self._becomes(says, "upgrade"):
            unknown = says.startswith("$") and says not in self.maps
            words = f"no map here sets {says}" if unknown else f"says {says!r} to the server, for an upgrade too"
            self._say(Severity.ERROR, f"{words}; it must come to 'upgrade'", found)
            return False
        if not says.startswith("$"):
            words = "asks for an upgrade in each request, ordinary ones too; a map of $http_upgrade asks where needed"
            self._say(Severity.NOTE, words, found)
        return True

    def _missing(self, name: str, value: str) -> None:
        outer = self.block.lost_header(name)
        if outer is None:
            self._say(Severity.ERROR, f"proxy_set_header {name} {value} is missing: {name} ends at each proxy")
        else:
            words = f"{name} of line {outer.line} is lost: a block with a proxy_set_header of its own inherits none"
            self._say(Severity.ERROR, words)

    def _becomes(self, says: str, wanted: str) -> bool:
        """Whether a header's value contains this token when a client asks for WebSocket."""
        if says in self.maps:
            says = self.maps[says].chosen(ASKED.get(_plain(self.maps[says].words[1]), ""))
        says = ASKED.get(says, says)
        return wanted in [token.strip().lower() for token in says.split(",")]

    def _host(self) -> None:
        found = self.block.header("Host")
        if found is None:
            words = "Host is not passed on: a server that compares Origin with Host refuses its own pages"
            self._say(Severity.WARNING, words)

    def _idle(self) -> float:
        found = self.block.setting("proxy_read_timeout")
        idle = IDLE if found is None else seconds(found)
        of = "the default of proxy_read_timeout" if found is None else "proxy_read_timeout"
        if self.ping_interval is not None and self.ping_interval >= idle:
            words = f"{of} is {idle:g} s, and a ping comes every {self.ping_interval:g} s: too late"
            self._say(Severity.ERROR, words, found)
        elif self.ping_interval is None and idle <= IDLE:
            self._say(Severity.WARNING, f"{of} is {idle:g} s: ping more often, or who is silent is cut off", found)
        return idle

    def _buffers(self) -> bool:
        found = self.block.setting("proxy_buffering")
        if found is not None and found.value == "off":
            return False
        words = "responses are collected before they are passed on: event streams may come late, WebSocket does not"
        self._say(Severity.NOTE, words, found)
        return True


def _plain(variable: str) -> str:
    """A variable as it is usually written: `$name` for `${name}`."""
    return f"${variable[2:-1]}" if variable.startswith("${") and variable.endswith("}") else variable


def _of_tcp(block: Block) -> bool:
    """Whether a `proxy_pass` passes on TCP's bytes as they are, and knows of no header."""
    return any(each.name == "stream" for each in block.around())
