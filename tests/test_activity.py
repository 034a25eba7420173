"""The event model: what is refused from a caller who can fix it, what is cut from one who cannot, and the line on disk."""

from __future__ import annotations

import json
import uuid
import zlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp.activity import (
    EVENT_NAMES,
    MAX_EVENT_BYTES,
    MAX_FEATURES,
    Activity,
    Origin,
    build,
    decode_line,
    derived_id,
    dump_json,
    encode_line,
    new_id,
)
from activity_mcp.errors import InvalidActivity
from activity_mcp.plain_json import cut

NOW = 1_800_000_000_000_000
ORIGIN = Origin("ada@example.com", "mcp", anonymous_customer_id="host_1", session_id="s1", project="/w", org_id="o1")
TOOL = {"tool_name": "Bash", "success": True}


def made(features: dict[str, Any] | None = None, event_name: str = "tool_event", **columns: Any) -> Activity:
    return build(event_name, TOOL if features is None else features, ORIGIN, now_us=NOW, **columns)


def test_an_event_has_every_column_filled_from_its_origin_and_the_defaults() -> None:
    record = made().record()
    activity_id = record.pop("activity_id")
    assert uuid.UUID(activity_id).version == 7
    assert record == {
        "ts": "2027-01-15T08:00:00.000000Z",
        "customer": "ada@example.com",
        "activity": "used_tool",
        "anonymous_customer_id": "host_1",
        "feature_json": {"tool_name": "Bash", "success": True},
        "revenue_impact": None,
        "link": None,
        "event_name": "tool_event",
        "session_id": "s1",
        "project": "/w",
        "org_id": "o1",
        "source": "mcp",
        "schema_version": "1",
    }


@pytest.mark.parametrize(
    ("event_name", "features", "name"),
    [
        ("sql_event", {}, "ran_sql"),
        ("llm_event", {}, "called_llm"),
        ("tool_event", {}, "used_tool"),
        ("file_event", {"operation": "create"}, "created_file"),
        ("file_event", {"operation": "rename"}, "renamed_file"),
        ("session_event", {"event_type": "start"}, "started_session"),
        ("session_event", {"event_type": "user_prompt"}, "asked"),
        ("session_event", {"event_type": "turn_end"}, "concluded_turn"),
        ("session_event", {"event_type": "paused"}, "paused"),
        ("mcp_event", {}, "called_mcp"),
        ("system_event", {"event_type": "backpressure"}, "raised_backpressure"),
    ],
)
def test_an_activity_is_named_verb_noun_unless_the_caller_names_it(
    event_name: str, features: dict[str, Any], name: str
) -> None:
    assert made(features, event_name).activity == name
    assert made(features, event_name, activity="signed_off").activity == "signed_off"


def test_what_a_model_cost_is_negative_revenue() -> None:
    assert made({"cost_usd": 0.25}, "llm_event").revenue_impact == -0.25
    assert made({"cost_usd": 0.25}, "llm_event", revenue_impact=3).revenue_impact == 3.0
    assert made({"cost_usd": "0.25"}, "llm_event").revenue_impact is None


@pytest.mark.parametrize(
    ("features", "columns", "path"),
    [
        ({"x": float("nan")}, {}, "feature_json.x"),
        ({"x": [1, float("inf")]}, {}, "feature_json.x[1]"),
        ({"x": {"y": "\ud800"}}, {}, "feature_json.x.y"),
        ({"x": 1 << 64}, {}, "feature_json.x"),
        ({"x": "a" * (1 << 20)}, {}, "feature_json"),
        ({}, {"ts": "yesterday"}, "ts"),
        ({}, {"ts": 10**18}, "ts"),
        ({}, {"ts": -1}, "ts"),
        ({}, {"link": "h" * 2049}, "link"),
        ({}, {"activity": "a" * 256}, "activity"),
        ({}, {"revenue_impact": float("nan")}, "revenue_impact"),
        ({}, {"revenue_impact": 1e16}, "revenue_impact"),
        ({}, {"activity_id": 7}, "activity_id"),
        ({}, {"activity_id": ""}, "activity_id"),
        ({}, {"activity": " "}, "activity"),
    ],
)
def test_a_caller_who_can_fix_it_is_refused_with_the_path(features: dict[str, Any], columns: dict[str, Any], path: str) -> None:
    with pytest.raises(InvalidActivity) as refused:
        made(features, **columns)
    assert refused.value.path == path
    assert "nothing was recorded" in str(refused.value)


def test_a_value_nested_without_end_is_refused_and_not_a_crash() -> None:
    value: Any = "x"
    for _ in range(500):
        value = [value]
    with pytest.raises(InvalidActivity):
        made({"x": value})
    assert made({"x": value}, strict=False).feature_json["x"]


