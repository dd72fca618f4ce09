"""A page in Chromium whose own download leaves no bytes on the wire."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, sync_playwright

from .scenario import PORT, SERVER

ORIGIN = f"http://{SERVER}:{PORT}"
PAGES = Path(__file__).parent / "pages"
FLAGS = (
    "--no-sandbox",  # the recording runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_page(
    name: str, folder: Path = PAGES, *, flags: Sequence[str] = (), env: Mapping[str, str] | None = None
) -> Iterator[Page]:
    """Open a page of that folder as if SERVER:PORT had served it, and close the browser afterwards.

    The page gets that origin without a request, so the capture holds what its script does and nothing else.
    """

    def fulfill(route: Route) -> None:
        route.fulfill(path=folder / PurePosixPath(urlsplit(route.request.url).path).name)

    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        write_preferences(Path(profile))
        browser = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), args=[*FLAGS, *flags], env=env
        )
        page = browser.pages[0]
        page.route(f"{ORIGIN}/**", fulfill)
        page.goto(f"{ORIGIN}/{name}")
        # Interception turns the cache off, which adds headers to the page's requests: end it first.
        page.unroute_all()
        yield page
        browser.close()


def write_preferences(profile: Path) -> None:
    """Preset Chromium's settings: no predictive connection, which the recording would show as an idle one."""
    (profile / "Default").mkdir()
    preferences = {"net": {"network_prediction_options": 2}}
    (profile / "Default" / "Preferences").write_text(json.dumps(preferences))
