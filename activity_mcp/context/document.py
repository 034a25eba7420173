"""A context as one question asks for it: its sections, each entry with its worth, before they are cut to a size."""

from __future__ import annotations

from ..clock import iso, parse_iso
from .budget import Section, fit
from .forms import (
    CONTEXT_TYPES,
    WHY_SUMS,
    Full,
    Rendered,
    Short,
    short_conclusion,
    short_error,
    short_file,
    short_session,
    without_empty,
)
from .known import (
    Told,
    age_us,
    failures,
    is_telling,
    newest_insights,
    no_longer_held,
    older_conclusions,
    open_end,
    said_by,
    worked_on,
)
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES, insights_that_hold
from .sessions import last_turn, recent_sessions
from .snapshot import ALL_PROJECTS
from .values import age, shorter
from .worth import SPARE_ROOM, Rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .attempts import Attempt
    from .facts import Fact
    from .focus import Focus
    from .known import SaysIt
    from .stored import Stored

    Record = dict[str, Any]

_WHERE_KNOWN = {"recent_sessions": ("commands", "refused"), "recent_errors": ("conclusions", "commits")}
"""Sections that are shown before another one, and only when they hold something."""
_BUDGETS_IN = ("default", "executive")
_BUDGET_WORTH = 100.0
"""More than any entry's: what is nearly spent is shown however small the answer is."""


