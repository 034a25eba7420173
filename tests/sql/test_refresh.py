"""The refresh sequence: what it leaves depends on the rows alone, not on how they were cut, ordered or repeated."""

from __future__ import annotations

import copy
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lengths import LONG, some
from sql import refresh_oracle as oracle
from sql.refresh_events import NOW, generate, row
from sql.refreshed import Refreshed, scans_of, sequence, settled, shuffled

Row = dict[str, Any]
ADA = "ada@example.com"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

ATOM = (
    "insight_id", "customer", "project", "subject", "metric", "value", "grain", "confidence", "artifact_id", "query_id",
    "source_events", "recorded_at", "valid_until", "activity_id", "is_quarantined", "quarantine_reason",
)  # fmt: skip
ARTIFACT = (
    "artifact_id", "artifact_type", "customer", "project", "row_count", "sample_rows", "content_schema", "query_id", "pinned",
    "expires_at", "stored_at", "activity_id",
)  # fmt: skip
DRIFT_KEY = ("customer", "event_name", "field", "drift_kind", "observed_type")
DRIFT = ("occurrences", "first_seen_at", "last_seen_at", "first_activity_id", "sample_reason")


def pick(found: dict[Any, dict[str, Any]], names: tuple[str, ...]) -> dict[Any, Any]:
    return {key: {name: values[name] for name in names if name in values} for key, values in found.items()}


def assert_as_expected(made: Refreshed, rows: list[Row]) -> None:
    assert made.superseded() == oracle.superseded(rows)
    assert made.contexts() == settled_each(oracle.contexts(rows, NOW))
    assert pick(made.keyed("INSIGHT_ATOMS", "insight_id"), ATOM) == settled_each(oracle.atoms(rows))
    assert pick(made.keyed("ARTIFACTS", "artifact_id"), ARTIFACT) == settled_each(oracle.artifacts(rows))
    assert pick(made.keyed("SCHEMA_DRIFT", *DRIFT_KEY), DRIFT) == settled_each(oracle.drift(rows))


def settled_each(found: dict[Any, Any]) -> dict[Any, Any]:
    return {key: settled(values) for key, values in found.items()}


def tool(number: int, ts: Any = NOW, **columns: Any) -> Row:
    features = {"tool_name": "Bash", "success": False, "latency_ms": 100, "parameters": {"command": f"run {number}"}}
    return row(number, "tool_event", ts, features | columns.pop("features", {}), **columns)


def insight(number: int, ts: Any = NOW, **features: Any) -> Row:
    reported = {
        "method": "record_insight",
        "latency_ms": 1,
        "insight_id": f"insight-{number}",
        "value": number,
        "query_id": "q",
    }
    return row(number, "mcp_event", ts, reported | features, source="mcp")


def failed(made: Refreshed, **scope: str) -> list[str]:
    return [error["activity_id"] for error in made.blob(**scope).get("recent_errors", [])]


def calls(made: Refreshed, **scope: str) -> float:
    return sum(hour["events"].get("tool_event", 0) for hour in made.blob(**scope).get("hours", []))


# --- the whole of it, against the oracle


@pytest.mark.parametrize("seed", range(2))
def test_one_batch_of_orderly_rows_is_what_the_oracle_says(seed: int) -> None:
    rows = generate(seed, 200)
    made = Refreshed()
    made.take(*rows)
    assert_as_expected(made, rows)


def test_no_statement_stores_a_timestamp_in_a_variant() -> None:
    rows = generate(600, 200, poison=0.2, repeats=0.3)
    made = Refreshed(checked=True)
    made.take_in_cuts(rows, [120])
    assert_as_expected(made, rows)


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(100, 108), 2))
def test_values_nobody_expects_and_repeated_facts_never_fail_and_never_mislead(seed: int) -> None:
    rows = generate(seed, 150, poison=0.4, repeats=0.3)
    made = Refreshed()
    made.take(*rows)
    assert_as_expected(made, rows)


