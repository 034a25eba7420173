"""What was attempted: which failures stand, what was refused, and what says how one works in a project."""

from __future__ import annotations

from typing import Any

import pytest

from activity_mcp.clock import iso
from activity_mcp.context import render_context
from activity_mcp.context.attempt import key_of
from activity_mcp.context.attempts import Attempts, Merged
from activity_mcp.context.facts import Fact
from activity_mcp.context.tried import Tried
from context.samples import DAY, HERE, HOUR, MINUTE, NOW, event


def call(command: str, ago: int, *, tool: str = "Bash", session: str = "s-1", **features: Any) -> dict[str, Any]:
    parameters = {"command" if tool == "Bash" else "file_path": command}
    made = {"tool_name": tool, "parameters": parameters, "success": "error" not in features, "latency_ms": 5} | features
    return event("tool_event", made, at=NOW - ago, activity_id=f"{command} {ago}", session_id=session)


def failed(command: str, ago: int, error: str = "boom", **more: Any) -> dict[str, Any]:
    return call(command, ago, error=error, **more)


def attempts(*events: dict[str, Any], touched: dict[str, str] | None = None) -> Attempts:
    return Attempts(Merged([]).with_calls([tried for each in events if (tried := Fact(each).tried)]), touched)


def standing(*events: dict[str, Any]) -> list[str]:
    return [attempt.name for attempt, is_overcome in attempts(*events).failed() if not is_overcome]


@pytest.mark.parametrize(
    "later",
    [
        call("make test", HOUR),
        call("make test", HOUR, session="another"),
        call("cd /repo && make test", HOUR),
        call("CI=1 make   test 2>&1", HOUR),
    ],
)
def test_a_failure_is_overcome_when_the_same_command_succeeds_later_in_any_session(later: dict[str, Any]) -> None:
    assert standing(failed("make test", 2 * HOUR)) == ["make test"]
    assert standing(failed("make test", 2 * HOUR), later) == []


@pytest.mark.parametrize(
    "other",
    [
        call("make test", 3 * HOUR),
        call("make tests", HOUR),
        call("make test | tail", HOUR),
        call("make test", HOUR, success=None),
        call("make test", HOUR, denied="user", success=False),
        call("make test", HOUR, interrupted=True),
        call("make test", HOUR, tool="Edit"),
    ],
)
def test_a_failure_stands_whatever_else_happens(other: dict[str, Any]) -> None:
    assert standing(failed("make test", 2 * HOUR), other) == ["make test"]


@pytest.mark.parametrize(
    ("test", "run", "is_included"),
    [
        ("pytest tests/test_a.py::test_b", "pytest", True),
        ("pytest tests/test_a.py::test_b", "pytest -q tests", True),
        ("pytest -x tests/test_a.py::test_b", "pytest tests/test_a.py -v", True),
        ("pytest tests/test_a.py::test_b", "pytest tests/test_ab.py", False),
        ("pytest tests/test_a.py", "pytest tests/test_a.py::test_b", False),
        ("pytest", "pytest tests", False),
        ("pytest tests/test_a.py", "pytest -k other", False),
        ("pytest tests/test_a.py", "pytest tests | tail", False),
        ("cargo test one", "cargo test", True),
        ("go test ./a/b", "cargo test", False),
        ("go test -run TestA ./a/b", "go test ./...", True),
        ("go test ./a/b", "go test ./a/...", True),
        ("go test ./b", "go test ./a/...", False),
        ("pytest -k name", "pytest", True),
        ("pytest tests/test_a.py -k name", "pytest tests/test_b.py", False),
        ("pytest -k name", "pytest -k name -x", False),
        ("pytest -m slow", "pytest", False),
        ("pytest tests/test_a.py", "pytest --ignore=tests/test_a.py", False),
        ("pytest tests/test_a.py", "pytest -m 'not slow'", False),
        ("go test -race -count 20 -run TestA ./a", "go test ./...", False),
        ("go test -race -run TestA ./a", "go test -race ./...", True),
        ("cargo test -p core sync::retries", "cargo test --workspace", True),
        ("cargo test -p core", "cargo test -p cli", False),
        ("./gradlew test --tests OrderTest", "./gradlew build", True),
        ("./gradlew test --tests OrderTest", "./gradlew assemble", False),
        ("mvn test -Dtest=OrderTest", "./mvnw verify", True),
        ("dbt run --select orders", "dbt build", True),
        ("dbt run --select orders", "dbt build --select customers", False),
        ("dbt build", "dbt run", False),
        ("ruff check src/a.py", "ruff check .", True),
        ("terraform plan -target=module.x", "terraform plan", True),
        ("terraform plan -var-file=staging.tfvars", "terraform plan", False),
    ],
)
def test_a_run_is_overcome_by_one_that_includes_it(test: str, run: str, is_included: bool) -> None:
    assert standing(failed(test, 2 * HOUR), call(run, HOUR)) == ([] if is_included else [test])


