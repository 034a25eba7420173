"""Rows that land while Snowflake's task runs: its tables show them at once, its stream with the next run, and each counts once.

Snowpipe does not wait for the task. Within one transaction a stream is read repeatably, a table as it is committed
(docs.snowflake.com/en/user-guide/streams-intro). Here the statements of FOLD_BATCH run one by one, those included that the embedded
engine does not need, and rows are put into the table between any two of them.
"""

from __future__ import annotations

import random
import re
from datetime import timedelta
from functools import cache
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.warehouse.duckdb.dialect.rules import translate, translate_query
from activity_mcp.warehouse.duckdb.refresh import Step
from duckdb_sql.scripts import body_of
from lengths import examples, some
from sql.refresh_events import COLUMNS, NOW, generate
from sql.refreshed import Refreshed, Row, _encoded
from sql.support import SQL
from sql.test_refresh import assert_as_expected, tool

MINUTE = timedelta(minutes=1)
SCRIPT = (SQL / "03_streams_tasks.sql").read_text(encoding="utf-8")
OF_THE_EMBEDDED_ENGINE = "-- snowflake-only: the embedded engine notes a run when its duration is known\n"


@cache
def steps(script: str = SCRIPT) -> tuple[Step, ...]:
    """FOLD_BATCH as Snowflake runs it, but for its note of the run."""
    head, body = script.split("CREATE OR REPLACE PROCEDURE FOLD_BATCH()")
    kept = re.sub(rf"^ *--(?! {re.escape(OF_THE_EMBEDDED_ENGINE[3:-1])}) snowflake-only:", "--", body, flags=re.MULTILINE)
    head = head.replace("snowflake-only: nothing lands", "nothing lands")
    made = []
    for found in body_of(f"{head}CREATE OR REPLACE PROCEDURE FOLD_BATCH(){kept}", "FOLD_BATCH"):
        text = translate_query(found.text, found.asks) if found.asks else translate(found.text)
        made.append(Step(found.asks, found.needs, duckdb.extract_statements(str(text))[0]))
    return tuple(made)


class Account(Refreshed):
    """Rows land in the table at any time; a run folds those that have landed when it begins."""

    def __init__(self, script: str = SCRIPT) -> None:
        super().__init__()
        self._steps = steps(script)
        self._unread: list[Row] = []

    def land(self, rows: list[Row]) -> None:
        self._put("CLAUDE_STREAM_V2", rows)
        self._unread += rows

    def run(self, landing: dict[int, list[Row]] | None = None) -> None:
        """One run of the task. ``landing``: before which of its statements which rows land."""
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE CLAUDE_STREAM_V2_STREAM AS SELECT * FROM CLAUDE_STREAM_V2 LIMIT 0"
        )
        self._put("CLAUDE_STREAM_V2_STREAM", self._unread)
        self._unread = []
        facts: dict[str, Any] = {}
        for at, step in enumerate(self._steps):
            self.land((landing or {}).get(at, []))
            if not step.is_spared(facts):
                step.run(self.connection, facts)

    def _put(self, table: str, rows: list[Row]) -> None:
        appender = self.connection.appender(table, columns=list(COLUMNS))
        appender.append_rows([[_encoded(name, one[name]) for name in COLUMNS] for one in rows])
        appender.flush()

    def attempts(self) -> dict[str, float]:
        return {attempt["what"]: attempt["failed"] for attempt in self.blob()["attempts"]}


def in_one_hour(*numbers: int, **columns: Any) -> list[Row]:
    return [tool(number, NOW - (number + 1) * MINUTE, **columns) for number in numbers]


def twice(row: Row) -> Row:
    """The same fact by a source that outranks it."""
    return row | {"source": "hook", "channel_id": "queue-1"}


PLACES = range(17)
"""Before which of its statements."""


def test_rows_land_before_each_statement() -> None:
    assert len(steps()) == len(PLACES)


@pytest.mark.long
@pytest.mark.parametrize("place", some(PLACES, 2))
def test_a_row_that_lands_in_an_hour_that_is_read_again_counts_once(place: int) -> None:
    account = Account()
    (outranked,) = in_one_hour(0, source="import")
    late, later = in_one_hour(1, 2)
    account.land([outranked])
    account.run()
    account.land([twice(outranked)])
    account.run({place: [late]})
    account.run({place: [later]})
    account.run()
    account.run()
    assert account.attempts() == {"Bash run 0": 1, "Bash run 1": 1, "Bash run 2": 1}


@pytest.mark.slow
def test_without_reading_such_an_hour_again_it_would_count_twice() -> None:
    """So the test above is able to fail: this is the sequence as it was."""
    account = Account(re.sub(r"    IF \(has_repeats OR has_reread\) THEN.*?END IF;\n", "", SCRIPT, flags=re.DOTALL))
    (outranked,) = in_one_hour(0, source="import")
    account.land([outranked])
    account.run()
    account.land([twice(outranked)])
    account.run({0: in_one_hour(1)})
    account.run()
    assert account.attempts() == {"Bash run 0": 1, "Bash run 1": 2}


def test_an_hour_is_read_again_no_longer_than_rows_of_it_come() -> None:
    account = Account()
    (outranked,) = in_one_hour(0, source="import")
    account.land([outranked, twice(outranked)])
    account.run()
    account.land([twice(one) for one in in_one_hour(3, source="import")] + in_one_hour(3, source="import"))
    account.run()
    account.land([tool(70, NOW - 70 * MINUTE)])
    account.run()
    assert account.rows("REREAD_HOURS") == []


def test_what_the_recorder_says_of_itself_empties_no_list() -> None:
    account = Account()
    (outranked,) = in_one_hour(0, source="import")
    account.land([outranked])
    account.run()
    account.land([twice(outranked)])
    account.run()
    features = {"method": "get_context", "latency_ms": 1, "success": True}
    account.land(
        [outranked | {"activity_id": "own", "event_name": "mcp_event", "feature_json": features, "stream_offset": "9"}]
    )
    account.run()
    assert account.attempts() == {"Bash run 0": 1}


@examples(2, 150)
@given(seed=st.integers(0, 10**6))
def test_wherever_rows_land_the_contexts_are_what_the_rows_alone_give(seed: int) -> None:
    rng = random.Random(seed)
    rows = generate(seed, 60, poison=0.1, repeats=0.5, days=0.1)
    account = Account()
    at = 0
    while at < len(rows):
        landing: dict[int, list[Row]] = {}
        for place in sorted(rng.choices(PLACES, k=3)):
            size = rng.randrange(8)
            landing[place] = landing.get(place, []) + rows[at : at + size]
            at += size
        account.run(landing)
    account.run()
    assert_as_expected(account, rows)
