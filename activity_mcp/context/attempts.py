"""What was attempted in a project, and what came of it: which failures are open, what was refused, what works again and again.

An attempt is a tool and what it was called with, as the refresh sequence names it (``tool``, a space, the argument): how often
it succeeded, failed and was refused, and when last. Those that mean the same are one (``key_of``): a command in its plain words
(``commands``), an edit and a write of one file.

A failure is **overcome** when the same succeeded after it, in any session, or a run that includes it; the reading of a file
when the file was touched after it. A search that found nothing is no failure, and no commit of nothing.
"""

from __future__ import annotations

from .attempt import EDITS, Attempt, key_of
from .values import as_amount, as_number, as_text, as_time, objects

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .tried import Tried

MIN_HABIT = 3
_TIME = 27
_MAX_RUNS = 100
_EVERYDAY = frozenset((
    "ls", "cat", "cd", "pwd", "echo", "grep", "rg", "find", "head", "tail", "sed", "awk", "wc", "which", "git", "sleep",
    "mkdir", "rm", "cp", "mv", "touch", "ps", "kill", "pkill", "export", "true", "test", "[", "tree", "stat", "file", "less",
    "sort", "diff", "env", "printf", "date", "chmod", "ln", "jq", "xargs", "tee", "source", "set", "for", "if", "while", "type",
    "du", "df", "gh",
))  # fmt: skip
"""Commands that one runs anywhere: they say nothing of a project."""


def stored_attempts(blob: Mapping[str, Any]) -> list[Attempt]:
    """The attempts of a blob; what is none is passed over."""
    return [read_attempt(what, given) for given in objects(blob, "attempts") if (what := as_text(given.get("what")))]


def read_attempt(what: str, given: Mapping[str, Any]) -> Attempt:
    made = Attempt(what)
    made.ok, made.failed, made.denied = (int(as_amount(given.get(name))) for name in ("ok", "failed", "denied"))
    made.first_ok_at, made.denied_at = as_time(given.get("first_ok_at")) or "", as_time(given.get("denied_at")) or ""
    made.ok_at, took = _at_and_text(given.get("ok_at"))
    made.took_ms = as_number(took)
    made.failed_at, made.error = _at_and_text(given.get("failed_at"))
    made.failed_in = _at_and_text(given.get("failed_in"))[1]
    made.background_at, made.background_in = _at_and_text(given.get("background_in"))
    return made


def _at_and_text(value: Any) -> tuple[str, str]:
    """A time and the text behind it."""
    if value is None:
        return "", ""
    text = as_text(value, _TIME + 1 + 300) or ""
    at = as_time(text[:_TIME])
    return (at, text[_TIME + 1 :]) if at else ("", "")


class Merged:
    """The attempts of a context by what they mean, and with the calls since. What was given out never changes.

    Each answer asks with the calls of the one before and some more, so what was merged then is kept. Several threads may ask.
    """

    def __init__(self, stored: Iterable[Attempt]) -> None:
        self._stored: dict[tuple[str, str], Attempt] = {}
        for attempt in stored:
            _take(self._stored, attempt)
        self._grown: tuple[list[Tried], dict[tuple[str, str], Attempt]] = [], self._stored

    def with_calls(self, calls: Sequence[Tried]) -> Mapping[tuple[str, str], Attempt]:
        """All of them, by what they mean."""
        known, by_key = self._grown
        if calls[: len(known)] != known:  # one of them was replaced, or is in the context now
            known, by_key = [], self._stored
        if len(calls) > len(known):
            by_key = dict(by_key)
            for call in calls[len(known) :]:
                _take(by_key, call.as_attempt())
            self._grown = list(calls), by_key
        return by_key


def _take(by_key: dict[tuple[str, str], Attempt], attempt: Attempt) -> None:
    known = by_key.get(attempt.key)
    by_key[attempt.key] = attempt if known is None else known.plus(attempt)


