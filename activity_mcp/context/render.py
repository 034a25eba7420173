"""Rendering: a blob and the events above it become the sections of an answer, within a number of bytes.

``context_type`` chooses the sections; all of them show the same facts, ``default`` in their shortest form (shorter texts and
lists, for it has every section). In the order in which ``max_bytes`` is spent:

    recent_sessions   recent_errors   recent_files   insights   recent_queries   tool_usage   activity_counts   llm_usage
    recorded_at       watermark

An entry leaves out what is null or empty. Times are ISO texts in UTC; ``age`` says how long ago, where that is what a reader
wants to know. The result depends on the arguments alone. Standard library only, and pure: nothing here reads a clock or a file.
"""

from __future__ import annotations

from ..activity import dump_json
from ..clock import iso, parse_iso
from .budget import Section, fit
from .facts import facts_of
from .records import ERRORS, FILES, INSIGHTS, QUERIES, insights_that_hold, newest_first
from .sessions import last_turn, recent_sessions, stored_sessions
from .snapshot import ALL_PROJECTS
from .usage import Usage, Windows, usage_of
from .values import MAX_TEXT, age, as_name, as_time, objects, shorter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from .facts import Fact
    from .records import Kind

    Record = dict[str, Any]

_ALWAYS = ("recorded_at", "watermark")
CONTEXT_TYPES: dict[str, tuple[str, ...]] = {
    "default": (
        "recent_sessions", "recent_errors", "recent_files", "insights", "recent_queries", "tool_usage", "activity_counts",
        "llm_usage", *_ALWAYS,
    ),
    "executive": ("tool_usage", "activity_counts", "llm_usage", *_ALWAYS),
    "analyst": ("insights", "recent_queries", *_ALWAYS),
    "engineer": ("recent_sessions", "recent_errors", "recent_files", "tool_usage", *_ALWAYS),
}  # fmt: skip
"""The sections of each context_type, in the order in which bytes are spent on them."""


class _Full:
    """How much of each section is shown, at most."""

    text, errors, files, insights, tools, session_files, commands = MAX_TEXT, 10, 20, 20, 40, 8, 3


class _Short(_Full):
    """The same where every section is shown."""

    text, errors, files, insights, tools, session_files, commands = 140, 5, 10, 10, 10, 5, 2


class Rendered:
    """A context that fits, the sections left out of it, and the context's compact encoding. Not to be changed: it is shared."""

    __slots__ = ("context", "encoded", "truncated")

    def __init__(self, context: Record, truncated: list[str], encoded: bytes) -> None:
        self.context = context
        self.truncated = truncated
        self.encoded = encoded


def render_context(
    blob: Mapping[str, Any] | None,
    events: Iterable[Mapping[str, Any] | Fact],
    *,
    now_us: int,
    context_type: str = "default",
    max_bytes: int = 8192,
    reserve: int = 0,
    watermark: Mapping[str, str] | None = None,
    project: str = ALL_PROJECTS,
    dumps: Callable[[Any], bytes] = dump_json,
) -> Rendered:
    """The context of ``blob`` with ``events`` above it, in at most ``max_bytes`` together with the ``reserve``.

    ``reserve`` is the compact size of the answer around it, with ``context`` empty and ``truncated`` empty.
    """
    stored, facts = Stored(blob or {}, watermark), facts_of(events)
    return Document(stored, facts, now_us=now_us, context_type=context_type, project=project).within(max_bytes - reserve, dumps)


class Stored:
    """A blob, every part read as its type once. What is not as it should be is passed over; what is unknown is ignored."""

    __slots__ = ("_blob", "_usage", "errors", "files", "insights", "queries", "recorded_at", "sessions", "watermark")

    def __init__(self, blob: Mapping[str, Any], watermark: Mapping[str, str] | None = None) -> None:
        self._blob = blob
        self._usage: Usage | None = None
        self.sessions = stored_sessions(blob)
        self.errors = _read(blob, "recent_errors", ERRORS)
        self.files = _read(blob, "recent_files", FILES)
        self.queries = _read(blob, "recent_queries", QUERIES)
        self.insights = _read(blob, "insights", INSIGHTS)
        self.recorded_at = as_time(blob.get("recorded_at"))
        self.watermark = sorted((as_name(channel) or "", as_name(offset)) for channel, offset in (watermark or {}).items())

    def usage(self, now_us: int) -> Usage:
        """The sums over the windows that end now, worked out once an hour."""
        if self._usage is None or self._usage.windows.until_us != Windows(now_us).until_us:
            self._usage = usage_of(self._blob, now_us)
        return self._usage


def _read(blob: Mapping[str, Any], name: str, kind: Kind) -> list[Record]:
    records = [record for record in map(kind.read, objects(blob, name)) if record is not None]
    return newest_first(records, kind.name, kind.time)


