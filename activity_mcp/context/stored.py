"""What a blob holds, each part read as its type once, for the renderings of it."""

from __future__ import annotations

from .attempts import Attempts, Merged, stored_attempts
from .records import CONCLUSIONS, ERRORS, FILES, INSIGHTS, QUERIES, stored_records
from .sessions import stored_sessions
from .usage import Usage, Windows, usage_of
from .values import as_name, as_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .tried import Tried

    Record = dict[str, Any]


class Stored:
    """A blob, every part read as its type once. What is not as it should be is passed over; what is unknown is ignored."""

    __slots__ = (
        "_blob",
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
        found = [(as_name(channel) or "", as_name(offset)) for channel, offset in (watermark or {}).items()]
        self.watermark = sorted(found, key=lambda at: (at[0], at[1] or ""))

    def judged(self, files: Sequence[Record], calls: Sequence[Tried]) -> Attempts:
        """The attempts with the calls since; where there are no others than last time, what was worked out then."""
        by_key = self._merged.with_calls(calls)
        touched = {file["file_path"]: file["ts"] for file in files}
        known = self._judged
        if known is None or not known.is_of(by_key, touched):
            known = self._judged = Attempts(by_key, touched)
        return known

    def usage(self, now_us: int) -> Usage:
        """The sums over the windows that end now, worked out once an hour."""
        if self._usage is None or self._usage.windows.until_us != Windows(now_us).until_us:
            self._usage = usage_of(self._blob, now_us)
        return self._usage
