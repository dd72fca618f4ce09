"""What a test needs from the machine and cannot bring along.

`need("chromium")` at the head of a test skips it, with the reason, where Chromium is missing. Where the environment
variable WSVIZ_STRICT (names with commas between) holds "chromium", the same is a failure: so CI cannot lose a check
by losing a program.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"
"""Third-party captures and vectors; they may not be passed on, so they stand beside the clone, not in it."""


def need(name: str) -> None:
    """Go on where `name` is at hand, else skip, or fail where WSVIZ_STRICT names it.

    `name` is "root", "shared" (the folder beside the clone), or a program on the PATH, such as "chromium".
    """
    if name == "root":
        present, reason = os.geteuid() == 0, "needs root (network namespaces, raw sockets)"
    elif name == "shared":
        present, reason = SHARED.is_dir(), f"needs the third-party captures in {SHARED}"
    else:
        present, reason = shutil.which(name) is not None, f"needs the program {name} on the PATH"
    if present:
        return
    if name in os.environ.get("WSVIZ_STRICT", "").split(","):
        pytest.fail(f"{reason}, and WSVIZ_STRICT names it", pytrace=False)
    pytest.skip(reason)
