"""What a blob holds, each part read as its type once, for the renderings of it."""

from __future__ import annotations

from .attempts import Attempts, Merged, stored_attempts
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES, stored_records
from .sessions import stored_sessions
from .usage import HOUR_US, Usage, usage_of
from .values import as_name, as_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .attempts import Tried
    from .facts import Fact

    Record = dict[str, Any]


class Stored:
    """A blob, every part read as its type once. What is not as it should be is passed over; what is unknown is ignored."""

    __slots__ = (
        "_blob",
        "_counted",
        "_judged",
        "_merged",
        "_usage",
        "attempts",
        "conclusions",
        "errors",
        "files",
        "insights",
        "queries",
        "recorded_at",
        "sessions",
        "watermark",
    )

    def __init__(self, blob: Mapping[str, Any], watermark: Mapping[str, str] | None = None) -> None:
        self._blob = blob
        self._usage: Usage | None = None
        self._counted: tuple[Sequence[Fact], Usage]
        self._judged: Attempts | None = None
        self.sessions = stored_sessions(blob)
        self.attempts = stored_attempts(blob)
        self._merged = Merged(self.attempts)
        self.conclusions = stored_records(blob, "conclusions", CONCLUSIONS)
        self.errors = stored_records(blob, "recent_errors", ERRORS)
        self.files = stored_records(blob, "recent_files", FILES)
        self.queries = stored_records(blob, "recent_queries", QUERIES)
        self.insights = stored_records(blob, "insights", INSIGHTS)
        self.recorded_at = as_time(blob.get("recorded_at"))
        self.watermark = sorted((as_name(channel) or "", as_name(offset)) for channel, offset in (watermark or {}).items())

    def judged(self, files: Sequence[Record], calls: Sequence[Tried]) -> Attempts:
        """The attempts with the calls since; where there are no others than last time, what was worked out then."""
        by_key = self._merged.with_calls(calls)
        touched = {file["file_path"]: file["ts"] for file in files}
        known = self._judged
        if known is None or not known.is_of(by_key, touched):
            known = self._judged = Attempts(by_key, touched)
        return known

    def usage(self, now_us: int, facts: Sequence[Fact] = ()) -> Usage:
        """The sums over the windows that end now, worked out once an hour, with what these facts add to them."""
        usage = self._usage
        if usage is None or not usage.windows.until_us - HOUR_US <= now_us < usage.windows.until_us:
            usage = self._usage = usage_of(self._blob, now_us)
            self._counted = (), usage
        counted, total = self._counted
        if counted != facts[: len(counted)]:  # one of them was replaced, or is in the context now
            counted, total = (), usage
        if len(facts) > len(counted):  # each answer has the facts of the one before and some more
            total = total.with_facts(facts[len(counted) :])
        self._counted = facts, total
        return total
