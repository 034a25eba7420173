"""Histories of a project over weeks, each with the facts that the next session needs.

A history is what hooks would record: sessions that overlap, prompts, calls, conclusions, on several branches, beside another
project whose directory has the same name.

**The needed facts**, by a rule that looks at what happened and never at what is shown. A session that starts at the end of the
history needs to know:

    open        the prompt of the newest session, where its last turn was interrupted, failed, or was never concluded
    branch      the branch that the newest session was on
    failing     every command, test or file whose newest outcome is a failure (a success of the same command, or of a run of
                the same tests that includes it, in any session, ends that; a search that found nothing is no failure)
    denied      a command that the user refused and never allowed afterwards
    background  a command started in the background whose session has not ended
    habit       the build, test, lint and run commands that succeeded at least three times, in two sessions or more
    decision    what the three newest decisions say that no later one replaced
    insight     the newest value of each metric
    file        the two files edited most, where two sessions or more edited them

A fact is its ``marks``: it is shown by a line that holds all of them. Everything else (files read, commands run once, failures
that were overcome, decisions that were replaced, the other project) is noise, and is most of a history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


@dataclass(frozen=True, slots=True)
class Need:
    """A fact that the next session needs."""

    kind: str
    marks: tuple[str, ...]

    def is_shown_by(self, line: str) -> bool:
        return all(mark in line for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of a history, before it gets its place in the stream."""

    at_us: int
    event_name: str
    features: dict[str, Any]
    session_id: str
    project: str


@dataclass(slots=True)
class History:
    """``transcript`` is the text of the same sessions, line by line, with the time of each; ``gone`` are facts that hold no
    more: a decision that was taken back, a failure that was mended."""

    project: str
    now_us: int
    events: list[Recorded] = field(default_factory=list)
    transcript: list[tuple[int, str]] = field(default_factory=list)
    needs: list[Need] = field(default_factory=list)
    gone: list[Need] = field(default_factory=list)
