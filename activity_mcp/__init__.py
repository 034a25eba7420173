"""activity_mcp: records every activity of Claude Code durably, and hands the right context back fast.

The command is ``activity-mcp``; the server is ``activity_mcp.server.app``; for programs there is ``activity_mcp.Client``, whose
errors are ``activity_mcp.ActivityError``. Importing this package imports nothing else: those are loaded when first used.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["__version__", "ActivityError", "Client"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import ActivityError
    from .operations.client import Client


def __getattr__(name: str) -> object:
    if name == "Client":
        from .operations.client import Client

        return Client
    if name == "ActivityError":
        from .errors import ActivityError

        return ActivityError
    raise AttributeError(f"module 'activity_mcp' has no attribute {name!r}")
