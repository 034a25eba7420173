"""Questions over a long record, and the way from a question to an insight that others see.

query      one customer's last day by tool, over 1 million activities, the child's start included; floor: SELECT 1 as well
insight    query → artifact → record_insight through one server until get_context of another one shows it with its artifact
"""

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING, Any

from ..service import ActivityService
from .growth import fill
from .loop import SERVER
from .measured import Measured, against, bounded
from .raw_client import RawClient

if TYPE_CHECKING:
    from collections.abc import Mapping

CUSTOMER = "customer-3"
QUESTION = f"""
    SELECT tool_name, COUNT(*) AS calls, COUNT_IF(NOT success) AS failures, QUANTILE_CONT(latency_ms, 0.95) AS p95_ms
    FROM VW_TOOL_EVENTS
    WHERE customer = '{CUSTOMER}' AND ts >= utc_now() - INTERVAL 1 DAY
    GROUP BY tool_name
    ORDER BY calls DESC
"""  # noqa: S608 - our own name
_GIVE_UP_S = 30.0


def measure(environ: Mapping[str, str], *, total: int = 1_000_000, rounds: int = 7) -> list[Measured]:
    """Both, over the same record."""
    home = {**environ, "ACTIVITY_CUSTOMER": CUSTOMER}
    fill(home, total, with_contexts=False)
    return [asking(home, total, rounds), concluding(home, total, rounds)]


def asking(environ: Mapping[str, str], total: int, rounds: int) -> Measured:
    """Medians of a whole query with its process, the question and the floor in turn."""
    service = ActivityService.from_environ(environ, source="cli")
    times: dict[str, list[float]] = {QUESTION: [], "SELECT 1": []}
    try:
        for _ in range(rounds):
            for sql, taken in times.items():
                began = time.perf_counter()
                found = service.provenance_queries.query(sql, store=False)
                taken.append((time.perf_counter() - began) * 1000)
                if not found["rows"]:
                    raise RuntimeError("the question found nothing")
    finally:
        service.close()
    what = f"query on one customer and day over {total:,} activities; floor: SELECT 1"
    return against(what, median(times[QUESTION]), median(times["SELECT 1"]), "ms", below=1000)


def concluding(environ: Mapping[str, str], total: int, rounds: int) -> Measured:
    """The slowest of ``rounds`` ways from the question until another server shows what was concluded, in seconds."""
    taken = []
    with RawClient(SERVER, ["serve"], environ=environ) as asker, RawClient(SERVER, ["serve"], environ=environ) as reader:
        for number in range(rounds):
            began = time.perf_counter()
            found = asker.call("query", {"sql": f"{QUESTION} LIMIT {number + 1}"})["structuredContent"]
            insight = {"subject": "tools", "metric": f"calls {number}", "value": found["rows"][0][1], "grain": "day"}
            recorded = asker.call("record_insight", {**insight, "artifact_id": found["artifact_id"]})["structuredContent"]
            while not _shown(reader, recorded["insight_id"], found["artifact_id"]):
                if time.perf_counter() - began > _GIVE_UP_S:
                    raise RuntimeError("the insight was not shown within half a minute")
                time.sleep(0.01)
            taken.append(time.perf_counter() - began)
    what = f"question → query → artifact → record_insight → get_context there, the slowest of {rounds}, {total:,} activities"
    return bounded(what, max(taken), "s", below=8)


def _shown(reader: RawClient, insight_id: str, artifact_id: str) -> bool:
    answer: dict[str, Any] = reader.call("get_context", {"context_type": "analyst"})["structuredContent"]
    shown = answer["context"].get("insights", [])
    return any(insight["insight_id"] == insight_id and insight["artifact_id"] == artifact_id for insight in shown)
