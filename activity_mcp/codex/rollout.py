"""A rollout of Codex, record by record in the lines of a Claude Code transcript, so that one reader serves both.

A record is ``{timestamp, type, payload}``; what it holds is given by ``codex-rs/protocol/src`` of github.com/openai/codex, and
which are kept by ``codex-rs/rollout/src/policy.rs``. Taken are:

    session_meta        who and where: the session, its folder, branch and version. A spawned agent's file belongs to the
                        session that spawned it, as a side chain. A fork holds its parent's records too: those are its second
                        ``session_meta`` and what has the parent's turn ids, and they are recognised as copies.
    turn_context        the model, and the turn's id
    event_msg           user_message: a prompt. token_count: the usage of the response before it, unless it repeats the last.
                        turn_aborted: an interruption. The end of a patch, a command or an MCP call: whether it failed
    response_item       the model's texts and calls, and the outputs of those

Other records are known to say nothing more, or counted as unknown. Records have no ids; a line's is made of its turn's id and
its content.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from ..activity import sha256_hex
from .calls import output_of, uses_of
from .files import session_id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Line = dict[str, Any]
_REQUEST = "## My request for Codex:"
"""What an editor's extension puts between the state of the editor and what was typed."""
_INTERRUPTED = "[Request interrupted by user]"
_CALLS = ("function_call", "custom_tool_call", "local_shell_call", "web_search_call")
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_ENDS = ("patch_apply_end", "exec_command_end", "mcp_tool_call_end")
_WITHOUT_EVENT = frozenset((
    "additional_tools", "agent_message", "agent_reasoning", "agent_reasoning_raw_content", "compaction", "compaction_summary",
    "context_compacted", "context_compaction", "entered_review_mode", "exited_review_mode", "ghost_snapshot",
    "image_generation_call", "image_generation_end", "item_completed", "reasoning", "sub_agent_activity", "task_complete",
    "thread_goal_updated", "thread_name_updated", "thread_rolled_back", "tool_search_call", "tool_search_output",
    "turn_complete", "web_search_end",
))  # fmt: skip
_RECORDS_WITHOUT_EVENT = ("compacted", "world_state", "inter_agent_communication")


