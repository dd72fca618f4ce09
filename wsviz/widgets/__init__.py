"""Floor 3: figures to take hold of. The only importer of ipywidgets and anywidget; Python decodes, JS draws."""

from wsviz.widgets.browser_simulator import BrowserSimulator
from wsviz.widgets.capture_explorer import CaptureExplorer
from wsviz.widgets.close_explorer import CloseExplorer
from wsviz.widgets.deflate_view import DeflateView
from wsviz.widgets.event_stream_view import EventStreamView
from wsviz.widgets.fragment_timeline import FragmentTimeline
from wsviz.widgets.frame_diagram import FrameDiagram
from wsviz.widgets.handshake_negotiator import HandshakeNegotiator
from wsviz.widgets.ladder import Ladder
from wsviz.widgets.mask_stepper import MaskStepper
from wsviz.widgets.overhead_bars import OverheadBars

__all__ = [
    "BrowserSimulator",
    "CaptureExplorer",
    "CloseExplorer",
    "DeflateView",
    "EventStreamView",
    "FragmentTimeline",
    "FrameDiagram",
    "HandshakeNegotiator",
    "Ladder",
    "MaskStepper",
    "OverheadBars",
]
