"""``doctor``: what is wrong is found, answer with a hint, and answer by the exit code; what breaks a check breaks no other."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.__main__ import run
from activity_mcp.config import read_config
from activity_mcp.health.check import Check
from activity_mcp.operations import doctor
from activity_mcp.operations.checks import state as state_checks
from activity_mcp.operations.checks.subject import Subject


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(("ACTIVITY_", "CLAUDE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("ACTIVITY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ACTIVITY_CUSTOMER", "ada@example.com")
    return tmp_path / "state"


@pytest.fixture
def examined(home: Path, capfd: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, dict[str, dict[str, Any]]]]:
    def examined() -> tuple[int, dict[str, dict[str, Any]]]:
        capfd.readouterr()
        code = run(["doctor", "--json"])
        document = json.loads(capfd.readouterr().out)
        assert document["ok"] == (code == 0)
        assert {check["status"] for check in document["checks"]} <= {"ok", "warn", "fail"}
        return code, {check["name"]: check for check in document["checks"]}

    return examined


Examined = Callable[[], tuple[int, dict[str, dict[str, Any]]]]


def queue_of(home: Path) -> Path:
    return Path(read_config({"ACTIVITY_HOME": str(home)}).queue_dir)


def test_a_fresh_state_directory_has_nothing_to_complain_of(examined: Examined) -> None:
    code, checks = examined()
    assert code == 0
    own = ("configuration", "disk", "permissions", "recording", "leader", "queue", "quarantined", "rejected", "warehouse")
    assert {name: checks[name]["status"] for name in own} == dict.fromkeys(own, "ok")


def test_a_bad_variable_is_named_and_fails(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_QUEUE_SIZE", "much")
    code, checks = examined()
    assert code == 5
    assert checks["configuration"]["status"] == "fail"
    assert "MAX_QUEUE_SIZE" in checks["configuration"]["found"]


@pytest.mark.parametrize(("mode", "status", "code"), [(0o755, "warn", 0), (0o777, "fail", 5), (0o720, "fail", 5)])
def test_a_state_directory_open_to_others_is_found(examined: Examined, home: Path, mode: int, status: str, code: int) -> None:
    examined()
    home.chmod(mode)
    found = examined()
    assert (found[0], found[1]["permissions"]["status"]) == (code, status)
    assert found[1]["permissions"]["hint"] == f"chmod go-rwx {home}"


def test_what_status_calls_a_problem_is_what_doctor_calls_not_ok(
    examined: Examined, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run(["log", "tool_event", "--feature", "tool_name=x", "--feature", "success=true"])
    (queue_of(home) / "dead").mkdir()
    (queue_of(home) / "dead" / "000000000001-000000000000-000000000007-00000000.ndjson").write_text("{}\n")
    capfd.readouterr()
    run(["status", "--json"])
    problems = json.loads(capfd.readouterr().out)["problems"]
    answer = {
        name: check for name, check in examined()[1].items() if check["status"] != "ok" and name in ("leader", "quarantined")
    }
    assert sorted(answer) == ["leader", "quarantined"]
    assert problems == [Check(**check).describe() for check in answer.values()]


def test_a_leader_that_hangs_fails(examined: Examined, home: Path) -> None:
    examined()
    lock = os.open(queue_of(home) / "leader.lock", os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        answer = {"version": 1, "pid": os.getpid(), "since": "2026-01-01T00:00:00Z", "last_progress": "2026-01-01T00:00:00Z"}
        (queue_of(home) / "leader.json").write_text(json.dumps(answer))
        code, checks = examined()
    finally:
        os.close(lock)
    assert (code, checks["leader"]["status"]) == (5, "fail")
    assert str(os.getpid()) in checks["leader"]["found"]


def test_a_check_that_dies_is_a_failed_check_and_the_others_run(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(subject: Subject) -> Iterator[Check]:
        yield Check("first", "ok", "seen")
        raise RuntimeError("of what it found")

    monkeypatch.setattr(state_checks, "checks", dies)
    code, checks = examined()
    assert code == 5
    assert checks["state"]["found"] == "could not be checked: RuntimeError: of what it found"
    assert checks["first"]["status"] == checks["disk"]["status"] == "ok"


def test_a_queue_of_a_newer_version_is_a_finding_not_an_error(examined: Examined, home: Path) -> None:
    examined()
    path = queue_of(home) / "queue.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"version": 99}))
    code, checks = examined()
    assert code == 5
    assert any("newer" in check["found"] and "upgrade" in check["hint"] for check in checks.values())


def test_the_table_says_what_the_json_says(
    home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIVITY_RECORD", "off")
    assert run(["doctor"]) == 0
    table = capfd.readouterr().out
    assert "warn  recording" in table
    assert "ok    queue" in table


def test_every_part_has_its_module() -> None:
    modules: dict[str, Any] = {part: import_module(f"activity_mcp.operations.checks.{part}") for part in doctor.PARTS}
    assert all(callable(module.checks) for module in modules.values())
