"""Hook payloads as events: what each of Claude Code's hook events becomes, built by ``events``.

    SessionStart, SessionEnd              session_event start, end
    UserPromptSubmit                      session_event user_prompt
    Stop, SubagentStop                    session_event turn_end; nothing for a SubagentStop whose agent_type is empty, which is
                                          that of a compaction
    StopFailure                           session_event turn_stopped, for the reason "failed"
    SubagentStart                         session_event subagent_start
    PostToolUse, PostToolUseFailure       tool_event, with its file_event and sql_events
    PostToolBatch                         the same for each call in it that Claude Code refused itself: no other hook reports
                                          those. For the others it gives no outcome, only the text that the model sees
    PermissionDenied                      tool_event, denied
    PreToolUse                            nothing: the call is recorded when it ended. Both would have the
                                          same id, and the first to arrive, which has no outcome, would win
    every other one, known or not         system_event ``hook`` with the payload, redacted and cut

Fields and their types are those of https://code.claude.com/docs/en/hooks (v2.1.240, August 2026); that list grows weekly, so
nothing here fails on a field that is missing, unknown or of another type. A call without an id, and every other event, is named
by session, event and content: the same payload twice, as when a plugin and the settings both register the hook, is one fact.

Standard library only, no I/O.
"""

from __future__ import annotations

from ...activity import FILE_TOOLS, derived_id, sha256_hex
from ...plain_json import dumps
from .. import events
from ..draft import EventDraft
from ..ids import call_key, is_own_tool, unnamed_prompt_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ...redaction import Redactor
    from .traces import Traces

_COMMON = ("prompt_id", "agent_id", "agent_type")
_UTTERANCES = ("prompt", "last_assistant_message", "message", "command_args", "compact_summary", "custom_instructions")
"""Members that hold words of a person or the model: ACTIVITY_PROMPTS decides what is kept of them, in every event."""
_ENDS = ("Stop", "StopFailure", "SessionEnd")
"""After these a transcript holds what no hook reports: tokens, denials, the outcome of calls without a hook."""
_BEGINNINGS = ("startup", "clear", "fork")
_MINUTE_US = 60_000_000
_DAY_MS = 86_400_000


