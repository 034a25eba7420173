"""What the sources say of each session, side by side: who reported what, what counts, and how far off the client's sum is.

    exported      the requests that Claude Code's exporter reported, with its dollars
    transcript    those in transcripts, with estimates; mostly the same requests
    unnamed       requests that the exporter reported without an id that is unique: in no sum, as transcripts may have them
    counted       each request once, from the best source: what ``usage`` shows
    client        Claude Code's own sum: from the end of the transcript (``cost_state``), or what its status line was given last
                  (``status``)
    difference    client less counted, with its reason

Unlike every other sum this one reads rows that another outranks: it is about the sources, and adds none of them to another.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..clock import iso
from .sums import QUERY_TIMEOUT_S, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..warehouse import QueryResult

AGREES_USD = 0.005
"""To the cent: nobody pays a smaller difference."""
_STATEMENT = """WITH reported AS (
    SELECT
        session_id,
        source,
        activity_id,
        ts,
        event_name,
        feature_json:event_type::VARCHAR AS event_type,
        feature_json:start_source::VARCHAR AS start_source,
        TRY_CAST(feature_json:cost_usd::VARCHAR AS NUMBER(38, 9)) AS cost_usd
    FROM CLAUDE_STREAM_V2
    WHERE session_id IS NOT NULL
        AND (event_name = 'llm_event' OR event_name = 'session_event')
        AND {condition}
    QUALIFY ROW_NUMBER() OVER (PARTITION BY activity_id, source ORDER BY channel_id, stream_offset) = 1
),

sources AS (
    SELECT
        session_id,
        MAX(ts) AS last_ts,
        COUNT_IF(event_name = 'llm_event' AND source = 'otel') AS exported_requests,
        SUM(IFF(event_name = 'llm_event' AND source = 'otel', cost_usd, NULL)) AS exported_usd,
        COUNT_IF(event_name = 'llm_event' AND source = 'import') AS transcript_requests,
        SUM(IFF(event_name = 'llm_event' AND source = 'import', cost_usd, NULL)) AS transcript_usd,
        COUNT_IF(event_type = 'unnamed_request') AS unnamed_requests,
        SUM(IFF(event_type = 'unnamed_request', cost_usd, NULL)) AS unnamed_usd,
        MAX(IFF(event_type = 'cost_state', cost_usd, NULL)) AS cost_state_usd,
        MAX(IFF(event_type = 'status', cost_usd, NULL)) AS statusline_usd,
        COUNT_IF(start_source = 'fork') AS forks
    FROM reported
    GROUP BY session_id
),

counted AS (
    SELECT
        session_id,
        COUNT(*) AS counted_requests,
        SUM(cost_usd) AS counted_usd,
        COUNT_IF(cost_usd IS NULL) AS unpriced_requests
    FROM VW_LLM_EVENTS
    WHERE {condition}
    GROUP BY session_id
)

SELECT sources.*, counted.counted_requests, counted.counted_usd, counted.unpriced_requests
FROM sources
LEFT JOIN counted
    ON sources.session_id = counted.session_id
WHERE counted.counted_requests > 0 OR sources.cost_state_usd > 0 OR sources.statusline_usd > 0 OR sources.unnamed_requests > 0
ORDER BY sources.last_ts DESC"""


@dataclass(slots=True)
class Reconciled:
    """One session. Dollars are None where a source says nothing."""

    session_id: str
    exported_requests: int
    exported_usd: float | None
    transcript_requests: int
    transcript_usd: float | None
    unnamed_requests: int
    unnamed_usd: float | None
    cost_state_usd: float | None
    statusline_usd: float | None
    counted_requests: int
    counted_usd: float | None
    unpriced_requests: int
    forks: int

    @property
    def client_usd(self) -> float | None:
        """Claude Code's own sum; of its two the later is the greater, as it only grows."""
        return max((sum_ for sum_ in (self.cost_state_usd, self.statusline_usd) if sum_ is not None), default=None)

    @property
    def difference_usd(self) -> float | None:
        client = self.client_usd
        return None if client is None else round(client - (self.counted_usd or 0.0), 9)

    @property
    def agrees(self) -> bool | None:
        """None where the client left no sum to compare with."""
        difference = self.difference_usd
        return None if difference is None else abs(difference) < AGREES_USD

    def reason(self) -> str:
        """Why the two differ, or that they agree."""
        difference = self.difference_usd
        if difference is None:
            return "Claude Code left no sum: it runs, was killed, or is older than 2.1.328"
        if abs(difference) < AGREES_USD:
            return "agrees"
        if difference < 0:
            return "more is counted than the client's last sum holds: the session went on after it, or a price has changed"
        if self.forks:
            return "a fork: its sum begins with its parent's, whose requests count there"
        if self.unpriced_requests:
            return f"{self.unpriced_requests} requests have no price here"
        if self.unnamed_requests:
            return f"{self.unnamed_requests} requests were exported without an id that is unique: they are in no sum"
        if not self.exported_requests:
            return "what stands in no transcript (compactions, titles) is missing: nothing of this session was exported"
        return "the exporter was not heard for all of the session"

    def document(self) -> dict[str, Any]:
        given = asdict(self)
        return {**given, "client_usd": self.client_usd, "difference_usd": self.difference_usd, "reason": self.reason()}


def reconcile(query: Callable[..., QueryResult], *, customer: str | None, since_us: int | None = None) -> list[Reconciled]:
    """Each session, the latest first. Raises a WarehouseError."""
    found = query(statement(customer, since_us), timeout_s=QUERY_TIMEOUT_S)
    names = [name.lower() for name in found.columns]
    return [_reconciled(dict(zip(names, row, strict=True))) for row in found.rows]


def statement(customer: str | None, since_us: int | None) -> str:
    """The SQL behind ``reconcile``, in Snowflake's words, which both engines read."""
    conditions = [
        f"customer = {quoted(customer)}" if customer is not None else "",
        f"ts >= '{iso(since_us)[:-1]}'::TIMESTAMP_NTZ" if since_us is not None else "",
    ]
    return _STATEMENT.format(condition=" AND ".join(filter(None, conditions)) or "TRUE")


def _reconciled(record: dict[str, Any]) -> Reconciled:
    values: dict[str, Any] = {}
    for name in Reconciled.__dataclass_fields__:
        value = record[name]
        if name == "session_id":
            values[name] = str(value)
        elif name.endswith("_usd"):
            values[name] = None if value is None else float(value)
        else:
            values[name] = int(value or 0)
    return Reconciled(**values)
