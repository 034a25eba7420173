"""The tool calls of one transcript, each with the result that follows it (or, in lines out of order, precedes it).

A result names its call by an id. Where that is not unique (see ``ids``) it is the call of the same session that the result's
line follows, else the oldest that is open. A session that uses such an id again has made another call: the first keeps the name
that hooks use, each later one adds its line to it.

What is torn out of a file may be a result. A torn line that names an open call shows whether it failed; where a call stays open
and something behind it is lost, the outcome is unknown, and the call is not recorded as failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import events
from ..ids import call_key, is_own_tool, is_unique_call_id
from ..outcomes import marks_of
from ..prompts import text_of
from .open_state import Call, context_fields, dedup_key_of, error_text, had_permission_dialog, original_uuid, text_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...redaction import Redactor
    from ..draft import EventDraft
    from .copies import Copies
    from .key_set import KeySet
    from .open_state import Session
    from .report import TranscriptReport

NO_RESULT = "no result recorded"
DAMAGED = "_damaged"
"""Marks a call whose result is lost in a damaged part of the transcript."""
MAX_EARLY = 1000
"""How many results may wait for a call that comes after them (lines out of order)."""


class ToolCalls:
    """``send(session, draft, ts_us)`` receives the events of each call once; ``seen`` holds the dedup keys sent already."""

    def __init__(
        self,
        send: Callable[[Session, EventDraft, int], None],
        *,
        seen: KeySet,
        copies: Copies,
        report: TranscriptReport,
        redactor: Redactor,
    ) -> None:
        self._send = send
        self._seen = seen
        self._copies = copies
        self._report = report
        self._redactor = redactor
        self._open: dict[str, Call] = {}
        self._early: dict[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]] = {}
        self._from_side_chains: set[str] = set()  # calls whose id is not unique

    def take(
        self, session: Session, line: dict[str, Any], block: dict[str, Any], ts_us: int, *, timed: bool, nth: int = 0
    ) -> None:
        """A ``tool_use`` block, the ``nth`` of its id on this line."""
        call_id, name = _id_in(block, "id"), text_in(block, "name")
        if name is None:
            self._report.problems["tool_use"] += 1
            return
        key = self._key(session, line, call_id, name, block.get("input"), nth)
        if key is None:
            return
        common, branch, uuid = context_fields(session, line), text_in(line, "gitBranch"), text_in(line, "uuid")
        call = Call(session, call_id, key, uuid, name, block.get("input"), ts_us, timed, common, branch)
        for other in self._open.values():
            if other.chain == call.chain:
                other.is_alone = call.is_alone = False
        self._open[key] = call
        early = self._early.pop(_result_key(session, call_id), None)
        if early is not None:
            self.answer(session, *early, ts_us, timed=False)

    def answer(self, session: Session, block: dict[str, Any], line: dict[str, Any], ts_us: int, *, timed: bool) -> None:
        """``line`` holds the result ``block``, and what else is known of it: its structure, and why a call was denied."""
        call_id, content = _id_in(block, "tool_use_id"), block.get("content")
        call = self._called(session, call_id, line)
        if call is None:
            self._keep(session, call_id, block, line)
            return
        success, structured = block.get("is_error") is not True, line.get("toolUseResult")
        spent_us = ts_us - call.ts_us
        spent_ms = spent_us / 1000 if timed and call.timed and spent_us >= 0 else None
        is_own_time = call.is_alone and not had_permission_dialog(line)
        marks = {} if success else marks_of(line.get("toolDenialKind"), text_of(content))
        self._complete(
            call,
            success=success,
            error=None if success else error_text(content),
            latency_ms=spent_ms if is_own_time else None,
            elapsed_ms=None if is_own_time or marks else spent_ms,
            result=content if structured is None else structured,
            result_size=events.content_size(content),
            marks=marks,
        )

    def damaged(self, text: str) -> None:
        """Something is torn out here; ``text`` is what is left of it. The whole of it may follow."""
        text = text.replace('": ', '":')
        for call in self._open.values():
            call.is_damaged = True
            if f'"tool_use_id":"{call.id}"' in text:
                call.outcome = '"is_error":true' not in text

    def close(self) -> None:
        """Nothing follows: what is open was never answered, as far as the file is whole."""
        for call in list(self._open.values()):
            if call.outcome is None:
                call.common[events.UNANSWERED] = True
                success, error = call.is_damaged, None if call.is_damaged else NO_RESULT
            else:
                success, error = call.outcome, None if call.outcome else "failed; its message is lost"
            self._complete(call, success=success, error=error, lost=call.is_damaged)
        if self._early:
            self._report.problems["tool_result without its tool_use"] += len(self._early)
            self._early.clear()

    # --- which call

    def _key(self, session: Session, line: dict[str, Any], call_id: str, name: str, tool_input: Any, nth: int) -> str | None:
        """What names the call; None for one that is known."""
        key = call_key(session.id, call_id, name, tool_input)
        if is_unique_call_id(call_id):
            return None if key in self._open or self._is_known(key) else key
        uuid = original_uuid(line)
        line_key = f"{uuid}\0{call_id}" + (f"\0{nth}" if nth else "")
        seen_as = dedup_key_of("tool_event", "line", line_key)
        if (uuid is not None and seen_as in self._seen) or self._copies.is_copy(line_key):
            return None
        self._seen.add(seen_as)
        is_side, is_taken = bool(line.get("isSidechain")), key in self._open or self._is_known(key)
        if is_taken:
            if uuid is None or (is_side and key not in self._from_side_chains):
                return None  # a side chain that replays its parent
            key = f"{key}@{uuid}" + (f"@{nth}" if nth else "")
        if is_side:
            self._from_side_chains.add(key)
        return None if is_taken and self._is_known(key) else key

    def _called(self, session: Session, call_id: str, line: dict[str, Any]) -> Call | None:
        """The open call that this result belongs to."""
        if is_unique_call_id(call_id):
            return self._open.get(call_id)
        calls = [call for call in self._open.values() if call.id == call_id and call.session is session]
        before = (text_in(line, "sourceToolAssistantUUID"), text_in(line, "parentUuid"))
        return next((call for call in calls if call.line is not None and call.line in before), calls[0] if calls else None)

    def _keep(self, session: Session, call_id: str, block: dict[str, Any], line: dict[str, Any]) -> None:
        """A result without its call: that may be known already, come later, or never."""
        if not call_id or len(self._early) >= MAX_EARLY:
            self._report.problems["tool_result without its tool_use"] += 1
        elif not self._is_known(call_id) and not self._is_answered(session, call_id):
            self._early[_result_key(session, call_id)] = (block, line)

    def _is_answered(self, session: Session, call_id: str) -> bool:
        return dedup_key_of("tool_event", "result", f"{session.id}\0{call_id}") in self._seen

    def _is_known(self, key: str) -> bool:
        return dedup_key_of("tool_event", "tool_use_id", key) in self._seen

    # --- the events of a call

    def _complete(self, call: Call, *, elapsed_ms: float | None = None, lost: bool = False, **outcome: Any) -> None:
        del self._open[call.key]
        if not is_unique_call_id(call.id):
            self._seen.add(dedup_key_of("tool_event", "result", f"{call.session.id}\0{call.id}"))
        if is_own_tool(call.name):
            self._report.own += 1
            self._seen.add(dedup_key_of("tool_event", "tool_use_id", call.key))
            return
        if lost:
            call.common[DAMAGED] = True
        drafts = events.tool_activities(
            call.id,
            call.name,
            call.input,
            key=call.key,
            redactor=self._redactor,
            common=call.common,
            git_branch=call.branch,
            **outcome,
        )
        if elapsed_ms is not None:
            drafts[0].features["elapsed_ms"] = elapsed_ms
        for draft in drafts:
            self._send(call.session, draft, call.ts_us)


def _id_in(block: dict[str, Any], name: str) -> str:
    """The id of a call, as text; empty where a gateway gave none."""
    found = block.get(name)
    return found if isinstance(found, str) else str(found) if type(found) is int else ""


def _result_key(session: Session, call_id: str) -> tuple[str, str]:
    return ("" if is_unique_call_id(call_id) else session.id), call_id
