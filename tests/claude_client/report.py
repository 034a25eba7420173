"""The table that ``make client`` prints: per version, how many facts there were, and what became of them."""

from __future__ import annotations

from claude_client.compare import Verdict


class Report:
    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, str], Verdict] = {}

    def add(self, version: str, scenario: str, verdict: Verdict) -> None:
        self._verdicts[version, scenario] = verdict

    def lines(self) -> list[str]:
        """One line a version, then each fault."""
        reported = []
        for version in dict.fromkeys(version for version, _ in self._verdicts):
            total = Verdict()
            found = [verdict for (of, _), verdict in self._verdicts.items() if of == version]
            for verdict in found:
                total.add(verdict)
            reported.append(
                f"Claude Code {version}: {len(found)} scenarios, {total.expected} facts expected, {total.recorded} recorded, "
                f"{len(total.doubled)} doubled, {len(total.missing)} missing, {len(total.wrong)} wrong"
            )
        for (version, scenario), verdict in self._verdicts.items():
            reported += [f"  {version} {scenario}: {fault}" for fault in verdict.faults]
        return reported
