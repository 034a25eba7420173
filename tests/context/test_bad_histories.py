"""Histories that nobody wants: each gives a short, true, quoted answer, and an empty one where nothing is known."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from activity_mcp.clock import iso
from activity_mcp.context import CONTEXT_TYPES, render_context
from activity_mcp.context.injection import injection_text
from activity_mcp.warehouse import Batch, Scope
from activity_mcp.warehouse.duckdb.warehouse import DuckDBWarehouse
from context.samples import CHANNEL, DAY, HERE, HOUR, ME, NOW, SECOND, event, offset
from context.test_injection import HOSTILE
from fakes import FakeClock
from recall.test_parity import row


def answered(blob: dict[str, Any], *events: dict[str, Any], **options: Any) -> dict[str, Any]:
    return render_context(blob, events, **{"now_us": NOW, "max_bytes": 2048, "project": HERE, **options}).context


def shown(blob: dict[str, Any]) -> str:
    return injection_text(blob, project=HERE, now_us=NOW, limit=2000)


def attempt(what: str, **outcome: Any) -> dict[str, Any]:
    return {"what": what, **outcome}


def test_a_history_of_one_line_is_shown_in_one_line() -> None:
    blob = {"recent_sessions": [{"session_id": "s", "last_ts": iso(NOW), "asked": "hello"}]}
    assert shown(blob).splitlines()[1:] == ['- open: <1 min ago asked "hello", not concluded']


def test_only_failures_are_reported_once_each_and_as_failures() -> None:
    blob = {"attempts": [attempt(f"Bash make {n}", failed=9, failed_at=f"{iso(NOW - n * HOUR)} boom") for n in range(40)]}
    lines = shown(blob).splitlines()[1:]
    assert 1 <= len(lines) == len(set(lines)) <= 6
    assert all("failed, and nothing since" in line and "9 times" in line for line in lines)
    failures = [
        event("tool_event", {"tool_name": "Bash", "success": False, "parameters": {"command": f"make {n % 7}"}}, at=NOW - n)
        for n in range(700)
    ]
    assert [entry["times"] for entry in answered({}, *failures, context_type="engineer")["recent_errors"]] == [100] * 7


def test_only_own_calls_are_no_activity() -> None:
    assert shown({}) == ""
    assert answered({}, event("session_event", {"event_type": "end"}))["recent_errors"] == []


@pytest.mark.parametrize("ahead", [DAY, 400 * DAY, -20_000 * DAY])
def test_a_clock_that_jumped_gives_no_negative_age_and_no_endless_worth(ahead: int) -> None:
    at = iso(max(NOW + ahead, 0))
    blob = {
        "recent_sessions": [{"session_id": "s", "last_ts": at, "asked": "hello", "concluded": "done"}],
        "attempts": [
            attempt("Bash make x", failed=1, failed_at=f"{at} boom"),
            attempt("Bash make test", ok=5, first_ok_at=iso(NOW - DAY), ok_at=f"{at} nonsense"),
        ],
    }
    assert "-" not in shown(blob).replace("\n- ", "").removeprefix("Earlier").replace("activity-mcp", "")
    for kind in CONTEXT_TYPES:
        answered(blob, context_type=kind, focus="make", explain=True)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_every_field_of_an_attempt_fits_and_is_valid(text: str) -> None:
    features = {"tool_name": text, "success": False, "parameters": {"command": text}, "error": text, "latency_ms": text}
    made = [event("tool_event", features), event("tool_event", {**features, "success": True, "denied": text})]
    rendered = render_context({"attempts": [attempt(text, failed=text, failed_at=text, ok=text)]}, made, now_us=NOW, focus=text)
    assert len(rendered.encoded) <= 8192


@pytest.mark.parametrize(
    "attempts",
    [None, "x", [None], [[]], [{}], [{"what": 5}], [{"what": "Bash", "ok": -1, "failed": "many", "ok_at": 7, "failed_at": []}]],
)
def test_attempts_of_another_shape_are_passed_over(attempts: Any) -> None:
    assert answered({"attempts": attempts})["recent_errors"] == []
    assert shown({"attempts": attempts}) == ""


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The contexts of two projects with one name, after many thousand rows of the one and two of the other."""
    warehouse = DuckDBWarehouse(str(tmp_path_factory.mktemp("crowded") / "a.duckdb"), clock=FakeClock(NOW))
    rows = []
    for number in range(6000):
        at = NOW - (6000 - number) * 60 * SECOND
        features = {
            "tool_name": "Bash",
            "success": number % 3 != 0,
            "parameters": {"command": f"make {number}"},
            "error": "x" * 200,
        }
        said = {"event_type": "turn_end", "excerpt": f"It fails because of number {number}."}
        made = ("session_event", said) if number % 5 == 0 else ("tool_event", features)
        rows.append(event(made[0], made[1], at=at, activity_id=f"a-{number}", session_id=f"s-{number // 50}"))
    namesake = "/srv/old/repo"
    rows.append(
        event(
            "session_event", {"event_type": "turn_end", "excerpt": "Only here."}, at=NOW - 2, activity_id="n", project=namesake
        )
    )
    stored = [row(offset(number), line) for number, line in enumerate(rows, start=1)]
    warehouse.append(Batch(CHANNEL, None, stored[-1].stream_offset, stored))
    warehouse.fold()
    found = warehouse.contexts([Scope(ME, HERE), Scope(ME, namesake)], CHANNEL)
    warehouse.close()
    return {each.scope.project: each.blob for each in found}


def test_a_history_of_many_thousand_rows_is_a_short_context(crowded: dict[str, dict[str, Any]]) -> None:
    blob = crowded[HERE]
    assert len(orjson.dumps(blob)) < 64 * 1024
    assert len(shown(blob)) <= 2000
    assert len(orjson.dumps(answered(blob))) <= 2048
    assert len(blob["conclusions"]) == 15
    assert len(blob["attempts"]) <= 60


def test_of_two_projects_with_one_name_each_is_shown_its_own(crowded: dict[str, dict[str, Any]]) -> None:
    other = injection_text(crowded["/srv/old/repo"], project="/srv/old/repo", now_us=NOW, limit=2000)
    assert other.splitlines()[1:] == ['- <1 min ago concluded "Only here."']
    assert "Only here." not in shown(crowded[HERE])
