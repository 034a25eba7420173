"""The table that ``make client`` prints: per version, how many facts there were, and what became of them."""

from __future__ import annotations

from claude_client.compare import Verdict


class Report:
    def __init__(self) -> None:
        self._verdicts: dict[tuple[str, str], Verdict] = {}
        self._unplayed: dict[tuple[str, str], str] = {}

    def add(self, version: str, scenario: str, verdict: Verdict) -> None:
        self._verdicts[version, scenario] = verdict

    def add_unplayed(self, version: str, scenario: str, error: Exception) -> None:
        """It did not come to its end, so that nothing was compared."""
        self._unplayed[version, scenario] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"

    def lines(self) -> list[str]:
        """One line a version, which says first whether all is well; then each fault."""
        reported = []
        for version in dict.fromkeys(version for version, _ in (*self._verdicts, *self._unplayed)):
            total = Verdict()
            found = [verdict for (of, _), verdict in self._verdicts.items() if of == version]
            for verdict in found:
                total.add(verdict)
            unplayed = sum(of == version for of, _ in self._unplayed)
            reported.append(
                f"{'FAULTS' if total.faults or unplayed else 'OK    '} Claude Code {version}: {len(found)} scenarios"
                f"{f' and {unplayed} that did not come to their end' if unplayed else ''}, {total.expected} facts expected, {total.recorded} recorded, "
                f"{len(total.doubled)} doubled, {len(total.missing)} missing, {len(total.wrong)} wrong"
            )
        for (version, scenario), verdict in self._verdicts.items():
            reported += [f"  {version} {scenario}: {fault}" for fault in verdict.faults]
        return reported + [f"  {version} {scenario}: {error}" for (version, scenario), error in self._unplayed.items()]