@pytest.mark.long
@pytest.mark.parametrize("seed", some(range(200, 206), 1))
def test_random_cuts_in_any_order_give_the_same(seed: int) -> None:
    rows = generate(seed, 120, poison=0.2, repeats=0.35, days=0.3)
    rng = random.Random(seed)
    made = Refreshed(skipping=seed % 2 == 0)
    made.take_in_cuts(shuffled(rows, seed) if seed % 3 < 2 else rows, [rng.randrange(1, 50) for _ in range(120)])
    assert_as_expected(made, rows)


@pytest.mark.long
def test_one_row_at_a_time_gives_the_same() -> None:
    rows = generate(300, 20 if LONG else 10, poison=0.2, repeats=0.4, days=0.2)
    made = Refreshed()
    made.take_in_cuts(rows, [1])
    assert_as_expected(made, rows)


def test_what_is_sent_again_by_another_queue_changes_nothing_but_the_watermark() -> None:
    rows = generate(400, 60, repeats=0.2)
    made = Refreshed()
    made.take_in_cuts(rows, [30])
    before = made.contexts()
    made.take_in_cuts(again := [one | {"channel_id": "queue-9"} for one in rows], [40])
    assert_as_expected(made, rows + again)
    assert {scope: found["blob"] for scope, found in made.contexts().items()} == {
        scope: found["blob"] for scope, found in before.items()
    }


# --- one fact, one row


KEPT_AND_OUTRANKED: tuple[tuple[Row, Row], ...] = (
    ({"source": "hook"}, {"source": "mcp"}),
    ({"source": "otel"}, {"source": "cli"}),
    ({"source": "mcp"}, {"source": "import"}),
    ({"source": "import"}, {"source": "somewhere else"}),
    ({"source": "otel", "channel_id": "queue-0"}, {"source": "hook", "channel_id": "queue-1"}),
    ({"source": "cli", "stream_offset": "1"}, {"source": "mcp", "stream_offset": "2"}),
    ({"source": "import"}, {"source": "import", "stream_offset": "0", "features": {"_unanswered": True}}),
)


@pytest.mark.parametrize("best_first", [True, False])
def test_of_a_fact_recorded_twice_the_better_source_stays_whichever_came_first(best_first: bool) -> None:
    best, worse = [], []
    for number, (kept, outranked) in enumerate(KEPT_AND_OUTRANKED):
        best.append(tool(number, **kept | {"features": {"error": f"the better {number}"}}))
        marks = {"error": f"the worse {number}"} | outranked.get("features", {})
        worse.append(tool(number, **{"stream_offset": "9"} | outranked | {"features": marks}))
        for reported in (best[-1], worse[-1]):
            reported["stream_offset"] = f"{number} {reported['stream_offset']}"
    made = Refreshed()
    for batch in (best, worse) if best_first else (worse, best):
        made.take(*batch)
    assert made.superseded() == {(each["channel_id"], each["stream_offset"]) for each in worse}
    assert sorted(error["error"] for error in made.blob()["recent_errors"]) == [f"the better {n}" for n in range(len(best))]
    assert calls(made) == len(best)


def test_a_repeat_more_than_a_day_away_is_a_fact_of_its_own() -> None:
    made = Refreshed()
    made.take(tool(1), tool(1, NOW - DAY - MINUTE, source="import", stream_offset="9"))
    assert made.superseded() == set()
    assert calls(made) == 2


def test_a_better_row_takes_the_fact_out_of_the_context_where_the_worse_one_had_put_it() -> None:
    made = Refreshed()
    made.take(tool(1, source="import", customer="who@host", project="/elsewhere", session_id="s-import"))
    assert failed(made, customer="who@host", project="/elsewhere") == ["activity-00001"]
    made.take(tool(1, NOW - HOUR, source="hook", stream_offset="2"))
    assert failed(made) == ["activity-00001"]
    for project in ("/elsewhere", "*"):
        assert made.blob("who@host", project) == {"version": 1}
    for table in ("CONTEXT_HOURS", "CONTEXT_ITEMS"):
        assert {found["customer"] for found in made.rows(table)} == {ADA}


