"""Since which version of Claude Code what this package relies on exists, and which version is installed.

From Claude Code's CHANGELOG.md, and where that is silent from the versions that ``make client`` runs. Before 2.1.101 one hook
event unknown to a version made it ignore the whole settings file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    Version = tuple[int, int, int]

OLDEST_SUPPORTED: Version = (2, 1, 197)
"""The oldest version that the scenarios of ``make client`` run on."""
HOOK_EVENT_SINCE: dict[str, Version] = {
    "SessionStart": (1, 0, 62),
    "SessionEnd": (1, 0, 85),
    "UserPromptSubmit": (1, 0, 54),
    "PostToolUse": (1, 0, 38),
    "PostToolUseFailure": (2, 1, 119),  # the first release whose notes name it
    "PostToolBatch": (2, 1, 197),  # in no release's notes; this one has it
    "Stop": (1, 0, 38),
    "StopFailure": (2, 1, 78),
    "SubagentStart": (2, 0, 43),
    "SubagentStop": (1, 0, 41),
    "PermissionDenied": (2, 1, 89),
}
_ASK_TIMEOUT_S = 10


def version_of(text: str) -> Version | None:
    """The version that a text begins with, such as ``2.1.332 (Claude Code)``."""
    found = re.match(r"\s*v?(\d+)\.(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def installed_version(environ: Mapping[str, str]) -> Version | None:
    """The answer of ``claude --version``; None without a ``claude`` on PATH, or when it prints no version."""
    program = shutil.which("claude", path=environ.get("PATH"))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "--version"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_ASK_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return version_of(done.stdout)


def knows_event(version: Version | None, event: str) -> bool:
    """Whether this version can be given a hook for the event. An unknown version counts as the oldest supported one."""
    return HOOK_EVENT_SINCE[event] <= (version or OLDEST_SUPPORTED)


def in_words(version: Version) -> str:
    return ".".join(map(str, version))
