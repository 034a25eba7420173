"""The schemas are sound, complete and say the unit of everything they measure."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activity_mcp import activity
from sql.support import EVENT_NAMES, SCHEMAS

REQUIRED = {
    "sql_event": ["query_id", "sql", "success"],
    "llm_event": ["model", "prompt_tokens", "completion_tokens"],
    "tool_event": ["tool_name", "success"],
    "file_event": ["operation", "file_path"],
    "session_event": ["session_id", "event_type"],
    "mcp_event": ["method", "latency_ms"],
    "system_event": ["event_type"],
}
SHARED = {
    "tool_use_id", "prompt_id", "agent_id", "agent_type", "git_branch", "_truncated", "_original_size",
    "_more", "_schema_errors", "_redacted",
}  # fmt: skip
UNITS = {
    "_ms": "milliseconds", "_tokens": "tokens", "_usd": "US dollars", "bytes_": "bytes", "_size": "bytes", "_hours": "hours",
    "lines_": "lines", "credits_": "credits", "length": "characters",
}  # fmt: skip

LEAST: dict[str, dict[str, Any]] = {
    "sql_event": {"query_id": "q", "sql": "SELECT 1", "success": True},
    "llm_event": {"model": "m", "prompt_tokens": 0, "completion_tokens": 7},
    "tool_event": {"tool_name": "Bash", "success": False},
    "file_event": {"operation": "edit", "file_path": "/a"},
    "session_event": {"session_id": "s", "event_type": "something new"},
    "mcp_event": {"method": "get_context", "latency_ms": 0.4},
    "system_event": {"event_type": "something new"},
}


def errors(event_name: str, features: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(SCHEMAS["$defs"][event_name]).iter_errors(features)]


def test_there_is_one_schema_for_each_event_name_and_its_version_is_the_program_s() -> None:
    assert EVENT_NAMES == activity.EVENT_NAMES
    assert SCHEMAS["version"] == activity.SCHEMA_VERSION
    assert SCHEMAS["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_a_schema_is_valid_and_describes_each_field_with_its_unit(event_name: str) -> None:
    schema = SCHEMAS["$defs"][event_name]
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == REQUIRED[event_name]
    assert schema["properties"].keys() >= SHARED
    for name, rule in schema["properties"].items():
        assert rule["description"].endswith("."), name
        for part, unit in UNITS.items():
            if part in name and "object" not in rule.get("type", ()):
                assert unit in rule["description"], name
        assert name in schema["required"] or "type" not in rule or "null" in rule["type"], f"{name} cannot be null"


def test_the_shared_fields_are_the_same_everywhere() -> None:
    for name in SHARED:
        assert len({str(schema["properties"][name]) for schema in SCHEMAS["$defs"].values()}) == 1


@pytest.mark.parametrize("event_name", EVENT_NAMES)
def test_the_least_event_is_valid_and_none_of_it_can_be_left_out(event_name: str) -> None:
    least = LEAST[event_name]
    assert errors(event_name, least) == []
    assert errors(event_name, least | {"unknown": {"kept": True}}) == []
    for name in least:
        assert errors(event_name, {key: value for key, value in least.items() if key != name})
        assert errors(event_name, least | {name: None})


@pytest.mark.parametrize(
    ("event_name", "wrong"),
    [
        ("sql_event", {"success": "true"}),
        ("sql_event", {"rows": -1}),
        ("sql_event", {"rows": 1.5}),
        ("llm_event", {"prompt_tokens": "12"}),
        ("llm_event", {"cost_usd": -0.1}),
        ("tool_event", {"parameters": "ls"}),
        ("tool_event", {"latency_ms": -1}),
        ("file_event", {"operation": "moved"}),
        ("session_event", {"length": -1}),
        ("mcp_event", {"count": 0}),
        ("mcp_event", {"confidence": 1.1}),
        ("mcp_event", {"source_events": [1]}),
        ("mcp_event", {"valid_until": "tomorrow"}),
        ("mcp_event", {"valid_until": "2026-11-22T10:00:00+02:00"}),
        ("system_event", {"severity": "fatal"}),
        ("system_event", {"_original_size": -1}),
    ],
)
def test_a_wrong_value_is_an_error(event_name: str, wrong: dict[str, Any]) -> None:
    assert errors(event_name, LEAST[event_name] | wrong)


@pytest.mark.parametrize("value", [1, 2.5, "x", None, True, [1], {"a": 1}])
def test_an_insight_may_have_any_value(value: Any) -> None:
    assert errors("mcp_event", LEAST["mcp_event"] | {"method": "record_insight", "value": value}) == []
