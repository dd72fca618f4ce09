"""Floor 4: real servers and clients to watch, on this machine: `from wsviz.lab import Lab; lab = Lab.start()`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsviz.protocol.fields import WsvizError

if TYPE_CHECKING:
    from wsviz.lab.lab import Lab as Lab

__all__ = ["Lab"]


def __getattr__(name: str) -> object:
    """Load the servers when somebody asks for them: the lists of updates and the like need none of it."""
    if name != "Lab":
        raise AttributeError(f"module 'wsviz.lab' has no attribute {name!r}")
    try:
        from wsviz.lab.lab import Lab
    except ModuleNotFoundError as error:
        raise WsvizError(f"the lab needs {error.name}, which is not installed: pip install 'wsviz[lab]'") from None
    return Lab
