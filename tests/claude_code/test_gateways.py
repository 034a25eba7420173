"""Behind a gateway ids repeat and usage has another shape: no call, failure, token or conclusion is lost by it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import Activity
from claude_code.conftest import Read, Script


class Relayed(Script):
    """A transcript whose responses all have the id that the gateway gives, and no id of a request."""

    def answers(self, *blocks: dict[str, Any], message_id: Any = "relay", stop: str | None = None, **usage: Any) -> None:
        message = {"role": "assistant", "model": "m", "id": message_id, "content": list(blocks), "usage": usage}
        self.line("assistant", message=message | ({"stop_reason": stop} if stop else {}))

    def returns(self, *results: tuple[Any, bool]) -> None:
        blocks = [{"type": "tool_result", "tool_use_id": call, "content": "x", "is_error": failed} for call, failed in results]
        self.line("user", message={"role": "user", "content": blocks})


def call(call_id: Any, command: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "Bash", "input": {"command": command}}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.fixture
def relayed(tmp_path: Path) -> Relayed:
    made = Relayed(tmp_path / "relayed.jsonl")
    made.prompt("go")
    return made


def calls_of(activities: list[Activity]) -> list[tuple[str, bool]]:
    found = [activity.feature_json for activity in activities if activity.event_name == "tool_event"]
    return [(event["parameters"]["command"], event["success"]) for event in found]


def tokens_of(activities: list[Activity]) -> list[tuple[int, int]]:
    found = [activity.feature_json for activity in activities if activity.event_name == "llm_event"]
    return [(event["prompt_tokens"], event["completion_tokens"]) for event in found]


def test_calls_side_by_side_under_one_id_are_as_many_calls(relayed: Relayed, read: Read) -> None:
    relayed.answers(call("call_0", "one"), call("call_0", "two"), call("call_0", "two"), input_tokens=9, output_tokens=1)
    relayed.returns(("call_0", False), ("call_0", True), ("call_0", False))
    activities, _ = read(relayed.path)
    assert calls_of(activities) == [("one", True), ("two", False), ("two", True)]
    assert len({activity.activity_id for activity in activities if activity.event_name == "tool_event"}) == 3


@pytest.mark.parametrize("call_id", ["", None, 5], ids=["empty", "none", "a number"])
def test_a_call_whose_id_is_no_text_is_recorded_with_its_outcome(relayed: Relayed, read: Read, call_id: Any) -> None:
    relayed.answers(call(call_id, "one"), input_tokens=9, output_tokens=1)
    relayed.returns((call_id, True))
    relayed.answers(call(call_id, "two"), input_tokens=10, output_tokens=1)
    relayed.returns((call_id, False))
    activities, reader = read(relayed.path)
    assert calls_of(activities) == [("one", False), ("two", True)]
    assert not reader.report.problems


@pytest.mark.parametrize("message_id", ["relay", "", None, 7])
def test_a_response_that_had_ended_is_not_gone_on_with(relayed: Relayed, read: Read, message_id: Any) -> None:
    for command in ("one", "one"):
        relayed.answers(call("call_0", command), message_id=message_id, stop="tool_use", input_tokens=100, output_tokens=5)
        relayed.returns(("call_0", False))
    relayed.answers(text("fine"), message_id=message_id, stop="end_turn", input_tokens=100, output_tokens=3)
    activities, _ = read(relayed.path)
    assert tokens_of(activities) == [(100, 5), (100, 5), (100, 3)]
    assert [activity.feature_json["excerpt"] for activity in activities if activity.activity == "concluded_turn"] == ["fine"]


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input_tokens": 100.0, "output_tokens": 20.0}, (100, 20, 0, 0)),
        ({"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}, (100, 20, 0, 0)),
        ({"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 60}}, (40, 20, 60, 0)),
        ({"input_tokens": None, "prompt_tokens": 100, "output_tokens": 2}, (100, 2, 0, 0)),
        ({"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": None}, (1, 2, 0, 0)),
        (
            {"input_tokens": 1, "output_tokens": 2, "cache_creation": {"ephemeral_5m_input_tokens": 7, "ephemeral_1h_input_tokens": 3}},
            (1, 2, 0, 10),
        ),
        (
            {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 0, "cache_creation": {"ephemeral_1h_input_tokens": 7}},
            (1, 2, 0, 7),
        ),
        (
            {"input_tokens": 1, "output_tokens": 2, "cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 7}},
            (1, 2, 0, 9),
        ),
        ({"cache_read_input_tokens": 100}, (0, 0, 100, 0)),
        ({"input_tokens": -1, "output_tokens": 20, "cache_read_input_tokens": 10**30}, (0, 20, 0, 0)),
    ],
)  # fmt: skip
def test_tokens_are_counted_in_whatever_shape_they_come(relayed: Relayed, read: Read, usage: Any, counts: Any) -> None:
    relayed.answers(text("fine"), **usage)
    activities, _ = read(relayed.path)
    (event,) = [activity.feature_json for activity in activities if activity.event_name == "llm_event"]
    names = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_creation_tokens")
    assert tuple(event[name] for name in names) == counts


@pytest.mark.parametrize("usage", [None, {}, [1], {"input_tokens": True}, {"output_tokens": 1.5}, {"prompt_tokens": "many"}])
def test_a_response_without_countable_usage_is_said_and_its_conclusion_kept(relayed: Relayed, read: Read, usage: Any) -> None:
    relayed.line("assistant", message={"role": "assistant", "model": "m", "id": "r", "content": [text("fine")], "usage": usage})
    activities, reader = read(relayed.path)
    assert reader.report.problems == {"usage": 1}
    assert [activity.feature_json["excerpt"] for activity in activities if activity.activity == "concluded_turn"] == ["fine"]
