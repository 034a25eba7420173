"""The seven schemas: what each requires, what it refuses, and that what nobody declared is kept."""

from __future__ import annotations

import math
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activity_mcp import schema
from activity_mcp.activity import EVENT_NAMES, SCHEMA_VERSION, Origin, build
from activity_mcp.errors import InvalidActivity

LEAST: dict[str, dict[str, Any]] = {
    "sql_event": {"query_id": "q1", "sql": "SELECT 1", "success": True},
    "llm_event": {"model": "m", "prompt_tokens": 1, "completion_tokens": 2},
    "tool_event": {"tool_name": "Bash", "success": False},
    "file_event": {"operation": "edit", "file_path": "/a"},
    "session_event": {"session_id": "s", "event_type": "start"},
    "mcp_event": {"method": "get_context", "latency_ms": 0.4},
    "system_event": {"event_type": "backpressure"},
}


def test_the_schemas_are_valid_json_schema_and_of_the_version_the_code_writes() -> None:
    document = schema.schemas()
    assert set(document["$defs"]) >= set(EVENT_NAMES)
    assert str(document["version"]) == SCHEMA_VERSION
    jsonschema.Draft202012Validator.check_schema(dict(document))


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_the_required_fields_are_enough_and_each_one_is_needed(event_name: str) -> None:
    assert schema.errors_of(event_name, LEAST[event_name]) == []
    for missing in LEAST[event_name]:
        features = {name: value for name, value in LEAST[event_name].items() if name != missing}
        (error,) = schema.errors_of(event_name, features)
        assert missing in error.reason


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_unknown_fields_are_allowed(event_name: str) -> None:
    assert schema.errors_of(event_name, {**LEAST[event_name], "something_new": {"a": [1]}}) == []


@pytest.mark.parametrize(
    ("event_name", "wrong", "path"),
    [
        ("tool_event", {"success": "yes"}, "feature_json.success"),
        ("tool_event", {"latency_ms": "12"}, "feature_json.latency_ms"),
        ("llm_event", {"prompt_tokens": -1}, "feature_json.prompt_tokens"),
        ("file_event", {"operation": "chmod"}, "feature_json.operation"),
        ("system_event", {"severity": "fatal"}, "feature_json.severity"),
        ("sql_event", {"rows": "many"}, "feature_json.rows"),
    ],
)
def test_a_wrong_type_or_value_is_named_by_its_path(event_name: str, wrong: dict[str, Any], path: str) -> None:
    (error,) = schema.errors_of(event_name, {**LEAST[event_name], **wrong})
    assert error.path == path


def test_lists_of_values_inside_events_are_open() -> None:
    assert schema.errors_of("session_event", {"session_id": "s", "event_type": "levitated"}) == []
    assert schema.errors_of("system_event", {"event_type": "levitated"}) == []


def test_an_event_is_refused_with_the_reason_or_marked_as_validated() -> None:
    origin = Origin("ada", "mcp")
    with pytest.raises(InvalidActivity, match=r"feature_json\.success"):
        schema.validate(build("tool_event", {"tool_name": "Bash", "success": 1}, origin, now_us=0))
    good = build("tool_event", LEAST["tool_event"], origin, now_us=0)
    schema.validate(good)
    assert good.validated


def test_an_event_of_a_source_that_cannot_fix_it_carries_its_failures() -> None:
    features: dict[str, Any] = {"tool_name": 7}
    assert schema.mark("tool_event", features)
    assert {error["path"] for error in features["_schema_errors"]} == {"feature_json", "feature_json.tool_name"}
    assert schema.errors_of("tool_event", {**LEAST["tool_event"], "_schema_errors": features["_schema_errors"]}) == []


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_an_ordinary_event_needs_no_validator(event_name: str) -> None:
    assert schema.is_plainly_valid(event_name, LEAST[event_name])
    assert not schema.is_plainly_valid(event_name, {})


JSON_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.just(math.nan), st.sampled_from(["", "edit", "info", "x"]),
    st.lists(st.integers(), max_size=2), st.dictionaries(st.sampled_from("ab"), st.integers(), max_size=2),
)  # fmt: skip


@given(data=st.data(), event_name=st.sampled_from(EVENT_NAMES))
def test_what_needs_no_validator_is_what_the_validator_would_have_accepted(data: st.DataObject, event_name: str) -> None:
    document = schema.schemas()
    names = st.sampled_from([*document["$defs"][event_name]["properties"], "something_new"])
    features = LEAST[event_name] | data.draw(st.dictionaries(names, JSON_VALUES, max_size=4))
    if schema.is_plainly_valid(event_name, features):
        rules = {"$ref": f"#/$defs/{event_name}", "$defs": document["$defs"]}
        assert list(jsonschema.Draft202012Validator(rules).iter_errors(features)) == []
