"""Two processes of Claude Code in one session: each end belongs to the start that the same process reported."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from activity_mcp.activity import derived_id
from activity_mcp.claude_code.hooks.start_hook import hook_command
from activity_mcp.claude_code.session_state import SessionState
from claude_code.hooked import Hooked, payload

_CLAUDE = """
import json, subprocess, sys
for line in sys.stdin:
    command, given = json.loads(line)
    print(subprocess.run(command, input=given.encode(), stdout=subprocess.DEVNULL).returncode, flush=True)
"""


class Claude:
    """A process that runs hooks as its children, as Claude Code does; ``through_shell`` as it does a plugin's."""

    def __init__(self, hooked: Hooked, number: int, *, through_shell: bool = False) -> None:
        environ = hooked.environ | {"CLAUDE_ENV_FILE": f"/home/ada/.claude/session-env/s1/sessionstart-hook-{number}.sh"}
        self._command = ["sh", "-c", '"$@"; exit $?', "sh", *hook_command()] if through_shell else hook_command()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CLAUDE], env=environ, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate()

    def fire(self, event: str, **members: Any) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([self._command, json.dumps(payload(event, **members))]), file=self._process.stdin, flush=True)
        assert self._process.stdout.readline() == "0\n"


class House:
    def __init__(self, home: Path, through_shell: bool) -> None:
        self.hooked = Hooked(home)
        self._through_shell = through_shell
        self._numbers = iter(range(9))
        self.open = ExitStack()

    def resumed(self) -> Claude:
        """A process that has gone on with the session."""
        claude = self.open.enter_context(Claude(self.hooked, next(self._numbers), through_shell=self._through_shell))
        claude.fire("SessionStart", source="resume", context_tokens=next(self._numbers))
        return claude

    def named(self, event_type: str) -> list[str]:
        found = [line for line in self.hooked.lines() if line["feature_json"].get("event_type") == event_type]
        return [str(line["activity_id"]) for line in found]


@pytest.fixture(params=[False, True], ids=["itself", "through a shell"])
def house(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[House]:
    made = House(tmp_path / "home", request.param)
    with made.open:
        yield made


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc here: which process it is cannot be seen")
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_processes_that_resume_one_session_end_it_once_each(house: House, order: tuple[int, int]) -> None:
    both = [house.resumed(), house.resumed()]
    starts = house.named("start")
    for number in order:
        both[number].fire("SessionEnd", reason="other")
    assert house.named("end") == [derived_id("session_event", "end", f"s1\0{starts[number]}") for number in order]


def test_an_end_that_two_registrations_report_is_one(house: House) -> None:
    claude = house.resumed()
    for _ in range(2):
        claude.fire("SessionEnd", reason="other")
    assert len(house.named("end")) == 2
    assert len(set(house.named("end"))) == 1


def test_an_end_of_a_process_that_reported_no_start_belongs_to_the_last_one(house: House) -> None:
    house.resumed()
    (start,) = house.named("start")
    house.hooked.fire(payload("SessionEnd", reason="other"))
    assert house.named("end") == [derived_id("session_event", "end", f"s1\0{start}")]


def test_what_is_noted_for_a_process_is_forgotten_with_the_rest(tmp_path: Path) -> None:
    state = SessionState(str(tmp_path))
    state.note_start("s1", "the-start", "4711 12")
    assert (state.start_of("s1", "4711 12"), state.start_of("s1", "1 1"), state.start_of("s1")) == ("the-start",) * 3
    state.prune(1 << 62)
    assert state.start_of("s1", "4711 12") is None


def test_a_turn_that_a_background_task_began_is_recorded_though_it_says_what_the_one_before_said(tmp_path: Path) -> None:
    """As 2.1.197 reports it on leaving, when it stops the task: the notification has the prompt id of /exit."""
    hooked = Hooked(tmp_path / "home")
    hooked.fire(payload("Stop", prompt_id="p1", last_assistant_message="It runs."))
    hooked.fire(payload("UserPromptSubmit", prompt_id="the-exit", prompt="<task-notification>\nstopped\n</task-notification>"))
    for _ in range(2):  # reported twice, as by a plugin and the settings: one name, one fact
        hooked.fire(payload("Stop", prompt_id="the-exit", last_assistant_message="It runs."))
    turns = [line for line in hooked.lines() if line["feature_json"].get("event_type") == "turn_end"]
    assert [turn["feature_json"]["prompt_id"] for turn in turns] == ["p1", "the-exit", "the-exit"]
    assert len({turn["activity_id"] for turn in turns}) == 2
