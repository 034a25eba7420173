"""What the client, its user and its administrator say of us: version, approval, lists, names, and whether hooks keep up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...claude_code.transcripts.discovery import default_folders
from ...claude_code.versions import OLDEST_SUPPORTED, in_words, installed_version, lacking
from ...health.check import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...claude_code.setup.survey import Registered, Survey

_APPROVE = 'start `claude` in this project and choose "Use this MCP server" (not the answer that is preselected), or `/mcp`'
_BEHIND_S = 15 * 60
"""A turn may think for minutes before the next hook; of a transcript that grew for longer without one none is firing."""


def version(environ: Mapping[str, str]) -> Check:
    found = installed_version(environ)
    if found is None:
        return Check("claude version", "ok", "no `claude` on this PATH that prints one")
    if found < OLDEST_SUPPORTED:
        finding = f"{in_words(found)} is older than {in_words(OLDEST_SUPPORTED)}, the oldest that this was tried with"
        costs = dict.fromkeys(need.otherwise for need in lacking(found) if need.since <= OLDEST_SUPPORTED)
        return Check("claude version", "warn", f"{finding}: {'; '.join(costs)}", "`claude update`")
    return Check("claude version", "ok", in_words(found))


def refusal(found: Survey, server: Registered) -> Check | None:
    """Why Claude Code does not start a server that is registered; None where it does."""
    name, title = server.name, "server registered"
    if name in found.denied_servers or (found.allowed_servers is not None and name not in found.allowed_servers):
        return Check(title, "fail", f"an administrator's settings do not allow a server named {name!r}", "ask for it")
    if name in found.switched_off:
        return Check(
            title, "warn", f"in {server.path}, but switched off in this project", "`/mcp` in Claude Code switches it on"
        )
    if server.path != found.project_servers:
        return None
    if name in found.rejected:
        return Check(title, "warn", f"in {server.path}, but rejected in this project: it is not started", _APPROVE)
    if name not in found.approved and found.approves_all is None:
        return Check(title, "warn", f"in {server.path}, but it has not been approved here yet: it is not started", _APPROVE)
    return None


def unnamed(found: Survey) -> list[str]:
    """The events whose hook is shown to the user, in ``/hooks`` and in messages, without its origin."""
    return [event for event, hooks in found.hooks.items() if any(not _is_named(hook.entry) for hook in hooks)]


def _is_named(entry: dict[str, object]) -> bool:
    shown = entry.get("statusMessage") or " ".join(map(str, [entry.get("command"), *_list(entry.get("args"))]))
    return "activity-mcp" in str(shown)


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def silence(environ: Mapping[str, str], last_event_us: int | None) -> str | None:
    """A transcript that has grown since hooks fell silent; None where they keep up."""
    newest_us, path = max((_newest(folder) for folder in default_folders(environ)), key=lambda found: found[0])
    if path is None or newest_us - (last_event_us or 0) < _BEHIND_S * 1_000_000:
        return None
    return path


def _newest(folder: str) -> tuple[int, str | None]:
    """(microseconds since 1970, path) of the transcript that was written last."""
    newest: tuple[int, str | None] = (0, None)
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".jsonl"):
                path = os.path.join(where, name)
                try:
                    newest = max(newest, (os.stat(path).st_mtime_ns // 1000, path), key=lambda found: found[0])
                except OSError:
                    continue
    return newest
