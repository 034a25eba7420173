"""What Claude Code did, as events: one mapping for hook payloads and for transcript lines, which carry the same facts.

    a tool call        one tool_event, one file_event for Read, Write, Edit, MultiEdit and NotebookEdit, and one sql_event for
                       each SQL statement written in it (``statements``)
    an LLM response    one llm_event (``model_requests``)
    a prompt           session_event user_prompt          the end of a turn   session_event turn_end, or turn_stopped where
                                                                              nothing was concluded
    a session          session_event start and end

Each function returns an ``EventDraft`` or several. The id is derived from what Claude Code itself calls the fact
(``tool_use_id``, ``message.id``, the prompt's id), so that a hook, the same hook again and an import make one row of it.

Of a tool call are kept its parameters, redacted and each cut at 4 KiB, sizes, type and time, and the first KiB of an error;
never what the tool returned. Of a prompt and of a turn's last message ``ACTIVITY_PROMPTS`` decides: ``hash`` keeps length and
SHA-256, ``excerpt`` adds the first 300 characters, ``full`` adds the text. Texts are redacted before they are cut.

Standard library only, no I/O: a hook pays for this module on every tool call.
"""

from __future__ import annotations

from ..activity import FILE_TOOLS, derived_id, dump_json, sha256_hex
from ..redaction import HIDDEN_PATH
from .cutting import Room, fitted, head, size_of
from .draft import EventDraft

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..redaction import Redactor

MAX_PARAMETER_BYTES = 4096
MAX_PARAMETERS = 100
MAX_ERROR_BYTES = 1024
MAX_TEXT_BYTES = 128 * 1024
EXCERPT_CHARACTERS = 300
UNANSWERED = "_unanswered"
"""Marks the events of a call whose result is not known yet; the refresh sequence ranks them below the same call's others."""
_MARGIN_BYTES = 4096  # redaction looks this far beyond a cut, so that a secret across it is seen whole

_SQL_CLIENTS = ("snow", "psql", "duckdb", "sqlite3")
_SQL_MEMBERS = ("sql", "query", "statement")
_OPERATIONS = {"Read": "read", "Write": "write", "Edit": "edit", "MultiEdit": "edit", "NotebookEdit": "edit"}
_CATEGORIES = {
    **dict.fromkeys((*FILE_TOOLS, "NotebookRead"), "file"),
    **dict.fromkeys(("Bash", "BashOutput", "KillShell", "KillBash", "PowerShell"), "shell"),
    **dict.fromkeys(("Glob", "Grep", "LS", "ToolSearch"), "search"),
    **dict.fromkeys(("WebFetch", "WebSearch"), "web"),
    **dict.fromkeys(("Task", "Agent", "SendMessage"), "agent"),
}


# --- tool calls


def tool_activities(
    tool_use_id: str,
    tool_name: str,
    tool_input: Any,
    *,
    key: str | None = None,
    redactor: Redactor,
    success: bool,
    error: str | None = None,
    latency_ms: float | None = None,
    result: Any = None,
    result_size: int | None = None,
    common: Mapping[str, Any] | None = None,
    git_branch: str | None = None,
    marks: Mapping[str, Any] | None = None,
) -> list[EventDraft]:
    """The events of one tool call. ``result`` is what Claude Code calls tool_response or toolUseResult: it is measured only.

    ``key`` names its events where its id is not unique (``ids``); ``common`` are fields of each of them (prompt_id, agent_id,
    agent_type); ``marks`` are those of ``outcomes``: a denied call touched no file, ran no SQL, took no time
    and has no error.
    """
    key = key or tool_use_id
    shared = {"tool_use_id": tool_use_id, **(common or {}), **(marks or {})}
    is_denied = "denied" in shared
    before = redactor.count
    features: dict[str, Any] = {"tool_name": tool_name, "success": success, "tool_category": _category(tool_name)}
    if isinstance(tool_input, dict):
        features["parameters"], cut = parameters_of(tool_input, redactor)
        if cut:
            features["_truncated"] = [f"parameters.{name}" for name in cut]
    if error and not is_denied:
        features["error"] = HIDDEN_PATH if redactor.hides(_path_in(tool_input)) else error_text(error, redactor)
    if latency_ms is not None and not is_denied:
        features["elapsed_ms" if marks else "latency_ms"] = latency_ms
    if result_size is not None:
        features["result_size"] = result_size
    if result is not None:
        features["result_type"] = _json_type(result)
    features |= _commit_of(tool_input, result) if success else {}
    if redactor.count > before:
        features["_redacted"] = redactor.count - before
    drafts = [EventDraft("tool_event", derived_id("tool_event", "tool_use_id", key), features | shared)]
    if is_denied:
        return drafts
    touched = _file_features(tool_name, tool_input, result, success, redactor)
    if touched is not None:
        if git_branch:
            touched["git_branch"] = git_branch
        drafts.append(EventDraft("file_event", derived_id("file_event", "tool_use_id", key), touched | shared))
    if isinstance(tool_input, dict) and may_run_sql(tool_name, tool_input, redactor):
        from .sql_statements import sql_activities

        drafts += sql_activities(
            key,
            tool_name,
            tool_input,
            redactor=redactor,
            success=success,
            error=features.get("error"),
            latency_ms=None if marks else latency_ms,
            shared=shared,
        )
    return drafts


