"""What Claude Code's files hold about this server, taken together: where the server and the hooks are registered, and what
keeps them from running.

    settings   managed (the administrator's), user, project, and the project's local ones, which Claude Code merges
    servers    managed, user (``.claude.json``), local (the same file, under the project), project (``.mcp.json``)

Nothing is written. A file that cannot be read is listed in ``unreadable``, with the reason; Claude Code ignores such a file.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ... import fs
from ...plain_json import bounded
from .install import files_of
from .registration import HOOK_EVENTS, enabled_plugins, own_handlers, own_servers

if TYPE_CHECKING:
    from collections.abc import Mapping

MANAGED_LINUX = "/etc/claude-code"
MANAGED_MACOS = "/Library/Application Support/ClaudeCode"


@dataclass(frozen=True, slots=True)
class Registered:
    """One of our registrations: its file, its command (the whole entry), and of a server its name."""

    path: str
    entry: dict[str, Any]
    name: str = ""


@dataclass(slots=True)
class Survey:
    """``hooks`` by event. ``disabled`` are files that switch all hooks off, ``managed_only`` is one that allows only its own.

    ``cleanup_days``: after how many days transcripts are deleted, where a file sets it.

    Which servers of ``.mcp.json`` somebody has approved or rejected in this project, and which were switched off in it, is in
    ``approved``, ``rejected`` and ``switched_off``, by name; ``approves_all`` is a file that approves whatever is there.
    ``denied_servers`` and ``allowed_servers`` are an administrator's lists, of which the latter is None where there is none.
    """

    servers: list[Registered] = field(default_factory=list)
    hooks: dict[str, list[Registered]] = field(default_factory=lambda: {event: [] for event in HOOK_EVENTS})
    plugins: list[str] = field(default_factory=list)
    disabled: list[str] = field(default_factory=list)
    managed_only: str | None = None
    managed_servers: str | None = None
    unreadable: list[str] = field(default_factory=list)
    cleanup_days: int | None = None
    approved: set[str] = field(default_factory=set)
    rejected: set[str] = field(default_factory=set)
    switched_off: set[str] = field(default_factory=set)
    approves_all: str | None = None
    denied_servers: set[str] = field(default_factory=set)
    allowed_servers: set[str] | None = None
    project_servers: str = ""


def survey(environ: Mapping[str, str], root: str, *, managed: str | None = None) -> Survey:
    """Look at everything that Claude Code reads for a session in ``root``."""
    found = Survey()
    managed = managed or (MANAGED_MACOS if sys.platform == "darwin" else MANAGED_LINUX)
    user, project = files_of("user", environ, root), files_of("project", environ, root)
    managed_files = _managed_settings(managed)
    for path in (*managed_files, user.settings, project.settings, os.path.join(root, ".claude", "settings.local.json")):
        settings = _object(path, found)
        _take_hooks(found, path, settings)
        found.plugins += enabled_plugins(settings)
        if settings.get("disableAllHooks") is True:
            found.disabled.append(path)
        if path in managed_files and settings.get("allowManagedHooksOnly") is True:
            found.managed_only = path
        _take_approvals(found, settings)
        if settings.get("enableAllProjectMcpServers") is True:
            found.approves_all = path
        if path in managed_files:
            _take_lists(found, settings)
        if isinstance(settings.get("cleanupPeriodDays"), int):
            found.cleanup_days = settings["cleanupPeriodDays"]
    _take_servers(found, managed, user.servers, project.servers, root)
    found.project_servers = project.servers
    return found


def _take_approvals(found: Survey, holder: dict[str, Any]) -> None:
    """From a settings file, or from the project's part of ``.claude.json``."""
    found.approved |= _names(holder.get("enabledMcpjsonServers"))
    found.rejected |= _names(holder.get("disabledMcpjsonServers"))
    found.switched_off |= _names(holder.get("disabledMcpServers"))


def _take_lists(found: Survey, settings: dict[str, Any]) -> None:
    """The servers that an administrator denies or allows by name (an entry may name a command or an address instead)."""
    denied, allowed = settings.get("deniedMcpServers"), settings.get("allowedMcpServers")
    found.denied_servers |= _names(denied, "serverName")
    if isinstance(allowed, list) and all(isinstance(entry, dict) and "serverName" in entry for entry in allowed):
        found.allowed_servers = (found.allowed_servers or set()) | _names(allowed, "serverName")


def _names(values: Any, member: str | None = None) -> set[str]:
    listed = values if isinstance(values, list) else []
    names = [entry.get(member) if member and isinstance(entry, dict) else entry for entry in listed]
    return {name for name in names if isinstance(name, str)}


def _take_hooks(found: Survey, path: str, settings: dict[str, Any]) -> None:
    hooks = settings.get("hooks")
    for event, groups in (hooks if isinstance(hooks, dict) else {}).items():
        for group, at in own_handlers(groups):
            found.hooks.setdefault(event, []).append(Registered(path, groups[group]["hooks"][at]))


def _take_servers(found: Survey, managed: str, user_file: str, project_file: str, root: str) -> None:
    managed_file = os.path.join(managed, "managed-mcp.json")
    if os.path.exists(managed_file):
        found.managed_servers = managed_file
    user = _object(user_file, found)
    projects = user.get("projects")
    local = projects.get(root) if isinstance(projects, dict) else None
    _take_approvals(found, local if isinstance(local, dict) else {})
    for path, holder in (
        (managed_file, _object(managed_file, found)),
        (user_file, user),
        (f"{user_file} (local to {root})", local if isinstance(local, dict) else {}),
        (project_file, _object(project_file, found)),
    ):
        found.servers += [Registered(path, entry, name) for name, entry in own_servers(holder.get("mcpServers"))]


def _managed_settings(managed: str) -> list[str]:
    drop_ins = os.path.join(managed, "managed-settings.d")
    names = sorted(os.listdir(drop_ins)) if os.path.isdir(drop_ins) else []
    return [os.path.join(managed, "managed-settings.json"), *(os.path.join(drop_ins, name) for name in names)]


def _object(path: str, found: Survey) -> dict[str, Any]:
    """The JSON object in the file; empty where there is none, or where it cannot be read, which is noted."""
    try:
        content = bounded(json.loads, fs.read(path).decode("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        found.unreadable.append(f"{path}: {error}")
        return {}
    if not isinstance(content, dict):
        found.unreadable.append(f"{path}: no JSON object")
        return {}
    return content
