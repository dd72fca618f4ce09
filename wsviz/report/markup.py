"""HTML as a tree of elements: every text is renamed, bounded and escaped in one place, when the tree is written.

Nothing but `Drawing` reaches the page as markup, and a Drawing is a Figure, whose Canvas escapes its texts itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from wsviz.figures.figure import Figure, clip, plain

LONGEST = 600  # columns of a text; a capture can hold texts of any length
LOOKED_AT = 50 * LONGEST  # characters: names that make place for shorter ones bring later text into view
MANY_ROWS = 60  # a table with more of them scrolls within a window
_SVG_STYLE = ' style="max-width:100%;height:auto"'  # the page's policy allows no style but its own sheet
Rename = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Text:
    """Text of which at most `limit` columns are shown; a plain str has LONGEST."""

    words: str
    limit: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as inline SVG."""

    figure: Figure


@dataclass(frozen=True, slots=True)
class Element:
    """One element; attributes are wsviz's own words, never a capture's."""

    tag: str
    attributes: tuple[tuple[str, str], ...]
    children: tuple[Node, ...]


Node = Element | Drawing | Text | str


def element(tag: str, *children: Node, **attributes: str) -> Element:
    """An element; `class_="x"` becomes class="x", `aria_label="x"` becomes aria-label="x"."""
    named = tuple((name.rstrip("_").replace("_", "-"), value) for name, value in attributes.items())
    return Element(tag, named, children)


def to_html(node: Node, rename: Rename) -> str:
    """The tree as HTML; `rename` gets every text before it is cut."""
    return "".join(_pieces(node, rename))


def _pieces(node: Node, rename: Rename) -> Iterator[str]:
    match node:
        case str():
            yield escape(bounded(node, LONGEST, rename))
        case Text(words, limit):
            yield escape(bounded(words, limit, rename))
        case Drawing(figure):
            yield figure.svg.replace(_SVG_STYLE, "", 1)
        case Element(tag, attributes, children):
            yield "<" + tag + "".join(f' {name}="{escape(value)}"' for name, value in attributes) + ">"
            for child in children:
                yield from _pieces(child, rename)
            yield f"</{tag}>\n"


def bounded(words: str, limit: int, rename: Rename) -> str:
    """Text as the page has it. What lies far behind the cut cannot show, so it is not looked at."""
    return clip(plain(rename(words[:LOOKED_AT])), limit)


def table(
    heads: Iterable[str],
    rows: Iterable[Sequence[Node]],
    *,
    label: str,
    numeric: Iterable[str] = (),
    below: str = "",
) -> Element:
    """A table that scrolls by itself where the page is narrow; columns in `numeric` stand flush right.

    `below` names what the last value of each row is where that stands in a line of its own, as wide as the table.
    """
    heads, right = tuple(heads), set(numeric)
    styles = [{"class_": "number"} if head in right else {} for head in heads]
    cells = zip(heads, styles, strict=True)
    head = element("tr", *(element("th", name, scope="col", **style) for name, style in cells))
    body = []
    for row in rows:
        kept = row[:-1] if below else row
        body.append(element("tr", *(element("td", cell, **style) for cell, style in zip(kept, styles, strict=True))))
        if below:
            words = element("div", element("span", f"{below}: ", class_="section"), row[-1])
            body.append(element("tr", element("td", words, colspan=str(len(heads))), class_="below"))
    whole = element("table", element("thead", head), element("tbody", *body))
    kind = "wide long" if len(body) > MANY_ROWS else "wide"
    return element("div", whole, class_=kind, role="group", aria_label=label, tabindex="0")


def facts(pairs: Iterable[tuple[str, Node]]) -> Element:
    """Names with their values; a value that is an empty text is left out with its name."""
    children = [(element("dt", name), element("dd", value)) for name, value in pairs if value != ""]
    return element("dl", *(element("div", *pair) for pair in children))
