"""A scenario: what one lab goes through, and what is then looked at whichever it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from claude_client.compare import Verdict, compare, compare_live
from claude_client.facts import Truth, truth_of
from claude_client.lab import Lab
from claude_client.versions import number_of

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Scenario:
    """``play`` is what happens; ``is_short`` ones run in every change's test; ``since`` is the first version that can do it."""

    name: str
    play: Callable[[Lab], None]
    is_short: bool
    needs_terminal: bool
    since: str
    checks: list[Callable[[Outcome], None]] = field(default_factory=list)

    def runs_on(self, version: str) -> bool:
        return number_of(version) >= number_of(self.since)


@dataclass(slots=True)
class Outcome:
    """What a scenario's own checks look at, beside the comparison that all of them get."""

    lab: Lab
    truth: Truth
    verdict: Verdict
    context: dict[str, Any]

    def calls_failed(self, words: str) -> bool:
        """Whether the context has it among what failed, not among what was refused."""
        failed = [session.get("failed_commands", []) for session in self.context["recent_sessions"]]
        return words in json.dumps([self.context["recent_errors"], failed])

    def expect(self, holds: bool, reported: str) -> None:
        if not holds:
            self.verdict.wrong.append(reported)


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    *, short: bool = False, terminal: bool = False, since: str = "0.0.0"
) -> Callable[[Callable[[Lab], None]], Scenario]:
    """Register a scenario under its function's name."""

    def register(play: Callable[[Lab], None]) -> Scenario:
        made = SCENARIOS[play.__name__] = Scenario(play.__name__, play, short, terminal, since)
        return made

    return register


def judge(lab: Lab, found: Scenario) -> Verdict:
    """Play it, then compare: before an import, after it, and after it again."""
    found.play(lab)
    truth = truth_of(lab)
    rows = lab.rows()
    reported = sum(row.kind == "end" for row in rows) - lab.ended
    before = compare_live(truth, rows, starts=lab.started, ends=lab.ended + max(0, min(reported, lab.hung_up)))
    lab.import_later()
    verdict = compare(truth, lab.rows(), starts=lab.started, ends=lab.ended + lab.hung_up + lab.killed, left=lab.left)
    verdict.wrong += [f"before the import: {fault}" for fault in before.faults if fault not in verdict.faults]
    again = lab.import_later()["activities"]
    if again:
        verdict.doubled.append(f"a second import adds {again}")
    outcome = Outcome(lab, truth, verdict, lab.context())
    _check_conclusions(outcome)
    for check in found.checks:
        check(outcome)
    return verdict


def _check_conclusions(outcome: Outcome) -> None:
    """The context says of nothing that it was concluded but of the text that ended a turn."""
    ended = [text.strip() for text in outcome.truth.turns + outcome.truth.possible_turns]
    for session in outcome.context["recent_sessions"]:
        reported = session.get("concluded")
        outcome.expect(
            reported is None or any(text.startswith(reported.rstrip("…")) for text in ended),
            f"the context says concluded {reported!r}",
        )
