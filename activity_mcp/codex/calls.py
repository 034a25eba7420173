"""The tool calls of a rollout, in the names and members that a transcript's calls have.

    a command           Bash, by whichever tool: ``shell``, ``shell_command``, ``exec_command``, a local shell call
    a patch             Edit for each file it changes, Write for each it adds; what it only deletes stays a call of apply_patch
    a search            WebSearch
    of an MCP server    mcp__server__tool
    anything else       its own name and arguments

Whether a command failed is in its output: as JSON with ``metadata.exit_code``, or in a line before ``Output:``.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import Any, NamedTuple

_SHELLS = ("bash", "sh", "zsh")
_COMMAND_TOOLS = ("shell", "container.exec", "shell_command", "exec_command", "local_shell")
_PATCH = "apply_patch"
_FILE = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$", re.M)
_EXIT = re.compile(r"^(?:Exit code:|Process exited with code) (-?\d+)$", re.M)
_OUTPUT = "\nOutput:\n"
_MAX_HEAD_CHARS = 500


class Use(NamedTuple):
    """A call of a tool: its name and input; ``result`` is what is known of a file's change beside the output."""

    name: str
    input: dict[str, Any]
    result: dict[str, Any] | None = None


class Output(NamedTuple):
    """What a call gave. ``is_error``: None where the output does not say."""

    text: str
    is_error: bool | None


def uses_of(item: dict[str, Any], cwd: str) -> list[Use]:
    """The calls that an item of the model's makes: one, or of a patch one for each file."""
    kind = item.get("type")
    if kind == "local_shell_call":
        action = item.get("action")
        return [Use("Bash", _command(action if isinstance(action, dict) else {}))]
    if kind == "web_search_call":
        action = item.get("action")
        return [Use("WebSearch", {"query": _text(action, "query") or _text(action, "url") or ""})]
    name, given = _full_name(item), _arguments(item)
    if name == _PATCH:
        return _patched(_text(given, "input") or _text(given, "patch") or "", cwd)
    if name not in _COMMAND_TOOLS:
        return [Use(name, given)]
    words = given.get("command")
    if isinstance(words, list) and words[:1] == [_PATCH] and len(words) == 2:
        return _patched(str(words[1]), cwd)
    return [Use("Bash", _command(given))]


def output_of(given: Any) -> Output:
    """The output of a call, as text or as a list of texts, without the lines that Codex puts before it."""
    text = given if isinstance(given, str) else _texts(given)
    if text.startswith('{"output":'):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("output"), str):
            code = found["metadata"].get("exit_code") if isinstance(found.get("metadata"), dict) else None
            return Output(found["output"], code != 0 if type(code) is int else None)
    head, mark, rest = text.partition(_OUTPUT)
    if len(head) > _MAX_HEAD_CHARS:
        head, mark = head[:_MAX_HEAD_CHARS], ""
    code_line = _EXIT.search(head)
    if code_line is None:
        return Output(text, None)
    return Output(rest if mark else text, code_line[1] != "0")


def _full_name(item: dict[str, Any]) -> str:
    name, namespace = _text(item, "name") or "unknown", _text(item, "namespace")
    if namespace is None or name.startswith(namespace):
        return name
    return f"{namespace.rstrip('_')}__{name}" if namespace.startswith("mcp__") else f"{namespace}.{name}"


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    """What the tool was given: JSON in a text, or of a custom tool the text itself."""
    given = item.get("arguments", item.get("input"))
    if isinstance(given, str) and "arguments" in item:
        try:
            given = json.loads(given)
        except ValueError:
            return {"input": given}
    return given if isinstance(given, dict) else {"input": given}


def _command(given: dict[str, Any]) -> dict[str, Any]:
    """The input of Bash: the command line, without the shell that was to run it."""
    command = given.get("command", given.get("cmd"))
    if isinstance(command, list):
        words = [str(word) for word in command]
        is_shell = len(words) == 3 and os.path.basename(words[0]) in _SHELLS and words[1] in ("-lc", "-c")
        command = words[2] if is_shell else shlex.join(words)
    made = {"command": command if isinstance(command, str) else ""}
    why = _text(given, "justification")
    return {**made, "description": why} if why else made


def _patched(patch: str, cwd: str) -> list[Use]:
    patch = patch.partition("*** End Patch")[0]
    found = list(_FILE.finditer(patch))
    ends = [each.start() for each in found[1:]] + [len(patch)] * bool(found)
    uses = [_change(each, patch[each.end() : end], cwd) for each, end in zip(found, ends, strict=True)]
    return uses or [Use(_PATCH, {"input": patch})]


def _change(head: re.Match[str], body: str, cwd: str) -> Use:
    path = os.path.normpath(os.path.join(cwd, head[2].strip()))
    lines = [line for line in body.splitlines() if line[:1] in ("+", "-", " ")]
    if head[1] == "Add":
        return Use("Write", {"file_path": path, "content": "".join(f"{line[1:]}\n" for line in lines)}, {"type": "create"})
    if head[1] == "Update":
        return Use("Edit", {"file_path": path, "patch": body.strip("\n")}, {"structuredPatch": [{"lines": lines}]})
    return Use(_PATCH, {"deleted": path})


def _texts(content: Any) -> str:
    items = content if isinstance(content, list) else content.get("content") if isinstance(content, dict) else None
    if isinstance(items, str):
        return items
    return "\n".join(filter(None, (_text(item, "text") for item in items or ())))


def _text(members: Any, name: str) -> str | None:
    value = members.get(name) if isinstance(members, dict) else None
    return value if isinstance(value, str) and value else None
