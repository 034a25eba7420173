"""What the lines of one transcript tell, taken together: calls paired with results, responses, turns and sessions.

    tool_event     one per tool_use id, at the time of the call; success and error are those of its tool_result, latency the
                   time between the two lines; where other calls ran meanwhile, or a person was asked, that time is elapsed_ms,
                   which no percentile counts. Denied and interrupted calls (``outcomes``) have neither. A call that a finished
                   file never answers was
                   interrupted or crashed: success false, error "no result recorded", and ``_unanswered``, because the session
                   may go on and answer it: then the answered one is sent as well, and outranks this.
    file_event     beside it for Read, Write, Edit, MultiEdit and NotebookEdit.
    llm_event      one per message.id with usage. A response is written as several lines, whose counts may grow: the largest
                   of each counts. A side chain that replays the message, with another requestId, adds nothing. prompt_tokens
                   are the uncached input; transcripts under-report, hence token_source; a cost is never invented.
    user_prompt    what ``prompts.said`` takes for a person's prompt.
    turn_end       the last text of the main conversation before the next turn begins, or before the end. The text of a message
                   that calls a tool only announces the call.
    turn_stopped   a turn that an error of the API, the user or the end of the process stopped.
    start, end     of each session in the file, from its main conversation (not from a subagent's lines).

Lines may repeat earlier ones word for word, in the same file or in another: what was seen is known by its id and adds nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ...activity import derived_id
from ...clock import iso, parse_iso
from .. import events
from ..outcomes import marks_of
from ..prompts import Said, beginning_of_turn, said, text_of
from .lines import EVENTLESS_TYPES
from .open_state import (
    Call,
    Response,
    Session,
    asked_a_person,
    circumstances,
    error_text,
    known_as,
    line_id,
    text_in,
    told_with,
)
from .turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...redaction import Redactor
    from .report import TranscriptReport

NO_RESULT = "no result recorded"
_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_creation": "cache_creation_input_tokens",
}


MOST_EARLY = 1000
"""How many results may wait for a call that stands after them (lines out of order)."""


class Conversation:
    """Takes the lines of a file in order and sends each event when its last line has come.

    ``send(session, draft, ts_us)`` receives events not seen before; ``seen`` holds what is known, as ``known_as`` names it.
    ``start_of(session_id)`` is the start a hook noted last (``session_state``): the session's end is named by it.
    """

    def __init__(
        self,
        path: str,
        *,
        send: Callable[[Session, events.Draft, int], None],
        report: TranscriptReport,
        redactor: Redactor,
        prompts: str,
        now_us: int,
        seen: set[bytes],
        start_of: Callable[[str], str | None],
    ) -> None:
        self._path = path
        self._start_of = start_of
        self._deliver = send
        self._report = report
        self._redactor = redactor
        self._prompts = prompts
        self._ts_us = now_us  # of the line, or the last one known before it
        self._seen = seen
        self._turns = Turns(self._send, redactor=redactor, prompts=prompts, seen=seen)
        self._sessions: dict[str, Session] = {}
        self._calls: dict[str, Call] = {}
        self._early: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}  # results that stand before their call
        self._responses: dict[str, Response] = {}

    def take(self, line: dict[str, Any]) -> None:
        """One line of the file."""
        kind = line.get("type")
        timed = self._time(line)
        session = self._session(line, kind)
        if session is not None and not line.get("isSidechain"):
            self._follow(session, line, kind, timed)
        if kind == "assistant" and session is not None:
            self._assistant(session, line, timed)
        elif kind == "user" and session is not None:
            self._user(session, line, timed)
        elif isinstance(kind, str) and kind in EVENTLESS_TYPES:
            self._other(session, line, kind)
        else:
            self._report.unknown(kind if isinstance(kind, str) else f"[{type(kind).__name__}]")

    def close(self) -> None:
        """Nothing follows: what is open is completed as it stands."""
        for call_id, call in self._calls.items():
            call.common[events.UNANSWERED] = True
            self._complete(call_id, call, success=False, error=NO_RESULT)
        if self._early:
            self._report.problems["tool_result without its tool_use"] += len(self._early)
            self._early.clear()
        self._calls.clear()
        for chain in list(self._responses):
            self._finish(chain)
        for session in self._sessions.values():
            self._turns.end(session)
            if session.started and session.first_us is not None and session.last_us is not None:
                features = {
                    **circumstances(session),
                    "session_duration_ms": max(0, session.last_us - session.first_us) / 1000,
                    "total_activities": session.activities,
                    "total_tokens": session.tokens,
                }
                moment = self._start_of(session.id) or session.prompt_id or f"import\0{iso(session.last_us)}"
                self._edge(session, "end", moment, session.last_us, features)

    def settle(self) -> dict[str, str]:
        """Send the responses that are whole though nothing has followed them yet: {chain: activity id} of these."""
        whole = {chain: response for chain, response in self._responses.items() if response.is_whole and response.tokens}
        for chain in whole:
            self._finish(chain)
        return {chain: derived_id("llm_event", "message_id", response.id) for chain, response in whole.items()}

    # --- the line's place

    def _time(self, line: dict[str, Any]) -> bool:
        """Move to the line's time; False when it has none of its own."""
        text = line.get("timestamp")
        if text is None:
            return False
        try:
            self._ts_us = parse_iso(text)
        except (ValueError, AttributeError):
            self._report.problems["timestamp"] += 1
            return False
        self._report.saw(self._ts_us)
        return True

    def _session(self, line: dict[str, Any], kind: Any) -> Session | None:
        """The session of the line; of a line that names none, the one before it, or the one the file is named after."""
        name = text_in(line, "sessionId")
        if name is None:
            if kind not in ("user", "assistant"):
                return None
            self._report.problems["sessionId"] += 1
            name = next(reversed(self._sessions), os.path.basename(self._path).removesuffix(".jsonl"))
        session = self._sessions.pop(name, None) or Session(name)
        self._sessions[name] = session  # the last of them is the one of the line before
        session.cwd = session.cwd or text_in(line, "cwd")
        return session

    def _follow(self, session: Session, line: dict[str, Any], kind: Any, timed: bool) -> None:
        """The course of the main conversation: first and last time, version, branch, and the start."""
        session.version = text_in(line, "version") or session.version
        session.branch = text_in(line, "gitBranch") or session.branch
        if timed:
            session.first_us = self._ts_us if session.first_us is None else session.first_us
            session.last_us = self._ts_us
        if kind in ("user", "assistant") and not session.started and session.first_us is not None:
            session.started = True
            self._edge(session, "start", "", session.first_us, circumstances(session))

    def _edge(self, session: Session, event_type: str, moment: str, ts_us: int, features: dict[str, Any]) -> None:
        self._send(session, events.session_activity(session.id, event_type, moment, features), ts_us)

    def _other(self, session: Session | None, line: dict[str, Any], kind: str) -> None:
        words = said(line) if kind == "attachment" and session is not None else None
        if session is None or words is None:
            self._report.skipped_types[kind] += 1
        elif self._is_first(session, line, words):
            self._prompt(session, line, words, line_id(session, line, words))  # joins the running turn: nothing ends

    # --- the assistant

    def _assistant(self, session: Session, line: dict[str, Any], timed: bool) -> None:
        message = self._message(line)
        if message is None:
            return
        content, is_main = message["content"], not line.get("isSidechain")
        if line.get("isApiErrorMessage") and is_main:
            self._turns.stop(session, "failed", self._ts_us, text_of(content).strip())
            return
        if message.get("model") == "<synthetic>" or line.get("isApiErrorMessage"):
            self._report.skipped_types["synthetic"] += 1  # written by Claude Code itself: no response, and no conclusion
            return
        message_id = text_in(message, "id") or text_in(line, "requestId") or text_in(line, "uuid") or self._path
        replayed = not self._respond(session, line, message, message_id)
        calls = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_use"]
        for block in calls:
            self._call(session, line, block, timed)
        if replayed or not is_main:
            return
        if calls or message.get("stop_reason") == "tool_use":
            session.announce(message_id, self._ts_us)
        elif message_id != session.announced:
            session.conclude(message_id, text_of(content).strip(), self._ts_us)

    def _message(self, line: dict[str, Any]) -> dict[str, Any] | None:
        message = line.get("message")
        if not isinstance(message, dict):
            self._report.problems["message"] += 1
        elif not isinstance(message.get("content"), (str, list)):
            self._report.problems["content"] += 1
            if line.get("type") == "assistant":  # its usage counts all the same
                return {**message, "content": []}
        else:
            return message
        return None

    def _respond(self, session: Session, line: dict[str, Any], message: dict[str, Any], message_id: str) -> bool:
        """Count the response's usage; False when the line replays a response that is over, or another chain's."""
        chain = f"{session.id}/{text_in(line, 'agentId') or bool(line.get('isSidechain'))}"
        response = self._responses.get(chain)
        if response is None or response.id != message_id:
            replayed = any(other.id == message_id for other in self._responses.values())
            if replayed or self._is_known("llm_event", "message_id", message_id):
                return False
            self._finish(chain)
            features = {"token_source": "transcript", **told_with(session, line)}
            if text_in(line, "requestId"):
                features["request_id"] = line["requestId"]
            response = Response(session, message_id, text_in(message, "model") or "unknown", self._ts_us, features)
            self._responses[chain] = response
        response.is_whole = response.is_whole or message.get("stop_reason") is not None
        usage = message.get("usage")
        counts = {name: usage.get(member) for name, member in _TOKENS.items()} if isinstance(usage, dict) else {}
        valid = {name: count for name, count in counts.items() if type(count) is int and 0 <= count < 1 << 53}
        if "input" not in valid and "output" not in valid:
            self._report.problems["usage"] += 1
            return True
        for name, count in valid.items():
            response.tokens[name] = max(count, response.tokens.get(name, 0))
        return True

    def _finish(self, chain: str) -> None:
        """The chain's response is complete: another has begun, or nothing follows."""
        response = self._responses.pop(chain, None)
        if response is not None and response.tokens:
            response.session.tokens += sum(response.tokens.values())
            draft = events.llm_activity(response.id, response.model, response.tokens, response.features)
            self._send(response.session, draft, response.ts_us)

    def _call(self, session: Session, line: dict[str, Any], block: dict[str, Any], timed: bool) -> None:
        call_id, name = text_in(block, "id"), text_in(block, "name")
        if call_id is None or name is None:
            self._report.problems["tool_use"] += 1
        elif call_id not in self._calls and not self._is_known("tool_event", "tool_use_id", call_id):
            common, branch = told_with(session, line), text_in(line, "gitBranch")
            call = Call(session, name, block.get("input"), self._ts_us, timed, common, branch)
            for other in self._calls.values():
                if other.chain == call.chain:
                    other.is_alone = call.is_alone = False
            self._calls[call_id] = call
            early = self._early.pop(call_id, None)
            if early is not None:
                self._result(*early, timed=False)

    # --- the user

    def _user(self, session: Session, line: dict[str, Any], timed: bool) -> None:
        message = self._message(line)
        if message is None:
            return
        blocks = message["content"] if isinstance(message["content"], list) else []
        results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
        for block in results:
            self._result(block, line if len(results) == 1 else {**line, "toolUseResult": None}, timed)
        words, prompt_id = said(line), text_in(line, "promptId")
        if words is None and not results and prompt_id is not None and prompt_id != session.prompt_id:
            words = beginning_of_turn(line)
        if words is None or not self._is_first(session, line, words):
            return
        if words.kind == "interrupt":
            self._turns.stop(session, "interrupted", self._ts_us)
            return
        self._turns.end(session)
        uuid = line_id(session, line, words)
        session.prompt_key, session.prompt_id = prompt_id or uuid, prompt_id
        if words.kind != "prompt":
            return
        key = prompt_id or events.unnamed_prompt_key(session.id, words.text)
        self._prompt(session, line, words, uuid if self._is_known("session_event", "user_prompt", key) else key)

    def _result(self, block: dict[str, Any], line: dict[str, Any], timed: bool) -> None:
        """``line`` holds the result ``block``, and what else is known of it: its structure, and why a call was denied."""
        call_id, content = text_in(block, "tool_use_id"), block.get("content")
        call = self._calls.pop(call_id, None) if call_id is not None else None
        if call_id is None or call is None:
            if call_id is None or len(self._early) >= MOST_EARLY:
                self._report.problems["tool_result without its tool_use"] += 1
            elif not self._is_known("tool_event", "tool_use_id", call_id):
                self._early[call_id] = (block, line)
            return
        success, structured = block.get("is_error") is not True, line.get("toolUseResult")
        spent_us = self._ts_us - call.ts_us
        spent_ms = spent_us / 1000 if timed and call.timed and spent_us >= 0 else None
        is_own_time = call.is_alone and not asked_a_person(line)
        marks = {} if success else marks_of(line.get("toolDenialKind"), text_of(content))
        self._complete(
            call_id,
            call,
            success=success,
            error=None if success else error_text(content),
            latency_ms=spent_ms if is_own_time else None,
            elapsed_ms=None if is_own_time or marks else spent_ms,
            result=content if structured is None else structured,
            result_size=events.content_size(content),
            marks=marks,
        )

    def _complete(self, call_id: str, call: Call, *, elapsed_ms: float | None = None, **outcome: Any) -> None:
        if events.is_own_tool(call.name):
            self._report.own += 1
            self._seen.add(known_as(derived_id("tool_event", "tool_use_id", call_id)))
            return
        drafts = events.tool_activities(
            call_id, call.name, call.input, redactor=self._redactor, common=call.common, git_branch=call.branch, **outcome
        )
        if elapsed_ms is not None:
            drafts[0][2]["elapsed_ms"] = elapsed_ms
        for draft in drafts:
            self._send(call.session, draft, call.ts_us)

    # --- turns

    def _is_first(self, session: Session, line: dict[str, Any], words: Said) -> bool:
        """False for a line that was read before: replayed lines keep their uuid."""
        key = known_as(derived_id("session_event", "line", line_id(session, line, words)))
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _prompt(self, session: Session, line: dict[str, Any], words: Said, key: str) -> None:
        draft = events.prompt_activity(key, session.id, words.text, policy=self._prompts, redactor=self._redactor)
        draft[2].update(told_with(session, line))
        if words.images:
            draft[2]["images"] = words.images
        if session.branch:
            draft[2]["git_branch"] = session.branch
        self._send(session, draft, self._ts_us)

    # --- sending

    def _send(self, session: Session, draft: events.Draft, ts_us: int) -> None:
        key = known_as(draft[1])
        if key not in self._seen:
            self._seen.add(key)
            session.activities += 1
            self._deliver(session, draft, ts_us)

    def _is_known(self, event_name: str, kind: str, key: str) -> bool:
        return known_as(derived_id(event_name, kind, key)) in self._seen