def test_a_source_that_cannot_fix_it_is_kept_as_well_as_json_can() -> None:
    kept = made(
        {"nan": float("nan"), "half": "a\ud800b", "huge": 1 << 70, "nul": "a\0b"}, strict=False, ts="yesterday", link="h" * 3000
    )
    assert kept.feature_json == {"nan": None, "half": "a?b", "huge": str(1 << 70), "nul": "a\ufffdb", "_truncated": True}
    assert kept.ts == "2027-01-15T08:00:00.000000Z"
    assert kept.link is not None
    assert len(kept.link) == 2048


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
        ),
        max_size=6,
    )
)
def test_whatever_a_source_sends_becomes_one_line_of_valid_json_within_the_limit(features: dict[str, Any]) -> None:
    line = made(features, strict=False).line()
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert len(line) <= MAX_EVENT_BYTES
    assert json.loads(line)["event_name"] == "tool_event"


def test_an_event_of_megabytes_from_a_hook_is_cut_below_the_limit_and_says_so() -> None:
    for features in ({"x": "a" * (3 << 20)}, {f"k{n}": "v" * 900 for n in range(3000)}, {"x": ["y" * 100] * 50_000}):
        kept = made(features, strict=False)
        assert len(kept.line()) <= MAX_EVENT_BYTES
        assert kept.feature_json["_truncated"] is True


def test_the_checksum_is_the_last_member_and_covers_every_byte_before_it() -> None:
    line = made().line(orjson.dumps)
    body, tail = line[:-20], line[-20:]
    assert tail == b',"_crc":"%08x"}\n' % zlib.crc32(body)
    assert decode_line(line) == made().record() | {"activity_id": json.loads(line)["activity_id"]}


def test_both_encoders_write_the_same_line() -> None:
    activity = made({"tool_name": "Bäsh ✓", "n": 1, "f": 1.5, "b": False, "o": {"l": [None]}})
    assert activity.line(dump_json) == activity.line(orjson.dumps)


def test_only_a_validated_line_says_which_schemas_it_was_validated_against() -> None:
    activity = made()
    assert "v" not in activity.record()
    activity.validated = True
    assert activity.record()["v"] == "1"


def test_the_same_fact_gets_the_same_id_from_each_source() -> None:
    one = derived_id("tool_event", "tool", "toolu_1")
    assert one == derived_id("tool_event", "tool", "toolu_1")
    assert uuid.UUID(one).version == 8
    assert uuid.UUID(one).variant == uuid.RFC_4122
    others = {
        derived_id("file_event", "tool", "toolu_1"),
        derived_id("tool_event", "tool", "toolu_2"),
        derived_id("tool_event", "x", "toolu_1"),
    }
    assert len(others | {one}) == 4


def test_new_ids_differ_and_sort_by_their_millisecond() -> None:
    assert new_id(NOW) != new_id(NOW)
    assert new_id(NOW) < new_id(NOW + 1000)


def test_degraded_lines_cut_long_values_to_their_types_and_keep_the_rest() -> None:
    features = {
        "tool_name": "Bash",
        "parameters": {"command": "x" * 5000},
        "list": ["y" * 99] * 99,
        "error": "é" * 2000,
        "n": 3,
    }
    kept = cut(features)
    assert kept["tool_name"] == "Bash"
    assert kept["n"] == 3
    assert set(kept["parameters"]) == {"command"}
    assert len(kept["error"].encode()) <= 1024
    assert kept["_truncated"] is True
    assert kept["_original_size"] == sum(len(dump_json(features[name])) for name in ("parameters", "list", "error"))
    assert cut({"a": 1}) == {"a": 1}


def test_of_thousands_of_features_the_rest_is_kept_as_one_text() -> None:
    """The refresh of the warehouse looks at each feature by its name: 19,000 of them took it half a gigabyte."""
    features = {"tool_name": "Bash", "success": True} | {f"k{number}": number for number in range(5_000)}
    kept = made(features, "tool_event", strict=False).feature_json
    assert len(kept) == MAX_FEATURES
    assert kept["tool_name"] == "Bash"
    assert {**{name: item for name, item in kept.items() if name != "_more"}, **json.loads(kept["_more"])} == features
    with pytest.raises(InvalidActivity, match="at most 1000 fit"):
        made(features, "tool_event")
    assert len(made(dict(list(features.items())[:MAX_FEATURES]), "tool_event").feature_json) == MAX_FEATURES


def test_an_unknown_event_name_is_refused_naming_the_known_ones() -> None:
    with pytest.raises(InvalidActivity) as refused:
        made({}, "web_event")
    assert all(name in refused.value.describe() for name in EVENT_NAMES)


def test_the_features_of_an_event_are_encoded_once_between_its_building_and_its_line() -> None:
    encoded: list[Any] = []

    def dumps(value: Any) -> bytes:
        encoded.append(value)
        return dump_json(value)

    activity = made({"tool_name": 'a "feature_json":null in a text'}, dumps=dumps)
    line = activity.line(dumps)
    assert line == encode_line(activity.record())
    assert activity.line(dumps) == line
    assert sum("tool_name" in str(value) for value in encoded) == 1


def test_features_that_were_changed_are_encoded_again() -> None:
    activity = made()
    activity.feature_json["exit_code"] = 1
    activity.features_changed()
    assert decode_line(activity.line())["feature_json"] == TOOL | {"exit_code": 1}
