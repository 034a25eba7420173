"""Our status line in Claude Code's settings. There is one for each user, so a command that is there already is wrapped, never
displaced: ours runs it first, on the same input, and prints its own line below. Taking ours out leaves the other as it was.

``statusLine`` is ``{type: "command", command, padding?, …}`` (https://code.claude.com/docs/en/statusline); ``command`` is a
line for a shell. The command that is wrapped is the last word of our command, quoted.
"""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInput
from ..hooks import start_hook

if TYPE_CHECKING:
    from .json_editor import JsonText

_LOADS_OURS = "from activity_mcp.claude_code.hooks.statusline import main"
_LOADER = start_hook.LOADER.replace("from activity_mcp.claude_code.hooks.quick_start import main", _LOADS_OURS).replace(
    "\nmain()", "\nmain(sys.argv[2:])"
)


def statusline_command(wrapped: str | None = None) -> str:
    """The line for a shell that prints our status line, below that of ``wrapped``."""
    words = [sys.executable, "-I", "-S", "-c", _LOADER, start_hook.__file__]
    return shlex.join([*words, wrapped] if wrapped else words)


def is_ours(command: Any) -> bool:
    return isinstance(command, str) and (_LOADS_OURS in command or command.strip() == "activity-mcp statusline")


def wrapped_in(command: str) -> str | None:
    """The command that ours runs first; None where it runs none."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    return words[6] if len(words) > 6 else None


def with_statusline(file: JsonText) -> JsonText:
    """Ours as the status line, around the one that is there. Raises InvalidInput for a ``statusLine`` that is no command."""
    found = file.get(("statusLine",))
    if found is None:
        return file.put(("statusLine",), {"type": "command", "command": statusline_command()})
    command = found.get("command") if isinstance(found, dict) and found.get("type", "command") == "command" else None
    if not isinstance(command, str) or not command.strip():
        raise InvalidInput("statusLine in the settings is no command; nothing was changed", hint="mend or remove it first")
    wrapped = wrapped_in(command) if is_ours(command) else command
    return file.put(("statusLine", "command"), statusline_command(wrapped))


def without_statusline(file: JsonText) -> JsonText:
    """The status line that ours wraps put back, or none where there was none."""
    command = file.get(("statusLine", "command"))
    if not is_ours(command):
        return file
    wrapped = wrapped_in(command)
    return file.put(("statusLine", "command"), wrapped) if wrapped else file.remove(("statusLine",))
