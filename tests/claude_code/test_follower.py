"""What no hook says is in the warehouse within a turn of the leader, once, without an import, and without a hook waiting for it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from activity_mcp.claude_code.hooks import hook
from activity_mcp.claude_code.transcripts import follower
from activity_mcp.config import read_config
from activity_mcp.operations.drain import Drainer
from activity_mcp.operations.erase import Forgetter
from activity_mcp.operations.import_transcripts import TranscriptImport
from activity_mcp.operations.own_files import own_files
from activity_mcp.operations.selection import Selection
from activity_mcp.service import ActivityService
from claude_code.conftest import START_US, Script
from claude_code.hooked import Hooked, payload
from deployed import put_warehouse
from fakes import FakeClock
from lengths import some
from patience import PATIENCE_S

COUNTS = "SELECT event_name, COUNT(*) FROM V_CURRENT_STREAM WHERE source = 'import' GROUP BY ALL ORDER BY ALL"


class Session:
    """A session whose hooks record, and servers that lead in turn."""

    def __init__(self, tmp_path: Path) -> None:
        self.hooked = Hooked(tmp_path / "home")
        put_warehouse(self.hooked.home)
        self.script = Script(tmp_path / "s1.jsonl", cwd=str(tmp_path))
        self.clock = FakeClock(START_US + 3_600_000_000)

    def fire(self, event: str, **members: Any) -> None:
        given = payload(event, transcript_path=str(self.script.path), cwd=self.script.cwd, **members)
        hook.run(json.dumps(given).encode(), self.hooked.environ, clock=self.clock)

    @contextmanager
    def leader(self, **environ: str) -> Iterator[ActivityService]:
        errors: list[BaseException] = []
        service = ActivityService.from_environ({**self.hooked.environ, **environ}, clock=self.clock, on_error=errors.append)
        service.prepare_leader()
        try:
            yield service
        finally:
            assert service.leader is not None
            service.leader.stop(PATIENCE_S)
            service.close()
            assert errors == []

    def lead(self, service: ActivityService) -> None:
        self.clock.advance(5)
        assert service.leader is not None
        service.leader.turn()
        self.clock.advance(5)
        service.leader.turn()

    def turn(self, service: ActivityService) -> dict[str, int]:
        """Two turns of the leader, one that reads and one that ships; and what an import's rows are then, by event."""
        self.lead(service)
        return dict(service.query(COUNTS).rows)

    def requests(self) -> list[Path]:
        return sorted(self.hooked.home.glob("queue/*/transcripts/*"))


@pytest.fixture
def live(tmp_path: Path) -> Session:
    return Session(tmp_path)


def first_turn(script: Script) -> None:
    script.prompt("go", promptId="p1")
    script.calls("Bash", "t1", {"command": "rm -rf build"}, "m1", stop="tool_use")
    script.result("t1", "denied", is_error=True, line={"toolDenialKind": "user-rejected"})
    script.says("Done.", "m2", stop="end_turn")


def test_tokens_and_denials_are_there_after_the_turn_without_an_import(live: Session) -> None:
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        assert live.turn(service) == {"llm_event": 2, "session_event": 2, "tool_event": 1}
        denied = service.query("SELECT feature_json FROM V_CURRENT_STREAM WHERE event_name = 'tool_event'").rows
        assert json.loads(denied[0][0])["denied"] == "user"
    assert live.requests() == []


def test_what_was_read_live_is_sent_again_by_no_later_turn_leader_or_import(live: Session) -> None:
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        live.turn(service)
        live.script.prompt("and now?", promptId="p2")
        live.script.says("Done again.", "m3", stop="end_turn")
        live.fire("Stop", last_assistant_message="Done again.", prompt_id="p2")
        assert live.turn(service)["llm_event"] == 3
        appended = service.query("SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE event_name = 'llm_event'").rows
        assert appended == [[3]], "nothing is even appended twice"
    live.fire("SessionEnd", reason="other", prompt_id="p2")
    with live.leader() as other:
        assert live.turn(other)["llm_event"] == 3
        live.clock.advance(7200)
        report = TranscriptImport(other).run([str(live.script.path)])
        Drainer(other).drain(PATIENCE_S)
        assert (report.activities["llm_event"], report.activities["tool_event"]) == (0, 0)
        assert other.query("SELECT COUNT(*) FROM CLAUDE_STREAM_V2 WHERE event_name = 'llm_event'").rows == [[3]]


