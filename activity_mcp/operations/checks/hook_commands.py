"""Whether what is registered is how this version would start its hooks, and whether a plugin finds the command it needs."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ...claude_code.setup.compiled_hook import hook_command
from ...claude_code.setup.own_commands import fallback_of, runs_hook_file, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...claude_code.setup.survey import Survey
    from ...config import Config

_PLUGINS_FIND = ("activity-mcp", "activity-mcp-hook")
"""What ``serve.sh`` and ``hooks/run.sh`` of the plugin look for."""
PLUGIN_HINT = "`uv tool install activity-mcp`, or `pipx install activity-mcp`; then reconnect in `/mcp`"


def outdated(found: Survey, config: Config) -> str | None:
    """What is expensive or dangerous in the command lines of an older version; None where `install` would change nothing of it.

    A hook that is registered by the name of the script, as in a file that a team shares, is meant so.
    """
    words = {event: [words_of(hook.entry) for hook in hooks] for event, hooks in found.hooks.items()}
    bare = [event for event, lines in words.items() if any(runs_hook_file(line) for line in lines)]
    if bare:
        return (
            f"for {', '.join(bare)} as an older version wrote them: were this installation removed, they would stop Claude Code"
        )
    if fallback_of(hook_command(config, place=False)) is None:
        return None
    slow = [event for event, lines in words.items() if any(_starts_python(line) for line in lines)]
    return f"for {', '.join(slow)} without the compiled client, which this installation has" if slow else None


def _starts_python(words: list[str]) -> bool:
    return fallback_of(words) is None and os.path.isabs(words[0])


def plugins_lack(environ: Mapping[str, str]) -> str | None:
    """The first command that an enabled plugin would not find: it looks on PATH and where pipx and uv put commands."""
    home = environ.get("HOME") or os.path.expanduser("~")
    path = os.pathsep.join((environ.get("PATH", os.defpath), os.path.join(home, ".local", "bin")))
    return next((program for program in _PLUGINS_FIND if shutil.which(program, path=path) is None), None)
