"""A real JupyterLab in a real Chromium, which may talk to its own server and to nobody else.

The fixtures stand in tests/conftest.py: `jupyter` (a server, one a session) and `visit` (a page, one a test). A test
writes a notebook and visits it:

    def test_something(visit):
        visit.write("mine.ipynb", ["import wsviz", "wsviz.Frame.text('Hi')"])
        visit.open("mine.ipynb")
        visit.run_all()
        visit.page.get_by_role("grid")...

When the test is over, `visit` fails it if the page tried any foreign address or wrote an error to its console.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

REPOSITORY = Path(__file__).parents[1]
COURSE_SETTINGS = REPOSITORY / ".jupyter/labconfig/default_setting_overrides.json"
START = 60  # seconds that a server may take to answer; a busy machine with two cores needs a few
SOON = 20  # seconds that a page and Python may take to hear of each other
expect.set_options(timeout=1000 * SOON)  # of every test that looks at a page
PATIENCE = 120_000  # milliseconds that a page may take; only a broken one gets there

CHROMIUM_FLAGS = (
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have little of it
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",  # what no route sees gets no address either
)


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its address (with a slash at the end), its token, and the folder that it serves."""

    url: str
    token: str
    root: Path


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Run JupyterLab in `folder`, which must be empty, over copies of the notebooks and captures."""
    root, settings = folder / "root", folder / "config/labconfig"
    settings.mkdir(parents=True)
    for name in ("notebooks", "captures"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    overrides = json.loads(COURSE_SETTINGS.read_text())  # what `make lab` gives the learner
    overrides["@jupyterlab/notebook-extension:tracker"] = {"windowingMode": "none"}  # each cell stays in the page
    (settings / "default_setting_overrides.json").write_text(json.dumps(overrides))

    token = secrets.token_hex(16)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "WSVIZ_PROGRESS": str(folder / "progress.json")}
    environment = os.environ | own | {"JUPYTER_NO_CONFIG": ""}
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", f"--port={port}"),
        *("--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"),
        *("--LabApp.expose_app_in_browser=True", "--LabApp.extension_manager=readonly"),
    ]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            _wait(server, f"{url}api/status?token={token}", folder / "server.log")
            yield Server(url, token, root)
        finally:
            server.terminate()  # it stops its kernels
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)  # a session of its own: the server and what it started
                server.wait()


def _wait(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + START
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.1)
    raise RuntimeError(f"JupyterLab does not answer at {address}:\n{log.read_text()[-4000:]}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the system's Chromium, without a window.

    While it runs, Playwright's loop has this thread, and asyncio.run() is refused: close it at a module's end.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """One page at one server, `foreign` addresses that it tried (they were refused) and `errors` in its console."""

    page: Page
    server: Server
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def write(self, name: str, cells: Sequence[str]) -> None:
        """Write a notebook of these code cells into the server's folder."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.server.root / name)

    def open(self, path: str) -> None:
        """Open the notebook at `path` in the server's folder, alone, and wait till its kernel is idle."""
        query = urllib.parse.urlencode({"reset": "", "token": self.server.token})
        self.page.goto(f"{self.server.url}lab/tree/{urllib.parse.quote(path)}?{query}")
        self.page.wait_for_function(
            """path => {
                const panel = window.jupyterapp?.shell.currentWidget;
                return panel?.context?.path === path && panel.context.isReady
                    && panel.sessionContext?.session?.kernel?.status === 'idle';
            }""",
            arg=path,
        )
        self._wait_for_splash()

    def run_all(self) -> None:
        """Run every cell of the open notebook; fail where one stays unexecuted or shows an error."""
        self.page.evaluate(
            """() => {
                window.allRan = false;
                const run = window.jupyterapp.commands.execute('notebook:run-all-cells');
                run.finally(() => { window.allRan = true; });
            }"""
        )
        self.page.wait_for_function("() => window.allRan")
        cells = [cell for cell in self.cells() if cell["cell_type"] == "code" and "".join(cell["source"]).strip()]
        errors = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        assert not errors, "\n".join(f"{error['ename']}: {error['evalue']}" for error in errors)
        assert all(cell["execution_count"] for cell in cells), "a cell stayed unexecuted"

    def cells(self) -> list[dict[str, Any]]:
        """Give the cells of the open notebook as they are now, as in an .ipynb."""
        cells: list[dict[str, Any]] = self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.context.model.toJSON().cells"
        )
        return cells

    def python(self, expression: str) -> str:
        """Give what the open notebook's kernel prints for this expression."""
        self.page.evaluate(
            """async code => {
                const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                const future = kernel.requestExecute({ code, store_history: false });
                window.said = '';
                future.onIOPub = ({ content }) => window.said += content.text ?? '';
                await future.done;
            }""",
            f"print({expression})",
        )
        return str(self.page.evaluate("window.said")).strip()

    def expect_python(self, expression: str, expected: str) -> None:
        """Fail unless the kernel comes to print this, soon.

        A widget's page holds its traits back while the kernel still works on an earlier message, so what the page
        shows already may reach Python a moment later.
        """
        soon(lambda: self.python(expression), lambda said: said == expected)

    def stop_kernels(self) -> None:
        """Stop what the notebooks opened so far have started."""
        headers = {"Authorization": f"token {self.server.token}"}
        for session in self.page.request.get(f"{self.server.url}api/sessions", headers=headers).json():
            self.page.request.delete(f"{self.server.url}api/sessions/{session['id']}", headers=headers)

    def set_theme(self, *, dark: bool) -> None:
        """Switch JupyterLab to its dark or its light theme."""
        self.page.evaluate(
            "theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })",
            "JupyterLab Dark" if dark else "JupyterLab Light",
        )
        self.page.locator(f"body[data-jp-theme-light='{'false' if dark else 'true'}']").wait_for(state="attached")
        self._wait_for_splash()

    def _wait_for_splash(self) -> None:
        """Wait till JupyterLab's splash screen is gone; two at once end in an error of JupyterLab's."""
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")


def soon(look: Callable[[], Any], expected: Callable[[Any], object]) -> None:
    """Fail unless what a look at the page finds comes to be as expected; `expect` knows no sizes and no styles."""
    end = time.monotonic() + SOON
    while not expected(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    assert expected(found), found


@contextmanager
def guarded_visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Open a page that reaches `server` only; every other address is refused and noted."""
    with browser.new_context(service_workers="block", viewport={"width": 1280, "height": 900}) as context:
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        visit = Visit(page, server)
        host = urllib.parse.urlsplit(server.url).netloc

        def is_foreign(url: str) -> bool:
            parts = urllib.parse.urlsplit(url)
            return parts.scheme not in ("data", "blob", "about") and parts.netloc != host

        def guard(route: Route) -> None:
            if is_foreign(route.request.url):
                visit.foreign.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        def note_socket(url: str) -> None:
            if is_foreign(url):  # no route sees a WebSocket; it is noted here and finds no address
                visit.foreign.append(url)

        context.route("**/*", guard)
        page.on("websocket", lambda websocket: note_socket(websocket.url))
        page.on("console", lambda message: visit.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visit.errors.append(str(error)))
        try:
            yield visit
        finally:
            visit.stop_kernels()
            context.unroute_all(behavior="ignoreErrors")
