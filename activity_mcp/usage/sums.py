"""Tokens and dollars, summed by the warehouse: one statement, which each engine gets in its own words.

    by            daily, weekly, monthly (of UTC, as everywhere); session, project, branch, model, agent, skill, mcp
    Sum           requests, tokens by class, dollars, and of these what is an estimate and what Claude Code asked for itself
    Usage         the rows, their total, and which models had requests without a price

Over a million activities most of its time is reading JSON. So the embedded engine reads all of a row's members at once, where
the view would read each apart (``_EXTRACTED``); a test holds the two to the same sums.

Of each request one row counts, that of the best source (V_CURRENT_STREAM). A session's sum includes those of its subagents.
What has no price is in no sum of dollars; ``requests_without_cost`` says how many, and ``unpriced_models`` whose.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..clock import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..warehouse import QueryResult

QUERY_TIMEOUT_S = 60.0
_AGENT = """CASE request_kind
    WHEN 'subagent' THEN COALESCE(agent_type, 'subagent')
    WHEN 'auxiliary' THEN COALESCE(query_source, 'auxiliary')
    ELSE 'main conversation'
END"""
KEYS = {
    "daily": "TO_CHAR(ts, 'YYYY-MM-DD')",
    "weekly": "TO_CHAR(DATEADD(DAY, -(DATEDIFF(DAY, '1970-01-05'::TIMESTAMP_NTZ, ts) % 7), ts), 'YYYY-MM-DD')",
    "monthly": "TO_CHAR(ts, 'YYYY-MM')",
    "session": "COALESCE(session_id, '(none)')",
    "project": "COALESCE(project, '(none)')",
    "branch": "COALESCE(project, '(none)') || ' @ ' || COALESCE(git_branch, '(none)')",
    "model": "model",
    "agent": _AGENT,
    "skill": "COALESCE(skill, '(none)')",
    "mcp": "COALESCE(mcp_server, '(none)')",
}
"""What a row of each table is of, as SQL over VW_LLM_EVENTS. Weeks are counted from a Monday: in DATE_TRUNC, an account may set
another day."""
_EMBEDDED_KEYS = KEYS | {
    "daily": "strftime(ts, '%Y-%m-%d')",
    "weekly": "strftime(DATE_TRUNC('week', ts), '%Y-%m-%d')",
    "monthly": "strftime(ts, '%Y-%m')",
}
BY_TIME = ("daily", "weekly", "monthly")
_COUNTS = (
    "requests", "prompt_tokens", "completion_tokens", "cache_creation_tokens", "cache_read_tokens", "requests_without_cost",
    "requests_measured", "requests_auxiliary",
)  # fmt: skip
_DOLLARS = ("cost_usd", "cost_estimated_usd", "cost_auxiliary_usd")
_STATEMENT = """SELECT
    {key} AS key,
    model AS model,
    MIN(project) AS project,
    MIN(ts) AS first_ts,
    MAX(ts) AS last_ts,
    COUNT(*) AS requests,
    COALESCE(SUM(prompt_tokens), 0) AS prompt_tokens,
    COALESCE(SUM(completion_tokens), 0) AS completion_tokens,
    COALESCE(SUM(cache_creation_tokens), 0) AS cache_creation_tokens,
    COALESCE(SUM(cache_read_tokens), 0) AS cache_read_tokens,
    COUNT_IF(cost_usd IS NULL) AS requests_without_cost,
    COUNT_IF(source = 'otel') AS requests_measured,
    COUNT_IF(request_kind = 'auxiliary') AS requests_auxiliary,
    COALESCE(SUM(cost_usd), 0) AS cost_usd,
    COALESCE(SUM(CASE WHEN cost_source = 'estimated' THEN cost_usd ELSE 0 END), 0) AS cost_estimated_usd,
    COALESCE(SUM(CASE WHEN request_kind = 'auxiliary' THEN cost_usd ELSE 0 END), 0) AS cost_auxiliary_usd
