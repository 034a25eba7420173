"""``activity-mcp hook``: the same as ``activity-mcp-hook``; and ``activity-mcp statusline``. Both mostly run without click."""

from __future__ import annotations

import click


@click.command("hook")
def hook_command() -> None:
    """Record one payload of a Claude Code hook from standard input. Exits 0 whatever it is; SessionStart prints a context."""
    from ..claude_code.hooks.quick_start import main

    main()


@click.command("statusline")
@click.argument("wrapped", required=False)
def statusline_command(wrapped: str | None) -> None:
    """One line for Claude Code's status line, from its JSON on standard input; below what the command WRAPPED prints.

    `activity-mcp install --statusline` registers it, around a status line that is there already.
    """
    from ..claude_code.hooks.statusline import main

    main([wrapped] if wrapped else [])
