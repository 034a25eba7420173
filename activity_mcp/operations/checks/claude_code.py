"""Is Claude Code set up to be recorded: server and hooks registered once, not switched off, able to start, and firing."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import orjson

from ...claude_code.setup.install import project_root
from ...claude_code.setup.own_commands import fallback_of, words_of
from ...claude_code.setup.registration import HOOK_EVENTS, is_lost_at_exit
from ...claude_code.setup.survey import survey
from ...claude_code.transcripts import ImportLedger
from ...claude_code.transcripts.expiry import expiring
from ...clock import parse_iso
from ...errors import ActivityError
from ...health.check import Check
from ...project import working_directory
from ...queue import QueueReader, read_commit
from . import claude_client, hook_commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...claude_code.setup.survey import Registered, Survey
    from ...config import Config
    from ...health.check import Status
    from ...service import ActivityService
    from .subject import Subject

_INSTALL = "`activity-mcp install` registers it"
_LAST_STORED = "SELECT MAX(ts) FROM CLAUDE_STREAM_V2 WHERE source = 'hook'"
LONG_AGO_S = 7 * 86_400


def checks(subject: Subject) -> Iterator[Check]:
    found = survey(subject.service.environ, project_root(working_directory()))
    yield _files(found)
    yield claude_client.version(subject.service.environ)
    is_alone = found.plugins and not found.servers and not any(found.hooks.values())
    lacking = hook_commands.plugins_lack(subject.service.environ) if is_alone else None
    yield _plugin(found, lacking) if lacking else _server(found)
    yield _hooks(found, subject.service.config)
    yield _allowed(found)
    yield _firing(found, subject.service)
    yield _transcripts(subject.service)


def _files(found: Survey) -> Check:
    if found.unreadable:
        return Check("claude settings", "fail", "; ".join(found.unreadable), "mend the file: Claude Code ignores it as it is")
    return Check("claude settings", "ok", "every file that is there can be read")


def _server(found: Survey) -> Check:
    name, servers = "server registered", found.servers
    if found.managed_servers and not any(server.path == found.managed_servers for server in servers):
        return Check(
            name, "fail", f"{found.managed_servers} allows only its own servers", "ask the administrator to add this one"
        )
    if found.plugins and not servers:
        return Check(name, "ok", f"by the plugin {', '.join(found.plugins)}")
    if not servers:
        return Check(name, "warn", "the MCP server is not registered", _INSTALL)
    missing = _missing(servers)
    if missing:
        return Check(name, "fail", f"its command is not there: {missing}", "`activity-mcp install` brings it up to date")
    refused = [check for server in servers if (check := claude_client.refusal(found, server)) is not None]
    if len(refused) == len(servers) and not found.plugins:
        return refused[0]
    places = [*(server.path for server in servers), *(f"plugin {plugin}" for plugin in found.plugins)]
    if len(places) > 1:
        return Check(name, "warn", f"registered {len(places)} times: {', '.join(places)}", "keep one of them")
    if servers[0].entry.get("alwaysLoad") is not True:
        return Check(name, "warn", f"in {places[0]}, without alwaysLoad: its tools are often never called", _INSTALL)
    return Check(name, "ok", f"in {places[0]}, always loaded")


def _plugin(found: Survey, lacking: str) -> Check:
    finding = f"the plugin {', '.join(found.plugins)} is enabled, but {lacking} is neither on PATH nor in ~/.local/bin"
    return Check("server registered", "fail", f"{finding}: what it brings records nothing", hook_commands.PLUGIN_HINT)


def _hooks(found: Survey, config: Config) -> Check:
    name = "hooks registered"
    registered = [hook for hooks in found.hooks.values() for hook in hooks]
    if found.plugins and not registered:
        return Check(name, "ok", f"by the plugin {', '.join(found.plugins)}")
    if not registered:
        return Check(name, "warn", "no hook is registered: only what tools are given is recorded", _INSTALL)
    missing = _missing(registered)
    if missing:
        return Check(name, "fail", f"their command is not there: {missing}", "`activity-mcp install` brings it up to date")
    lacking = [event for event in HOOK_EVENTS if not found.hooks[event]]
    if lacking and not found.plugins:
        return Check(name, "warn", f"not for {', '.join(lacking)}", _INSTALL)
    lost = [event for event, hooks in found.hooks.items() if any(is_lost_at_exit(event, hook.entry) for hook in hooks)]
    if lost:
        finding = f"asynchronous for {', '.join(lost)}: Claude Code often exits before they have recorded"
        return Check(name, "warn", finding, "`activity-mcp install` brings them up to date")
    outdated = hook_commands.outdated(found, config)
    if outdated:
        return Check(name, "warn", outdated, "`activity-mcp install` brings them up to date")
    nameless = claude_client.unnamed(found)
    if nameless:
        finding = f"for {', '.join(nameless)} Claude Code shows a bare path: its user cannot see whose hook it is"
        return Check(name, "warn", finding, "`activity-mcp install` brings them up to date")
    places = [*dict.fromkeys(hook.path for hook in registered), *(f"plugin {plugin}" for plugin in found.plugins)]
    if len(places) > 1 or any(len(hooks) > 1 for hooks in found.hooks.values()):
        finding = f"registered more than once: {', '.join(places)}"
        return Check(name, "warn", finding, "keep one of them: every event costs twice, and is counted once")
    by = ", by the compiled client" if all(fallback_of(words_of(hook.entry)) for hook in registered) else ""
    return Check(name, "ok", f"in {places[0]}, for {len(HOOK_EVENTS)} events{by}")


def _missing(registered: list[Registered]) -> str | None:
    """The first program or script that a registration names and that is not there."""
    for place in registered:
        words = words_of(place.entry)
        for program in (words[0], *(fallback_of(words) or ())[:1]):
            if "$" not in program and not shutil.which(program):
                return f"{program} ({place.path})"
        for word in words[1:]:
            if word.endswith(".py") and os.path.isabs(word) and not os.path.isfile(word):
                return f"{word} ({place.path})"
    return None


def _allowed(found: Survey) -> Check:
    name = "hooks allowed"
    has_hooks = bool(found.plugins) or any(found.hooks.values())
    status: Status = "fail" if has_hooks else "warn"
    if found.disabled:
        return Check(
            name, status, f"disableAllHooks is set in {', '.join(found.disabled)}", "remove it, or record with tools only"
        )
    if found.managed_only and not all(hook.path == found.managed_only for hooks in found.hooks.values() for hook in hooks):
        finding = f"{found.managed_only} allows only the hooks in it (allowManagedHooksOnly)"
        return Check(name, status, finding, "ask the administrator to add these")
    return Check(name, "ok", "nothing switches them off")


def _firing(found: Survey, service: ActivityService) -> Check:
    name, expected = "hooks firing", bool(found.plugins) or any(found.hooks.values())
    last_us = _last_event_us(service)
    if last_us is None:
        hint = "start a new session of Claude Code; `/hooks` there shows what it has loaded" if expected else _INSTALL
        return Check(name, "warn" if expected else "ok", "no hook has recorded anything yet", hint if expected else "")
    age_s = max(0, service.clock.time_us() - last_us) / 1e6
    finding = f"the last event of a hook is {_duration(age_s)} old"
    written = claude_client.silence(service.environ, last_us) if expected and service.config.record else None
    if written is not None:
        hint = "look at `/hooks` in Claude Code; `activity-mcp import` records what they missed"
        return Check(name, "warn", f"{finding}, and {written} has been written since", hint)
    if expected and age_s > LONG_AGO_S:
        return Check(name, "warn", finding, "if Claude Code was used since, look at `/hooks` there")
    return Check(name, "ok", finding)


def _transcripts(service: ActivityService) -> Check:
    ledger = ImportLedger(os.path.join(service.queue.directory, "imports.json"))
    found = expiring(None, service.environ, ledger, service.clock.time_us())
    if found is not None:
        return Check("transcripts", "warn", found.describe(), "`activity-mcp import` records what they hold")
    return Check("transcripts", "ok", "none that holds something new is near its deletion")


def _last_event_us(service: ActivityService) -> int | None:
    """The newest ts of a hook's event, in the queue or in the warehouse where asking it is free."""
    newest = _last_queued(service)
    if not service.adapter.capabilities.reads_are_free or not service.adapter.exists():
        return newest
    try:
        rows = service.query(_LAST_STORED, max_rows=1, timeout_s=10).rows
    except ActivityError:
        return newest  # busy or unreadable: the warehouse's own check reports it
    stored = parse_iso(rows[0][0]) if rows and rows[0][0] else None
    return max((us for us in (newest, stored) if us is not None), default=None)


def _last_queued(service: ActivityService) -> int | None:
    reader, commit = QueueReader(service.queue.directory, loads=orjson.loads), read_commit(service.queue.directory)
    after, newest = commit.offset if commit else None, None
    while True:
        batch = reader.read(after)
        for record in batch.records:
            if record.value.get("source") == "hook":
                newest = max(newest or 0, parse_iso(record.value["ts"]))
        after = batch.end
        if not batch.more:
            return newest


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:.0f} s"
