"""wsviz: see every bit of a WebSocket conversation.

Importing the package loads only the standard library; each public name loads what it needs on its first use.
"""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # what a type checker sees; a test holds it to the table below
    from wsviz.capture.capture import Capture as Capture
    from wsviz.capture.capture import read_capture as read_capture
    from wsviz.capture.comparison import compare as compare
    from wsviz.capture.connection import Connection as Connection
    from wsviz.figures.frame_figure import bit_diagram as bit_diagram
    from wsviz.protocol.fields import CaptureError as CaptureError
    from wsviz.protocol.fields import Dissection as Dissection
    from wsviz.protocol.fields import Field as Field
    from wsviz.protocol.fields import Finding as Finding
    from wsviz.protocol.fields import Incomplete as Incomplete
    from wsviz.protocol.fields import ProtocolError as ProtocolError
    from wsviz.protocol.fields import Severity as Severity
    from wsviz.protocol.fields import Side as Side
    from wsviz.protocol.fields import WsvizError as WsvizError
    from wsviz.protocol.frames import CloseCode as CloseCode
    from wsviz.protocol.frames import Frame as Frame
    from wsviz.protocol.frames import Opcode as Opcode
    from wsviz.protocol.frames import apply_mask as apply_mask
    from wsviz.protocol.frames import dissect_frame as dissect_frame
    from wsviz.protocol.handshake import Handshake as Handshake
    from wsviz.protocol.handshake import accept_key as accept_key
    from wsviz.protocol.handshake import build_request as build_request
    from wsviz.protocol.handshake import build_response as build_response
    from wsviz.protocol.handshake import check_handshake as check_handshake
    from wsviz.protocol.handshake import parse_uri as parse_uri
    from wsviz.protocol.message import Message as Message
    from wsviz.protocol.stream import StreamDecoder as StreamDecoder
    from wsviz.protocol.stream import decode_stream as decode_stream

__version__ = "0.1.0"

_HOMES = {
    "capture.capture": "Capture read_capture",
    "capture.comparison": "compare",
    "capture.connection": "Connection",
    "figures.frame_figure": "bit_diagram",
    "protocol.fields": "CaptureError Dissection Field Finding Incomplete ProtocolError Severity Side WsvizError",
    "protocol.frames": "CloseCode Frame Opcode apply_mask dissect_frame",
    "protocol.handshake": "Handshake accept_key build_request build_response check_handshake parse_uri",
    "protocol.message": "Message",
    "protocol.stream": "StreamDecoder decode_stream",
}
_HOME = {name: f"wsviz.{module}" for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'wsviz' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]


# Where IPython runs, objects draw themselves; nobody else pays for it.
if (_ipython := sys.modules.get("IPython")) is not None and (_shell := _ipython.get_ipython()) is not None:
    from wsviz.show import register

    register(_shell)