@pytest.mark.parametrize("test", ["pytest -k name", "go test ./a/b", "npx jest src/a.test.ts", "python -m pytest", "tox"])
def test_a_test_is_overcome_by_what_runs_all_tests_of_a_project(test: str) -> None:
    assert standing(failed(test, 2 * HOUR), call("make test", HOUR)) == []
    assert standing(failed(test, 2 * HOUR), call("make test", 3 * HOUR)) == [test]
    assert standing(failed(test, 2 * HOUR), call("make build", HOUR)) == [test]
    assert standing(failed(test, 2 * HOUR), call("make test TESTS=other", HOUR)) == [test]


@pytest.mark.parametrize(
    "test", ["pytest -m slow", "npx playwright test", "./smoke.sh", "go test -race ./...", "pytest | tail"]
)
def test_what_runs_all_tests_says_nothing_of_a_run_that_asks_for_more(test: str) -> None:
    assert standing(failed(test, 2 * HOUR), call("make test", HOUR)) == [test]


def test_an_edit_is_overcome_by_a_write_of_the_file_and_a_read_by_any_touch_of_it() -> None:
    edit, read = failed("/f", 2 * HOUR, tool="Edit"), failed("/f", 2 * HOUR, tool="Read")
    assert standing(edit, call("/f", HOUR, tool="Write")) == []
    assert standing(edit, call("/f", HOUR, tool="Read")) == ["Edit /f"]
    touched = attempts(read, touched={"/f": iso(NOW - HOUR)})
    assert [is_overcome for _, is_overcome in touched.failed()] == [True]


@pytest.mark.parametrize(("error", "counts"), [("Exit code 1", False), ("Exit code 2 grep: no such file", True)])
def test_a_search_that_found_nothing_is_no_failure(error: str, counts: bool) -> None:
    assert bool(standing(failed("grep -rn word src", HOUR, error))) == counts


@pytest.mark.parametrize(
    ("command", "error", "counts"),
    [
        ("git add x && git commit -m 'x'", "Exit code 1\nOn branch main\nnothing to commit, working tree clean", False),
        ("git commit -am x", "Exit code 1\nnothing added to commit but untracked files present", False),
        ("git commit -am x", "Exit code 1\nblack....Failed", True),
        ("./check.sh", "nothing to commit", True),
    ],
)
def test_a_commit_of_nothing_is_no_failure(command: str, error: str, counts: bool) -> None:
    assert bool(standing(failed(command, HOUR, error))) == counts


def test_what_was_refused_is_apart_until_it_is_allowed() -> None:
    refused = call("git push", 2 * HOUR, denied="user", success=False)
    assert [(each.name, each.denied) for each in attempts(refused).denied()] == [("git push", 1)]
    assert standing(refused) == []
    assert attempts(refused, call("git push", HOUR)).denied() == []


def test_a_habit_succeeded_often_and_over_time_and_says_something_of_the_project() -> None:
    def habits(command: str, *ages: int) -> list[tuple[str, int]]:
        return [(each.name, each.ok) for each in attempts(*[call(command, age) for age in ages]).habits()]

    assert habits("make test", HOUR, 2 * HOUR, DAY) == [("make test", 3)]
    assert habits("make test", HOUR, DAY) == []
    assert habits("make test", 11 * MINUTE, 12 * MINUTE, 13 * MINUTE) == []
    assert habits("ls -la", HOUR, 2 * HOUR, DAY) == []
    failing = [failed("make test", age * MINUTE) for age in range(1, 5)]
    assert attempts(*failing, *[call("make test", age) for age in (HOUR, 2 * HOUR, DAY)]).habits() == []


