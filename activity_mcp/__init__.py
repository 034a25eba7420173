"""activity_mcp: records every activity of Claude Code durably, and hands the right context back fast.

The command is ``activity-mcp``; the server is ``activity_mcp.server.app``. Importing this package imports nothing else.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
