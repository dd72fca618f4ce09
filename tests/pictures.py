"""Take the README's pictures from a real JupyterLab: python -m tests.pictures, or make pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.jupyter import REPOSITORY, Visit, chromium, guarded_visit, serve

PICTURES = REPOSITORY / "notebooks/pictures"
CELL = (
    "from wsviz import read_capture\n"
    "read_capture('../captures/echo.pcapng').connections[0].frames[0]  # \"Hello\", as it went over the wire"
)


def take(visit: Visit) -> None:
    """Draw the client's "Hello" with its opcode under the mouse, and the costs as the start notebook shows them."""
    visit.write("notebooks/picture.ipynb", [CELL])
    visit.open("notebooks/picture.ipynb")
    visit.run_all()
    diagram = visit.page.locator(".wsviz-frame").first
    diagram.locator("[data-bit='6']").hover()
    visit.page.locator(".jp-Notebook .jp-OutputArea-output").first.screenshot(path=PICTURES / "frame.png")
    visit.open("notebooks/00-start-here.ipynb")
    visit.run_all()
    visit.page.locator(".jp-RenderedSVG").last.screenshot(path=PICTURES / "overhead.png")


def main() -> None:
    """Run JupyterLab and Chromium, and take them."""
    PICTURES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder)) as server,
        chromium() as browser,
        guarded_visit(browser, server) as visit,
    ):
        visit.page.set_viewport_size({"width": 1440, "height": 1600})
        take(visit)


if __name__ == "__main__":
    main()
