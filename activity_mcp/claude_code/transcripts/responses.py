"""The responses of the model in one transcript: each is written as several lines, whose counts may grow.

The greatest count of each kind is the response's, wherever its lines are: subagents that run side by side write them in
turns. So a response stays open until the file is read, or until MAX_OPEN younger ones have begun. It is complete, for the
ledger, where the next response of its chain begins; the last of each chain only when nothing follows.

A side chain that replays a message of its parent, with another requestId, adds nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..ids import is_unique_message_id, is_unique_request_id
from ..model_requests import kind_of_request, llm_activity, message_activity_id, request_activity_id
from .open_state import Response, context_fields, dedup_key, original_uuid, text_in, texts_in
from .usage import counts_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..draft import EventDraft
    from .key_set import KeySet
    from .open_state import Session
    from .report import TranscriptReport
    from .subagents import Subagent

Chain = tuple[str, "str | bool"]
"""A session, and in it a subagent's id, or whether it is a side chain without one."""
MAX_OPEN = 256
_GIVEN = ("input", "cache_read", "cache_creation")
_DETAILS = {
    "cache_creation_5m_tokens": ("cache_creation", "ephemeral_5m_input_tokens"),
    "cache_creation_1h_tokens": ("cache_creation", "ephemeral_1h_input_tokens"),
    "web_searches": ("server_tool_use", "web_search_requests"),
}
_ATTRIBUTIONS = {
    "agent_type": "attributionAgent", "skill": "attributionSkill", "mcp_server": "attributionMcpServer",
    "mcp_tool": "attributionMcpTool", "effort": "effort", "cli_version": "version", "git_branch": "gitBranch",
}  # fmt: skip
_TIERS = {"speed": "speed", "service_tier": "service_tier"}


