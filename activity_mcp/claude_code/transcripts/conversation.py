"""Turns the lines of one transcript into events: calls paired with results, responses, turns and sessions.

    tool_event     one per tool_use id, at the time of the call; success and error are those of its tool_result, latency the
                   time between the two lines; where other calls ran meanwhile, or a permission dialog was open, that time is
                   elapsed_ms, which no percentile counts. Denied and interrupted calls (``outcomes``) have neither. A call
                   that a finished file never answers was interrupted or crashed: success false, error "no result recorded", and
                   ``_unanswered``, because the session may go on and answer it: then the answered one is sent as well, and
                   outranks this.
    file_event     beside it for Read, Write, Edit, MultiEdit and NotebookEdit.
    llm_event      one per message.id with usage. A response is written as several lines, whose counts may grow: the largest
                   of each counts. A side chain that replays the message, with another requestId, adds nothing. prompt_tokens
                   are the uncached input; transcripts under-report, hence token_source; a cost is never invented.
    user_prompt    what ``prompts.user_utterance`` takes for a person's prompt.
    turn_end       the last text of the main conversation before the next turn begins, or before the end. The text of a message
                   that calls a tool only announces the call.
    turn_stopped   a turn that an error of the API, the user or the end of the process stopped.
    start, end     of each session in the file, from its main conversation (not from a subagent's lines).
    and more       what the transcript says of its session beside the conversation (``session_facts``).

Lines may repeat earlier ones word for word, in the same file or in another: what was seen is recognised by its id and adds
nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ...clock import iso, parse_iso
from .. import events
from ..ids import unnamed_prompt_key
from ..prompts import Utterance, beginning_of_turn, classified, text_of, user_utterance
from . import queued, session_facts
from .calls import ToolCalls
from .lines import EVENTLESS_TYPES
from .open_state import Session, circumstances, context_fields, dedup_key, dedup_key_of, line_id, text_in
from .responses import Responses
from .subagents import Subagent

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...redaction import Redactor
    from ..draft import EventDraft
    from .copies import Copies
    from .key_set import KeySet
    from .report import TranscriptReport
    from .responses import Chain


class Conversation:
    """Takes the lines of a file in order and sends each event when its last line has come.

    ``send(session, draft, ts_us)`` receives events not seen before; ``seen`` holds their ``dedup_key``.
    ``start_of(session_id)`` is the start a hook noted last (``session_state``): the session's end is named by it;
    ``repeats_of(key)`` how many repeats of a prompt without an id hooks have recorded, ``noted_key(session_id, text)`` what a
    hook named a prompt that waited in the queue; ``history_key(session_id, text)`` what an import of the history named one.
    """

    def __init__(
        self,
        path: str,
        *,
        send: Callable[[Session, EventDraft, int, int | None], None],
        report: TranscriptReport,
        redactor: Redactor,
        prompts: str,
        now_us: int,
        seen: KeySet,
        copies: Copies,
        start_of: Callable[[str], str | None],
        repeats_of: Callable[[str], int],
        noted_key: Callable[[str, str], str | None],
        history_key: Callable[[str, str], str | None],
    ) -> None:
        self._path = path
        self._start_of = start_of
        self._repeats_of = repeats_of
        self._noted_key = noted_key
        self._history_key = history_key
        self._deliver = send
        self._report = report
        self._redactor = redactor
        self._prompts = prompts
        self._ts_us = now_us  # of the line, or the last one known before it
        self._seen = seen
        self._sessions: dict[str, Session] = {}
        self._copies = copies
        self._calls = ToolCalls(self._send, seen=seen, copies=copies, report=report, redactor=redactor)
        self._responses = Responses(self._send, seen, report, Subagent(path))
        self._position = 0

    def take(self, line: dict[str, Any], position: int) -> None:
        """One line of the file, which begins at ``position``."""
        self._position = position
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

    def damaged(self, text: str) -> None:
        """Here something is torn out of the file; ``text`` is what is left of it."""
        self._calls.damaged(text)

    def pause(self) -> None:
        """The file is read, and the session may go on: what is complete is sent."""
        self._responses.finish(closing=False)

    def settle(self) -> dict[Chain, str]:
        """Send the responses that are whole though none has followed them: the activity id of each, by its chain."""
        return self._responses.settle()

    def close(self) -> None:
        """Nothing follows: what is open is completed as it is."""
        self._calls.close()
        self._responses.finish(closing=True)
        for session in self._sessions.values():
            self._end_turns(session)
            if session.is_continued:
                continue
            if session.started and session.first_us is not None and session.last_us is not None:
                features = {
                    **circumstances(session),
                    "session_duration_ms": max(0, session.last_us - session.first_us) / 1000,
                    "total_activities": session.activities,
                    "total_tokens": session.tokens,
                }
                moment = self._start_of(session.id) or session.turns.last_prompt_id or f"import\0{iso(session.last_us)}"
                self._edge(session, "end", moment, session.last_us, features)

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
        """The course of the main conversation: its turn, first and last time, version, branch, and the start."""
        session.turns.follow(line)
        session.version = text_in(line, "version") or session.version
        session.branch = text_in(line, "gitBranch") or session.branch
        if timed:
            session.first_us = min(self._ts_us, session.first_us or self._ts_us)
            session.last_us = max(self._ts_us, session.last_us or self._ts_us)
        if kind in ("user", "assistant") and not session.started and session.first_us is not None:
            session.started = True
            self._note_fork(session, line)
            self._edge(session, "start", "", session.first_us, circumstances(session))

    def _note_fork(self, session: Session, line: dict[str, Any]) -> None:
        """A session that begins in the middle of a file, and not with a line that follows none, is a fork of the one before: of
        that the file holds a copy only, and not its end.
        """
        before = [other for other in self._sessions.values() if other is not session and other.started]
        if before and line.get("parentUuid", "") is not None:
            before[-1].is_continued = True

    def _edge(self, session: Session, event_type: str, moment: str, ts_us: int, features: dict[str, Any]) -> None:
        self._send(session, events.session_activity(session.id, event_type, moment, features), ts_us)

    def _other(self, session: Session | None, line: dict[str, Any], kind: str) -> None:
        words = user_utterance(line) if kind == "attachment" and session is not None else None
        if session is not None and kind == "queue-operation":
            queued.follow(session, line, self._ts_us)
        if session is None or words is None:
            if session is None or not self._fact(session, line, kind):
                self._report.skipped_types[kind] += 1
        elif self._is_first(session, line, words):
            queued.mark_recorded(session, words.text)
            key = self._noted_key(session.id, words.text) or line_id(session, line, words)
            self._prompt(session, line, words, key)  # joins the running turn: nothing ends

    def _fact(self, session: Session, line: dict[str, Any], kind: str) -> bool:
        """Whether the line says something of its session, which is sent."""
        if kind not in session_facts.TYPES or session.last_us is None:
            return False
        draft = session_facts.session_fact(line, session.id, self._ts_us, policy=self._prompts, redactor=self._redactor)
        if draft is None:
            return False
        if self._copies.is_copy(f"fact\0{draft.activity_id}"):
            return True
        self._send(session, draft, self._ts_us)
        return True

    # --- the assistant

    def _assistant(self, session: Session, line: dict[str, Any], timed: bool) -> None:
        message = self._message(line)
        if message is None:
            return
        content, is_main = message["content"], not line.get("isSidechain")
        if line.get("isApiErrorMessage") and is_main:
            self._stop_turn(session, "failed", text_of(content).strip())
            return
        if message.get("model") == "<synthetic>" or line.get("isApiErrorMessage"):
            self._report.skipped_types["synthetic"] += 1  # written by Claude Code itself: no response, and no conclusion
            return
        response = self._responses.take(session, line, message, self._ts_us, self._position)
        calls = [block for block in content if isinstance(block, dict) and block.get("type") == "tool_use"]
        for nth, block in enumerate(calls):
            self._calls.take(session, line, block, self._ts_us, timed=timed, nth=_nth_of_its_id(calls, nth))
        if response is None or not is_main:
            return
        if calls or message.get("stop_reason") == "tool_use":
            session.turn.announce(response, self._ts_us, calls)
        elif response != session.turn.announced and (text := text_of(content).strip()):
            session.turn.add_answer(response, text, self._ts_us)

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

    # --- the user

    def _user(self, session: Session, line: dict[str, Any], timed: bool) -> None:
        message = self._message(line)
        if message is None:
            return
        blocks = message["content"] if isinstance(message["content"], list) else []
        results = [block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_result"]
        self._responses.interrupt(session, line)
        for block in results:
            source = line if len(results) == 1 else {**line, "toolUseResult": None}
            self._calls.answer(session, block, source, self._ts_us, timed=timed)
            session.turn.take_result(block, self._ts_us)
        words, prompt_id = user_utterance(line), text_in(line, "promptId")
        if words is None and not results and prompt_id is not None and prompt_id != session.turn.prompt_id:
            words = beginning_of_turn(line)
        if words is None or not self._is_first(session, line, words):
            return
        if words.kind == "interrupt":
            self._stop_turn(session, "interrupted")
            return
        queued.mark_recorded(session, words.text)
        self._end_turn(session)
        uuid = line_id(session, line, words)
        session.turns.begin(line, prompt_id or uuid, prompt_id)
        if words.kind != "prompt":
            return
        noted = self._noted_key(session.id, words.text) if line.get("promptSource") == "queued" else None
        self._prompt(session, line, words, noted or self._prompt_key(session, words.text, prompt_id, uuid))

    # --- turns

    def _is_first(self, session: Session, line: dict[str, Any], words: Utterance) -> bool:
        """False for a line that was read before, in this file or in that of the session it was copied from."""
        name = line_id(session, line, words)
        key = dedup_key_of("session_event", "line", name)
        if key in self._seen:
            return False
        if self._copies.is_copy(name):
            self._report.already += 1
            if line.get("type") == "user":
                self._end_turn(session)
                session.is_copied = True
            return False
        self._seen.add(key)
        if line.get("type") == "user" and session.is_copied:
            self._end_turn(session)
            session.is_copied = False
        return True

    def _absorbed(self, session: Session) -> None:
        """Prompts that were handed to the model within the turn that is over, and that no other line reports."""
        for waiting in session.absorbed:
            words = classified("queued", waiting.text)
            name = f"queued\0{waiting.text}\0{waiting.ts_us}"
            if words is not None and words.kind == "queued" and not self._copies.is_copy(name):
                repeated = f"{unnamed_prompt_key(session.id, words.text)}\0{waiting.ts_us}"
                noted = self._noted_key(session.id, words.text)
                key = noted or self._prompt_key(session, words.text, None, repeated)
                self._prompt(session, {}, words, key, waiting.ts_us)
        session.absorbed.clear()

    def _prompt_key(self, session: Session, text: str, prompt_id: str | None, otherwise: str) -> str:
        """What names the prompt; of a repeat without an id the key that a hook gave it, and ``otherwise`` where none did."""
        taken = self._history_key(session.id, text)
        if taken is not None:
            return taken
        key = prompt_id or unnamed_prompt_key(session.id, text)
        if not self._is_known("session_event", "user_prompt", key):
            return key
        if prompt_id is not None:
            return otherwise
        session.repeats[key] += 1
        repeat = session.repeats[key]
        return unnamed_prompt_key(session.id, text, repeat) if repeat <= self._repeats_of(key) else otherwise

    def _prompt(self, session: Session, line: dict[str, Any], words: Utterance, key: str, ts_us: int | None = None) -> None:
        draft = events.prompt_activity(key, session.id, words.text, policy=self._prompts, redactor=self._redactor)
        draft.features.update(context_fields(session, line))
        if words.images:
            draft.features["images"] = words.images
        if session.branch:
            draft.features["git_branch"] = session.branch
        self._send(session, draft, self._ts_us if ts_us is None else ts_us)

    def _end_turn(self, session: Session) -> None:
        """Another turn begins, or nothing follows: the last text was the conclusion; a call that was announced last was not."""
        self._absorbed(session)
        turn = session.turn
        if turn.announced is not None:
            self._stop_turn(session, "unfinished", ts_us=turn.answer_us)
        text = turn.take_answer()
        if text is None:
            return
        draft = self._concluded(session, turn.prompt_id, text)
        # The same words as at the end of another turn?
        if turn.prompt_id is None and dedup_key(draft.activity_id) in self._seen:
            draft = self._concluded(session, turn.prompt_key, text)
        self._send_turn(session, draft, turn.answer_us)

    def _end_turns(self, session: Session) -> None:
        for turn in session.turns.open:
            session.turns.current = turn
            self._end_turn(session)

    def _stop_turn(self, session: Session, reason: str, error: str | None = None, ts_us: int | None = None) -> None:
        turn = session.turn
        turn.take_answer()
        turn.announced = None
        draft = events.turn_stopped_activity(session.id, turn.prompt_id or turn.prompt_key, reason, error, self._redactor)
        self._send_turn(session, draft, self._ts_us if ts_us is None else ts_us)

    def _send_turn(self, session: Session, draft: EventDraft, ts_us: int) -> None:
        if session.is_copied:
            return
        found = {"prompt_id": session.turn.prompt_id, "git_branch": session.branch}
        draft.features.update({name: value for name, value in found.items() if value})
        self._send(session, draft, ts_us)

    def _concluded(self, session: Session, prompt_key: str | None, text: str) -> EventDraft:
        return events.turn_end_activity(session.id, prompt_key, text or None, policy=self._prompts, redactor=self._redactor)

    # --- sending

    def _send(self, session: Session, draft: EventDraft, ts_us: int, position: int | None = None) -> None:
        if self._seen.add(dedup_key(draft.activity_id)):
            session.activities += 1
            self._deliver(session, draft, ts_us, position)

    def _is_known(self, event_name: str, kind: str, key: str) -> bool:
        return dedup_key_of(event_name, kind, key) in self._seen


def _nth_of_its_id(blocks: list[dict[str, Any]], at: int) -> int:
    """How many blocks before this one have the same id."""
    return sum(block.get("id") == blocks[at].get("id") for block in blocks[:at])