def test_a_better_row_replaces_an_insight_and_an_artifact() -> None:
    stored = {"method": "store_artifact", "latency_ms": 1, "artifact_id": "a", "row_count": 1}
    made = Refreshed()
    made.take(insight(1) | {"source": "import"}, row(2, "mcp_event", NOW, stored, source="import"))
    made.take(insight(1, NOW - HOUR, value="better"), row(2, "mcp_event", NOW - HOUR, stored | {"row_count": 2}))
    assert [reported["value"] for reported in made.blob()["insights"]] == ["better"]
    assert [kept["row_count"] for kept in made.rows("ARTIFACTS")] == [2]


def artifact(number: int, ts: Any = NOW, **features: Any) -> Row:
    reported = {"method": "store_artifact", "latency_ms": 1, "artifact_id": f"artifact-{number}", "row_count": number}
    return row(number, "mcp_event", ts, reported | features, source="mcp")


OTHERWISE: dict[str, Row] = {
    "names no id": {"insight_id": None, "artifact_id": None},
    "names another": {"insight_id": "another", "artifact_id": "another"},
    "names the same, an earlier time": {},
    "is neither": {"method": "another"},
}


@pytest.mark.parametrize("features", OTHERWISE.values(), ids=OTHERWISE)
@pytest.mark.parametrize("made_of", [insight, artifact])
def test_what_was_kept_of_an_event_that_is_outranked_leaves_with_it(made_of: Any, features: Row) -> None:
    """And what an earlier event of the same name said comes back, in the place it was said."""
    better = {"source": "hook", "channel_id": "queue-1", "event_name": "system_event" if "method" in features else "mcp_event"}
    elsewhere = {"project": "/work/b", "customer": "eve@example.com"}
    same = {"insight_id": "same", "artifact_id": "same"}
    rows = [
        made_of(1, NOW - HOUR, **same) | elsewhere,
        made_of(2, NOW, **same),
        made_of(3, NOW, insight_id="its own", artifact_id="its own"),
        made_of(2, NOW - 2 * HOUR, **same | features) | better,
        made_of(3, NOW - 2 * HOUR, **features) | better,
    ]
    made = Refreshed()
    for one in rows:
        made.take(one)
    assert_as_expected(made, rows)


def test_an_insight_that_is_read_again_stays_in_the_quarantine_that_a_person_gave_it() -> None:
    made = Refreshed()
    made.take(insight(1) | {"source": "import"})
    made.connection.execute("UPDATE INSIGHT_ATOMS SET is_quarantined = TRUE, quarantine_reason = 'doubted'")
    made.take(insight(1, value=7) | {"channel_id": "queue-1"})
    assert [(kept["value"], kept["quarantine_reason"]) for kept in made.rows("INSIGHT_ATOMS")] == [(7, "doubted")]


# --- hours, and what rests


def test_late_rows_find_their_hour_and_hours_older_than_eight_days_are_left_out() -> None:
    made = Refreshed()
    made.take(tool(1), tool(2, NOW - 8 * DAY - 2 * HOUR))
    made.take(tool(3, NOW - 3 * HOUR), tool(4, NOW - 8 * DAY - HOUR))
    assert [hour["hour"][:13] for hour in made.blob()["hours"]] == ["2026-11-22T19", "2026-11-22T22"]
    assert failed(made) == ["activity-00001", "activity-00003", "activity-00004", "activity-00002"]


def test_an_hour_leaves_the_context_when_it_is_older_than_eight_days() -> None:
    made = Refreshed()
    made.take(tool(1))
    made.set_clock(NOW + 9 * DAY)
    made.take(tool(2, NOW + 9 * DAY))
    assert [hour["hour"][:13] for hour in made.blob()["hours"]] == ["2026-12-01T22"]


def test_only_the_contexts_of_a_batch_change() -> None:
    made = Refreshed()
    made.take(tool(1), tool(2, customer="eve@example.com"), tool(3, project="/work/b"))
    made.take(tool(4, project=None))
    versions = {(found["customer"], found["project"]): found["row_version"] for found in made.rows("CONTEXT_CACHE")}
    assert versions == {
        (ADA, "*"): 2, (ADA, "/work/a"): 1, (ADA, "/work/b"): 1, ("eve@example.com", "*"): 1, ("eve@example.com", "/work/a"): 1,
    }  # fmt: skip


