"""Run the whole course in a real JupyterLab, as a learner does: python -m tests.course [NOTEBOOK ...], or make course.

Each notebook is opened in Chromium and run from top to bottom. What must not happen is said in a line: an error or a
warning among the outputs, an error in the browser's console, a widget that does not show, an address other than the
server's, or more than ten minutes for all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from playwright.sync_api import Error

from tests.jupyter import REPOSITORY, Visit, chromium, guarded_visit, serve

NOTEBOOKS = REPOSITORY / "notebooks"
WHOLE = 600  # seconds that the course may take
ONE = 300  # seconds that a step of one notebook may take; only a hanging one gets there
WIDGET = "application/vnd.jupyter.widget-view+json"
BLANK = """() => [...document.querySelectorAll('.jp-Notebook .jp-OutputArea-output')].filter(output =>
    output.querySelector(':scope.jupyter-widgets, .jupyter-widgets')).filter(output => !output.offsetHeight).length"""


def faults(visit: Visit, path: str) -> list[str]:
    """Open and run the notebook at `path` in the server's folder; say what should not have happened."""
    visit.page.set_default_timeout(1000 * ONE)
    found = list[str]()
    try:
        visit.open(path)
        visit.run_all()
        found += _unseen(visit)
    except (AssertionError, Error) as error:  # Error: of Playwright, its time-outs among them
        found += (str(error) or type(error).__name__).strip().splitlines()[:1]
    found += [f"the console says: {text}" for text in visit.errors]
    found += [f"a foreign address: {url}" for url in visit.foreign]
    return found
