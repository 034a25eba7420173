"""Schema drift from a malformed event to its acceptance, and what it does to an insight meanwhile: one story, no part replaced."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from activity_mcp.__main__ import run
from activity_mcp.activity import build
from activity_mcp.service import ActivityService
from server.house import House, call, client_of, drain, refused

pytestmark = pytest.mark.anyio


class Finished(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Finished]:
    """Runs a command on the house as another process would, with a service of its own."""
    for name, value in house.environ.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str) -> Finished:
        capfd.readouterr()
        return Finished(run(list(arguments)), *capfd.readouterr())

    return call


def hooked(service: ActivityService, **features: Any) -> None:
    """A tool_event as a hook appends it: not validated, whatever Claude Code has put into it."""
    origin = service.recorder.origin("hook")
    service.recorder.append([build("tool_event", features, origin, now_us=service.clock.time_us(), strict=False)])
    drain(service)


def found(service: ActivityService, query: str) -> list[str]:
    """What search finds of insights, from the index and, without one, by SQL: the same."""
    feed = service.finding.feed
    assert feed is not None
    while feed.read_slice():
        pass
    service.warehouse.release()
    by_index = [hit["snippet"] for hit in service.search(query, kind="insight")["hits"]]
    feed.remove()
    answer = service.search(query, kind="insight")
    assert ([hit["snippet"] for hit in answer["hits"]], len(answer["notes"])) == (by_index, 1)
    while feed.read_slice():
        pass
    service.warehouse.release()
    return by_index


async def insights(service: ActivityService) -> list[Any]:
    async with client_of(service) as client:
        return list((await call(client, "get_context", context_type="analyst"))["context"].get("insights", []))


async def test_drift_is_found_reported_quarantines_what_was_derived_and_ends_when_a_person_accepts_it(
    house: House, command: Callable[..., Finished]
) -> None:
    service = house.service()
    house.log_tools(service, True, latency_ms=20)
    drain(service)
    assert service.status()["drift"] == {"open": 0, "quarantining": 0, "newest": []}
    async with client_of(service) as client:
        asked = await call(client, "query", sql="SELECT AVG(latency_ms) AS ms FROM VW_TOOL_EVENTS")
        reported = await call(
            client, "record_insight", subject="Bash", metric="latency", value=20, artifact_id=asked["artifact_id"]
        )
        other = await call(client, "query", sql="SELECT COUNT(*) AS n FROM VW_LLM_EVENTS")
        kept = await call(client, "record_insight", subject="models", metric="calls", value=0, artifact_id=other["artifact_id"])
        said = await refused(
            client,
            "log_event",
            event_name="tool_event",
            feature_json={"tool_name": "Bash", "success": True, "latency_ms": "fast"},
        )
    assert "event refused, nothing was recorded: feature_json.latency_ms" in said
    drain(service)
    both = {reported["insight_id"], kept["insight_id"]}
    assert {entry["insight_id"] for entry in await insights(service)} == both
    assert found(service, "latency") == ["Bash **latency** 20"]

    hooked(service, tool_name="Bash", success=True, brand_new="field")
    assert {entry["insight_id"] for entry in await insights(service)} == both  # a new key misleads nobody
    hooked(service, tool_name="Bash", success=True, latency_ms="fast")
    assert [entry["insight_id"] for entry in await insights(service)] == [kept["insight_id"]]
    assert (found(service, "latency"), found(service, "calls")) == ([], ["models **calls** 0"])
    drift = service.status()["drift"]
    assert (drift["open"], drift["quarantining"]) == (3, 2)
    assert sorted((found["field"], found["drift_kind"], found["quarantines"]) for found in drift["newest"]) == [
        ("brand_new", "new_key", False),
        ("feature_json.latency_ms", "failure", True),
        ("latency_ms", "type_changed", True),
    ]
    problems = [problem for problem in service.status()["problems"] if "quarantine insights" in problem]
    assert len(problems) == 1
    assert "activity-mcp drift accept" in problems[0]
    shown = "SELECT COUNT(*) FROM VW_SYSTEM_EVENTS WHERE event_type = 'schema_drift_detected'"
    assert house.rows(service, shown) == [[3]]

    listed = json.loads(command("drift", "--json").stdout)["open"]
    assert [found["drift_kind"] for found in listed][-1] == "new_key"
    unknown = command("drift", "accept", "no-such-drift")
    assert (unknown.returncode, "no open drift" in unknown.stderr) == (2, True)
    accepted = command("drift", "accept", *(found["drift_id"][:16] for found in listed[:2]))
    assert (accepted.returncode, accepted.stdout) == (0, "accepted 2 of 3\n")
    assert {entry["insight_id"] for entry in await insights(service)} == both
    assert found(service, "latency") == ["Bash **latency** 20"]
    assert service.status()["drift"]["quarantining"] == 0
    assert house.rows(service, "SELECT COUNT(*) FROM VW_SYSTEM_EVENTS WHERE event_type = 'schema_drift_accepted'") == [[1]]


def test_a_state_directory_without_a_warehouse_says_so(house: House, command: Callable[..., Finished]) -> None:
    (house.home / "activity.duckdb").unlink()
    done = command("drift")
    assert (done.returncode, "nothing was flushed into it" in done.stderr) == (4, True)
    assert house.service().status()["drift"] == {"open": None, "quarantining": None, "newest": []}
