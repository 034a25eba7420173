"""The sections of a context, each made of what is known: which entries, in which form, and what each is worth.

Pure, as ``render`` is, which says what all of them have in common.
"""

from __future__ import annotations

from ..clock import iso
from .budget import Section
from .forms import CONTEXT_TYPES, SHORTS, WHERE_KNOWN, WHY_SUMS, Full, Short, without_empty
from .known import SaidOnce, age_us, failures, is_telling, older_conclusions, open_end, ranked_insights, said_by, worked_on
from .records import insights_that_hold
from .sessions import last_turn
from .snapshot import ALL_PROJECTS
from .values import age, shorter, time_us
from .worth import Rank

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from .attempt import Attempt
    from .focus import Focus
    from .gathered import Gathered
    from .known import SaysIt

    Record = dict[str, Any]


class Sections:
    """Makes the sections of one ``context_type``, of what is ``known`` at the time. ``valid_until_us`` is when the first of the
    entries that were shown ends, if that is before the time that was given."""

    def __init__(
        self,
        known: Gathered,
        *,
        now_us: int,
        context_type: str,
        project: str,
        focus: Focus | None,
        explain: bool,
        instructions: SaysIt | None,
        watermark: Sequence[tuple[str, str | None]],
        valid_until_us: int,
    ) -> None:
        self._known = known
        self._now_us = now_us
        self._names = CONTEXT_TYPES[context_type]
        self._project = project
        self._form = Short if context_type == "default" else Full
        self._is_terse = context_type == "default"
        self._focus = focus
        self._explain = explain
        self._instructions = instructions
        self._watermark = watermark
        self.valid_until_us = valid_until_us

    def all(self) -> list[Section]:
        """Those of this context_type, in their order."""
        self._branch = next((session["git_branch"] for session in self._known.sessions if session["git_branch"]), None)
        self._said = SaidOnce(self._instructions)
        self._ranked: dict[str, int] = {}
        return list(self._chosen())

    def sums(self, name: str) -> list[Any]:
        """The entries of a section that changes with nearly every event, as they are now."""
        usage = self._known.usage
        if name == "tool_usage":
            return usage.tool_usage()[: self._form.tools]
        if name == "activity_counts":
            return usage.activity_counts()
        if name == "llm_usage":
            return usage.llm_usage()
        newest = self._known.recorded_at
        return [newest] if newest else []

    def _chosen(self) -> Iterator[Section]:
        for name in self._names:
            for other in WHERE_KNOWN.get(name, ()):
                section = _MAKERS[other](self)
                if section.entries:
                    yield section
            yield _MAKERS[name](self)
        if self._explain:
            summed = [(name, WHY_SUMS[name]) for name in self._names if name in WHY_SUMS]
            yield Section("why", summed, keyed=True, whole=True)

    # --- each of them

    def recent_sessions(self) -> Section:
        entries = []
        for session in self._known.sessions:
            concluded = last_turn(session)[0]
            background = self._known.attempts.in_background(session["session_id"]) if session["ended"] is None else []
            is_open = background or open_end(session)
            is_gone = concluded in self._known.gone
            repeats = not is_gone and not self._said.is_news(concluded)
            repeats = repeats and (self._is_terse or self._said.is_instruction(concluded))
            kind = "session" if concluded and is_telling(concluded) else "done"
            kind = "open" if is_open else "replaced" if is_gone or (repeats and concluded) else kind
            rank = self._rank(
                kind, session["last_ts"], session["asked"], session["title"], concluded, *session["files"],
                branch=session["git_branch"],
            )  # fmt: skip
            is_left_out = repeats or (is_gone and self._is_terse)
            entries.append((self._session(session, [each.name for each in background], repeats=is_left_out), rank))
        return self._list("recent_sessions", entries)

    def _session(self, record: Record, background: list[str], *, repeats: bool) -> Record:
        form = self._form
        concluded, stopped = last_turn(record)
        commands = record["failed_commands"]
        if self._is_terse:
            commands = [command for command in commands if self._known.attempts.command_stands(command)]
        elif commands:
            commands = sorted(commands, key=lambda command: not self._known.attempts.command_stands(command))
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
            "replaced": (not repeats and concluded in self._known.gone) or None,
            **({"stopped": shorter(stopped, form.text)} if stopped else {}),
            **({"open": "not concluded"} if open_end(record) == "not concluded" else {}),
            "background": [shorter(command, form.text) for command in background[: form.commands]],
            "files": record["files"][: form.session_files],
            "failed_commands": [shorter(command, form.text) for command in commands[: form.commands]],
        }

    def conclusions(self) -> Section:
        """What turns before the last ones of the sessions concluded, where it is worth repeating."""
        known, gone = self._known.conclusions, self._known.gone
        older = older_conclusions(known, [session["concluded"] for session in self._known.sessions])
        held = [("conclusion", each) for each in older if each["text"] not in gone and self._said.is_news(each["text"])]
        left = [("replaced", each) for each in older if each["text"] in gone and not self._is_terse]
        return self._list("conclusions", [({
            **self._place(record),
            "concluded": shorter(record["text"], self._form.conclusion),
            "replaced": kind == "replaced" or None,
            "age": age(record["ts"], self._now_us),
        }, self._rank(kind, record["ts"], record["text"]))
            for kind, record in (held + left)[: self._form.conclusions]
        ])  # fmt: skip

    def commits(self) -> Section:
        """The commits that came of it, but for those that a conclusion names."""
        made = [(subject, at) for subject, at in self._known.commits if self._said.is_news(subject)]
        return self._list("commits", [({
            "subject": subject,
            "age": age(at, self._now_us),
        }, self._rank("commit", at, subject))
            for subject, at in made[: self._form.commits]
        ])  # fmt: skip

    def recent_errors(self) -> Section:
        """A command that a session lists as failed is not named again."""
        known = failures(self._known.errors, self._known.attempts)
        listed = {command for session in self._known.sessions for command in session["failed_commands"][: self._form.commands]}
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
        return self._list("recent_errors", entries)

    def refused(self) -> Section:
        """Apart from what failed: what somebody or a rule denied, and nobody allowed afterwards."""
        return self._list("refused", [({
            "command": shorter(attempt.name, self._form.text),
            "age": age(attempt.denied_at, self._now_us),
            "times": attempt.denied,
        }, self._rank("denied", attempt.denied_at, attempt.name, times=attempt.denied))
            for attempt in self._known.attempts.denied()[: self._form.refused]
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
        return [each for each in self._known.attempts.habits() if not self._said.is_instruction(each.name)]

    def recent_files(self) -> Section:
        """Those that were worked on most, then those that were touched last."""
        entries = []
        for record, edits in worked_on(self._known.files, self._known.attempts)[: self._form.files]:
            kind, path = "file" if edits > 1 else "touched", record["file_path"]
            sessions = sum(path in session["files"] for session in self._known.sessions)
            entries.append(({
                "file_path": path,
                "operation": record["operation"],
                **self._place(record),
                "edits": edits if edits > 1 else None,
                "sessions": sessions if sessions > 1 else None,
            }, self._rank(kind, record["ts"], path, times=edits)))  # fmt: skip
        return self._list("recent_files", entries)

    def insights(self) -> Section:
        holding = insights_that_hold(self._known.insights, iso(self._now_us))
        known = [each for each in holding if not self._said.is_instruction(said_by(each))]
        records = ranked_insights(known, with_replaced=not self._is_terse)[: self._form.insights]
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
        return self._list("recent_queries", [({
            **self._place(record),
            "sql": shorter(record["sql"], self._form.text),
            "query_id": record["query_id"],
            "rows": record["rows"],
            "duration_ms": record["duration_ms"],
            "artifact_id": record["artifact_id"],
        }, self._rank("query", record["ts"], record["sql"]))
            for record in self._known.queries
        ])  # fmt: skip

    def tool_usage(self) -> Section:
        return Section("tool_usage", self.sums("tool_usage"), keyed=True)

    def activity_counts(self) -> Section:
        return Section("activity_counts", self.sums("activity_counts"), keyed=True, whole=True)

    def llm_usage(self) -> Section:
        return Section("llm_usage", self.sums("llm_usage"), keyed=True, whole=True)

    def recorded_at(self) -> Section:
        return Section("recorded_at", self.sums("recorded_at"), plain=True)

    def watermark(self) -> Section:
        return Section("watermark", list(self._watermark), keyed=True)

    def _list(self, name: str, entries: Sequence[tuple[Record, Rank]]) -> Section:
        """The entries as they are shown, without what is empty: every byte of an answer is read by a model."""
        short = SHORTS.get(name)
        if self._focus is not None:
            entries = sorted(entries, key=lambda entry: -entry[1].worth)
        ranks = [rank for _, rank in entries]

        def form(shape: Callable[[Record], Record] | None) -> list[Record]:
            shown = [without_empty(shape(entry) if shape else entry) for entry, _ in entries]
            return [{**entry, "why": rank.why()} for entry, rank in zip(shown, ranks, strict=True)] if self._explain else shown

        return Section(name, form(None), worths=[rank.worth for rank in ranks], shorts=(lambda: form(short)) if short else None)

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
        at_us = time_us(valid_until or "")
        self.valid_until_us = self.valid_until_us if at_us is None else min(self.valid_until_us, at_us - 1)


_MAKERS: dict[str, Callable[[Sections], Section]] = {
    name: getattr(Sections, name) for names in (CONTEXT_TYPES["default"], *WHERE_KNOWN.values()) for name in names
}
