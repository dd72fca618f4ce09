"""wsviz: see every bit of a WebSocket conversation.

Importing the package loads only the standard library; each public name loads what it needs on its first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.1.0"

_HOMES = {
    "wsviz.protocol.fields": [
        "CaptureError",
        "Dissection",
        "Field",
        "Finding",
        "Incomplete",
        "ProtocolError",
        "Severity",
        "Side",
        "WsvizError",
    ],
    "wsviz.protocol.frames": ["CloseCode", "Frame", "Opcode", "apply_mask", "dissect_frame"],
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from wsviz.protocol.fields import (
        CaptureError,
        Dissection,
        Field,
        Finding,
        Incomplete,
        ProtocolError,
        Severity,
        Side,
        WsvizError,
    )
    from wsviz.protocol.frames import CloseCode, Frame, Opcode, apply_mask, dissect_frame

__all__ = [
    "CaptureError",
    "CloseCode",
    "Dissection",
    "Field",
    "Finding",
    "Frame",
    "Incomplete",
    "Opcode",
    "ProtocolError",
    "Severity",
    "Side",
    "WsvizError",
    "apply_mask",
    "dissect_frame",
]


def __getattr__(name: str) -> object:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'wsviz' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
