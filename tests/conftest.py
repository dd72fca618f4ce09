"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.needs import need

if TYPE_CHECKING:  # Playwright and JupyterLab are loaded by the tests that use them only
    from playwright.sync_api import Browser

    from tests.jupyter import Server, Visit


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A JupyterLab server over copies of the notebooks and captures."""
    from tests.jupyter import serve

    with serve(tmp_path_factory.mktemp("jupyter")) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, until the module's end; no test of the same module can call asyncio.run()."""
    need("chromium")
    from tests.jupyter import chromium

    with chromium() as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, jupyter: Server) -> Iterator[Visit]:
    """A page in the browser; fails its test if a foreign address was tried or the console holds an error."""
    from tests.jupyter import guarded_visit

    with guarded_visit(browser, jupyter) as visit:
        yield visit
    assert not visit.foreign, f"the page tried foreign addresses: {visit.foreign}"
    assert not visit.errors, f"the console holds errors: {visit.errors}"
