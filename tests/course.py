"""Run the whole course in JupyterLab, as a learner does: python -m tests.course [NOTEBOOK ...], or make course.

Each notebook is opened in Chromium and run from top to bottom. What must not happen is said in a line: an error or a
warning among the outputs, a widget that does not show, an error in the browser's console, an address other than the
server's, or more than ten minutes for all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Error, TimeoutError

from tests.jupyter import REPOSITORY, SOON, Visit, chromium, guarded_visit, serve
from wsviz.protocol.wire import count

NOTEBOOKS = REPOSITORY / "notebooks"
WHOLE = 600  # seconds that the course may take
WIDGET = "application/vnd.jupyter.widget-view+json"
DRAWN = "[...document.querySelectorAll('.jp-OutputArea-output .wsviz')].filter(root => root.offsetHeight).length"


def faults(visit: Visit, path: str, *, seconds: float = WHOLE) -> list[str]:
    """Open and run the notebook at `path` in the server's folder; say what should not have happened."""
    visit.page.set_default_timeout(1000 * seconds)
    found = list[str]()
    try:
        visit.open(path)
        visit.run_all()
        found += _outputs(visit)
    except TimeoutError:
        found.append(f"it is not done after {seconds:.0f} s")
    except (AssertionError, Error) as error:
        found += str(error).splitlines()
    found += [f"the console says: {text}" for text in visit.errors]
    found += [f"it asks for a foreign address: {url}" for url in visit.foreign]
    return found


def _outputs(visit: Visit) -> Iterator[str]:
    """What is wrong with the outputs of a notebook that has run without an exception."""
    outputs = [output for cell in visit.cells() for output in cell.get("outputs", [])]
    for output in outputs:
        if output.get("name") == "stderr":
            yield f"a warning: {''.join(output['text']).strip()}"
    widgets = sum(WIDGET in output.get("data", {}) for output in outputs)
    try:
        visit.page.wait_for_function(f"count => {DRAWN} >= count", arg=widgets, timeout=1000 * SOON)
    except TimeoutError:
        yield f"{visit.page.evaluate(DRAWN)} seen of {count(widgets, 'widget')}"


def run(paths: Sequence[Path]) -> bool:
    """Run the notebooks one after the other, each with a line of its own; give whether all is well."""
    start, failed = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as server, chromium() as browser:
        for path in paths:
            began = time.monotonic()
            with guarded_visit(browser, server) as visit:
                found = faults(visit, f"notebooks/{path.name}", seconds=max(1.0, start + WHOLE - began))
            print(f"{time.monotonic() - began:6.1f} s  {path.name}", flush=True)
            for fault in found:
                print(f"          {fault}", flush=True)
            failed += bool(found)
    took = time.monotonic() - start
    print(f"{took:6.1f} s  {count(len(paths), 'notebook')}, {failed or 'none'} with a fault")
    if took > WHOLE:
        print(f"          expected at most {WHOLE} s")
    return not failed and took <= WHOLE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is named, or all; give the exit status."""
    parser = argparse.ArgumentParser(description="Run the course in JupyterLab in Chromium.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK", help="default: all of them")
    paths = parser.parse_args(arguments).notebooks or sorted(NOTEBOOKS.glob("*.ipynb"))
    for path in paths:
        if path.resolve().parent != NOTEBOOKS or not path.is_file():
            parser.error(f"{path} is no notebook of {NOTEBOOKS.name}/")
    return int(not run(paths))


if __name__ == "__main__":
    sys.exit(main())