class Responses:
    """``send(session, draft, ts_us, position)`` receives each response once; ``seen`` holds the dedup keys sent already.

    ``subagent`` is what is known of the subagent whose file this is (``subagents``): its parent's responses are not its own.
    """

    def __init__(
        self,
        send: Callable[[Session, EventDraft, int, int | None], None],
        seen: KeySet,
        report: TranscriptReport,
        subagent: Subagent,
    ) -> None:
        self._send = send
        self._seen = seen
        self._subagent = subagent
        self._message_of: dict[str, str] = {}  # of each request: a gateway may give one id to all
        self._report = report
        self._open: dict[str, Response] = {}
        self._alike: dict[tuple[Chain, str], list[Response]] = {}  # of these the open ones of a chain that share an id
        self._current: dict[Chain, Response] = {}
        self._by_line: dict[str, Response] = {}  # of responses whose id is not unique, the lines they hold

    def take(self, session: Session, line: dict[str, Any], message: dict[str, Any], ts_us: int, position: int) -> str | None:
        """Count the line's usage. The key of its response; None for a line that replays one that is over or another chain's."""
        chain, usage = _chain_of(session, line), self._usage(message)
        message_id, request_id = text_in(message, "id") or text_in(line, "requestId") or "", text_in(line, "requestId")
        is_unique = is_unique_message_id(message_id, request_id)
        response = self._open.get(message_id) if is_unique else self._same(chain, session, line, message_id, usage)
        if response is None:
            key = message_id if is_unique else _line_key(session, line, message, message_id, ts_us)
            response = Response(session, key, message_id, text_in(message, "model") or "unknown", ts_us)
            self._begin(response, chain, line, position)
        if response.chain != chain:
            return None
        response.is_whole = response.is_whole or message.get("stop_reason") is not None
        for name, count in usage.items():
            response.tokens[name] = max(count, response.tokens.get(name, 0))
        for name, count in _details(message).items():
            response.details[name] = max(count, response.details.get(name, 0))
        uuid = text_in(line, "uuid")
        if uuid is not None and not is_unique:
            self._by_line[uuid] = response
            response.lines.append(uuid)
        return response.key if self._current.get(chain) is response and not response.is_known else None

    def interrupt(self, session: Session, line: dict[str, Any]) -> None:
        """A line of the user's came: what follows is another response, even under the same id."""
        current = self._current.get(_chain_of(session, line))
        if current is not None:
            current.is_followed = True

    def finish(self, *, closing: bool) -> None:
        """The file is read: send what is complete, and when nothing follows all of it."""
        for response in list(self._open.values()):
            if closing or response.position is not None:
                self._finish(response)

    def settle(self) -> dict[Chain, str]:
        """Send the last response of each chain, if it is whole: the activity id of each."""
        whole = [response for response in self._open.values() if response.is_whole and response.tokens]
        for response in whole:
            self._finish(response)
        return {response.chain: self._activity_id(response) for response in whole}

    def _begin(self, response: Response, chain: Chain, line: dict[str, Any], position: int) -> None:
        response.features = {"token_source": "transcript", **context_fields(response.session, line), **self._asked_by(line)}
        if text_in(line, "requestId"):
            response.features["request_id"] = line["requestId"]
        response.chain = chain
        previous = self._current.get(chain)
        if previous is not None and previous.position is None:
            previous.position = position
        self._current[chain] = response
        response.named = message_activity_id(response.key)
        key = dedup_key(response.named)
        response.is_known = key in self._seen or key in self._subagent.parents_responses()
        if (replaced := self._open.get(response.key)) is not None:
            self._leave_alike(replaced)
        self._open[response.key] = response
        self._alike.setdefault((chain, response.id), []).append(response)
        if len(self._open) > MAX_OPEN:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        oldest = next((response for response in self._open.values() if response.position is not None), None)
        if oldest is not None:
            self._finish(oldest)

    def _leave_alike(self, response: Response) -> None:
        alike = self._alike[response.chain, response.id]
        alike.remove(response)
        if not alike:
            del self._alike[response.chain, response.id]

    def _finish(self, response: Response) -> None:
        del self._open[response.key]
        self._leave_alike(response)
        for uuid in response.lines:
            self._by_line.pop(uuid, None)
        if response.tokens and not response.is_known:
            response.session.tokens += sum(response.tokens.values())
            features = response.features | {name: count for name, count in response.details.items() if count}
            draft = llm_activity(self._activity_id(response), response.model, response.tokens, features)
            self._send(response.session, draft, response.ts_us, response.position)
            self._seen.add(dedup_key(response.named))

    def _activity_id(self, response: Response) -> str:
        request_id = response.features.get("request_id")
        is_its_own = self._message_of.setdefault(request_id, response.key) == response.key if request_id else False
        if request_id and is_its_own and is_unique_request_id(request_id):
            return request_activity_id(request_id)
        return response.named

    def _asked_by(self, line: dict[str, Any]) -> dict[str, Any]:
        """Who asked for the response, and how: as far as the line and the subagent's description name it."""
        named: dict[str, Any] = {**self._subagent.features(), **texts_in(line, _ATTRIBUTIONS)}
        usage = line["message"].get("usage")
        if isinstance(usage, dict):
            named |= texts_in(usage, _TIERS)
        is_subagent = bool(text_in(line, "agentId") or line.get("isSidechain"))
        return {**named, "request_kind": kind_of_request(None, is_subagent=is_subagent)}

    # --- ids that are not unique

    def _same(
        self, chain: Chain, session: Session, line: dict[str, Any], message_id: str, usage: dict[str, int]
    ) -> Response | None:
        """The response that this line goes on with or repeats: by its uuid; by the line it follows; else the chain's last of
        this id, if no line of the user's came between, or if it was given the same.
        """
        known = self._by_line.get(text_in(line, "uuid") or "")
        if known is not None:
            return known
        parent = self._by_line.get(text_in(line, "parentUuid") or "")
        if parent is not None and parent.id == message_id and _is_given_alike(parent, usage):
            return parent
        current = self._current.get(chain)
        if current is not None and current.is_whole and current.is_followed:
            current = None  # it had said that it ends, and was answered
        given = any(usage.get(name) for name in _GIVEN)
        if current is not None and current.id == message_id and _is_given_alike(current, usage):
            return current if given or not current.is_followed else None
        beside = reversed(self._alike.get((chain, message_id), ())) if given else ()
        alike = (response for response in beside if not response.is_followed and _is_given_alike(response, usage))
        return next(alike, None) or self._replayed(session, line, message_id, usage)

    def _replayed(self, session: Session, line: dict[str, Any], message_id: str, usage: dict[str, int]) -> Response | None:
        """The response of the main chain that a side chain repeats, known by its id and all of its counts."""
        if not line.get("isSidechain") or not usage:
            return None
        main = self._current.get((session.id, False))
        return main if main is not None and main.id == message_id and main.tokens == usage else None

    def _usage(self, message: dict[str, Any]) -> dict[str, int]:
        counts = counts_of(message.get("usage"))
        if not counts and not message.get("usageFollows"):
            self._report.problems["usage"] += 1
        return counts


def _details(message: dict[str, Any]) -> dict[str, int]:
    usage, found = message.get("usage"), {}
    for name, (part, member) in _DETAILS.items():
        within = usage.get(part) if isinstance(usage, dict) else None
        count = within.get(member) if isinstance(within, dict) else None
        if type(count) is int and 0 < count < 1 << 53:
            found[name] = count
    return found


def _chain_of(session: Session, line: dict[str, Any]) -> Chain:
    return session.id, text_in(line, "agentId") or bool(line.get("isSidechain"))


def _line_key(session: Session, line: dict[str, Any], message: dict[str, Any], message_id: str, ts_us: int) -> str:
    return original_uuid(line) or "\0".join((session.id, message_id, str(ts_us), repr(message.get("content"))[:1000]))


def _is_given_alike(response: Response, usage: dict[str, int]) -> bool:
    """Whether both have the same input counts, as all lines of a response do; some lines give them only at the end."""
    known = [[counts.get(name, 0) for name in _GIVEN] for counts in (response.tokens, usage)]
    return known[0] == known[1] or not any(known[0]) or not any(known[1])
