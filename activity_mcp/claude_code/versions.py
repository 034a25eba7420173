"""Since which version of Claude Code what this package relies on exists, and which version is installed.

From Claude Code's CHANGELOG.md, and where that is silent from the versions that ``make client`` runs. Before 2.1.101 one hook
event unknown to a version made it ignore the whole settings file. ``docs/claude-code.md`` shows the same table, ``doctor`` says
what of it an older version lacks.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    Version = tuple[int, int, int]


class Need(NamedTuple):
    """Something of Claude Code's that this package relies on, and what an older version costs."""

    what: str
    since: Version
    otherwise: str


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
_HOOKLESS = "an import finds the same in the transcript, later"
NEEDS: tuple[Need, ...] = (
    *(Need(f"hook {event}", since, _HOOKLESS) for event, since in HOOK_EVENT_SINCE.items()),
    Need("`args` of a hook", (2, 1, 139), "the hooks that `install` registers do not start"),
    Need("`tool_use_id` in hooks", (2, 0, 43), "a call of a hook and of an import are two"),
    Need("`last_assistant_message` in hooks", (2, 1, 47), "what was concluded comes with the transcript"),
    Need("`agent_id` in hooks", (2, 1, 69), "a subagent's calls are recognised by its transcript alone"),
    Need("`duration_ms` in hooks", (2, 1, 119), "latencies come with the transcript"),
    Need("`prompt_id` in hooks", (2, 1, 197), "prompts are named by their text"),  # in no release's notes; this one has it
    Need("unknown hook events in settings are passed over", (2, 1, 101), "one event too new hides the whole file"),
    Need("`alwaysLoad` of a server", (2, 1, 121), "the tools are found only by a search, and often never called"),
    Need("`CLAUDE_PROJECT_DIR` of a server", (2, 1, 139), "the project is the folder the server was started in"),
    Need("`CLAUDE_CODE_SESSION_ID` of a server", (2, 1, 154), "what the server records names no session"),
    Need("final usage in transcripts", (2, 1, 97), "output tokens are too low"),
    Need("`tools/call` without `initialize`, by `server/discover`", (2, 1, 292), "the older greeting is answered as well"),
    Need("`claude plugin install --marketplace`", (2, 1, 292), "`claude plugin marketplace add` comes first"),
    Need("`reason` of a prompt that left the queue", (2, 1, 246), "a prompt that left it counts as asked"),
)
"""What is new since OLDEST_SUPPORTED only adds; the rest is what that version is the oldest for."""
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


def lacking(version: Version) -> list[Need]:
    """What this version does not have."""
    return [need for need in NEEDS if version < need.since]


def in_words(version: Version) -> str:
    return ".".join(map(str, version))
