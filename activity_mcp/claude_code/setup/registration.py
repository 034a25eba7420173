"""What is registered in Claude Code: one MCP server, and one hook for each event worth recording.

The formats are those documented at https://code.claude.com/docs/en/ (pages mcp and hooks, Claude Code 2.1.240):

    mcpServers   {name: {type, command, args, env, alwaysLoad}}. Tools that are not always loaded are deferred behind a search,
                 and often never called.
    hooks        {event: [{matcher?, hooks: [{type: "command", command, args, async, timeout, statusMessage}]}]}. Without a
                 matcher all are meant; with ``args`` no shell is started; ``timeout`` is in seconds; ``/hooks`` shows the
                 ``statusMessage`` where there is one, and else the command.

A hook is asynchronous unless Claude Code exits behind the event: it does not wait for hooks that are still running, and a
``claude -p`` loses up to all of its last ones. Our entries are recognised by their program (``own_commands``), not by its
place, so that a second installation replaces the first and removal leaves nothing behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ...errors import InvalidInput
from .own_commands import is_own_command, is_own_hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .json_editor import JsonText

SERVER_NAME = "activity"
PLUGIN_NAME = "activity-mcp"


class Hook(NamedTuple):
    """An event to register. ``waits``: Claude Code goes on only when the hook has recorded it."""

    event: str
    waits: bool
    reason: str


HOOKS = (
    Hook("SessionStart", True, "the start, also after a compaction; what it prints is the injection"),
    Hook("SessionEnd", True, "the end; Claude Code exits behind it"),
    Hook("UserPromptSubmit", False, "the prompts"),
    Hook("PostToolUse", False, "calls that succeeded"),
    Hook("PostToolUseFailure", False, "calls that failed"),
    Hook("PostToolBatch", False, "calls that Claude Code refuses itself, or that are denied: no other hook reports these"),
    Hook("Stop", True, "what was concluded; claude -p exits behind it"),
    Hook("StopFailure", True, "a turn that an API error ended; claude -p exits behind it"),
    Hook("SubagentStart", False, "that a subagent began, also if it never ends"),
    Hook("SubagentStop", False, "what a subagent concluded"),
    Hook("PermissionDenied", False, "what auto mode denied"),
)
"""Not PreToolUse (the outcome holds all of it), nor PreCompact and PostCompact: Claude Code prints to the user that each of
their hooks has run, and SessionStart records the same moment."""
HOOK_EVENTS = tuple(hook.event for hook in HOOKS)
_WAITS = {hook.event: hook.waits for hook in HOOKS}
HOOK_LABEL = "activity-mcp records this"
HOOK_TIMEOUT_S = 10


def server_entry(command: list[str]) -> dict[str, Any]:
    return {"type": "stdio", "command": command[0], "args": command[1:], "env": {}, "alwaysLoad": True}


def hook_handler(command: list[str], event: str) -> dict[str, Any]:
    handler: dict[str, Any] = {"type": "command", "command": command[0], "args": command[1:]}
    if not _WAITS[event]:
        handler["async"] = True
    return {**handler, "timeout": HOOK_TIMEOUT_S, "statusMessage": HOOK_LABEL}


def is_lost_at_exit(event: str, entry: dict[str, Any]) -> bool:
    """Whether our registration of this event is asynchronous where Claude Code exits behind the event."""
    return _WAITS.get(event, False) and entry.get("async") is True


# --- registering


def with_server(file: JsonText, command: list[str]) -> JsonText:
    """The server registered, in place of an older one; its ``env`` stays what the user made of it.

    Raises InvalidInput when another server has the name, or ``mcpServers`` is no object.
    """
    wanted = server_entry(command)
    for name, entry in own_servers(file.get(("mcpServers",))):
        for member in ("type", "command", "args", "alwaysLoad"):
            file = file.put(("mcpServers", name, member), wanted[member])
        if "env" not in entry:
            file = file.put(("mcpServers", name, "env"), wanted["env"])
        return file
    servers = file.get(("mcpServers",))
    _refuse_unless(servers is None or isinstance(servers, dict), "mcpServers", "an object")
    if servers and SERVER_NAME in servers:
        raise InvalidInput(
            f"another MCP server is registered as {SERVER_NAME!r}; nothing was changed", hint="rename or remove that one first"
        )
    return file.put(("mcpServers", SERVER_NAME), wanted)


def without_server(file: JsonText) -> JsonText:
    """Our server removed, and an ``mcpServers`` that held nothing else."""
    for name, _ in own_servers(file.get(("mcpServers",))):
        file = file.remove(("mcpServers", name))
        if file.get(("mcpServers",)) == {}:
            file = file.remove(("mcpServers",))
    return file


def with_hooks(file: JsonText, command: list[str], events: Sequence[str] = HOOK_EVENTS) -> JsonText:
    """Each event hooked once. Our handler, if there is one, is updated in place; surplus ones go, and those
    of other events.
    """
    hooks = file.get(("hooks",))
    _refuse_unless(hooks is None or isinstance(hooks, dict), "hooks", "an object")
    for event in _events(file):
        if event not in events:
            file = _without_event(file, event)
    for event in events:
        _refuse_unless(isinstance(file.get(("hooks", event)), (list, type(None))), f"hooks.{event}", "an array")
        places = list(own_handlers(file.get(("hooks", event))))
        wanted = hook_handler(command, event)
        for group, at in reversed(places[1:]):
            file = _without_handler(file, event, group, at)
        if places:
            file = file.put(("hooks", event, places[0][0], "hooks", places[0][1]), wanted)
        else:
            file = file.append(("hooks", event), {"hooks": [wanted]})
    return file


def without_hooks(file: JsonText) -> JsonText:
    """Our hooks removed from every event, and groups and events that held nothing else."""
    for event in _events(file):
        file = _without_event(file, event)
    return file


def _without_event(file: JsonText, event: str) -> JsonText:
    for group, at in reversed(list(own_handlers(file.get(("hooks", event))))):
        file = _without_handler(file, event, group, at)
        if file.get(("hooks", event)) == []:
            file = file.remove(("hooks", event))
        if file.get(("hooks",)) == {}:
            file = file.remove(("hooks",))
    return file


def _without_handler(file: JsonText, event: str, group: int, at: int) -> JsonText:
    file = file.remove(("hooks", event, group, "hooks", at))
    return file.remove(("hooks", event, group)) if file.get(("hooks", event, group, "hooks")) == [] else file


def _refuse_unless(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise InvalidInput(f"{where} is not {what}, as Claude Code reads it; nothing was changed", hint="mend the file first")


# --- recognising


def own_servers(servers: Any) -> list[tuple[str, dict[str, Any]]]:
    """(name, entry) of those that start this server."""
    entries = servers.items() if isinstance(servers, dict) else ()
    return [(name, entry) for name, entry in entries if isinstance(entry, dict) and is_own_command(entry)]


def own_handlers(groups: Any) -> Iterator[tuple[int, int]]:
    """(group, place in it) of the handlers that are ours, of the groups of one event."""
    for number, group in enumerate(groups if isinstance(groups, list) else ()):
        handlers = group.get("hooks") if isinstance(group, dict) else None
        for at, handler in enumerate(handlers if isinstance(handlers, list) else ()):
            if isinstance(handler, dict) and is_own_hook(handler):
                yield number, at


def _events(file: JsonText) -> list[str]:
    hooks = file.get(("hooks",))
    return list(hooks) if isinstance(hooks, dict) else []


def enabled_plugins(settings: Any) -> list[str]:
    """The ids (``name@marketplace``) under which our plugin is enabled in a settings file."""
    plugins = settings.get("enabledPlugins") if isinstance(settings, dict) else None
    entries = plugins.items() if isinstance(plugins, dict) else ()
    return [name for name, enabled in entries if enabled is True and name.partition("@")[0] == PLUGIN_NAME]
