"""Laws that many tests hold their subjects to, each in one place."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

from wsviz.figures.figure import CHAR, Figure, columns
from wsviz.protocol.fields import Dissection

SVG = "{http://www.w3.org/2000/svg}"


def assert_partition(dissection: Dissection[Any]) -> None:
    """Law 2: the fields cover the bits once, in order."""
    at = 0
    for field in dissection.fields:
        assert field.start == at, f"{field.name} starts at bit {field.start}, expected {at}"
        assert field.size > 0, f"{field.name} is empty"
        at = field.end
    assert at == 8 * len(dissection.raw), f"the fields end at bit {at} of {8 * len(dissection.raw)}"


def texts(figure: Figure) -> list[ET.Element]:
    """The text elements of a picture."""
    return list(ET.fromstring(figure.svg).iter(f"{SVG}text"))


def assert_labels_apart(figure: Figure) -> None:
    """No two texts of a picture overlap, and none leaves it at a side."""
    width = float(ET.fromstring(figure.svg).attrib["viewBox"].split()[2])
    boxes = []
    for text in texts(figure):
        size, x, y = (float(text.attrib[name]) for name in ("font-size", "x", "y"))
        wide = columns(text.text or "") * CHAR * size
        left = x - {"start": 0, "middle": wide / 2, "end": wide}[text.attrib.get("text-anchor", "start")]
        boxes.append((left, left + wide, y - 0.72 * size, y + 0.1 * size, text.text))
    for box in boxes:
        assert box[0] >= 0 and box[1] <= width, box
    boxes.sort(key=lambda box: box[2])
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            if other[2] >= one[3]:
                break
            assert one[1] <= other[0] or other[1] <= one[0], (one, other)
