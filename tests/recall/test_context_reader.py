"""The answer of get_context: built from a cache, an overlay and a renderer that are handed in, and encoded once."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from activity_mcp.context.instructions import NOTHING
from activity_mcp.recall.context_reader import ContextReader
from activity_mcp.recall.memoized_renderer import Renderer
from machines import Machine

TOOL = {"tool_name": "Bash", "success": False, "error": 'no such file: "a"', "latency_ms": 3}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize("max_bytes", [8192, 600])
def test_an_answers_encoding_is_that_of_its_members(machine: Machine, max_bytes: int) -> None:
    server = machine.server()
    for number in range(20):
        server.log("tool_event", TOOL | {"error": f"error {number}: {'x' * 60}"}, project="/work")
    machine.turns(server)
    answer = server.context(project="/work", max_bytes=max_bytes)
    assert answer["context"]
    assert answer.encoded() == orjson.dumps(dict(answer))
    assert len(answer.encoded()) <= max_bytes


@pytest.mark.parametrize("name", ['"context":{}', '{"context":{},"truncated":[]}', "\\"])
def test_whose_name_looks_like_a_part_of_the_answer_gets_it_whole(machine: Machine, name: str) -> None:
    server = machine.server()
    server.log("tool_event", TOOL, customer=name, project=name)
    for max_bytes in (8192, 600):
        answer = server.context(customer=name, project=name, max_bytes=max_bytes)
        assert answer["context"]
        assert answer.encoded() == orjson.dumps(dict(answer))


def test_the_context_inside_an_answer_is_not_encoded_again(machine: Machine) -> None:
    server = machine.server()
    server.log("tool_event", TOOL)
    answer = server.context()
    answer["context"] = {"changed": "after it was rendered"}
    assert b"after it was rendered" not in answer.encoded()


def test_what_the_projects_instructions_say_is_not_answered_and_a_change_of_them_shows_at_once(
    machine: Machine, tmp_path: Path
) -> None:
    project = tmp_path / "shop"
    (project / ".git").mkdir(parents=True)
    server = machine.server()
    excerpt = "Money is Decimal everywhere, never a float."
    server.log("session_event", {"session_id": "s", "event_type": "turn_end", "excerpt": excerpt}, project=str(project))

    def concluded() -> list[str | None]:
        answer = server.context(project=str(project), context_type="engineer")
        return [session.get("concluded") for session in answer["context"]["recent_sessions"]]

    assert concluded() == [excerpt]
    (project / "CLAUDE.md").write_text("- Money is `Decimal` everywhere, never a float.\n")
    assert concluded() == [None]
    (project / "CLAUDE.md").write_text("Nothing of the kind.")
    assert concluded() == [excerpt]


def test_a_scope_that_is_asked_for_is_kept_warm_once_in_a_while(machine: Machine) -> None:
    server, warmed = machine.server(), list[tuple[str, str]]()
    recall = ContextReader(
        server.cache,
        server.local_events,
        Renderer(),
        customer="ada@example.com",
        own_project="/work",
        instructions=lambda project: NOTHING,
        keep_warm=lambda customer, project: warmed.append((customer, project)),
        warm_s=300.0,
        ttl_s=30.0,
        redactor=server.redactor,
        clock=machine.clock,
    )
    for _ in range(3):
        recall.context(None, None, "default", 8192)
        recall.context("bob@example.com", "*", "default", 8192)
    assert warmed == [("ada@example.com", "/work"), ("bob@example.com", "*")]
    machine.clock.advance(301.0)
    recall.context(None, None, "default", 8192)
    assert warmed[2:] == [("ada@example.com", "/work")]


def test_what_was_read_ahead_and_what_came_since_are_both_in_the_answer(machine: Machine) -> None:
    server, other = machine.server(), machine.server()
    server.read_ahead()  # before anything was asked for there is nothing to prepare
    server.context(project="/work")
    for ahead in (True, False):
        for number in range(3):
            other.log("tool_event", TOOL | {"tool_name": f"tool {ahead} {number}"}, project="/work")
            if ahead:
                server.read_ahead()
    found = server.context(project="/work")["context"]["tool_usage"]
    assert found.keys() == {f"tool {ahead} {number}" for ahead in (True, False) for number in range(3)}
