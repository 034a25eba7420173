"""What `usage` asks of Snowflake: each statement runs there, says what the embedded warehouse says, and keeps customers apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import Origin, build
from activity_mcp.clock import iso
from activity_mcp.usage.reconcile import reconcile
from activity_mcp.usage.reconcile import statement as reconcile_statement
from activity_mcp.usage.sums import KEYS, Usage, read_usage, spent_between, statement
from activity_mcp.warehouse import Batch, Row
from activity_mcp.warehouse.duckdb.query import DuckDBQueries
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from activity_mcp.warehouse.snowflake.query import SnowflakeQueries
from lengths import some
from snowflake_recording import Recording
from sql import snowflake_checks as checks
from sql.support import SQL
from warehouse.test_contract import CHANNEL, offset

ODD = "o'neil\\@example.com"
CUSTOMERS = ("ada@example.com", ODD)


def request(number: int, customer: str, now_us: int) -> Any:
    """One request of a customer's: dollars that tell by themselves whose they are."""
    features: dict[str, Any] = {
        "model": ("claude-opus-5-5", "nobody's")[number % 2], "prompt_tokens": 3, "completion_tokens": 2, "cache_read_tokens": 1,
        "cost_source": ("otel", "estimated")[number % 3 == 0], "request_kind": ("main", "subagent", "auxiliary")[number % 3],
        "agent_type": "Explore", "query_source": "compact", "skill": "review", "mcp_server": "tracker", "git_branch": "main",
    }  # fmt: skip
    features |= {} if number % 2 else {"cost_usd": 0.25 if customer == ODD else 4.0}
    origin = Origin(customer, "otel", session_id=f"session of {customer}", project="/work/o'neil\\shop")
    ts = now_us - number * 9 * 86_400_000_000
    return build("llm_event", features, origin, now_us=now_us, ts=ts, activity_id=f"{customer} {number}", strict=False)


def total(number: int, customer: str, now_us: int) -> Any:
    origin = Origin(customer, "import", session_id=f"session of {customer}")
    features = {"session_id": origin.session_id, "event_type": "cost_state", "cost_usd": 1000.0 + number}
    return build("session_event", features, origin, now_us=now_us, ts=now_us, activity_id=f"{customer} total")


def recorded(now_us: int) -> list[Any]:
    made = [request(number, customer, now_us) for customer in CUSTOMERS for number in range(8)]
    made += [total(number, customer, now_us) for number, customer in enumerate(CUSTOMERS)]
    for activity in made:
        activity.validated = True
    return made


@pytest.fixture
def snowflake_queries(recording: Recording) -> SnowflakeQueries:
    for activity in recorded(recording.now_us):
        recording.writer.append([activity.line()])
    recording.flush(recording.flusher(recording.warehouse()))
    return SnowflakeQueries(recording.service.connection(recording.database))


@pytest.fixture
def embedded(recording: Recording, tmp_path: Path) -> DuckDBQueries:
    path = str(tmp_path / "a.duckdb")
    warehouse = DuckDBWarehouse(path)
    made = [json.loads(activity.line()) for activity in recorded(recording.now_us)]
    places = ({"channel_id": CHANNEL, "stream_offset": offset(number)} for number in range(1, len(made) + 1))
    given = [
        {**members, **place, "feature_json": json.dumps(members["feature_json"])}
        for members, place in zip(made, places, strict=True)
    ]
    rows = [Row._make(members.get(name) for name in Row._fields) for members in given]
    warehouse.append(Batch(CHANNEL, None, offset(len(rows)), rows))
    warehouse.fold()
    warehouse.close()
    return DuckDBQueries(path, lambda: (0, 0))


def shown(usage: Usage) -> Any:
    def of(document: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in document.items() if not name.endswith("_ts")}

    return [of(row.document()) for row in usage.rows], of(usage.total.document()), usage.unpriced_models


def test_every_table_says_on_snowflake_what_it_says_on_the_embedded_warehouse(
    recording: Recording, snowflake_queries: SnowflakeQueries, embedded: DuckDBQueries
) -> None:
    since_us = recording.now_us - 40 * 86_400_000_000
    asked: tuple[tuple[dict[str, Any], float], ...] = (
        ({"customer": None}, 17.0),
        ({"customer": CUSTOMERS[0]}, 16.0),
        ({"customer": ODD, "since_us": since_us, "project": "/work/o'neil\\shop"}, 0.75),
    )
    for by in KEYS:
        for wanted, dollars in asked:
            there = read_usage(snowflake_queries.query, by, **wanted)
            here = read_usage(embedded.query, by, is_embedded=True, **wanted)
            assert shown(there) == shown(here), (by, wanted)
            assert there.total.cost_usd == dollars, (by, wanted)


def test_reconcile_and_budgets_ask_for_one_customer_and_get_one(
    recording: Recording, snowflake_queries: SnowflakeQueries, embedded: DuckDBQueries
) -> None:
    tomorrow = iso(recording.now_us + 86_400_000_000)[:10]
    for customer, dollars, client in ((CUSTOMERS[0], 16.0, 1000.0), (ODD, 1.0, 1001.0)):
        for queries in (snowflake_queries, embedded):
            (session,) = reconcile(queries.query, customer=customer)
            assert (session.session_id, session.counted_usd, session.client_usd) == (f"session of {customer}", dollars, client)
            assert session.unpriced_requests == 4
            assert reconcile(queries.query, customer=customer, since_us=recording.now_us + 1) == []
            assert spent_between(queries.query, customer, "2020-01-01", tomorrow) == dollars
    assert len(reconcile(snowflake_queries.query, customer=None)) == 2


STATEMENTS = {
    **{by: statement(by, ODD, 0, "/work/x") for by in KEYS},
    "everything": statement("daily", None, None, None),
    "reconcile": reconcile_statement(ODD, 0),
}


@pytest.mark.long
@pytest.mark.parametrize("name", some(STATEMENTS, 4))
def test_snowflake_would_take_each_statement_as_far_as_can_be_known_without_an_account(name: str) -> None:
    text = f"CREATE OR REPLACE VIEW ASKED AS\n{STATEMENTS[name]};"
    for check in (checks.parse, checks.functions, checks.traps):
        assert check(text) == [], check.__name__
    scripts = [(SQL / file).read_text() for file in ("01_migration_setup.sql", "02_artifacts.sql", "04_typed_views.sql")]
    assert checks.resolve([*scripts, text])["ASKED"]
