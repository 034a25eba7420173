"""What was recorded, beside what happened: each fact once, none invented, and an import that adds only what hooks cannot know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from claude_client.facts import Truth
from claude_client.lab import Row

ADDED_BY_IMPORT = ("llm_event",)
"""What an import may always add: no hook says what a response cost."""
_TOKENS = {
    "prompt_tokens": "input_tokens",
    "completion_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_input_tokens",
    "cache_creation_tokens": "cache_creation_input_tokens",
}
_EXCERPT = 300


@dataclass(slots=True)
class Verdict:
    """How many facts there were, and in words each that is missing, is recorded twice, or contradicts what happened."""

    expected: int = 0
    recorded: int = 0
    missing: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.missing, *self.doubled, *self.wrong]

    def count(self, what: str, expected: int, found: int) -> None:
        """So many facts of a kind were expected, so many were found."""
        self.expected += expected
        self.recorded += min(expected, found)
        if found < expected:
            self.missing.append(f"{what}: {expected - found} missing of {expected}")
        elif found > expected:
            self.doubled.append(f"{what}: {found - expected} more than the {expected} there were")

    def match(self, what: str, expected: Counter[str], found: Counter[str], possible: Counter[str]) -> None:
        """The same, of facts with a text of their own. Of the ``possible`` ones nobody knows whether they happened."""
        for text in expected | found:
            beyond = min(possible[text], max(0, found[text] - expected[text]))
            self.count(f"{what} {text[:40]!r}", expected[text], found[text] - beyond)

    def add(self, other: Verdict) -> None:
        self.expected += other.expected
        self.recorded += other.recorded
        for name in ("missing", "doubled", "wrong"):
            getattr(self, name).extend(getattr(other, name))


def compare(truth: Truth, rows: list[Row], *, starts: int, ends: int, left: int = 0) -> Verdict:
    """Everything, once an import has read the transcripts. ``left`` turns were left by their process without an end."""
    verdict = compare_live(truth, rows, starts=starts, ends=ends)
    stopped = Counter(str(row.features.get("reason")) for row in rows if row.kind == "turn_stopped")
    expected = Counter(failed=truth.failed_turns, interrupted=truth.interrupted_turns, unfinished=left)
    verdict.match("turn that was", expected, stopped, Counter())
    _compare_calls(verdict, truth, rows, live=False)
    _compare_responses(verdict, truth, rows)
    return verdict


def compare_live(truth: Truth, rows: list[Row], *, starts: int, ends: int) -> Verdict:
    """Prompts, turns and sessions: what is to be there when the client has gone, without an import."""
    verdict = Verdict()
    kinds = Counter(row.kind for row in rows)
    verdict.count("start", starts, kinds["start"])
    verdict.count("end", ends, kinds["end"])
    verdict.match("prompt", _excerpts(truth.prompts.elements()), _said(rows, "user_prompt"), Counter())
    turns = [row for row in rows if row.kind == "turn_end" and not row.is_subagents]
    concluded = [row for row in turns if _is_concluded(row)]
    possible = _excerpts(truth.possible_turns.elements())
    verdict.match("turn", _excerpts(truth.turns.elements()), _said(concluded, "turn_end"), possible)
    subagents = [row for row in rows if row.kind == "turn_end" and row.is_subagents]
    verdict.match("subagent's turn", _excerpts(truth.subagent_turns.elements()), _said(subagents, "turn_end"), possible)
    return verdict


def _is_concluded(row: Row) -> bool:
    return row.features.get("outcome") is None and not row.features.get("interrupted")


def _compare_calls(verdict: Verdict, truth: Truth, rows: list[Row], *, live: bool) -> None:
    by_id: dict[str, list[Row]] = {}
    for row in rows:
        if row.event == "tool_event":
            by_id.setdefault(str(row.features.get("tool_use_id")), []).append(row)
    for call_id, call in truth.calls.items():
        found = by_id.pop(call_id, [])
        what = f"{call.tool} {call_id} ({call.outcome}{', of a subagent' if call.is_subagents else ''})"
        if not call.is_own and not (live and call.is_refused):
            verdict.count(what, 1, len(found))
        elif call.is_own and found:
            verdict.doubled.append(f"{what}: the server's own call, recorded by hook or import")
        for row in found:
            recorded = outcome_of(row)
            if recorded != call.outcome:
                verdict.wrong.append(f"{what}: recorded as {recorded} by {row.source} ({row.features.get('error')!r})")
    for call_id, found in by_id.items():
        if found[0].source in ("hook", "import"):
            verdict.doubled.append(f"{found[0].features.get('tool_name')} {call_id}: in no transcript")


def outcome_of(row: Row) -> str:
    """The outcome of a recorded call, in the words of ``facts``."""
    features = row.features
    if features.get("denied"):
        return f"denied by {features['denied']}"
    if features.get("interrupted"):
        return "interrupted"
    if features.get("_unanswered"):
        return "unanswered"
    return "ok" if features["success"] else "failed"


def _compare_responses(verdict: Verdict, truth: Truth, rows: list[Row]) -> None:
    recorded: dict[str, list[Row]] = {}
    for row in rows:
        if row.event == "llm_event":
            recorded.setdefault(str(row.features.get("request_id")), []).append(row)
    for request_id, request in truth.responses.items():
        found = recorded.pop(request_id, [])
        verdict.count(f"response {request.script} {request.step.text[:30]!r}", 1, len(found))
        for row in found:
            spent = {name: row.features[name] for name in _TOKENS}
            served = {name: request.usage[member] for name, member in _TOKENS.items()}
            if spent != served:
                verdict.wrong.append(f"response {request_id}: recorded {spent}, served {served}")
    for request_id, found in recorded.items():
        if request_id not in truth.unfinished or len(found) > 1:
            verdict.doubled.append(f"response {request_id} was never received whole: {found[0].features}")


def _said(rows: Iterable[Row], kind: str) -> Counter[str]:
    return Counter(str(row.features.get("excerpt", "")) for row in rows if row.kind == kind)


def _excerpts(texts: Iterable[str]) -> Counter[str]:
    return Counter(text.strip()[:_EXCERPT].strip() for text in texts)
