"""What is known of a project, judged: the facts that a context shows, from the lists of a blob and the events above it.

Rows become facts here. Failures that were overcome leave, equal ones are one with how often and when last; of insights about
one metric only the newest is left; what says nearly the same is said once, in any section (``SaidOnce``), and not at all where
CLAUDE.md or MEMORY.md say it. ``render`` shows the facts as sections, ``injection`` as lines.
"""

from __future__ import annotations

from .attempts import Attempts, Merged, stored_attempts
from .decisions import taken_back
from .instructions import MEMBER
from .records import CONCLUSIONS, INSIGHTS, stored_records
from .sessions import last_turn, stored_sessions
from .values import remembering, time_us

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from .attempt import Attempt
    from .instructions import Instructions, Noted

    SaysIt = Instructions | Noted

    Record = dict[str, Any]

_ALIKE = 0.8
"""A text with this share of its words in another one says nothing that the other does not."""
_SHORT, _LONG = 5, 13
"""Words of a conclusion: with fewer than these it says little, with so many it says something."""
_REASONS = frozenset((
    "always", "avoid", "because", "bug", "cannot", "cause", "caused", "chose", "decided", "default", "don't", "due", "fix",
    "fixed", "instead", "must", "needs", "never", "now", "only", "rather", "replaced", "requires", "since", "turned",
    "unless", "until", "uses", "works", "wrong",
))  # fmt: skip
"""Words with which one says why, what was decided, or what to mind."""
_LITTLE = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "has", "have", "in", "is", "it", "its", "now", "of",
    "on", "or", "that", "the", "them", "then", "they", "this", "to", "was", "were", "with",
))  # fmt: skip
_ENDINGS = ("ing", "ed", "es", "s")
_AROUND = "`*_\"'.,;:!?()[]{}<>"


def open_end(session: Record) -> str | None:
    """How the last turn of a session ended without a conclusion (interrupted, failed: …, not concluded); else None."""
    concluded, stopped = last_turn(session)
    since = session["since"]
    if stopped is not None:
        return str(stopped)
    if session["asked"] is None or (concluded is not None and since["concluded"] >= since["asked"]):
        return None
    return "not concluded"


class Failure:
    """Equal failures as one: how often, when last, what it said then, and whether it was overcome since."""

    __slots__ = ("command", "error", "is_overcome", "name", "record", "times", "ts")

    def __init__(self, record: Record, *, command: str | None = None, times: int = 1, is_overcome: bool = False) -> None:
        self.record = record
        self.ts = str(record["ts"])
        self.name = record["name"] or record["event_name"]
        self.error = record["error"]
        self.command = command
        self.times = times
        self.is_overcome = is_overcome


def failures(errors: Sequence[Record], attempts: Attempts) -> list[Failure]:
    """The errors and the attempts that failed, equal ones folded: those that are open first, each group newest first.

    An error of a tool call that is among the attempts is judged as one; what is older than they are stays as it was recorded.
    """
    return attempts.once("failures", errors, lambda: _failures(errors, attempts))


def _failures(errors: Sequence[Record], attempts: Attempts) -> list[Failure]:
    found: dict[tuple[Any, ...], Failure] = {}
    at: dict[str, list[Record]] = {}
    for error in errors:
        at.setdefault(error["ts"], []).append(error)
    for attempt, is_overcome in attempts.failed():
        record = next((error for error in at.get(attempt.failed_at, ()) if attempt.is_of(error["name"])), None)
        command = attempt.name if attempt.argument else None
        failure = Failure(record or _error_of(attempt), command=command, times=max(attempt.failed, 1), is_overcome=is_overcome)
        found[attempt.tool, attempt.argument] = failure
    for error in errors:
        if error["event_name"] != "tool_event" or not attempts.knows_failure(error["name"], error["ts"]):
            _fold(found, Failure(error), (error["event_name"], error["name"], error["error"]))
    ordered = sorted(found.values(), key=lambda failure: str(failure.record["activity_id"]))
    ordered.sort(key=lambda failure: failure.ts, reverse=True)
    return sorted(ordered, key=lambda failure: failure.is_overcome)


def _error_of(attempt: Attempt) -> Record:
    return {
        "activity_id": "", "ts": attempt.failed_at, "event_name": "tool_event", "name": attempt.tool, "error": attempt.error,
        "session_id": attempt.failed_in or None, "project": None,
    }  # fmt: skip


def _fold(found: dict[tuple[Any, ...], Failure], failure: Failure, key: tuple[Any, ...]) -> None:
    known = found.get(key)
    if known is None:
        found[key] = failure
    else:
        newer, older = (failure, known) if failure.ts > known.ts else (known, failure)
        newer.times += older.times
        found[key] = newer


def said_by(insight: Record) -> str:
    """An insight in words."""
    return f"{insight['subject'] or ''} {insight['metric'] or ''} = {insight['value']}".strip()


def with_instructions(blob: dict[str, Any], instructions: Instructions) -> dict[str, Any]:
    """The blob with what the leader notes for those who open no other file: which of its texts the instructions say."""
    return {**blob, MEMBER: instructions.for_snapshot(_repeatable(blob))} if blob else blob