@pytest.mark.parametrize("skipping", [True, False])
def test_the_recorder_talking_of_itself_touches_nothing(skipping: bool) -> None:
    made = Refreshed(skipping=skipping)
    own = row(1, "mcp_event", NOW, {"method": "get_context", "latency_ms": 1, "surprise": 1}, source="mcp")
    made.take(own)
    made.take(own | {"channel_id": "queue-9"})
    assert made.superseded() == {("queue-9", own["stream_offset"])}
    for table in ("CONTEXT_CACHE", "CONTEXT_HOURS", "CONTEXT_ITEMS", "SCHEMA_DRIFT"):
        assert made.rows(table) == []


def test_a_project_named_star_is_only_counted_for_all() -> None:
    made = Refreshed()
    made.take(tool(1, project="*"), tool(2, project=None))
    assert list(made.contexts()) == [(ADA, "*")]
    assert calls(made) == 2


def test_a_latency_is_found_again_within_five_percent() -> None:
    made = Refreshed()
    latencies = [0, 0.004, 0.01, 0.5, 1, 3.7, 999.999, 86_400_000]
    made.take(*(tool(index, features={"latency_ms": latency}) for index, latency in enumerate(latencies)))
    (hour,) = made.blob()["hours"]
    shown = sorted(1.1 ** (int(bucket) + 0.5) for bucket in hour["tools"]["Bash"]["latency"])
    true = sorted({max(latency, 0.01) for latency in latencies})
    assert [abs(ours / theirs - 1) < 0.05 for ours, theirs in zip(shown, true, strict=True)] == [True] * len(true)


# --- drift and quarantine


def test_insights_of_a_kind_of_event_whose_type_changed_or_that_failed_are_quarantined_and_no_others() -> None:
    made = Refreshed()
    made.take(
        insight(1, source_events=["tool_event"]), insight(2, source_events=["sql_event", "llm_event"]), insight(3),
        insight(4, source_events="tool_event"), insight(5, source_events=["file_event"]),
        insight(6, source_events=["tool_event"]) | {"customer": "eve@example.com"},
    )  # fmt: skip
    made.take(tool(10, features={"latency_ms": "slow"}))
    made.take(row(11, "sql_event", NOW, {"_schema_errors": [{"path": "rows", "reason": "-1 is less than 0"}]}))
    made.take(row(12, "file_event", NOW, {"operation": "read", "file_path": "/f", "brand_new": 1}))
    reasons = {name: atom.get("quarantine_reason") for name, atom in made.keyed("INSIGHT_ATOMS", "insight_id").items()}
    assert reasons == {
        "insight-1": "schema drift: tool_event.latency_ms type_changed", "insight-2": "schema drift: sql_event.rows failure",
        "insight-3": None, "insight-4": None, "insight-5": None, "insight-6": None,
    }  # fmt: skip
    assert sorted(reported["insight_id"] for reported in made.blob()["insights"]) == ["insight-3", "insight-4", "insight-5"]


def test_an_insight_recorded_after_the_drift_is_quarantined_too() -> None:
    made = Refreshed()
    made.take(tool(1, features={"latency_ms": "slow"}))
    made.take(insight(2, source_events=["tool_event"]))
    assert "insights" not in made.blob()


def test_a_quarantine_reaches_the_contexts_that_rest_and_ends_when_the_drift_is_accepted() -> None:
    made = Refreshed()
    made.take(insight(1, source_events=["tool_event"]) | {"project": "/resting"})
    made.take(tool(2, features={"success": "maybe"}))
    assert "insights" not in made.blob(project="/resting")
    made.connection.execute("UPDATE SCHEMA_DRIFT SET accepted_at = utc_now()")
    made.take(tool(3))
    assert [reported["insight_id"] for reported in made.blob(project="/resting")["insights"]] == ["insight-1"]


def test_a_quarantine_by_a_person_stays() -> None:
    made = Refreshed()
    made.take(insight(1))
    made.connection.execute("UPDATE INSIGHT_ATOMS SET is_quarantined = TRUE, quarantine_reason = 'wrong join'")
    made.take(tool(2))
    assert "insights" not in made.blob()


