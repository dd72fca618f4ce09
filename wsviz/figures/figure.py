"""What every figure is made of: `Figure` itself, the palette, text that cannot harm, and a small SVG canvas.

Nothing here measures a font: text is monospaced and its width is its number of columns times a constant, so a figure
is the same, byte for byte, on every machine.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape as escape_xml
from xml.sax.saxutils import quoteattr

FONT = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
CHAR = 0.602  # width of a character by font size: DejaVu Sans Mono and Menlo; Consolas is narrower

WIDEST = 800  # pixels that a picture takes: JupyterLab shows it as an image that does not shrink with its cell

INK, MUTED, FAINT, RULE, PAPER = "#1a1a1a", "#57606a", "#8a8a8a", "#d5d9de", "#ffffff"

# Okabe-Ito: told apart with every kind of colour vision.
COLOURS = {
    "fin": "#d55e00",
    "rsv": "#999999",
    "opcode": "#0072b2",
    "mask": "#cc79a7",
    "length": "#e69f00",
    "extended": "#e69f00",
    "key": "#cc79a7",
    "payload": "#009e73",
    "link": "#8c8c8c",
    "network": "#0072b2",
    "transport": "#e69f00",
    "application": "#cc79a7",
    "frame": "#009e73",
    "padding": "#999999",
    "undissected": "#999999",
    "selection": "#56b4e9",
    "error": "#d55e00",
    "warning": "#e69f00",
    "note": "#56b4e9",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture as SVG and as plain text: it shows itself in Jupyter, with or without a kernel."""

    svg: str
    text: str

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": self.text}

    def __str__(self) -> str:
        return self.text

    def save(self, path: str | Path) -> None:
        """Write the picture to `path`: as SVG, or as text where the name ends in .txt."""
        path = Path(path)
        path.write_text(self.text + "\n" if path.suffix == ".txt" else self.svg, encoding="utf-8")


def tint(colour: str, part: float = 0.25) -> str:
    """The colour as a fill under dark text: `part` of it over white."""
    channels = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(255 - part * (255 - channel)):02x}" for channel in channels)


def plain(text: str) -> str:
    """Text that only shows: control characters, bidi marks and lone surrogates become visible escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns(text: str) -> int:
    """Columns that the text takes in a monospaced font: 2 for wide characters, 0 for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def clip(text: str, limit: int) -> str:
    """The text in at most `limit` columns, its loss shown by an ellipsis."""
    if columns(text) <= limit:
        return text
    kept, used = "", 1
    for char in text:
        used += columns(char)
        if used > limit:
            break
        kept += char
    return kept + "…"


def wrap(text: str, limit: int, most: int | None = None) -> list[str]:
    """The text in lines of at most `limit` columns, broken at spaces, within a word only where it is longer.

    Of more than `most` lines the last one is clipped.
    """
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if columns(joined) <= limit:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if columns(lines[-1] + char) > limit:
                lines.append("")
            lines[-1] += char
    if most is not None and len(lines) > most:
        lines[most - 1 :] = [clip(" ".join(lines[most - 1 :]), limit)]
    return lines


def id_of(letter: str, shown: object) -> str:
    """What a picture's ids begin with: a page shares its ids among all pictures, so they tell what is `shown`."""
    return letter + hashlib.sha256(repr(shown).encode(errors="backslashreplace")).hexdigest()[:8]


def number(value: float) -> str:
    """A coordinate, always written the same way."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


class Canvas:
    """Collects SVG elements; every text goes through `plain` and XML escaping here, and nowhere else."""

    def __init__(self) -> None:
        self.elements: list[str] = []

    def add(self, tag: str, /, **attributes: str | float) -> None:
        """One element; `fill_opacity=1` becomes fill-opacity="1"."""
        words = [tag]
        for name, value in attributes.items():
            shown = value if isinstance(value, str) else number(value)
            words.append(f"{name.replace('_', '-')}={quoteattr(plain(shown))}")
        self.elements.append(f"<{' '.join(words)}/>")

    def rect(self, x: float, y: float, width: float, height: float, **attributes: str | float) -> None:
        self.add("rect", x=x, y=y, width=width, height=height, **attributes)

    def line(self, x1: float, y1: float, x2: float, y2: float, **attributes: str | float) -> None:
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, **attributes)

    def text(
        self, x: float, y: float, content: str, size: float = 11, fill: str = INK, **attributes: str | float
    ) -> float:
        """Text with its baseline at `y`; returns where it ends (for text that starts at `x`)."""
        self.add("text", x=x, y=y, font_size=size, fill=fill, **attributes)
        self.elements[-1] = f"{self.elements[-1][:-2]}>{escape_xml(plain(content))}</text>"
        return x + columns(plain(content)) * CHAR * size

    def document(
        self, width: float, height: float, *, title: str, description: str, name: str, defs: Iterable[str] = ()
    ) -> str:
        """The whole SVG on its own light ground; `name` keeps its ids apart from those of other figures."""
        shown = min(width, WIDEST)
        size = f'width="{number(shown)}" height="{number(height * shown / width)}"'
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
            f'viewBox="0 0 {number(width)} {number(height)}" role="img" '
            f'aria-labelledby="{name}-title {name}-desc" font-family="{FONT}" xml:space="preserve" '
            'style="max-width:100%;height:auto">'
        )
        words = (
            f'<title id="{name}-title">{escape_xml(plain(title))}</title>'
            f'<desc id="{name}-desc">{escape_xml(plain(description))}</desc>'
        )
        ground = (
            f'<rect x="0.5" y="0.5" width="{number(width - 1)}" height="{number(height - 1)}" rx="10" '
            f'fill="{PAPER}" stroke="{RULE}"/>'
        )
        return "\n".join([head, words, f"<defs>{''.join(defs)}</defs>", ground, *self.elements, "</svg>"]) + "\n"
