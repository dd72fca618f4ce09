"""Floor 3: figures to take hold of. The only importer of ipywidgets and anywidget; Python decodes, JS draws."""

from wsviz.widgets.frame_diagram import FrameDiagram

__all__ = ["FrameDiagram"]