def test_drift_of_a_row_that_is_outranked_later_is_taken_back() -> None:
    made = Refreshed()
    made.take(tool(1, source="import", features={"latency_ms": "slow"}), insight(2, source_events=["tool_event"]))
    assert [found["occurrences"] for found in made.rows("SCHEMA_DRIFT")] == [1]
    made.take(tool(1, source="hook", stream_offset="2"))
    assert [found["occurrences"] for found in made.rows("SCHEMA_DRIFT")] == [0]
    assert [reported["insight_id"] for reported in made.blob()["insights"]] == ["insight-2"]


def test_an_unknown_hook_and_members_of_our_own_are_no_drift() -> None:
    made = Refreshed()
    made.take(
        row(1, "system_event", NOW, {"event_type": "hook", "severity": 7, "strange": 1}),
        tool(2, features={"_internal": 1, "latency_ms": 5.0, "result_size": 12.0}),
    )
    assert made.rows("SCHEMA_DRIFT") == []


# --- insights, and what is pruned


def test_an_insight_is_shown_with_provenance_until_it_expires() -> None:
    made = Refreshed()
    made.take(
        insight(1, query_id=None), insight(2, query_id=None, artifact_id="a"), insight(3, valid_for_hours=0.001),
        insight(4, NOW - HOUR, valid_for_hours=0.5), insight(5, valid_until="2026-11-22T22:40:04Z"),
    )  # fmt: skip
    shown = {reported["insight_id"]: reported.get("valid_until") for reported in made.blob()["insights"]}
    assert shown == {
        "insight-2": None, "insight-3": "2026-11-22T22:40:07.250000Z", "insight-5": "2026-11-22T22:40:04.000000Z",
    }  # fmt: skip


def test_a_later_insight_of_the_same_id_replaces_the_earlier_whichever_comes_first() -> None:
    made = Refreshed()
    made.take(insight(1, insight_id="same"))
    made.take(insight(2, NOW - MINUTE, insight_id="same"))
    assert [reported["value"] for reported in made.blob()["insights"]] == [1]
    made.take(insight(3, NOW + MINUTE, insight_id="same"))
    assert [reported["value"] for reported in made.blob()["insights"]] == [3]


def test_an_insight_without_an_id_bears_that_of_its_event() -> None:
    made = Refreshed()
    made.take(insight(1, insight_id=""), insight(2, insight_id=None))
    assert [reported["insight_id"] for reported in made.blob()["insights"]] == ["activity-00001", "activity-00002"]


def test_a_long_value_is_kept_whole_and_shown_cut() -> None:
    made = Refreshed()
    made.take(insight(1, value=["x" * 3000]))
    assert made.rows("INSIGHT_ATOMS")[0]["value"] == ["x" * 3000]
    assert [reported["value"] for reported in made.blob()["insights"]] == ['["' + "x" * 1998]


def test_the_newest_stay_and_the_tables_do_not_grow_with_history() -> None:
    made = Refreshed()
    rows = []
    for index in range(700):
        at = NOW - index * timedelta(minutes=11)
        rows.append(tool(2 * index, at, session_id=f"session-{index // 10:03d}"))
        edited = {"operation": "edit", "file_path": f"/f/{index}"}
        rows.append(row(2 * index + 1, "file_event", at, edited, session_id=f"session-{index // 10:03d}"))
    made.take_in_cuts(shuffled(rows, 1), [150])
    blob = made.blob()
    assert [session["session_id"] for session in blob["recent_sessions"]] == [f"session-{n:03d}" for n in range(5)]
    assert blob["recent_sessions"][0]["files"] == [f"/f/{n}" for n in range(8)]
    assert blob["recent_sessions"][0]["failed_commands"] == [f"run {2 * n}" for n in range(3)]
    assert [file["file_path"] for file in blob["recent_files"]] == [f"/f/{n}" for n in range(20)]
    assert failed(made) == [f"activity-{2 * n:05d}" for n in range(10)]
    assert len(made.rows("CONTEXT_ITEMS")) <= 2 * (
        2 * (500 + 160 + 160 + 60 + 60 + 60 + 60 + 60) + 150 * 4
    )  # of two scopes twice the limits, and a batch


