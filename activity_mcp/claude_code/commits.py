"""The commit that a shell command made, from what git printed. Standard library only: a hook asks."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAX_PRINTED = 64 * 1024


def commit_made(tool_input: Any, result: Any) -> dict[str, str]:
    """``{"git_commit": the id of the last commit that a shell command made}``, as git printed it; empty where it made none.

        [main 1a2b3c4] The subject

    Commits, reverts and cherry-picks are printed so. Source: git's ``print_commit_summary``. Nothing else of a result is kept.
    """
    command = tool_input.get("command") if isinstance(tool_input, dict) else None
    printed = result.get("stdout") if isinstance(result, dict) else result
    if not (isinstance(command, str) and "git" in command and isinstance(printed, str)):
        return {}
    found = None
    for line in printed[:_MAX_PRINTED].splitlines():
        inside, closes, _ = line[1:].partition("] ") if line.startswith("[") else ("", "", "")
        name = inside.rpartition(" ")[2]
        if closes and 7 <= len(name) <= 64 and " " in inside and not name.strip("0123456789abcdef"):
            found = name
    return {"git_commit": found} if found else {}