def test_a_response_that_may_still_grow_is_not_sent_yet(live: Session) -> None:
    live.script.prompt("go", promptId="p1")
    live.script.says("Half of it", "msg_01XFDUDYJgAACzvnptvVoYEL")  # no reason to stop: it is still being written
    live.fire("Stop", last_assistant_message="x")
    with live.leader() as service:
        assert "llm_event" not in live.turn(service)
        live.script.says(
            "and the rest.", "msg_01XFDUDYJgAACzvnptvVoYEL", {"input_tokens": 1, "output_tokens": 50}, stop="end_turn"
        )
        live.fire("Stop", last_assistant_message="y")
        live.turn(service)
        assert service.query("SELECT completion_tokens FROM VW_LLM_EVENTS").rows == [[50]]


def test_a_line_that_is_half_written_is_read_when_it_is_whole(live: Session) -> None:
    first_turn(live.script)
    whole = live.script.path.read_bytes()
    live.script.path.write_bytes(whole[:-20])
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        assert live.turn(service)["llm_event"] == 1
        live.script.path.write_bytes(whole)
        live.fire("SessionEnd", reason="other")
        assert live.turn(service)["llm_event"] == 2


def test_its_subagents_are_read_with_it(live: Session) -> None:
    first_turn(live.script)
    folder = live.script.path.with_suffix("") / "subagents"
    folder.mkdir(parents=True)
    agent = Script(folder / "agent-a1.jsonl", cwd=live.script.cwd)
    agent.says("Found.", "m9", isSidechain=True, agentId="a1", stop="end_turn")
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        assert live.turn(service)["llm_event"] == 3


def test_a_long_transcript_is_read_in_pieces(live: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower, "MAX_BYTES", 1000)
    for number in range(20):
        live.script.says("x" * 200, f"m{number}", stop="end_turn")
    live.fire("Stop", last_assistant_message="x")
    with live.leader() as service:
        first = live.turn(service)["llm_event"]
        for _ in range(8):
            live.lead(service)
        last = live.turn(service)["llm_event"]
    assert 0 < first < 10
    assert last == 20
    assert live.requests() == []


def test_a_queue_without_room_leaves_the_request_for_later(live: Session) -> None:
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        service.follower._has_room = lambda: False
        assert live.turn(service) == {}
        assert len(live.requests()) == 1
        service.follower._has_room = lambda: True
        assert live.turn(service)["llm_event"] == 2


def test_a_transcript_that_is_gone_or_was_begun_anew_harms_nothing(live: Session) -> None:
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        live.turn(service)
        live.script.path.unlink()
        live.fire("Stop", last_assistant_message="gone")
        live.turn(service)
        live.script.prompt("new", promptId="p9")
        live.script.says("New.", "m9", stop="end_turn")
        live.fire("Stop", last_assistant_message="New.")
        assert live.turn(service)["llm_event"] == 3
    assert live.requests() == []


@pytest.mark.long
@pytest.mark.parametrize("lines", some([40, 1], 1))
def test_a_transcript_that_was_rewritten_between_two_turns_is_read_from_its_start(live: Session, lines: int) -> None:
    """Shortened and grown again, whatever its size is then: what is new is recorded, and what was known once."""
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        live.turn(service)
        kept = live.script.path.read_bytes().splitlines(keepends=True)[2:]
        live.script.path.write_bytes(b"")
        for number in range(lines):
            live.script.prompt(f"new {number}", promptId=f"p9-{number}")
            live.script.says("New.", f"m9-{number}", stop="end_turn")
        live.script.raw(b"".join(kept))
        live.fire("Stop", last_assistant_message="New.")
        assert live.turn(service)["llm_event"] == 2 + lines
        live.fire("SessionEnd", reason="other")
        assert live.turn(service)["llm_event"] == 2 + lines


def test_what_was_forgotten_does_not_come_back_with_the_next_turn(live: Session) -> None:
    first_turn(live.script)
    live.fire("Stop", last_assistant_message="Done.")
    with live.leader() as service:
        live.turn(service)
    with_forgetting = ActivityService.from_environ(live.hooked.environ, source="cli", clock=live.clock)
    Forgetter(with_forgetting, Selection(session="s1")).run()
    with_forgetting.close()
    live.fire("SessionEnd", reason="other")
    with live.leader() as service:
        assert live.turn(service) == {}


@pytest.mark.parametrize("event", ["PostToolUse", "UserPromptSubmit", "SubagentStop"])
def test_only_the_end_of_a_turn_or_of_a_session_asks_for_it(live: Session, event: str) -> None:
    live.fire(event, tool_name="Bash", tool_input={}, prompt="hi", last_assistant_message="x")
    assert live.requests() == []