class HookPayload:
    """One payload, cleaned (``activity.clean``), with what its events need besides.

    ``branch`` and ``commit`` are called only for events that carry them, ``traces`` (what earlier hooks left) only for those of
    sessions and for prompts. Of a prompt without an id ``noted_prompt`` is then its key and which repeat it is, of one with an
    id ``said`` is its text and its key; ``begun`` is the other session whose beginning a start is named by.
    """

    def __init__(
        self,
        members: dict[str, Any],
        *,
        redactor: Redactor,
        prompts: str,
        now_us: int,
        branch: Callable[[], str | None],
        commit: Callable[[], str | None],
        traces: Callable[[], Traces],
    ) -> None:
        self._members = members
        self._redactor = redactor
        self._prompts = prompts
        self._now_us = now_us
        self._branch = branch
        self._commit = commit
        self._traces = traces
        self.said: tuple[str, str] | None = None
        self.noted_prompt: tuple[str, int] | None = None
        self.begun: str | None = None
        self.event = self.text("hook_event_name") or "unknown"
        self.session_id = self.text("session_id")
        self._common = {name: value for name in _COMMON if (value := self.text(name))}

    def text(self, name: str) -> str | None:
        """The member, where it is a text that is not empty."""
        value = self._members.get(name)
        return value if isinstance(value, str) and value else None

    def drafts(self) -> list[EventDraft]:
        """The events of this payload; none for what is not to be recorded."""
        if is_own_tool(self.text("tool_name") or ""):
            return []
        build = _BUILDERS.get(self.event)
        drafts = build(self) if build is not None else None
        return [self._hook_event()] if drafts is None else drafts

    def leave_traces(self, activity_id: str) -> None:
        """Once it is recorded: for the session's end, which start it belongs to; for the next prompt and for an import, what
        was asked and how that is named; for the leader, what to read. Raises OSError."""
        session_id, transcript = self.session_id, self.text("transcript_path")
        if session_id is None:
            return
        if self.event == "SessionStart" and self.text("source") != "compact":
            for named in (session_id, self.begun):
                if named is not None:
                    self._traces().note_start(named, activity_id)
        elif self.said is not None:
            self._traces().note_prompt_key(session_id, *self.said)
        elif self.event in _ENDS and transcript is not None:
            self._traces().request(session_id, transcript)
        elif self.noted_prompt is not None:
            self._traces().note_prompt(*self.noted_prompt, self._now_us)

    @property
    def ts_us(self) -> int:
        """When it happened: a tool call when it began, as in transcripts; everything else now."""
        spent_ms = self._duration_ms() if self.event in ("PostToolUse", "PostToolUseFailure") else None
        return self._now_us - round(spent_ms * 1000) if spent_ms is not None and spent_ms < _DAY_MS else self._now_us

    # --- sessions

    def _session_start(self) -> list[EventDraft] | None:
        if self.session_id is None:
            return None
        source = self.text("source") or "unknown"
        names = ("model",) if self._prompts == "hash" else ("model", "session_title")  # a title is made of the prompt
        features = {"start_source": source, **self._circumstances(), **self._redacted(names)}
        named_by, moment = self.session_id, ""
        if source not in _BEGINNINGS:
            named_by, moment = self._traces().reported_start(
                self.session_id, source, _content_hash(self._members), self._now_us
            )
        if named_by != self.session_id:
            self.begun, features["session_id"] = named_by, self.session_id
        return [events.session_activity(named_by, "start", moment, features | self._common)]

    def _session_end(self) -> list[EventDraft] | None:
        if self.session_id is None:
            return None
        moment = (
            self._traces().start_of(self.session_id) or self._common.get("prompt_id") or f"hook\0{self._now_us // _MINUTE_US}"
        )
        return [self._session("end", moment, self._redacted(("reason",)) | self._circumstances())]

    def _session(self, event_type: str, moment: str, features: dict[str, Any]) -> EventDraft:
        return events.session_activity(self.session_id or "", event_type, moment, features | self._common)

    def _circumstances(self) -> dict[str, Any]:
        found = {"project_path": self.text("cwd"), "git_branch": self._branch()}
        return {name: value for name, value in found.items() if value}

    def _redacted(self, names: tuple[str, ...]) -> dict[str, Any]:
        return {name: self._redactor.text(value)[:300] for name in names if (value := self.text(name))}

    # --- prompts and turns

    def _prompt(self) -> list[EventDraft] | None:
        text = self.text("prompt")
        if text is None or self.session_id is None:
            return None
        from ..prompts import TASK_NOTIFICATION, classified  # only a prompt pays for it

        if text.lstrip().startswith(TASK_NOTIFICATION):
            return []  # a background task has ended: no person wrote this
        words = classified("prompt", text)
        if words is None or words.kind != "prompt":
            return None  # written by Claude Code in the user's name, or a command
        prompt_id = self._common.get("prompt_id")
        if prompt_id is None:
            key = self._unnamed_key(self.session_id, words.text)
        else:
            key = self._traces().new_prompt_key(self.session_id, prompt_id, words.text)
            self.said = words.text, key
        draft = events.prompt_activity(key, self.session_id, words.text, policy=self._prompts, redactor=self._redactor)
        draft.features.update(self._common)
        branch = self._branch()
        if branch:
            draft.features["git_branch"] = branch
        return [draft]

    def _unnamed_key(self, session_id: str, text: str) -> str:
        first = unnamed_prompt_key(session_id, text)
        repeat = self._traces().next_repeat(first, self._now_us)
        self.noted_prompt = first, repeat
        return unnamed_prompt_key(session_id, text, repeat)

    def _turn_end(self) -> list[EventDraft] | None:
        text = self.text("last_assistant_message")
        if self.session_id is None:
            return None
        if self.event == "SubagentStop" and self._members.get("agent_type") == "":
            return []
        draft = events.turn_end_activity(self.session_id, self._turn_key(), text, policy=self._prompts, redactor=self._redactor)
        draft.features.update(self._common)
        commit = self._commit()
        if commit:
            draft.features["git_commit"] = commit
        return [draft]

    def _turn_failed(self) -> list[EventDraft] | None:
        if self.session_id is None:
            return None
        error = self.text("last_assistant_message") or self.text("error_details") or self.text("error")
        draft = events.turn_stopped_activity(self.session_id, self._turn_key(), "failed", error, self._redactor)
        draft.features.update(self._common)
        return [draft]

    def _turn_key(self) -> str:
        return "\0".join(found for name in ("prompt_id", "agent_id") if (found := self._common.get(name)))

    def _subagent_start(self) -> list[EventDraft] | None:
        agent = self._common.get("agent_id")
        return None if agent is None or self.session_id is None else [self._session("subagent_start", agent, {})]

    # --- tool calls

    def _tool(self) -> list[EventDraft] | None:
        name = self.text("tool_name")
        if name is None:
            return None
        response = self._members.get("tool_response")
        error = self.text("error") if self.event == "PostToolUseFailure" else events.error_in(response)
        failed = self.event == "PostToolUseFailure" or error is not None
        marks = _marks_of(error) if failed else {}
        return self._call(
            self.text("tool_use_id"),
            name,
            self._members.get("tool_input"),
            response,
            success=not failed,
            error=(error or "failed without a message") if failed else None,
            latency_ms=self._duration_ms(),
            marks={"interrupted": True} if self._members.get("is_interrupt") is True else marks,
        )

    def _denied(self) -> list[EventDraft] | None:
        name, call_id = self.text("tool_name"), self.text("tool_use_id")
        if name is None or call_id is None:
            return None
        from ..outcomes import RULE

        return self._call(call_id, name, self._members.get("tool_input"), None, success=False, marks={"denied": RULE})

    def _batch(self) -> list[EventDraft] | None:
        calls = self._members.get("tool_calls")
        if not isinstance(calls, list):
            return None
        from ..outcomes import refusal_in

        drafts: list[EventDraft] = []
        for call in calls:
            name = call.get("tool_name") if isinstance(call, dict) else None
            if not isinstance(name, str) or not name or is_own_tool(name):
                continue
            call_id, response = call.get("tool_use_id"), call.get("tool_response")
            refused = refusal_in(response) if isinstance(response, str) else None
            if refused is not None:
                known = call_id if isinstance(call_id, str) and call_id else None
                drafts += self._call(known, name, call.get("tool_input"), response, success=False, error=refused)
        return drafts

    def _call(self, call_id: str | None, name: str, tool_input: Any, response: Any, **outcome: Any) -> list[EventDraft]:
        session = self.session_id or ""
        if call_id is None:
            key = "\0".join((session, name, _content_hash(tool_input), _content_hash(response)))
        else:
            key = call_key(session, call_id, name, tool_input)
        drafts = events.tool_activities(
            call_id or key,
            name,
            tool_input,
            key=key,
            redactor=self._redactor,
            result=response,
            result_size=events.response_size(response),
            common=self._common,
            git_branch=self._branch() if name in FILE_TOOLS else None,
            **outcome,
        )
        if call_id is None:
            for draft in drafts:
                del draft.features["tool_use_id"]
        return drafts

    def _duration_ms(self) -> float | None:
        value = self._members.get("duration_ms")
        return value if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e12 else None

    # --- everything else

    def _nothing(self) -> list[EventDraft]:
        return []

    def _hook_event(self) -> EventDraft:
        """The payload itself, for an event without a mapping of its own."""
        members, before = dict(self._members), self._redactor.count
        if "tool_response" in members:  # never what a tool returned
            members["tool_response"] = {"size": events.content_size(members["tool_response"])}
        for name in _UTTERANCES:
            if isinstance(members.get(name), str):
                members[name] = self._as_allowed(members[name])
        raw, cut = events.parameters_of(members, self._redactor)
        features: dict[str, Any] = {"event_type": "hook", "hook_event_name": self.event[:255], "raw": raw, **self._common}
        if cut:
            features["_truncated"] = [f"raw.{name}" for name in cut]
        if self._redactor.count > before:
            features["_redacted"] = self._redactor.count - before
        key = "\0".join((self.session_id or "", self.event, _content_hash(self._members)))
        return EventDraft("system_event", derived_id("system_event", "hook", key), features)

    def _as_allowed(self, text: str) -> Any:
        if self._prompts == "full":
            return text
        kept = events.text_features(text, self._prompts, self._redactor)
        return kept.get("excerpt", kept)


def _marks_of(error: str | None) -> dict[str, Any]:
    from ..outcomes import marks_of  # a call that succeeds needs none

    return marks_of(None, error or "")


def _content_hash(value: Any) -> str:
    return sha256_hex(dumps(value))


_BUILDERS: dict[str, Callable[[HookPayload], list[EventDraft] | None]] = {
    "SessionStart": HookPayload._session_start,
    "SessionEnd": HookPayload._session_end,
    "UserPromptSubmit": HookPayload._prompt,
    "Stop": HookPayload._turn_end,
    "SubagentStop": HookPayload._turn_end,
    "SubagentStart": HookPayload._subagent_start,
    "StopFailure": HookPayload._turn_failed,
    "PermissionDenied": HookPayload._denied,
    "PreToolUse": HookPayload._nothing,
    "PostToolUse": HookPayload._tool,
    "PostToolUseFailure": HookPayload._tool,
    "PostToolBatch": HookPayload._batch,
}