class Rollout:
    """Translates the records of one file, in order: ``lines(record)`` are those of a transcript."""

    def __init__(self, path: str) -> None:
        self._session: Line = {"sessionId": session_id_of(path)}
        self._has_meta = False
        self._turn: str | None = None
        self._model = "unknown"
        self._cwd = ""
        self._response = 0
        self._total: Any = None
        self._calls: dict[str, list[dict[str, Any] | None]] = {}
        self._failed: set[str] = set()
        self._alike: Counter[str] = Counter()

    def lines(self, record: Line) -> Iterator[Line]:
        """The lines that this record says. One of an unknown type comes as it is, to be counted."""
        kind, payload = record.get("type"), record.get("payload")
        if not isinstance(payload, dict):
            yield {"type": f"codex {kind}"}
        elif kind == "session_meta":
            self._meta(payload)
        elif kind == "turn_context":
            self._model, self._cwd = str(payload.get("model") or self._model), str(payload.get("cwd") or self._cwd)
            self._begin(payload.get("turn_id"))
        elif kind == "event_msg":
            yield from self._event(record, payload)
        elif kind == "response_item":
            yield from self._item(record, payload)
        elif kind not in _RECORDS_WITHOUT_EVENT:
            yield {"type": f"codex {kind}"}

    # --- who and where

    def _meta(self, payload: Line) -> None:
        if self._has_meta:
            return  # a fork's copy of its parent's
        self._has_meta = True
        git = payload.get("git")
        own = str(payload.get("id") or payload.get("session_id") or self._session["sessionId"])
        self._cwd = str(payload.get("cwd") or "")
        self._session = {
            "sessionId": own,
            "cwd": self._cwd or None,
            "version": f"codex {payload['cli_version']}" if payload.get("cli_version") else None,
            "gitBranch": git.get("branch") if isinstance(git, dict) else None,
        }
        parent = _parent_of(payload)
        if parent is not None:
            self._session |= {"sessionId": parent, "agentId": own, "isSidechain": True}

    def _begin(self, turn_id: Any) -> None:
        if isinstance(turn_id, str) and turn_id != self._turn:
            self._turn = turn_id
            self._alike.clear()

    # --- what happened

    def _event(self, record: Line, payload: Line) -> Iterator[Line]:
        kind = payload.get("type")
        if kind in ("task_started", "turn_started"):
            self._begin(payload.get("turn_id"))
        elif kind == "user_message":
            text = str(payload.get("message") or "").rpartition(_REQUEST)[2]
            pictures = [{"type": "image"} for _ in [*_list(payload, "images"), *_list(payload, "local_images")]]
            content: Any = [{"type": "text", "text": text}, *pictures] if pictures else text
            yield self._line(record, "user", {"role": "user", "content": content}, promptId=self._turn)
        elif kind == "turn_aborted":
            if payload.get("reason") == "interrupted":
                yield self._line(record, "user", {"role": "user", "content": _INTERRUPTED})
        elif kind == "token_count":
            yield from self._usage(record, payload.get("info"))
        elif kind in _ENDS:
            if _has_failed(payload):
                self._failed.add(str(payload.get("call_id")))
        elif kind not in _WITHOUT_EVENT:
            yield {"type": f"codex {kind}"}

    def _usage(self, record: Line, info: Any) -> Iterator[Line]:
        """The counts of the response whose items came before. The same sum again is a report of limits, and no response."""
        last = info.get("last_token_usage") if isinstance(info, dict) else None
        if not isinstance(last, dict) or info.get("total_token_usage") == self._total:
            return
        self._total = info.get("total_token_usage")
        cached = last.get("cached_input_tokens") or 0
        usage = {
            "input_tokens": max(0, (last.get("input_tokens") or 0) - cached),
            "cache_read_input_tokens": cached,
            "output_tokens": last.get("output_tokens") or 0,
        }
        yield self._said(record, [], usage=usage)
        self._response += 1

    def _item(self, record: Line, item: Line) -> Iterator[Line]:
        kind = item.get("type")
        if kind == "message":
            if item.get("role") == "assistant":
                text = "\n".join(
                    str(part["text"]) for part in _list(item, "content") if isinstance(part, dict) and part.get("text")
                )
                yield self._said(record, [{"type": "text", "text": text}])
        elif kind in _CALLS:
            yield from self._call(record, item)
        elif kind in _OUTPUTS:
            yield from self._answer(record, item)
        elif kind not in _WITHOUT_EVENT:
            yield {"type": f"codex {kind}"}

    def _call(self, record: Line, item: Line) -> Iterator[Line]:
        uses = uses_of(item, self._cwd)
        call_id = str(
            item.get("call_id") or item.get("id") or f"{self._turn}#{sha256_hex(json.dumps(item, sort_keys=True))[:16]}"
        )
        self._calls[call_id] = [use.result for use in uses]
        blocks = [
            {"type": "tool_use", "id": name, "name": use.name, "input": use.input}
            for name, use in zip(_names(call_id, len(uses)), uses, strict=True)
        ]
        yield self._said(record, blocks)
        if item.get("type") == "web_search_call":  # the service itself has searched: no output follows
            yield from self._answer(record, {"call_id": call_id, "output": ""})

    def _answer(self, record: Line, item: Line) -> Iterator[Line]:
        call_id = str(item.get("call_id"))
        output = output_of(item.get("output"))
        has_failed = call_id in self._failed or output.is_error is True
        results = self._calls.pop(call_id, [None])
        self._failed.discard(call_id)
        for name, result in zip(_names(call_id, len(results)), results, strict=True):
            block = {"type": "tool_result", "tool_use_id": name, "content": output.text, "is_error": has_failed}
            more = {"toolUseResult": result} if result is not None and not has_failed else {}
            yield self._line(record, "user", {"role": "user", "content": [block]}, **more)

    # --- lines

    def _said(self, record: Line, content: list[Line], *, usage: dict[str, int] | None = None) -> Line:
        message = {"id": f"{self._session['sessionId']}#{self._response}", "role": "assistant", "model": self._model}
        counted = {"usage": usage} if usage is not None else {"usageFollows": True}
        return self._line(record, "assistant", {**message, "content": content, **counted})

    def _line(self, record: Line, kind: str, message: Line, **more: Any) -> Line:
        made = {"type": kind, "timestamp": record.get("timestamp"), "uuid": self._id_of(record), "message": message}
        return {**self._session, **made, **more}

    def _id_of(self, record: Line) -> str:
        """The same for a copy of the record in a fork, which has another time and the same turn."""
        content = json.dumps([self._turn or self._session["sessionId"], record["type"], record["payload"]], sort_keys=True)
        name = sha256_hex(content)[:32]
        self._alike[name] += 1
        return f"{name}-{self._alike[name]}"


def _parent_of(payload: Line) -> str | None:
    """The session that spawned this one as an agent."""
    source = payload.get("source")
    agent = source.get("subagent") if isinstance(source, dict) else None
    spawn = agent.get("thread_spawn") if isinstance(agent, dict) else None
    parent = spawn.get("parent_thread_id") if isinstance(spawn, dict) else None
    return parent if isinstance(parent, str) and parent else None


def _has_failed(payload: Line) -> bool:
    result = payload.get("result")
    is_refused = isinstance(result, dict) and (
        "Err" in result or (isinstance(result.get("Ok"), dict) and result["Ok"].get("isError") is True)
    )
    return payload.get("success") is False or payload.get("exit_code") not in (None, 0) or is_refused


def _names(call_id: str, count: int) -> list[str]:
    return [call_id, *(f"{call_id}#{nth}" for nth in range(1, count))]


def _list(members: Line, name: str) -> list[Any]:
    value = members.get(name)
    return value if isinstance(value, list) else []