def _commit_of(tool_input: Any, result: Any) -> dict[str, str]:
    """As ``commits.commit_made``, which a hook loads only for a command of git's."""
    if not isinstance(tool_input, dict) or "git" not in str(tool_input.get("command")):
        return {}
    from .commits import commit_made

    return commit_made(tool_input, result)


def may_run_sql(tool_name: str, tool_input: Mapping[str, Any], redactor: Redactor) -> bool:
    """Whether a call may run SQL that is written in it and may be shown: a few substring searches, before more is loaded."""
    if tool_name == "Bash":
        command = tool_input.get("command")
        return isinstance(command, str) and any(map(command.__contains__, _SQL_CLIENTS)) and not redactor.hashes("command")
    given = [name for name in _SQL_MEMBERS if isinstance(tool_input.get(name), str)]
    return tool_name.startswith("mcp__") and bool(given) and not any(map(redactor.hashes, (*given, "sql")))


def parameters_of(tool_input: Mapping[str, Any], redactor: Redactor) -> tuple[dict[str, Any], list[str]]:
    """The tool's input, redacted, each value cut at 4 KiB, and the names of those that were cut."""
    rough, names = {}, []
    for name, value in list(tool_input.items())[:MAX_PARAMETERS]:
        room = Room(MAX_PARAMETER_BYTES + _MARGIN_BYTES)
        rough[str(name)] = fitted(value, room)
        if room.cut:
            names.append(str(name))
    kept = {}
    for name, value in redactor.value(rough).items():
        room = Room(MAX_PARAMETER_BYTES)
        kept[name] = fitted(value, room)
        if room.cut and name not in names:
            names.append(name)
    return kept, names


def error_text(error: str, redactor: Redactor) -> str:
    """The first KiB of an error, redacted."""
    return head(redactor.text(head(error.strip(), MAX_ERROR_BYTES + _MARGIN_BYTES)), MAX_ERROR_BYTES)


def response_size(response: Any) -> int | None:
    """Bytes of a tool's structured response: of a command's output where it is one, else of all of it as JSON."""
    if isinstance(response, dict) and isinstance(response.get("stdout"), str):
        error = response.get("stderr")
        return size_of(response["stdout"]) + (size_of(error) if isinstance(error, str) else 0)
    return content_size(response)


def error_in(response: Any) -> str | None:
    """The error in a tool's response that is marked as one, as MCP tools mark it; None for every other."""
    if not isinstance(response, dict) or (response.get("isError") is not True and response.get("is_error") is not True):
        return None
    error = response.get("error") or response.get("content")
    if isinstance(error, list):
        error = next((block["text"] for block in error if isinstance(block, dict) and isinstance(block.get("text"), str)), None)
    return error if isinstance(error, str) and error.strip() else "failed without a message"


def content_size(content: Any) -> int | None:
    """Bytes of a tool's output: of its texts, and of its images as they are sent; of anything else as JSON."""
    if content is None:
        return None
    if isinstance(content, str):
        return size_of(content)
    if isinstance(content, list):
        return sum(_block_size(block) for block in content)
    return len(dump_json(content))


def _block_size(block: Any) -> int:
    if isinstance(block, dict):
        source = block.get("source")
        for text in (block.get("text"), source.get("data") if isinstance(source, dict) else None):
            if isinstance(text, str):
                return size_of(text)
    return len(dump_json(block))


def _category(tool_name: str) -> str:
    return "mcp" if tool_name.startswith("mcp__") else _CATEGORIES.get(tool_name, "other")


def _json_type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (str, "string"), (dict, "object"), (list, "array"), ((int, float), "number")):
        if isinstance(value, kind):
            return name
    return "null"


# --- files


def _file_features(tool_name: str, tool_input: Any, result: Any, success: bool, redactor: Redactor) -> dict[str, Any] | None:
    """Of the five tools that name one file, what the call did to it; None for every other tool."""
    if tool_name not in FILE_TOOLS or not isinstance(tool_input, dict):
        return None
    path = _path_in(tool_input)
    if path is None:
        return None
    result = result if isinstance(result, dict) else {}
    operation = "create" if tool_name == "Write" and result.get("type") == "create" else _OPERATIONS[tool_name]
    features: dict[str, Any] = {"operation": operation, "file_path": redactor.path(path), "success": success}
    name = path.replace("\\", "/").rpartition("/")[2]
    if "." in name[1:] and not redactor.hides(path) and not redactor.hashes("file_path"):
        ending = name.rpartition(".")[2]
        if redactor.label(ending) == ending:
            features["file_type"] = ending.lower()
    if success:
        features.update((key, value) for key, value in _extent(tool_name, tool_input, result).items() if value is not None)
    return features


def _path_in(tool_input: Any) -> str | None:
    path = (tool_input.get("file_path") or tool_input.get("notebook_path")) if isinstance(tool_input, dict) else None
    return path if isinstance(path, str) and path else None


