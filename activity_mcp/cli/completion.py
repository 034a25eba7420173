"""``activity-mcp completion``: what makes a shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .output import say

_PROGRAM = "activity-mcp"
VARIABLE = "_ACTIVITY_MCP_COMPLETE"
"""Set by the scripts when they ask for completions; click reads it under this name."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete this command.

    \b
    bash: echo 'eval "$(activity-mcp completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(activity-mcp completion zsh)"' >> ~/.zshrc
    fish: activity-mcp completion fish > ~/.config/fish/completions/activity-mcp.fish
    """
    found = get_completion_class(shell)
    assert found is not None  # click has all three
    say(found(context.find_root().command, {}, _PROGRAM, VARIABLE).source(), nl=False)