FROM {requests}
WHERE {condition}
GROUP BY 1, 2"""

_VIEW = "VW_LLM_EVENTS"
_TOKENS = ("prompt_tokens", "completion_tokens", "cache_creation_tokens", "cache_read_tokens")
_TEXTS = ("model", "cost_source", "request_kind")
_TEXTS_OF_KEYS = {
    "branch": ("git_branch",), "agent": ("agent_type", "query_source"), "skill": ("skill",), "mcp": ("mcp_server",),
}  # fmt: skip
_NUMBER = r"^[ \t\n\r\f\v]*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?[ \t\n\r\f\v]*$"
"""NUMBER_PART of the embedded warehouse, written out: a statement that calls a macro has all of them looked up first."""
_EXTRACTED = """(
    SELECT ts, customer, session_id, project, source, {members}
    FROM (
        SELECT ts, customer, session_id, project, source, json_extract_string(feature_json, [{paths}]) AS found
        FROM V_CURRENT_STREAM
        WHERE event_name = 'llm_event'
    ) AS events
) AS requests"""

_SPENT = """SELECT COALESCE(SUM(cost_usd), 0) AS spent
FROM VW_LLM_EVENTS
WHERE customer = {customer}
    AND ts >= {since}::TIMESTAMP_NTZ
    AND ts < {until}::TIMESTAMP_NTZ"""


@dataclass(slots=True)
class Sum:
    """What the requests of one key add up to. ``cost_usd`` holds ``cost_estimated_usd`` and ``cost_auxiliary_usd``; tokens are
    those of the four classes, which do not overlap."""

    key: str
    models: list[str] = field(default_factory=list)
    project: str | None = None
    first_ts: str | None = None
    last_ts: str | None = None
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cache_creation_tokens: int = 0
    cache_read_tokens: int = 0
    requests_without_cost: int = 0
    requests_measured: int = 0
    requests_auxiliary: int = 0
    cost_usd: float = 0.0
    cost_estimated_usd: float = 0.0
    cost_auxiliary_usd: float = 0.0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens + self.cache_creation_tokens + self.cache_read_tokens

    @property
    def cache_hit_share(self) -> float | None:
        """The share of the input that the cache served; None without input."""
        read = self.prompt_tokens + self.cache_creation_tokens + self.cache_read_tokens
        return self.cache_read_tokens / read if read else None

    @property
    def has_cost(self) -> bool:
        return self.requests_without_cost < self.requests

    def add(self, other: Sum) -> None:
        for name in (*_COUNTS, *_DOLLARS):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.models = sorted({*self.models, *other.models})
        self.project = self.project if self.project is not None else other.project
        self.first_ts = min(filter(None, (self.first_ts, other.first_ts)), default=None)
        self.last_ts = max(filter(None, (self.last_ts, other.last_ts)), default=None)

    def document(self) -> dict[str, Any]:
        """As ``--json`` and ``--csv`` show it: dollars are null where no request had a price."""
        share = self.cache_hit_share
        return {
            "key": self.key,
            "models": self.models,
            "first_ts": self.first_ts,
            "last_ts": self.last_ts,
            **{name: getattr(self, name) for name in _COUNTS},
            "total_tokens": self.total_tokens,
            "cache_hit_share": round(share, 4) if share is not None else None,
            **{name: round(getattr(self, name), 9) if self.has_cost else None for name in _DOLLARS},
        }


@dataclass(slots=True)
class Usage:
    """The sums by ``by``, in order: times ascending, all else by cost."""

    by: str
    rows: list[Sum]
    total: Sum
    unpriced_models: dict[str, int]
    """Of each model without a price, how many requests are in no sum of dollars."""


def read_usage(
    query: Callable[..., QueryResult],
    by: str,
    *,
    customer: str | None,
    since_us: int | None = None,
    project: str | None = None,
    is_embedded: bool = False,
) -> Usage:
    """The sums of a customer (None: of all). Raises a WarehouseError.

    ``query`` is the warehouse's, ``is_embedded`` says whether it is the embedded one; ``since_us`` and ``project`` leave out
    what is older, and other projects.
    """
    found = query(statement(by, customer, since_us, project, is_embedded=is_embedded), timeout_s=QUERY_TIMEOUT_S)
    rows: dict[str, Sum] = {}
    total = Sum("total")
    unpriced: dict[str, int] = {}
    for record in found.rows:
        one = _sum_of(dict(zip([name.lower() for name in found.columns], record, strict=True)))
        if one.requests_without_cost:
            unpriced[one.models[0]] = unpriced.get(one.models[0], 0) + one.requests_without_cost
        rows.setdefault(one.key, Sum(one.key)).add(one)
        total.add(one)
    ordered = sorted(rows.values(), key=lambda one: one.key if by in BY_TIME else (-one.cost_usd, -one.total_tokens, one.key))
    return Usage(by, ordered, total, unpriced)


def spent_between(query: Callable[..., QueryResult], customer: str, since: str, until: str) -> float:
    """What a customer spent from a day (``YYYY-MM-DD``) until another, which is left out. Raises a WarehouseError."""
    statement = _SPENT.format(customer=quoted(customer), since=quoted(since), until=quoted(until))
    found = query(statement, timeout_s=QUERY_TIMEOUT_S)
    return float(found.rows[0][0])


def statement(by: str, customer: str | None, since_us: int | None, project: str | None, *, is_embedded: bool = False) -> str:
    """The SQL behind ``read_usage``."""
    text = _plainly_quoted if is_embedded else quoted
    conditions = [
        f"customer = {text(customer)}" if customer is not None else "",
        f"ts >= '{iso(since_us)[:-1]}'::TIMESTAMP{'' if is_embedded else '_NTZ'}" if since_us is not None else "",
        f"project = {text(project)}" if project is not None else "",
    ]
    condition = " AND ".join(filter(None, conditions)) or "TRUE"
    if is_embedded:
        return _STATEMENT.format(key=_EMBEDDED_KEYS[by], condition=condition, requests=_extracted(by))
    return _STATEMENT.format(key=KEYS[by], condition=condition, requests=_VIEW)


def _extracted(by: str) -> str:
    """The requests as DuckDB reads them fastest, with what this table needs of each, typed as the view types it."""
    texts = (*_TEXTS, *_TEXTS_OF_KEYS.get(by, ()))
    names = (*texts, *_TOKENS, "cost_usd")
    found = {name: f"found[{place}]" for place, name in enumerate(names, 1)}
    members = [f"{found[name]} AS {name}" for name in texts]
    for name, kind in (*((name, "DECIMAL(38, 0)") for name in _TOKENS), ("cost_usd", "DECIMAL(38, 9)")):
        members.append(f"TRY_CAST(regexp_extract({found[name]}, '{_NUMBER}') AS {kind}) AS {name}")
    return _EXTRACTED.format(members=", ".join(members), paths=", ".join(f"'$.{name}'" for name in names))


def quoted(text: str) -> str:
    """The text as a string of Snowflake's SQL, in which a backslash escapes."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _plainly_quoted(text: str) -> str:
    """The text as a string of DuckDB's SQL, in which a backslash is one."""
    return "'" + text.replace("'", "''") + "'"


def _sum_of(record: dict[str, Any]) -> Sum:
    one = Sum(str(record["key"]), [str(record["model"] or "unknown")], record["project"])
    one.first_ts, one.last_ts = _time(record["first_ts"]), _time(record["last_ts"])
    for name in _COUNTS:
        setattr(one, name, int(record[name] or 0))
    for name in _DOLLARS:
        setattr(one, name, float(record[name] or 0))
    return one


def _time(value: Any) -> str | None:
    return None if value is None else str(value)
