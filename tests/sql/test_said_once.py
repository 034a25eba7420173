"""What Python and SQL both say of an event is the same: which of two with one id counts, and which is the server's own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from activity_mcp.activity import KEPT_METHODS
from activity_mcp.activity.ranks import is_own_event, source_rank
from sql import refresh_oracle
from sql.support import warehouse

SOURCES = ("otel", "hook", "mcp", "cli", "import", "something else")
FEATURES: tuple[Any, ...] = (
    {}, None, [], "text", {"_unanswered": True}, {"_unanswered": "true"}, {"_unanswered": False}, {"_unanswered": 1},
    {"method": "record_insight"}, {"method": "store_artifact"}, {"method": "get_context"}, {"method": ["record_insight"]},
    {"method": None}, {"method": 3}, {"_partial": True}, {"_partial": "true"}, {"_partial": 1}, {"_partial": True, "_unanswered": True},
)  # fmt: skip


@pytest.fixture(scope="module")
def deployed() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = warehouse()
    yield connection
    connection.close()


@pytest.mark.parametrize(("source", "features"), list(itertools.product(SOURCES, FEATURES)))
def test_an_events_rank_is_the_same_in_python_in_sql_and_by_the_oracle(
    deployed: duckdb.DuckDBPyConnection, source: str, features: Any
) -> None:
    said = deployed.execute("SELECT SOURCE_RANK(?, ?::JSON)", [source, json.dumps(features)]).fetchall()
    by_oracle = refresh_oracle.rank_of(source, features)
    assert (source_rank(source, features), said) == (by_oracle, [(by_oracle,)])


@pytest.mark.parametrize(("event_name", "features"), list(itertools.product(("mcp_event", "tool_event"), FEATURES)))
def test_an_event_is_the_servers_own_in_python_as_in_sql(
    deployed: duckdb.DuckDBPyConnection, event_name: str, features: Any
) -> None:
    said = deployed.execute("SELECT IS_OWN_EVENT(?, ?::JSON)", [event_name, json.dumps(features)]).fetchall()
    assert said == [(is_own_event(event_name, features),)]


def test_the_oracle_names_the_same_methods() -> None:
    assert refresh_oracle.METHODS == KEPT_METHODS
