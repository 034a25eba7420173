"""Contexts rebuilt on the embedded engine are what folds would have made, though most of a long history is not read for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from activity_mcp.warehouse.duckdb import rebuilding
from activity_mcp.warehouse.duckdb.refresh import STREAM
from lengths import some
from sql import refresh_oracle as oracle
from sql.refresh_events import KINDS, NOW, generate
from sql.refreshed import BOOKKEEPING, Refreshed, Row
from sql.test_refresh import settled_each

LIMIT = 3


def rebuild(made: Refreshed) -> None:
    made.connection.execute("BEGIN TRANSACTION")
    rebuilding.rebuild_contexts(made.connection)
    made.connection.execute("COMMIT")


def tables(made: Refreshed) -> dict[str, list[str]]:
    return {
        table: sorted(str({k: v for k, v in found.items() if k not in BOOKKEEPING}) for found in made.rows(table))
        for table in ("CONTEXT_COUNTS", "CONTEXT_HOURS", "CONTEXT_ITEMS", "CONTEXT_CACHE")
    }


@pytest.fixture
def short_lists() -> Iterator[Refreshed]:
    """A warehouse whose lists are full after a few rows."""
    made = Refreshed()
    made.connection.execute(f"CREATE OR REPLACE MACRO LIST_LIMIT(section) AS {LIMIT}")
    yield made
    made.connection.close()


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(500, 506), 1))
@pytest.mark.parametrize("portion", [17, 1000])
def test_they_are_what_the_rows_alone_give(seed: int, portion: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = generate(seed, 120, poison=0.2, repeats=0.4, days=0.5)
    made = Refreshed()
    made.take_in_cuts(rows, [31])
    monkeypatch.setattr(rebuilding, "_MAX_ROWS", portion)
    monkeypatch.setattr(rebuilding, "_MAX_ENTRIES", 40)
    made.connection.execute("BEGIN TRANSACTION")
    made.connection.execute("CREATE TEMP TABLE again AS SELECT * FROM CLAUDE_STREAM_V2 LIMIT 5")
    made.connection.execute("DELETE FROM CLAUDE_STREAM_V2 WHERE stream_offset IN (SELECT stream_offset FROM again)")
    made.connection.execute("INSERT INTO CLAUDE_STREAM_V2 SELECT * FROM again")  # not yet committed: their row ids are immense
    rebuilding.rebuild_contexts(made.connection)
    made.connection.execute("COMMIT")
    assert made.contexts() == settled_each(oracle.contexts(rows, NOW))


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(520, 528), 1))
def test_rows_that_feed_full_lists_only_are_left_out_and_nothing_else_is(
    seed: int, short_lists: Refreshed, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = generate(seed, 400, repeats=0.2, days=3)
    short_lists.take(*rows)
    rebuild(short_lists)  # of everything at once: no list is full before the end
    whole = tables(short_lists)
    monkeypatch.setattr(rebuilding, "_MAX_ROWS", 40)
    monkeypatch.setattr(rebuilding, "_GROWTH", -1000)  # after each portion
    shown = shown_rows(monkeypatch)
    rebuild(short_lists)
    assert tables(short_lists) == whole
    assert sum(shown) < len(rows) * 0.9


@pytest.mark.parametrize("seed", some(range(570, 574), 1))
def test_customers_are_rebuilt_a_few_at_a_time_and_each_has_its_own(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where rows have been outranked, have left the stream, or are not folded yet."""
    rows = generate(seed, 150, poison=0.1, repeats=0.3, days=0.5, customers=7)
    made = Refreshed()
    made.take_in_cuts(rows, [60])
    for row in rows:
        row["customer"] = row["customer"].replace("user3@", "us'er3@")
    forgotten = "user5@example.com"
    made.connection.execute("UPDATE CLAUDE_STREAM_V2 SET customer = replace(customer, 'user3@', 'us''er3@')")
    made.connection.execute(f"DELETE FROM CLAUDE_STREAM_V2 WHERE customer = '{forgotten}'")
    rebuild(made)
    together = tables(made)
    assert made.contexts().keys() == {scope for scope in oracle.contexts(rows, NOW) if scope[0] != forgotten}
    monkeypatch.setattr(rebuilding, "_MAX_CONTEXTS", 5)
    monkeypatch.setattr(rebuilding, "_MAX_ENTRIES", 40)
    monkeypatch.setattr(rebuilding, "_MAX_ROWS", 20)
    rebuild(made)
    assert tables(made) == together


def test_each_customer_is_rebuilt_once_with_its_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuilding, "_MAX_CONTEXTS", 10)
    found = rebuilding.customers_together([("a", 4), ("b", 6), ("c", 1), ("d", 90), ("e", 1), ("f", 1)])
    assert [*found] == [("a", "b"), ("c", "c"), ("d", "d"), ("e", "f")]


def shown_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each statement that fills the lists is shown, from now on."""
    shown: list[int] = []
    plain = rebuilding._run

    def noting(connection: Any, table: str, key: str) -> None:
        if table == "CONTEXT_ITEMS":
            shown.append(connection.execute(f"SELECT COUNT(*) FROM {STREAM}").fetchall()[0][0])
        plain(connection, table, key)

    monkeypatch.setattr(rebuilding, "_run", noting)
    return shown


@cache
def of_every_kind() -> list[Row]:
    return generate(540, 700, poison=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_feeds_no_list_but_those_of_its_kind(kind: str) -> None:
    rows = [made for made in of_every_kind() if kind_of(made) == kind]
    warehouse = Refreshed()
    warehouse.take(*rows)
    (event_name,) = {made["event_name"] for made in rows}
    fed = {item["section"] for item in warehouse.rows("CONTEXT_ITEMS")}
    assert fed <= set(rebuilding.FEEDS[event_name])
    assert fed or kind == "mcp_event"


def kind_of(made: Row) -> str:
    method = (made["feature_json"] or {}).get("method") if made["event_name"] == "mcp_event" else None
    return {"record_insight": "insight", "store_artifact": "artifact"}.get(str(method), str(made["event_name"]))


def test_a_list_is_cut_before_the_contexts_are_written(short_lists: Refreshed) -> None:
    short_lists.take(*generate(560, 200, days=3))
    rebuild(short_lists)
    lengths = short_lists.connection.execute(
        "SELECT COUNT(*) FROM CONTEXT_ITEMS GROUP BY customer, project, section"
    ).fetchall()
    assert max(lengths) == (LIMIT,)


@pytest.mark.parametrize(
    ("rows", "size", "parts"),
    [([1, 2, 3], 10, 1), ([5, 5, 5], 10, 2), ([25], 10, 3), ([4, 25, 4], 10, 5), ([1], 45 * 1024 * 1024, 12)],
)
def test_spans_hold_every_hour_once_and_no_more_than_a_portion(
    rows: list[int], size: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "_MAX_ROWS", 10)
    hours = [rebuilding.Hour(NOW - timedelta(hours=3 * at), count, size) for at, count in enumerate(rows)]
    found = list(rebuilding.spans(hours))
    assert len(found) == parts
    for hour in hours:
        holding = [span for span in found if span.first <= hour.start <= span.last]
        assert sorted(span.part for span in holding) == list(range(holding[0].parts))
        assert hour.rows <= 10 * len(holding)


def test_nothing_is_made_of_an_empty_stream() -> None:
    made = Refreshed()
    rebuild(made)
    assert made.contexts() == {}