class Document:
    """A context before it is cut to a size.

    Until ``valid_until_us`` it reads the same by any clock, but for an age, which may be ``AGES_HOLD_US`` too young.
    """

    AGES_HOLD_US = 5_000_000

    def __init__(self, stored: Stored, facts: Sequence[Fact], *, now_us: int, context_type: str, project: str) -> None:
        self._stored = stored
        self._facts = facts
        self._now_us = now_us
        self._project = project
        self._form = _Short if context_type == "default" else _Full
        usage = stored.usage(now_us)
        self._usage = usage.with_facts(facts) if facts else usage
        self.valid_until_us = min(now_us + self.AGES_HOLD_US, usage.windows.until_us - 1)
        self.sections = [_SECTIONS[name](self) for name in CONTEXT_TYPES[context_type]]
        self._whole: Rendered | None = None
        self._cut: tuple[int, Rendered] | None = None

    def within(self, room: int, dumps: Callable[[Any], bytes]) -> Rendered:
        """This document in ``room`` bytes, the braces of an empty context not counted."""
        if self._whole is None:
            context = {section.name: section.value(section.entries) for section in self.sections}
            self._whole = Rendered(context, [], dumps(context))
        if len(self._whole.encoded) - 2 <= room:
            return self._whole
        if self._cut is None or self._cut[0] != room:
            context, truncated = fit(self.sections, room, dumps)
            self._cut = (room, Rendered(context, truncated, dumps(context)))
        return self._cut[1]

    # --- the sections

    def recent_sessions(self) -> Section:
        return self._list("recent_sessions", recent_sessions(self._stored.sessions, self._facts), self._session)

    def _session(self, record: Record) -> Record:
        form = self._form
        concluded, stopped = last_turn(record)
        first = record["first_asked"]
        return {
            "session_id": record["session_id"],
            "project": record["project"],
            "git_branch": record["git_branch"],
            "started": record["started"],
            "ended": record["ended"],
            "age": age(record["last_ts"], self._now_us),
            **({"first_asked": shorter(first, form.text)} if first != record["asked"] else {}),
            "asked": shorter(record["asked"], form.text),
            "concluded": shorter(concluded, form.text),
            **({"stopped": shorter(stopped, form.text)} if stopped else {}),
            "files": record["files"][: form.session_files],
            "failed_commands": [shorter(command, form.text) for command in record["failed_commands"][: form.commands]],
        }  # fmt: skip

    def recent_errors(self) -> Section:
        fresh = [fact.error for fact in self._facts if fact.error is not None]
        records = ERRORS.merged(self._stored.errors, fresh)[: self._form.errors]
        return self._list("recent_errors", records, lambda record: {
            **self._place(record),
            "age": age(record["ts"], self._now_us),
            "event_name": record["event_name"],
            "name": record["name"],
            "error": shorter(record["error"], self._form.text),
        })  # fmt: skip

    def recent_files(self) -> Section:
        fresh = [fact.file for fact in self._facts if fact.file is not None]
        records = FILES.merged(self._stored.files, fresh)[: self._form.files]
        return self._list("recent_files", records, lambda record: {
            "file_path": record["file_path"],
            "operation": record["operation"],
            **self._place(record),
        })  # fmt: skip

    def insights(self) -> Section:
        fresh = [fact.insight for fact in self._facts if fact.insight is not None]
        known = INSIGHTS.merged(self._stored.insights, fresh)
        records = insights_that_hold(known, iso(self._now_us))[: self._form.insights]
        for record in records:
            self._expire(record["valid_until"])
        return self._list("insights", records, lambda record: {
            "insight_id": record["insight_id"],
            "subject": shorter(record["subject"], self._form.text),
            "metric": shorter(record["metric"], self._form.text),
            "value": record["value"],
            "grain": record["grain"],
            "confidence": record["confidence"],
            "artifact_id": record["artifact_id"],
            "query_id": record["query_id"],
            "recorded_at": record["recorded_at"],
            "valid_until": record["valid_until"],
        })  # fmt: skip

    def recent_queries(self) -> Section:
        fresh = [fact.query for fact in self._facts if fact.query is not None]
        return self._list("recent_queries", QUERIES.merged(self._stored.queries, fresh), lambda record: {
            **self._place(record),
            "sql": shorter(record["sql"], self._form.text),
            "query_id": record["query_id"],
            "rows": record["rows"],
            "duration_ms": record["duration_ms"],
            "artifact_id": record["artifact_id"],
        })  # fmt: skip

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

    def _list(self, name: str, records: list[Record], show: Callable[[Record], Record]) -> Section:
        """The entries as they are shown, without what is empty: every byte of an answer is read by a model."""
        return Section(name, [{k: v for k, v in entry.items() if v or v == 0 or k == "value"} for entry in map(show, records)])

    def _place(self, record: Record) -> Record:
        """When and where: the project only where the answer is about several, the session in the longer form."""
        return {
            "ts": record["ts"],
            "session_id": record["session_id"] if self._form is _Full else None,
            "project": record["project"] if self._project == ALL_PROJECTS else None,
        }

    def _expire(self, valid_until: str | None) -> None:
        try:
            self.valid_until_us = min(self.valid_until_us, parse_iso(valid_until or "") - 1)
        except ValueError:
            return


_SECTIONS: dict[str, Callable[[Document], Section]] = {name: getattr(Document, name) for name in CONTEXT_TYPES["default"]}
