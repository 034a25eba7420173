"""Search under row access: on Snowflake a reader finds what the policies let through, and not a word of anything else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from activity_mcp.search.searcher import Searcher
from activity_mcp.warehouse.duckdb.dialect.questions import from_snowflake
from fakes import FakeClock
from sql.policies import Governed
from sql.refresh_events import NOW, row
from sql.refreshed import Refreshed
from sql.support import statements

ADA, BEA = "ada@example.com", "bea@example.com"


class GovernedQueries:
    """The queries of a reader, through the policies' own text."""

    def __init__(self, governed: Governed) -> None:
        self._governed = governed

    def query(self, sql: str, **_: Any) -> Any:
        return SimpleNamespace(rows=self._governed.connection.execute(from_snowflake(sql)).fetchall())


@pytest.fixture(scope="module")
def governed() -> Governed:
    made = Refreshed()
    rows = []
    for number, (customer, word) in enumerate(((ADA, "alpaca"), (BEA, "buffalo"))):
        features = {"tool_name": "Bash", "success": True, "parameters": {"command": f"echo {word} shared"}}
        made_row = row(number + 1, "tool_event", NOW, features)
        made_row.update(customer=customer, org_id="acme", project="/work/a")
        rows.append(made_row)
    made.take(*rows)
    for name in ("00_query_history.sql", "01_migration_setup.sql", "02_artifacts.sql", "04_typed_views.sql"):
        for text in statements(name):
            made.connection.execute(text)
    found = Governed(made.connection)
    given = [("ADA", None, ADA, None, True), ("CHIEF", None, None, "acme", False)]
    found.connection.executemany("INSERT INTO ACCESS_MAP VALUES (?, ?, ?, ?, ?)", given)
    return found


@pytest.mark.parametrize(
    ("who", "query", "found"),
    [
        ("ADA", "shared", ["echo alpaca **shared**"]),
        ("ADA", "buffalo", []),
        ("CHIEF", "alpaca", []),
        ("NOBODY", "shared", []),
        ("ROOT", "shared", ["echo alpaca **shared**", "echo buffalo **shared**"]),
    ],
)
def test_a_reader_finds_its_own_rows_and_their_contents_only_where_it_may_see_them(
    governed: Governed, tmp_path: Path, who: str, query: str, found: list[str]
) -> None:
    governed.become(who, "ACTIVITY_READER", *(["ACTIVITY_ADMIN"] if who == "ROOT" else []))
    queries: Any = GovernedQueries(governed)
    searcher = Searcher(str(tmp_path), lambda: queries, has_index=False, own_project=None, clock=FakeClock())
    answer = searcher.search(query)
    assert (sorted(hit["snippet"] for hit in answer["hits"]), answer["notes"]) == (found, [])