def _repeatable(blob: Mapping[str, Any]) -> Iterator[str]:
    """The texts that could repeat an instruction."""
    attempts = Attempts(Merged(stored_attempts(blob)).with_calls([]))
    yield from (each.name for each in attempts.habits())
    yield from (subject for subject, _ in attempts.commits())
    yield from (text for session in stored_sessions(blob) if (text := session["concluded"]))
    yield from (text for each in stored_records(blob, "conclusions", CONCLUSIONS) if (text := each["text"]))
    yield from (said_by(each) for each in stored_records(blob, "insights", INSIGHTS))


def ranked_insights(insights: Iterable[Record], *, with_replaced: bool = False) -> list[tuple[str, Record]]:
    """Each insight with its kind: of several about one metric of one subject, however they are written, the newest is an
    ``insight``; those that it has ``replaced`` come last. They come newest first."""
    found: dict[tuple[Any, ...], Record] = {}
    replaced = []
    for insight in insights:
        of = tuple(map(_plainly, (insight["subject"], insight["metric"], insight["grain"])))
        newest = found.setdefault(of if insight["subject"] or insight["metric"] else (insight["insight_id"],), insight)
        if newest is not insight and with_replaced:
            replaced.append(("replaced", insight))
    return [("insight", insight) for insight in found.values()] + replaced


def _plainly(text: str | None) -> str:
    return " ".join((text or "").replace("_", " ").replace("-", " ").lower().split())


def distinct(texts: Sequence[str]) -> list[int]:
    """The indices of the texts that none before them says nearly as well."""
    said = SaidOnce()
    return [index for index, text in enumerate(texts) if said.is_news(text)]


class SaidOnce:
    """What is said to one reader: in any section, and in the ``instructions`` that a session reads anyway. Words
    are compared, in their plain forms; of two texts that say the same the first is kept: offer the more important one first.
    """

    def __init__(self, instructions: SaysIt | None = None) -> None:
        self._instructions = instructions
        self._words: list[frozenset[str]] = []

    def is_news(self, text: str | None) -> bool:
        """Whether nothing says it yet; then this does."""
        if not text or (self._instructions is not None and self._instructions.says(text)):
            return False
        words = _plain_words(text)
        if any(len(words & other) >= _ALIKE * len(words) for other in self._words):
            return False
        self._words.append(words)
        return True

    def is_instruction(self, text: str | None) -> bool:
        """Whether the instructions say it."""
        return self._instructions is not None and self._instructions.says(text)


@remembering(512)
def _plain_words(text: str) -> frozenset[str]:
    """The words in their plain forms."""
    words = [word for part in text.lower().split() if (word := part.strip(_AROUND))]
    return frozenset(_stem(word) for word in words if word not in _LITTLE) or frozenset(words or text.split())


def _stem(word: str) -> str:
    ending = next((ending for ending in _ENDINGS if word.endswith(ending) and len(word) - len(ending) >= 3), "")
    return word[: len(word) - len(ending)] if word.isalpha() else word


@remembering(512)
def is_telling(text: str) -> bool:
    """Whether a conclusion says more than that something was done: it is long enough to say why or what to mind, or a short one
    says a reason or a decision, or names two things of this project."""
    words = text.split()
    if len(words) >= _LONG or _unspaced(text) >= _LONG:
        return True
    if len(words) < _SHORT:
        return False
    plain = [word.lower().strip(_AROUND) for word in words]
    return any(word in _REASONS for word in plain) or sum(_is_name(word.strip(_AROUND)) for word in words) >= 2


def _unspaced(text: str) -> int:
    """How many letters of scripts that write no spaces, two for a word."""
    return sum("\u2e80" <= char <= "\u9fff" or "\u0e00" <= char <= "\u0eff" for char in text) // 2


def _is_name(word: str) -> bool:
    """A file, a symbol, a number with a unit: a word that is of this project and of no other."""
    has_mark = any(mark in word for mark in "_/.=:()-") and any(char.isalnum() for char in word)
    return has_mark or any(char.isdigit() for char in word) or (word[1:] != word[1:].lower() and word != word.upper())


def no_longer_held(
    sessions: Sequence[Record], conclusions: Sequence[Record], commits: Sequence[tuple[str, str]]
) -> frozenset[str]:
    """The conclusions that a later one, or a later commit, takes back."""
    said = [(session["since"]["concluded"], session["concluded"]) for session in sessions if session["concluded"]]
    said += [(str(each["ts"]), each["text"]) for each in conclusions if each["text"]]
    return taken_back(said + [(at, subject) for subject, at in commits])


def older_conclusions(conclusions: Sequence[Record], shown: Iterable[str | None]) -> list[Record]:
    """What turns before the last one of a session concluded, as far as it is worth repeating; the newest first."""
    known = {text for text in shown if text}
    return [each for each in conclusions if each["text"] and each["text"] not in known and is_telling(each["text"])]


def age_us(ts: str | None, now_us: int) -> int | None:
    """How long ago, in microseconds, never below zero; None for what is no time."""
    at_us = time_us(ts) if ts else None
    return None if at_us is None else max(now_us - at_us, 0)


def worked_on(files: Sequence[Record], attempts: Attempts) -> list[tuple[Record, int]]:
    """The files with how often each was edited, those that most was done to first."""
    return attempts.once("files", files, lambda: _worked_on(files, attempts))


def _worked_on(files: Sequence[Record], attempts: Attempts) -> list[tuple[Record, int]]:
    found = [(file, attempts.edits(file["file_path"])) for file in files]
    found.sort(key=lambda entry: str(entry[0]["ts"]), reverse=True)
    found.sort(key=lambda entry: entry[1], reverse=True)
    return found