def _extent(tool_name: str, tool_input: dict[str, Any], result: dict[str, Any]) -> dict[str, int | None]:
    """How much of the file was touched, as far as the call shows it."""
    original, content = result.get("originalFile"), tool_input.get("content")
    before = size_of(original) if isinstance(original, str) else None
    if tool_name == "Read":
        file = result.get("file")
        lines = file.get("numLines") if isinstance(file, dict) else None
        return {"lines_affected": lines if type(lines) is int and lines >= 0 else None}
    changed = _patched_lines(result.get("structuredPatch"))
    if tool_name == "Write" and isinstance(content, str):
        return {"lines_affected": changed or _lines(content), "bytes_before": before, "bytes_after": size_of(content)}
    if tool_name == "NotebookEdit":
        source = tool_input.get("new_source")
        return {"lines_affected": _lines(source) if isinstance(source, str) else None}
    after = _size_after(original, before, result) if tool_name == "Edit" else None
    return {"lines_affected": changed, "bytes_before": before, "bytes_after": after}


def _patched_lines(patch: Any) -> int | None:
    """Lines added and removed by a structured patch."""
    if not isinstance(patch, list) or not patch:
        return None
    hunks = (hunk.get("lines") for hunk in patch if isinstance(hunk, dict))
    return sum(isinstance(line, str) and line[:1] in ("+", "-") for lines in hunks if isinstance(lines, list) for line in lines)


def _size_after(original: Any, before: int | None, result: dict[str, Any]) -> int | None:
    old, new = result.get("oldString"), result.get("newString")
    if before is None or not isinstance(old, str) or not isinstance(new, str) or not old or old not in original:
        return None
    times = original.count(old) if result.get("replaceAll") else 1
    return before + int(times) * (size_of(new) - size_of(old))


def _lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n") and text != "")


# --- prompts, turns, sessions, responses


def prompt_activity(prompt_key: str, session_id: str, text: str, *, policy: str, redactor: Redactor) -> EventDraft:
    """A prompt. ``prompt_key`` is the prompt's id, or where there is none the uuid of its line."""
    features = {"session_id": session_id, "event_type": "user_prompt", **text_features(text, policy, redactor)}
    return EventDraft("session_event", derived_id("session_event", "user_prompt", prompt_key), features)


def turn_end_activity(
    session_id: str, prompt_key: str | None, text: str | None, *, policy: str, redactor: Redactor
) -> EventDraft:
    """A conclusion: the last message of the turn that the prompt started; None for a turn that ended without a word."""
    key = "\0".join((session_id, prompt_key or "", sha256_hex((text or "").strip())))
    said = {} if text is None else text_features(text, policy, redactor)
    features = {"session_id": session_id, "event_type": "turn_end", **said}
    return EventDraft("session_event", derived_id("session_event", "turn_end", key), features)


def turn_stopped_activity(
    session_id: str, prompt_key: str | None, reason: str, error: str | None, redactor: Redactor
) -> EventDraft:
    """A turn that ended without a conclusion: failed (an error of the API), interrupted, or unfinished (the process died).

    Its excerpt is the reason, and for a failure the error that Claude Code showed: Claude Code's words, not a person's.
    """
    features: dict[str, Any] = {"session_id": session_id, "event_type": "turn_stopped", "reason": reason, "excerpt": reason}
    if error:
        features["error"] = error_text(error, redactor)
        features["excerpt"] = f"{reason}: {features['error']}"[:EXCERPT_CHARACTERS]
    key = "\0".join((session_id, prompt_key or "", reason))
    return EventDraft("session_event", derived_id("session_event", "turn_stopped", key), features)


def session_activity(session_id: str, event_type: str, moment: str, features: Mapping[str, Any]) -> EventDraft:
    """The start or the end of a session. ``moment`` distinguishes several: empty for its beginning, how and when it went on,
    and for an end the id of the start it belongs to, as ``session_state`` keeps it. (Where no hook has noted a start it is the
    id of the last prompt.)"""
    key = "\0".join((session_id, moment))
    made = {"session_id": session_id, "event_type": event_type, **features}
    return EventDraft("session_event", derived_id("session_event", event_type, key), made)


def text_features(text: str, policy: str, redactor: Redactor) -> dict[str, Any]:
    """What ``ACTIVITY_PROMPTS`` lets be kept of a prompt or of a turn's last message; space around it never counts."""
    text = text.strip()
    features: dict[str, Any] = {"prompt_hash": sha256_hex(text), "length": len(text)}
    if policy == "hash":
        return features
    before = redactor.count
    if policy == "full":
        redacted = redactor.text(head(text, MAX_TEXT_BYTES + _MARGIN_BYTES))
        features["text"] = head(redacted, MAX_TEXT_BYTES)
        if len(features["text"]) < len(redacted) or len(text) > MAX_TEXT_BYTES:
            features["_truncated"] = ["text"]
    else:
        redacted = redactor.text(text[: EXCERPT_CHARACTERS + _MARGIN_BYTES])
    features["excerpt"] = redacted[:EXCERPT_CHARACTERS].strip()
    if redactor.count > before:
        features["_redacted"] = redactor.count - before
    return features