def test_a_start_in_the_background_is_no_success_and_stays_open_while_its_session_does() -> None:
    dev = call("npm run dev", HOUR)
    dev["feature_json"]["parameters"]["run_in_background"] = True
    known = attempts(dev)
    assert [each.name for each in known.in_background("s-1")] == ["npm run dev"]
    assert (known.in_background("s-2"), known.habits()) == ([], [])
    context = render_context({}, [dev], now_us=NOW, max_bytes=10**5, project=HERE).context
    assert context["recent_sessions"][0]["background"] == ["npm run dev"]
    ended = event("session_event", {"event_type": "end"}, at=NOW)
    context = render_context({}, [dev, ended], now_us=NOW, max_bytes=10**5, project=HERE).context
    assert "background" not in context["recent_sessions"][0]


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (("Bash", "make  test"), ("Bash", "make test"), True),
        (("Edit", "/f"), ("Write", "/f"), True),
        (("Read", "/f"), ("Edit", "/f"), False),
        (("Bash", "make test | tee log"), ("Bash", "make test"), False),
        (("Bash", "A=1"), ("Bash", ""), True),
        (("Bash", "./bin/seed"), ("Bash", "bin/seed"), True),
        (("Bash", "bash ./bin/seed --all"), ("Bash", "bin/seed --all"), True),
        (("Bash", "npm run test"), ("Bash", "npm test"), True),
        (("Bash", "npm run tests"), ("Bash", "npm tests"), False),
        (("Bash", "yarn run build"), ("Bash", "yarn build"), True),
        (("Bash", "uv run python3 -m pytest -q"), ("Bash", ".venv/bin/pytest -q"), True),
        (("Bash", "timeout 60 npx tsc"), ("Bash", "node_modules/.bin/tsc"), True),
        (("Bash", "cd web && CI=1 pnpm run lint 2>&1"), ("Bash", "pnpm lint"), True),
        (("Bash", "bash -c 'make'"), ("Bash", "make"), False),
        (("Bash", "sudo make install"), ("Bash", "make install"), False),
        (("Bash", "timeout 60"), ("Bash", "time"), False),
        (("Bash", "npx"), ("Bash", ""), False),
    ],
)
def test_attempts_that_mean_the_same_have_one_key(one: tuple[str, str], other: tuple[str, str], is_same: bool) -> None:
    assert (key_of(*one) == key_of(*other)) == is_same


def test_equal_failures_are_one_entry_with_how_often_and_an_overcome_one_comes_last() -> None:
    events = [
        *[failed("make ship", age * HOUR, f"attempt {age}") for age in (5, 4, 3)],
        failed("make docs", HOUR),
        call("make docs", MINUTE),
    ]
    shown = render_context({}, events, now_us=NOW, max_bytes=10**5, project=HERE).context
    assert [(each["error"], each.get("times"), each.get("overcome")) for each in shown["recent_errors"]] == [
        ("attempt 3", 3, None),
        ("boom", None, True),
    ]
    assert shown["recent_sessions"][0]["failed_commands"] == ["make ship"]
    small = render_context({}, events, now_us=NOW, max_bytes=450, project=HERE).context
    assert small["recent_errors"] == [{"age": "3 h", "command": "make ship", "error": "attempt 3", "times": 3}]


def test_calls_merged_one_by_one_are_what_they_are_merged_at_once_and_nothing_given_out_changes() -> None:
    def ran(command: str, at: str, outcome: str) -> Tried:
        return Tried(f"Bash {command}", outcome, f"2026-11-{at}T10:00:00.000000Z", "s", took="5", error="no")

    calls = [ran("make", "01", "failed"), ran("make", "02", "ok"), ran("ls", "03", "ok"), ran("make", "04", "failed")]
    growing, seen = Merged([]), []
    for count in range(len(calls) + 1):
        given = growing.with_calls(calls[:count])
        seen.append((given, {key: (each.ok, each.failed, each.failed_at) for key, each in given.items()}))
    replaced = [calls[0], ran("make", "02", "denied"), *calls[2:]]
    assert growing.with_calls(replaced)[key_of("Bash", "make")].ok == 0
    for count, (given, shown) in enumerate(seen):
        whole = Merged([]).with_calls(calls[:count])
        for found in (given, whole):
            assert {key: (each.ok, each.failed, each.failed_at) for key, each in found.items()} == shown