class Document:
    """A context before it is cut to a size.

    Until ``valid_until_us`` it reads the same by any clock, but for an age, which may be ``AGES_HOLD_US`` too young.
    """

    AGES_HOLD_US = 5_000_000

    def __init__(
        self,
        stored: Stored,
        facts: Sequence[Fact],
        *,
        now_us: int,
        context_type: str,
        project: str,
        focus: str | None = None,
        explain: bool = False,
        instructions: SaysIt | None = None,
        budgets: Sequence[Record] = (),
    ) -> None:
        self._stored = stored
        self._facts = facts
        self._now_us = now_us
        self._project = project
        self._form = Short if context_type == "default" else Full
        self._usage = stored.usage(now_us, facts)
        self.valid_until_us = min(now_us + self.AGES_HOLD_US, self._usage.windows.until_us - 1)
        self._focus = _focus_on(focus) if focus else None
        self._explain = explain
        self._is_terse = context_type == "default"
        self._sessions = recent_sessions(stored.sessions, facts)
        self._branch = next((session["git_branch"] for session in self._sessions if session["git_branch"]), None)
        touched = [fact.file for fact in facts if fact.file is not None]
        self._files = FILES.merged(stored.files, touched) if touched else stored.files
        self._told = Told(instructions)
        self._ranked: dict[str, int] = {}
        self._attempts = stored.judged(self._files, [fact.tried for fact in facts if fact.tried])
        fresh = [fact.conclusion for fact in facts if fact.conclusion is not None]
        self._concluded = CONCLUSIONS.merged(stored.conclusions, fresh)
        self._gone = no_longer_held(self._sessions, self._concluded, self._attempts.commits())
        self.sections = list(self._chosen(CONTEXT_TYPES[context_type]))
        if budgets and context_type in _BUDGETS_IN:
            self.sections.insert(0, Section("budgets", list(budgets), worths=lambda: [_BUDGET_WORTH] * len(budgets)))
        self._whole: Rendered | None = None
        self._cut: tuple[int, Rendered] | None = None

    def within(self, room: int, dumps: Callable[[Any], bytes]) -> Rendered:
        """This document in ``room`` bytes, the braces of an empty context not counted."""
        is_small = self._is_terse and room < SPARE_ROOM  # short rather than full, also where all of it would fit
        if not is_small and len(self._all(dumps).encoded) - 2 <= room:
            return self._all(dumps)
        if self._cut is None or self._cut[0] != room:
            context, truncated = fit(self.sections, room, dumps, is_terse=self._is_terse)
            self._cut = (room, Rendered(context, truncated, dumps(context)))
        return self._cut[1]

    def _all(self, dumps: Callable[[Any], bytes]) -> Rendered:
        if self._whole is None:
            context = {section.name: section.value(section.entries) for section in self.sections}
            self._whole = Rendered(context, [], dumps(context))
        return self._whole

    def _chosen(self, names: Sequence[str]) -> Iterator[Section]:
        for name in names:
            for other in _WHERE_KNOWN.get(name, ()):
                section = _SECTIONS[other](self)
                if section.entries:
                    yield section
            yield _SECTIONS[name](self)
        if self._explain:
            summed = [(name, WHY_SUMS[name]) for name in names if name in WHY_SUMS]
            yield Section("why", summed, keyed=True, whole=True)

    # --- the sections

    def recent_sessions(self) -> Section:
        entries = []
        for session in self._sessions:
            concluded = last_turn(session)[0]
            background = self._attempts.in_background(session["session_id"]) if session["ended"] is None else []
            is_open = background or open_end(session)
            is_gone = concluded in self._gone
            repeats = not is_gone and not self._told.is_news(concluded)
            repeats = repeats and (self._is_terse or self._told.is_instruction(concluded))
            kind = "session" if concluded and is_telling(concluded) else "done"
            kind = "open" if is_open else "replaced" if is_gone or (repeats and concluded) else kind
            rank = self._rank(
                kind, session["last_ts"], session["asked"], session["title"], concluded, *session["files"],
                branch=session["git_branch"],
            )  # fmt: skip
            made = self._session(session, [each.name for each in background], repeats=repeats or (is_gone and self._is_terse))
            entries.append((made, rank))
        return self._list("recent_sessions", entries, short=short_session)

    def _session(self, record: Record, background: list[str], *, repeats: bool) -> Record:
        form = self._form
        concluded, stopped = last_turn(record)
        commands = record["failed_commands"]
        if self._is_terse:
            commands = [command for command in commands if self._attempts.command_stands(command)]
        elif commands:
            commands = sorted(commands, key=lambda command: not self._attempts.command_stands(command))
        first = record["first_asked"]
        return {
            "session_id": record["session_id"],
            "project": record["project"],
            "git_branch": record["git_branch"],
            "started": record["started"],
            "ended": record["ended"],
            "title": shorter(record["title"], form.text),
            "age": age(record["last_ts"], self._now_us),
            **({"first_asked": shorter(first, form.text)} if first != record["asked"] else {}),
            "asked": shorter(record["asked"], form.text),
            "concluded": None if repeats else shorter(concluded, form.conclusion),
            **({"replaced": True} if not repeats and concluded in self._gone else {}),
            **({"stopped": shorter(stopped, form.text)} if stopped else {}),
            **({"open": "not concluded"} if open_end(record) == "not concluded" else {}),
            "background": [shorter(command, form.text) for command in background[: form.commands]],
            "files": record["files"][: form.session_files],
            "failed_commands": [shorter(command, form.text) for command in commands[: form.commands]],
        }

    def conclusions(self) -> Section:
        """What turns before the last ones of the sessions concluded, where it is worth repeating."""
        older = older_conclusions(self._concluded, [session["concluded"] for session in self._sessions])
        holding = [each for each in older if each["text"] not in self._gone and self._told.is_news(each["text"])]
        gone = [] if self._is_terse else [each for each in older if each["text"] in self._gone]
        return self._list("conclusions", [({
            **self._place(record),
            "concluded": shorter(record["text"], self._form.conclusion),
            "replaced": record["text"] in self._gone or None,
            "age": age(record["ts"], self._now_us),
        }, self._rank("replaced" if record["text"] in self._gone else "conclusion", record["ts"], record["text"]))
            for record in [*holding, *gone][: self._form.conclusions]
        ], short=short_conclusion)  # fmt: skip

    def commits(self) -> Section:
        """The commits that came of it, but for those that a conclusion names."""
        made = [
            (subject, at)
            for subject, at in self._attempts.commits()
            if subject not in self._gone and self._told.is_news(subject)
        ]
        return self._list("commits", [({
            "subject": subject,
            "age": age(at, self._now_us),
        }, self._rank("commit", at, subject))
            for subject, at in made[: self._form.commits]
        ])  # fmt: skip

    def recent_errors(self) -> Section:
        """A command that a session lists as failed is not named again."""
        fresh = [fact.error for fact in self._facts if fact.error is not None]
        known = failures(ERRORS.merged(self._stored.errors, fresh), self._attempts)
        listed = {command for session in self._sessions for command in session["failed_commands"][: self._form.commands]}
        entries = []
        for failure in known[: self._form.errors]:
            record = failure.record
            is_named = failure.command in listed or failure.is_overcome
            rank = self._rank(
                "overcome" if failure.is_overcome else "failing",
                failure.ts,
                failure.command,
                failure.error,
                times=failure.times,
            )
            entries.append(({
                **self._place(record),
                "age": age(record["ts"], self._now_us),
                "event_name": record["event_name"],
                "name": record["name"],
                "command": shorter(failure.command, self._form.text),
                "_is_named": is_named,
                "error": shorter(record["error"], self._form.text),
                "times": failure.times if failure.times > 1 else None,
                "overcome": failure.is_overcome or None,
            }, rank))  # fmt: skip
        return self._list("recent_errors", entries, short=short_error)

    def refused(self) -> Section:
        """Apart from what failed: what somebody or a rule denied, and nobody allowed afterwards."""
        return self._list("refused", [({
            "command": shorter(attempt.name, self._form.text),
            "age": age(attempt.denied_at, self._now_us),
            "times": attempt.denied,
        }, self._rank("denied", attempt.denied_at, attempt.name, times=attempt.denied))
            for attempt in self._attempts.denied()[: self._form.refused]
        ])  # fmt: skip

    def commands(self) -> Section:
        """How one works here: what succeeds again and again."""
        return self._list("commands", [({
            "command": shorter(attempt.name, self._form.text),
            "ok": attempt.ok,
            "failed": attempt.failed or None,
            "took_ms": attempt.took_ms,
            "age": age(attempt.last_at, self._now_us),
        }, self._rank("habit", attempt.ok_at, attempt.name, times=attempt.ok))
            for attempt in self._habits()[: self._form.habits]
        ])  # fmt: skip

    def _habits(self) -> list[Attempt]:
        return [each for each in self._attempts.habits() if not self._told.is_instruction(each.name)]

    def recent_files(self) -> Section:
        """Those that were worked on most, then those that were touched last."""
        in_sessions: dict[str, int] = {}
        for path in [path for session in self._sessions for path in session["files"]]:
            in_sessions[path] = in_sessions.get(path, 0) + 1
        entries = []
        for record, edits in worked_on(self._files, self._attempts)[: self._form.files]:
            kind, path = "file" if edits > 1 else "touched", record["file_path"]
            sessions = in_sessions.get(path, 0)
            entries.append(({
                "file_path": path,
                "operation": record["operation"],
                **self._place(record),
                "edits": edits if edits > 1 else None,
                "sessions": sessions if sessions > 1 else None,
            }, self._rank(kind, record["ts"], path, times=edits)))  # fmt: skip
        return self._list("recent_files", entries, short=short_file)

    def insights(self) -> Section:
        fresh = [fact.insight for fact in self._facts if fact.insight is not None]
        known = insights_that_hold(INSIGHTS.merged(self._stored.insights, fresh), iso(self._now_us))
        known = [each for each in known if not self._told.is_instruction(said_by(each))]
        newest = newest_insights(known)
        held = {record["insight_id"] for record in newest}
        replaced = [] if self._is_terse else [record for record in known if record["insight_id"] not in held]
        records = [*(("insight", each) for each in newest), *(("replaced", each) for each in replaced)][: self._form.insights]
        for _, record in records:
            self._expire(record["valid_until"])
        return self._list("insights", [({
            "insight_id": record["insight_id"],
            "subject": shorter(record["subject"], self._form.text),
            "metric": shorter(record["metric"], self._form.text),
            "value": record["value"],
            "replaced": kind == "replaced" or None,
            "grain": record["grain"],
            "confidence": record["confidence"],
            "artifact_id": record["artifact_id"],
            "query_id": record["query_id"],
            "recorded_at": record["recorded_at"],
            "valid_until": record["valid_until"],
        }, self._rank(kind, record["recorded_at"], record["subject"], record["metric"]))
            for kind, record in records
        ])  # fmt: skip

    def recent_queries(self) -> Section:
        fresh = [fact.query for fact in self._facts if fact.query is not None]
        return self._list("recent_queries", [({
            **self._place(record),
            "sql": shorter(record["sql"], self._form.text),
            "query_id": record["query_id"],
            "rows": record["rows"],
            "duration_ms": record["duration_ms"],
            "artifact_id": record["artifact_id"],
        }, self._rank("query", record["ts"], record["sql"]))
            for record in QUERIES.merged(self._stored.queries, fresh)
        ])  # fmt: skip

    def tool_usage(self) -> Section:
        return Section("tool_usage", self._usage.tool_usage()[: self._form.tools], keyed=True)

    def activity_counts(self) -> Section:
        return Section("activity_counts", self._usage.activity_counts(), keyed=True, whole=True)

    def llm_usage(self) -> Section:
        return Section("llm_usage", self._usage.llm_usage(), keyed=True, whole=True)

    def recorded_at(self) -> Section:
        newest = max([fact.ts for fact in self._facts if fact.ts is not None], default="")
        newest = max(newest, self._stored.recorded_at or "")
        return Section("recorded_at", [newest] if newest else [], plain=True)

    def watermark(self) -> Section:
        return Section("watermark", list(self._stored.watermark), keyed=True)

    def _list(
        self, name: str, entries: Sequence[tuple[Record, Rank]], short: Callable[[Record], Record] | None = None
    ) -> Section:
        """The entries as they are shown, without what is empty: every byte of an answer is read by a model."""
        if self._focus is not None:
            entries = sorted(entries, key=lambda entry: -entry[1].worth)
        ranks = [rank for _, rank in entries]

        def form(shape: Callable[[Record], Record] | None) -> list[Record]:
            shown = [without_empty(shape(entry) if shape else entry) for entry, _ in entries]
            return [{**entry, "why": rank.why()} for entry, rank in zip(shown, ranks, strict=True)] if self._explain else shown

        return Section(
            name, form(None), worths=lambda: [rank.worth for rank in ranks], shorts=(lambda: form(short)) if short else None
        )

    def _rank(self, kind: str, ts: str | None, *texts: str | None, times: int = 1, branch: str | None = None) -> Rank:
        """What an entry about these texts is worth here."""
        nth = self._ranked.get(kind, 0)
        self._ranked[kind] = nth + 1
        return Rank(
            kind,
            age_us(ts, self._now_us),
            times=times,
            nth=nth if self._focus is None else 0,  # what is asked for may be far down a list
            is_same_branch=branch is not None and branch == self._branch,
            focus=None if self._focus is None else self._focus.share_in(*texts, branch),
        )

    def _place(self, record: Record) -> Record:
        """When and where: the project only where the answer is about several, the session in the longer form."""
        return {
            "ts": record["ts"],
            "session_id": record["session_id"] if self._form is Full else None,
            "project": record["project"] if self._project == ALL_PROJECTS else None,
        }

    def _expire(self, valid_until: str | None) -> None:
        try:
            self.valid_until_us = min(self.valid_until_us, parse_iso(valid_until or "") - 1)
        except ValueError:
            return


_SECTIONS: dict[str, Callable[[Document], Section]] = {
    name: getattr(Document, name) for names in (CONTEXT_TYPES["default"], *_WHERE_KNOWN.values()) for name in names
}


def _focus_on(text: str) -> Focus:
    from .focus import Focus  # only a question that has a focus pays for the language of search

    return Focus(text)
