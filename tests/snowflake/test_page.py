"""The page over Snowflake: what it asks there is asked as the reader, and answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from activity_mcp.warehouse.duckdb.dialect.marks import looks_like_snowflake
from activity_mcp.warehouse.snowflake.adapter import SnowflakeAdapter
from activity_mcp.warehouse.snowflake.query import SnowflakeQueries
from activity_mcp.web.answers import PAID_PAUSE_S, Answers
from fakes import FakeClock
from snowflake_recording import ORIGIN, Recording
from web.paged import Paged
from web.seed import CUSTOMER

PATHS = (
    "/?days=all",
    "/sessions?days=all",
    "/tools?days=all&tool=Bash",
    "/files?days=all",
    "/errors?days=all",
    "/insights?days=all",
)


class Reading:
    """The adapter of a page, over the stand-in."""

    capabilities = SnowflakeAdapter.capabilities

    def __init__(self, queries: SnowflakeQueries) -> None:
        self.queries = queries

    def exists(self) -> bool:
        return True

    def writer_waits(self) -> bool:
        return False


def test_every_statement_of_the_page_is_answered_as_the_reader_once_a_minute_at_most(
    recording: Recording, tmp_path: Path
) -> None:
    pytest.importorskip("jinja2", reason="needs the extra: pip install 'activity-mcp[web]'")
    recording.write(2, parameters={"command": "make deploy"})
    recording.write(1, parameters={"command": "make clean"}, error="no rule 7", success=False)
    recording.flush(recording.flusher(recording.warehouse()))
    with Paged({}, tmp_path / "page", sessions=1) as paged:
        for path in (*PATHS, f"/session/{paged.ids[0]}"):
            paged.read(path)
        # The stand-in reads what both engines do; what Snowflake's dialect alone has is the sum of sessions, as in `sessions`.
        kept = [sql for sql in paged.page.answers._kept if not looks_like_snowflake(sql)]
    asked = [sql.replace(CUSTOMER, ORIGIN.customer) for sql in kept]
    assert len(asked) >= 7
    queries = SnowflakeQueries(recording.service.connection(recording.database))
    clock = FakeClock()
    answers = Answers(Reading(queries), lambda: object(), clock)  # type: ignore[arg-type]
    before = len(recording.service.statements())
    found = [answers.ask(sql, 60.0) for sql in asked]
    sent = recording.service.statements()[before:]
    assert [answer.problem for answer in found if answer.problem] == []
    assert sent.count("USE ROLE ACTIVITY_READER") == len(asked)
    by_tool = next(answer.rows for answer in found if answer.rows and "p95_ms" in answer.rows[0] and "tool" in answer.rows[0])
    assert sum(row["calls"] for row in by_tool) == 3
    assert sum(row["failures"] for row in by_tool) == 1
    kinds = next(answer.rows for answer in found if answer.rows and "origin" in answer.rows[0])
    assert [(row["origin"], row["error"], row["times"]) for row in kinds] == [("tool", "no rule 7", 1)]
    clock.advance(PAID_PAUSE_S / 2)
    assert {answers.ask(sql).state for sql in asked} == {"stale"}
    assert answers.cost().statements == len(asked)
    answers.close()
