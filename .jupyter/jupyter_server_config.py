"""How `make lab` serves the course: to this machine only, and to those who know the token."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from jupyter_server.auth.identity import PasswordIdentityProvider
from traitlets import default
from traitlets.config import get_config


class KeptToken(PasswordIdentityProvider):
    """Ask for a token that stays from run to run, so that a bookmark and an open tab go on working.

    Jupyter prints the whole address only for a token that it made up itself; for a configured one it prints "...".
    """

    token_generated = True

    @default("token")
    def _token_default(self) -> str:
        kept = Path(sys.prefix, "lab-token")  # in .venv: `make clean` removes it, and the next run makes another
        if not kept.exists():
            with open(kept, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(secrets.token_hex(24))
        return kept.read_text()


repository = Path(__file__).parents[1]
c = get_config()
c.Application.log_level = "WARN"  # what is left to read is the address
c.ServerApp.identity_provider_class = KeptToken
c.ServerApp.ip = "127.0.0.1"  # a taken port is no failure: Jupyter tries the next ones
c.ServerApp.root_dir = str(repository)
c.LabApp.default_url = "/lab/tree/notebooks/00-start-here.ipynb"
c.LabApp.extension_manager = "readonly"  # the other kind asks the package index
c.ServerApp.allow_root = True  # containers and courses run as root; nobody else gets in
# Without a screen, a browser on this machine would be one for the terminal, which cannot show JupyterLab.
c.ServerApp.open_browser = sys.platform == "darwin" or any(
    os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
)