def test_a_session_is_put_together_from_the_hours_it_spans() -> None:
    def moment(number: int, ts: Any, kind: str, **features: Any) -> Row:
        return row(number, "session_event", ts, {"session_id": "s", "event_type": kind, **features})

    made = Refreshed()
    rows = [
        moment(1, NOW - 5 * HOUR, "start", git_branch="main"),
        moment(2, NOW - 5 * HOUR + MINUTE, "user_prompt", excerpt="first question"),
        moment(3, NOW - 3 * HOUR, "user_prompt", excerpt="second question", git_branch="fix"),
        moment(4, NOW - 2 * HOUR, "turn_end", excerpt="the answer"),
        tool(5, NOW - 2 * HOUR), tool(6, NOW - HOUR), tool(7, NOW - HOUR, features={"tool_name": "Edit"}),
        tool(6, NOW - 4 * HOUR, activity_id="activity-again", stream_offset="6"),
        moment(9, NOW - MINUTE, "turn_end", excerpt="a subagent's answer", agent_id="agent-1"),
        moment(8, NOW, "end"),
    ]  # fmt: skip
    made.take_in_cuts(shuffled(copy.deepcopy(rows), 3), [2])
    assert made.blob()["recent_sessions"] == [{
        "session_id": "session-1", "project": "/work/a", "git_branch": "fix", "last_ts": "2026-11-22T22:40:03.250000Z",
        "started": "2026-11-22T17:40:03.250000Z", "ended": "2026-11-22T22:40:03.250000Z",
        "first_asked": "first question", "first_asked_ts": "2026-11-22T17:41:03.250000Z",
        "asked": "second question", "asked_ts": "2026-11-22T19:40:03.250000Z",
        "concluded": "the answer", "concluded_ts": "2026-11-22T20:40:03.250000Z",
        "failed_commands": ["Edit", "run 6", "run 5"],
    }]  # fmt: skip


def test_the_history_of_a_customer_is_not_read(tmp_path: Path) -> None:
    """Of a table in the order of time each scan looks at its newest part only, so what a flush costs does not grow with it."""
    made = Refreshed()
    made.connection.execute(
        "INSERT INTO CLAUDE_STREAM_V2 (activity_id, ts, customer, activity, event_name, source, channel_id, stream_offset, "
        f"feature_json) SELECT 'old-' || i, TIMESTAMP '{NOW}' - INTERVAL 2 DAY - to_minutes(500000 - i), '{ADA}', 'did', "
        "'tool_event', 'hook', 'old', i, '{}' FROM range(500000) AS old (i)"
    )
    made.take(tool(1))
    profile, scanned = tmp_path / "profile.json", []
    facts: dict[str, Any] = {}
    for step in sequence():
        made.connection.execute("BEGIN TRANSACTION")
        made.connection.execute("SET enable_profiling = 'json'; SET profiling_mode = 'detailed'")
        made.connection.execute(f"SET profiling_output = '{profile}'")
        step.run(made.connection, facts)
        made.connection.execute("PRAGMA disable_profiling")
        made.connection.execute("ROLLBACK")
        scanned += scans_of(json.loads(profile.read_text())["operator"], "CLAUDE_STREAM_V2")
    assert set(scanned) == {(1, 5)}


@pytest.mark.long
@pytest.mark.parametrize("later", some([2 * DAY, HOUR], 1))
@pytest.mark.parametrize("where", [{"project": "/work/b"}, {"project": None}, {"customer": "bob@example.com"}])
def test_an_insight_that_is_recorded_again_elsewhere_leaves_the_contexts_that_listed_it(later: timedelta, where: Row) -> None:
    made = Refreshed()
    rows = [insight(1, NOW - 3 * DAY) | {"project": "/work/a"}, insight(2, NOW - 3 * DAY) | {"project": "/work/a"}]
    made.take(*rows)
    again = (
        insight(1, NOW - 3 * DAY + later, value=7)
        | {"project": "/work/a", "activity_id": "again", "stream_offset": "z"}
        | where
    )
    made.take(again)
    assert [reported["insight_id"] for reported in made.blob(project="/work/a")["insights"]] == ["insight-2"]
    assert_as_expected(made, [*rows, again])
    made.take(tool(9, NOW) | {"project": "/work/c"})
    assert_as_expected(made, [*rows, again, tool(9, NOW) | {"project": "/work/c"}])
