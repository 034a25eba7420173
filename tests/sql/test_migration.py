"""From version 1 to version 2 and back on generated old rows: nothing lost, nothing twice, and what differs is found."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.errors import CheckFailed
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from activity_mcp.warehouse.migration_from_v1 import Check, EmbeddedMigration, Migration
from lengths import some
from sql.support import fill, insert_stream, statements, stream_row, table
from sql.v1_rows import COLUMNS, START, Row, as_v2, canonical, followed, id_of, v1_rows


class Migrated:
    """A warehouse file with rows of version 1, and the migration on it."""

    def __init__(self, path: Path) -> None:
        self.warehouse = DuckDBWarehouse(str(path))
        self.engine = EmbeddedMigration(self.warehouse)
        self.migration = Migration(self.engine)

    def insert(self, rows: list[Row]) -> None:
        with self.warehouse._engine() as connection:
            fill(connection, "ACTIVITY_STREAM", [{name: row[name] for name in COLUMNS} for row in rows])

    def run(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction() as statements:
            return statements.execute(sql, parameters)

    def rows(self, name: str) -> list[Row]:
        with self.warehouse._engine() as connection:
            return table(connection, name)

    def followed(self) -> dict[str, Row]:
        found = {}
        for row in self.rows("CLAUDE_STREAM_V2"):
            assert row["activity_id"] not in found
            assert row.pop("loaded_at") is not None
            assert row.pop("hour_start") == row["ts"].replace(minute=0, second=0, microsecond=0)
            found[row["activity_id"]] = row | {"feature_json": json.loads(row["feature_json"])}
        return found

    def checks(self) -> dict[str, Check]:
        return {check.name: check for check in self.migration.validate()}

    def statuses(self) -> dict[str, str]:
        return {name: check.status for name, check in self.checks().items()}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("deployed") / "a.duckdb"
    made = Migrated(path)
    made.rows("MIGRATION_FLAGS")
    made.warehouse.release()
    return path


@pytest.fixture
def migrated(tmp_path: Path, deployed: Path) -> Iterator[Migrated]:
    made = Migrated(Path(shutil.copy(deployed, tmp_path)))
    yield made
    made.warehouse.release()


PASSED = dict.fromkeys(
    ("activities", "first_ts", "last_ts", "days", "missing", "extra", "different", "duplicate", "conflicting", "left_out"),
    "PASS",
)


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(2), 1))
def test_backfill_copies_every_activity_once_however_often_it_stops(migrated: Migrated, seed: int) -> None:
    rows = v1_rows(seed, 200, days=3)
    migrated.insert(rows)
    expected = followed(rows)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            migrated.migration.backfill(_stop)
    reported: list[tuple[int, int]] = []
    migrated.migration.backfill(lambda done, total: reported.append((done, total)))
    assert migrated.followed() == expected
    assert reported[-1][0] == reported[-1][1] < len(expected)
    assert migrated.migration.backfill() == 0
    assert migrated.followed() == expected
    assert migrated.statuses() == PASSED | {"duplicate": "WARN", "conflicting": "WARN"}


def _stop(done: int, total: int) -> None:
    raise KeyboardInterrupt


def test_where_there_was_nothing_there_is_nothing_to_complain_about(migrated: Migrated) -> None:
    assert migrated.statuses() == PASSED
    assert migrated.migration.backfill() == 0


def test_rows_that_came_late_are_missing_until_the_next_backfill(migrated: Migrated) -> None:
    rows, late = v1_rows(7, 40), [row | {"ts": START - timedelta(days=400)} for row in v1_rows(8, 5, first_id=1000)]
    migrated.insert(rows)
    migrated.migration.backfill()
    migrated.insert(late)
    new = {id_of(row) for row in late}
    checks = migrated.checks()
    assert (checks["missing"].old_value, checks["missing"].status) == (str(len(new)), "FAIL")
    assert checks["first_ts"].status == "FAIL"
    assert checks["day 2025-07-28"] == Check("day 2025-07-28", str(len(new)), "0", "FAIL", None)
    assert migrated.migration.status().to_backfill == migrated.migration.backfill() == len(new)
    assert migrated.followed() == followed(rows) | followed(late)


@pytest.mark.parametrize("seed", range(1))
def test_dual_write_lets_each_new_row_follow_once_in_any_order_with_the_backfill(migrated: Migrated, seed: int) -> None:
    """The stream starts when dual write is switched on; what it shows may have been backfilled already, and the other way round."""
    rng = random.Random(seed)
    rows = v1_rows(100 + seed, 150)
    old, new = rows[:100], rows[100:]
    migrated.insert(old)
    migrated.insert(new)
    for step in rng.sample(["stream", "backfill", "stream"], 3):
        if step == "backfill":
            migrated.migration.backfill()
        else:
            _dual_write(migrated, new)
    _dual_write(migrated, [])
    found = migrated.rows("CLAUDE_STREAM_V2")
    allowed: dict[str, list[Row]] = {}
    for row in rows:
        allowed.setdefault(id_of(row), []).append(as_v2(row))
    assert sorted(row["activity_id"] for row in found) == sorted(allowed)
    for row in found:  # of rows that share an id either one may have come first
        row.pop("loaded_at")
        assert row.pop("hour_start") == row["ts"].replace(minute=0, second=0, microsecond=0)
        assert row | {"feature_json": json.loads(row["feature_json"])} in allowed[row["activity_id"]]
    assert migrated.statuses() == PASSED | {"duplicate": "WARN", "conflicting": "WARN"}


def _dual_write(migrated: Migrated, new: list[Row]) -> None:
    """DUAL_WRITE_TASK's statements over a table that bears the stream's name and shows what was inserted."""
    with migrated.warehouse._engine() as connection:
        connection.execute("CREATE OR REPLACE TEMP TABLE ACTIVITY_STREAM_V1_STREAM AS SELECT * FROM ACTIVITY_STREAM LIMIT 0")
        if new:
            fill(connection, "ACTIVITY_STREAM_V1_STREAM", [{name: row[name] for name in COLUMNS} for row in new])
        question, merge = statements("run_dual_write.sql")
        from_ts, to_ts = connection.execute(question).fetchall()[0]
        connection.execute(merge, {"from_ts": from_ts, "to_ts": to_ts})


def damage(migrated: Migrated, rng: random.Random, ids: list[str]) -> dict[str, set[str]]:
    """Spoil version 2 in each way that the checks name; the ids by check."""
    picked = rng.sample(ids, 20)
    missing, different, duplicate = set(picked[:7]), set(picked[7:14]), set(picked[14:])
    changes = ("customer = customer || 'x'", "activity = 'did'", "feature_json = '{}'", "revenue_impact = 7", "link = 'x'",
               "ts = ts + INTERVAL 1 MICROSECOND", """feature_json = json_object('feature_1', '-', 'source', '-')""")  # fmt: skip
    for activity_id in missing:
        migrated.run("DELETE FROM CLAUDE_STREAM_V2 WHERE activity_id = ?", activity_id)
    for activity_id, change in zip(sorted(different), changes, strict=True):
        migrated.run(f"UPDATE CLAUDE_STREAM_V2 SET {change} WHERE activity_id = ?", activity_id)
    for activity_id in duplicate:
        migrated.run(
            "INSERT INTO CLAUDE_STREAM_V2 SELECT * REPLACE ('x' || stream_offset AS stream_offset) FROM CLAUDE_STREAM_V2 "
            "WHERE activity_id = ?",
            activity_id,
        )
    extra = {f"extra-{number}" for number in range(6)}
    with migrated.warehouse._engine() as connection:
        insert_stream(
            connection, [stream_row(n, "tool_event", {}, activity_id=f"extra-{n}", channel_id="v1") for n in range(6)]
        )
    return {"missing": missing, "different": different, "duplicate": duplicate, "extra": extra}


@pytest.mark.parametrize("seed", range(1))
def test_validation_finds_what_is_missing_different_extra_and_double(migrated: Migrated, seed: int) -> None:
    rng = random.Random(seed)
    rows = [row for row in v1_rows(200 + seed, 400) if row["link"] and row["feature_1"] and row["revenue_impact"] is None]
    groups = Counter(id_of(row) for row in rows)
    rows = [row for row in rows if groups[id_of(row)] == 1 and row["activity"] != "did"]
    migrated.insert(rows)
    migrated.migration.backfill()
    assert migrated.statuses() == PASSED
    damaged = damage(migrated, rng, sorted(followed(rows)))
    checks = migrated.checks()
    for name, in_old, in_new in (("missing", 7, 0), ("different", 7, 7), ("extra", 0, 6), ("duplicate", 0, 6)):
        samples = json.dumps(sorted(damaged[name])[:5], separators=(",", ":"))
        assert checks[name] == Check(name, str(in_old), str(in_new), "FAIL", samples)
    assert checks["activities"] == Check("activities", str(len(rows)), str(len(rows) - 7 + 6), "FAIL", None)
    assert checks["days"].status == "FAIL"
    differing = _differing_days(rows, damaged)
    assert {name: (c.old_value, c.new_value) for name, c in checks.items() if name.startswith("day ")} == differing
    with pytest.raises(
        CheckFailed, match=r"missing, extra, different, duplicate.* failed; VW_ACTIVITIES still reads version 1"
    ):
        migrated.migration.cutover()
    assert not migrated.migration.status().reads_v2


def _differing_days(rows: list[Row], damaged: dict[str, set[str]]) -> dict[str, tuple[str, str]]:
    old = Counter(f"day {row['ts']:%Y-%m-%d}" for row in rows)
    new = Counter(f"day {row['ts']:%Y-%m-%d}" for row in rows if id_of(row) not in damaged["missing"])
    new["day 2026-11-01"] += len(damaged["extra"])
    return {day: (str(old[day]), str(new[day])) for day in old.keys() | new.keys() if old[day] != new[day]}


def test_rows_that_cannot_follow_are_counted_and_hold_the_cutover(migrated: Migrated) -> None:
    rows = v1_rows(5, 30)
    migrated.insert(
        [*rows, rows[0] | {"activity_id": "timeless", "ts": None}, rows[0] | {"activity_id": "x", "activity": None}]
    )
    migrated.migration.backfill()
    assert migrated.followed() == followed(rows)
    assert migrated.checks()["left_out"] == Check("left_out", "2", "0", "FAIL", '["timeless","x"]')
    migrated.run("DELETE FROM ACTIVITY_STREAM WHERE ts IS NULL OR activity IS NULL")
    migrated.migration.cutover()
    assert migrated.migration.status().reads_v2


SHOWN = ("activity_id", "ts", "customer", "activity", "anonymous_customer_id", "revenue_impact", "link", "event_name")


def shown(migrated: Migrated) -> list[tuple[Any, ...]]:
    """What consumers read, features as values."""
    rows = migrated.rows("VW_ACTIVITIES")
    texts = [json.dumps(json.loads(row["feature_json"]), sort_keys=True) for row in rows]
    return sorted(((*(row[name] for name in SHOWN), text) for row, text in zip(rows, texts, strict=True)), key=repr)


def reported(row: Row) -> tuple[Any, ...]:
    return (*(row[name] for name in SHOWN), json.dumps(row["feature_json"], sort_keys=True))


def test_consumers_read_the_same_activities_before_and_after_the_cutover_and_after_a_rollback(migrated: Migrated) -> None:
    rows = v1_rows(11, 80)
    rows = list({id_of(row): row for row in rows}.values())
    migrated.insert(rows)
    before = sorted((reported(as_v2(row)) for row in rows), key=repr)
    assert shown(migrated) == before
    migrated.migration.backfill()
    assert [check.status for check in migrated.migration.cutover()] == ["PASS"] * 10
    assert shown(migrated) == before
    features = {"tool_name": "Bash", "parameters": {"command": "ls"}}
    later = [
        stream_row(n, "tool_event", features, anonymous_customer_id=anonymous, link="l")
        for n, anonymous in ((1, "host_1"), (2, None))
    ]
    with migrated.warehouse._engine() as connection:
        insert_stream(connection, later)
    both = sorted([*before, *(reported(row) for row in later)], key=repr)
    assert shown(migrated) == both
    assert migrated.migration.status().only_in_v2 == 2
    assert migrated.migration.rollback() == 2
    assert not migrated.migration.status().reads_v2
    assert shown(migrated) == both
    assert migrated.migration.rollback() == 0
    assert migrated.migration.backfill() == 0, "what came from version 2 does not go back there"
    assert set(migrated.statuses().values()) == {"PASS"}
    copied = next(row for row in migrated.rows("ACTIVITY_STREAM") if row["activity_id"] == later[0]["activity_id"])
    new, newer = (rows[0] | {"activity_id": name, "ts": copied["ts"]} for name in ("new", "newer"))
    migrated.insert([new])
    _dual_write(migrated, [copied, new])
    migrated.insert([newer])
    assert migrated.migration.backfill() == 1
    followers = [row["activity_id"] for row in migrated.rows("CLAUDE_STREAM_V2") if row["channel_id"] == "v1"]
    assert sorted(followers) == sorted([*(id_of(row) for row in rows), "new", "newer"]), "nor with others of its day"
    assert (copied["feature_1"], copied["source"], copied["source_id"]) == ("tool_event", "claude_stream_v2", "host_1")
    assert json.loads(copied["feature_2"]) == features
    assert json.loads(copied["feature_3"]) == {"session_id": "s1", "project": "/work", "source": "hook"}


def test_a_fact_that_both_versions_recorded_shows_once_and_version_2_knows_better(migrated: Migrated) -> None:
    native = stream_row(1, "sql_event", {"sql": "SELECT 1"}, activity_id="both", ts=START)
    with migrated.warehouse._engine() as connection:
        insert_stream(connection, [native])
    row = v1_rows(1, 1)[0] | {"activity_id": "both", "activity": "ran_sql", "ts": START}
    migrated.insert([row])
    migrated.migration.backfill()
    assert [(row["source"], row["activity_id"]) for row in migrated.rows("V_CURRENT_STREAM")] == [("hook", "both")]
    assert migrated.statuses() == PASSED


def test_backfilled_activities_are_in_the_context_of_their_customer(migrated: Migrated) -> None:
    rows = [row | {"customer": "ada@example.com"} for row in v1_rows(3, 20)]
    migrated.insert(rows)
    migrated.migration.backfill()
    (context,) = migrated.rows("CONTEXT_CACHE")
    assert json.loads(context["watermark"]) == {"v1": max(row["stream_offset"] for row in followed(rows).values())}


def test_texts_that_could_be_taken_for_one_another_have_different_digests(migrated: Migrated) -> None:
    base = v1_rows(1, 1)[0] | {"activity_id": "same"}
    variants = [base | {"feature_1": one, "feature_2": two} for one, two in
                ((None, "-"), ("-", None), ("", None), (None, ""), ("1:a 1:b", None), ("a", "b"), ("a 1:b", None))]  # fmt: skip
    migrated.insert(variants)
    texts = [row[0] for row in migrated.run("SELECT canonical_text FROM V_V1_ROWS")]
    assert len(set(texts)) == len(variants)
    assert sorted(texts) == sorted(canonical(row) for row in variants)