class Attempts:
    """The attempts of a context, those that mean the same as one."""

    def __init__(self, by_key: Mapping[tuple[str, str], Attempt], touched: Mapping[str, str] | None = None) -> None:
        """``by_key`` is of ``Merged``; ``touched`` is when each file was touched last, by its path."""
        self._touched = touched or {}
        self._by_key = by_key
        self._judged: dict[tuple[str, str], bool] = {}
        self._commits: list[tuple[str, str]] | None = None
        attempts = by_key.values()
        self._failed = [each for each in attempts if each.failed_at]
        self._succeeded = [each for each in attempts if each.ok_at]
        self._background = [each for each in attempts if each.background_at]
        self._all_failed: list[tuple[Attempt, bool]] | None = None
        self._habits: list[Attempt] | None = None
        self._known: dict[str, tuple[Sequence[Any], list[Any]]] = {}
        runs = [(each.ok_at, run) for each in self._succeeded if (run := each.run)] if self._failed else []
        self._runs = sorted(runs, key=lambda run: run[0], reverse=True)[:_MAX_RUNS]

    def is_of(self, by_key: Mapping[tuple[str, str], Attempt], touched: Mapping[str, str]) -> bool:
        """Whether these would be the same."""
        return self._by_key is by_key and self._touched == touched

    def once(self, name: str, given: Sequence[Any], work: Callable[[], list[Any]]) -> list[Any]:
        """What ``work`` gives of these and what is ``given``: done again only when that has changed. Not to be changed."""
        known = self._known.get(name)
        if known is None or known[0] != given:
            known = self._known[name] = given, work()
        return known[1]

    def knows_command(self, command: str) -> bool:
        """Whether a session's failed command, or the tool that failed in it, is among the attempts."""
        return bool(self._named(command))

    def command_stands(self, command: str) -> bool:
        """Whether the failure of a session's command is open; of one that is not among the attempts nothing else is known."""
        known = self._named(command)
        return not known or any(each.failed_at and not self.is_overcome(each) for each in known)

    def _named(self, command: str) -> list[Attempt]:
        """A session names the shell's command, and of every other tool only the tool."""
        known = self._by_key.get(key_of("Bash", command))
        return [known] if known else [each for each in self._by_key.values() if each.tool == command]

    def knows_failure(self, tool: str | None, ts: str) -> bool:
        """Whether a failure of this tool at this time is among the attempts."""
        return any(each.failed_at >= ts and each.is_of(tool) for each in self._failed)

    def failed(self) -> list[tuple[Attempt, bool]]:
        """Those that ever failed, the last failure first, and whether it was overcome."""
        if self._all_failed is None:
            found = [(each, self.is_overcome(each)) for each in self._failed]
            self._all_failed = sorted(found, key=lambda pair: (pair[0].failed_at, pair[0].name), reverse=True)
        return self._all_failed

    def is_overcome(self, attempt: Attempt) -> bool:
        """Whether its last failure is none that anybody has to know of."""
        known = self._judged.get(attempt.key)
        if known is None:
            known = self._judged[attempt.key] = self._is_overcome(attempt)
        return known

    def _is_overcome(self, attempt: Attempt) -> bool:
        failed_at = attempt.failed_at
        if attempt.ok_at >= failed_at or attempt.found_nothing:
            return True
        if attempt.tool not in EDITS and self._touched.get(attempt.argument, "") > failed_at:
            return True
        run = attempt.run
        return run is not None and any(at > failed_at and wider.includes(run) for at, wider in self._runs)

    def is_no_news(self, call: Tried) -> bool:
        """Whether the call says only that what never did anything but succeed did so again, which nothing here counts."""
        known = self._by_key.get(call.key) if call.outcome == "ok" else None
        if known is None or known.tool in EDITS or known.failed_at or known.denied_at or known.background_at:
            return False
        return known.tool != "Bash" or (known.subject is None and known.run is None and _is_everyday(known))

    def denied(self) -> list[Attempt]:
        """Those that somebody refused and nobody allowed afterwards, the newest first."""
        denied = (each for each in self._by_key.values() if each.denied_at)
        found = [each for each in denied if each.denied_at > max(each.ok_at, each.failed_at, each.background_at)]
        return sorted(found, key=lambda each: (each.denied_at, each.name), reverse=True)

    def in_background(self, session_id: str) -> list[Attempt]:
        """What this session started in the background last; nothing records how that ends but the session's own end."""
        found = [each for each in self._background if each.background_in == session_id]
        return sorted(found, key=lambda each: (each.background_at, each.name), reverse=True)

    def habits(self) -> list[Attempt]:
        """Commands that say how one works here: they succeeded three times or more, over more than an hour, mostly."""
        if self._habits is None:
            found = [each for each in self._succeeded if _is_habit(each)]
            self._habits = sorted(found, key=lambda each: (-each.ok, each.name))
        return self._habits

    def commits(self) -> list[tuple[str, str]]:
        """Subject and time of each commit that was made, the newest first; of one subject the newest (it was amended)."""
        if self._commits is None:
            found: dict[str, str] = {}
            for each in self._succeeded:
                if each.subject is not None:
                    found[each.subject] = max(found.get(each.subject, ""), each.ok_at)
            self._commits = sorted(found.items(), key=lambda made: (made[1], made[0]), reverse=True)
        return self._commits

    def edits(self, path: str) -> int:
        """How often a file was edited or written."""
        known = self._by_key.get(("edit", path))
        return known.ok if known else 0


def _is_habit(attempt: Attempt) -> bool:
    if attempt.tool != "Bash" or attempt.ok < MIN_HABIT or attempt.ok < attempt.failed:
        return False
    return not _is_everyday(attempt) and attempt.first_ok_at[:13] < attempt.ok_at[:13]


def _is_everyday(attempt: Attempt) -> bool:
    first = attempt.key[1].partition(" ")[0]
    return first == "" or first in _EVERYDAY
