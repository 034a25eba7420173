"""A session that goes on: one start is recorded once, however often it is reported, and two are two, however close."""

from __future__ import annotations

import itertools
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.activity import derived_id
from activity_mcp.claude_code.hooks import hook
from claude_code.hooked import Hooked, payload
from fakes import FakeClock

NOW_US = 1_796_000_000_000_000
SECOND_US = 1_000_000
PLUGIN, SETTINGS = "sessionstart-hook-0.sh", "sessionstart-hook-1.sh"


class Resumed:
    """Hooks of sessions that are resumed, each a process of its own unless it says otherwise."""

    def __init__(self, home: Path) -> None:
        self.hooked = Hooked(home)
        self._processes = itertools.count(100)

    def report(
        self, at_s: float, registration: str | None, process: int | None = None, began: str = "s1", **members: Any
    ) -> None:
        """``began`` is the session that Claude Code's process began with."""
        file = f"/home/ada/.claude/session-env/{began}/{registration}"
        environ = {} if registration is None else {"CLAUDE_ENV_FILE": file}
        hook.run(
            json.dumps(payload("SessionStart") | {"source": "resume"} | members).encode(),
            self.hooked.environ | environ,
            clock=FakeClock(NOW_US + round(at_s * SECOND_US)),
            process=process or next(self._processes),
        )

    def end(self, at_s: float, **members: Any) -> None:
        given = json.dumps(payload("SessionEnd", reason="other") | members).encode()
        hook.run(given, self.hooked.environ, clock=FakeClock(NOW_US + round(at_s * SECOND_US)))

    def starts(self) -> list[str]:
        """The names under which the reports were recorded, in order."""
        return [str(line["activity_id"]) for line in self.hooked.lines()]

    def count(self) -> int:
        return len(set(self.starts()))


@pytest.fixture
def resumed(tmp_path: Path) -> Resumed:
    return Resumed(tmp_path / "home")


@pytest.mark.parametrize("source", ["resume", "compact"])
@pytest.mark.parametrize("apart_s", [0, 0.001, 0.5, 1.9, 3, 59])
def test_two_starts_are_two_with_equal_payloads_and_however_close(resumed: Resumed, source: str, apart_s: float) -> None:
    for start_s in (0.0, apart_s):
        resumed.report(start_s, SETTINGS, source=source)
    assert resumed.count() == 2


@pytest.mark.parametrize("apart_s", [0, 0.001, 0.5, 1.9, 3, 10])
def test_a_start_that_plugin_and_settings_report_is_one_however_late_the_second_hook_runs(
    resumed: Resumed, apart_s: float
) -> None:
    resumed.report(0, PLUGIN)
    resumed.report(apart_s, SETTINGS)
    assert resumed.count() == 1


@pytest.mark.parametrize("order", sorted(set(itertools.permutations([PLUGIN, PLUGIN, SETTINGS, SETTINGS]))))
def test_two_starts_that_plugin_and_settings_report_are_two_in_any_order(resumed: Resumed, order: tuple[str, ...]) -> None:
    for at_s, registration in enumerate(order):
        resumed.report(at_s, registration)
    starts = resumed.starts()
    assert {starts.count(start) for start in starts} == {2}
    assert resumed.count() == 2


def test_a_hook_that_the_leader_answered_too_late_reports_its_start_once(resumed: Resumed) -> None:
    for at_s in (0, 0.3):
        resumed.report(at_s, SETTINGS, process=7)
    resumed.report(0.4, PLUGIN)
    assert resumed.count() == 1


def test_hooks_whose_registration_has_no_name_report_one_start_only_if_they_begin_together(resumed: Resumed) -> None:
    for at_s in (0, 0.2, 4, 4.3):
        resumed.report(at_s, None)
    assert resumed.count() == 2


def test_a_process_that_begins_with_another_session_reports_one_start_from_each_registration(resumed: Resumed) -> None:
    for began in ("new1", "new2"):
        for registration in (PLUGIN, SETTINGS):
            resumed.report(0, registration, began=began)
    assert resumed.count() == 2


def test_a_fork_that_is_reported_as_its_parent_resumed_has_the_name_that_an_import_gives_its_beginning(
    resumed: Resumed,
) -> None:
    resumed.report(0, SETTINGS, began="the-fork")
    resumed.end(3, session_id="the-fork")
    start, end = resumed.hooked.lines()
    assert start["activity_id"] == derived_id("session_event", "start", "the-fork\0")
    assert end["activity_id"] == derived_id("session_event", "end", f"the-fork\0{start['activity_id']}")
    assert start["feature_json"]["session_id"] == "s1"


def test_each_session_that_one_process_resumes_has_a_start_of_its_own(resumed: Resumed) -> None:
    """As a person does who looks for the right one with /resume."""
    resumed.report(0, SETTINGS, began="new", session_id="new", source="startup")
    for at_s, session in enumerate(("s1", "s2", "s1")):
        resumed.report(at_s, SETTINGS, began="new", session_id=session)
    for at_s, session in enumerate(("s1", "s2", "s1")):
        resumed.report(at_s, SETTINGS, began="of-the-picker", session_id=session)
    assert resumed.count() == 7


def test_starts_with_different_payloads_are_never_one(resumed: Resumed) -> None:
    for tokens, registration in ((12, PLUGIN), (40, SETTINGS)):
        resumed.report(0, registration, context_tokens=tokens)
    assert resumed.count() == 2


def test_a_start_that_one_registration_did_not_report_spoils_the_next_ones_for_no_longer_than_hooks_may_take(
    resumed: Resumed,
) -> None:
    resumed.report(0, PLUGIN)
    for at_s in (60, 120):
        resumed.report(at_s, PLUGIN)
        resumed.report(at_s + 1, SETTINGS)
    assert resumed.count() == 3


def test_reports_at_the_same_moment_from_many_processes_are_as_many_starts_as_one_registration_reports(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight resumes, each by three registrations, all at once: the order of the lines in the file decides, for all alike."""
    monkeypatch.setattr(hook, "LOCK_TIMEOUT_S", 60)  # threads share one interpreter: their turns take longer than processes'
    at_once = threading.Barrier(24)

    def report(registration: str, process: int) -> None:
        at_once.wait()
        resumed.report(0, registration, process)

    threads = [threading.Thread(target=report, args=(f"hook-{n % 3}.sh", 1000 + n)) for n in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(resumed.starts()), resumed.count()) == (24, 8)


def test_a_folder_that_takes_no_file_leaves_a_start_named_by_its_minute(resumed: Resumed) -> None:
    resumed.report(0, PLUGIN, source="startup")
    (queue,) = (resumed.hooked.home / "queue").glob("*")
    (queue / "starts").write_text("no folder")
    resumed.report(30, PLUGIN)
    resumed.report(30, SETTINGS)
    resumed.report(100, PLUGIN)
    assert resumed.count() == 3
    assert resumed.hooked.dropped() == {}
