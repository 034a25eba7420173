"""Who sees which rows and which cells: the policies of 05_governance.sql against plain Python, as each kind of reader."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from sql import refresh_oracle as oracle
from sql.policies import BODIES, Governed
from sql.refresh_events import NOW, generate, row
from sql.refreshed import Refreshed
from sql.support import SCHEMAS, statements

Row = dict[str, Any]
CONTENTS = {
    "sql", "error", "parameters", "excerpt", "raw", "message", "value", "sample_rows", "content_schema", "metrics", "reason",
    "_schema_errors", "action_taken", "title", "skill", "mcp_server", "mcp_tool", "effort", "service_tier", "input_size",
    "context_used_percent", "limits", "_more",
}  # fmt: skip
LISTED = set(re.findall(r"'(\w+)'", BODIES["FEATURES_MASK"].split("OBJECT_PICK(")[1].split(")")[0]))
BEA, CY = "bea@example.com", "cy@example.com"


def recorded() -> list[Row]:
    """Work of three people in two organisations, the same facts twice, and a feature that no schema knows."""
    rows = generate(11, 120, repeats=0.4, days=0.2)
    for number, one in enumerate(rows):
        one["customer"], one["org_id"] = (("ada@example.com", "acme"), (BEA, "acme"), (CY, "other"))[hash_of(one) % 3]
        if isinstance(one["feature_json"], dict):
            one["feature_json"]["brand_new"] = f"secret-{number}"
    return rows


def hash_of(one: Row) -> int:
    """Rows of one activity belong to one person."""
    return sum(map(ord, one["activity_id"]))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return recorded()


@pytest.fixture(scope="module")
def governed(rows: list[Row]) -> Governed:
    made = Refreshed()
    made.take_in_cuts(rows, [50])
    assert made.superseded()
    for name in ("00_query_history.sql", "01_migration_setup.sql", "02_artifacts.sql", "04_typed_views.sql"):
        for text in statements(name):
            made.connection.execute(text)
    made.connection.execute(
        "INSERT INTO ACTIVITY_STREAM (activity_id, ts, customer, activity, source, feature_1, feature_2, feature_3) "
        "VALUES ('old', ?, 'ada@example.com', 'ran_query', 'v1', 'f1', '{\"sql\": \"SELECT secret\"}', 'f3')",
        [NOW],
    )
    found = Governed(made.connection)
    found.connection.executemany(
        "INSERT INTO ACCESS_MAP VALUES (?, ?, ?, ?, ?)",
        [("ADA", None, "ada@example.com", None, True), ("BEA", None, BEA, None, False), ("CHIEF", None, None, "acme", False),
         ("AUDITOR", None, None, "acme", True), (None, "TEAM", CY, None, False)],
    )  # fmt: skip
    return found


READERS: dict[str, tuple[tuple[str, ...], Any, bool]] = {
    # who, with which roles: whose rows, and whether with contents
    "ADA": (("ACTIVITY_READER",), lambda one: one["customer"] == "ada@example.com", True),
    "BEA": (("ACTIVITY_READER",), lambda one: one["customer"] == BEA, False),
    "CHIEF": (("ACTIVITY_READER",), lambda one: one["org_id"] == "acme", False),
    "AUDITOR": (("ACTIVITY_READER",), lambda one: one["org_id"] == "acme", True),
    "MEMBER": (("ACTIVITY_READER", "TEAM"), lambda one: one["customer"] == CY, False),
    "NOBODY": (("ACTIVITY_READER",), lambda one: False, False),
    "ROOT": (("ACTIVITY_ADMIN", "ACTIVITY_READER"), lambda one: True, True),
    "TASK": (("ACTIVITY_ENGINE",), lambda one: True, True),
}


def as_reader(governed: Governed, who: str) -> Any:
    roles, sees, with_contents = READERS[who]
    governed.become(who, *roles)
    return sees, with_contents


@pytest.mark.parametrize("who", READERS)
def test_each_reader_sees_each_of_its_activities_once_and_no_other(governed: Governed, rows: list[Row], who: str) -> None:
    """By organisation too: SUPERSEDED bears none, and a reader who did not see it would see what is outranked again."""
    sees, _ = as_reader(governed, who)
    found = governed.connection.execute("SELECT activity_id FROM VW_ACTIVITY_STREAM").fetchall()
    left = {(one["channel_id"], one["stream_offset"]) for one in rows} - oracle.superseded(rows)
    wanted = [one["activity_id"] for one in rows if (one["channel_id"], one["stream_offset"]) in left and sees(one)]
    assert sorted(activity for (activity,) in found) == sorted(wanted)


@pytest.mark.parametrize("who", READERS)
def test_each_cell_of_the_features_is_shown_or_hidden(governed: Governed, rows: list[Row], who: str) -> None:
    _, with_contents = as_reader(governed, who)
    features = {(one["channel_id"], one["stream_offset"]): one["feature_json"] for one in rows}
    found = governed.connection.execute("SELECT channel_id, stream_offset, feature_json FROM VW_ACTIVITY_STREAM").fetchall()
    for channel, offset, text in found:
        sent = features[channel, offset]
        if with_contents:
            assert json.loads(text) == sent
        elif isinstance(sent, dict):
            assert json.loads(text) == {key: value for key, value in sent.items() if key in LISTED} | {"_masked": True}
        else:
            assert text is None
        if text and not with_contents:
            assert "secret-" not in text


@pytest.mark.parametrize("who", READERS)
def test_typed_views_show_nothing_that_the_features_hide(governed: Governed, who: str) -> None:
    _, with_contents = as_reader(governed, who)
    for view, columns in {"VW_TOOL_EVENTS": ("error", "parameters"), "VW_SQL_EVENTS": ("sql", "error"),
                          "VW_SESSION_EVENTS": ("excerpt",), "VW_MCP_EVENTS": ("value", "sample_rows")}.items():  # fmt: skip
        for column in columns:
            shown = governed.connection.execute(f"SELECT COUNT({column}), COUNT(*) FROM {view}").fetchall()[0]
            assert shown[0] == 0 or with_contents, (view, column)
            if who == "ROOT":
                assert shown[1] > 0, view


@pytest.mark.parametrize("who", READERS)
def test_version_1_shows_its_rows_by_customer_and_its_features_with_contents_only(governed: Governed, who: str) -> None:
    _, with_contents = as_reader(governed, who)
    found = governed.connection.execute("SELECT feature_1, feature_2, feature_3 FROM ACTIVITY_STREAM").fetchall()
    if who in ("ADA", "ROOT", "TASK"):
        assert found == [("f1", '{"sql": "SELECT secret"}', "f3")]
    else:
        assert found == []
    assert with_contents or "secret" not in str(found)


@pytest.mark.parametrize("who", READERS)
def test_contexts_are_of_the_customers_given_and_masked_to_counts_and_files(governed: Governed, who: str) -> None:
    _, with_contents = as_reader(governed, who)
    found = governed.connection.execute("SELECT customer, context_blob FROM CONTEXT_CACHE").fetchall()
    assert (who == "NOBODY") == (found == [])
    for _, text in found:
        hidden = set(json.loads(text)) & {
            "recent_sessions", "recent_errors", "recent_queries", "insights", "conclusions", "attempts",
        }  # fmt: skip
        assert bool(hidden) == with_contents


def test_of_every_field_of_the_schemas_somebody_decided_whether_it_is_shown() -> None:
    """A field that is added to the schemas is hidden until it is put on the list."""
    known = {field for schema in SCHEMAS["$defs"].values() for field in schema["properties"]}
    assert known - LISTED == CONTENTS & known
    assert not LISTED & CONTENTS
    assert LISTED - known == {"_unanswered", "_partial"}


def test_an_unknown_feature_of_any_name_is_hidden(governed: Governed) -> None:
    one = row(9_999, "tool_event", NOW, {"tool_name": "Bash", "success": True, "api_response": "x", "password": "hunter2"})
    governed.become("BEA", "ACTIVITY_READER")
    picked = governed.connection.execute(
        f"SELECT object_pick(?::JSON, {sorted(LISTED)})", [json.dumps(one["feature_json"])]
    ).fetchall()[0][0]
    assert json.loads(picked) == {"tool_name": "Bash", "success": True}
