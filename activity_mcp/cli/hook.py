"""``activity-mcp hook``: the same as ``activity-mcp-hook``."""

from __future__ import annotations

import click


@click.command("hook")
def hook_command() -> None:
    """Record one payload of a Claude Code hook from standard input. Exits 0 whatever it is; SessionStart prints a context."""
    from ..claude_code.hooks.hook import main

    main()