def test_a_request_that_cannot_be_left_costs_the_event_nothing(live: Session) -> None:
    live.fire("SessionStart", source="startup")
    (queue,) = live.hooked.home.glob("queue/*")
    (queue / "transcripts").write_text("in the way")
    live.fire("Stop", last_assistant_message="Done.")
    assert [line["feature_json"]["event_type"] for line in live.hooked.lines()] == ["start", "turn_end"]
    assert live.hooked.dropped() == {}


def test_what_hooks_leave_is_ours_to_purge_and_goes_in_time(live: Session) -> None:
    live.fire("SessionStart", source="startup")
    live.fire("Stop", last_assistant_message="Done.")
    config = read_config(live.hooked.environ)
    (queue,) = live.hooked.home.glob("queue/*")
    starts = list((queue / "sessions").iterdir())
    assert starts
    held = {file for place in own_files(config) for file in place.files}
    assert {*map(str, starts), *map(str, live.requests())} <= held
    for file in starts:
        os.utime(file, (START_US / 1e6 - 40 * 86_400,) * 2)
    with live.leader() as service:
        live.turn(service)
    assert list((queue / "sessions").iterdir()) == []


# --- prompts typed while Claude works


def prompts_of(service: ActivityService) -> list[list[Any]]:
    sql = "SELECT JSON_EXTRACT_STRING(feature_json, '$.excerpt'), COUNT(*) FROM V_CURRENT_STREAM"
    return service.query(f"{sql} WHERE feature_json LIKE '%\"user_prompt\"%' GROUP BY ALL ORDER BY ALL").rows


def queued_prompts(live: Session, *, fires_when_typed: bool) -> None:
    """One prompt begins a turn, one joins it, and two more wait, the last of them for a turn that has itself waited.

    Claude Code reports a prompt to its hooks when it is typed, with the id of the turn that runs then; 2.1.197 does so when its
    turn begins, with its own id, and not at all for the one that joins.
    """
    script = live.script

    def typed(text: str, running: str) -> None:
        script.line("queue-operation", operation="enqueue", content=text)
        if fires_when_typed:
            live.fire("UserPromptSubmit", prompt=text, prompt_id=running)

    def begins(text: str, own: str) -> None:
        script.line("queue-operation", operation="dequeue")
        script.prompt(text, promptId=own, promptSource="queued")
        if not fires_when_typed:
            live.fire("UserPromptSubmit", prompt=text, prompt_id=own)

    script.prompt("first", promptId="p1", promptSource="typed")
    live.fire("UserPromptSubmit", prompt="first", prompt_id="p1")
    script.calls("Bash", "toolu_01AAAAAAAAAAAAAAAAAAAAAA", {"command": "sleep 6"}, "msg_1")
    typed("joins", "p1")
    script.line("queue-operation", operation="remove", content="joins", reason="absorbed_mid_turn")
    script.result("toolu_01AAAAAAAAAAAAAAAAAAAAAA", "")
    script.line("attachment", attachment={"type": "queued_command", "prompt": "joins", "commandMode": "prompt"})
    typed("waits", "p1")
    script.says("Both are done.", "msg_2")
    begins("waits", "p2")
    typed("waits longer", "p2")
    script.says("It waited.", "msg_3")
    begins("waits longer", "p3")
    script.says("It waited longer.", "msg_4")


@pytest.mark.long
@pytest.mark.parametrize("fires_when_typed", [True, False])
@pytest.mark.parametrize("twice", some([True, False], 1))
def test_prompts_typed_while_claude_works_are_recorded_once_each(live: Session, fires_when_typed: bool, twice: bool) -> None:
    if twice:  # a plugin and the settings both have the hook
        fire = live.fire
        live.fire = lambda event, **members: (fire(event, **members), fire(event, **members))  # type: ignore[assignment]
    queued_prompts(live, fires_when_typed=fires_when_typed)
    live.fire("Stop", last_assistant_message="It waited longer.", prompt_id="p3")
    expected = [["first", 1], ["joins", 1], ["waits", 1], ["waits longer", 1]]
    with live.leader() as service:
        live.turn(service)
        assert prompts_of(service) == expected
    live.clock.advance(7200)
    with live.leader() as service:
        Path(service.queue.directory, "imports.json").unlink()  # the import reads all of it once more
        TranscriptImport(service).run([str(live.script.path)])
        Drainer(service).drain(PATIENCE_S)
        assert prompts_of(service) == expected
